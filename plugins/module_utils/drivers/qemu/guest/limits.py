# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest may take of the host, as properties of its unit: <cputune>, <memtune>, <blkiotune>.

A unit is the guest with all that belongs to it, QEMU's own threads included: what a document gives each CPU is added
up. Source of the rules: libvirt's formatdomain, "CPU Tuning", "Memory Tuning", "Block I/O Tuning", and
systemd.resource-control(5).
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple, Type

from ....errors import OperationInvalid
from ....host.api import Host
from ....model.domain.core import Domain
from ....model.domain.memory import in_kib
from ....xml.parse import Element
from ....xml.views import NATURAL, TEXT, Children, Field, View, undeclared
from .figures import process_figures

Property = Tuple[str, str]

# The weights that a unit can have; a document may come from a host where more was possible.
WEIGHTS = (1, 10000)
PERIOD = 100000  # microseconds: what a quota is of, when the document does not say
# systemd takes no period beyond these, in microseconds.
PERIODS = (1000, 1000000)
# All that is ever set, so that what a guest had at its last start can be taken back.
SINGLE = ("CPUWeight", "CPUQuota", "CPUQuotaPeriodSec", "MemoryHigh", "MemoryMax", "MemorySwapMax", "IOWeight")
BY_DEVICE: Dict[str, str] = {
    "weight": "IODeviceWeight",
    "read_bytes_sec": "IOReadBandwidthMax",
    "write_bytes_sec": "IOWriteBandwidthMax",
    "read_iops_sec": "IOReadIOPSMax",
    "write_iops_sec": "IOWriteIOPSMax",
}


class Device(View):
    """A <device> of <blkiotune>."""

    path = Field("path", TEXT)
    weight = Field("weight", NATURAL)
    read_bytes_sec = Field("read_bytes_sec", NATURAL)
    write_bytes_sec = Field("write_bytes_sec", NATURAL)
    read_iops_sec = Field("read_iops_sec", NATURAL)
    write_iops_sec = Field("write_iops_sec", NATURAL)


class CpuTuning(View):
    """The <cputune>. A quota may be negative, which means none."""

    shares = Field("shares", NATURAL)
    period = Field("period", NATURAL)
    quota = Field("quota", TEXT)
    global_period = Field("global_period", NATURAL)
    global_quota = Field("global_quota", TEXT)


class MemoryTuning(View):
    """The <memtune>; the swap limit is one of memory and swap together."""

    hard_limit = Field("hard_limit", NATURAL)
    hard_unit = Field("hard_limit/@unit", TEXT)
    soft_limit = Field("soft_limit", NATURAL)
    soft_unit = Field("soft_limit/@unit", TEXT)
    swap_hard_limit = Field("swap_hard_limit", NATURAL)
    swap_unit = Field("swap_hard_limit/@unit", TEXT)


class BlockTuning(View):
    """The <blkiotune>."""

    weight = Field("weight", NATURAL)
    devices = Children("device", Device)


# The elements of a document that become properties.
READ: Dict[str, Type[View]] = {"cputune": CpuTuning, "memtune": MemoryTuning, "blkiotune": BlockTuning}


def unit_properties(document: Element) -> List[Property]:
    """Return the properties of a guest's unit, in the order in which systemd is told."""
    found: Dict[str, str] = {}
    cpu, memory, blocks = (document.find(tag) for tag in READ)
    if cpu is not None:
        found.update(_cpu(CpuTuning(cpu), Domain(document).vcpus or 1))
    if memory is not None:
        found.update(_memory(MemoryTuning(memory)))
    tuning = None if blocks is None else BlockTuning(blocks)
    if tuning is not None and tuning.weight:
        found["IOWeight"] = str(_weight(tuning.weight))
    return [
        *((name, found[name]) for name in SINGLE if name in found),
        *(_devices(tuning.devices) if tuning is not None else ()),
    ]


def cleared() -> List[Property]:
    """Return what takes every property back."""
    return [(name, "") for name in (*SINGLE, *BY_DEVICE.values())]


def properties_now(document: Element, host: Host, pid: int) -> List[Property]:
    """Return what changes the unit of a guest that runs to what its document allows it.

    Raises OperationInvalid where its QEMU has more memory than that: the kernel would end it.
    """
    wanted = unit_properties(document)
    most, taken = dict(wanted).get("MemoryMax"), process_figures(host, pid)["rss_mib"]
    allowed = None if most is None else int(most.rstrip("K")) // 1024
    if allowed is not None and taken is not None and allowed < taken:
        raise OperationInvalid(
            f"its QEMU has {taken} MiB of memory, and the kernel would end it with a <hard_limit> of {allowed} MiB.",
            hint="Set a higher limit, or apply: restart.",
        )
    return [*cleared(), *wanted]


def still_ignored(document: Element) -> Dict[str, List[str]]:
    """Return what of these elements becomes no property, as paths with their lines, by the path of each element."""
    return {
        f"domain/{tag}": [f"domain/{path} (line {line})" for path, line in undeclared(view(element))]
        for tag, view in READ.items()
        for element in document.findall(tag)
    }


def _cpu(tuning: CpuTuning, vcpus: int) -> Dict[str, str]:
    found = {"CPUWeight": str(_weight(tuning.shares))} if tuning.shares else {}
    rates = [
        (_number(tuning.global_quota), tuning.global_period or PERIOD),
        (_number(tuning.quota) * vcpus, tuning.period or PERIOD),
    ]
    limited = [(quota / period, period) for quota, period in rates if quota > 0]
    if limited:
        share, period = min(limited)
        found["CPUQuota"] = f"{max(round(share * 100), 1)}%"
        found["CPUQuotaPeriodSec"] = f"{min(max(period, PERIODS[0]), PERIODS[1])}us"
    return found


def _number(text: Optional[str]) -> int:
    try:
        return int(text or "0")
    except ValueError:
        return 0


def _memory(tuning: MemoryTuning) -> Dict[str, str]:
    hard = in_kib(tuning.hard_limit, tuning.hard_unit, "<hard_limit>")
    soft = in_kib(tuning.soft_limit, tuning.soft_unit, "<soft_limit>")
    both = in_kib(tuning.swap_hard_limit, tuning.swap_unit, "<swap_hard_limit>")
    swap = None if both is None else max(both - (hard or 0), 0)  # the document's number is memory and swap together
    rows = {"MemoryHigh": soft, "MemoryMax": hard, "MemorySwapMax": swap}
    return {name: f"{kib}K" for name, kib in rows.items() if kib is not None}


def _devices(devices: Sequence[Device]) -> List[Property]:
    return [
        (name, f"{device.path} {_weight(value) if field == 'weight' else value}")
        for device in devices
        for field, name in BY_DEVICE.items()
        if device.path and (value := getattr(device, field))
    ]


def _weight(number: int) -> int:
    return min(max(number, WEIGHTS[0]), WEIGHTS[1])
