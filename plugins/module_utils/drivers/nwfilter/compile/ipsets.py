# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that look into an ipset: nftables cannot read the sets of ipset(8), so they look into a copy.

The copy has what was in the ipset when the rules were made, and is renewed whenever they are made again. Entries with
a timeout leave it in their time.

Source of the rules: ipset(8); the set match of iptables-extensions(8).
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ....errors import UnsupportedConfig, XmlError
from .conditions import Test, named
from .values import ConcreteRule, Ipset

# What an element of a set is made of, by the type of the set; those that are not here cannot be copied. Two networks in
# one element could overlap crosswise with those of another, which nftables refuses.
_PARTS: Dict[str, Tuple[str, ...]] = {
    "hash:ip": ("ip",),
    "bitmap:ip": ("ip",),
    "hash:net": ("ip",),
    "hash:mac": ("mac",),
    "hash:ip,port": ("ip", "port"),
    "hash:net,port": ("ip", "port"),
    "hash:ip,mac": ("ip", "mac"),
    "bitmap:ip,mac": ("ip", "mac"),
    "hash:ip,mark": ("ip", "mark"),
    "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "ip"),
}
_TYPES: Dict[str, str] = {"port": "inet_proto . inet_service", "mac": "ether_addr", "mark": "mark"}
_WITH_PORTS = ("tcp", "udp", "sctp", "udplite")
# Options of a set that change what it matches.
_UNKNOWN_OPTIONS = ("bitmask", "markmask")


class Copy(NamedTuple):
    """A set of ours: what rules know of it, what stands between the braces of its definition, and its elements."""

    known: Ipset
    declaration: str
    elements: Tuple[str, ...]


def copied(saved: str, name: str, *, line: Optional[int] = None) -> Copy:
    """Return the set that ``ipset save`` told of as a set of ours called ``name``.

    Raises UnsupportedConfig for a set that nftables cannot have; ``line`` is that of the rule that asks for it.
    """
    rows = [row.split() for row in saved.splitlines() if row.strip()]
    made = next((row for row in rows if row[0] == "create" and len(row) > 2), None)
    if made is None:
        raise _unknown("", "", line)
    options = dict(zip(made[3::2], made[4::2]))
    parts = _PARTS.get(made[2])
    if parts is None or any(option in options for option in _UNKNOWN_OPTIONS):
        raise _unknown(made[1], made[2], line)
    family = 6 if options.get("family") == "inet6" else 4
    added = {row[2]: _element(row, parts, options, line) for row in rows if row[0] == "add" and len(row) > 2}
    elements = [added[each] for each in _widest(added)] if "net" in made[2] else list(added.values())
    flags = "interval, timeout" if "timeout" in options else "interval"
    types = " . ".join(_TYPES.get(part, f"ipv{family}_addr") for part in parts)
    known = Ipset(name, family if "ip" in parts else None, parts)
    return Copy(known, f"type {types}; flags {flags};", tuple(elements))


def _widest(elements: Iterable[str]) -> Iterator[str]:
    """The elements without those that are in the network of another one, which nftables would refuse."""
    wide = {each for each in elements if "/" in each}
    lengths = {int(length) for each in wide for length in re.findall(r"/([0-9]+)", each)}
    for each in elements:
        if not any(outer in wide for outer in _outer(each, lengths)):
            yield each


def _outer(element: str, lengths: Iterable[int]) -> Iterator[str]:
    """The element with wider networks in place of its own, of which it has one at most."""
    values = element.split(",")
    for place, value in enumerate(values):
        try:
            own = ip_network(value)
        except ValueError:  # a port
            continue
        for length in lengths:
            if length < own.prefixlen:
                yield ",".join([*values[:place], str(own.supernet(new_prefix=length)), *values[place + 1 :]])


def _element(row: Sequence[str], parts: Tuple[str, ...], options: Dict[str, str], line: Optional[int]) -> str:
    """One element as nft has it; ``add NAME ELEMENT [timeout SECONDS] [nomatch] …`` as ipset has it."""
    values = row[2].split(",")
    if len(values) != len(parts) or "nomatch" in row[3:]:
        raise _unknown(row[1], row[2], line)
    shown = " . ".join(_part(part, value, options, row, line) for part, value in zip(parts, values))
    rest = dict(zip(row[3::2], row[4::2]))
    seconds = rest.get("timeout", "0")
    return f"{shown} timeout {int(seconds)}s" if seconds.isdigit() and int(seconds) else shown


def _part(part: str, value: str, options: Dict[str, str], row: Sequence[str], line: Optional[int]) -> str:
    if part == "port":
        found = re.fullmatch(r"(?:([a-z]+):)?([0-9]+(?:-[0-9]+)?)", value)
        if found is None or (found.group(1) or "tcp") not in _WITH_PORTS:
            raise _unknown(row[1], value, line)
        return f"{found.group(1) or 'tcp'} . {found.group(2)}"
    if not re.fullmatch(r"[0-9a-fA-Fx.:/-]+", value):
        raise _unknown(row[1], value, line)
    netmask = options.get("netmask", "")
    return f"{value}/{int(netmask)}" if part == "ip" and netmask.isdigit() and "/" not in value else value


def _unknown(name: str, what: str, line: Optional[int]) -> UnsupportedConfig:
    return UnsupportedConfig(
        f"The ipset {name!r} cannot be copied for nftables: {what or 'it is not there'}.",
        line=line,
        hint=f"Sets of the types {', '.join(_PARTS)} can, without nomatch.",
    )


_FIELDS: Dict[Tuple[str, str], str] = {
    ("port", "src"): "meta l4proto . th sport",
    ("port", "dst"): "meta l4proto . th dport",
    ("mac", "src"): "ether saddr",
    ("mac", "dst"): "ether daddr",
    ("mark", "src"): "meta mark",
    ("mark", "dst"): "meta mark",
}


def looked_up(rule: ConcreteRule, family: Optional[int]) -> List[List[Test]]:
    """Return what a rule with an ipset asks beside the rest, one list for each statement that it takes.

    Words beyond the parts of an element say nothing; with fewer, or in packets of another family, nothing is in the
    set. Packets without ports are in no set of ports. Raises XmlError and UnsupportedConfig.
    """
    value, flags = rule.get("ipset"), rule.get("ipsetflags")
    if value is None:
        return [[]]
    if flags is None or not isinstance(flags.value, tuple):
        raise XmlError(
            f"{named(rule)} has an ipset without ipsetflags.",
            line=rule.line,
            hint="Say with ipsetflags='src' or 'dst' what is looked up, one word for each part of its elements.",
        )
    if not isinstance(value.value, Ipset):
        raise UnsupportedConfig(
            f"{named(rule)} asks for the ipset {value.value!r}, which nftables cannot read, and which was not copied.",
            line=rule.line,
            hint="Name the addresses in the rule, or as a list in a parameter of the filterref.",
        )
    known, sides = value.value, [str(word) for word in flags.value]
    if known.family not in (None, family) or len(sides) < len(known.parts):
        return [[]] if value.negate else []
    fields = _fields(known, sides, "ip" if family == 4 else "ip6")
    portless = [[Test("meta l4proto", f"{{ {', '.join(_WITH_PORTS)} }}", True)]] if "port" in known.parts else []
    return [[Test(" . ".join(fields), f"@{known.name}", value.negate)], *(portless if value.negate else [])]


def _fields(known: Ipset, sides: List[str], name: str) -> List[str]:
    addresses = {"src": f"{name} saddr", "dst": f"{name} daddr"}
    return [_FIELDS.get((part, side), addresses[side]) for part, side in zip(known.parts, sides)]
