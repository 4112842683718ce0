# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet: hosts on one network, the controller there, what the inventory says of them, and how things are on a host.

Its size is that of the environment: CORRAL_FLEET_HOSTS hosts (3) with CORRAL_FLEET_GUESTS guests each (3), of which the
first CORRAL_FLEET_BARE (1) have nothing but Debian when it begins, and the others the packages of a host.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .controller import Controller
from .machine import PREFIX, ROOT, Machine, starting
from .packages import PLACE, SOURCE
from .segment import segment

HOSTS = int(os.environ.get("CORRAL_FLEET_HOSTS", "3"))
GUESTS = int(os.environ.get("CORRAL_FLEET_GUESTS", "3"))
BARE = int(os.environ.get("CORRAL_FLEET_BARE", "1"))
# So many machines run with what a kernel allows by default.
FEW = 4
PYTHON = "/usr/libexec/corral/python"
SECRET = "the passphrase of the lab"
# Addresses, numbers of packets and of rules are others each time.
FLEETING = re.compile(r"packets \d+ bytes \d+|# handle \d+|expires \S+")
LINE = "console=ttyS0 quiet panic=-1 cryptomgr.notests rodata=off mitigations=off tsc=reliable no_timer_check"
LEASED = "corral-guest: net eth0 10.77.0."


def declared(guests: int) -> dict[str, Any]:
    """What a host is to have: ``guests`` guests with a disk each, what every host has, and more that is not in use."""
    return {
        "site_timeout": 300,
        "site_secrets": [{"usage": "volume", "usage_id": "lab", "value": SECRET}],
        "site_filters": [
            {"name": "house", "filters": ["no-mac-spoofing", "no-arp-mac-spoofing"]},
            {"name": "spare-filter", "filters": ["no-mac-spoofing"]},
        ],
        "site_networks": [
            {"name": "default"},
            {"name": "lab", "forward": "nat", "ips": [{"address": "10.77.0.1/24", "dhcp": True}]},
            {"name": "spare-network", "ips": [{"address": "10.78.0.1/24"}]},
        ],
        "site_pools": [{"name": "images", "target": "/srv/images"}, {"name": "spare-pool", "target": "/srv/spare"}],
        "site_volumes": [{"pool": "images", "name": "data.qcow2", "format": "qcow2", "capacity": "16MiB"}],
        "site_guests": [guest(f"web{number}") for number in range(1, guests + 1)],
    }


def guest(name: str) -> dict[str, Any]:
    """A guest of the test kernel, which has an address when it is up."""
    return {
        "name": name,
        "memory": "128MiB",
        "virt_type": "qemu",
        "kernel": "/opt/guest/vmlinuz",
        "initrd": "/opt/guest/initrd.img",
        "cmdline": LINE,
        "disks": [{"pool": "images", "volume": f"{name}.qcow2", "size": "64MiB"}],
        "interfaces": [{"network": "lab", "filter": "house"}],
        "wait_for": {"console": LEASED, "timeout": 400},
    }


@dataclass
class Host:
    """A host that runs, as it is seen from within: no module and no Ansible takes part in that."""

    machine: Machine

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        return self.machine.name

    def pids(self) -> dict[str, str]:
        """The processes of guests by their names."""
        units = self.machine.said("systemctl", "list-units", "--plain", "--no-legend", "corral-vm@*").splitlines()
        named = {unit.split()[0]: re.sub(r"^corral-vm@|\.service$", "", unit.split()[0]) for unit in units}
        return {
            name: self.machine.said("systemctl", "show", "-p", "MainPID", "--value", unit)
            for unit, name in named.items()
        }

    def server(self) -> str:
        """The process of the network lab."""
        return self.machine.path("/run/corral/networks/lab.pid").read_text().strip()

    def rules(self) -> list[str]:
        """The packet filter, without what is other each time."""
        return sorted(FLEETING.sub("", self.machine.said("nft", "list", "ruleset")).splitlines())

    def active(self, *units: str) -> bool:
        """Whether all of these units are."""
        return not self.machine.run("systemctl", "is-active", *units, check=False).returncode

    def defined(self, kind: str) -> list[str]:
        """The names of what is defined of a kind, by the files."""
        return sorted(path.stem for path in self.machine.path(f"/etc/corral/{kind}").glob("*.xml"))

    def leased(self, name: str) -> bool:
        """Whether a guest has said on its console that it took an address."""
        console = self.machine.path(f"/var/log/corral/consoles/{name}.log")
        return console.exists() and LEASED in console.read_text(errors="replace")

    def lacking(self, *paths: str) -> list[str]:
        """Which of these paths are not there."""
        return [path for path in paths if not os.path.lexists(self.machine.path(path))]


@dataclass
class Fleet:
    """Hosts, and the controller of all."""

    hosts: list[Host]
    controller: Controller
    suite: str
    wheels: str
    started: float

    @property
    def quiet(self) -> dict[str, int]:
        """The recap of a run that changes nothing."""
        return {host.name: 0 for host in self.hosts}

    @property
    def bare(self) -> list[Host]:
        """The hosts that lack packages in the beginning."""
        return self.hosts[:BARE]

    def say(self, variables: dict[str, Any]) -> None:
        """Let the inventory say this of all hosts."""
        for said in self.controller.hosts.values():
            said.update(variables)


@contextlib.contextmanager
def watches(machines: int) -> Iterator[None]:
    """Room for what systemd watches in this many machines: the kernel counts that for root of all of them together."""
    path = Path("/proc/sys/fs/inotify/max_user_instances")
    before = path.read_text()
    wanted = max(int(before), 32 * machines) if machines > FEW else int(before)
    if wanted == int(before):
        yield
        return
    path.write_text(str(wanted))
    try:
        yield
    finally:
        path.write_text(before)


@contextlib.contextmanager
def fleet(tree: Callable[[str], Path], suite: str, archives: Path) -> Iterator[Fleet]:
    """A fleet that is up; ``archives`` are the packages that hosts see that lack some."""
    archives.mkdir(parents=True, exist_ok=True)
    trees = [tree(f"{'base' if number < BARE else 'full'}{suite}") for number in range(HOSTS)]
    started = time.monotonic()
    binds = (f"--bind-ro={archives}:{PLACE}", f"--bind-ro={ROOT / '.cache/guest'}:/opt/guest")
    with contextlib.ExitStack() as stack:
        stack.enter_context(watches(HOSTS))
        lan = stack.enter_context(segment())
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-home-"))
        controller = stack.enter_context(Controller(Path(home), lan.words))
        machines = [
            stack.enter_context(starting(where, f"host{number}", wire=lan.wire(number), arguments=binds))
            for number, where in enumerate(trees, 1)
        ]
        for number, machine in enumerate(machines, 1):
            machine.wait_up()
            if number <= BARE:
                machine.write("/etc/apt/sources.list", SOURCE)
            controller.meet(machine, lan.address(number), ansible_python_interpreter=PYTHON)
        wheels = str(tree(f"full{suite}") / "opt/wheels")
        yield Fleet([Host(machine) for machine in machines], controller, suite, wheels, started)
