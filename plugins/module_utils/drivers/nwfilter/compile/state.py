# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packets of a connection a rule of the inner layer is about, in each direction.

A rule is in the chains of both directions: a rule that accepts what is sent also accepts the answers, and connection
tracking tells which packets are answers. Its other packets are matched with source and destination exchanged.

Source of the rules: libvirt's formatnwfilter, "Connection tracking" and "Limiting Number of Connections", and the
iptables rules that its driver makes.
"""

from __future__ import annotations

from typing import Iterator, Tuple

from .values import IN, INOUT, OUT, ConcreteRule

_NO_STATE = "NONE"
# Tests beside which a rule still says something when the sender's MAC address is not looked at: what comes back has
# the MAC address of somebody else.
_NOT_ALONE = ("srcmacaddr", "comment", "state", "ipset", "ipsetflags", "connlimit-above")


def is_exchanged(rule: ConcreteRule, way: str) -> bool:
    """Return whether these packets are those that the rule names the other way round.

    A rule for both directions is written from the point of view of what the guest receives.
    """
    return rule.direction == OUT if way == IN else rule.direction != OUT


def takes_part(rule: ConcreteRule, way: str) -> bool:
    """Return whether the rule is in the chain of this direction at all."""
    if not is_exchanged(rule, way):
        return True
    if rule.direction != INOUT and _named_states(rule) is not None:
        return False  # whoever names states means that one direction
    if rule.direction != INOUT and rule.says("type"):
        return False  # the answer to an ICMP packet has another type
    if rule.says("connlimit-above"):
        return False  # connections are counted where they begin
    only_mac = rule.says("srcmacaddr") and all(value.attribute in _NOT_ALONE for value in rule.values)
    return not only_mac


def state_tests(rule: ConcreteRule, way: str) -> Iterator[str]:
    """The tests of connection tracking, none for a rule that looks at no state."""
    named = _named_states(rule)
    if named:
        yield _states(rule, named)
    elif named is None and _tells_answers(rule):
        exchanged = is_exchanged(rule, way)
        yield "ct state established" if exchanged else "ct state new,established"
        if not rule.says("type"):
            yield f"ct direction {'reply' if exchanged else 'original'}"


def _tells_answers(rule: ConcreteRule) -> bool:
    """Return whether connections matter that no state is named for: for what is accepted in one direction."""
    one_way = rule.statematch and rule.direction != INOUT
    return rule.action == "accept" and one_way and not rule.says("connlimit-above")


def _named_states(rule: ConcreteRule) -> Tuple[str, ...] | None:
    """Return the states that a rule names, none of them for NONE; None when it names none and the default holds."""
    value = rule.get("state")
    if value is None or not rule.statematch or not isinstance(value.value, tuple):
        return None
    return tuple(str(word) for word in value.value if word != _NO_STATE)


def _states(rule: ConcreteRule, states: Tuple[str, ...]) -> str:
    """States as nft has them: a packet is in one of several when any of their bits is set."""
    value = rule.get("state")
    names = [state.lower() for state in states]
    if value is not None and value.negate:
        return f"ct state & ({' | '.join(names)}) == 0"
    return f"ct state {','.join(names)}"
