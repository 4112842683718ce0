# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting one object of libvirt: foreseen by its own module's work, judged, and then done by it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

from ..errors import AlreadyExists, NotFound
from ..host.api import Host
from ..xml.parse import Element, clone
from ..xml.write import to_text
from .adopt_source import Found, Place
from .job import Job

# How many differences a message names.
SHOWN = 5
Result = dict[str, Any]
Converge = Callable[[Job], Result]


@dataclass(frozen=True)
class Case:
    """One object on its way: the run, where it comes from, and what is said of it on the way.

    ``notes`` stand in its result, ``warned`` are what everybody should hear.
    """

    job: Job
    host: Host
    place: Place
    found: Found
    notes: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def told(self, check: bool, options: Mapping[str, Any]) -> Job:
        """The run that the object's own module would make."""
        return replace(self.job, options=options, check_mode=check, warn=self.warned.append)

    def said(self) -> list[str]:
        """Everything that was said, each once."""
        return list(dict.fromkeys((*self.notes, *self.warned)))


def _settled(
    case: Case, noun: str, work: Converge, options: Mapping[str, Any], first: Optional[Callable[[], None]] = None
) -> Result:
    """Bring an object here to what libvirt has, where it is not here yet or may be replaced.

    ``first`` is done before anything else where something is to be done.
    """
    foreseen = work(case.told(True, options))
    here = foreseen.get(noun)
    if here is not None and not here.get("builtin") and not case.job.options["replace"]:
        options = _left_alone(case, noun, foreseen, options)
        foreseen = work(case.told(True, options))
    if case.job.check_mode or not foreseen["changed"]:
        return foreseen
    if first is not None:
        first()
    return work(case.told(False, options))


def _left_alone(case: Case, noun: str, foreseen: Result, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options for an object that is here: only a secret's value is still to come, where it has none.

    Raises AlreadyExists for one that is not as libvirt has it.
    """
    steps = {step["action"]: step for step in foreseen["actions"]}
    different = list((steps.get("define") or {}).get("detail") or ())
    if "set_value" in steps and foreseen[noun]["has_value"]:
        different.append("its value")
    if different:
        shown = [*different[:SHOWN], *([f"and {len(different) - SHOWN} more"] if len(different) > SHOWN else [])]
        raise AlreadyExists(
            f"The {noun} {case.found.name} is defined here, and not as libvirt has it ({'; '.join(shown)}).",
            hint="Leave it as it is and choose the others by names or kinds, or set replace: true.",
            differences=different,
        )
    if "enable_autostart" in steps:
        case.notes.append("It starts with the host under libvirt, and not here.")
    return {**options, "autostart": None} if "autostart" in options else options


def _text(document: Optional[Element]) -> str:
    return "" if document is None else to_text(document)


def _resource(case: Case, document: Optional[Element]) -> dict[str, Any]:
    """What the module of a kind is told that can start with the host."""
    starts = case.found.autostart and case.job.options["autostart"]
    if starts:
        case.warned.append(
            "it starts with the host under libvirt. Switch that off there (virsh autostart --disable, net-autostart,"
            " pool-autostart) before the host is started again."
        )
    told = {"state": "present", "xml": _text(document), "apply": "next_boot", "force": False}
    return {**told, "autostart": True if starts else None}


def _as_here(found: Found, lookup: Callable[[str], Any]) -> Optional[Element]:
    """The document with the uuid that the object of its name has here: nobody refers to these kinds by their uuid.

    So a default network or pool that was made on this host is the one that libvirt has made, where they are alike.
    """
    if found.document is None:
        return None
    try:
        here = lookup(found.name)
    except NotFound:
        return found.document
    copy = clone(found.document)
    for uuid in copy.findall("uuid") if here.name == found.name else ():
        uuid.text = here.uuid
    return copy


# the kinds


def _secret(case: Case) -> Result:
    from .secret import converge_secret

    value = None if case.found.value is None else b64encode(case.found.value).decode()
    # another value is refused without replace; with it, what needs the value that is here has its say
    force = not case.job.options["replace"]
    options = {"state": "present", "xml": _text(case.found.document), "value_base64": value, "force": force}
    done = _settled(case, "secret", converge_secret, options)
    if case.found.note and not (done["secret"] or {}).get("has_value"):
        case.warned.append(case.found.note)
    return done


def _filter(case: Case) -> Result:
    from .filter import converge_filter

    if case.found.document is not None and _is_built_in(case, case.found.document):
        case.notes.append("It is built in here with the same meaning.")
        return {"changed": False}
    document = _as_here(case.found, case.job.connection.nwfilter.lookup_nwfilter)
    return _settled(case, "filter", converge_filter, {"state": "present", "xml": _text(document)})


def _is_built_in(case: Case, document: Element) -> bool:
    """Whether a filter means what one of our own of this name does; libvirt gives its own another uuid on each host."""
    from ..drivers.nwfilter.builtin.table import builtin_document
    from ..model.nwfilter.identity import FILTER
    from ..xml.canonical import without
    from ..xml.compare import compare

    own = builtin_document(case.found.name)
    if own is None:
        return False
    theirs = case.job.connection.nwfilter.normalise_nwfilter(without(document, ("uuid",)))
    return not compare(without(own, ("uuid",)), without(theirs, ("uuid",)), FILTER)


def _network(case: Case) -> Result:
    from .network import converge_network

    document = _as_here(case.found, case.job.connection.network.lookup_network)
    return _settled(case, "network", converge_network, _resource(case, document))


def _pool(case: Case) -> Result:
    from .pool import converge_pool

    document = _as_here(case.found, case.job.connection.storage.lookup_pool)
    options = {**_resource(case, document), "overwrite": False, "delete": False}
    return _settled(case, "pool", converge_pool, options)


def _guest(case: Case) -> Result:
    from .adopt_state import adapted, check_ended, needed, take
    from .guest import converge_guest
    from .look import exact

    driver, document = case.job.connection.hypervisor, case.found.document
    if document is None:
        return {"changed": False}
    layout, here = driver.layout(), exact(driver, case.found.name)
    _tell_past(case, new=here is None)
    if here is None or not here.active:
        check_ended(case.host, case.place, document, new=here is None)
    fit, copies = adapted(document, case.place, layout)
    lacks = needed(case.host, copies) if here is None else []

    def first() -> None:
        for copy in lacks:
            take(case.host, layout, copy)

    done = _settled(case, "guest", converge_guest, {**_resource(case, fit), "timeout": 60}, first)
    taken = [copy.as_step() for copy in lacks] if done["changed"] else []
    return {**done, "actions": [*taken, *done["actions"]]}


def _tell_past(case: Case, *, new: bool) -> None:
    """Say what of a guest's past is not taken over: aloud when the guest is, since later it is too late."""
    from .adopt_source import histories

    for what, names in histories(case.host, case.place, case.found.name).items():
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        said = f"its {what}s under libvirt ({shown}) are not taken over. {PASTS[what]}"
        (case.warned if new else case.notes).append(said)


# What libvirt remembers of a guest's past, and what becomes of it.
PASTS = {
    "snapshot": "What is inside its images stays there (qemu-img snapshot -l); revert to others, or merge them, there.",
    "checkpoint": "Their bitmaps stay in its images; an incremental backup begins anew.",
}

WORKS: Mapping[str, Callable[[Case], Result]] = {
    "secrets": _secret,
    "filters": _filter,
    "networks": _network,
    "pools": _pool,
    "guests": _guest,
}
