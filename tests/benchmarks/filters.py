# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks of network filters: what they cost at the start of guests, and for each packet."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from figures import Figure
from guests import FILTER
from place import Bench

PROGRAM = "inside_filters.py"
ROUNDS = 12
# Rounds of starts beside libvirtd, each of as many in turns of the two sides.
TURNS, STARTS = 3, 4
# Filtered ports on one bridge.
PORTS = (1, 10, 100)
LIBVIRTD, NOBODY = "libvirtd", "none"
RATE = "packets/s"


# the start


def start(bench: Bench) -> Iterable[Figure]:
    """A guest's start with and without a filter."""
    took = measured(bench, "start", bench.uri, ROUNDS)
    yield Figure(f"start of a guest with {FILTER}, beside one without", *both(took))
    yield Figure("its end", *both(took, "-end"))
    took = measured(bench, "first", bench.uri, ROUNDS)
    yield Figure("the start in a process that does nothing else, as a task is one", *both(took))
    yield Figure("what the filter adds to that, beside all the rest", added(took), both(took)[1], "at most 30 ms")


def fleet(bench: Bench, guests: int) -> Iterable[Figure]:
    """Many guests by one process."""
    took = measured(bench, "fleet", bench.uri, guests)
    yield Figure(
        f"{guests} guests with {FILTER} defined and started, beside as many without", took["filtered"], took["plain"]
    )
    yield Figure("their end", took["filtered-end"], took["plain-end"])


def guard(bench: Bench, ports: int) -> Iterable[Figure]:
    """Many interfaces at once."""
    took = measured(bench, "guard", bench.uri, ports, ROUNDS)
    one, every = (statistics.median(took[name]) for name in ("one", "all"))
    yield Figure(f"{ports} interfaces filtered in one transaction, beside one", every, one)


def both(took: dict[str, list[float]], end: str = "") -> tuple[float, float]:
    """The medians of a guest with a filter and of one without."""
    return statistics.median(took[f"filtered{end}"]), statistics.median(took[f"plain{end}"])


def added(took: dict[str, list[float]], end: str = "") -> float:
    """What a filter adds: the median of the differences of what was measured one after the other."""
    pairs = zip(took[f"filtered{end}"], took[f"plain{end}"])
    return statistics.median(filtered - plain for filtered, plain in pairs)


def beside_start(bench: Bench) -> Iterable[Figure]:
    """The same beside libvirtd."""
    ours, theirs = in_turns(bench)
    yield Figure(f"start of a guest with {FILTER}, beside libvirtd's", both(ours)[0], both(theirs)[0])
    yield Figure("one without", both(ours)[1], both(theirs)[1])
    yield Figure("what the filter adds, beside what it adds there", added(ours), added(theirs))
    yield Figure("what it adds to the end", added(ours, "-end"), added(theirs, "-end"))


def in_turns(bench: Bench) -> list[dict[str, list[float]]]:
    """What starts and ends take, ours and libvirtd's."""
    sides: list[dict[str, list[float]]] = [{}, {}]
    for _turn in range(TURNS):
        for side, uri in zip(sides, (bench.uri, LIBVIRTD)):
            for what, times in measured(bench, "start", uri, STARTS).items():
                side.setdefault(what, []).extend(times)
    return sides


def beside_fleet(bench: Bench, guests: int) -> Iterable[Figure]:
    """The same guests beside libvirtd."""
    ours, theirs = (measured(bench, "fleet", uri, guests) for uri in (bench.uri, LIBVIRTD))
    what = f"{guests} guests with {FILTER} defined and started by one process, beside libvirtd's"
    yield Figure(what, ours["filtered"], theirs["filtered"])
    adds = (side["filtered"] - side["plain"] for side in (ours, theirs))
    yield Figure("what the filters add, beside what they add there", *adds)
    yield Figure("their end", ours["filtered-end"], theirs["filtered-end"])


# packets


def packets(bench: Bench) -> Iterable[Figure]:
    """Packets through filtered ports beside the same ports without filters."""
    runs = [measured(bench, "packets", uri, *PORTS) for uri in (NOBODY, bench.uri) * 2]
    none, ours = rates(runs[::2]), rates(runs[1::2])
    for count in PORTS:
        yield Figure(
            f"packets through {ports(count)}, beside the same without filters", ours[count], none[count], unit=RATE
        )


def beside_packets(bench: Bench) -> Iterable[Figure]:
    """The same beside libvirt's rules, and what it takes until all of them are there."""
    runs = [measured(bench, "packets", uri, *PORTS) for uri in (NOBODY, bench.uri, LIBVIRTD, bench.uri, NOBODY)]
    none, ours, theirs = rates([runs[0], runs[4]]), rates([runs[1], runs[3]]), rates([runs[2]])
    for count in PORTS:
        yield Figure(f"packets through {ports(count)}, beside those of libvirtd", ours[count], theirs[count], unit=RATE)
    for count in PORTS:
        yield Figure(
            f"there: packets through {ports(count)}, beside the same without filters",
            theirs[count],
            none[count],
            unit=RATE,
        )
    for count in PORTS:
        took = [measured(bench, "guard", bench.uri, count, 3), runs[2]]
        name = "an interface without a guest" if count == 1 else f"{count} interfaces without guests"
        once, there = statistics.median(took[0]["all"]), took[1]["guard"][str(count)]
        yield Figure(f"{name} filtered in one transaction, beside `virsh nwfilter-binding-create`", once, there)


def rates(runs: list[dict[str, Any]]) -> dict[int, float]:
    """The median of all bursts of these runs for each number of ports."""
    return {count: statistics.median(rate for run in runs for rate in run["packets"][str(count)]) for count in PORTS}


def ports(count: int) -> str:
    return "a filtered port" if count == 1 else f"{count} filtered ports"


def measured(bench: Bench, *words: object) -> Any:
    """What our program inside has measured."""
    return bench.place.inside(*map(str, words), program=PROGRAM)
