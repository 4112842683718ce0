# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handing a guest over: what the host does that takes it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Optional

from ...drivers.qemu.guest.departed import forget_note, read_note
from ...errors import CorralError, NotFound, OperationFailed
from ...model.domain.core import Domain
from ...values import parse_uuid
from ...xml.parse import Element, parse
from ...xml.write import to_text
from ..guest import converge_guest
from ..job import Job
from ..look import exact, find
from .parts import STATE, Part, adapted, lacking, moved
from .side import Side

Values = dict[str, Any]
# What has become of a part: it is on storage of both hosts, is still to come, or there is another file in its place.
SHARED, MISSING, OTHER, WRONG = "shared", "missing", "other", "wrong"
FILES = ("dir", "fs", "netfs")


@dataclass(frozen=True)
class Found:
    """A part as this host has it: its ``path`` here, what has become of it, and what is wrong with it."""

    part: Part
    path: str
    state: str
    wrong: str = ""


def judge(job: Job, side: Side) -> Values:
    """Whether this host can take a guest, and what of it is to be copied; nothing is changed.

    ``problems`` says each thing that stands in the way; with ``defined`` it has been taken already.
    """
    options = job.options
    document = _document(job, side)
    name, uuid = Domain(document).name or "", parse_uuid(options["uuid"])
    here, other = exact(side.driver, name), find(side.driver, str(uuid))
    if here is not None and parse_uuid(here.uuid) == uuid:
        return {"defined": True, "active": here.active, "was": here.state, "problems": [], "parts": []}
    problems = list(_taken(name, here, other))
    found = [_found(job, side, Part(**plain)) for plain in options["parts"]]
    problems += [each.wrong for each in found if each.wrong]
    problems += _directories(side, options["directories"])
    problems += _room(side, found)
    problems += _foreseen(side, document, found)
    note = read_note(side.host, side.layout, name)
    left = list(note.files) if note is not None and note.uuid == str(uuid) else []
    return {
        "defined": False,
        "active": False,
        "problems": list(dict.fromkeys(problems)),
        "parts": [{"from": each.part.path, "path": each.path, "state": each.state} for each in found],
        "left": left,
        "available": _available(side),
        "same_host": side.site.host_id() == options["host"],
    }


def _document(job: Job, side: Side) -> Element:
    document = parse(job.options["document"], root="domain", what="document of the guest")
    return adapted(document, job.options["state"], side.layout)


def _taken(name: str, here: Any, other: Any) -> Iterator[str]:
    if here is not None:
        yield f"there is another guest named {name} (uuid {here.uuid})"
    if other is not None and other.name != name:
        yield f"its uuid belongs to the guest {other.name}"


def _found(job: Job, side: Side, part: Part) -> Found:
    host = side.host
    try:
        path = _path(job, side, part)
    except CorralError as error:
        return Found(part, part.path, WRONG, error.message.rstrip("."))
    found = host.stat(host.resolve(path))
    token = posixpath.join(posixpath.dirname(path), job.options["token"])
    if part.what != STATE and not part.kind:
        return Found(part, path, WRONG, f"{part.path} does not exist on the host that gives it away")
    if found is not None and (host.stat(token) is not None or _is(part, found) or _promised(job, path)):
        return Found(part, path, SHARED)
    if part.kind == "block":
        what = f"{path} is a device of the host that gives it away"
        return Found(part, path, WRONG, f"{what}; where both hosts have the very same one, name it in shared")
    return Found(part, path, MISSING if found is None else OTHER)


def _path(job: Job, side: Side, part: Part) -> str:
    """Where a part is to be here; raises NotFound without its pool, and for one that no file can be put into."""
    if not part.pool:
        return moved(part.path, job.options["state"], side.layout)
    storage = job.connection.storage
    pool = storage.lookup_pool(part.pool)
    with suppress(NotFound):
        return storage.lookup_volume(pool.name, part.volume).path or part.path
    document = storage.pool_xml(pool.name)
    target = document.findtext("target/path")
    if document.get("type") not in FILES or not target:
        what = f"the pool {part.pool} has no volume {part.volume}"
        raise OperationFailed(f"{what}, and is of the type {document.get('type')}, into which no file can be copied.")
    return posixpath.join(target, part.volume)


def _is(part: Part, found: Any) -> bool:
    """Whether it is the very same file, as far as its file system tells."""
    return (part.inode, part.size, part.mtime_ns) == (found.inode, found.size, found.mtime_ns) and part.kind == "file"


