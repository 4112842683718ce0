# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units and objects agree: for a host that got its units when there were guests, networks and pools already.

Guests that were saved when the host went down go on, whether they start with the host or not.
"""

from __future__ import annotations

from typing import Iterator, List

from ..connect.open import open_connection
from ..drivers.api import HypervisorDriver, Summary
from ..drivers.store import Store
from ..drivers.units import WORDS, Units
from ..errors import CorralError
from ..host.api import Host
from ..host.layout import Layout
from .call import URI

# What others need comes first.
ORDER = ("network", "pool", "domain")


def synchronise(host: Host) -> Iterator[str]:
    """Make them agree; yields a sentence for each change."""
    with open_connection(URI, host=host) as connection:
        lists = {
            "network": connection.network.list_networks,
            "pool": connection.storage.list_pools,
            "domain": connection.hypervisor.list_domains,
        }
        stores = {kind: Store(host, Layout.system(), kind) for kind in ORDER}
        yield from _agree(Units(host, Layout.system(), ORDER[0]), list(stores.values()))
        for kind, store in stores.items():
            yield from _take_in(store, list(lists[kind]()))
        yield from _resume(stores["domain"], connection.hypervisor)


def _agree(units: Units, stores: List[Store]) -> Iterator[str]:
    """What starts with the host; a run that is ended on the way is as if it had not been."""
    if not units.tells():
        for store in stores:
            yield from _enable_marked(store)
        units.let_tell()
    for store in stores:
        yield from _enable(store)


def _enable(store: Store) -> Iterator[str]:
    """What systemctl(1) was told last about a unit counts, and its mark follows; a unit of what is gone is disabled."""
    names, word = store.names(), WORDS[store.kind]
    for name in names:
        if store.marked(name) != store.units.enabled(name):
            with store.lock(name):
                store.set_autostart(name, store.units.enabled(name))
            yield f"{'marked' if store.marked(name) else 'unmarked'} {word} {name}"
    for name in list(store.units.enabled_names(names)):
        if name not in names:
            store.units.enable(name, False)
            yield f"disabled {word} {name}"


def _enable_marked(store: Store) -> Iterator[str]:
    """On a host that had marks before it had units, these say which units are enabled."""
    for name in store.names():
        if store.marked(name) and not store.units.enabled(name):
            store.units.enable(name, True)
            yield f"enabled {WORDS[store.kind]} {name}"


def _take_in(store: Store, objects: List[Summary]) -> Iterator[str]:
    """What is active without its unit gets it: its unit's launcher finds that it is there."""
    for each in objects:
        if each.error is not None:
            yield f"left {WORDS[store.kind]} {each.name} as it is: {each.error.message}"
        elif each.active and not store.units.is_active(each.name):
            try:
                store.units.start_at_once(each.name)
            except CorralError as error:
                yield f"left {WORDS[store.kind]} {each.name} outside its unit: {error.message}"
            else:
                yield f"took {WORDS[store.kind]} {each.name} into its unit"


def _resume(store: Store, guests: HypervisorDriver) -> Iterator[str]:
    """What ran when the host went down, and was saved for that, goes on."""
    for name in store.names():
        try:
            saved = guests.saved_domain(name)
        except CorralError as error:
            yield f"left {WORDS[store.kind]} {name} as it is: {error.message}"
            continue
        if saved is not None and saved.resume:
            store.units.start_later(name)
            yield f"let {WORDS[store.kind]} {name} go on"
