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
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout

    def inside(self, *words: str) -> Any:
        """Run inside.py with the modules' interpreter, return what it has measured."""
        return json.loads(self.run(self.python, f"{self.checkout}/{BENCHMARKS}/inside.py", *words))

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

    def play(self, tasks: list[Task], **environment: str) -> list[tuple[str, float]]:
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
            TIMES: f"{self.root}/times",
            **environment,
        }
        words = ("-i", "localhost,", "-e", f"ansible_python_interpreter={self.place.python}", f"{self.root}/play.yml")
        self.place.run(f"{self.place.bin}/ansible-playbook", *words, **settings)
        return [(row[0], row[1]) for row in map(json.loads, times.read_text().splitlines())]

    def payload(self, module: str, options: dict[str, Any]) -> str:
        """Return the program that Ansible would send to a host for this task."""
        keep = f"{self.root}/payload-{module}"
        kept = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0", "ANSIBLE_REMOTE_TEMP": keep}
        self.play([{module: options}], **kept)
        (found,) = self.place.outside(keep).rglob("AnsiballZ_*.py")
        return "/" + str(found.relative_to(self.place.base))

    def spent(self, program: str) -> float:
        """Processor seconds that a payload and everything that it starts and waits for take."""
        words = [*self.place.enter, self.place.python, program]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{program} failed")
        return usage.ru_utime + usage.ru_stime


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
