# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random number generators.

Source of the rules: libvirt's formatdomain, "Random number generator device".
"""

from __future__ import annotations

from typing import Any, Dict, Iterator

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.small import Rng, RngSource
from ....xml.views import check_choice
from ..command.address import pci_properties, virtio_driver, virtio_properties
from ..command.chardev import chardev_options
from ..context import Context
from ..kinds import VIRTIO, Kind
from ..options import Option, properties

MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")
BACKENDS = ("random", "egd", "builtin")
EGD_TYPES = ("tcp", "udp", "unix", "dev", "pipe")


def _check(rng: Rng, domain: Domain, context: Context) -> None:
    check_choice(rng, "model", rng.model, MODELS)
    holder = rng.element.find("backend")
    if holder is None:
        raise XmlError("<rng> has no <backend>; write <backend model='random'/>.", line=rng.line)
    source = RngSource(holder)
    check_choice(source, "model", rng.backend, BACKENDS)
    if rng.backend == "egd":
        check_choice(source, "type", source.type, EGD_TYPES)
    if rng.rate_period and not rng.rate_bytes:
        raise XmlError("<rate period='...'> needs bytes as well.", line=rng.line)


def _bus(rng: Rng, domain: Domain, context: Context) -> str:
    return VIRTIO


def _complete(rng: Rng, domain: Domain, context: Context) -> None:
    if rng.backend == "random" and rng.file is None:
        rng.file = "/dev/urandom"


def _write(rng: Rng, domain: Domain, context: Context) -> Iterator[Option]:
    backend: Dict[str, Any] = {"qom-type": f"rng-{rng.backend}", "id": f"obj{rng.id()}"}
    if rng.backend == "random":
        backend["filename"] = rng.file
    if rng.backend == "egd":
        holder = rng.element.find("backend")
        if holder is None:
            raise AssertionError("holder is not there")
        source = RngSource(holder)
        yield from chardev_options(source, domain, context, alias=rng.id())
        backend["chardev"] = f"char{rng.id()}"
    yield Option("-object", backend)
    own = {
        "driver": virtio_driver("virtio-rng", rng.model),
        "rng": f"obj{rng.id()}",
        "id": rng.id(),
        "max-bytes": rng.rate_bytes,
        "period": (rng.rate_period or 1000) if rng.rate_bytes else None,
    }
    yield Option("-device", properties(own, virtio_properties(rng), pci_properties(rng, domain)))


RNG = Kind(Rng, _write, complete=_complete, check=_check, bus=_bus)
