# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses filters: guests by their documents, and other filters."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Set

from ....errors import CorralError, NotFound
from ...api import Domain, FilterPort, HypervisorDriver, User
from ...links.guarded import filter_ports
from ...listing import Told, all_told, told
from ..site import Site, view_of
from .memo import Guarded


def users(site: Site, hypervisor: Optional[HypervisorDriver], name: str) -> List[User]:
    """The guests, active or not, and the filters that refer to a filter themselves; by kind, then by name."""
    filters = {User("filter", view_of(each).name or "") for each in site.all() if name in view_of(each).needs()}
    return sorted(filters) + sorted(User("guest", guest) for guest in _guests(hypervisor, name))


def _guests(hypervisor: Optional[HypervisorDriver], name: str) -> Set[str]:
    """Those whose live document or definition names the filter; one of which nothing can be told may do that, too."""
    found: Set[str] = set()
    if hypervisor is None:
        return found
    for guest in hypervisor.list_domains():
        if any(each.document is None or name in _filters(each) for each in all_told(hypervisor, guest)):
            found.add(guest.name)
    return found


def _filters(guest: Told) -> Set[str]:
    found = () if guest.document is None else guest.document.iterfind("devices/interface/filterref")
    return {each.get("filter") or "" for each in found}


def active_ports(hypervisor: Optional[HypervisorDriver], memo: Mapping[str, Guarded]) -> Dict[str, FilterPort]:
    """The guarded interfaces of active guests by their devices.

    Their live documents say which those are. A guest that is just being started, or changed, may have a device that
    only the memo knows.
    """
    if hypervisor is None:
        return {}
    active = {guest.name: guest for guest in hypervisor.list_domains() if guest.active}
    found = {device: each.port for device, each in memo.items() if each.port.guest in active}
    for name in sorted(active):
        found.update({port.device: port for port in _of_guest(hypervisor, active[name]) if port.device})
    return found


def _of_guest(hypervisor: HypervisorDriver, guest: Domain) -> Iterator[FilterPort]:
    """Those of one guest; one that ends meanwhile has none, and one with a damaged document what the memo has of it."""
    for each in told(hypervisor, guest):
        if each.document is not None and each.whole:
            yield from filter_ports(guest.name, each.document)


def is_active(hypervisor: Optional[HypervisorDriver], guest: str) -> bool:
    """Whether a guest is; one that nobody can tell anything of counts as active."""
    try:
        return hypervisor is not None and hypervisor.lookup_domain(guest).active
    except NotFound:
        return False
    except CorralError:
        return True
