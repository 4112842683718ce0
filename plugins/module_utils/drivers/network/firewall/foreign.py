# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the chains of others do to a packet: a reading of ``nft -j list ruleset`` (libnftables-json(5)).

A packet is only known in part. A rule whose condition speaks of something else is passed over, so what comes out is
the fate of packets that no special rule is about. Two kinds of acceptance count even then, since a false alarm helps
nobody: a rule that names the bridge, and for answers any rule, because what nft cannot print of an iptables rule is
mostly the state of its connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

Key = Tuple[str, str, str]

# A device that no rule names.
ELSEWHERE = "\0elsewhere"
_DEEPEST = 64
_VERDICTS = ("accept", "drop", "reject")
# What a rule may do beside its verdict without a say in it.
_HARMLESS = frozenset({"counter", "log", "mangle", "notrack", "meta", "ct count", "ct helper", "quota", "xt target"})
_UNKNOWN = object()


@dataclass(frozen=True)
class Packet:
    """What is known of a packet: ``iifname``, ``oifname``, ``state`` (of its connection), ``l4proto``, ``dport``.

    ``bridge`` is the one that it is about; the family is ip or ip6.
    """

    hook: str
    family: str
    bridge: str
    iifname: str
    oifname: str = ELSEWHERE
    state: str = "new"
    l4proto: Optional[str] = None
    dport: Optional[int] = None


@dataclass(frozen=True)
class Chain:
    """A chain with its rules, each the list of its expressions; ``hook`` and ``policy`` where it has them."""

    family: str
    table: str
    name: str
    hook: Optional[str] = None
    kind: Optional[str] = None
    policy: str = "accept"
    rules: Tuple[Sequence[Any], ...] = ()

    @property
    def key(self) -> Key:
        """What it is found by."""
        return (self.family, self.table, self.name)


@dataclass(frozen=True)
class Rules:
    """The ruleset of the whole host."""

    chains: Mapping[Key, Chain]
    sets: Mapping[Key, Any]

    def names(self, family: str, table: str) -> FrozenSet[str]:
        """The names of the chains in a table."""
        return frozenset(name for each, of, name in self.chains if (each, of) == (family, table))

    def fate(self, chain: Chain, packet: Packet) -> str:
        """What becomes of the packet in a base chain: accept, drop or reject."""
        return _Walk(self, packet, chain).through(chain, 0) or chain.policy


def read_rules(listing: Mapping[str, Any], *, without: Tuple[str, str]) -> Rules:
    """Return the ruleset that nft listed, leaving out our own table, which is given with its family."""
    chains: Dict[Key, Chain] = {}
    rules: Dict[Key, List[Sequence[Any]]] = {}
    sets: Dict[Key, Any] = {}
    for row in listing.get("nftables") or ():
        for what, about in row.items():
            if not isinstance(about, dict) or (about.get("family"), about.get("table")) == without:
                continue
            key = (str(about.get("family")), str(about.get("table")), str(about.get("chain", about.get("name"))))
            if what == "chain":
                chains[key] = Chain(*key, about.get("hook"), about.get("type"), about.get("policy", "accept"))
            elif what == "rule":
                rules.setdefault(key, []).append(about.get("expr") or ())
            elif what in ("set", "map"):
                sets[key] = about.get("elem") or []
    return Rules({key: _filled(chain, rules.get(key, [])) for key, chain in chains.items()}, sets)


def _filled(chain: Chain, rules: List[Sequence[Any]]) -> Chain:
    return Chain(chain.family, chain.table, chain.name, chain.hook, chain.kind, chain.policy, tuple(rules))


