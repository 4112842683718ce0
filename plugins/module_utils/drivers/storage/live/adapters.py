# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SCSI hosts of this machine: which one a pool's <adapter> is, and virtual Fibre Channel hosts made and removed.

Source of the rules: libvirt's virscsihost.c, virvhba.c; the kernel's classes scsi_host and fc_host.
"""

from __future__ import annotations

from typing import List, Optional

from ....errors import OperationFailed
from ....host.api import Host
from ....model.storage.source import Adapter
from ..types.scsi import FC_HOST, host_number, vport_value
from .scene import Scene

SCSI_HOSTS = "/sys/class/scsi_host"
FC_HOSTS = "/sys/class/fc_host"
VPORT_READY = 10.0


def adapter_number(scene: Scene) -> Optional[int]:
    """The number of the SCSI host that the document means, None where it is not there."""
    adapter = scene.pool.given().adapter
    if adapter is None:
        return None
    if adapter.type == FC_HOST:
        return _port(scene.host, adapter.wwnn, adapter.wwpn)
    if adapter.has_place():
        return _at_place(scene.host, adapter)
    number = host_number(adapter.name)
    return number if number in _numbers(scene.host, SCSI_HOSTS) else None


def _numbers(host: Host, directory: str) -> List[int]:
    found = (host_number(name) for name in host.entries(directory) if name.startswith("host"))
    return sorted(number for number in found if number is not None)


def _at_place(host: Host, adapter: Adapter) -> Optional[int]:
    """By its PCI device and its number there."""
    place = None if adapter.address is None else str(adapter.address.pci())
    for number in _numbers(host, SCSI_HOSTS):
        here = host.resolve(f"{SCSI_HOSTS}/host{number}").split("/")
        if place in here and _text(host, f"{SCSI_HOSTS}/host{number}/unique_id") == str(adapter.unique_id):
            return number
    return None


def _port(host: Host, node: Optional[str], port: Optional[str]) -> Optional[int]:
    wanted = (f"0x{(node or '').lower()}", f"0x{(port or '').lower()}")
    for number in _numbers(host, FC_HOSTS):
        if tuple(_text(host, f"{FC_HOSTS}/host{number}/{each}_name") for each in ("node", "port")) == wanted:
            return number
    return None


def _text(host: Host, path: str) -> str:
    return (host.read(path) or b"").decode("ascii", "replace").strip().lower()


# virtual ports


def make_port(scene: Scene) -> None:
    """Make the virtual host of a pool on its parent, where it is not there; raises OperationFailed without one."""
    adapter = scene.pool.given().adapter
    if adapter is None or adapter.type != FC_HOST or adapter_number(scene) is not None:
        return
    parent = _parent(scene.host, adapter)
    if parent is None:
        raise OperationFailed(
            f"No Fibre Channel host for pool {scene.name} is there.", hint="Name its parent in <adapter>."
        )
    scene.host.set_kernel(f"{FC_HOSTS}/host{parent}/vport_create", vport_value(adapter))
    if not scene.host.wait_for(lambda: adapter_number(scene) is not None, timeout=VPORT_READY):
        raise OperationFailed(f"The virtual Fibre Channel host of pool {scene.name} did not appear.")


def remove_port(scene: Scene) -> None:
    """Remove a virtual host that is ours; without managed='yes' it stays, as in libvirt."""
    adapter = scene.pool.given().adapter
    if adapter is None or adapter.type != FC_HOST or not adapter.managed or adapter_number(scene) is None:
        return
    parent = _parent(scene.host, adapter)
    if parent is not None:
        scene.host.set_kernel(f"{FC_HOSTS}/host{parent}/vport_delete", vport_value(adapter))


def _parent(host: Host, adapter: Adapter) -> Optional[int]:
    """By its name, by its port names, or by the fabric that it is in; else the first that can have such hosts."""
    if adapter.parent is not None:
        return host_number(adapter.parent)
    if adapter.parent_wwnn is not None:
        return _port(host, adapter.parent_wwnn, adapter.parent_wwpn)
    able = [each for each in _numbers(host, FC_HOSTS) if host.stat(f"{FC_HOSTS}/host{each}/vport_create") is not None]
    fabric = adapter.parent_fabric_wwn
    if fabric is not None:
        able = [each for each in able if _text(host, f"{FC_HOSTS}/host{each}/fabric_name") == f"0x{fabric.lower()}"]
    return next(iter(able), None)
