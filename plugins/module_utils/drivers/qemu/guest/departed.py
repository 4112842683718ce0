# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that have left for another host: what the host that gives one away writes down, and goes by.

The note is there before anything happens to the guest, so that whoever is ended in the middle can go on. From the time
that the other host may have the guest, this one does not start it any more: two copies must never run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Optional, Tuple

from ....errors import HostError, OperationInvalid
from ....host.api import Host
from ....host.layout import Layout

# How far it is: shut down and copied; everything is on the other host, which may have it; and removed here.
BEGUN, GIVEN, GONE = "begun", "given", "gone"


@dataclass(frozen=True)
class Note:
    """A guest on its way: ``was`` is the state that it is to have there, ``files`` have been copied or are about to."""

    name: str
    uuid: str
    to: str
    was: str
    autostart: bool
    stage: str = BEGUN
    files: Tuple[str, ...] = ()


def read_note(host: Host, layout: Layout, name: str) -> Optional[Note]:
    """The note about a guest, None without one; raises HostError when it is damaged."""
    path = layout.departed(name)
    data = host.read(path)
    if data is None:
        return None
    try:
        found = json.loads(data)
        return Note(**{**found, "files": tuple(found["files"])})
    except (ValueError, TypeError, KeyError) as error:
        raise HostError(f"{path} is damaged: {error}.", hint="Remove it.", path=path) from error


def write_note(host: Host, layout: Layout, note: Note) -> None:
    """Write a note down."""
    layout.prepare(host)
    host.write(layout.departed(note.name), json.dumps(asdict(note), indent=1).encode() + b"\n")


def forget_note(host: Host, layout: Layout, name: str) -> None:
    """The guest is here again, or is another one."""
    host.remove(layout.departed(name))


def check_here(host: Host, layout: Layout, name: str) -> None:
    """Raise OperationInvalid for a guest that another host may have by now."""
    note = read_note(host, layout, name)
    if note is not None and note.stage in (GIVEN, GONE):
        raise OperationInvalid(
            f"Guest {name} was handed over to {note.to}, and is not started here: two copies of it could run.",
            hint="Hand it over to this host again, or declare it there and not here. If this is another guest of the"
            f" same name, or the one on {note.to} is gone for good, remove {layout.departed(name)}.",
            to=note.to,
        )
