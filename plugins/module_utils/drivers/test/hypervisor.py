# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests of the test driver: no guest runs, and everything behaves as if."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

from ...errors import AlreadyExists, NotFound, OperationInvalid, TimedOut
from ...host.api import Host
from ...model.domain.identity import DOMAIN
from ...model.domain.seed import ENDINGS, add_seed, seed_id
from ...xml.compare import Change, take
from ...xml.parse import Element, clone
from ..api import ACTIVE_STATES, Domain, GuestAddress, HypervisorDriver, Seed, mutates
from .guest import Guest
from .keeper import Keeper
from .network import check_interfaces
from .node import Node
from .owned import volumes_owned


@dataclass(frozen=True)
class Transition:
    """What a call does to a guest's state, and from which states; ``verb`` is for the error."""

    verb: str
    start: Tuple[str, ...]
    end: str
    reason: str


START = Transition("started", ("shut off", "crashed"), "running", "booted")
START_PAUSED = Transition("started", ("shut off", "crashed"), "paused", "starting up")
SHUTDOWN = Transition("shut down", ("running",), "shut off", "shutdown")
DESTROY = Transition("destroyed", tuple(sorted(ACTIVE_STATES)), "shut off", "destroyed")
SUSPEND = Transition("paused", ("running",), "paused", "user")
REBOOT = Transition("rebooted", ("running",), "running", "booted")
RESET = Transition("reset", ("running",), "running", "booted")
RESET_PAUSED = Transition("reset", ("paused", "crashed"), "paused", "user")
RESUME = Transition("resumed", ("paused",), "running", "unpaused")

# What the console shows; a guest that was never run has shown nothing. The words are those of our real test guest.
GREETING = "corral-guest: up\n"
FAREWELL = "corral-guest: down\n"


