# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a guest: everything that QEMU needs is put in place, QEMU is spawned, and its own words are kept.

QEMU gets two monitors. One is a socket that we listen on before QEMU exists, so that connecting never races with its
start. The other is a pipe chardev whose input holds one greeting, whose output is /dev/null, and whose log is the
journal, a plain file that QEMU inherits open: it writes every event there, with nobody connected, and so the guest's
story survives QEMU itself. Nothing in the guest's directory can be put in place of another by QEMU's user, which other
guests have, too; what QEMU must make itself is in a directory below.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple, Union

from ....errors import (
    CorralError,
    HostError,
    MissingLibrary,
    MonitorError,
    OperationFailed,
    TimedOut,
    sentence,
)
from ....host.api import Append, Inherited, Listen, Process, Read, Spawn
from ....model.domain.core import Domain
from ....model.domain.interface import LINKED, Interface
from ....xml.parse import Element, clone
from ....xml.write import to_text
from ..actual import Actual, as_defined, network_interfaces, set_target, with_actual
from ..command.build import command_line
from ..command.chardev import open_files, server_sockets
from ..command.memory import memory_directories
from ..command.passthrough import environment
from ..command.secrets import guest_secrets
from ..context import Context, Ends, Volume
from ..passes.run import live
from .beside import announced, helpers_of
from .handed import borrowed_elsewhere, handed, keep_handed
from .helpers import ENVIRONMENT, HELPERS, Helper
from .images import blocked_by, check_images, check_reachable, hand_over, to_hand
from .logs import telling
from .memory import check_huge_pages, huge_pages_of, make_memory_directories
from .nvram import check_firmware, make_variables, variables_path
from .ports import chosen_ports
from .presence import check_completed
from .runtime import learn_runtime
from .seed import check_seed
from .sharing import check_free, check_memory, explained, others
from .site import Site, account
from .status import Status
from .stop import clean_up, kill, links_elsewhere, runs
from .tell import settle
from .tpm import make_states
from .unready import check_helpers

if TYPE_CHECKING:
    from ...api import FilterPort
    from ...surroundings import Surroundings
    from .cards import Card
    from .secrets import Secrets
from .uuids import check_uuid

FIRST_FD = 3
# What our own runs need stands first: the monitor and the journal. QEMU knows the journal as this set of descriptors,
# which is above all that a guest's own files could be counted to.
JOURNAL_FD, JOURNAL_SET = 4, 1 << 20
# QEMU answers when it has opened its disks and allocated its memory: an encrypted disk takes some seconds, huge pages
# of a large guest take minutes. One that ends hangs up, and is not waited for.
START_TIMEOUT = 300.0

# What -msg timestamp=on and QEMU itself put before their words.
PREFIX = re.compile(r"^(\d{4}-\d\d-\d\dT[\d:.]+Z )?(\S*qemu-[\w-]+: )?")

# What is asked for at <on_...>, as QEMU's -action; the rest is what QEMU does by itself.
ACTIONS: Mapping[Tuple[str, str], str] = {
    ("on_reboot", "destroy"): "reboot=shutdown",
    ("on_poweroff", "preserve"): "shutdown=pause",
    ("on_crash", "destroy"): "panic=shutdown",
    ("on_crash", "restart"): "panic=exit-failure",
    ("on_crash", "preserve"): "panic=pause",
}


@dataclass(frozen=True)
class Start:
    """Everything that is known before anything is done: a value that start() carries out.

    ``saved`` is where QEMU finds the state that the guest goes on from, "" for one that boots.
    """

    name: str
    document: Element
    context: Context
    spawn: Spawn
    staged: Tuple[Tuple[str, str], ...]
    log_size: int
    helpers: Tuple[Helper, ...] = ()
    cards: Tuple[Card, ...] = ()
    secrets: Optional[Secrets] = None
    saved: str = ""

    def with_cards(self, cards: Tuple[Card, ...]) -> Start:
        """The same, with the cards' links under other names."""
        from .cards import opened

        before = self.spawn.fds[: len(self.spawn.fds) - sum(len(card.fds) for card in self.cards)]
        return replace(self, cards=cards, spawn=replace(self.spawn, fds=opened(before, cards)[0]))


