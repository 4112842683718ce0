# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nftables is to have for one interface: chains, the sets of learnt addresses, and the ways into the chains.

An interface has a chain for each way and layer: ``out/DEVICE`` and ``in/DEVICE`` for frames, ``out3/DEVICE`` and
``in3/DEVICE`` for the packets in them, where it has rules for them; ``out/DEVICE/NAME`` is what a filter calls the
chain NAME. Further ones are there where they are needed:

- ``refuse/MAC`` and ``refuse3/MAC``: what goes to the guest, looked at where it comes in, because the bridge can answer
  with a ``reject`` there only. These chains never drop; that is left to the others, whose ``reject`` drops.
- ``learn/DEVICE``: what DHCP servers tell the guest, behind everything that could drop it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ....errors import DocumentError, UnsupportedConfig, XmlError
from ....model.nwfilter.kinds import ETHER_TYPES, IPV4
from ....model.nwfilter.protocols import INNER, ROOT
from ...contracts.nwfilter import FilterPort
from ...links.batch import check_link_name
from .chains import Placed, Step, inner_chain, layer_of, link_chains
from .expand import NAMELESS, Known, expand, ipset_copy, learnt_sets
from .fragments import guarded
from .inner import inner_rules
from .learning import watched
from .learnt import acknowledged, declaration, element
from .link import link_rules
from .resolve import MOST_RULES, Filters, as_lists, blame, flatten, whose
from .sets import own_elements, own_set
from .text import with_comment
from .transaction import Entrance, OwnSet, PortRules, Rules, end_of
from .values import DHCP, IN, OUT, ConcreteRule, Ipset

# Rules that are kept as nft has them: many interfaces have the same ones, and each is looked at twice in a run, to see
# whether it can be guarded and to guard it.
KEPT = 4096
# The types of frames that carry IP packets.
_WITH_ANSWERS = (ETHER_TYPES["ipv4"], ETHER_TYPES["ipv6"])


class Way(NamedTuple):
    """One of the ways through an interface: the beginning of its chains' names, whose rules, other verdicts of them."""

    link: str
    inner: str
    way: str
    verdicts: Tuple[Tuple[str, str], ...] = ()

    def said(self, statement: str) -> str:
        """Return a statement, whose verdict is its last word, as it is meant on this way."""
        head, space, verdict = statement.rpartition(" ")
        return f"{head}{space}{dict(self.verdicts).get(verdict, verdict)}"


_OUT = Way("out", "out3", OUT)
_IN = Way("in", "in3", IN, (("reject", "drop"),))
_REFUSE = Way("refuse", "refuse3", IN, (("drop", "accept"),))


def port_rules(port: FilterPort, filters: Filters, known: Optional[Known] = None) -> PortRules:
    """Return what an interface is to have; one without a device yet gets rules that can be checked, not used.

    Raises XmlError that names guest, interface, filter, rule and variable; NotFound for a missing filter;
    UnsupportedConfig for what nftables cannot say; InvalidArgument for no name of a device.
    """
    return _Port(port, filters, known or Known()).rules()


def answers(rule: ConcreteRule) -> bool:
    """Whether a rule answers what it stops: there are answers to IP packets only, and other frames are dropped."""
    kind = rule.get("protocolid")
    other_type = rule.protocol == "mac" and kind is not None and not kind.negate and kind.value not in _WITH_ANSWERS
    return rule.action == "reject" and rule.protocol not in ("arp", "rarp", "vlan", "stp") and not other_type


def ipsets_asked(port: FilterPort, filters: Filters, known: Optional[Known] = None) -> List[str]:
    """Return the names of the ipsets that the rules of an interface ask for; raises as ``port_rules`` does."""
    asking = (each for each in flatten(port, filters) if any(term.attribute == "ipset" for term in each.template.terms))
    rules = (rule for bound in asking for rule in expand(port, bound, known or Known()))
    names = (value.value for rule in rules for value in rule.values if value.attribute == "ipset")
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


@lru_cache(maxsize=KEPT)
def _written(way: Way, rule: ConcreteRule) -> Rules:
    """Return a rule as nft has it on a way."""
    write = inner_rules if layer_of(rule) == INNER else link_rules
    meant = rule._replace(action="drop") if rule.action == "reject" and not answers(rule) else rule
    said = (way.said(statement) for statement in guarded(meant, write(meant, way.way)))
    return tuple(with_comment(each, f"{rule.filter}#{rule.number}", rule.comment) for each in said)


