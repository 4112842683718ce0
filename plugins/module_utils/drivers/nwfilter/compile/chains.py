# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of rules: in which chain each stands, and where the root chain leads into the others.

As in libvirt rules of lower priority come first, and those of one priority in the order of the documents. The root
chain leads into another one before the first of its own rules whose priority is not below that chain's. A frame comes
into a chain only when it is of the protocol that the chain is called after. In the inner layer there is one chain, in
which rules of filters with a chain of their own come after all others.

Source of the rules: libvirt's formatnwfilter, "Filtering chains" and "Filtering chain priorities".
"""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple, Union

from ....model.nwfilter.protocols import INNER, LINK, PROTOCOLS, ROOT, chain_prefix
from .values import INOUT, ConcreteRule

# What a frame has to be to come into a chain, by the beginning of its name; the types are those in the frame's own
# header, so that no tagged frame passes for what it carries.
ENTRANCES = {
    "stp": "ether daddr 01:80:c2:00:00:00",
    "mac": "",
    "vlan": "ether type { 8021q, 8021ad }",
    "ipv4": "ether type ip",
    "ipv6": "ether type ip6",
    "arp": "ether type arp",
    "rarp": "ether type 0x8035",
}


class Placed(NamedTuple):
    """A rule, the chain that it stands in, and that chain's priority."""

    chain: str
    chain_priority: int
    rule: ConcreteRule

    def is_for(self, way: str) -> bool:
        """Whether it can have a say in what goes this way, out or in."""
        return self.rule.direction in (way, INOUT)


def layer_of(rule: ConcreteRule) -> str:
    """Return the layer that a rule belongs to; what every frame matches belongs to the link layer."""
    return LINK if rule.protocol is None else PROTOCOLS[rule.protocol].layer


class Jump(NamedTuple):
    """Where the root chain leads into another one."""

    chain: str

    @property
    def entrance(self) -> str:
        """What a frame has to be to go there, "" for any."""
        return ENTRANCES[chain_prefix(self.chain) or ROOT]


Step = Union[ConcreteRule, Jump]


def link_chains(placed: Sequence[Placed], way: str) -> Dict[str, List[Step]]:
    """Return what stands in each chain of the link layer for one way, the root chain first.

    There is a chain for each that a rule of this way stands in.
    """
    here = [each for each in placed if layer_of(each.rule) == LINK and each.is_for(way)]
    inside: Dict[str, List[Step]] = {ROOT: _root(here)}
    for each in in_order(here):
        if each.chain != ROOT:
            inside.setdefault(each.chain, []).append(each.rule)
    return inside


def inner_chain(placed: Sequence[Placed]) -> List[ConcreteRule]:
    """Return the rules of the inner layer, whose directions need a look at both ways."""
    return [each.rule for each in in_order(placed) if layer_of(each.rule) == INNER]


def in_order(placed: Iterable[Placed]) -> List[Placed]:
    """Return the rules by priority, those of the root chain before all others."""
    return sorted(placed, key=lambda each: (each.chain != ROOT, each.rule.priority))


def _root(here: Sequence[Placed]) -> List[Step]:
    """Return the rules of the root chain between its ways into the others.

    Where two filters give one chain different priorities, that of the last rule in it counts.
    """
    ranks: Dict[str, int] = {each.chain: 0 for each in here if each.chain != ROOT}
    ranks.update((each.chain, each.chain_priority) for each in in_order(here) if each.chain != ROOT)
    steps: List[Tuple[int, int, Step]] = [(rank, 0, Jump(chain)) for chain, rank in ranks.items()]
    steps += [(each.rule.priority, 1, each.rule) for each in here if each.chain == ROOT]
    return [step for _rank, _kind, step in sorted(steps, key=lambda each: each[:2])]
