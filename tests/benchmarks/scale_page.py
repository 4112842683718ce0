# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures of fleets of several sizes as tables, and into a page between two marks."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scale_process import Spent

MARKS = ("<!-- figures: written by `make scale` -->", "<!-- end of the figures -->")
PING = "ping"
MANY = 1000
SHOWN = ("Processors", "Memory", "Linux", "Load before the run", "Python of the modules", "ansible-core")


@dataclass(frozen=True)
class Row:
    """What one step took on a fleet; ``ok`` and ``changed`` are tasks of all hosts, ``listed`` guests that it shows."""

    step: str
    hosts: int
    guests: int
    spent: Spent
    ok: int
    changed: int
    listed: int
    kept_bytes: int


Measure = Callable[[Spent], float]
Measures: Mapping[str, Measure] = {
    "controller": lambda spent: spent.controller,
    "first": lambda spent: spent.first,
    "modules": lambda spent: spent.targets,
    "both": lambda spent: spent.controller + spent.targets,
    "memory": lambda spent: spent.memory,
}


def line(row: Row) -> str:
    """One row for whoever waits."""
    spent = row.spent
    return (
        f"{row.hosts:5} {row.step:17} {spent.wall:7.1f} s, processors {spent.controller:6.1f} s"
        f" and {spent.targets:6.1f} s in {spent.modules} modules,"
        f" memory {spent.memory:.0f} MiB, of all processes {spent.everything:.0f} MiB"
    )


def tables(said: Mapping[str, str], rows: Sequence[Row], facts: Mapping[str, str], forks: int) -> str:
    """All tables, with what they depend on."""
    steps = {name: [row for row in rows if row.step == name] for name in said}
    steps = {name: found for name, found in steps.items() if found}
    guests = rows[0].guests
    kept = [row for row in rows if row.kept_bytes]
    parts = [
        f"Seconds of processors for fleets of hosts with {guests} guests each: of the controller + of the modules.",
        growth(said, steps),
        f"The biggest of these fleets, with {forks} forks:",
        largest(said, steps),
        *([f"What the inventory plugin kept then: {kept[-1].kept_bytes / 1024**2:.1f} MiB."] if kept else []),
        "What each further host adds. The controller's *first* process is a part of the controller.",
        added(said, steps),
        f"{MANY} hosts with {guests} guests each, **extrapolated** by a line through these:",
        extrapolated(said, steps),
        "The machine: " + "; ".join(f"{name.lower()} {facts[name]}" for name in SHOWN if facts.get(name)) + ".",
    ]
    return "\n\n".join(parts)


def growth(said: Mapping[str, str], steps: Mapping[str, Sequence[Row]]) -> str:
    """A column for each size."""
    sizes = list(dict.fromkeys(row.hosts for found in steps.values() for row in found))
    head = [f"| What | {' | '.join(f'{size} hosts' for size in sizes)} |", "| --- |" + " --- |" * len(sizes)]
    cells = {
        name: {row.hosts: f"{row.spent.controller:.1f} + {row.spent.targets:.1f}" for row in found}
        for name, found in steps.items()
    }
    body = [f"| {said[name]} | {' | '.join(row.get(size, '') for size in sizes)} |" for name, row in cells.items()]
    return "\n".join([*head, *body])


def largest(said: Mapping[str, str], steps: Mapping[str, Sequence[Row]]) -> str:
    """The time and memory of the biggest fleet."""
    head = ["| What | By the clock | Memory of the first process | of all processes |", "| --- | --- | --- | --- |"]
    biggest = {name: max(found, key=lambda row: row.hosts).spent for name, found in steps.items()}
    body = [
        f"| {said[name]} | {spent.wall:.0f} s | {spent.memory:.0f} MiB | {spent.everything:.0f} MiB |"
        for name, spent in biggest.items()
    ]
    return "\n".join([*head, *body])


def added(said: Mapping[str, str], steps: Mapping[str, Sequence[Row]]) -> str:
    """What each further host adds, beside what it adds to ping."""
    head = [
        "| What | Controller | its first process | Modules | All, beside `ping` | Memory of the first process |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    usual = line_of(steps[PING], "both")[0] if PING in steps else 0.0
    body = []
    for name, found in steps.items():
        more = {measure: line_of(found, measure)[0] for measure in Measures}
        ratio = f"{more['both'] / usual:.2f}" if usual else ""
        times = " | ".join(f"{1000 * more[measure]:.0f} ms" for measure in ("controller", "first", "modules"))
        body.append(f"| {said[name]} | {times} | {ratio} | {1024 * more['memory']:.0f} KiB |")
    return "\n".join([*head, *body])


def extrapolated(said: Mapping[str, str], steps: Mapping[str, Sequence[Row]]) -> str:
    """What a controller would need for many hosts; the modules are left out, as each runs on its own host."""
    head = ["| What | Controller | its first process | its memory |", "| --- | --- | --- | --- |"]
    body = []
    for name, found in steps.items():
        lines = {measure: line_of(found, measure) for measure in ("controller", "first", "memory")}
        controller, first, memory = (slope * MANY + start for slope, start in lines.values())
        body.append(f"| {said[name]} | {controller:.0f} s | {first:.0f} s | {memory:.0f} MiB |")
    return "\n".join([*head, *body])


def line_of(rows: Sequence[Row], measure: str) -> tuple[float, float]:
    """Slope and start of the line through all sizes; where there is one size, the line begins at nothing."""
    values = [Measures[measure](row.spent) for row in rows]
    sizes = [row.hosts for row in rows]
    if len(set(sizes)) < 2:
        return values[-1] / sizes[-1], 0.0
    found = statistics.linear_regression(sizes, values)
    return found.slope, found.intercept


def put(page: Path, text: str) -> None:
    """Write the text into a page between the marks; SystemExit where it has none."""
    before, begin, rest = page.read_text().partition(MARKS[0])
    _old, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise SystemExit(f"{page} has no marks for the figures: {MARKS[0]} and {MARKS[1]}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
