# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules with values in place of variables: one for each combination of the values of its lists.

Variables of one iterator go through their lists side by side, those of different ones make all combinations, and
combinations that come twice count once. Source of the rules: libvirt's formatnwfilter, "Usage of variables in filters"
and "Automatic IP address detection".
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ....model.nwfilter.core import Term
from ....model.nwfilter.kinds import IPV4, Kind
from ....model.nwfilter.protocols import PROTOCOLS, Attribute
from ....model.nwfilter.variables import Variable, is_variable, parse_variable
from ...contracts.nwfilter import FilterPort
from .resolve import MOST_RULES, Bound, blame
from .sets import own_set
from .text import digest
from .values import ANY, DHCP, Concrete, ConcreteRule, Learnt, Value

if TYPE_CHECKING:
    from .ipsets import Copy

NONE = "none"
_METHODS = (ANY, DHCP, NONE)
# Where a set of learnt addresses can stand for an address.
_LEARNABLE = ("srcipaddr", "dstipaddr", "arpsrcipaddr", "arpdstipaddr")
# How a device is called in names of ours while it has none.
NAMELESS = "-"

# Values that are kept as they were read: many interfaces have the same ones.
KEPT = 4096

Listed = Union[str, Learnt]
Choice = Mapping[Variable, Listed]


class Known(NamedTuple):
    """What is known of the addresses of an interface: those of its network's static hosts, else of its leases.

    ``ipsets`` is what ``ipset save NAME`` says of the ipsets that its rules ask for, by their names.
    """

    ipv4: Tuple[str, ...] = ()
    ipv6: Tuple[str, ...] = ()
    ipsets: Mapping[str, str] = MappingProxyType({})


def method(port: FilterPort) -> str:
    """Return how the addresses of an interface are learnt: any, dhcp or none; another word as it was given."""
    given = next((value for name, value in port.parameters if name == "CTRL_IP_LEARNING"), ANY)
    return given.lower()


def expand(port: FilterPort, bound: Bound, known: Known) -> Iterator[ConcreteRule]:
    """Yield the rules that one rule of an interface stands for.

    Raises XmlError naming the rule for a variable without a value, and for a value that its attribute cannot have.
    """
    return _Expansion(port, bound, known).rules()


