# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting what a libvirtd has defined: each object is defined here by the work of its own module.

So everything that is true of a definition in XML is true of one that is adopted, also in check mode. An object that
cannot be adopted hides no other. What is defined here already is never changed without being asked for: it may have
gone its own way since it was adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Optional

from ..errors import CorralError, InvalidArgument
from ..host.api import Host
from .adopt_definition import KINDS
from .adopt_one import WORKS, Case, Result
from .adopt_source import Found, place_of, read_dumps, read_libvirt
from .failure import failure
from .job import Job

DEFINED, UNCHANGED, REFUSED = "defined", "unchanged", "refused"
# How many objects a warning names.
SHOWN = 3


def adopt(job: Job, host: Optional[Host] = None) -> Result:
    """Define here what a libvirtd has defined, as far as the options ask for it; in check mode say what would be.

    Raises CorralError when there is nothing to read; what is wrong with one object stands in its result.
    """
    host = host or _local()
    options = job.options
    if options.get("libvirt") and options.get("dumps"):
        raise InvalidArgument("libvirt and dumps contradict each other.", hint="Run the module once for each.")
    kinds = [kind for kind in KINDS if kind in options["kinds"]]
    place = place_of(host, options.get("libvirt"))
    dumps = options.get("dumps")
    found = read_dumps(host, dumps, kinds) if dumps else read_libvirt(host, place, kinds)
    chosen, missing = _chosen(list(found), options.get("names"))
    cases = [Case(job, host, place, each) for each in _in_order(chosen)]
    rows = [_outcome(case) for case in cases]
    _warn(cases)
    return _told(job, rows, missing)


def _local() -> Host:
    from ..host.local import LocalHost

    return LocalHost()


def _chosen(found: Sequence[Found], names: Optional[Sequence[str]]) -> tuple[list[Found], list[str]]:
    """The objects whose name or uuid fits one of the patterns, and the patterns that fit none."""
    if names is None:
        return list(found), []
    fitting = {name: [each for each in found if _fits(each, name)] for name in names}
    kept = [each for each in found if any(each in some for some in fitting.values())]
    return kept, [name for name, some in fitting.items() if not some]


def _fits(found: Found, pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in (found.name, found.uuid) if name)


def _in_order(found: Sequence[Found]) -> list[Found]:
    """The same, filters behind those that they refer to, so that none is defined that refers to nothing yet."""
    waiting = {each.name: each for each in found if each.kind == "filters"}
    placed: list[Found] = []

    def place(each: Found) -> None:
        waiting.pop(each.name, None)
        for reference in () if each.document is None else each.document.iterfind("filterref"):
            other = waiting.get(reference.get("filter") or "")
            if other is not None:
                place(other)
        placed.append(each)

    for each in found:
        if each.kind != "filters" or each.name in waiting:
            place(each)
    return placed


def _outcome(case: Case) -> Result:
    """What has become of one object."""
    found = case.found
    row = {"kind": found.kind[:-1], "name": found.name, "uuid": found.uuid, "file": found.path}
    try:
        if found.problem is not None or found.document is None:
            raise found.problem or InvalidArgument(f"{found.path} is no document.")
        done = WORKS[found.kind](case)
    except CorralError as error:
        said = failure(error)
        refused = {"result": REFUSED, "failed": True, "reason": said["msg"], "changed": said["changed"], "actions": []}
        return {**row, **refused, "error": said["error"], "details": said["details"], "notes": case.said()}
    changed = bool(done["changed"])
    result = {"result": DEFINED if changed else UNCHANGED, "failed": False, "changed": changed}
    return {**row, **result, "actions": done.get("actions", []), "notes": case.said(), "diff": done.get("diff", [])}


def _warn(cases: Sequence[Case]) -> None:
    """Say each warning once, with the objects that it is about."""
    about: dict[str, list[str]] = {}
    for case in cases:
        for words in dict.fromkeys(case.warned):
            about.setdefault(words, []).append(f"{case.found.kind[:-1]} {case.found.name}")
    for words, names in about.items():
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        cases[0].job.warn(f"{', '.join(names[:SHOWN])}{more}: {words}")


def _told(job: Job, rows: Sequence[Result], missing: Sequence[str]) -> Result:
    parts = [part for row in rows for part in row.pop("diff", [])]
    refused = [row for row in rows if row["failed"]]
    told: Result = {"changed": any(row["changed"] for row in rows), "results": list(rows), "missing": list(missing)}
    if job.diff:
        told["diff"] = parts
    if refused and not job.options["ignore_refused"]:
        said = "\n".join(f"{row['kind']} {row['name']}: {row['reason']}" for row in refused)
        told.update(failed=True, error="ElementsFailed", msg=f"{len(refused)} of {len(rows)} were refused.\n{said}")
    return told
