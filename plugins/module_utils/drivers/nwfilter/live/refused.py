# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the kernel did not take a ruleset: which rule of which filter asked for what this kernel lacks.

The kernel says little ("Protocol error"), so what the rule asks for is tried alone: when rules were refused, and before
that when they ask for something that not every kernel has.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Match, NamedTuple, Optional, Pattern

from ....errors import CommandFailed, CorralError, OperationFailed, UnsupportedConfig
from ....host.api import Host
from ...links.nft import refusal

# Where in the text nft stopped, and what it said.
_ERROR = re.compile(r"^\S*?:(\d+):[\d-]+: Error: (.*)$", re.MULTILINE)
# The rule of a filter that a rule of ours comes from, as its comment has it: a digest, FILTER#NUMBER, and more.
_COMMENT = re.compile(r'comment "[0-9a-f]+ (?P<filter>[^"]*?)#(?P<number>\d+)(?=[:"])')
_TRIED = "add table {0}\nadd chain {0} try {{ type filter hook prerouting priority 0; }}\nadd rule {0} try {1}\n"


class Feature(NamedTuple):
    """Something that a kernel may be built without: how a rule asks for it, alone, and what can be done."""

    asked: Pattern[str]
    alone: str
    what: str
    hint: str


FEATURES = (
    Feature(
        re.compile(r"\bct count\b"),
        "ct count over 3 drop",
        "counting of connections (nft_connlimit, and nf_conntrack_bridge since Linux 5.3)",
        "Take connlimit-above out of the rule.",
    ),
    Feature(
        re.compile(r"\bct (state|direction|status|mark|original|reply|id)\b"),
        "ct state established accept",
        "connection tracking on bridges (nf_conntrack_bridge, since Linux 5.3)",
        "Load that module, or write statematch='false' at the rule and a rule of its own for the other direction.",
    ),
    Feature(
        re.compile(r"\breject\b"),
        "reject",
        "reject on bridges (nft_reject_bridge)",
        "Load that module, or write action='drop'.",
    ),
)


def explained(host: Host, family: str, text: str, error: CommandFailed) -> CorralError:
    """Return the error that says which rule of the text was refused, and what of the kernel it needs."""
    found = _ERROR.search(error.stderr)
    line = _line(text, int(found.group(1))) if found else ""
    said = found.group(2).strip() if found else error.stderr.strip()
    if "perator not permitted" in said or "be root" in error.stderr:
        return OperationFailed("Only root may change the packet filter of this host.", hint="Use become: true.")
    comment = _COMMENT.search(line)
    lacking = _lacking(host, family, line)
    if lacking is not None:
        return _unable(lacking, comment)
    if not _takes(host, family, "accept"):
        return UnsupportedConfig(
            "The kernel of this host lacks the packet filter of bridges.",
            hint="It takes the modules nf_tables and nft_meta_bridge (CONFIG_NF_TABLES_BRIDGE).",
        )
    of = f" of {_whose(comment)}" if comment else ""
    said = f"The kernel refused the rules{of}: {said.rstrip('.')}."
    return OperationFailed(said, refused=line, **_details(comment))


def check_kernel(host: Host, family: str, rules: Iterable[str]) -> None:
    """Raise UnsupportedConfig for the first of these rules that asks for what the kernel lacks; changes nothing.

    The kernel is asked only where a rule needs what not every kernel has.
    """
    asking: Dict[Feature, str] = {}
    for rule in rules:
        statement = rule.partition(' comment "')[0]
        for feature in FEATURES:
            if feature not in asking and feature.asked.search(statement):
                asking[feature] = rule
    for feature, rule in asking.items():
        if not _takes(host, family, feature.alone) and _takes(host, family, "accept"):
            raise _unable(feature, _COMMENT.search(rule))


def _unable(lacking: Feature, comment: Optional[Match[str]]) -> UnsupportedConfig:
    whose = _whose(comment) if comment else "a network filter"
    message = f"{whose[0].upper()}{whose[1:]} needs what the kernel of this host lacks: {lacking.what}."
    return UnsupportedConfig(message, hint=lacking.hint, **_details(comment))


def _whose(comment: Match[str]) -> str:
    return f"filter {comment['filter']}, rule {comment['number']}"


def _details(comment: Optional[Match[str]]) -> Dict[str, Any]:
    return {"filter": comment["filter"], "rule": int(comment["number"])} if comment else {}


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _lacking(host: Host, family: str, line: str) -> Optional[Feature]:
    """What the line asks for that the kernel does not take alone either."""
    asked = (each for each in FEATURES if each.asked.search(line))
    return next((each for each in asked if not _takes(host, family, each.alone)), None)


def _takes(host: Host, family: str, rule: str) -> bool:
    return refusal(host, _TRIED.format(f"{family} corral_probe", rule)) is None
