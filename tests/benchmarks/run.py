# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure, as ratios within one run, what a task and a guest cost; write the figures to a file.

    run.py [--out FILE.json] [--guests N] [--only NAME]

Every figure stands beside one of the same machine in the same minutes: a task that does nothing beside Ansible's own
ping, a start beside the same command line run by hand. The two sides take turns, and the median counts. Guests live
below a temporary root and have no disk and no kernel, so that QEMU's and our own time is measured and not a guest's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv/bin"
sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Figure:
    """One ratio: ``ours`` and ``theirs`` are medians in seconds."""

    name: str
    ours: float
    theirs: float
    what: str
    goal: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else 0.0


def timed(work: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(first: Callable[[], float], second: Callable[[], float], rounds: int) -> tuple[float, float]:
    """The medians of two measurements that take turns, after one round that does not count."""
    first(), second()
    pairs = [(first(), second()) for _round in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def playbook(directory: Path, tasks: list[dict[str, Any]]) -> None:
    """Run tasks on localhost in one play; raises when one fails."""
    path = directory / "play.yml"
    path.write_text(json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    command = [
        str(BIN / "ansible-playbook"),
        "-i",
        "localhost,",
        "-e",
        f"ansible_python_interpreter={BIN}/python",
        str(path),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def looped(module: str, arguments: dict[str, Any], count: int) -> dict[str, Any]:
    """One task that runs a module ``count`` times."""
    return {module: arguments, "loop": list(range(count)), "loop_control": {"label": "{{ item }}"}}


def guest(uri: str, name: str) -> dict[str, Any]:
    """Options of a guest that is nothing but a machine, which waits for something to boot."""
    return {"uri": uri, "name": name, "memory": "32MiB", "machine": "q35", "console": True}


@contextlib.contextmanager
def host() -> Iterator[tuple[Path, str]]:
    """A root of our own and its URI; the guests in it end with it."""
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as name:
        root = Path(name)
        root.chmod(0o755)
        try:
            yield root, f"qemu:///embed?root={root}"
        finally:
            for status in root.glob("run/corral/domains/*.json"):
                pid = json.loads(status.read_text()).get("pid")
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.kill(pid or 0, signal.SIGKILL) if pid else None


def no_op(root: Path, uri: str, guests: int) -> Figure:
    """A vm task with nothing to do beside ping, both without what starting the play costs."""
    count = 15
    playbook(root, [{"corral.virt.vm": {**guest(uri, "noop"), "state": "present"}}])
    idle = statistics.median(timed(lambda: playbook(root, [{"ansible.builtin.meta": "noop"}])) for _round in range(3))

    def run(module: str, arguments: dict[str, Any]) -> float:
        return (timed(lambda: playbook(root, [looped(module, arguments, count)])) - idle) / count

    ours, theirs = in_turns(
        lambda: run("corral.virt.vm", {**guest(uri, "noop"), "state": "present"}),
        lambda: run("ansible.builtin.ping", {}),
        3,
    )
    return Figure("no-op", ours, theirs, "a vm task with nothing to do, beside ansible.builtin.ping", "at most 1.3")


def start(root: Path, uri: str, guests: int) -> Figure:
    """Starting a defined guest until QMP has answered, beside the same command line run by hand."""
    from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection

    playbook(root, [{"corral.virt.vm": {**guest(uri, "start"), "state": "present"}}])
    with open_connection(uri) as connection:
        driver = connection.hypervisor
        argv = driver.domain_argv("start")

        def ours() -> float:
            seconds = timed(lambda: driver.start_domain("start"))
            driver.destroy_domain("start")
            return seconds

        first, second = in_turns(ours, lambda: by_hand(argv, root), 9)
    return Figure(
        "start", first, second, "starting a guest until QMP answers, beside its command line by hand", "at most 3"
    )


def by_hand(argv: list[str], root: Path) -> float:
    """Seconds from starting QEMU with these arguments until its monitor has greeted."""
    path = root / "by-hand.sock"
    path.unlink(missing_ok=True)
    words = without(argv, ("charmonitor", "chardev=charmonitor", "charevents", "chardev=charevents"))
    words += ["-qmp", f"unix:{path},server=on,wait=off"]
    begin = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(path))
                    client.recv(1)
                    return time.perf_counter() - begin
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"QEMU ended: {shlex.join(words)}") from None
                time.sleep(0.001)
    finally:
        process.kill()
        process.wait()


def without(argv: list[str], marks: tuple[str, ...]) -> list[str]:
    """The arguments without the options whose value speaks of the manager's own monitors, and without log files."""
    words: list[str] = []
    skip = False
    for word, value in zip(argv, [*argv[1:], ""]):
        if skip:
            skip = False
        elif word in ("-chardev", "-mon") and any(mark in value for mark in marks):
            skip = True
        else:
            words.append(word.split(",logfile=")[0] if word.startswith("pty,") else word)
    return words


def many(root: Path, uri: str, guests: int) -> Figure:
    """Guests from nothing to running, beside the second run over them."""
    names = [f"many{number}" for number in range(guests)]
    task = {
        "corral.virt.vm": {**guest(uri, "{{ item }}"), "state": "running"},
        "loop": names,
    }
    first = timed(lambda: playbook(root, [task]))
    second = timed(lambda: playbook(root, [task]))
    what = f"{guests} guests from nothing to running, beside the second run over them"
    return Figure("many", first, second, what)


BENCHMARKS: dict[str, Callable[[Path, str, int], Figure]] = {"no-op": no_op, "start": start, "many": many}


def table(figures: list[Figure]) -> str:
    """The figures as Markdown."""
    rows = ["| What | Ours | Beside | Ratio | Goal |", "| --- | --- | --- | --- | --- |"]
    for figure in figures:
        seconds = (
            f"{1000 * value:.0f} ms" if value < 2 else f"{value:.1f} s" for value in (figure.ours, figure.theirs)
        )
        rows.append(f"| {figure.what} | {next(seconds)} | {next(seconds)} | {figure.ratio:.2f} | {figure.goal} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / ".cache/benchmarks.json")
    parser.add_argument("--guests", type=int, default=20)
    parser.add_argument("--only", choices=sorted(BENCHMARKS))
    args = parser.parse_args()
    figures = []
    for name, measure in BENCHMARKS.items():
        if args.only in (None, name):
            with host() as (root, uri):
                figures.append(measure(root, uri, args.guests))
            print(table(figures[-1:]).splitlines()[-1], flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "processors": os.cpu_count()}
    rows = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    args.out.write_text(json.dumps({"machine": machine, "figures": rows}, indent=2) + "\n")
    print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
