# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of a guest as a line for a shell: what QEMU inherits from us, the line opens itself.

Sockets become sockets that QEMU listens on, files become redirections, taps are made by QEMU, and what belongs to our
own runs (the monitors, and that the guest waits for them) is left out. Secrets are hidden.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Iterable, List, Sequence, Tuple

from ....host.api import Append, Listen, Spawn
from ....xml.canonical import HIDDEN

FD = re.compile(r"(?<![\w-])fd=(\d+)(?=,|$)")
FIRST_FD = 3
# Options of our own runs, each with its number of values, and marks of those that have others of their name.
OURS = {"-S": 0, "-mon": 1}
MARKS = {"-chardev": ("id=charmonitor,", "id=charevents,"), "-add-fd": ("opaque=journal,",)}
# The descriptors of our own runs: the monitor and the journal.
OUR_FDS = 2
# How the -netdev of a tap begins, and what it says of descriptors.
TAP = '{"type":"tap"'
DESCRIPTORS = ("fd", "fds", "vhostfd", "vhostfds")


def paste(command: Spawn, secrets: Iterable[str] = ()) -> str:
    """Return one line for a shell that starts the same machine."""
    sockets = [each for each in command.fds[OUR_FDS:] if isinstance(each, Listen)]
    folders = dict.fromkeys(each.path.rpartition("/")[0] for each in sockets)
    words = [_hidden(_tapped(_opened(word, command)), secrets) for word in _machine(command.argv)]
    makes = [f"mkdir -p {' '.join(shlex.quote(folder) for folder in folders)} &&"] if folders else []
    return " ".join([*makes, *(shlex.quote(word) for word in words), *_redirections(command)])


def _machine(argv: Sequence[str]) -> List[str]:
    """The arguments without those of our own runs."""
    words: List[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word in OURS:
            del rest[: OURS[word]]
        elif any(mark in f"{rest[0]}," for mark in MARKS.get(word, ())):
            rest.pop(0)
        else:
            words.append(word)
    return words


def _opened(word: str, command: Spawn) -> str:
    """An argument with the paths of the sockets that it names by their descriptors."""

    def path(found: re.Match[str]) -> str:
        number = int(found.group(1)) - FIRST_FD
        inherited = command.fds[number] if 0 <= number < len(command.fds) else None
        return f"path={inherited.path.replace(',', ',,')}" if isinstance(inherited, Listen) else found.group(0)

    return FD.sub(path, word) if word.startswith("socket,") else word


def _tapped(word: str) -> str:
    """A -netdev that was handed a tap with one that QEMU makes by itself, which then is on no bridge."""
    if not word.startswith(TAP):
        return word
    own = json.loads(word)
    count = str(own.get("fds", "")).count(":") + 1
    kept = {name: value for name, value in own.items() if name not in DESCRIPTORS}
    queues = {"queues": count} if count > 1 else {}
    return json.dumps({**kept, **queues, "script": "no", "downscript": "no"}, separators=(",", ":"))


def _redirections(command: Spawn) -> List[str]:
    rows: List[Tuple[int, str]] = [
        (FIRST_FD + number, each.path)
        for number, each in enumerate(command.fds)
        if isinstance(each, Append) and number >= OUR_FDS
    ]
    return [f"{number}>>{shlex.quote(path)}" for number, path in rows]


def _hidden(word: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        word = word.replace(secret, HIDDEN)
    return word