def start(site: Site, plan: Start, *, paused: bool = False) -> None:
    """Start a guest that ``prepare`` and ``check_room`` found nothing against; the caller holds its lock.

    Raises OperationFailed with QEMU's own words when QEMU ends during the start; nothing is left behind then.
    """
    name = plan.name
    check_seed(site, plan.document)
    plan, status = _announce(site, plan)
    process: Optional[Process] = None
    try:
        _put_in_place(site, plan, status)
        _make_links(site, plan)
        for number, helper in enumerate(plan.helpers):
            started = site.host.spawn(helper.spawn)
            status = status.began(number, started.pid, started.start)
            site.store.write_status(name, status.to_plain())
        process = site.host.spawn(plan.spawn)
        status = replace(status, pid=process.pid, start=process.start, links=_links_of(plan, process, status))
        site.store.write_status(name, status.to_plain())
        _connect(site, plan, process)
        _hand_shake(site, plan, process, paused=paused)
        site.store.write_status(name, replace(status, ready=True).to_plain())
        _guarantee(site, status)
    except CorralError:
        if process is not None:
            kill(site.host, process)
        clean_up(site, name, status, reason="failed")
        raise


def _make_links(site: Site, plan: Start) -> None:
    """Make what of the cards' links has to be there before QEMU."""
    if plan.cards:
        from .guards import guard, ports_of
        from .wires import make_macvtaps

        make_macvtaps(site.host, plan.cards)
        # a tap that is there already may be on its bridge, so its packets are filtered before anybody opens it
        ports = ports_of(plan.name, plan.document, plan.cards)
        guard(site, [port for port in ports if "%" not in port.device])


def _links_of(plan: Start, process: Process, status: Status) -> Tuple[Tuple[str, str, str], ...]:
    """What there is to undo of the cards' links, now that QEMU has them."""
    if not plan.cards:
        return status.links
    from .floors import floor_rows
    from .guards import guard_rows
    from .wires import tap_rows

    rows = (*tap_rows(plan.cards, process.taps), *floor_rows(plan.document))
    return tuple(dict.fromkeys((*status.links, *rows, *guard_rows(plan.document, plan.cards, process.taps))))


def _connect(site: Site, plan: Start, process: Process) -> None:
    """Connect the cards while the guest waits, and write down in its document what their links are called.

    Those that a filter guards are guarded first.
    """
    if not plan.cards:
        return
    from .guards import guard, ports_of
    from .wires import connect

    guard(site, _named_late(plan, ports_of(plan.name, plan.document, plan.cards, process.taps)))
    connect(site.host, plan.cards, process.taps, Domain(plan.document).uuid or "")
    for card, name in zip(plan.cards, process.taps):
        set_target(plan.document, card.number, name)


def _named_late(plan: Start, ports: Sequence[FilterPort]) -> List[FilterPort]:
    """Those whose links got their names from the kernel just now; the others are guarded already."""
    early = {card.tap.name for card in plan.cards}
    return [port for port in ports if port.device not in early]


def _guarantee(site: Site, status: Status) -> None:
    """Ask the networks for what the guest is to be guaranteed; they see it now that it runs."""
    if status.links:
        from .floors import guarantee

        guarantee(site, status.links)


