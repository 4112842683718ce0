# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of a libvirt source tree: what dnsmasq is told for each, and the document as it is stored.

The host is a bare one: no links, no addresses, no other networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.dnsmasq.conf import DnsmasqPaths, conf_text
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.dnsmasq.hosts import (
    addnhosts_text,
    hosts_text,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Surroundings
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

STATE = "/var/lib/libvirt/dnsmasq"
HOST_ID = "reference"


def cases(source: Path) -> Iterator[Path]:
    """Every input that has an expectation of dnsmasq's configuration."""
    folder = source / "tests/networkxml2confdata"
    return (path for path in sorted(folder.glob("*.xml")) if path.with_suffix(".conf").exists())


def read(path: Path) -> Element:
    """Return a network document."""
    return parse(path.read_text(encoding="utf-8"), root="network")


def define(document: Element) -> Element:
    """Return the document as it is stored; raises CorralError."""
    return complete(document, Surroundings(), (), kept=None, host_id=HOST_ID)


def generate(path: Path) -> Dict[str, Any]:
    """One line of the output: the files of dnsmasq for an input, or the error that refuses it."""
    try:
        network = Network(define(read(path)))
        paths = DnsmasqPaths(f"{STATE}/{network.name}.hostsfile", f"{STATE}/{network.name}.addnhosts")
        conf = conf_text(network, paths)
    except CorralError as error:
        return {"case": path.stem, "error": str(error)}
    return {"case": path.stem, "conf": conf, "hosts": hosts_text(network), "addnhosts": addnhosts_text(network)}
