# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters, interfaces and rules for the tests of what nftables is told."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.corral.virt.plugins.module_utils.drivers.contracts.nwfilter import FilterPort
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.builtin.table import builtin_document
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.resolve import Filters, Lookup
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.ruleset import port_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.transaction import PortRules
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

MAC = "52:54:00:00:00:01"


def lookup(*texts: str) -> Lookup:
    """A lookup of these filters and the built-in ones."""
    own = {document.get("name"): document for document in map(parse, texts)}

    def look(name: str) -> Element:
        found = own.get(name)
        found = builtin_document(name) if found is None else found
        if found is None:
            raise NotFound(f"no {name}")
        return found

    return look


def filters(*texts: str) -> Filters:
    """The same, as those who read them have it."""
    return Filters(lookup(*texts))


def port(name: str = "f", device: str = "vnet0", mac: str = MAC, **lists: str | Sequence[str]) -> FilterPort:
    """An interface of the guest web, with values for variables."""
    rows = ((key, [value] if isinstance(value, str) else value) for key, value in lists.items())
    return FilterPort(device, mac, "web", name, tuple((key, value) for key, values in rows for value in values), line=7)


def compiled(*texts: str, known: Known | None = None, **lists: str | Sequence[str]) -> PortRules:
    """What an interface is to have that is guarded by the first of these filters."""
    name = parse(texts[0]).get("name") or ""
    return port_rules(port(name, **lists), filters(*texts), known)


def chain(rules: PortRules, name: str) -> list[str]:
    """The rules of a chain without their comments."""
    return [rule.partition("comment ")[0].rstrip() for rule in rules.chains[name]]
