# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The qemu driver: guests on this host, each call under the guest's lock where it changes something."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ...errors import AlreadyExists, CorralError, InvalidArgument, NotFound, OperationInvalid, TimedOut
from ...host.api import Host, Monitor, Process
from ...host.layout import Layout, check_name
from ...model.domain.core import Domain as DomainView
from ...values import parse_uuid
from ...xml.parse import Element
from ...xml.write import to_text
from ..api import Domain, HypervisorDriver
from ..store import Store
from .guest.console import console_path
from .guest.identity import inherit
from .guest.launch import prepare, start
from .guest.site import Site, runner
from .guest.status import Status, final_reason, reboots, running_state
from .guest.stop import clean_up, kill, reconcile, runs
from .passes.ignored import ignored_parts
from .passes.run import complete


class QemuDriver(HypervisorDriver):
    """Guests of one tree of files: the system's, a user's session, or an embedded one."""

    name = "qemu"

    def __init__(self, host: Host, layout: Layout, *, read_only: bool = False) -> None:
        self.site = Site(host, layout, Store(host, layout, "domain"), runner(host, layout), read_only)
        self.host = host
        self.store = self.site.store

    def settle(self) -> None:
        """Clean up after guests that have ended without us; a guest that another run works on is left to it."""
        for name in self.store.live_names():
            with suppress(CorralError):  # what cannot be mended is said to whoever asks for that guest
                status = self.site.status(name)
                if status is not None and not status.clean and not runs(self.site, status):
                    with self.store.lock(name, timeout=0):
                        reconcile(self.site, name)

    # looking

    def version(self) -> Dict[str, Any]:
        caps = self.site.capabilities()
        return {"emulator": caps.binary, "qemu": ".".join(map(str, caps.version)), "kvm": caps.kvm}

    def layout(self) -> Layout:
        return self.site.layout

    def explain(self) -> Dict[str, Any]:
        user = self.site.runner
        return {
            "qemu_user": user.name if user else "the user who opened the connection",
            "config": self.layout().config,
        }

    def list_domains(self) -> List[Domain]:
        running = [name for name in self.store.live_names() if self._runs(name)]
        return [self._describe(name) for name in sorted({*self.store.names(), *running})]

    def lookup_domain(self, reference: str) -> Domain:
        direct = self._by_name(reference)
        if direct is not None:
            return direct
        for domain in self.list_domains():
            if reference == str(domain.id) or _same_uuid(reference, domain.uuid):
                return domain
        raise NotFound(f"There is no guest with the name, uuid or id '{reference}'.", name=reference)

    def domain_xml(self, name: str, *, inactive: bool = False) -> Element:
        running = self.site.active(name) if self._runs(name) else None
        kept = self.site.persistent(name)
        found = kept if running is None or (inactive and kept is not None) else running
        if found is None:
            raise NotFound(f"There is no guest named '{name}'.", name=name)
        return found

    def normalise_domain(self, document: Element) -> Element:
        name = check_name("domain", DomainView(document).name or "")
        existing = self.site.persistent(name)
        if existing is None and self._runs(name):
            existing = self.site.active(name)
        kept = inherit(document, existing, self.host.machine_id())
        return complete(kept, self.site.context(document), existing)

    def ignored_parts(self, document: Element) -> List[str]:
        return ignored_parts(document)

    def domain_argv(self, name: str) -> List[str]:
        return list(prepare(self.site, name, self.site.require(name)).spawn.argv)

    def console_log(self, name: str, *, size: int = 16384) -> bytes:
        return self.host.tail(self._console(name), size)

    def wait_console(self, name: str, text: str, *, timeout: float) -> bool:
        path, wanted = self._console(name), text.encode("utf-8", "surrogateescape")
        process = self._process(name)

        def seen() -> bool:
            return wanted in (self.host.read(path) or b"")

        def over() -> bool:
            return process is None or self.host.process(process.pid) != process

        self.host.wait_for(lambda: seen() or over(), timeout=timeout, watch=(path,))
        return seen()

    def wait_domain(self, name: str, states: Sequence[str], *, timeout: float) -> Domain:
        self.site.require(name)
        process = self._process(name)
        if process is not None and set(states) == {"shut off"}:
            self.host.wait_exit(process, timeout=timeout)
        else:
            journal = f"{self.layout().domain_directory(name)}/events.out"

            def over() -> bool:
                now = self._describe(name)
                return now.state in states or not now.active

            self.host.wait_for(over, timeout=timeout, watch=(journal,))
        found = self._describe(name)
        if found.state not in states:
            wanted = " or ".join(states)
            raise TimedOut(f"Guest {name} is {found.state} and did not become {wanted} in {timeout:g} seconds.")
        if not found.active and not self.site.read_only:
            with self.store.lock(name):
                reconcile(self.site, name)
        return found

    # changing

    def define_domain(self, document: Element) -> Domain:
        name = check_name("domain", DomainView(document).name or "")
        with self.store.lock(name):
            done = self.normalise_domain(document)
            with self.store.names_lock():
                self._check_uuid(name, DomainView(done).uuid or "")
                self.store.write_config(name, to_text(done).encode())
        return self._describe(name)

    def undefine_domain(self, name: str) -> None:
        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Guest {name} is transient: it has no definition to remove.")
            if not self._runs(name):
                self.store.remove_live(name)
            self.store.remove_config(name)

    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        with self._locked(name):
            if self._runs(name):
                raise OperationInvalid(f"Guest {name} is already running.")
            start(self.site, name, paused=paused)
        return self._describe(name)

    def shutdown_domain(self, name: str) -> None:
        with self._locked(name), self._monitor(name) as monitor:
            monitor.execute("system_powerdown")

    def destroy_domain(self, name: str) -> None:
        with self._locked(name):
            status = self._status(name)
            kill(self.host, Process(status.pid, status.start))
            clean_up(self.site, name, status, reason="destroyed")

    def suspend_domain(self, name: str) -> None:
        with self._locked(name), self._monitor(name) as monitor:
            monitor.execute("stop")

    def resume_domain(self, name: str) -> None:
        with self._locked(name), self._monitor(name) as monitor:
            monitor.execute("cont")

    def set_domain_autostart(self, name: str, autostart: bool) -> None:
        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Guest {name} is transient, and only a defined guest can start by itself.")
            self.store.set_autostart(name, autostart)

    # inside

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold the lock of a guest that exists, after cleaning up what has ended without us."""
        self.site.require(name)
        with self.store.lock(name):
            reconcile(self.site, name)
            self.site.require(name)  # a transient one that has ended is gone now
            yield

    @contextmanager
    def _monitor(self, name: str) -> Iterator[Monitor]:
        self._status(name)
        monitor = self.host.open_monitor(self.layout().monitor(name), timeout=10.0)
        try:
            yield monitor
        finally:
            monitor.close()

    def _status(self, name: str) -> Status:
        status = self.site.status(name)
        if status is None or not runs(self.site, status):
            raise OperationInvalid(f"Guest {name} is not running.")
        return status

    def _runs(self, name: str) -> bool:
        status = self.site.status(name)
        return status is not None and runs(self.site, status)

    def _process(self, name: str) -> Optional[Process]:
        status = self.site.status(name)
        return Process(status.pid, status.start) if status is not None and runs(self.site, status) else None

    def _console(self, name: str) -> str:
        document = self.site.active(name)
        return console_path(self.site, name, self.site.require(name) if document is None else document)

    def _by_name(self, name: str) -> Optional[Domain]:
        try:
            check_name("domain", name)
        except InvalidArgument:
            return None  # no guest is called so; it may still be an id or a uuid
        known = self.store.read_config(name) is not None or self._runs(name)
        return self._describe(name) if known else None

    def _describe(self, name: str) -> Domain:
        kept, status = self.site.persistent(name), self.site.status(name)
        active = status is not None and runs(self.site, status)
        document = self.site.active(name) if active else kept
        document = kept if document is None else document
        journal = self.site.journal(name)
        state, reason = "shut off", "unknown"
        if status is not None:
            ended = ("shut off", status.ended or final_reason(journal))
            state, reason = running_state(journal, status) if active else ended
        return Domain(
            name=name,
            uuid=(DomainView(document).uuid if document is not None else None) or "",
            active=active,
            persistent=kept is not None,
            autostart=self.store.autostart(name),
            id=status.id if status is not None and active else None,
            state=state,
            reason=reason,
            runtime=self._facts(name, status if active else None, document, journal),
        )

    def _facts(
        self, name: str, status: Optional[Status], document: Optional[Element], journal: bytes
    ) -> Mapping[str, Any]:
        facts: Dict[str, Any] = {
            "console_log": console_path(self.site, name, document),
            "log": self.layout().domain_log(name),
        }
        if status is not None:
            facts.update(pid=status.pid, started=status.started, monitor=self.layout().monitor(name))
            facts["reboots"] = reboots(journal)
        return facts

    def _check_uuid(self, name: str, uuid: str) -> None:
        for other in {*self.store.names(), *self.store.live_names()} - {name}:
            document = self.site.persistent(other)
            if document is None and self._runs(other):
                document = self.site.active(other)  # a transient guest
            if document is not None and DomainView(document).uuid == uuid:
                raise AlreadyExists(
                    f"The uuid {uuid} belongs to guest {other}.",
                    hint="Leave the uuid out to get one of its own.",
                    name=other,
                )


def _same_uuid(reference: str, uuid: str) -> bool:
    compact = reference.replace("-", "")
    return len(compact) == 32 and all(c in "0123456789abcdefABCDEF" for c in compact) and parse_uuid(reference) == uuid
