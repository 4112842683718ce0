# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that look beyond the header of IP see no later fragment, which has nothing of that kind.

nftables reads the ports of a later fragment where they would be, and so from what the sender has written there; only
iptables and ebtables know better by themselves. A first fragment is like any other packet.

A header of TCP that is cut in two hides its flags and options from every rule, and is whole again at the receiver. As
with iptables such fragments are dropped where a rule asks for flags or options (RFC 3128); nobody sends them in good
faith. For IPv6 receivers do that themselves (RFC 7112).
"""

from __future__ import annotations

from typing import Dict, List, Tuple

from ....model.nwfilter.protocols import PROTOCOLS
from .values import ConcreteRule

# Of a BPDU and of TCP the flags have the same name, and types are those of ICMP; only families of IP are guarded.
_BEYOND = ("srcportstart", "dstportstart", "flags", "option", "type", "typeend", "code", "codeend")
# In IPv6 a packet that is whole has no such header at all, and one statement cannot have it both ways.
_GUARDS: Dict[int, Tuple[str, ...]] = {
    4: ("ip frag-off & 0x1fff == 0",),
    6: ("exthdr frag missing", "frag frag-off 0"),
}
# The least of an IPv4 packet with TCP are two headers of 20 bytes.
_CUT = (
    "meta protocol ip ip protocol 6 ip frag-off & 0x1fff == 1 drop",
    "meta protocol ip ip protocol 6 ip frag-off & 0x1fff == 0 ip length < 40 drop",
)
_IN_ITS_MIDDLE = ("flags", "option")


def guarded(rule: ConcreteRule, statements: List[str]) -> List[str]:
    """Return the statements of a rule, the verdict of each its last word, as none of them sees a later fragment."""
    family = PROTOCOLS[rule.protocol].family if rule.protocol else None
    if family is None or not rule.says(*_BEYOND):
        return statements
    found = [_with(guard, statement) for statement in statements for guard in _GUARDS[family]]
    return [*_CUT, *found] if found and rule.protocol == "tcp" and rule.says(*_IN_ITS_MIDDLE) else found


def _with(guard: str, statement: str) -> str:
    """The guard stands behind all other conditions, but before what counts connections."""
    tests, _space, verdict = statement.rpartition(" ")
    tests, counts, set_of_its_own = tests.partition(" add @")
    return f"{tests} {guard}{counts}{set_of_its_own} {verdict}"