def _announce(site: Site, plan: Start) -> Tuple[Start, Status]:
    """Write down that the guest is being started, and what it borrows and brings, before anything is done."""
    host, runner, domain = site.host, site.runner, Domain(plan.document)
    status = Status(
        boot_id=host.boot_id(),
        id=site.store.allocate_id(),
        started=host.now(),
        helpers=tuple(announced(plan.helpers)),
        trees=tuple(memory_directories(domain, plan.context)),
        reason="restored" if plan.saved else "booted",
    )
    with site.store.names_lock():
        check_free(site, plan.name, plan.document)
        if plan.cards:
            plan, status = _choose_links(site, plan, status)
        if site.store.read_config(plan.name) is None:
            check_uuid(site, plan.name, domain.uuid or "")
        if runner:
            _check_variables(domain, site)
            rows = to_hand(domain, host, runner, borrowed_elsewhere(site, plan.name))
            keep_handed(site, plan.name, tuple(rows))
        # others see by the document what is taken: a guest without a definition has no other one
        site.store.write_live(plan.name, to_text(plan.document).encode(), status.to_plain())
    return plan, status


def _choose_links(site: Site, plan: Start, status: Status) -> Tuple[Start, Status]:
    """Name the cards' links, and write into the status what there is to undo of them; raises what keeps them away."""
    from .guards import guard_rows
    from .wires import chosen, macvtap_rows

    surroundings = _check_links(site, plan)
    plan = plan.with_cards(chosen(plan.cards, surroundings, links_elsewhere(site, plan.name)))
    named = [card for card in plan.cards if "%" not in card.tap.name]
    guarded = guard_rows(plan.document, named, [card.tap.name for card in named])
    return plan, replace(status, links=(*macvtap_rows(plan.cards, surroundings), *guarded))


def _own_links(site: Site, name: str) -> FrozenSet[str]:
    """The links of a guest that is ended before it is started, which are gone then."""
    status = site.status(name)
    document = site.active(name) if status is not None and runs(site, status) else None
    cards = [] if document is None else Domain(document).all(Interface)
    return frozenset(card.target for card in cards if card.target and card.managed is not False)


def _check_links(site: Site, plan: Start) -> Surroundings:
    """Raise what keeps the guest's cards from being connected; returns what links the host has."""
    from ...surroundings import look
    from .cards import check_cards, check_macs
    from .guards import check_guards, ports_of

    surroundings = look(site.host)
    check_cards(plan.cards, surroundings, site.host, own=_own_links(site, plan.name))
    check_guards(site, ports_of(plan.name, plan.document, plan.cards))
    check_macs(plan.name, plan.document, list(others(site, plan.name)))
    return surroundings


def foresee(site: Site, name: str, document: Element) -> Start:
    """Work out the start and see whether the host has now what it takes; changes nothing, raises what is missing."""
    plan = prepare(site, name, document)
    check_room(site, plan)
    check_free(site, name, plan.document)
    if plan.cards:
        _check_links(site, plan)
    if site.runner:
        _check_variables(Domain(plan.document), site)
        to_hand(Domain(plan.document), site.host, site.runner, {})
    return plan


def check_room(site: Site, plan: Start) -> None:
    """Raise OperationInvalid when the host has too little memory; a guest that runs gives its huge pages back first."""
    check_memory(site, plan.name, plan.document)
    check_huge_pages(Domain(plan.document), plan.context, site.host, _given_back(site, plan))


def _given_back(site: Site, plan: Start) -> Mapping[int, int]:
    """The huge pages of a guest that is ended before it is started."""
    status = site.status(plan.name)
    document = site.active(plan.name) if status is not None and runs(site, status) else None
    return {} if document is None else huge_pages_of(Domain(document), plan.context)


def _check_variables(domain: Domain, site: Site) -> None:
    path = variables_path(domain)
    if path is not None and site.runner is not None:
        check_reachable(path, site.host, site.runner, f"the UEFI variables of guest {domain.name}")


