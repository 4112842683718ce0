# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where benchmarks run, and how long Ansible's tasks take there: this machine, or a tree that is entered by chroot."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = "tests/benchmarks"
# Where a callback of Ansible's writes what each task took.
TIMES = "CORRAL_BENCHMARK_TIMES"

# An interpreter that writes down the processor time of the real one.
METER = """#!{python}
import os, sys

pid = os.fork()
if not pid:
    os.execv("{python}", ["{python}", *sys.argv[1:]])
_pid, status, usage = os.wait4(pid, 0)
with open("{note}", "a") as file:
    file.write(f"{{usage.ru_utime + usage.ru_stime}}\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""

Task = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where to run: paths are those inside, ``enter`` is put before every command, ``base`` is its ``/`` for us."""

    checkout: str
    bin: str
    python: str
    enter: tuple[str, ...] = ()
    base: Path = Path("/")

    def outside(self, path: str) -> Path:
        """The path by which we reach what it calls ``path``."""
        return self.base / path.lstrip("/")

    def run(self, *words: str, **environment: str) -> str:
        """Run a program, return what it printed; SystemExit with all of its words when it fails."""
        command = [*self.enter, "env", "-C", self.checkout, *(f"{k}={v}" for k, v in environment.items()), *words]
        # such as PYTHONUNBUFFERED, with which Python reads the programs that Ansible sends byte by byte
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout

    def inside(self, *words: str, program: str = "inside.py") -> Any:
        """Run inside.py, or another of our programs, with the modules' interpreter; return what it has measured."""
        return json.loads(self.run(self.python, f"{self.checkout}/{BENCHMARKS}/{program}", *words))

    def version(self, *words: str) -> str:
        """The first number with dots in what a program prints, "" when there is no such program."""
        with contextlib.suppress(SystemExit):
            found = re.search(r"\d+\.\d+[\w.]*", self.run(*words))
            return found.group() if found else ""
        return ""


def here() -> Place:
    """The checkout with its own virtual environment."""
    return Place(str(ROOT), str(ROOT / ".venv/bin"), str(ROOT / ".venv/bin/python"))


@dataclass(frozen=True)
class Bench:
    """A host of our own below a temporary root: the guests in it end with it."""

    place: Place
    root: str

    @property
    def uri(self) -> str:
        return f"qemu:///embed?root={self.root}"

    def play(self, tasks: list[Task], *, python: str = "", **environment: str) -> list[tuple[str, float]]:
        """Run tasks on localhost in one play, return each one's name and seconds; SystemExit when one fails."""
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        self.place.outside(f"{self.root}/play.yml").write_text(json.dumps([play]))
        times = self.place.outside(f"{self.root}/times")
        times.unlink(missing_ok=True)
        settings = {
            "ANSIBLE_CONFIG": f"{self.place.checkout}/ansible.cfg",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": f"{self.place.checkout}/{BENCHMARKS}/callback",
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "CORRAL_VIRT_RUNTIME": f"{self.root}/runtime",
            TIMES: f"{self.root}/times",
            **environment,
        }
        python = python or self.place.python
        words = ("-i", "localhost,", "-e", f"ansible_python_interpreter={python}", f"{self.root}/play.yml")
        self.place.run(f"{self.place.bin}/ansible-playbook", *words, **settings)
        return [(row[0], row[1]) for row in map(json.loads, times.read_text().splitlines())]

    def spent(self, tasks: list[Task]) -> list[tuple[str, float]]:
        """Run tasks in one play, return each one's name and the processor seconds that it took on the target.

        That is of the interpreter with everything that it starts and waits for, as in a run without us: the program
        comes by its standard input.
        """
        note, wrapper = f"{self.root}/spent", f"{self.root}/python-spent"
        self._script(wrapper, METER.format(python=self.place.python, note=note))
        rows = self.play(tasks, python=wrapper)
        found = [float(line) for line in self.place.outside(note).read_text().splitlines()]
        # the first task may need two programs: a host without our code says so, and is sent it
        return [(name, seconds) for (name, _whole), seconds in zip(rows, found[-len(rows) :])]

    def imported(self, task: Task) -> str:
        """What Python says of the imports of a task (its option -X importtime), when the host has our code."""
        note, wrapper = f"{self.root}/imported", f"{self.root}/python-imported"
        self._script(wrapper, f'#!/bin/sh\nexec "{self.place.python}" -X importtime "$@" 2>{note}\n')
        self.play([task, task], python=wrapper)
        return self.place.outside(note).read_text()

    def _script(self, path: str, text: str) -> None:
        outside = self.place.outside(path)
        outside.write_text(text)
        outside.chmod(0o755)


@contextlib.contextmanager
def bench(place: Place) -> Iterator[Bench]:
    """A host of our own in this place, with nothing left of it afterwards; its /run is in memory, as a host's is."""
    root = Path(tempfile.mkdtemp(prefix="corral-bench-", dir=place.outside("/tmp")))
    run = Path("/dev/shm", root.name)
    try:
        for directory in (root, run):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o755)
        (root / "run").symlink_to(run)
        yield Bench(place, f"/tmp/{root.name}")
    finally:
        for status in run.glob("corral/domains/*.json"):
            end(json.loads(status.read_text()).get("pid"))
        for directory in (run, root):
            shutil.rmtree(directory)


def end(pid: int | None) -> None:
    """End a guest's QEMU, where it still runs."""
    with contextlib.suppress(ProcessLookupError):
        if pid:
            os.kill(pid, signal.SIGKILL)


def medians(rows: list[tuple[str, float]], skip: int = 1) -> dict[str, float]:
    """The median for each name, without the first ``skip`` of each, which warm caches."""
    names = dict.fromkeys(name for name, _seconds in rows)
    return {name: statistics.median([s for n, s in rows if n == name][skip:]) for name in names}


def timed(work: Any) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def say(text: str) -> None:
    """Tell whoever waits what is going on."""
    print(text, file=sys.stderr, flush=True)
