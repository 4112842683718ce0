# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure network filters in the interpreter of the modules, without Ansible.

    inside_filters.py start URI ROUNDS
    inside_filters.py first URI ROUNDS
    inside_filters.py fleet URI GUESTS
    inside_filters.py guard URI PORTS ROUNDS
    inside_filters.py packets URI PORTS...

``URI`` is ours (``qemu:///embed?root=DIR``), or ``libvirtd`` for a real one, whose network namespace this is then;
ours is measured in a namespace of its own. For packets it can also be ``none``: no filters at all. Everything that is
filtered has ``clean-traffic`` with a known address. Needs root. Prints JSON; all values are seconds, or packets per
second.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Protocol, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from burst import Wire, ip, passed
from guests import FILTER, address_of, document, hardware_address, wired
from inside import Host, opened, timed

BRIDGE = "benchbr"
LIBVIRTD, NOBODY = "libvirtd", "none"
# What each guest is called that has a filter, and one that has none.
KINDS = ("plain", "filtered")
CLONE_NEWNET = 0x40000000
# How often a burst of packets is sent through the same ports.
BURSTS = 40


@contextlib.contextmanager
def network(uri: str) -> Iterator[None]:
    """A bridge, in a namespace of its own, or in the one of libvirtd, where it goes at the end."""
    if uri != LIBVIRTD and ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise SystemExit(os.strerror(ctypes.get_errno()))
    ip("link set lo up", f"link add {BRIDGE} type bridge mcast_snooping 0", f"link set {BRIDGE} up")
    try:
        yield
    finally:
        if uri == LIBVIRTD:
            ip(f"link del {BRIDGE}")


# guests


def guest(kind: str, number: int = 0) -> Tuple[str, str]:
    """The name of a guest with an interface, and its document."""
    name = f"bench-{kind}{number}"
    return name, wired(document(name), BRIDGE, number, filtered=kind == "filtered")


def start(uri: str, rounds: str) -> Dict[str, List[float]]:
    """Starts and ends of a guest with and without a filter in turns, after one round that does not count."""
    found: Dict[str, List[float]] = {f"{kind}{end}": [] for kind in KINDS for end in ("", "-end")}
    with network(uri):
        host, guests = opened(uri), {kind: guest(kind) for kind in KINDS}
        for _name, xml in guests.values():
            host.define(xml)
        for _round in range(int(rounds) + 1):
            for kind, (name, _xml) in guests.items():
                found[kind].append(timed(host.start, name))
                found[f"{kind}-end"].append(timed(host.stop, name))
        for name, _xml in guests.values():
            host.remove(name)
    return {what: times[1:] for what, times in found.items()}


def first(uri: str, rounds: str) -> Dict[str, List[float]]:
    """The same of processes that start nothing else, as a run of a module is one: what they import counts."""
    found: Dict[str, List[float]] = {kind: [] for kind in KINDS}
    with network(uri):
        for _round in range(int(rounds) + 1):
            for kind in KINDS:
                words = [sys.executable, __file__, "once", uri, kind]
                found[kind].append(json.loads(subprocess.run(words, check=True, capture_output=True).stdout))
    return {kind: times[1:] for kind, times in found.items()}


def once(uri: str, kind: str) -> float:
    """Define a guest and start it; the start counts."""
    host, (name, xml) = opened(uri), guest(kind)
    host.define(xml)
    took = timed(host.start, name)
    host.stop(name)
    host.remove(name)
    return took


def fleet(uri: str, guests: str) -> Dict[str, float]:
    """Many guests by one process: defined and started, and ended, without filters and with them."""
    found: Dict[str, float] = {}
    with network(uri):
        for kind in KINDS:
            host, every = opened(uri), [guest(kind, number) for number in range(int(guests))]
            found[kind] = timed(make, host, every)
            found[f"{kind}-end"] = timed(end, host, every)
            for name, _xml in every:
                host.remove(name)
    return found


def make(host: Host, guests: Sequence[Tuple[str, str]]) -> None:
    for name, xml in guests:
        host.define(xml)
        host.start(name)


def end(host: Host, guests: Sequence[Tuple[str, str]]) -> None:
    for name, _xml in guests:
        host.stop(name)


# interfaces without guests


class Filters(Protocol):
    """What gives interfaces their rules, and takes them away: those from one number to another."""

    def guard(self, first: int, last: int) -> Any: ...

    def release(self, first: int, last: int) -> Any: ...


class OurFilters:
    """Our driver: all interfaces in one transaction."""

    def __init__(self, uri: str) -> None:
        from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
        from ansible_collections.corral.virt.plugins.module_utils.drivers.api import FilterPort

        self.driver: Any = open_connection(uri).nwfilter
        self.port: Callable[..., Any] = FilterPort

    def guard(self, first: int, last: int) -> Any:
        return self.driver.guard_ports([self._port(number) for number in range(first, last)])

    def release(self, first: int, last: int) -> Any:
        return self.driver.release_ports([f"port{number}" for number in range(first, last)])

    def _port(self, number: int) -> Any:
        parameters = (("IP", address_of(number)),)
        return self.port(f"port{number}", hardware_address(number), f"guest{number}", FILTER, parameters)


class TheirFilters:
    """libvirtd, one binding after the other."""

    def __init__(self) -> None:
        import libvirt

        self.connection: Any = libvirt.open("qemu:///system")

    def guard(self, first: int, last: int) -> Any:
        for number in range(first, last):
            self.connection.nwfilterBindingCreateXML(_binding(number), 0)

    def release(self, first: int, last: int) -> Any:
        for number in range(first, last):
            self.connection.nwfilterBindingLookupByPortDev(f"port{number}").delete()


class NoFilters:
    """Nobody."""

    def guard(self, first: int, last: int) -> Any:
        return None

    release = guard


def _binding(number: int) -> str:
    return f"""<filterbinding>
  <owner><name>guest{number}</name><uuid>00000000-0000-0000-0000-{number:012d}</uuid></owner>
  <portdev name='port{number}'/>
  <mac address='{hardware_address(number)}'/>
  <filterref filter='{FILTER}'><parameter name='IP' value='{address_of(number)}'/></filterref>
</filterbinding>"""


def filters(uri: str) -> Filters:
    """Ours by its URI, libvirtd's, or nobody's."""
    if uri == NOBODY:
        return NoFilters()
    return TheirFilters() if uri == LIBVIRTD else OurFilters(uri)


def guard(uri: str, ports: str, rounds: str) -> Dict[str, List[float]]:
    """Many interfaces are guarded at once, and one alone, in turns, after one round that does not count."""
    found: Dict[str, List[float]] = {"one": [], "all": [], "all-end": []}
    with network(uri):
        ours = OurFilters(uri)
        for _round in range(int(rounds) + 1):
            found["one"].append(timed(ours.guard, 0, 1))
            ours.release(0, 1)
            found["all"].append(timed(ours.guard, 0, int(ports)))
            found["all-end"].append(timed(ours.release, 0, int(ports)))
    return {what: times[1:] for what, times in found.items()}


def packets(uri: str, *ports: str) -> Dict[str, Dict[str, Any]]:
    """For each number of filtered ports on one bridge: seconds until all are filtered, and packets per second.

    The numbers grow. Half of the packets come from the ports, half go to them; as many for each number.
    """
    rules, counts = filters(uri), sorted(map(int, ports))
    found: Dict[str, Dict[str, Any]] = {"guard": {}, "packets": {}, "end": {}}
    with network(uri), Wire(BRIDGE, counts[-1], shared=uri == LIBVIRTD) as wire:
        try:
            for before, count in zip([0, *counts], counts):
                took = timed(rules.guard, before, count)
                found["guard"][str(count)] = took + found["guard"].get(str(before), 0.0)
                found["packets"][str(count)] = rates(wire, count)
        finally:
            took = timed(rules.release, 0, counts[-1])
    found["end"][str(counts[-1])] = took
    return found


def rates(wire: Wire, ports: int) -> Sequence[float]:
    """Packets per second of some bursts, after one that does not count."""
    return [passed(wire, ports) for _burst in range(BURSTS + 1)][1:]


COMMANDS: Dict[str, Callable[..., Any]] = {
    "start": start,
    "first": first,
    "once": once,
    "fleet": fleet,
    "guard": guard,
    "packets": packets,
}


if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