def prepare(site: Site, name: str, document: Element, *, shown: bool = False, saved: str = "") -> Start:
    """Work out the whole start without changing anything; raises what would make it fail.

    One that is only ``shown`` need not find its networks active. ``saved`` is the path of the state that the guest goes
    on from instead of booting.
    """
    check_completed(site, document)
    volumes = _volumes(site, document)
    if volumes:
        from .volumes import placed

        document = placed(document, volumes)
    context = replace(site.start_context(document), volumes=volumes)
    actual = _actual(site, document, shown=shown)
    running = live(with_actual(document, actual), context)
    domain = Domain(running)
    check_helpers(domain)
    check_images(domain, site.host)
    check_firmware(domain, context.nvram, site.host)
    beside = helpers_of(site, name, domain, context)
    inherited = _inherited(site, name, domain, context, saved)
    descriptors = {each.path: FIRST_FD + number for number, each in enumerate(inherited)}
    cards, fds, taps = _opened(site, domain, inherited)
    context = replace(context, descriptors=descriptors, taps=taps, ports=_ports(site, name, domain))
    staged = _to_stage(domain, site)
    secrets, context = _with_secrets(site, domain, context, shown=shown)
    argv = command_line(_with_staged(running, staged, context.directory), context)
    argv[1:1] = secrets.first_arguments(context) if secrets else []
    waits, place = _waiting(context, descriptors[saved]) if saved else ([], "")
    log = site.host.stat(site.layout.domain_log(name))
    return Start(
        name=name,
        document=as_defined(running, document, actual),
        context=context,
        spawn=_spawn(site, name, [*argv, *_launch_arguments(domain, context), *waits], fds, _variables(domain)),
        staged=tuple(staged.items()),
        log_size=log.size if log else 0,
        helpers=tuple(beside),
        cards=cards,
        secrets=secrets,
        saved=place,
    )


def _ports(site: Site, name: str, domain: Domain) -> Mapping[str, int]:
    """Free ports for its screen: setting a default is one step, so of two that start at once each has its own."""
    return chosen_ports(site.host, domain, lambda port: site.ports.setdefault(port, name) == name)


def _with_secrets(site: Site, domain: Domain, context: Context, *, shown: bool) -> Tuple[Optional[Secrets], Context]:
    """The secrets of a guest that has any, and the context with them."""
    if not guest_secrets(domain, context) and domain.element.find("devices/tpm/backend/encryption") is None:
        return None, context
    from .secrets import secrets_of

    found = secrets_of(site, domain, context, shown=shown)
    return found, replace(context, secrets=found.sealed)


def _volumes(site: Site, document: Element) -> Mapping[Tuple[str, str, str], Volume]:
    """What the volumes that disks name are on this host."""
    if document.find("devices/disk[@type='volume']") is None:
        return {}
    from .volumes import volumes_of

    return volumes_of(site, document)


def _actual(site: Site, document: Element, *, shown: bool) -> Actual:
    """What the interfaces of networks are in truth, by their numbers."""
    if next(network_interfaces(document), None) is None:
        return {}
    from .cards import actual_of

    return actual_of(site, document, shown=shown)


def _opened(
    site: Site, domain: Domain, inherited: Tuple[Inherited, ...]
) -> Tuple[Tuple[Card, ...], Tuple[Inherited, ...], Mapping[str, Ends]]:
    """The cards that end at links of the host, all that QEMU gets open, and the descriptors of the cards."""
    if not any(interface.type in LINKED for interface in domain.all(Interface)):
        return (), inherited, {}
    from .cards import cards_of, opened

    cards = cards_of(domain, site.host)
    return (cards, *opened(inherited, cards))


def _waiting(context: Context, descriptor: int) -> Tuple[List[str], str]:
    """The arguments of a QEMU that is told to go on from a saved state, and where it finds that."""
    from .saved import waiting

    return waiting(context.caps.version, descriptor)


