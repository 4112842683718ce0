# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network filter driver: documents of filters, and the rules of guests' interfaces in the kernel's table.

All calls that change something hold one lock, because the table is one. Looking holds it only for a second look.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence

from ...errors import CorralError, MissingProgram, NotFound, OperationInvalid
from ...host.api import Host
from ...host.layout import Layout, check_name
from ...xml.parse import Element
from ..api import Fault, Filter, FilterPort, HypervisorDriver, Neighbours, NetworkDriver, NwfilterDriver, User
from ..listing import listed, of_uuid, uuid_left
from ..store import Store
from .site import Site, builtin_document, view_of

if TYPE_CHECKING:
    from .live.look import Found
    from .live.make import Maker
    from .live.scene import Scene


class NftablesDriver(NwfilterDriver):
    """The filters of one tree of files: the system's, or an embedded one; in a session they can be defined only."""

    name = "nwfilter"

    def __init__(self, host: Host, layout: Layout) -> None:
        self.site = Site(host, layout, Store(host, layout, "nwfilter"))
        self.host = host
        self.store = self.site.store
        self._hypervisor: Optional[HypervisorDriver] = None
        self._network: Optional[NetworkDriver] = None

    def meet(self, neighbours: Neighbours) -> None:
        self._hypervisor = neighbours.hypervisor
        self._network = neighbours.network

    # looking

    def explain(self) -> Dict[str, Any]:
        from ..links.nft import table_name

        return {"table": f"bridge {table_name(self.site.layout)}", "config": self.site.layout.config_dir("nwfilter")}

    def list_nwfilters(self) -> List[Filter]:
        return listed(self.site.names(), self._describe, self._damaged)

    def lookup_nwfilter(self, reference: str) -> Filter:
        if self.site.is_there(reference):
            return self._describe(reference)
        found = of_uuid(self.list_nwfilters(), reference)
        if found is not None:
            return found
        raise NotFound(f"There is no network filter with the name or uuid '{reference}'.", name=reference)

    def nwfilter_xml(self, name: str) -> Element:
        return self.site.require(name)

    def normalise_nwfilter(self, document: Element) -> Element:
        from .passes.complete import complete

        name = view_of(document).name or ""
        kept = self._existing(name, own_uuid=view_of(document).uuid is not None)
        return complete(document, self.site.all(but=name), kept=kept, host_id=self.site.host_id)

    def check_nwfilter(self, document: Element) -> None:
        from .live.define import check
        from .passes.loops import check_loops

        check_loops(document, self.site.document)
        check(self._scene(), view_of(document).name or "", document)

    def nwfilter_users(self, name: str) -> List[User]:
        from .live.guests import users

        self.site.require(name)
        return users(self.site, self._hypervisor, name)

    def nwfilter_faults(self, name: str) -> List[Fault]:
        from .live.define import affected

        self.site.require(name)
        return self.port_faults(affected(self._scene(), name))

    def check_ports(self, ports: Sequence[FilterPort]) -> None:
        from .live.change import check_right

        if not ports:
            return
        check_right(self.host)
        if self.host.find_program("nft") is None:
            raise MissingProgram("nft", hint="Install the package nftables.")
        self._maker().check(ports)

    def port_faults(self, ports: Sequence[FilterPort]) -> List[Fault]:
        if not ports or not self._look(ports).faults:
            return []
        with self.store.names_lock():  # another run may have been at the table
            return list(self._look(ports).faults)

    # changing

    @contextmanager
    def exclusive(self, name: str, *, timeout: float) -> Iterator[None]:
        with self.store.run_lock(check_name("nwfilter", name), timeout=timeout):
            yield

    def define_nwfilter(self, document: Element) -> Filter:
        from .live.define import define

        name = check_name("nwfilter", view_of(document).name or "")
        with self.store.names_lock():
            done = self.normalise_nwfilter(document)
            self.check_nwfilter(done)
            define(self._scene(), name, done)
        return self._describe(name)

    def undefine_nwfilter(self, name: str) -> None:
        from .live.define import undefine

        with self.store.names_lock():
            self._check_unused(name)
            undefine(self._scene(), name)

    def mend_nwfilter(self, name: str) -> None:
        from .live.change import guard
        from .live.define import affected

        self.site.require(name)
        with self.store.names_lock():
            ports = affected(self._scene(), name)
            devices = self._look(ports).devices
            if devices:
                guard(self._scene(), [port for port in ports if port.device in devices], self._maker())

    def guard_ports(self, ports: Sequence[FilterPort]) -> None:
        from .live.change import guard

        if ports:
            with self.store.names_lock():
                guard(self._scene(), ports, self._maker())

    def release_ports(self, devices: Sequence[str], *, guest: Optional[str] = None) -> None:
        from .live.change import release

        if devices:
            with self.store.names_lock():
                release(self._scene(), devices, guest, self._maker())

    # inside

    def _scene(self) -> Scene:
        from .live.scene import Scene

        return Scene(self.site, self._hypervisor, self._network)

    def _maker(self) -> Maker:
        from .live.make import Maker

        return Maker(self._scene())

    def _look(self, ports: Sequence[FilterPort]) -> Found:
        from .live.look import look
        from .live.memo import read

        memo = read(self.site, [port.device for port in ports]) or {}
        return look(self._scene(), ports, memo)

    def _existing(self, name: str, *, own_uuid: bool) -> Optional[Element]:
        """The document that another would replace, whose uuid stays; one that is damaged says nothing.

        A document that brings its own uuid takes the place of a built-in filter and not its identity.
        """
        found = None
        with suppress(CorralError):
            found = self.site.defined(name)
        return builtin_document(name) if found is None and not own_uuid else found

    def _check_unused(self, name: str) -> None:
        defined, built_in = self.site.is_defined(name), builtin_document(name) is not None
        if not defined and built_in:
            raise OperationInvalid(f"The network filter {name} is built in, and cannot be removed.", name=name)
        if not defined:
            raise NotFound(f"There is no network filter named '{name}'.", name=name)
        found = [] if built_in else self.nwfilter_users(name)
        if found:
            raise OperationInvalid(
                f"The network filter {name} is in use by {_listed(found)}.",
                hint="Take the references to it away first.",
                users=[{"kind": user.kind, "name": user.name} for user in found],
            )

    def _describe(self, name: str) -> Filter:
        view = view_of(self.site.require(name))
        return Filter(name, view.uuid or "", view.place, view.priority, not self.site.is_defined(name))

    def _damaged(self, name: str, error: CorralError) -> Filter:
        """A filter for a list, whose file is damaged."""
        return Filter(name, uuid_left(self.store, name), error=error)


def _listed(users: Sequence[User], most: int = 5) -> str:
    shown = ", ".join(f"{user.kind} {user.name}" for user in users[:most])
    return f"{shown} and {len(users) - most} more" if len(users) > most else shown
