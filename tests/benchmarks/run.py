# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure, as ratios within one run, what tasks and guests cost; write the figures to files.

    run.py [--guests 20] [--fleet 50] [--libvirt-tree DIR] [--only NAME...] [--out FILE.json] [--page FILE.md]

The figures go to ``--out`` as JSON, and with their meaning to ``--page``, which is left alone with ``--only``.
``--libvirt-tree`` is a tree as libvirt_tree.sh makes it; without it a libvirtd of this machine is used where one
answers.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import figures as f
from libvirtd import libvirtd
from place import ROOT, Bench, Place, bench, here, say
from report import machine, page, row

Benchmarks = dict[str, Callable[[Bench], Iterable[f.Figure]]]


def main() -> int:
    """Run what is asked for."""
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_given: sys.exit("ended by a signal"))  # what was started is ended too
    own: Benchmarks = {
        "no-op": f.no_op,
        "start": f.start,
        "imports": f.imports,
        "many": partial(f.many, guests=args.guests),
    }
    beside: Benchmarks = {
        "beside-no-op": f.beside_no_op,
        "beside-start": f.beside_start,
        "beside-fleet": partial(f.beside_fleet, guests=args.fleet),
        "beside-many": partial(f.beside_many, guests=args.guests),
    }
    with libvirtd(args.libvirt_tree) as libvirt:
        if libvirt is None:
            say("No libvirtd with community.libvirt: the comparison with it is left out (see --libvirt-tree).")
        facts = machine(here(), libvirt)
        ours = measured(own, here(), args.only)
        theirs = measured(beside, libvirt, args.only) if libvirt else []
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(figure), "ratio": figure.ratio} for figure in [*ours, *theirs]]
    args.out.write_text(json.dumps({"machine": facts, "figures": rows}, indent=2) + "\n")
    if not args.only:
        args.page.write_text(page(facts, ours, theirs))
    return 0


def measured(benchmarks: Benchmarks, place: Place, only: list[str]) -> list[f.Figure]:
    """Run benchmarks, each on a host of its own, and say each figure when it is there."""
    found = []
    for name, measure in benchmarks.items():
        if not only or name in only:
            with bench(place) as one:
                for figure in measure(one):
                    found.append(figure)
                    say(row(figure))
    return found


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guests", type=int, default=20, help="guests in one play")
    parser.add_argument("--fleet", type=int, default=50, help="guests by one process")
    parser.add_argument("--libvirt-tree", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=ROOT / ".cache/benchmarks.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