def _launch_arguments(domain: Domain, context: Context) -> List[str]:
    """What belongs to this run and not to the machine: the monitors, and what ends or pauses the guest.

    QEMU waits until we are connected. With wait=off two of its threads race for a connection that is already there when
    the monitor begins: about one in a thousand then gets no greeting, two of them, or no answer (7.2, busy machine).
    """
    monitor = f"socket,id=charmonitor,fd={FIRST_FD},server=on,wait=on"
    events = f"pipe,id=charevents,path={context.directory.replace(',', ',,')}/events"
    events += f",logfile=/dev/fdset/{JOURNAL_SET},logappend=on"
    words = ["-S", "-add-fd", f"set={JOURNAL_SET},fd={JOURNAL_FD},opaque=journal"]
    words += ["-chardev", monitor, "-mon", "chardev=charmonitor,id=monitor,mode=control"]
    words += ["-chardev", events, "-mon", "chardev=charevents,id=events,mode=control"]
    wanted = {"on_reboot": domain.on_reboot, "on_poweroff": domain.on_poweroff, "on_crash": domain.on_crash}
    for row, action in ACTIONS.items():
        if wanted[row[0]] == row[1]:
            words += ["-action", action]
    return words


def _inherited(
    site: Site, name: str, domain: Domain, context: Context, saved: str
) -> Tuple[Union[Listen, Append, Read], ...]:
    """What QEMU gets open: its monitor and journal, the sockets it listens on, the files it writes what is said to.

    One that goes on from a saved state gets that, too, and its guest goes on with what it has said before.

    Sockets in the guest's directory are for us alone; those that the user named are QEMU's, as its group may use them.
    """
    user, layout = account(site.host, site.runner).user, site.layout
    ours = f"{context.directory}/"
    sockets = [Listen(path, owner=None if path.startswith(ours) else user) for path in server_sockets(domain, context)]
    files = [Append(row.path, empty=not row.append and not saved) for row in open_files(domain, context)]
    state = [Read(saved)] if saved else []
    return (Listen(layout.monitor(name)), Append(layout.journal(name)), *sockets, *files, *state)


def _variables(domain: Domain) -> Dict[str, str]:
    """What QEMU's environment has for this guest: the time zone that its clock is in, what the document adds."""
    clock = domain.clock
    zone = clock.timezone if clock is not None and clock.offset == "timezone" else None
    return {**({"TZ": zone} if zone else {}), **environment(domain)}


def _spawn(
    site: Site, name: str, argv: List[str], inherited: Tuple[Inherited, ...], variables: Mapping[str, str]
) -> Spawn:
    who = account(site.host, site.runner)
    return Spawn(
        argv=tuple(argv),
        log=site.layout.domain_log(name),
        env={**ENVIRONMENT, "HOME": site.layout.workplace(name), **variables},
        user=who.user,
        groups=who.groups,
        fds=inherited,
    )


def _to_stage(domain: Domain, site: Site) -> Dict[str, str]:
    """Kernel files that QEMU's user cannot read where they are, by the role that each plays."""
    staged: Dict[str, str] = {}
    for role, path in (("kernel", domain.kernel), ("initrd", domain.initrd), ("dtb", domain.dtb)):
        if path is None:
            continue
        real = site.host.resolve(path)
        found = site.host.stat(real)
        if found is None or found.kind != "file":
            what = "does not exist" if found is None else f"is a {found.kind} and not a file"
            raise HostError(f"The {role} {path} of guest {domain.name} {what}.", hint="Correct its path.")
        runner = site.runner
        if runner is not None and (blocked_by(real, site.host, runner) or not runner.may(found, 4)):
            staged[role] = path
    return staged


def _with_staged(document: Element, staged: Mapping[str, str], directory: str) -> Element:
    """The document with the copies in the guest's directory in place of what cannot be read."""
    copy = clone(document)
    for role in staged:
        setattr(Domain(copy), role, posixpath.join(directory, role))
    return copy


