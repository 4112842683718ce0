# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of traffic by tc: htb for what leaves a device, a policer for what comes out of it.

Source of the meaning: libvirt's formatnetwork, "Quality of service": rates in kilobytes a second, bursts in kibibytes,
``inbound`` towards the guests; a peak counts inbound only. What goes to a guest leaves its tap, and what goes to all
guests of a network leaves the bridge. A macvtap device is on the guest's own side of the wire, so there it is the other
way round.

A network has one class under which each guest with a floor gets a class of its own (1:3, 1:4, ...), found by the MAC
address that packets go to; 1:2 is for all others and has what the floors leave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from ...errors import UnsupportedConfig
from ...host.api import Host
from ...model.network.ports import Bandwidth as BandwidthView
from ...model.network.ports import Rate as RateView
from ...values import parse_mac
from ...xml.parse import Element
from .batch import Batch, check_link_name, line

# tc counts a burst in 32 bits, in bytes.
_LARGEST_BURST = (1 << 32) // 1024 - 1
# What a class may send before the next has its turn should be near a packet; htb's own choice is bad for small rates.
_PACKET = 1500
# The first class number of a guest with a floor, and the last: a filter's number has 12 bits, and 0x800 is the first.
FIRST_FLOOR, LAST_FLOOR = 3, 0x7FE
_FIRST_FILTER = 0x800
_BITS = {"bit": 1, "kbit": 1000, "mbit": 1000**2, "gbit": 1000**3, "tbit": 1000**4}


@dataclass(frozen=True)
class Rate:
    """One direction: ``average``, ``peak`` and ``floor`` in kilobytes a second, ``burst`` in kibibytes; 0 for none."""

    average: int = 0
    peak: int = 0
    burst: int = 0
    floor: int = 0


@dataclass(frozen=True)
class Bandwidth:
    """Both directions, as the guests see them; None for no limit."""

    inbound: Optional[Rate] = None
    outbound: Optional[Rate] = None


@dataclass(frozen=True)
class Floor:
    """A guest's share of its network that nobody takes away: ``number`` is unique on the bridge, from 3 on."""

    number: int
    mac: str
    rate: int


def bandwidth_of(element: Optional[Element]) -> Optional[Bandwidth]:
    """Return what a <bandwidth> says, None where there is none or nothing in it; raises XmlError."""
    if element is None:
        return None
    view = BandwidthView(element)
    found = Bandwidth(_rate(view.inbound), _rate(view.outbound))
    return found if found.inbound or found.outbound else None


def limit_lines(name: str, bandwidth: Bandwidth, *, guest_side: bool = False) -> Batch:
    """Return what limits the traffic of one interface; ``guest_side`` for a macvtap device.

    The device must have no limits yet: see ``clear_lines``.
    """
    leaving, coming = _directions(bandwidth, guest_side)
    root = [*_root(name, 1), _class(name, "1:", "1:1", leaving, burst=True)] if leaving and leaving.average else []
    return Batch(tc=tuple(root + _police(name, coming)))


def network_lines(bridge: str, bandwidth: Bandwidth, floors: Sequence[Floor] = ()) -> Batch:
    """Return what limits the traffic of a whole network at its bridge, with the floors of its guests."""
    leaving, coming = _directions(bandwidth, False)
    lines: List[str] = []
    if leaving and leaving.average:
        lines += [
            *_root(bridge, 2),
            _class(bridge, "1:", "1:1", leaving),
            _class(bridge, "1:1", "1:2", leaving, burst=True),
        ]
    batch = Batch(tc=tuple(lines + _police(bridge, coming)))
    return batch + floor_lines(bridge, bandwidth, floors, ()) if floors else batch


def floor_lines(bridge: str, bandwidth: Bandwidth, added: Sequence[Floor], kept: Sequence[Floor]) -> Batch:
    """Return what gives guests their floors on a bridge with limits, beside those that are there already.

    Raises UnsupportedConfig for a network without an inbound limit, and when the floors are more than it has.
    """
    whole = bandwidth.inbound
    if whole is None or not whole.average:
        raise UnsupportedConfig(f"{bridge} can guarantee nothing: its network has no inbound average.")
    lines = [each for floor in added for each in _floor(bridge, whole, floor)]
    return Batch(tc=(*lines, _others(bridge, whole, [*kept, *added])))


def unfloor_lines(bridge: str, bandwidth: Bandwidth, gone: Sequence[Floor], kept: Sequence[Floor]) -> Batch:
    """Return what takes the floors of guests away and gives the others what they had."""
    lines: List[str] = []
    for floor in gone:
        lines.append(line("filter", "del", "dev", bridge, *_filter(floor.number)))
        lines.append(line("class", "del", "dev", bridge, "classid", f"1:{floor.number:x}"))
    return Batch(tc=(*lines, *((_others(bridge, bandwidth.inbound, kept),) if bandwidth.inbound else ())))


def clear_lines(name: str) -> Batch:
    """Return what takes all limits away; for ``batch.attempt``, since there may be none."""
    device = ("qdisc", "del", "dev", check_link_name(name))
    return Batch(tc=(line(*device, "root"), line(*device, "ingress")))


