# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The qemu driver: guests on this host, each call under the guest's lock where it changes something."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ...errors import (
    CorralError,
    InvalidArgument,
    NotFound,
    OperationInvalid,
    TimedOut,
)
from ...host.api import Host, Monitor, Process
from ...host.layout import Layout, check_name
from ...model.domain.core import Domain as DomainView
from ...model.domain.identity import DOMAIN
from ...model.domain.interface import LINKED
from ...model.domain.seed import seed_path
from ...values import derived_uuid, parse_uuid
from ...xml.canonical import secret_values
from ...xml.compare import Change
from ...xml.parse import Element
from ...xml.write import to_text
from ..api import Domain, GuestAddress, Neighbours, SecretUser
from ..listing import check_told, listed, of_uuid
from ..store import Store
from .entering import EnteringDriver
from .guest.agent import agent_opened, describe
from .guest.console import console_path
from .guest.handed import borrowers, handed
from .guest.journal import Entry
from .guest.memo import Memo, digest, forget, recall, remember
from .guest.presence import check_new, startable
from .guest.seed import forget_seeds, seeds
from .guest.site import Site, runner
from .guest.status import Status, final_reason, reboots, running_state
from .guest.stop import clean_up, kill, reconcile, runs
from .guest.talk import agent_of, agent_state, explain_hang, monitor_of, process_of, status_of
from .guest.uuids import check_uuid, holder

if TYPE_CHECKING:
    from .guest.launch import Start

# Seconds until QEMU has written down that it did what it has said to have done.
REACH_TIMEOUT = 10.0


