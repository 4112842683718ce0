# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs what is to be seen in a terminal of its own and draws it; record.sh makes the host for it.

A scene is commands in a directory, after a file of it was changed as somebody would with an editor. Scenes come one
after the other on the same host. A command that ends otherwise than foreseen is an error.
"""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .terminal import Line, Span, Style, lines, picture, plain

ROOT = Path("/srv/virt")
LAB = Path("/srv/fleet")
COLUMNS = 118
BIN = Path("/srv/bin")
PROMPT = Style(colour="#56d4dd", bold=True)


@dataclass(frozen=True)
class Scene:
    """``name`` is that of the picture, ``title`` what is in it. A scene without a title is played and not drawn.

    ``edit`` is a file of the place with a text and what it becomes. ``ends`` is the exit code.
    """

    name: str
    title: str
    commands: tuple[str, ...]
    place: Path = LAB
    edit: tuple[str, str, str] = ("", "", "")
    ends: int = 0


SCENES = (
    Scene(
        "quickstart",
        "The quickstart playbook defines a guest, starts it and shows it; the second run of its tasks changes nothing.",
        ("ansible-playbook playbooks/quickstart.yml",),
        place=ROOT,
    ),
    Scene(
        "site",
        "The playbook site makes networks, pools and guests on two hosts; the second run of it changes nothing.",
        ("ansible-playbook corral.virt.site", "ansible-playbook corral.virt.site | tail -n 4"),
    ),
    Scene(
        "inventory",
        "The inventory has the guests of all hosts, in groups by tag and state.",
        ("ansible-inventory -i inventory -i corral_guests.yml --graph",),
    ),
    Scene(
        "edit",
        "With --check and --diff a playbook shows what an edit of the inventory would change, and what of it waits.",
        ("ansible-playbook corral.virt.site --limit host1 --check --diff",),
        edit=(
            "inventory/host_vars/host1.yml",
            "    vcpus: {count: 1, maximum: 2}\n",
            "    vcpus: {count: 2, maximum: 2}\n",
        ),
    ),
    Scene("edited", "", ("ansible-playbook corral.virt.site",)),
    Scene(
        "refused",
        "A task with a mistake changes nothing; the message says what is wrong and what to do.",
        ("ansible-playbook mistake.yml",),
        ends=2,
    ),
    Scene(
        "purge",
        "With site_purge a check says what would be removed, and what is kept because something uses it.",
        ("ansible-playbook corral.virt.site --limit host1 -e site_purge=true --check",),
        edit=("inventory/host_vars/host1.yml", "  - name: db1", "cut"),
    ),
)


def install() -> None:
    """Put Ansible's programs where they do not know where the checkout really is."""
    BIN.mkdir()
    for program in ("ansible-playbook", "ansible-inventory"):
        path = BIN / program
        path.write_text(f'#!/bin/sh\nexec {ROOT}/.venv/bin/python -m ansible {program[8:]} "$@"\n')
        path.chmod(0o755)


def played(command: str, place: Path, ends: int) -> str:
    """Return what a command writes to a terminal of our width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    shown = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }
    config = {"ANSIBLE_CONFIG": "ansible.cfg", "ANSIBLE_FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    words = ["bash", "-o", "pipefail", "-c", command]
    process = subprocess.Popen(
        words, cwd=place, env={**shown, **config}, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    said = b"".join(_read(leader))
    os.close(leader)
    if process.wait() != ends:
        raise SystemExit(f"{command} ended with {process.returncode}\n{said.decode(errors='replace')}")
    return said.decode("utf-8", "replace")


def _read(leader: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(leader, 65536)
        except OSError:  # the last program that had the terminal has ended
            return
        if not data:
            return
        yield data


def drawn(scene: Scene) -> list[Line]:
    """Return the lines of a scene, each command behind a prompt."""
    found: list[Line] = []
    for command in scene.commands:
        said = lines(played(command, scene.place, scene.ends))
        found += [[Span("$ ", PROMPT), Span(command, Style(bold=True))], *squeezed(said), []]
    return found[:-1]


def squeezed(said: list[Line]) -> Iterator[Line]:
    """Yield lines with at most one empty one in a row, and none at the ends."""
    empty, begun = False, False
    for line in said:
        if not plain(line).strip():
            empty = begun
            continue
        if empty:
            yield []
        empty, begun = False, True
        yield line


def edited(scene: Scene) -> None:
    """Change the file that the scene edits."""
    name, old, new = scene.edit
    if not name:
        return
    path = scene.place / name
    text = path.read_text()
    if old not in text:
        raise SystemExit(f"{scene.name}: {name} has no {old!r}")
    path.write_text(text[: text.index(old)] if new == "cut" else text.replace(old, new))


def wanted(names: Iterable[str]) -> Callable[[Scene], bool]:
    """Return what says whether a scene is drawn."""
    chosen = set(names)
    return lambda scene: bool(scene.title) and (not chosen or scene.name in chosen)


def main(names: list[str]) -> None:
    """Play all scenes up to the last that is wanted, and draw those that are."""
    shutil.copytree(ROOT / "tools/pictures/lab", LAB)
    for host in ("host1", "host2"):
        (LAB.parent / host).mkdir()
    install()
    draw = wanted(names)
    last = max(number for number, scene in enumerate(SCENES) if draw(scene))
    for scene in SCENES[: last + 1]:
        edited(scene)
        content = drawn(scene)
        if draw(scene):
            path = ROOT / f"docs/pictures/{scene.name}.svg"
            path.write_text(picture(content, scene.title, COLUMNS), encoding="utf-8")
            print(path.relative_to(ROOT), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
