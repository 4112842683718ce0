# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the reference host of the expectations is configured, for all inputs and for those written for another host.

libvirt's own test program changes the daemon's configuration around some of its inputs; what it sets is a fact about
the host that no input tells. Source: tests/qemuxmlconftest.c of the tree.
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.actual import Actual, network_interfaces
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Defaults, Ends, HugePages
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.model.domain.interface import Interface
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, add, clone

DEFAULTS = Defaults(
    chardev_tls_directory="/etc/pki/libvirt-chardev",
    vnc_tls_directory="/etc/pki/libvirt-vnc",
    spice_tls_directory="/etc/pki/libvirt-spice",
    spice_tls=True,
    spice_password=True,
)
TLS_SECRET = "6fd3f62d-9fe7-4a4e-a869-7acd6376d8ea"
_VNC_TLS: Dict[str, Any] = {"vnc_sasl": True, "vnc_tls": True, "vnc_tls_verify": True}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "graphics-vnc-auto-socket-cfg": {"vnc_auto_socket": True},
    "graphics-vnc-sasl": {"vnc_sasl": True},
    "graphics-vnc-tls": _VNC_TLS,
    "graphics-vnc-tls-secret": {**_VNC_TLS, "vnc_tls_secret": TLS_SECRET},
    "graphics-spice-sasl": {"spice_sasl": True},
    "graphics-spice-auto-socket-cfg": {"spice_auto_socket": True},
    "serial-tcp-tlsx509-chardev": {"chardev_tls": True},
    "serial-tcp-tlsx509-chardev-verify": {"chardev_tls": True, "chardev_tls_verify": True},
    "serial-tcp-tlsx509-chardev-notls": {"chardev_tls": True},
    "serial-tcp-tlsx509-secret-chardev": {"chardev_tls": True, "chardev_tls_secret": TLS_SECRET},
}
NETWORKS: Mapping[str, str] = {"nat-network;": "192.168.122.1"}
RENDER_NODE = "/dev/dri/foo"
VSOCK_CID = 42
GENERATION = "00010203-0405-4607-8809-0a0b0c0d0e0f"
SCSI_GENERIC = "/dev/sg0"
NODES = frozenset(range(4))
NAME_LENGTH = len("-1-") + 20
HUGE_PAGES = (
    HugePages(2048, "/dev/hugepages2M/libvirt/qemu", default=True),
    HugePages(1048576, "/dev/hugepages1G/libvirt/qemu"),
)
TPM_SOCKET = "/dev/test"
DESCRIPTORS = ("usr/share/qemu/firmware", "etc/qemu/firmware")
INHERITED = 1729  # the one number that libvirt's tests give to every descriptor
VHOST = 44  # its kernel has vhost-net; the numbers are those of libvirt's tests
TAP, TAP_OF_NOBODY = 102, 3
# The one device that networks of host devices have; which kind a network is, stands behind the ';' of its name.
POOL = "plug-hostdev-pci"
POOL_DEVICE: Mapping[str, str] = {"domain": "0x0001", "bus": "0x02", "slot": "0x03", "function": "0x4"}


def actual(document: Element) -> Actual:
    """What the interfaces of networks are while their guest runs; all but those of a pool are taps on a bridge."""
    found: Dict[int, Element] = {}
    for number, interface in network_interfaces(document):
        kind = (interface.network or "").rpartition(";")[2]
        found[number] = _of_pool(interface.element) if kind == POOL else _on_bridge(interface.element)
    return found


def ends(domain: Domain) -> Mapping[str, Ends]:
    """The descriptors of the links that cards are connected to; a tap that nobody attaches is opened elsewhere."""
    return {
        card.id(): Ends(tap=TAP_OF_NOBODY if card.type == "ethernet" else TAP, vhost=VHOST)
        for card in domain.all(Interface)
    }


def _on_bridge(element: Element) -> Element:
    copy = clone(element)
    copy.set("type", "bridge")
    return copy


def _of_pool(element: Element) -> Element:
    copy = clone(element)
    copy.set("type", "hostdev")
    for source in copy.findall("source"):
        copy.remove(source)
    add(add(copy, "source"), "address", type="pci", **POOL_DEVICE)
    return copy


def defaults(case: str) -> Defaults:
    """The configuration that an input is written for."""
    return dataclasses.replace(DEFAULTS, **CHANGES.get(case, {}))


@cache
def firmware(source: Path) -> Tuple[Mapping[str, Any], ...]:
    """The firmware descriptors that the tree has for its host, as a privileged driver reads them."""
    root = source / "tests/qemufirmwaredata"
    found: Dict[str, Mapping[str, Any]] = {}
    for folder in DESCRIPTORS:
        for path in sorted((root / folder).glob("*.json")):
            text = path.read_text(encoding="utf-8")
            found[path.name] = json.loads(text) if text.strip() else None
    return tuple(
        found[name] or {} for name in sorted(found) if found[name] and "interface-types" in (found[name] or {})
    )


class Always(Mapping[Any, Any]):
    """One value for every key: the tree's stand-ins answer the same whatever they are asked."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, key: Any) -> Any:
        return self.value

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0
