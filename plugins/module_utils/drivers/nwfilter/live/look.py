# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel lacks of rules: their comments, the ways to them and their sets are compared, and nothing is listed.

A rule's comment has a digest of its text, so rules that were edited, taken out or put in show.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ....errors import CorralError
from ...api import Fault, FilterPort
from ...links.netfilter import Base, bases, comments, has_table, sets, verdicts
from ..compile.transaction import BASES, FAMILY, Content, Entrance, PortRules, expected, traces
from .memo import Guarded
from .same import changed
from .scene import Scene

if TYPE_CHECKING:
    from .make import Made, Maker

# The kernel's numbers of hooks of bridges (linux/netfilter_bridge.h).
_HOOKS = {"prerouting": 0, "postrouting": 4}


class Found(NamedTuple):
    """What is wrong with the rules of interfaces, and the ``devices`` that have to be guarded anew."""

    faults: Tuple[Fault, ...] = ()
    devices: Tuple[str, ...] = ()


def look(scene: Scene, ports: Sequence[FilterPort], memo: Mapping[str, Guarded]) -> Found:
    """Compare the kernel's table with what these interfaces are to have; raises HostError, OperationDenied."""
    if not ports:
        return Found()
    if not has_table(scene.site.host, scene.table):
        return Found((_missing_table(scene.table, ports),), tuple(port.device for port in ports))
    maps = sorted({name for each in memo.values() for name, _key in each.traces.entrances})
    rest = list(ports) if look_at_bases(scene, maps) else changed(scene, ports, memo)
    return _look_closely(scene, rest, memo) if rest else Found()


def _look_closely(scene: Scene, ports: Sequence[FilterPort], memo: Mapping[str, Guarded]) -> Found:
    """Make the rules, and compare them one by one."""
    from .make import Maker

    made, broken = _made(ports, Maker(scene), memo)
    found = _compare(scene, made, memo)
    return Found((*found.faults, *broken.values()), (*found.devices, *broken))


def _made(
    ports: Sequence[FilterPort], maker: Maker, memo: Mapping[str, Guarded]
) -> Tuple[List[Made], Dict[str, Fault]]:
    """The rules of those interfaces that can have some, and what keeps the others from it."""
    made: List[Made] = []
    broken: Dict[str, Fault] = {}
    for port in ports:
        try:
            made.append(maker.make(port, memo.get(port.device)))
        except CorralError as error:
            broken[port.device] = Fault("rules", error.message)
    return made, broken


def _missing_table(table: str, ports: Sequence[FilterPort]) -> Fault:
    guests = sorted({port.guest for port in ports})
    return Fault("table", f"The table {FAMILY} {table} is missing, and with it all rules of {_listed(guests)}.")


def _compare(scene: Scene, made: Sequence[Made], memo: Mapping[str, Guarded]) -> Found:
    """Compare with the kernel; a fault of what all interfaces share is one of each of them."""
    from .make import copied

    host, table = scene.site.host, scene.table
    wanted = expected([each.rules for each in made])
    found = look_at_bases(scene, list(wanted.maps))
    shared = bool(found)
    chains = comments(host, table, list(wanted.chains))
    maps = verdicts(host, table, list(wanted.maps))
    there = sets(host, table) if wanted.sets else []
    devices: List[str] = []
    for each in made:
        own = list(_of_port(each, copied(each.rules), chains, maps, there, memo.get(each.port.device)))
        found += own
        devices += [each.port.device] if own or shared else []
    return Found(tuple(found), tuple(devices))


def look_at_bases(scene: Scene, names: Sequence[str]) -> List[Fault]:
    """Compare the chains by which packets come in with what they are to be; all interfaces share them."""
    host, table = scene.site.host, scene.table
    entrances = tuple(Entrance(name, "") for name in names)
    wanted = expected([PortRules("", {}, entrances)]).chains
    found, rules = bases(host, table, names), comments(host, table, names)
    faults: List[Fault] = []
    for name in names:
        base = BASES[name]
        if found.get(name) != Base(_HOOKS[base.hook], base.priority, True):
            faults.append(Fault("table", f"The chain {name} of the table {FAMILY} {table} is missing or was edited."))
        elif tuple(rules[name]) != wanted[name]:
            faults.append(Fault("table", f"The rules of the chain {name} of the table {FAMILY} {table} were edited."))
    return faults


def _of_port(
    made: Made,
    copied: str,
    chains: Mapping[str, Sequence[str]],
    maps: Mapping[str, Mapping[str, str]],
    there: Sequence[str],
    before: Optional[Guarded],
) -> Iterator[Fault]:
    """What is wrong with one interface: its rules, the ways to them, its sets, and what an earlier run has left."""
    wanted, whose = expected([made.rules]), f"{made.port.device} of guest {made.port.guest}"
    lost, foreign = _edits(wanted, chains, made.rules.chains)
    if lost or foreign:
        yield Fault("rules", f"The rules for {whose} were edited: {lost} are missing, {foreign} are not ours.")
    elif any(tuple(chains[name]) != wanted.chains[name] for name in made.rules.chains):
        yield Fault("rules", f"The rules for {whose} stand in another order than they were put there.")
    for name, ways in wanted.maps.items():
        if any(maps[name].get(key) != chain for key, chain in ways.items()):
            yield Fault("entrance", f"Nothing leads the packets of {whose} to their rules (map {name}).")
    for name in wanted.sets:
        if name not in there:
            yield Fault("set", f"The set {name} of addresses that were learnt for {whose} is missing.")
    if before is not None and before.copied != copied:
        yield Fault("set", f"The ipsets that the rules for {whose} look into have changed since they were copied.")
    if before is None or not before.is_of(made.port) or before.traces != traces(made.rules):
        yield Fault("rules", f"{whose} may have rules of an earlier run, or of another filter, beside its own.")


def _edits(wanted: Content, chains: Mapping[str, Sequence[str]], names: Mapping[str, object]) -> Tuple[int, int]:
    """How many rules are missing, and how many are there beside ours."""
    lost = foreign = 0
    for name in names:
        ours, now = Counter(wanted.chains[name]), Counter(chains[name])
        lost += sum((ours - now).values())
        foreign += sum((now - ours).values())
    return lost, foreign


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