class _Expansion:
    """One rule of one interface."""

    def __init__(self, port: FilterPort, bound: Bound, known: Known) -> None:
        self.port = port
        self.template = bound.template
        self.variables = bound.variables
        self.known = known

    def rules(self) -> Iterator[ConcreteRule]:
        used = {term.attribute: self._variable(term) for term in self.template.terms if self._varies(term)}
        lists = {variable: self._list(variable) for variable in used.values()}
        for choice in self._combinations(lists):
            yield self._owning(self._rule({name: (variable, choice[variable]) for name, variable in used.items()}))

    # variables

    def _varies(self, term: Term) -> bool:
        return is_variable(term.text) and self._attribute(term.attribute).variable

    def _attribute(self, name: str) -> Attribute:
        return PROTOCOLS[self.template.protocol or ""].attributes[name]

    def _variable(self, term: Term) -> Variable:
        try:
            return parse_variable(term.text)
        except ValueError:
            raise self._blame(f"{term.attribute} is {term.text!r}, which is no variable.") from None

    def _list(self, variable: Variable) -> Tuple[Listed, ...]:
        """Return the values that a variable goes through: those of its list, or the one that is asked for."""
        values = self.variables.get(variable.name) or self._implied(variable.name)
        if variable.place is None:
            return values
        if variable.place >= len(values):
            raise self._blame(
                f"the variable {variable} has no value: {variable.name} has {len(values)}, counted from 0.",
                f"Give more values for {variable.name} where the interface refers to its filter.",
            )
        return (values[variable.place],)

    def _implied(self, name: str) -> Tuple[Listed, ...]:
        """Return the value of a variable that nobody has given."""
        if name == "IP":
            return self._ipv4()
        if name == "IPV6" and self.known.ipv6:
            return self.known.ipv6
        raise self._blame(
            f"the variable ${name} has no value.",
            f"Give it where the interface refers to its filter: <parameter name='{name}' value='...'/>.",
        )

    def _ipv4(self) -> Tuple[Listed, ...]:
        how = method(self.port)
        if how not in _METHODS:
            raise self._blame(f"CTRL_IP_LEARNING is {how!r}.", f"It can be {', '.join(_METHODS)}.")
        if how == NONE:
            raise self._blame(
                "the variable $IP has no value, and CTRL_IP_LEARNING=none says that it is not learnt.",
                "Give it where the interface refers to its filter: <parameter name='IP' value='...'/>.",
            )
        if how == ANY and self.known.ipv4:
            return self.known.ipv4
        return (Learnt(set_name(how, self.port), 4, how),)

    # combinations

    def _combinations(self, lists: Mapping[Variable, Tuple[Listed, ...]]) -> Iterator[Choice]:
        """Yield a value for each variable; as in libvirt the first iterator goes round fastest."""
        groups: Dict[int, List[Variable]] = {0: []}
        fixed = {variable: values[0] for variable, values in lists.items() if variable.place is not None}
        for variable in lists:
            if variable.place is None:
                groups.setdefault(variable.iterator, []).append(variable)
        steps = [self._steps(group, lists) for group in groups.values() if group]
        self._check_count(steps)
        for rows in product(*reversed(steps)):
            yield {**fixed, **{variable: value for row in rows for variable, value in row.items()}}

    def _steps(self, group: Sequence[Variable], lists: Mapping[Variable, Tuple[Listed, ...]]) -> List[Choice]:
        lengths = {str(variable): len(lists[variable]) for variable in group}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {count}" for name, count in lengths.items())
            raise self._blame(
                f"its variables go side by side, and have different numbers of values: {said}.",
                "Variables with iterators of their own, as $A[@1] and $B[@2], make all combinations.",
            )
        rows = dict.fromkeys(zip(*(lists[variable] for variable in group)))
        return [dict(zip(group, row)) for row in rows]

    def _check_count(self, steps: Sequence[Sequence[Choice]]) -> None:
        count = 1
        for each in steps:
            count *= len(each)
        if count > MOST_RULES:
            raise self._blame(f"its variables make {count} combinations, and at most {MOST_RULES} are taken.")

    # values

    def _rule(self, chosen: Mapping[str, Tuple[Variable, Listed]]) -> ConcreteRule:
        template = self.template
        terms = [term for term in template.terms if term.attribute != "comment"]
        return ConcreteRule(
            filter=template.filter,
            number=template.number,
            action=template.action,
            direction=template.direction,
            priority=template.priority,
            statematch=template.statematch,
            protocol=template.protocol,
            values=tuple(self._value(term, chosen.get(term.attribute)) for term in terms),
            comment=next((term.text for term in template.terms if term.attribute == "comment"), ""),
            line=template.line,
        )

    def _owning(self, rule: ConcreteRule) -> ConcreteRule:
        """Return the rule with a name for the set that it needs, which stays as long as the rule says the same."""
        if own_set(rule) is None:
            return rule
        return rule._replace(own_set=f"own/{self.port.device or NAMELESS}/{digest(repr(rule._replace(line=None)))}")

    def _value(self, term: Term, chosen: Optional[Tuple[Variable, Listed]]) -> Value:
        if chosen is not None and isinstance(chosen[1], Learnt):
            return Value(term.attribute, self._learnt(term, chosen[1]), term.negate)
        text = term.text if chosen is None else str(chosen[1])
        return Value(term.attribute, self._read(term.attribute, text, chosen), term.negate)

    def _read(self, attribute: str, text: str, chosen: Optional[Tuple[Variable, Listed]]) -> Concrete:
        kind = self._attribute(attribute).kind
        if attribute == "ipset" and text in self.known.ipsets:
            return ipset_copy(text, self.known, self.port, self.template.line).known
        try:
            return _read(kind, text)
        except ValueError:
            of = "" if chosen is None else f" by {chosen[0]}"
            raise self._blame(f"{attribute} is {text[:80]!r}{of}, and must be {kind.says}.") from None

    def _learnt(self, term: Term, learnt: Learnt) -> Learnt:
        kind = self._attribute(term.attribute).kind
        if kind is IPV4 and term.attribute in _LEARNABLE:
            return learnt
        raise self._blame(
            f"{term.attribute} is $IP, and an address that is still to be learnt cannot stand there.",
            "Give IP a value where the interface refers to its filter.",
        )

    def _blame(self, message: str, hint: Optional[str] = None) -> Exception:
        return blame(self.port, self.template, message, hint)


@lru_cache(maxsize=KEPT)
def _read(kind: Kind, text: str) -> Concrete:
    return kind.read(text)


def set_name(how: str, port: FilterPort) -> str:
    """Return what the set of the addresses is called that an interface has been learnt to have."""
    return f"{how}/{port.device or NAMELESS}"


def ipset_copy(text: str, known: Known, port: FilterPort, line: Optional[int] = None) -> Copy:
    """Return the copy of an ipset for an interface; what is declared otherwise has another name."""
    from .ipsets import copied

    declaration = copied(known.ipsets[text], "", line=line).declaration
    name = f"ipset/{port.device or NAMELESS}/{digest(f'{text} {declaration}')}"
    return copied(known.ipsets[text], name, line=line)


def learnt_sets(rules: Sequence[ConcreteRule]) -> List[Learnt]:
    """Return the sets of learnt addresses that rules speak of, each once."""
    values = (value.value for rule in rules for value in rule.values)
    return list(dict.fromkeys(value for value in values if isinstance(value, Learnt)))
