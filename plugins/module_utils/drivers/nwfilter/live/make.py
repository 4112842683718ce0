# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From interfaces to their rules: what filters say, what networks know of addresses, and what is copied from ipsets.

Each is read once. Only who makes rules imports this: looking mostly gets on without (see ``same``).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from ....errors import MissingProgram
from ....host.api import Host
from ....xml.parse import Element
from ....xml.write import to_text
from ...api import FilterPort
from ..compile.expand import Known, method
from ..compile.resolve import Filters, Included
from ..compile.ruleset import ipsets_asked, port_rules
from ..compile.transaction import FAMILY, PortRules
from ..compile.values import DHCP
from ..site import Lookup, needing, with_document
from .learn import Addresses, Networks, settled
from .memo import Guarded
from .same import digest
from .scene import Scene


class Made(NamedTuple):
    """The rules of an interface, and what they were made of: addresses, the ``filters`` by name, a digest of those."""

    port: FilterPort
    addresses: Addresses
    rules: PortRules
    filters: Tuple[str, ...] = ()
    source: str = ""


class Maker:
    """Makes rules; ``instead`` is a filter by its name with what its document will be, None for a built-in one."""

    def __init__(self, scene: Scene, instead: Optional[Tuple[str, Optional[Element]]] = None) -> None:
        lookup: Lookup = scene.site.document
        self._texts: Callable[[str], Optional[bytes]] = scene.site.store.read_config
        if instead is not None:
            name, document = instead
            lookup = with_document(lookup, name, document)
            text, kept = None if document is None else to_text(document).encode(), self._texts
            self._texts = lambda wanted: text if wanted == name else kept(wanted)
        self._filters = Filters(needing(lookup))
        self._host = scene.site.host
        self._networks = Networks(scene.network)
        self._ipsets = Ipsets(scene.site.host)
        self._sources: Dict[Tuple[str, ...], str] = {}

    def make(self, port: FilterPort, before: Optional[Guarded] = None) -> Made:
        """Return the rules of an interface; ``before`` is how it is guarded already.

        Raises XmlError that names the interface and the rule, NotFound, UnsupportedConfig, InvalidArgument.
        """
        own = before.addresses if before is not None and before.is_of(port) else None
        addresses = settled(own, self._networks.addresses(port))
        rules, filters = self._rules(port, addresses), self._taken_in(port.filter)
        return Made(port, addresses, rules, filters, self._source(filters))

    def make_all(self, ports: Iterable[FilterPort], memo: Mapping[str, Guarded]) -> Dict[str, Made]:
        """Return the rules of interfaces by their devices."""
        return {port.device: self.make(port, memo.get(port.device)) for port in ports}

    def _rules(self, port: FilterPort, addresses: Addresses) -> PortRules:
        known = _known(port, addresses)
        asked = ipsets_asked(port, self._filters, known)
        if asked:
            known = known._replace(ipsets=self._ipsets.saved(asked))
        return port_rules(port, self._filters, known)

    def _source(self, filters: Tuple[str, ...]) -> str:
        if filters not in self._sources:
            self._sources[filters] = digest(self._host, filters, self._texts)
        return self._sources[filters]

    def _taken_in(self, name: str) -> Tuple[str, ...]:
        """The filter and all that it takes in, sorted."""
        found: Dict[str, None] = {}
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found[current] = None
                entries = self._filters.entries(current) or ()
                waiting += [entry.name for entry in entries if isinstance(entry, Included)]
        return tuple(sorted(found))

    def check(self, ports: Iterable[FilterPort]) -> None:
        """Raise what keeps interfaces from having rules; their links may have no names yet, or patterns of them.

        What the kernel lacks is one of that, where the rules ask for what not every kernel has.
        """
        rules: Dict[str, None] = {}
        for port in ports:
            nameless = replace(port, device="") if "%" in port.device else port
            made = self._rules(nameless, self._networks.addresses(port))
            rules.update(dict.fromkeys(line for lines in made.chains.values() for line in lines))
        asking = [rule for rule in rules if " ct " in f" {rule}" or "reject" in rule]
        if asking:
            from .refused import check_kernel  # most rules ask for what every kernel has

            check_kernel(self._host, FAMILY, asking)


def _known(port: FilterPort, addresses: Addresses) -> Known:
    """What counts of the addresses: what DHCP gives is learnt in addition to all that it has given before."""
    four = addresses.every(4) if method(port) == DHCP else addresses.first(4)
    return Known(four, addresses.first(6))


class Ipsets:
    """The sets of ipset(8), each asked for once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._saved: Dict[str, Optional[str]] = {}

    def saved(self, names: Iterable[str]) -> Dict[str, str]:
        """Return what ``ipset save`` says of those that are there."""
        found = {name: self._save(name) for name in names if not name.startswith("-")}
        return {name: said for name, said in found.items() if said is not None}

    def _save(self, name: str) -> Optional[str]:
        if name not in self._saved:
            try:
                done = self._host.run(("ipset", "save", name), check=False)
                self._saved[name] = None if done.code else done.stdout.decode("utf-8", "replace")
            except MissingProgram:
                self._saved[name] = None
        return self._saved[name]


def copied(rules: PortRules) -> str:
    """Return a digest of what the rules have copied from ipsets, "" where that is nothing; time runs on by itself."""
    rows = [
        (each.declaration, [text.partition(" timeout ")[0] for text in each.elements])
        for each in rules.sets
        if each.renewed
    ]
    return hashlib.sha256(repr(sorted(rows)).encode("utf-8")).hexdigest() if rows else ""