class QemuDriver(EnteringDriver):
    """Guests of one tree of files: the system's, a user's session, or an embedded one."""

    name = "qemu"

    def __init__(self, host: Host, layout: Layout, *, read_only: bool = False) -> None:
        self.site = Site(host, layout, Store(host, layout, "domain"), runner(host, layout), read_only)
        self.host = host
        self.store = self.site.store
        self._raw: Dict[str, Element] = {}  # documents as they were asked for, by name
        self._recalled: Dict[str, Tuple[Element, Optional[Memo]]] = {}  # the last one that was looked up, by name
        self._starts: Dict[str, Tuple[Tuple[Any, ...], Start]] = {}  # what check_start worked out, by name

    def meet(self, neighbours: Neighbours) -> None:
        self.site = replace(self.site, neighbours=neighbours)

    def settle(self) -> None:
        """Clean up after guests that have ended without us, and cut what others have written too much of.

        A guest that another run works on is left to it.
        """
        for name in sorted({*self.store.live_names(), *borrowers(self.site)}):
            with suppress(CorralError):  # what cannot be mended is said to whoever asks for that guest
                self._settle(name)
        self.store.drop_loose_links()

    def _settle(self, name: str) -> None:
        from .guest.logs import has_grown, trim

        status = self.site.status(name)
        over = status is None or status.clean
        if over and not handed(self.site, name):
            return
        if over or status is None or not runs(self.site, status) or has_grown(self.site, name):
            with self.store.lock(name, timeout=0):
                reconcile(self.site, name)
                trim(self.site, name)

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
        running = [name for name in self.store.live_names() if self._may_run(name)]
        return listed(sorted({*self.store.names(), *running}), self._describe, self._damaged)

    def lookup_domain(self, reference: str) -> Domain:
        direct = self._by_name(reference)
        if direct is not None:
            return direct
        domains = self.list_domains()
        found = of_uuid(domains, reference) or next((each for each in domains if reference == str(each.id)), None)
        if found is not None:
            return found
        if reference.isdigit():  # the number of a guest whose status is damaged is not known
            check_told([each.error for each in domains if each.active], reference)
        raise NotFound(f"There is no guest with the name, uuid or id '{reference}'.", name=reference)

    def domain_xml(self, name: str, *, inactive: bool = False) -> Element:
        running = self.site.active(name) if self._runs(name) else None
        kept = self.site.persistent(name) if inactive or running is None else None
        found = running if kept is None else kept
        if found is None:
            raise NotFound(f"There is no guest named '{name}'.", name=name)
        return found

    def secrets_used(self) -> List[SecretUser]:
        from .guest.secrets_used import secrets_used

        return secrets_used(self.site, self)

    def observe_domain(self, name: str, wanted: Element) -> Element:
        from .guest.observe import observe

        status, document = self._status(name), self.domain_xml(name)
        return observe(self.site, name, document, wanted, status)

    def normalise_domain(self, document: Element) -> Element:
        name = check_name("domain", DomainView(document).name or "")
        self._raw[name] = document
        if self._recall(document) is not None:
            return self.domain_xml(name, inactive=True)
        existing = self._existing(name)
        done = self._completed(document, existing)
        if existing is not None and not self.site.read_only and to_text(done) == to_text(existing):
            self._remember(name, document)
        return done

    def ignored_parts(self, document: Element) -> List[str]:
        found = self._recall(document)
        if found is not None:
            return list(found.ignored)
        from .passes.ignored import ignored_parts

        return ignored_parts(document)

    def outdated_parts(self, document: Element) -> List[str]:
        from .passes.outdated import outdated_parts

        return list(outdated_parts(DomainView(document), self.site.capabilities(document)))

    def domain_argv(self, name: str) -> List[str]:
        from .guest.launch import prepare

        return list(prepare(self.site, name, self.site.require(name), shown=True).spawn.argv)

    def console_log(self, name: str, *, size: int = 16384) -> bytes:
        return self.host.tail(self._console(name), size)

    def console_size(self, name: str) -> int:
        found = self.host.stat(self._console(name))
        return found.size if found else 0

    def wait_console(self, name: str, text: str, *, timeout: float, since: int = 0) -> bool:
        from .guest.readiness import wait_console

        return wait_console(self.site, name, self._console(name), text, timeout=timeout, since=since)

    def wait_agent(self, name: str, *, timeout: float) -> bool:
        from .guest.readiness import wait_agent

        self.site.require(name)
        return wait_agent(self.site, name, timeout=timeout)

    def wait_port(self, name: str, port: int, *, address: Optional[str] = None, timeout: float) -> bool:
        from .guest.readiness import wait_port

        self.site.require(name)
        return wait_port(self.site, name, port, address, timeout=timeout)

    def domain_addresses(self, name: str, *, agent: bool = False) -> List[GuestAddress]:
        document = self.site.active(name) if self._runs(name) else None
        kinds = {each.get("type") for each in document.findall("devices/interface")} if document is not None else set()
        if document is None or not (agent or kinds.intersection(LINKED)):
            return []
        from .guest.addresses import addresses

        return addresses(self.site, name, document, agent=agent)

    def wait_address(self, name: str, *, timeout: float) -> List[GuestAddress]:
        from .guest.readiness import wait_address

        self.site.require(name)
        return wait_address(self.site, name, timeout=timeout)

    def explain_addresses(self, name: str) -> List[str]:
        from .guest.addresses import explain

        return explain(self.site, name) if self._runs(name) else []

    def explain_hang(self, name: str) -> List[str]:
        return explain_hang(self.site, name)

    def agent_info(self, name: str) -> Dict[str, Any]:
        with agent_of(self.site, name) as agent:
            return describe(agent)

    def domain_figures(self, name: str, *, balloon: bool = False) -> Dict[str, Any]:
        from .guest.figures import balloon_mib, disk_figures, process_figures

        status, document = self.site.status(name), self.domain_xml(name)
        figures: Dict[str, Any] = {"disks": disk_figures(self.host, DomainView(document))}
        if status is not None and runs(self.site, status):
            figures.update(process_figures(self.host, status.pid))
            figures["uptime"] = max(0.0, self.host.now() - status.started)
            if balloon:
                figures["balloon_mib"] = balloon_mib(self.site, name)
        return figures

    def domain_log(self, name: str, *, size: int = 4096) -> bytes:
        from .guest.logs import telling

        return telling(self.host.tail(self.layout().domain_log(name), size))

    def domain_command(self, name: str) -> str:
        from .guest.launch import prepare
        from .guest.shell import paste

        document = self.site.require(name)
        return paste(prepare(self.site, name, document, shown=True).spawn, secret_values(document, DOMAIN))

    def save_screenshot(self, name: str, path: str) -> None:
        from .guest.screen import take_picture

        with self._monitor(name) as monitor:
            user = self.site.runner.uid if self.site.runner else self.host.euid()
            picture = take_picture(self.host, monitor, self.layout().workplace(name), name, user)
        self.host.write(path, picture, mode=0o600)

    def check_removal(self, name: str, *, storage: str = "keep") -> List[str]:
        from .guest.removal import plan_removal

        removal = plan_removal(self.site, name, storage, active=self._runs(name))
        return [*removal.paths(), *seeds(self.site, name)]

    def check_rename(self, name: str, new_name: str) -> None:
        from .guest.rename import check_rename

        check_rename(self.site, name, check_name("domain", new_name))

    def check_start(self, document: Element) -> None:
        from .guest.launch import foresee

        name = check_name("domain", DomainView(document).name or "")
        self._starts[name] = (self._start_key(name, document), foresee(self.site, name, document))

    def renamed_document(self, document: Element, new_name: str) -> Element:
        from .guest.rename import renamed

        return renamed(self.site, document, check_name("domain", new_name))

    def wait_domain(self, name: str, states: Sequence[str], *, timeout: float) -> Domain:
        self.site.require(name)
        process = self._process(name)
        if process is not None and set(states) == {"shut off"}:
            self.host.wait_exit(process, timeout=timeout)
        else:
            journal = self._journal(name)

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
            done = self._completed(document, self._existing(name))
            with self.store.names_lock():
                check_uuid(self.site, name, DomainView(done).uuid or "")
                forget_seeds(self.site, name, but=seed_path(done) or "")
                self.store.write_config(name, to_text(done).encode())
            self._recalled.pop(name, None)
            raw = self._raw.get(name)
            if raw is not None and to_text(self._completed(raw, done)) == to_text(done):
                self._remember(name, raw)
        return self._describe(name)

    @contextmanager
    def exclusive(self, name: str, *, timeout: float) -> Iterator[None]:
        with self.store.run_lock(check_name("domain", name), timeout=timeout):
            yield

    def undefine_domain(self, name: str, *, storage: str = "keep") -> None:
        from .guest.logs import forget_logs
        from .guest.removal import plan_removal, remove_files

        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Guest {name} is transient: it has no definition to remove.")
            active = self._runs(name)
            removal = plan_removal(self.site, name, storage, active=active)
            if removal.paths() and active:
                raise OperationInvalid(f"Guest {name} runs, so what it uses cannot be deleted; stop it first.")
            remove_files(self.site, removal)
            if not active:
                self.store.remove_live(name)
                forget_logs(self.site, name)
                forget_seeds(self.site, name)
            forget(self.site, name)
            self.store.remove_config(name)

    def rename_domain(self, name: str, new_name: str) -> Domain:
        from .guest.rename import rename

        first, second = sorted((check_name("domain", name), check_name("domain", new_name)))
        with self.store.lock(first), self.store.lock(second), self.store.names_lock():
            reconcile(self.site, name)
            rename(self.site, name, new_name)
        return self._describe(new_name)

    def create_domain(self, document: Element, *, paused: bool = False) -> Domain:
        from .guest.launch import start

        name = check_name("domain", DomainView(document).name or "")
        with self.store.lock(name):
            reconcile(self.site, name)
            check_new(self.site, name)
            done = self._completed(document, None)
            start(self.site, self._foreseen(name, done), paused=paused)
            self._reach(name, "paused" if paused else "running")
        return self._describe(name)

    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        from .guest.launch import start

        with self._locked(name):
            start(self.site, self._foreseen(name, startable(self.site, name)), paused=paused)
            self._reach(name, "paused" if paused else "running")
        return self._describe(name)

    def shutdown_domain(self, name: str, *, again: bool = False) -> None:
        with self._locked(name):
            self._status(name)
            if again or not self._asked(name, "powerdown"):
                with self._monitor(name) as monitor:
                    monitor.execute("system_powerdown")

    def reboot_domain(self, name: str, *, timeout: float) -> None:
        with self._locked(name):
            before = reboots(self.site.journal(name).entries)
            with agent_of(self.site, name) as agent:
                agent.shutdown("reboot")

        def done() -> bool:
            return reboots(self.site.journal(name).entries) > before or not self._runs(name)

        if not self.host.wait_for(done, timeout=timeout, watch=(self._journal(name),)):
            raise TimedOut(f"Guest {name} was asked to reboot, and did not do so within {timeout:g} s.", name=name)

    def reset_domain(self, name: str) -> None:
        with self._locked(name), self._monitor(name) as monitor:
            monitor.execute("system_reset")

    def destroy_domain(self, name: str) -> None:
        with self._locked(name):
            status = self._status(name)
            kill(self.host, Process(status.pid, status.start))
            clean_up(self.site, name, status, reason="destroyed")
            if self.store.read_config(name) is None:
                from .guest.logs import forget_logs

                forget_logs(self.site, name)

    def suspend_domain(self, name: str) -> None:
        with self._locked(name):
            with self._monitor(name) as monitor:
                monitor.execute("stop")
            self._reach(name, "paused")

    def resume_domain(self, name: str) -> None:
        with self._locked(name):
            with self._monitor(name) as monitor:
                monitor.execute("cont")
            self._reach(name, "running")

    def update_domain(self, name: str, wanted: Element, changes: Sequence[Change], *, force: bool = False) -> None:
        from .guest.live import Work, update

        with self._locked(name):
            self._status(name)
            document = self.site.active(name)
            if document is not None:
                update(Work(self.site, name, document, wanted, force=force), changes)

    def resize_disk(self, name: str, path: str, capacity: int) -> None:
        from .guest.resize import resize_disk

        with self._locked(name), self._monitor(name) as monitor:
            resize_disk(self.host, monitor, self.domain_xml(name), path, capacity)

    def set_domain_autostart(self, name: str, autostart: bool) -> None:
        with self._locked(name):
            if self.store.read_config(name) is None:
                raise OperationInvalid(f"Guest {name} is transient, and only a defined guest can start by itself.")
            self.store.set_autostart(name, autostart)

    # inside

    def _foreseen(self, name: str, document: Element) -> Start:
        """The start as it was worked out just before, where it still holds; else it is worked out now."""
        from .guest.launch import check_room, prepare

        key, plan = self._starts.pop(name, (None, None))
        if plan is None or key != self._start_key(name, document):
            plan = prepare(self.site, name, document)
            check_room(self.site, plan)
        return plan

    def _start_key(self, name: str, document: Element) -> Tuple[Any, ...]:
        """What a prepared start depends on: a guest that has ended meanwhile has left ports and words in its log."""
        return name, to_text(document), self.store.read_status(name)

    def _existing(self, name: str) -> Optional[Element]:
        """The definition that a document would replace: the persistent one, or that of a transient guest."""
        found = self.site.persistent(name)
        return self.site.active(name) if found is None and self._runs(name) else found

    def _completed(self, document: Element, existing: Optional[Element]) -> Element:
        from .guest.identity import inherit
        from .passes.run import complete

        context = self.site.context(document)
        if existing is None and DomainView(document).uuid is None:
            context = replace(context, host_id=self._seed(context.host_id, DomainView(document).name or ""))
        kept = inherit(document, existing, context.host_id, kvm=context.caps.kvm)
        return complete(kept, context, existing)

    def uuid_of(self, document: Element) -> str:
        name, own = check_name("domain", DomainView(document).name or ""), DomainView(document).uuid
        existing = self._existing(name) if own is None else None
        kept = DomainView(existing).uuid if existing is not None else own
        return parse_uuid(kept or derived_uuid("domain", self._seed(self.site.host_id(), name), name))

    def _seed(self, seed: str, name: str) -> str:
        """What a new guest's identity is derived from: a guest that was renamed has taken its old name's along."""
        number = 0
        while holder(self.site, derived_uuid("domain", seed + "+" * number, name), name):
            number += 1
        return seed + "+" * number

    def _recall(self, document: Element) -> Optional[Memo]:
        """What is remembered of a document that was completed to what is defined already."""
        name = DomainView(document).name or ""
        known = self._recalled.get(name)
        if known is not None and known[0] is document:
            return known[1]
        kept = self.store.read_config(name)
        if kept is None:
            return None
        memo = recall(self.site, name, digest(self.site, document, self.site.context(document), kept))
        self._recalled[name] = (document, memo)
        return memo

    def _remember(self, name: str, document: Element) -> None:
        from .passes.ignored import ignored_parts

        kept = self.store.read_config(name)
        if kept is None:
            return  # of a transient guest nothing is looked up
        key = digest(self.site, document, self.site.context(document), kept)
        remember(self.site, name, key, Memo(tuple(ignored_parts(document))))

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold the lock of a guest that exists, after cleaning up what has ended without us."""
        self.site.require(name)
        with self.store.lock(name):
            reconcile(self.site, name)
            self.site.require(name)  # a transient one that has ended is gone now
            yield

    def _monitor(self, name: str) -> ContextManager[Monitor]:
        return monitor_of(self.site, name)

    def _status(self, name: str) -> Status:
        return status_of(self.site, name)

    def _asked(self, name: str, mode: str) -> bool:
        """Whether the guest has an agent that was asked to shut down."""
        if not agent_state(self.site, name):
            return False
        try:
            with agent_of(self.site, name) as agent:
                agent.shutdown(mode)
        except CorralError:
            return False  # an agent that hangs is no reason not to press the button
        return True

    def _reach(self, name: str, state: str) -> None:
        """Wait until the guest is in a state that QEMU has just been told to enter, or has ended meanwhile."""

        def there() -> bool:
            found = self._describe(name)
            return found.state == state or not found.active

        if not self.host.wait_for(there, timeout=REACH_TIMEOUT, watch=(self._journal(name),)):
            raise TimedOut(f"Guest {name} was told to be {state}, and is {self._describe(name).state}.", name=name)

    def _journal(self, name: str) -> str:
        return self.layout().journal(name)

    def _runs(self, name: str) -> bool:
        status = self.site.status(name)
        return status is not None and runs(self.site, status)

    def _process(self, name: str) -> Optional[Process]:
        return process_of(self.site, name)

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
        journal = self.site.journal(name).entries
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
        self, name: str, status: Optional[Status], document: Optional[Element], journal: Sequence[Entry]
    ) -> Mapping[str, Any]:
        facts: Dict[str, Any] = {
            "console_log": console_path(self.site, name, document),
            "log": self.layout().domain_log(name),
        }
        if status is not None:
            facts.update(pid=status.pid, started=status.started, monitor=self.layout().monitor(name))
            facts["reboots"] = reboots(journal)
            if document is not None:
                facts["agent"] = agent_opened(DomainView(document), journal)
        return facts