class SimulatedHypervisor(HypervisorDriver):
    """The hypervisor driver of ``test:///default`` and ``test:///FILE``."""

    name = "test"

    def __init__(self, host: Host, keeper: Keeper) -> None:
        self.host = host
        self.keeper = keeper

    def explain(self) -> Dict[str, Any]:
        """Return where the state is kept."""
        return {"state": self.keeper.path or "memory"}

    def version(self) -> Dict[str, Any]:
        """Return the hypervisor's name and version, as libvirt's test driver gives them."""
        return {"hypervisor": "TEST", "version": "0.0.2"}

    def list_domains(self) -> List[Domain]:
        """Return every guest, in the order of the document."""
        return [guest.summary() for guest in self.keeper.read().guests()]

    def lookup_domain(self, reference: str) -> Domain:
        """Return the guest of a name, uuid or id."""
        return self.keeper.read().lookup(reference).summary()

    def domain_xml(self, name: str, *, inactive: bool = False) -> Element:
        """Return the document, with the id of a guest that runs."""
        guest = self.keeper.read().guest(name)
        document = guest.document(inactive=inactive)
        if guest.active and not inactive:
            document.set("id", str(guest.runtime.id))
        return document

    def normalise_domain(self, document: Element) -> Element:
        """Return the document as it would be stored."""
        return self.keeper.read().complete(document)

    def seeded_document(self, document: Element, seed: Seed) -> Element:
        """Return the document with a file that nobody makes; what is in it is told apart by its digest."""
        copy, said = clone(document), json.dumps([seed.kind, sorted(seed.files.items())]).encode()
        digest = hmac.new(self.keeper.read().seed.encode(), said, hashlib.sha256).hexdigest()[:32]
        add_seed(copy, seed.kind, f"/var/lib/corral/seeds/{digest}.{ENDINGS[seed.kind]}", f"iid-{digest}")
        return copy

    def has_seed(self, name: str, document: Element, seed: Seed) -> bool:
        """Whether the guest was defined with it."""
        found = self.keeper.read().find(name)
        return found is not None and seed_id(found.element) == seed_id(document)

    def check_removal(self, name: str, *, storage: str = "keep") -> List[str]:
        """Return the volumes that were made for the guest."""
        node = self.keeper.read()
        volumes = volumes_owned(node, node.guest(name)) if storage == "owned" else []
        return [f"the volume {volume.name} of pool {volume.pool.name}" for volume in volumes]

    def check_start(self, document: Element) -> None:
        """Raise what the networks of the guest lack for it."""
        check_interfaces(self.keeper.read(), document)

    def console_log(self, name: str, *, size: int = 16384) -> bytes:
        """Return what a guest would have written: a greeting once it runs, and a farewell."""
        text = _console(self.keeper.read().guest(name))
        return text.encode()[-size:] if size > 0 else b""

    def wait_domain(self, name: str, states: Sequence[str], *, timeout: float) -> Domain:
        """Wait for another run to bring the guest there; one that was transient and is gone is shut off."""
        last: List[Domain] = []

        def arrived() -> bool:
            last[:] = [self._known(name, last)]
            return last[0].state in states

        if not self.host.wait_for(arrived, timeout=timeout, watch=self._watched()):
            raise TimedOut(f"The guest {name!r} is still {last[0].state} after {timeout:g} seconds.", name=name)
        return last[0]

    def _known(self, name: str, last: Sequence[Domain]) -> Domain:
        guest = self.keeper.read().find(name)
        if guest is not None:
            return guest.summary()
        if not last:
            raise NotFound(f"There is no guest named {name!r}.", name=name)
        return Domain(name, last[0].uuid, active=False, persistent=False)

    def console_size(self, name: str) -> int:
        """Return how much a guest would have written."""
        return len(_console(self.keeper.read().guest(name)))

    def wait_console(self, name: str, text: str, *, timeout: float, since: int = 0) -> bool:
        """Wait for the text; a guest that is not active has nothing to add."""
        ended: List[bool] = []

        def settled() -> bool:
            guest = self.keeper.read().guest(name)
            ended[:] = [not guest.active]
            return ended[0] or text in _console(guest)[since:]

        self.keeper.read().guest(name)
        self.host.wait_for(settled, timeout=timeout, watch=self._watched())
        return text in _console(self.keeper.read().guest(name))[since:]

    def domain_addresses(self, name: str, *, agent: bool = False) -> List[GuestAddress]:
        """Return an address (RFC 5737) for each interface of a guest that runs, made of its MAC address."""
        found = self.lookup_domain(name)
        macs = [mac.get("address", "") for mac in self.domain_xml(name).findall("devices/interface/mac")]
        known = [mac for mac in macs if found.active and mac]
        return [GuestAddress(mac, f"192.0.2.{int(mac[-2:], 16) % 254 + 1}", "lease") for mac in known]

    def wait_address(self, name: str, *, timeout: float) -> List[GuestAddress]:
        """Return them: no guest takes its time."""
        return self.domain_addresses(name)

    def check_rename(self, name: str, new_name: str) -> None:
        """Raise what would keep the guest from being renamed."""
        self.keeper.read().check_rename(name, new_name)

    def _watched(self) -> Tuple[str, ...]:
        return (self.keeper.path,) if self.keeper.path else ()

    @mutates
    def define_domain(self, document: Element) -> Domain:
        """Keep the document; the guest keeps its uuid, its MAC addresses, its id and whether it starts by itself."""
        with self.keeper.change() as node:
            return node.define(node.complete(document)).summary()

    @mutates
    def write_seed(self, document: Element, seed: Seed) -> None:
        """Do nothing: there is nobody to read it."""

    @mutates
    def undefine_domain(self, name: str, *, storage: str = "keep") -> None:
        """Forget the definition, and the volumes that were made for it; a guest that runs goes on until it ends."""
        with self.keeper.change() as node:
            guest = node.guest(name)
            if not guest.persistent:
                raise OperationInvalid(f"The guest {name!r} is transient: it has no definition, and goes when it ends.")
            for volume in volumes_owned(node, guest) if storage == "owned" else ():
                if guest.active:
                    raise OperationInvalid(f"The guest {name!r} runs, and its volumes cannot be deleted; stop it.")
                volume.pool.element.remove(volume.element)
            if guest.active:
                guest.make_transient()
            else:
                node.remove(guest)

    @mutates
    def rename_domain(self, name: str, new_name: str) -> Domain:
        """Give a guest that is off another name."""
        with self.keeper.change() as node:
            guest = node.check_rename(name, new_name)
            guest.view.name = new_name
            return guest.summary()

    @mutates
    def create_domain(self, document: Element, *, paused: bool = False) -> Domain:
        """Start a guest that is forgotten when it ends."""
        with self.keeper.change() as node:
            name = document.findtext("name") or ""
            if node.find(name) is not None:
                raise AlreadyExists(f"There is a guest named {name!r} already; start that one.", name=name)
            node.define(node.complete(document))
            guest = self._moved(node, name, START_PAUSED if paused else START)
            guest.make_transient()
            guest.facts().id = node.next_id()
            guest.facts().started = f"{self.host.now():.3f}"
            return guest.summary()

    @mutates
    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        """Start the guest and give it an id."""
        with self.keeper.change() as node:
            guest = self._moved(node, name, START_PAUSED if paused else START)
            guest.facts().id = node.next_id()
            guest.facts().started = f"{self.host.now():.3f}"
            return guest.summary()

    @mutates
    def shutdown_domain(self, name: str, *, again: bool = False) -> None:
        """Shut the guest down; it obeys at once."""
        self._move(name, SHUTDOWN)

    @mutates
    def reboot_domain(self, name: str, *, timeout: float) -> None:
        """Let the guest reboot, which takes no time at all."""
        self._move(name, REBOOT)

    @mutates
    def reset_domain(self, name: str) -> None:
        """Press the reset button; a guest that is paused stays so."""
        self._move(name, RESET if self.keeper.read().guest(name).state == "running" else RESET_PAUSED)

    @mutates
    def destroy_domain(self, name: str) -> None:
        """End the guest."""
        self._move(name, DESTROY)

    @mutates
    def suspend_domain(self, name: str) -> None:
        """Pause the guest."""
        self._move(name, SUSPEND)

    @mutates
    def resume_domain(self, name: str) -> None:
        """Let a paused guest go on."""
        self._move(name, RESUME)

    @mutates
    def update_domain(self, name: str, wanted: Element, changes: Sequence[Change], *, force: bool = False) -> None:
        """Let the document of the guest that runs say so; whatever it is, a guest that nobody runs agrees."""
        with self.keeper.change() as node:
            guest = node.guest(name)
            if not guest.active:
                raise OperationInvalid(f"The guest {name!r} is {guest.state}; only one that runs can be changed so.")
            for change in changes:
                take(guest.running(), wanted, change, DOMAIN)

    @mutates
    def set_domain_autostart(self, name: str, autostart: bool) -> None:
        """Keep whether the guest starts with the host; a transient one cannot."""
        with self.keeper.change() as node:
            guest = node.guest(name)
            if not guest.persistent:
                raise OperationInvalid(f"The guest {name!r} is transient and cannot start with the host; define it.")
            guest.facts().autostart = True if autostart else None

    def _move(self, name: str, transition: Transition) -> None:
        with self.keeper.change() as node:
            self._moved(node, name, transition)

    def _moved(self, node: Node, name: str, transition: Transition) -> Guest:
        guest = node.guest(name)
        if guest.state not in transition.start:
            allowed = " or ".join(transition.start)
            raise OperationInvalid(
                f"The guest {name!r} is {guest.state}; it can be {transition.verb} only when it is {allowed}."
            )
        if transition in (START, START_PAUSED):
            check_interfaces(node, guest.element)
        guest.set_state(transition.end, transition.reason)
        if not guest.active and not guest.persistent:
            node.remove(guest)
        return guest


def _console(guest: Guest) -> str:
    if guest.active:
        return "" if (guest.state, guest.runtime.reason) == ("paused", "starting up") else GREETING
    return GREETING + FAREWELL if guest.runtime.reason == "shutdown" else ""
