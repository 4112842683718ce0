# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts say of their guests, as hosts of an inventory: names, variables, addresses.

Hosts and guests are not trusted: their words become values, and never templates, names of variables or of other hosts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network
from typing import Any, Optional, Union

Address = Union[IPv4Address, IPv6Address]
Wanted = Union[str, IPv4Network, IPv6Network]

# What corral.virt.vm_info says of a guest and does not change by itself within minutes.
FACTS = (
    "name uuid id state reason active persistent autostart pending tags title description type arch machine firmware"
    " memory_mib current_memory_mib vcpus current_vcpus disks interfaces graphics filesystems channels agent"
).split()
# How many of them a warning names.
SHOWN = 8
FAMILIES = {"ipv4": 4, "ipv6": 6}
# What patterns of hosts have a use for, and what no name of a host should have.
UNFIT = re.compile(r"[^\w.+@%-]")


@dataclass(frozen=True)
class Guest:
    """A guest as an inventory has it; ``host`` is where it is, ``uri`` the connection it was found in."""

    host: str
    uri: str
    facts: Mapping[str, Any]

    @cached_property
    def addresses(self) -> list[Address]:
        """The addresses at which others may reach it, in the order of its interfaces."""
        return addresses(self.facts)

    def variables(self, prefix: str) -> dict[str, Any]:
        """Its variables."""
        found = _facts(self.facts)
        found.update(host=self.host, uri=self.uri, addresses=[str(address) for address in self.addresses])
        return {f"{prefix}{name}": value for name, value in found.items()}


def guests_in(answers: Mapping[str, Any]) -> Iterator[Guest]:
    """The guests in the answers of hosts, sorted by host; rows that are none are left out."""
    for host in sorted(answers):
        for row in answers[host]:
            for facts in row["guests"]:
                if isinstance(facts, Mapping) and isinstance(facts.get("name"), str):
                    yield Guest(host, str(row["uri"] or ""), facts)


def unreadable_in(answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The hosts that have guests which cannot be looked at, each with their names and why, for a warning."""
    for host in sorted(answers):
        rows = [facts for row in answers[host] for facts in row.get("unreadable") or () if isinstance(facts, Mapping)]
        said = [" ".join(str(facts[key]) for key in ("error", "hint") if facts.get(key)) for facts in rows]
        texts = [f"{facts.get('name')} ({text})" for facts, text in zip(rows[:SHOWN], said)]
        if texts:
            yield host, ", ".join(texts) + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")


def in_short(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a host with what the inventory has of its guests, and nothing else."""
    return [{**row, "guests": [_facts(facts) for facts in row["guests"] if isinstance(facts, Mapping)]} for row in rows]


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in FACTS if name in facts}


def addresses(facts: Mapping[str, Any]) -> list[Address]:
    """The addresses at which others may reach a guest, in the order of its interfaces."""
    found = [_address(text) for row in facts.get("interfaces") or [] for text in row.get("addresses") or []]
    usable = [each for each in found if each and not (each.is_loopback or each.is_link_local or each.is_unspecified)]
    return list(dict.fromkeys(usable))


def _address(text: Any) -> Optional[Address]:
    try:
        if not isinstance(text, str):
            return None
        return ip_interface(text).ip if "/" in text else ip_address(text)
    except ValueError:
        return None


def read_wanted(texts: Sequence[str]) -> list[Wanted]:
    """What of addresses is wanted: a family, or a subnet. Raises ValueError that names what is neither."""
    found: list[Wanted] = []
    for text in texts:
        try:
            found.append(text if text in FAMILIES else ip_network(text))
        except ValueError:
            raise ValueError(f"{text!r} is neither ipv4, ipv6 nor a subnet such as 192.168.1.0/24") from None
    return found


def chosen(found: Sequence[Address], wanted: Sequence[Wanted]) -> Optional[str]:
    """The first address that the first of the wanted fits to which any fits; None when none fits."""
    for each in wanted:
        for address in found:
            fits = address.version == FAMILIES[each] if isinstance(each, str) else address in each
            if fits:
                return str(address)
    return None


def fit_name(name: str) -> str:
    """A name that patterns of hosts take for nothing else."""
    return UNFIT.sub("_", name) or "_"


def unique_names(guests: Sequence[Guest], names: Sequence[str], taken: Collection[str]) -> list[str]:
    """The names of guests in the inventory: those that are not taken and used once stay, others get their host's.

    What is still not unique then, such as guests of two connections of one host, gets the uuid as well.
    """
    short = [fit_name(name) for name in names]
    long = [f"{name}.{fit_name(guest.host)}" for guest, name in zip(guests, short)]
    longest = [f"{name}.{fit_name(str(guest.facts.get('uuid')))}" for guest, name in zip(guests, long)]
    found = _where_free(short, long, taken)
    return _where_free(found, longest, taken)


def _where_free(names: Sequence[str], others: Sequence[str], taken: Collection[str]) -> list[str]:
    used = Counter(names)
    return [other if used[name] > 1 or name in taken else name for name, other in zip(names, others)]
