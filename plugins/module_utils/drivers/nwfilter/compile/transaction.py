# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole change of the table as one text for ``nft -f``, and what the table then holds.

The table is of the family bridge. Each of its base chains has one rule, which looks up in a map whose packet it is: so
a packet costs the same however many guests there are. The text can be applied again at any time: what it adds may be
there already, and what it removes is added first.
"""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from .text import comment_of, with_comment

FAMILY = "bridge"

Rules = Tuple[str, ...]


class Entrance(NamedTuple):
    """An element of one of the table's maps, whose key is a device in quotes or a MAC address."""

    map: str
    key: str

    @property
    def chain(self) -> str:
        """Where what comes with this key goes to."""
        return f"{self.map}/{end_of(self.key)}"


def end_of(key: str) -> str:
    """Return what chains are called after whose frames are known by this key."""
    return key.strip('"') if key.startswith('"') else key.replace(":", "")


class OwnSet(NamedTuple):
    """A set: its ``declaration``, a name with what nft is told of it in braces, and what is in it from the start.

    A set that is declared otherwise has another name. What else is in it stays there, or goes when it is ``renewed``.
    """

    declaration: str
    elements: Tuple[str, ...] = ()
    renewed: bool = False


class PortRules(NamedTuple):
    """Everything that the table is to have for one interface; the chains hold rules with their comments."""

    device: str
    chains: Mapping[str, Rules]
    entrances: Tuple[Entrance, ...]
    sets: Tuple[OwnSet, ...] = ()


class Traces(NamedTuple):
    """What an interface has left in the table: names of chains, declarations of sets, elements of maps: (map, key)."""

    chains: Tuple[str, ...] = ()
    sets: Tuple[str, ...] = ()
    entrances: Tuple[Tuple[str, str], ...] = ()


class Base(NamedTuple):
    """A base chain and the map of the same name that it looks packets up in, by ``key``."""

    kind: str
    key: str
    hook: str
    priority: int


# Frames are looked at before connections are tracked (at -200), the packets in them after. What learns stands behind
# all that could drop a packet.
BASES = {
    "out": Base("ifname", "iifname", "prerouting", -300),
    "refuse": Base("ether_addr", "ether daddr", "prerouting", -299),
    "out3": Base("ifname", "iifname", "prerouting", 0),
    "refuse3": Base("ether_addr", "ether daddr", "prerouting", 1),
    "in": Base("ifname", "oifname", "postrouting", -300),
    "in3": Base("ifname", "oifname", "postrouting", 0),
    "learn": Base("ifname", "oifname", "postrouting", 10),
}


def traces(rules: PortRules) -> Traces:
    """Return what these rules leave in the table."""
    return Traces(tuple(rules.chains), tuple(each.declaration for each in rules.sets), rules.entrances)


def transaction(
    table: str, wanted: Sequence[PortRules], gone: Sequence[Traces] = (), *, standing: Collection[str] = ()
) -> str:
    """Return what gives these interfaces their rules, and takes away what of ``gone`` none of them has.

    Elements that were learnt stay in the sets that stay. Other interfaces keep what they have. ``standing`` are base
    chains that are known to be as they should: they are left alone, for to put one there again makes nft wait until
    no packet can see the old one any more, which is most of the time that one more interface costs.
    """
    left = _without(gone, wanted)
    used = {each.map for rules in wanted for each in rules.entrances} | {name for name, _key in left.entrances}
    used.difference_update(standing)
    return "".join(f"{line}\n" for line in _lines(f"{FAMILY} {table}", wanted, left, used))


def removal(table: str) -> str:
    """Return what takes the table away; there may be none."""
    return f"add table {FAMILY} {table}\ndelete table {FAMILY} {table}\n"


def _lines(table: str, wanted: Sequence[PortRules], left: Traces, used: Iterable[str]) -> Iterator[str]:
    yield f"add table {table}"
    for name in sorted(used, key=list(BASES).index):
        yield from _base(table, name)
    for rules in wanted:
        yield from _port(table, rules)
    yield from _removed(table, left)


def _base(table: str, name: str) -> Iterator[str]:
    base = BASES[name]
    hook = f"type filter hook {base.hook} priority {base.priority}; policy accept;"
    yield f"add map {table} {name} {{ type {base.kind} : verdict; }}"
    yield f"add chain {table} {name} {{ {hook} }}"
    yield f"flush chain {table} {name}"
    yield f"add rule {table} {name} {_entry(name)}"


