# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks: each takes what it runs on and returns its figures."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from guests import document, options
from place import ROOT, Bench, Task, medians

VM, PING, VIRT = "corral.virt.vm", "ansible.builtin.ping", "community.libvirt.virt"
PACKAGE = "ansible_collections.corral.virt.plugins."
ROUNDS = 12


@dataclass(frozen=True)
class Figure:
    """One ratio: ``ours`` and ``beside`` in ``unit`` (seconds, lines or modules), and what the two are."""

    what: str
    ours: float
    beside: float
    goal: str = ""
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.ours / self.beside if self.beside else 0.0


def named(name: str, task: Task, **more: Any) -> Task:
    """A task under the name by which its time is found again."""
    return {"name": name, **task, **more}


def vm(bench: Bench, name: str, **more: Any) -> Task:
    """A task of ours for a guest of options."""
    return {VM: options(bench.uri, name, **more)}


def no_op(bench: Bench) -> Iterable[Figure]:
    """A task with nothing to do, in turns with ping."""
    tasks = [named("vm", vm(bench, "noop", state="present")), named("ping", {PING: {}})]
    took = medians(bench.play(tasks * (ROUNDS + 2)), skip=2)  # the first defines, the second remembers
    yield Figure("`vm` with nothing to do, beside `ping`: the whole task", took["vm"], took["ping"], "at most 1.3")
    first = medians([row for _play in range(3) for task in tasks for row in bench.play([task])], skip=0)
    yield Figure("the same, as the first task of a play", first["vm"], first["ping"])
    spent = medians(bench.spent(tasks * (ROUNDS + 2)), skip=2)
    yield Figure("the same: processor time on the target alone", spent["vm"], spent["ping"])
    own = [{**task, "vars": {"corral_virt_runtime": False}} for task in tasks]
    took = medians(bench.play(own * (ROUNDS // 2 + 2)), skip=2)
    yield Figure("the same on a host that keeps no copy of our code: the whole task", took["vm"], took["ping"])


def start(bench: Bench) -> Iterable[Figure]:
    """A guest's start beside the same command line by hand."""
    took = bench.place.inside("start-by-hand", bench.uri, str(ROUNDS))
    ours, greeted, answered = (statistics.median(took[side]) for side in ("ours", "greeted", "answered"))
    yield Figure("start of a guest until QMP answers, beside its command line by hand", ours, greeted, "at most 3")
    yield Figure("the same, beside its command line by hand until QMP answers there", ours, answered)


def imports(bench: Bench) -> Iterable[Figure]:
    """What of our code a task with nothing to do imports."""
    text = bench.imported(vm(bench, "noop", state="present"))
    everything = {path: path.read_text().count("\n") for path in (ROOT / "plugins/module_utils").rglob("*.py")}
    names = {name.replace(".", "/") for name in re.findall(rf"{re.escape(PACKAGE)}(module_utils[\w.]*)", text)}
    paths = [ROOT / "plugins" / f"{name}{end}" for name in names for end in (".py", "/__init__.py")]
    lines = [everything[path] for path in paths if path in everything]
    yield Figure("modules of ours that it imports, beside all", len(lines), len(everything), unit="modules")
    yield Figure("lines of these, beside all", sum(lines), sum(everything.values()), unit="lines")


def many(bench: Bench, guests: int) -> Iterable[Figure]:
    """Guests from nothing to running in one play, beside the second run over them."""
    first, second = (total(bench.play([ours_many(bench, guests)])) for _run in range(2))
    yield Figure(f"{guests} guests from nothing to running in one play, beside the second run over them", first, second)


def ours_many(bench: Bench, guests: int) -> Task:
    """A task that wants many guests running, in the words of a document."""
    options_ = {"uri": bench.uri, "xml": wanted("many-{{ item }}"), "state": "running"}
    return named("ours", {VM: options_}, loop=list(range(guests)))


def wanted(name: str) -> str:
    """A document for a name that Ansible fills in, so without a uuid."""
    return re.sub(r"  <uuid>.*\n", "", document(name))


def total(rows: list[tuple[str, float]]) -> float:
    """Seconds of all tasks of a play together."""
    return sum(seconds for _name, seconds in rows)


# beside community.libvirt


def beside_no_op(bench: Bench) -> Iterable[Figure]:
    """Tasks with nothing to do about a running guest."""
    name, text = "bench-noop", document("bench-noop")
    turns = [
        named("vm", {VM: {"uri": bench.uri, "xml": text, "state": "running"}}),
        named("virt define", {VIRT: {"command": "define", "xml": text}}),
        named("virt running", {VIRT: {"name": name, "state": "running"}}),
        named("ping", {PING: {}}),
    ]
    rows = bench.play(turns * (ROUNDS + 2))
    remove(bench, [name])
    took = medians(rows, skip=2)
    both = took["virt define"] + took["virt running"]
    yield Figure(
        "`vm` (document, running) with nothing to do, beside `virt` running alone", took["vm"], took["virt running"]
    )
    yield Figure("the same, beside `virt` define and running, which is the same work", took["vm"], both)
    yield Figure("there: `virt` running, beside `ping`", took["virt running"], took["ping"])
    yield Figure("there: `vm` (document, running), beside `ping`", took["vm"], took["ping"])


def beside_start(bench: Bench) -> Iterable[Figure]:
    """Starting a defined guest, without Ansible."""
    sides = [
        (uri, t) for _turn in range(3) for uri in (bench.uri, "libvirtd") for t in bench.place.inside("start", uri, "4")
    ]
    took = medians(sides, skip=0)
    yield Figure("start of a defined guest, beside libvirtd's", took[bench.uri], took["libvirtd"], "well below 1")


def beside_fleet(bench: Bench, guests: int) -> Iterable[Figure]:
    """Many guests by one process, without Ansible."""
    ours, theirs = (bench.place.inside("fleet", uri, str(guests)) for uri in (bench.uri, "libvirtd"))
    what = f"{guests} guests defined and started by one process, beside libvirtd's"
    yield Figure(what, ours["first"], theirs["first"], "well below 0.5")
    yield Figure(f"the same {guests} defined again and looked at", ours["second"], theirs["second"])


def beside_many(bench: Bench, guests: int) -> Iterable[Figure]:
    """The same play for many guests by both collections."""
    numbers = list(range(guests))
    theirs = [
        named("define", {VIRT: {"command": "define", "xml": wanted("many-{{ item }}")}}, loop=numbers),
        named("start", {VIRT: {"name": "many-{{ item }}", "state": "running"}}, loop=numbers),
    ]
    sides = [(total(bench.play([ours_many(bench, guests)])), total(bench.play(theirs))) for _run in range(2)]
    remove(bench, [f"many-{number}" for number in numbers])
    yield Figure(f"{guests} guests from nothing to running in one play, beside `virt` define and running", *sides[0])
    yield Figure("the second run over them", *sides[1])


def remove(bench: Bench, names: Iterable[str]) -> None:
    """End guests of libvirtd; ours end with their root."""
    for name in names:
        for command in ("destroy", "undefine"):
            bench.place.run("virsh", "-q", "-c", "qemu:///system", command, name)