def _promised(job: Job, path: str) -> bool:
    return any(path == each or path.startswith(f"{each.rstrip('/')}/") for each in job.options["shared"])


def _directories(side: Side, paths: list[str]) -> list[str]:
    host = side.host
    return [f"the directory {path}, which it mounts, does not exist" for path in paths if host.stat(path) is None]


def _room(side: Side, found: list[Found]) -> list[str]:
    """What file systems have too little room, each seen once."""
    wanted: dict[int, int] = {}
    places: dict[int, str] = {}
    for each in found:
        above = _above(side, each.path) if each.state in (MISSING, OTHER) else None
        if above is not None:
            device = getattr(side.host.stat(above), "device", 0)
            wanted[device] = wanted.get(device, 0) + each.part.allocated
            places.setdefault(device, above)
    problems = []
    for device, size in wanted.items():
        system = side.host.file_system(places[device])
        if system is not None and size > system.available:
            there = f"{system.available >> 20} MiB are free"
            problems.append(f"{size >> 20} MiB are to be copied to {places[device]}, where {there}")
    return problems


def _above(side: Side, path: str) -> Optional[str]:
    """The nearest directory above a path that is there."""
    while path not in ("", "/"):
        path = posixpath.dirname(path)
        if side.host.stat(path) is not None:
            return path
    return None


def _foreseen(side: Side, document: Element, found: list[Found]) -> list[str]:
    """What would keep it from being started, were its files here."""
    waiting = [each for each in found if each.state != SHARED]
    volumes = {(each.part.pool, each.part.volume) for each in waiting if each.part.pool}
    try:
        rest = side.driver.normalise_domain(lacking(document, {each.path for each in waiting}, volumes))
        side.driver.check_start(rest)
    except CorralError as error:
        return [error.message.rstrip(".")]
    return []


def _available(side: Side) -> Optional[int]:
    """The memory that programs can have without swapping, in KiB (proc(5) meminfo)."""
    text = (side.host.read("/proc/meminfo") or b"").decode("ascii", "replace")
    found = next((line.split()[1] for line in text.splitlines() if line.startswith("MemAvailable:")), "")
    return int(found) if found.isdigit() else None


def begin(job: Job, side: Side) -> Values:
    """Begin to take a file."""
    from ...host.local_pieces import begin_file

    path, host, layout = job.options["path"], side.host, side.layout
    layout.prepare(host)
    folder = posixpath.dirname(path)
    if host.stat(folder) is None:
        private = folder.startswith(f"{layout.state}/")
        host.make_directory(folder, mode=0o700 if private else 0o755, owner=_owner(side) if private else None)
    begin_file(path, job.options["size"])
    return {}


def write(job: Job, side: Side) -> Values:
    """Take a piece of it."""
    from base64 import b64decode
    from zlib import decompress

    from ...host.local_pieces import write_piece

    write_piece(job.options["path"], job.options["offset"], decompress(b64decode(job.options["data"])))
    return {}


def finish(job: Job, side: Side) -> Values:
    """Give the file its place where it is what was sent; raises OperationFailed where it is not."""
    from ...host.local_pieces import file_digest, finish_file, part_of

    options = job.options
    if file_digest(part_of(options["path"])) != options["digest"]:
        raise OperationFailed(f"{options['path']} has not arrived as it was sent.", hint="Run this again.")
    owner = _owner(side) if options["what"] == STATE else None
    finish_file(options["path"], mode=options["mode"] & 0o777, owner=owner)
    return {}


def _owner(side: Side) -> Optional[tuple[int, int]]:
    who = side.site.runner
    return None if who is None else (who.uid, who.gid)


def digest(job: Job, side: Side) -> Values:
    """What tells the contents of a file from others."""
    from ...host.local_pieces import file_digest

    return {"digest": file_digest(job.options["path"])}


def define(job: Job, side: Side) -> Values:
    """Define the guest here; from now on it is this host's."""
    document = _document(job, side)
    forget_note(side.host, side.layout, Domain(document).name or "")
    return _converged(job, {"state": "present", "xml": to_text(document), "autostart": job.options["autostart"]})


def start(job: Job, side: Side) -> Values:
    """Start the guest here, and see it active."""
    done = _converged(job, {"state": job.options["wanted"], "name": job.options["name"]})
    guest = exact(side.driver, job.options["name"])
    return {**done, "active": guest is not None and guest.active}


def _converged(job: Job, options: Mapping[str, Any]) -> Values:
    usual = {"apply": "next_boot", "force": False, "timeout": 60}
    return {"changed": bool(converge_guest(replace(job, options={**usual, **options}))["changed"])}
