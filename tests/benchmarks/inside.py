# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure in the interpreter of the modules, without Ansible: starts of one guest, and of many in one process.

    inside.py start-by-hand URI ROUNDS
    inside.py start URI ROUNDS
    inside.py fleet URI GUESTS

``URI`` is ours (``qemu:///embed?root=DIR``), or ``libvirtd`` for a real one. Prints JSON; all values are seconds.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guests import document

# Seconds that QEMU may take to say anything.
PATIENCE = 60.0


class Host(Protocol):
    """What is measured of ours and of libvirt's."""

    def define(self, xml: str) -> Any: ...

    def start(self, name: str) -> Any: ...

    def stop(self, name: str) -> Any: ...

    def remove(self, name: str) -> Any: ...

    def state(self, name: str) -> Any: ...


class Ours:
    """Our driver, opened once, as one run of a module does it."""

    def __init__(self, uri: str) -> None:
        from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
        from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

        self.driver: Any = open_connection(uri).hypervisor
        self.parse = parse

    def define(self, xml: str) -> Any:
        return self.driver.define_domain(self.driver.normalise_domain(self.parse(xml, root="domain", what="a guest")))

    def start(self, name: str) -> Any:
        return self.driver.start_domain(name)

    def stop(self, name: str) -> Any:
        return self.driver.destroy_domain(name)

    def remove(self, name: str) -> Any:
        return self.driver.undefine_domain(name)

    def state(self, name: str) -> Any:
        return self.driver.lookup_domain(name).state


class Theirs:
    """libvirtd by libvirt's own Python binding."""

    def __init__(self) -> None:
        import libvirt

        self.connection: Any = libvirt.open("qemu:///system")

    def define(self, xml: str) -> Any:
        return self.connection.defineXML(xml)

    def start(self, name: str) -> Any:
        return self.connection.lookupByName(name).create()

    def stop(self, name: str) -> Any:
        return self.connection.lookupByName(name).destroy()

    def remove(self, name: str) -> Any:
        return self.connection.lookupByName(name).undefine()

    def state(self, name: str) -> Any:
        return self.connection.lookupByName(name).state()


def opened(uri: str) -> Host:
    """Ours by its URI, or libvirtd."""
    return Theirs() if uri == "libvirtd" else Ours(uri)


def timed(work: Callable[..., Any], *arguments: Any) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin


def start(uri: str, rounds: str) -> List[float]:
    """Each time from a defined guest to one whose QEMU has answered, after one round that does not count."""
    host, name = opened(uri), "bench-start"
    host.define(document(name))
    found = []
    for _round in range(int(rounds) + 1):
        found.append(timed(host.start, name))
        host.stop(name)
    host.remove(name)
    return found[1:]


def start_by_hand(uri: str, rounds: str) -> Dict[str, List[float]]:
    """The same beside the command line of the guest run by hand, in turns: until it greets, and until it answers."""
    ours, name = Ours(uri), "bench-hand"
    ours.define(document(name))
    argv = ours.driver.domain_argv(name)
    found: Dict[str, List[float]] = {"ours": [], "greeted": [], "answered": []}
    for _round in range(int(rounds) + 1):
        found["ours"].append(timed(ours.start, name))
        ours.stop(name)
        greeted_after, answered_after = by_hand(argv)
        found["greeted"].append(greeted_after)
        found["answered"].append(answered_after)
    ours.remove(name)
    return {side: times[1:] for side, times in found.items()}


def fleet(uri: str, guests: str) -> Dict[str, float]:
    """Many guests by one process: defined and started, then defined again and looked at."""
    host, names = opened(uri), [f"bench-fleet{number}" for number in range(int(guests))]

    def make() -> None:
        for name in names:
            host.define(document(name))
            host.start(name)

    def again() -> None:
        for name in names:
            host.define(document(name))
            host.state(name)

    found = {"first": timed(make), "second": timed(again)}
    for name in names:
        host.stop(name)
        host.remove(name)
    return found


def by_hand(argv: Sequence[str]) -> Tuple[float, float]:
    """Seconds from starting QEMU with these arguments until its monitor has greeted, and has answered a command.

    It greets while it still makes the machine, and answers when that is whole.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/monitor"
        words = [*without_monitors(argv), "-qmp", f"unix:{path},server=on,wait=off"]
        begin = time.perf_counter()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client = greeted(path)
            while client is None:
                if process.poll() is not None:
                    raise SystemExit(f"QEMU ended: {shlex.join(words)}")
                time.sleep(0.001)
                client = greeted(path)
            first = time.perf_counter() - begin
            with client:
                client.sendall(b'{"execute":"qmp_capabilities"}\n')
                while b'"return"' not in (said := client.recv(1 << 16)):
                    if not said:
                        raise SystemExit(f"QEMU hung up: {shlex.join(words)}")
            return first, time.perf_counter() - begin
        finally:
            process.kill()
            process.wait()


def greeted(path: str) -> Optional[socket.socket]:
    """A connection to the monitor that listens there, when it begins its greeting; None where none does."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    with contextlib.suppress(ConnectionError, FileNotFoundError):
        client.connect(path)
        if client.recv(1):
            return client
    client.close()
    return None


def without_monitors(argv: Sequence[str]) -> List[str]:
    """The arguments without the manager's own monitors, and without the files that it hands over."""
    words: List[str] = []
    for word in argv:
        own = words and words[-1] in ("-chardev", "-mon") and ("charmonitor" in word or "charevents" in word)
        if own or (words and words[-1] == "-add-fd"):
            words.pop()
        else:
            words.append(word.split(",logfile=")[0])
    return words


COMMANDS: Dict[str, Callable[..., Any]] = {"start": start, "start-by-hand": start_by_hand, "fleet": fleet}


if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
