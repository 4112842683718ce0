# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are an iSCSI target which QEMU speaks to by itself: nothing is seen of it on the host.

The units of a target are listed by iscsi-ls of libiscsi; how large one is says ``qemu-img info``.

Source of the rules: libvirt's storage_backend_iscsi_direct.c; iscsi-ls(1).
"""

from __future__ import annotations

import re
from typing import List

from ....model.storage.pool import Pool
from .base import AUTH, DEVICE, HOST, INITIATOR, Argv, Found, PoolType, first_device
from .iscsi import portal


def _server(pool: Pool) -> str:
    return portal(pool).rpartition(",")[0]


def units_argv(pool: Pool) -> Argv:
    """Return the command that lists the server's targets with their units.

    A user and a password are given to it in LIBISCSI_CHAP_USERNAME and LIBISCSI_CHAP_PASSWORD, never in the address.
    """
    return ("iscsi-ls", "-i", pool.given().initiator or "", "-s", f"iscsi://{_server(pool)}")


def read_units(text: str, pool: Pool) -> List[int]:
    """Return the numbers of the pool's disks: the lines that begin with Lun below that of its target."""
    found, ours = [], False
    for line in text.splitlines():
        head = re.match(r"Target:(\S+)", line)
        if head is not None:
            ours = head.group(1) == first_device(pool)
        unit = re.match(r"Lun:\s*([0-9]{1,5})\s+Type:DIRECT_ACCESS\b", line)
        if unit is not None and ours:
            found.append(int(unit.group(1)))
    return found


def volume_of(pool: Pool, unit: int, size: int) -> Found:
    """Return a unit as a volume; its path is a name for people and libvirt's, and no file."""
    key = f"ip-{_server(pool)}-iscsi-{first_device(pool)}-lun-{unit}"
    return Found(f"unit:0:0:{unit}", key, key, "network", size, size)


def unit_url(pool: Pool, unit: int) -> str:
    """Return the address of a unit for QEMU, without credentials."""
    return f"iscsi://{_server(pool)}/{first_device(pool)}/{unit}"


ISCSI_DIRECT = PoolType(
    "iscsi-direct",
    source=frozenset({HOST, DEVICE, INITIATOR, AUTH}),
    hosts=(1, 1),
    devices=(1, 1),
    has_target=False,
    volume_type="network",
    makes_volumes=False,
    programs=("iscsi-ls", "qemu-img"),
)
