# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure, as ratios within one run, what tasks and guests cost; write the figures to files.

    run.py [--guests 20] [--fleet 50] [--libvirt-tree DIR] [--only NAME...] [--out FILE.json] [--page FILE.md]

The figures go to ``--out`` as JSON, and with their meaning to ``--page``, which is left alone with ``--only``. That
takes names of benchmarks and of groups of them, such as ``storage``.
``--libvirt-tree`` is a tree as libvirt_tree.sh makes it; without it a libvirtd of this machine is used where one
answers.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import figures as f
import filters
import storage
from libvirtd import libvirtd
from place import ROOT, Bench, Place, bench, here, say
from report import Section, machine, page, row

Benchmarks = dict[str, Callable[[Bench], Iterable[f.Figure]]]


@dataclass(frozen=True)
class Group:
    """Benchmarks about one thing: those of ours alone, and those beside a real libvirtd."""

    name: str
    title: str
    own: Benchmarks
    beside: Benchmarks


def main() -> int:
    """Run what is asked for."""
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_given: sys.exit("ended by a signal"))  # what was started is ended too
    sections: list[Section] = []
    with libvirtd(args.libvirt_tree) as libvirt:
        if libvirt is None:
            say("No libvirtd with community.libvirt: the comparison with it is left out (see --libvirt-tree).")
        facts = machine(here(), libvirt)
        for group in groups(args.guests, args.fleet):
            ours = measured(group, group.own, here(), args.only)
            theirs = measured(group, group.beside, libvirt, args.only) if libvirt else []
            sections.append(Section(group.name, group.title, ours, theirs))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    found = [(each.group, figure) for each in sections for figure in (*each.own, *each.beside)]
    rows = [{"group": group, **asdict(figure), "ratio": figure.ratio} for group, figure in found]
    args.out.write_text(json.dumps({"machine": facts, "figures": rows}, indent=2) + "\n")
    if not args.only:
        args.page.write_text(page(facts, sections))
    return 0


def groups(guests: int, fleet: int) -> list[Group]:
    """Everything that can be measured: a group is a row here, and a file with its benchmarks."""
    return [
        Group(
            "guests",
            "Guests",
            {"no-op": f.no_op, "start": f.start, "imports": f.imports, "many": partial(f.many, guests=guests)},
            {
                "beside-no-op": f.beside_no_op,
                "beside-start": f.beside_start,
                "beside-fleet": partial(f.beside_fleet, guests=fleet),
                "beside-many": partial(f.beside_many, guests=guests),
            },
        ),
        Group(
            "storage",
            "Storage, and every module with nothing to do",
            {
                "storage-clones": partial(storage.clones, count=fleet),
                "storage-upload": storage.upload,
                "storage-no-op": storage.no_op,
            },
            {
                "beside-storage-clones": partial(storage.beside_clones, count=fleet),
                "beside-storage-clone-tasks": partial(storage.beside_clone_tasks, count=fleet),
                "beside-storage-upload": storage.beside_upload,
                "beside-storage-no-op": storage.beside_no_op,
            },
        ),
        Group(
            "filters",
            "Network filters",
            {
                "filters-start": filters.start,
                "filters-fleet": partial(filters.fleet, guests=fleet),
                "filters-guard": partial(filters.guard, ports=fleet),
                "filters-packets": filters.packets,
            },
            {
                "beside-filters-start": filters.beside_start,
                "beside-filters-fleet": partial(filters.beside_fleet, guests=fleet),
                "beside-filters-packets": filters.beside_packets,
            },
        ),
    ]


def measured(group: Group, benchmarks: Benchmarks, place: Place, only: list[str]) -> list[f.Figure]:
    """Run benchmarks of a group, each on a host of its own, and say each figure when it is there."""
    found = []
    for name, measure in benchmarks.items():
        if not only or name in only or group.name in only:
            with bench(place) as one:
                for figure in measure(one):
                    found.append(figure)
                    say(row(figure))
    return found


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guests", type=int, default=20, help="guests in one play")
    parser.add_argument("--fleet", type=int, default=50, help="guests, and linked clones, by one process")
    parser.add_argument("--libvirt-tree", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=ROOT / ".cache/benchmarks.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