def _entry(name: str) -> str:
    return with_comment(f"{BASES[name].key} vmap @{name}", name)


def _port(table: str, rules: PortRules) -> Iterator[str]:
    """Chains come before the rules that lead to them, and the way into them last."""
    for each in rules.sets:
        yield f"add set {table} {each.declaration}"
        if each.renewed:
            yield f"flush set {table} {_name(each.declaration)}"
        if each.elements:
            yield f"add element {table} {_name(each.declaration)} {{ {', '.join(each.elements)} }}"
    for chain in rules.chains:
        yield f"add chain {table} {chain}"
        yield f"flush chain {table} {chain}"
    for chain, lines in rules.chains.items():
        for line in lines:
            yield f"add rule {table} {chain} {line}"
    for entrance in rules.entrances:
        yield _element("add", table, entrance)


def _removed(table: str, left: Traces) -> Iterator[str]:
    for entrance in (Entrance(*each) for each in left.entrances):
        yield f"add chain {table} {entrance.chain}"
        yield _element("add", table, entrance)
        yield _element("delete", table, entrance)
    for chain in left.chains:
        yield f"add chain {table} {chain}"
        yield f"flush chain {table} {chain}"
    for chain in left.chains:
        yield f"delete chain {table} {chain}"
    for declaration in left.sets:
        yield f"add set {table} {declaration}"
        yield f"delete set {table} {_name(declaration)}"


def _name(declaration: str) -> str:
    return declaration.partition(" ")[0]


def _element(verb: str, table: str, entrance: Entrance) -> str:
    what = entrance.key if verb == "delete" else f"{entrance.key} : goto {entrance.chain}"
    return f"{verb} element {table} {entrance.map} {{ {what} }}"


def _without(gone: Sequence[Traces], wanted: Sequence[PortRules]) -> Traces:
    """Return what is gone and not wanted: each thing once."""
    chains = {chain for rules in wanted for chain in rules.chains}
    sets = {each.declaration for rules in wanted for each in rules.sets}
    keys = {tuple(each) for rules in wanted for each in rules.entrances}
    return Traces(
        tuple(dict.fromkeys(chain for each in gone for chain in each.chains if chain not in chains)),
        tuple(dict.fromkeys(row for each in gone for row in each.sets if row not in sets)),
        tuple(dict.fromkeys(way for each in gone for way in each.entrances if tuple(way) not in keys)),
    )


# what is in the table


class Content(NamedTuple):
    """What a table holds: the comments of each chain's rules, where each key of the maps leads, the names of sets."""

    chains: Mapping[str, Rules]
    maps: Mapping[str, Mapping[str, str]]
    sets: Tuple[str, ...]


def expected(wanted: Sequence[PortRules]) -> Content:
    """Return what the table is to hold for these interfaces, the base chains included."""
    maps: Dict[str, Dict[str, str]] = {}
    for rules in wanted:
        for entrance in rules.entrances:
            maps.setdefault(entrance.map, {})[entrance.key.strip('"')] = entrance.chain
    chains: Dict[str, Rules] = {name: (comment_of(_entry(name)),) for name in maps}
    for rules in wanted:
        chains.update((name, tuple(map(comment_of, lines))) for name, lines in rules.chains.items())
    return Content(chains, maps, tuple(_name(each.declaration) for rules in wanted for each in rules.sets))


def found(listing: Mapping[str, Any]) -> Content:
    """Return what a table holds, of what ``nft -j list table`` says (libnftables-json(5))."""
    chains: Dict[str, List[str]] = {}
    maps: Dict[str, Dict[str, str]] = {}
    sets: List[str] = []
    for row in listing.get("nftables") or ():
        for what, about in row.items():
            if what == "chain":
                chains.setdefault(str(about.get("name")), [])
            elif what == "rule":
                chains.setdefault(str(about.get("chain")), []).append(str(about.get("comment", "")))
            elif what == "map":
                maps[str(about.get("name"))] = dict(_elements(about.get("elem")))
            elif what == "set":
                sets.append(str(about.get("name")))
    return Content({name: tuple(lines) for name, lines in chains.items()}, maps, tuple(sets))


def _elements(rows: Any) -> Iterator[Tuple[str, str]]:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) == 2 and isinstance(row[1], dict):
            verdict = row[1].get("goto")
            yield str(row[0]), str(verdict.get("target")) if isinstance(verdict, dict) else ""
