# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are a SCSI host of this machine, or a virtual Fibre Channel host on one; volumes are its disks.

Source of the rules: libvirt's storage_backend_scsi.c and storage_adapter_conf.c.
"""

from __future__ import annotations

import re
from typing import List, Optional

from ....errors import XmlError
from ....model.storage.pool import Pool
from ....model.storage.source import Adapter
from .base import ADAPTER, Found, PoolType
from .devices import Block

TARGET = "/dev/disk/by-path"
SCSI_HOST, FC_HOST = "scsi_host", "fc_host"
_PORT_NAMES = ("wwnn", "wwpn", "parent_wwnn", "parent_wwpn", "parent_fabric_wwn")


def host_number(name: Optional[str]) -> Optional[int]:
    """Return the number in scsi_host5 or host5, None for another name."""
    match = re.fullmatch(r"(?:scsi_)?host([0-9]{1,6})", name or "")
    return None if match is None else int(match.group(1))


def vport_value(adapter: Adapter) -> str:
    """Return what is written into vport_create and vport_delete of the parent, below /sys/class/fc_host."""
    return f"{adapter.wwpn}:{adapter.wwnn}"


def units_of(blocks: List[Block], host: int) -> List[Found]:
    """Return the disks of a SCSI host as volumes.

    Their paths are the kernel's; the pool's target may have names that stay. The key is what the disk says it is.
    """
    found = []
    for block in blocks:
        if block.place is not None and block.place[0] == host and block.type == "disk":
            _host, channel, target, unit = block.place
            key = block.wwn or block.serial or block.path
            found.append(Found(f"unit:{channel}:{target}:{unit}", block.path, key, "block", block.size, block.size))
    return sorted(found, key=lambda one: [int(part) for part in one.name.split(":")[1:]])


def _check(pool: Pool) -> None:
    adapter, line = pool.given().adapter, pool.line_at("source/adapter")
    if adapter is None:
        raise XmlError("the pool's <source> has no <adapter>; write one.", line=line)
    if adapter.type == FC_HOST:
        _check_ports(adapter)
    elif adapter.type == SCSI_HOST:
        _check_host(adapter)
    else:
        raise XmlError(
            f"<adapter type='{adapter.type or ''}'> is not one of {SCSI_HOST}, {FC_HOST}.", line=adapter.line
        )


def _check_ports(adapter: Adapter) -> None:
    if adapter.wwnn is None or adapter.wwpn is None:
        raise XmlError(f"<adapter type='{FC_HOST}'> needs both wwnn and wwpn.", line=adapter.line)
    if (adapter.parent_wwnn is None) != (adapter.parent_wwpn is None):
        raise XmlError("<adapter> has one of parent_wwnn and parent_wwpn, and needs both or none.", line=adapter.line)
    for name in _PORT_NAMES:
        value = adapter.element.get(name)
        if value is not None and re.fullmatch(r"[0-9A-Fa-f]{16}", value) is None:
            raise XmlError(f"<adapter {name}='{value[:40]}'> is not 16 hexadecimal digits.", line=adapter.line)
    if adapter.parent is not None and host_number(adapter.parent) is None:
        raise XmlError(f"<adapter parent='{adapter.parent[:40]}'> is no name such as scsi_host5.", line=adapter.line)


def _check_host(adapter: Adapter) -> None:
    if (adapter.name is None) == (not adapter.has_place()):
        raise XmlError(f"<adapter type='{SCSI_HOST}'> needs either a name or a <parentaddr>.", line=adapter.line)
    if adapter.name is not None and host_number(adapter.name) is None:
        raise XmlError(f"<adapter name='{adapter.name[:40]}'> is no name such as scsi_host5.", line=adapter.line)
    if adapter.has_place() and (adapter.address is None or adapter.unique_id is None):
        raise XmlError("<parentaddr> needs a unique_id and an <address>.", line=adapter.line)


SCSI = PoolType(
    "scsi",
    source=frozenset({ADAPTER}),
    default_target=TARGET,
    makes_volumes=False,
    programs=("lsblk",),
    check=_check,
)
