# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits on disks: the throttle groups of a domain as objects, and a disk's own limits as a monitor command.

A disk's <iotune> is set after the start, by block_set_io_throttle; throttle groups stand on the command line and disks
name them in <throttlefilters>. Names are those of QEMU's qapi/block-core.json, ThrottleLimits and BlockIOThrottle.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ....model.domain.core import Domain
from ....model.domain.disk import Disk, Iotune
from ..context import Context
from ..options import Option

# Limits of the document, and their names in a throttle group and in block_set_io_throttle.
LIMITS: Tuple[Tuple[str, str, str], ...] = (
    ("total_bytes_sec", "bps-total", "bps"),
    ("read_bytes_sec", "bps-read", "bps_rd"),
    ("write_bytes_sec", "bps-write", "bps_wr"),
    ("total_iops_sec", "iops-total", "iops"),
    ("read_iops_sec", "iops-read", "iops_rd"),
    ("write_iops_sec", "iops-write", "iops_wr"),
    ("total_bytes_sec_max", "bps-total-max", "bps_max"),
    ("read_bytes_sec_max", "bps-read-max", "bps_rd_max"),
    ("write_bytes_sec_max", "bps-write-max", "bps_wr_max"),
    ("total_iops_sec_max", "iops-total-max", "iops_max"),
    ("read_iops_sec_max", "iops-read-max", "iops_rd_max"),
    ("write_iops_sec_max", "iops-write-max", "iops_wr_max"),
    ("size_iops_sec", "iops-size", "iops_size"),
)
LENGTHS: Tuple[Tuple[str, str, str], ...] = tuple(
    (f"{name}_length", f"{group}-length", f"{command}_length")
    for name, group, command in LIMITS
    if name.endswith("_max")
)


def throttle_groups(domain: Domain) -> List[Iotune]:
    """The throttle groups of the domain; they have the same elements as an <iotune>."""
    return [Iotune(element) for element in domain.element.findall("throttlegroups/throttlegroup")]


def throttle_options(domain: Domain, context: Context) -> Iterator[Option]:
    """An object for each throttle group of the domain."""
    for group in throttle_groups(domain):
        found = group.limits()
        limits = {name: found.get(key, 0) for key, name, _property in LIMITS}
        limits.update({name: found[key] for key, name, _property in LENGTHS if key in found})
        yield Option("-object", {"qom-type": "throttle-group", "id": f"throttle-{group.group_name}", "limits": limits})


def throttle_command(disk: Disk) -> Mapping[str, Any]:
    """The arguments of block_set_io_throttle for a disk with an <iotune>; an empty mapping for one without."""
    tune = disk.iotune
    if tune is None or not tune.limits():
        return {}
    found = tune.limits()
    arguments: Dict[str, Any] = {"id": disk.id()}
    arguments.update({name: found.get(key, 0) for key, _name, name in LIMITS})
    arguments.update({name: found[key] for key, _name, name in LENGTHS if key in found})
    if tune.group_name:
        arguments["group"] = tune.group_name
    return arguments
