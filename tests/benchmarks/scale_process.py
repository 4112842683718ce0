# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command of Ansible's takes: time, processor time here and of the modules, memory of all its processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAUSE = 0.2  # seconds between two looks at memory
MIB = 1024  # KiB

# An interpreter for modules that writes down what each took, by what every shell has. It adds a millisecond.
METER = '#!/bin/sh\n"{python}" "$@"\ncode=$?\ntimes >>"{note}"\nexit $code\n'
# The lines that it writes for each module: of the shell itself, and of what it ran.
LINES = 2


@dataclass(frozen=True)
class Spent:
    """``controller`` and ``targets`` are seconds of processors: of Ansible with its forks, and of the modules.

    ``first`` is the part of the controller's one process that holds the inventory and shares the work out. ``memory``
    is the peak of that, ``everything`` that of all processes together with what they share counted once, in MiB.
    """

    wall: float
    controller: float
    first: float
    targets: float
    modules: int
    memory: float
    everything: float


def run(words: list[str], folder: Path, environment: Mapping[str, str], note: Path) -> tuple[Spent, str]:
    """Run a command to its end; returns what it took, and what it said. SystemExit with all of it when it fails."""
    note.unlink(missing_ok=True)
    said, begin = folder / "said.txt", time.perf_counter()
    with said.open("wb") as out:
        process = subprocess.Popen(words, cwd=folder, env=dict(environment), stdout=out, stderr=subprocess.STDOUT)
    try:
        memory, everything = watched(process.pid)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    wall, (first, others) = time.perf_counter() - begin, processor_seconds(process.pid)
    text = said.read_text(errors="replace")
    if process.wait():
        raise SystemExit(f"{' '.join(words)}:\n{text[-4000:]}")
    targets, modules = noted(note)
    controller = first + max(others - targets, 0.0)
    everything = max(everything, memory)  # the first one's peak may be short, and between two looks
    return Spent(wall, controller, first, targets, modules, memory / MIB, everything / MIB), text


def watched(pid: int) -> tuple[float, float]:
    """Wait until a child has ended, and leave it for wait(); returns the peaks of its memory and of its whole family.

    The first is what the kernel has recorded and misses nothing. The second is seen every now and then.
    """
    memory = everything = 0.0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        memory = max(memory, field(Path(f"/proc/{pid}/status"), "VmHWM:"))
        everything = max(everything, sum(field(Path(f"/proc/{each}/smaps_rollup"), "Pss:") for each in family(pid)))
        time.sleep(PAUSE)
    return memory, everything


def processor_seconds(pid: int) -> tuple[float, float]:
    """Seconds of processors of a child that has ended, and of all that it has waited for."""
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, waited_user, waited_system = (int(value) / TICKS for value in values[11:15])
    return user + system, waited_user + waited_system


def noted(note: Path) -> tuple[float, int]:
    """What the meter has written down: seconds of processors of all modules, and how many there were."""
    lines = note.read_text().split("\n")[:-1] if note.exists() else []
    return sum(seconds(word) for line in lines for word in line.split()), len(lines) // LINES


def seconds(word: str) -> float:
    """The seconds of a word such as 0m1.250s."""
    minutes, _m, rest = word.rstrip("s").partition("m")
    return int(minutes) * 60 + float(rest)


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has gone meanwhile
            children[int(path.read_text().rpartition(")")[2].split()[1])].append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += children[each]
        yield each


def field(path: Path, name: str) -> float:
    """A figure in KiB of a file of /proc, 0 where the process has gone."""
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return float(line.split()[1])
    return 0.0
