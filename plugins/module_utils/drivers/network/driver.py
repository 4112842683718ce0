# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network driver: virtual networks of this host, each call under the network's lock where it changes something."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ...errors import AlreadyExists, CorralError, InvalidArgument, NotFound, OperationInvalid
from ...host.api import Host
from ...host.layout import Layout, check_name
from ...xml.compare import Change
from ...xml.parse import Element
from ...xml.write import to_text
from ..api import Expected, Fault, HypervisorDriver, Lease, Neighbours, Network, NetworkDriver
from ..listing import listed, may_be_live, of_uuid, uuid_left
from ..store import Store
from .site import Site, view_of

if TYPE_CHECKING:
    from .live.look import Scene
    from .ports.guests import Port


class BridgeDriver(NetworkDriver):
    """The networks of one tree of files: the system's, or an embedded one; in a session they can be defined only."""

    name = "network"

    def __init__(self, host: Host, layout: Layout, *, read_only: bool = False) -> None:
        self.site = Site(host, layout, Store(host, layout, "network"), read_only)
        self.host = host
        self.store = self.site.store
        self._hypervisor: Optional[HypervisorDriver] = None
        self._given: List[Port] = []  # the devices that were chosen in this run, of which no live document says so yet
        self._choosing = Lock()  # guests that start at the same time get different ones

    def meet(self, neighbours: Neighbours) -> None:
        self._hypervisor = neighbours.hypervisor

    # looking

    def explain(self) -> Dict[str, Any]:
        from ..links.nft import table_name

        return {"table": f"inet {table_name(self.site.layout)}", "config": self.site.layout.config_dir("network")}

    def list_networks(self) -> List[Network]:
        return listed(self.site.names(), self._describe, self._damaged)

    def lookup_network(self, reference: str) -> Network:
        if self._is_known(reference):
            return self._describe(reference)
        found = of_uuid(self.list_networks(), reference)
        if found is not None:
            return found
        raise NotFound(f"There is no network with the name or uuid '{reference}'.", name=reference)

    def network_xml(self, name: str, *, inactive: bool = False) -> Element:
        active, kept = self.site.active(name), self.site.persistent(name)
        found = kept if active is None or (inactive and kept is not None) else active
        if found is None:
            raise NotFound(f"There is no network named '{name}'.", name=name)
        return found

    def normalise_network(self, document: Element) -> Element:
        name = check_name("network", view_of(document).name or "")
        return self._completed(document, self._existing(name))

    def check_network(self, document: Element, *, start: bool) -> None:
        from .live.foresee import foresee

        foresee(self.site, view_of(document), start=start)

    def expect_network(self, name: str, expected: Expected) -> None:
        self.site.expected[name] = expected

    def ignored_network_parts(self, document: Element) -> List[str]:
        from .passes.ignored import ignored_parts

        return ignored_parts(document)

    def network_faults(self, name: str) -> List[Fault]:
        from .live.mend import faults

        self.site.require(name)
        document = self.site.active(name)
        return [] if document is None else faults(self._scene(name, document))

    def check_mend(self, name: str) -> None:
        from .live.mend import check_mend

        check_mend(self._scene(name, self._active(name)))

    def network_advice(self, name: str) -> List[str]:
        from .firewall.advice import advise
        from .live.salvage import damages
        from .live.uplink import lost_uplink

        self.site.require(name)
        document = self.site.active(name)
        if document is None:
            return []
        network = view_of(document)
        return [
            *lost_uplink(self.host, network),
            *advise(self.host, self.site.layout, network),
            *damages(self.site, without=name),
        ]

    def network_leases(self, name: str) -> List[Lease]:
        from .live.leases import read_leases

        self.site.require(name)
        data = self.host.read(self.site.layout.network_leases(name)) or b""
        return read_leases(name, data.decode("utf-8", "replace"), self.host.now())

    def network_guests(self, name: str) -> List[str]:
        from .ports.guests import guests_of

        return guests_of(self._hypervisor, name)

    def actual_interface(self, interface: Element) -> Element:
        from ...model.domain.interface import Interface
        from .ports.actual import actual_interface, check_floor, takes_devices
        from .ports.guests import Port, others

        name = Interface(interface).network or ""
        network = view_of(self._active(name))
        check_floor(network, interface)
        if not takes_devices(network):
            return actual_interface(self.host, network, interface, ())
        with self._choosing:
            taken = others(self._hypervisor, name, interface, self._given)
            found = actual_interface(self.host, network, interface, taken)
            self._given.append(Port("a guest that is starting", "", found))
        return found

    # changing

    @contextmanager
    def exclusive(self, name: str, *, timeout: float) -> Iterator[None]:
        with self.store.run_lock(check_name("network", name), timeout=timeout):
            yield

    def define_network(self, document: Element) -> Network:
        name = check_name("network", view_of(document).name or "")
        with self.store.lock(name), self.store.names_lock():
            done = self._completed(document, self._existing(name))
            self.store.write_config(name, to_text(done).encode())
        return self._describe(name)

    def create_network(self, document: Element) -> Network:
        from .live.life import start

        name = check_name("network", view_of(document).name or "")

        with self.store.lock(name):
            if self.store.read_config(name) is not None or self._is_up(name):
                raise AlreadyExists(f"There is a network named {name} already.", hint="Start that one.", name=name)
            if not self.store.units.serves(name):
                start(self.site, name, lambda: self._completed(document, None), self._hypervisor)
                return self._describe(name)
        self.store.units.start(name, lambda: self._is_up(name), document=to_text(document))
        return self._describe(name)

    def undefine_network(self, name: str) -> None:
        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Network {name} is transient: it has no definition to remove.")
            if not self.store.is_live(name):
                self._forget(name)
            self.store.remove_config(name)

    def start_network(self, name: str) -> Network:
        from .live.life import start

        with self._locked(name):
            if self.store.read_live(name) is not None and self._is_up(name):
                raise OperationInvalid(f"Network {name} is already active.")
            if not self.store.units.serves(name):
                start(self.site, name, lambda: self.site.require(name), self._hypervisor)
                return self._describe(name)
        self.store.units.start(name, lambda: self._is_up(name))
        return self._describe(name)

    def destroy_network(self, name: str, *, again: bool = False) -> None:
        from .live.life import take_down

        with self._locked(name):
            take_down(self._scene(name, self._active(name)), again=again)
            if not again and self.store.read_config(name) is None:
                self._forget(name)
        self.store.units.settle(name)

    def update_network(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        from .live.update import update

        with self._locked(name):
            document = self._active(name)
            update(self._scene(name, document), document, wanted, changes)

    def mend_network(self, name: str) -> None:
        from .live.mend import mend

        self._active(name)
        if self.store.units.reload(name):  # a dnsmasq that is started lives in the network's unit
            return
        with self._locked(name):
            mend(self._scene(name, self._active(name)))

    def renew_limits(self, name: str) -> None:
        from .live.rate import set_rate
        from .ports.guests import connected

        with self._locked(name):
            set_rate(self.site, view_of(self._active(name)), connected(self._hypervisor, name))

    def set_network_autostart(self, name: str, autostart: bool) -> None:
        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Network {name} is transient, and only a defined network can start by itself.")
            self.store.set_autostart(name, autostart)

    # inside

    def _scene(self, name: str, document: Element) -> Scene:
        from .live.look import Scene

        return Scene(self.site, name, view_of(document), self._hypervisor)

    def _active(self, name: str) -> Element:
        self.site.require(name)
        document = self.site.active(name)
        if document is None:
            raise OperationInvalid(f"Network {name} is not active.", hint="Start it first.", name=name)
        return document

    def _existing(self, name: str) -> Optional[Element]:
        """The definition that a document would replace: the persistent one, or that of a transient network."""
        found = self.site.persistent(name)
        return self.site.active(name) if found is None else found

    def _completed(self, document: Element, kept: Optional[Element]) -> Element:
        from ..libvirtd import foreign_bridges
        from ..surroundings import without_link
        from .passes.complete import complete

        network, foreign, surroundings = view_of(document), foreign_bridges(self.host), self.site.surroundings()
        name, bridge = network.name or "", network.bridge or ""
        known = [each for several in self.site.others(name).values() for each in several]
        if foreign.get(bridge) == name:  # it is taken over from libvirt, which has it until it is ended there
            surroundings = without_link(surroundings, bridge)
        try:
            return complete(document, surroundings, known, kept=kept, host_id=self.site.host_id)
        except AlreadyExists as error:
            if error.details.get("bridge") in foreign:
                error.hint = f"It is libvirtd's network {foreign[bridge]} that has it; choose another, or leave it out."
            raise

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold the lock of a network that exists."""
        self.site.require(name)
        with self.store.lock(name):
            self.site.require(name)  # a transient one that has ended is gone now
            yield

    def _forget(self, name: str) -> None:
        """Remove what only a network that still exists has a use for."""
        self.host.remove(self.site.layout.network_leases(name))
        self.host.remove(self.site.layout.network_log(name))

    def _is_up(self, name: str) -> bool:
        """Whether it is active, and not only counts as such while it is started again."""
        from .live.life import goes_on

        return self.store.is_live(name) and not goes_on(self.site, name)

    def _is_known(self, name: str) -> bool:
        try:
            check_name("network", name)
        except InvalidArgument:
            return False  # no network is called so; it may still be a uuid
        return self.store.read_config(name) is not None or self.store.is_live(name)

    def _describe(self, name: str) -> Network:
        kept, document = self.site.persistent(name), self.site.active(name)
        view = view_of(self.site.require(name) if document is None else document)
        return Network(
            name=name,
            uuid=view.uuid or "",
            active=document is not None,
            persistent=kept is not None,
            autostart=self.store.autostart(name),
            bridge=view.bridge,
            runtime=self._facts(name) if document is not None and view.has_own_bridge() else {},
        )

    def _facts(self, name: str) -> Mapping[str, Any]:
        status = self.site.status(name)
        facts: Dict[str, Any] = {"leases": self.site.layout.network_leases(name)}
        if status is not None:
            facts["started"] = status.started
            if status.process is not None and self.host.process(status.pid) == status.process:
                facts["dnsmasq"] = status.pid
        return facts

    def _damaged(self, name: str, error: CorralError) -> Network:
        """A network for a list, whose files are damaged."""
        return Network(name, uuid_left(self.store, name), may_be_live(self.store, name), error=error)
