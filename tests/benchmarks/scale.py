# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure what many hosts cost a controller, on hosts that the test driver simulates.

    scale.py [--hosts 25 50 100 200] [--guests 50] [--forks N] [--only STEP...] [--out FILE.json] [--page FILE.md]

The figures are printed, go to ``--out`` as JSON, and into ``--page`` between its two marks. That page is
docs/scale.md for a run of all steps with the usual hosts and guests, else none.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from place import ROOT, here, say
from report import machine
from scale_fleet import GROUP, GUESTS, Fleet
from scale_page import Row, line, put, tables
from scale_process import run

HOSTS, EACH = [25, 50, 100, 200], 50
PAGE = ROOT / "docs/scale.md"
OK = re.compile(r"^hv\d+ +: ok=(\d+)", re.MULTILINE)
CHANGED = re.compile(r"^hv\d+ +: ok=\d+ +changed=(\d+)", re.MULTILINE)
PLAY, INVENTORY = "ansible-playbook", "ansible-inventory"

Words = Callable[[Fleet], list[str]]


@dataclass(frozen=True)
class Step:
    """One command over a whole fleet; ``said`` is how the page calls it, ``keyed`` asks for groups of guests."""

    name: str
    said: str
    words: Words
    keyed: bool = False


def play(name: str, *sources: str) -> Words:
    """A play of the fleet's own, with more sources of the inventory."""
    return lambda fleet: [PLAY, *given(fleet, *sources), f"{name}.json"]


def ours(name: str) -> Words:
    """A playbook of the collection."""
    return lambda fleet: [PLAY, *given(fleet), str(ROOT / f"playbooks/{name}.yml")]


def listed(fleet: Fleet) -> list[str]:
    """The whole inventory as JSON, as AWX asks for it."""
    return [INVENTORY, *given(fleet, GUESTS), "--list"]


def given(fleet: Fleet, *sources: str) -> list[str]:
    return [word for source in (str(fleet.inventory), *sources) for word in ("-i", source)]


# In this order: what a step finds, one before it has made.
STEPS = (
    Step("ping", "`ansible.builtin.ping`, to compare with", play("ping")),
    Step("site-first", "`site.yml`, first run: a network, and all guests defined and started", ours("site")),
    Step("site-again", "`site.yml` again, nothing to do", ours("site")),
    Step("vm_info", "`vm_info`, all guests", play("vm_info")),
    Step("report", "`report.yml`, four looks at each host", ours("report")),
    Step("inventory-cold", "`ansible-inventory --list` with `corral.virt.guests`, hosts asked", listed),
    Step("inventory-kept", "the same from its cache", listed),
    Step("inventory-groups", "the same from its cache, with two `keyed_groups`", listed, keyed=True),
    Step("ping-beside", "`ping` on the hosts, with all guests in the inventory from its cache", play("ping", GUESTS)),
)


def main() -> int:
    """Run what is asked for."""
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_given: sys.exit("ended by a signal"))  # what was started is ended too
    rows: list[Row] = []
    top = Path(tempfile.mkdtemp(prefix="corral-scale-"))
    try:
        facts = machine(here(), None)
        for hosts in args.hosts:
            for row in measured(Fleet(top / str(hosts), hosts, args.guests), args.forks, args.only):
                say(line(row))
                rows.append(row)
    finally:
        shutil.rmtree(top)
    names = {step.name: step.said for step in STEPS}
    text = tables(names, rows, facts, args.forks)
    print(text)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"machine": facts, "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
    usual = (args.hosts, args.guests, args.only) == (HOSTS, EACH, [])
    page = args.page or (PAGE if usual else None)
    if page:
        put(page, text)
    return 0


def measured(fleet: Fleet, forks: int, only: list[str]) -> Iterator[Row]:
    """Make a fleet and run the steps on it. The first host brings the copy of our code, which is not counted."""
    fleet.make(here().python)
    environment = fleet.environment(forks)
    first = [*play("vm_info")(fleet), "--limit", f"{GROUP}[0]"]
    run(command(first), fleet.folder, environment, fleet.note)
    for step in STEPS:
        if not only or step.name in only:
            fleet.ask_for_guests(keyed=step.keyed)
            spent, said = run(command(step.words(fleet)), fleet.folder, environment, fleet.note)
            ok, changed = (sum(map(int, found)) for found in (OK.findall(said), CHANGED.findall(said)))
            listed = said.count('"corral_uuid":')
            yield Row(step.name, fleet.hosts, fleet.guests, spent, ok, changed, listed, fleet.kept_bytes())


def command(words: list[str]) -> list[str]:
    """The words of a command, its program in full."""
    return [f"{here().bin}/{words[0]}", *words[1:]]


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=HOSTS, help="sizes of the fleet")
    parser.add_argument("--guests", type=int, default=EACH, help="guests of each host")
    parser.add_argument("--forks", type=int, default=4 * (os.cpu_count() or 1))
    parser.add_argument("--only", nargs="*", default=[], choices=[step.name for step in STEPS])
    parser.add_argument("--out", type=Path, default=ROOT / ".cache/scale.json")
    parser.add_argument("--page", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