class _Port:
    """One interface with the rules that its filters have for it."""

    def __init__(self, port: FilterPort, filters: Filters, known: Known) -> None:
        self.port = port
        self.known = known
        self.device = check_link_name(port.device) if port.device else NAMELESS
        self.placed = self._placed(filters)
        self.learnt = learnt_sets([each.rule for each in self.placed])

    def rules(self) -> PortRules:
        """Return chains, ways into them, and sets; few filters look into packets, so most need no inner chains."""
        chains: Dict[str, Rules] = {}
        entrances: List[Entrance] = []
        for way, key in self._ways():
            chains.update(self._link(way, end_of(key)))
            inner = tuple(self._inner(way))
            if inner:
                chains[f"{way.inner}/{end_of(key)}"] = inner
            entrances += [Entrance(name, key) for name in ((way.link, way.inner) if inner else (way.link,))]
        heard = tuple(self._heard())
        if heard:
            chains[f"learn/{self.device}"] = heard
            entrances.append(Entrance("learn", f'"{self.device}"'))
        return PortRules(self.device, chains, tuple(entrances), tuple(self._sets()))

    def _placed(self, filters: Filters) -> List[Placed]:
        placed: List[Placed] = []
        for bound in flatten(self.port, filters):
            for rule in expand(self.port, bound, self.known):
                placed.append(Placed(bound.template.chain, bound.template.chain_priority, rule))
                if len(placed) > MOST_RULES:
                    said = f"with it the interface has more than {MOST_RULES} rules."
                    raise blame(self.port, bound.template, said)
        return placed

    def _ways(self) -> Iterator[Tuple[Way, str]]:
        """Yield each way with the key that leads into its chains."""
        yield _OUT, f'"{self.device}"'
        yield _IN, f'"{self.device}"'
        if any(answers(each.rule) and self._written(_REFUSE, each.rule) for each in self.placed):
            yield _REFUSE, self.port.mac

    def _written(self, way: Way, rule: ConcreteRule) -> Rules:
        """Return what nftables is to do for a rule."""
        try:
            return _written(way, rule)
        except UnsupportedConfig as error:
            raise UnsupportedConfig(self._said(error), line=error.line, hint=error.hint) from None
        except XmlError as error:
            raise XmlError(self._said(error), line=error.line, hint=error.hint) from None

    def _said(self, error: DocumentError) -> str:
        return f"{whose(self.port)}: {error.message.split(': ', 1)[-1] if error.line else error.message}"

    # chains

    def _link(self, way: Way, end: str) -> Dict[str, Rules]:
        """Return the chains of the link layer for one way; the root chain does not lead into an empty one."""
        steps = link_chains(self.placed, way.way)
        names = {chain: f"{way.link}/{end}/{chain.replace(':', '/')}" for chain in steps if chain != ROOT}
        inside = {chain: tuple(self._steps(way, steps[chain], {})) for chain in names}
        leads = {chain: names[chain] for chain, rules in inside.items() if rules}
        root = (*self._watched(way), *self._steps(way, steps[ROOT], leads))
        return {f"{way.link}/{end}": root, **{name: inside[chain] for chain, name in leads.items()}}

    def _steps(self, way: Way, steps: Sequence[Step], leads: Dict[str, str]) -> Iterator[str]:
        for step in steps:
            if isinstance(step, ConcreteRule):
                yield from self._written(way, step)
            elif step.chain in leads:
                yield with_comment(f"{step.entrance} jump {leads[step.chain]}".strip(), step.chain)

    def _inner(self, way: Way) -> Iterator[str]:
        for rule in inner_chain(self.placed):
            yield from self._written(way, rule)

    # learning

    def _watched(self, way: Way) -> Iterator[str]:
        for learnt in self.learnt:
            if way is _OUT:
                yield from (with_comment(each, "learning") for each in watched(learnt, self.port.mac))

    def _heard(self) -> Iterator[str]:
        for learnt in self.learnt:
            rules = acknowledged(learnt, self.port.mac, self._servers())
            yield from (with_comment(each, "learning") for each in rules)

    def _servers(self) -> List[str]:
        return [self._server(each) for each in as_lists(self.port.parameters).get("DHCPSERVER", ())]

    def _server(self, text: str) -> str:
        try:
            return str(IPV4.read(text))
        except ValueError:
            said = f"{whose(self.port)}: DHCPSERVER is {text[:80]!r}, and must be {IPV4.says}."
            raise XmlError(said, line=self.port.line) from None

    def _sets(self) -> Iterator[OwnSet]:
        for learnt in self.learnt:
            given = self.known.ipv4 if learnt.method == DHCP else ()
            elements = tuple(element(learnt, each) for each in given)
            yield OwnSet(f"{learnt.name} {{ {declaration(learnt)} }}", elements)
        yield from dict.fromkeys(
            OwnSet(f"{rule.own_set} {{ {about} }}", own_elements(rule)) for rule, about in self._counting()
        )
        yield from dict.fromkeys(self._copies())

    def _counting(self) -> Iterator[Tuple[ConcreteRule, str]]:
        for each in self.placed:
            about = own_set(each.rule)
            if about is not None:
                yield each.rule, about

    def _copies(self) -> Iterator[OwnSet]:
        used = {
            value.value.name for each in self.placed for value in each.rule.values if isinstance(value.value, Ipset)
        }
        for name in self.known.ipsets if used else ():
            with suppress(UnsupportedConfig):  # what cannot be copied has been refused where a rule asks for it
                copy = ipset_copy(name, self.known, self.port)
                if copy.known.name in used:
                    yield OwnSet(f"{copy.known.name} {{ {copy.declaration} }}", copy.elements, renewed=True)