def class_rates(host: Host, name: str) -> Dict[str, Tuple[int, int]]:
    """Return the rate and the ceiling of each htb class on a device in kilobytes a second; none for one that is gone.

    tc lists classes in its own words only (iproute2 6.1 ignores ``-j`` there), and rounds to four digits.
    """
    said = host.run(("tc", "class", "show", "dev", check_link_name(name)), check=False).stdout.decode(
        "utf-8", "replace"
    )
    found = re.finditer(r"^class htb (\S+) .*\brate (\d+)(\w*) ceil (\d+)(\w*)", said, re.MULTILINE)
    return {each[1]: (_from_bits(each[2], each[3]), _from_bits(each[4], each[5])) for each in found}


def is_limited(host: Host, name: str, rate: Rate) -> bool:
    """Whether what leaves the device has this limit, as far as tc tells."""
    average, ceiling = class_rates(host, name).get("1:1", (0, 0))
    return _near(average, rate.average) and _near(ceiling, rate.peak or rate.average)


def _from_bits(number: str, unit: str) -> int:
    return int(number) * _BITS.get(unit.lower(), 1) // 8000


def _near(found: int, wanted: int) -> bool:
    return abs(found - wanted) * 1000 <= wanted


def _rate(view: Optional[RateView]) -> Optional[Rate]:
    return None if view is None else Rate(view.average or 0, view.peak or 0, view.burst or 0, view.floor or 0)


def _directions(bandwidth: Bandwidth, guest_side: bool) -> Tuple[Optional[Rate], Optional[Rate]]:
    """Return what leaves the device and what comes out of it."""
    both = (bandwidth.inbound, bandwidth.outbound)
    return (both[1], both[0]) if guest_side else both


def _root(name: str, default: int) -> List[str]:
    return [line("qdisc", "add", "dev", check_link_name(name), "root", "handle", "1:", "htb", "default", default)]


def _class(name: str, parent: str, number: str, rate: Rate, *, burst: bool = False) -> str:
    words = ("class", "add", "dev", name, "parent", parent, "classid", number)
    return line(*words, *_htb(rate.average, rate.peak or rate.average, rate.burst if burst else 0))


def _htb(rate: int, ceiling: int, burst: int = 0) -> Tuple[object, ...]:
    bursts = ("burst", f"{min(burst, _LARGEST_BURST)}kb") if burst else ()
    return ("htb", "rate", _kilobytes(rate), "ceil", _kilobytes(ceiling), *bursts, "quantum", _quantum(rate))


def _police(name: str, rate: Optional[Rate]) -> List[str]:
    """Return what drops packets that come out of a device above a rate."""
    if rate is None or not rate.average:
        return []
    device = ("dev", check_link_name(name))
    match = ("parent", "ffff:", "protocol", "all", "u32", "match", "u32", 0, 0)
    burst = f"{min(rate.burst or rate.average, _LARGEST_BURST)}kb"
    police = ("police", "rate", _kilobytes(rate.average), "burst", burst, "mtu", "64kb", "drop", "flowid", ":1")
    return [line("qdisc", "add", *device, "ingress"), line("filter", "add", *device, *match, *police)]


def _floor(bridge: str, whole: Rate, floor: Floor) -> Tuple[str, str]:
    if not FIRST_FLOOR <= floor.number <= LAST_FLOOR:
        raise UnsupportedConfig(f"{bridge} has no more classes: a guest's is numbered {FIRST_FLOOR} to {LAST_FLOOR}.")
    number = f"1:{floor.number:x}"
    make = ("class", "add", "dev", bridge, "parent", "1:1", "classid", number)
    digits = parse_mac(floor.mac).replace(":", "")
    # The MAC address that a packet goes to lies 14 bytes before its network header; u32 reads words of 4.
    match = f"match u16 0x{digits[:4]} 0xffff at -14 match u32 0x{digits[4:]} 0xffffffff at -12".split()
    find = line("filter", "add", "dev", bridge, *_filter(floor.number), *match, "flowid", number)
    return line(*make, *_htb(floor.rate, whole.peak or whole.average)), find


def _filter(number: int) -> Tuple[object, ...]:
    """Return what a guest's filter is found by: u32 numbers those of its first table from 0x800 on."""
    return ("parent", "1:", "protocol", "all", "prio", 2, "handle", f"800::{_FIRST_FILTER + number:x}", "u32")


def _others(bridge: str, whole: Rate, floors: Sequence[Floor]) -> str:
    """Return what gives the class of all others what the floors leave; raises UnsupportedConfig for nothing."""
    left = whole.average - sum(floor.rate for floor in floors)
    if left <= 0:
        raise UnsupportedConfig(f"{bridge} cannot guarantee {whole.average - left} kB/s: it has {whole.average} kB/s.")
    words: List[object] = ["class", "change", "dev", bridge, "classid", "1:2"]
    return line(*words, *_htb(left, whole.peak or whole.average, whole.burst))


def _kilobytes(rate: int) -> str:
    return f"{rate}kbps"


def _quantum(rate: int) -> int:
    return max(1, rate * 1024 // 8 // _PACKET)