def _put_in_place(site: Site, plan: Start, status: Status) -> None:
    """Make the guest's directory, its event files and logs, and what it keeps; hand the images over."""
    host, layout, runner = site.host, site.layout, site.runner
    owner = (runner.uid, runner.gid) if runner else None
    directory = plan.context.directory
    host.remove_tree(directory)
    host.make_directory(directory, mode=0o711 if owner else 0o700)
    host.make_directory(plan.context.workplace, mode=0o700, owner=owner)
    host.write(f"{directory}/events.in", b'{"execute":"qmp_capabilities"}\n', owner=owner)
    host.symlink("/dev/null", f"{directory}/events.out")
    host.write(layout.journal(plan.name), b"")
    if not plan.saved:
        host.write(layout.domain_console_log(plan.name), b"", lasting=False)
    for role, path in plan.staged:
        group = (host.euid(), runner.gid) if runner else None
        host.write(f"{directory}/{role}", host.read(path) or b"", mode=0o440 if group else 0o400, owner=group)
    domain = Domain(plan.document)
    for helper in plan.helpers:
        host.write(helper.spawn.log, b"", mode=0o640)
    make_variables(domain, plan.context.nvram, host, owner)
    if plan.secrets:
        plan.secrets.put(plan.context, host, owner)
    make_states(domain, plan.context, host, owner, f"{directory}/tpm-{status.id}")
    make_memory_directories(domain, plan.context, host, owner)
    if runner:
        hand_over(handed(site, plan.name), host, runner)


def _hand_shake(site: Site, plan: Start, process: Process, *, paused: bool) -> None:
    """Wait until QEMU answers, learn what it chose, keep the live document, let the guest run."""
    try:
        monitor = site.host.open_monitor(site.layout.monitor(plan.name), timeout=START_TIMEOUT)
        try:
            learn_runtime(Domain(plan.document), monitor)
            settle(Domain(plan.document), monitor)
            if plan.saved:
                from .saved import load

                load(site.host, monitor, plan.saved)
            if plan.secrets:
                plan.secrets.close(plan.context, site.host)  # before the guest has run for the first time
            site.store.write_live(plan.name, to_text(plan.document).encode())
            if not paused:
                monitor.execute("cont")
        finally:
            monitor.close()
    except MissingLibrary:
        raise
    except (MonitorError, TimedOut, HostError) as error:
        raise _start_failure(site, plan, process, error) from error


def _start_failure(site: Site, plan: Start, process: Process, error: CorralError) -> OperationFailed:
    log = plan.spawn.log
    if not site.host.wait_exit(process, timeout=1.0):
        return OperationFailed(f"Guest {plan.name} did not start: {error.message}", hint=f"See {log}.", log=log)
    found = site.host.stat(log)
    new = max(found.size - plan.log_size, 0) if found else 0  # earlier starts said other things
    said = last_words(site.host.tail(log, min(new, 4096)))
    from .wrong_key import wrong_key

    clash = explained(site, plan.name, said)
    whose = f"Guest {plan.name} did not start: its"
    clash = clash or wrong_key(said, Domain(plan.document), plan.context, whose=whose)
    if clash is not None:
        return clash
    words = sentence(f"{said}{_blamed(site, plan, said)}")
    return OperationFailed(f"Guest {plan.name} did not start; QEMU said: {words}", hint=f"See {log}.", log=log)


def _blamed(site: Site, plan: Start, said: str) -> str:
    """What the helper said that QEMU's words are about."""
    for helper in plan.helpers:
        words = last_words(site.host.tail(helper.spawn.log, 4096))
        if words != "nothing" and (helper.socket in said or HELPERS[helper.program].blamed in said):
            return f"; {helper.program} said: {words}"
    return ""


def last_words(log: bytes) -> str:
    """The last lines of QEMU's log that say something, without their time stamps and the program's name."""
    lines = [PREFIX.sub("", line).strip() for line in telling(log).decode("utf-8", "replace").splitlines()]
    return "; ".join([line for line in lines if line][-3:]) or "nothing"