class _Walk:
    """One packet on its way through the chains of one table; a chain is walked through once."""

    def __init__(self, rules: Rules, packet: Packet, base: Chain) -> None:
        self.rules = rules
        self.packet = packet
        self.base = base
        self.known: Dict[str, Optional[str]] = {}

    def through(self, chain: Optional[Chain], depth: int) -> Optional[str]:
        """Return the verdict of a chain, None when the packet comes out at its end."""
        if chain is None or depth > _DEEPEST:
            return None
        if chain.name not in self.known:
            self.known[chain.name] = None
            self.known[chain.name] = self._of_rules(chain, depth)
        return self.known[chain.name]

    def _of_rules(self, chain: Chain, depth: int) -> Optional[str]:
        for rule in chain.rules:
            said = self._says(rule)
            verdict, target = said if said else (None, None)
            if verdict in _VERDICTS:
                return verdict
            if verdict == "return":
                return None
            found = self.through(self._chain(target), depth + 1) if target else None
            if found or verdict == "goto":
                return found
        return None

    def _chain(self, name: str) -> Optional[Chain]:
        return self.rules.chains.get((self.base.family, self.base.table, name))

    def _says(self, rule: Sequence[Any]) -> Optional[Tuple[str, Optional[str]]]:
        """Return the verdict of a rule and the chain that it leads to, None where it is not about the packet."""
        named = unsure = False
        for expression in rule:
            for what, about in expression.items():
                verdict = self._mapped(about) if what == "vmap" else _verdict(what, about)
                if verdict:
                    return verdict if not unsure or self._lenient(verdict[0], named) else None
                if what == "match":
                    holds = self._holds(about)
                    if holds is False:
                        return None
                    unsure = unsure or holds is None
                    named = named or (holds is True and self.packet.bridge in _names(about.get("right")))
                elif what not in _HARMLESS:
                    unsure = True
        return None

    def _lenient(self, verdict: str, named: bool) -> bool:
        return verdict == "accept" and (named or self.packet.state == "established")

    def _mapped(self, about: Mapping[str, Any]) -> Optional[Tuple[str, Optional[str]]]:
        """Return the verdict that a map has for the packet."""
        value = self._value(about.get("key"))
        if value is _UNKNOWN:
            return None
        for pair in self._elements(about.get("data")):
            if isinstance(pair, list) and len(pair) == 2 and self._is(value, pair[0]) and isinstance(pair[1], dict):
                return next((found for found in (_verdict(*each) for each in pair[1].items()) if found), None)
        return None

    def _holds(self, about: Mapping[str, Any]) -> Optional[bool]:
        """Return whether a condition holds, None where that is not known."""
        value = self._value(about.get("left"))
        if value is _UNKNOWN:
            return None
        within = any(self._is(value, each) for each in self._elements(about.get("right")))
        return not within if about.get("op") == "!=" else within

    def _value(self, left: Any) -> Any:
        """Return what the packet has where a condition looks, _UNKNOWN where that is not known."""
        packet = self.packet
        if not isinstance(left, dict):
            return _UNKNOWN
        if "concat" in left:
            return _UNKNOWN
        if "ct" in left:
            return packet.state if left["ct"].get("key") == "state" else _UNKNOWN
        if "payload" in left and left["payload"].get("field") == "dport" and packet.l4proto:
            return packet.dport if left["payload"].get("protocol") in (packet.l4proto, "th") else None
        key = left["meta"].get("key") if "meta" in left else None
        known = {
            "iifname": packet.iifname,
            "iif": packet.iifname,
            "oifname": packet.oifname,
            "oif": packet.oifname,
            "l4proto": packet.l4proto or _UNKNOWN,
            "nfproto": {"ip": "ipv4", "ip6": "ipv6"}[packet.family],
        }
        return known.get(str(key), _UNKNOWN)

    def _elements(self, right: Any) -> Sequence[Any]:
        """Return what a condition compares with: one value, or those of a set."""
        if isinstance(right, str) and right.startswith("@"):
            right = self.rules.sets.get((self.base.family, self.base.table, right[1:]), [])
        if isinstance(right, dict) and ("set" in right or "|" in right):
            right = right.get("set", right.get("|"))
        return right if isinstance(right, list) else [right]

    def _is(self, value: Any, element: Any) -> bool:
        if isinstance(element, dict) and "elem" in element:
            return self._is(value, element["elem"].get("val"))
        if isinstance(element, dict) and "range" in element:
            low, high = element["range"]
            return isinstance(value, int) and isinstance(low, int) and low <= value <= high
        if isinstance(element, str) and element.endswith("*") and isinstance(value, str):
            return value.startswith(element[:-1])
        return bool(value == element)


def _verdict(what: str, about: Any) -> Optional[Tuple[str, Optional[str]]]:
    if what in ("jump", "goto"):
        return what, about.get("target") if isinstance(about, dict) else None
    return (what, None) if what in (*_VERDICTS, "return") else None


def _names(right: Any) -> Sequence[Any]:
    return right.get("set", ()) if isinstance(right, dict) else [right]
