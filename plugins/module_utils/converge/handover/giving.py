# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handing a guest over: what the host does that gives it away."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from ...drivers.qemu.guest.departed import Note, read_note, write_note
from ...drivers.qemu.guest.sharing import key_of, used_by_others
from ...errors import CorralError, NotFound
from ...model.domain.core import Domain
from ...values import parse_uuid
from ...xml.write import to_text
from ..guest import converge_guest
from ..job import Job
from ..look import exact
from .parts import parts_of, shared_directories, ties
from .side import Side

Values = dict[str, Any]
Order = Mapping[str, Any]


def describe(job: Job, side: Side) -> Values:
    """The guest as it is, with all that it consists of, and how far its hand-over has come."""
    name, site = job.options["name"], side.site
    guest, note = exact(side.driver, name), read_note(side.host, side.layout, name)
    plain = None if note is None else asdict(note)
    if guest is None or not guest.persistent:
        return {"there": guest is not None, "persistent": False, "note": plain}
    document = side.driver.domain_xml(name, inactive=True)
    return {
        "there": True,
        "persistent": True,
        "note": plain,
        "uuid": str(parse_uuid(guest.uuid)),
        "active": guest.active,
        "was": guest.state,
        "autostart": guest.autostart,
        "document": to_text(document),
        "memory": Domain(document).memory or 0,
        "state": side.layout.state,
        "parts": [part.to_plain() for part in parts_of(site, document)],
        "ties": [*ties(document), *_saved(side, name)],
        "directories": shared_directories(document),
        "host": site.host_id(),
    }


def _saved(side: Side, name: str) -> list[str]:
    """What a guest was saved as belongs to disks on which nothing else has happened, and to this host's QEMU."""
    there = side.host.stat(side.layout.saved_facts(name)) is not None
    return ["a state that it was saved in; start it first, or let force give that up"] if there else []


def note(job: Job, side: Side) -> Values:
    """Write down how far it is."""
    options = job.options["note"]
    write_note(side.host, side.layout, Note(**{**options, "files": tuple(options["files"])}))
    return {}


def quiet(job: Job, side: Side) -> Values:
    """The guest does not start with this host any more."""
    options = {"state": "present", "name": job.options["name"], "autostart": False}
    return _converged(job, options)


def stop(job: Job, side: Side) -> Values:
    """Shut the guest down."""
    given = {name: job.options[name] for name in ("name", "timeout", "force")}
    return _converged(job, {"state": "stopped", **given})


def resume(job: Job, side: Side) -> Values:
    """The guest is this host's again, as it was before: nobody else has it."""
    wanted = {"paused": "paused", "off": "present"}.get(job.options["was"], "running")
    autostart = True if job.options["autostart"] else None
    return _converged(job, {"state": wanted, "name": job.options["name"], "autostart": autostart})


def forget(job: Job, side: Side) -> Values:
    """Remove the definition; what the guest consists of stays."""
    return _converged(job, {"state": "absent", "name": job.options["name"]})


def delete(job: Job, side: Side) -> Values:
    """Delete files of a guest that has gone, but what another one uses."""
    host, kept = side.host, []
    for path in job.options["paths"]:
        if used_by_others(side.site, job.options["name"], key_of(host, path)) is not None:
            kept.append(path)
        else:
            host.remove(path)
    return {"kept": kept}


def mark(job: Job, side: Side) -> Values:
    """Put a file with the name of the token into each directory that takes one; who sees it has the same directory."""
    for directory in job.options["directories"]:
        with suppress(CorralError):
            side.host.write(posixpath.join(directory, job.options["token"]), b"", lasting=False)
    return {}


def unmark(job: Job, side: Side) -> Values:
    """Take these files away again."""
    for directory in job.options["directories"]:
        with suppress(CorralError):
            side.host.remove(posixpath.join(directory, job.options["token"]))
    return {}


def read(job: Job, side: Side) -> Values:
    """The next piece of a file."""
    from base64 import b64encode
    from zlib import compress

    from ...host.local_pieces import piece

    found = piece(job.options["path"], job.options["offset"], job.options["size"])
    if found is None:
        return {"data": None}
    begin, data = found
    return {"offset": begin, "length": len(data), "data": b64encode(compress(data, 1)).decode("ascii")}


def sized(job: Job, side: Side) -> Values:
    """How large a file is; raises NotFound."""
    path = job.options["path"]
    found = side.host.stat(side.host.resolve(path))
    if found is None:
        raise NotFound(f"{path} is gone.")
    return {"size": found.size, "mode": found.mode}


def _converged(job: Job, options: Mapping[str, Any]) -> Values:
    usual = {"apply": "next_boot", "force": False, "timeout": 60}
    return {"changed": bool(converge_guest(replace(job, options={**usual, **options}))["changed"])}
