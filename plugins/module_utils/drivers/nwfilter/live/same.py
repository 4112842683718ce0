# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether interfaces are as they were left, which is told without making their rules once more.

What the rules were made of is remembered, and a digest of what the kernel was to have: while neither has changed,
everything is right. Whatever differs has to be looked at more closely.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ....host.api import Host
from ...api import FilterPort
from ...links.netfilter import comments, sets, verdicts
from ..compile.transaction import Content, Traces
from .learn import Networks, settled
from .memo import Guarded
from .scene import Scene


def digest(host: Host, filters: Iterable[str], texts: Callable[[str], Optional[bytes]]) -> str:
    """Return a digest of filters, by what is kept of them; what is built in, and how rules are made, is our code."""
    rows = [(name, hashlib.sha256(texts(name) or b"").hexdigest()) for name in filters]
    return hashlib.sha256(repr((host.code_id(), rows)).encode("utf-8")).hexdigest()


def seal(content: Content, traces: Traces) -> str:
    """Return a digest of what a table has of the things that an interface is to have."""
    names = {name.partition(" ")[0] for name in traces.sets}
    ways = [(name, key, content.maps.get(name, {}).get(key.strip('"'))) for name, key in traces.entrances]
    chains = [(name, list(content.chains.get(name, ()))) for name in traces.chains]
    rows = (chains, ways, sorted(names.intersection(content.sets)))
    return hashlib.sha256(json.dumps(rows).encode("utf-8")).hexdigest()


def changed(scene: Scene, ports: Sequence[FilterPort], memo: Mapping[str, Guarded]) -> List[FilterPort]:
    """Return those interfaces of which it cannot be told that all is right."""
    known = _unmoved(scene, ports, memo)
    content = _content(scene, [each.traces for each in known.values()])
    right = {device for device, each in known.items() if seal(content, each.traces) == each.seal}
    return [port for port in ports if port.device not in right]


def _unmoved(scene: Scene, ports: Sequence[FilterPort], memo: Mapping[str, Guarded]) -> Dict[str, Guarded]:
    """The interfaces whose rules would be made of the same things again."""
    networks, sources = Networks(scene.network), _Sources(scene)
    found: Dict[str, Guarded] = {}
    for port in ports:
        before = memo.get(port.device)
        if before is None or before.port != replace(port, line=None) or before.copied:
            continue
        same = settled(before.addresses, networks.addresses(port)) == before.addresses
        if same and sources.digest(before.filters) == before.source:
            found[port.device] = before
    return found


class _Sources:
    """Digests of filters, each made once."""

    def __init__(self, scene: Scene) -> None:
        self._site = scene.site
        self._made: Dict[Tuple[str, ...], str] = {}

    def digest(self, filters: Tuple[str, ...]) -> str:
        if filters not in self._made:
            self._made[filters] = digest(self._site.host, filters, self._site.store.read_config)
        return self._made[filters]


def _content(scene: Scene, every: Sequence[Traces]) -> Content:
    """What the kernel has of all that these interfaces are to have."""
    host, table = scene.site.host, scene.table
    chains = comments(host, table, [name for traces in every for name in traces.chains])
    maps = verdicts(host, table, sorted({name for traces in every for name, _key in traces.entrances}))
    there = sets(host, table) if any(traces.sets for traces in every) else []
    return Content({name: tuple(found) for name, found in chains.items()}, maps, tuple(there))
