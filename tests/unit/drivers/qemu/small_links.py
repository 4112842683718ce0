# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small host with links that guests are connected to, a small ip for them, and the networks of a connection."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import (
    Fault,
    FilterPort,
    Lease,
    Network,
    NetworkDriver,
    NwfilterDriver,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound, OperationInvalid, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, add, clone, parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost, driver_on

Row = Dict[str, Any]
BRIDGE, LOWER, OWN_BRIDGE = "br0", "eth0", "virbr0"


class LinkedHost(GuestHost):
    """A host with the bridges br0 and virbr0 and the device eth0. ``rows`` is what ip knows of each link."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Dict[str, Row] = {}
        self.batches: List[Tuple[str, str]] = []
        self.neighbours: List[Row] = []
        self._add_own_links()
        for program in ("ip", "bridge", "tc"):
            self.add_program(program, self._told)

    def reboot(self, boot: str = "00000000-0000-4000-8000-000000000002") -> None:
        super().reboot(boot)
        self._add_own_links()

    def _add_own_links(self) -> None:
        for name, kind in ((BRIDGE, "bridge"), (OWN_BRIDGE, "bridge"), (LOWER, None)):
            self.add_link(name, kind)

    def add_link(self, name: str, kind: Optional[str], **more: Any) -> None:
        """Let the host have a link."""
        self.links[name] = 0
        self.rows[name] = {"linkinfo": {"info_kind": kind}, "mtu": 1500, **more}

    def link(self, name: str) -> Row:
        """What ip knows of a link; a tap is made by a program, which ip sees when it is asked."""
        return self.rows.setdefault(name, {"linkinfo": {"info_kind": "tun"}, "mtu": 1500})

    def _told(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        self.rows = {name: row for name, row in self.rows.items() if name in self.links}
        if "-batch" not in argv:
            return Completed(argv, 0, json.dumps(self._shown(argv)).encode(), b"")
        self.batches.append((argv[0], stdin.decode()))
        for number, line in enumerate(stdin.decode().splitlines(), 1):
            refused = self._line(line.split()) if argv[0] == "ip" else ""
            if refused and "-force" not in argv:
                return Completed(argv, 1, b"", f"{refused}\nCommand failed -:{number}\n".encode())
        return Completed(argv, 0, b"", b"")

    def _shown(self, argv: Tuple[str, ...]) -> List[Row]:
        if "neigh" in argv:
            return self.neighbours
        return [{"ifname": name, **self.link(name)} for name in self.links] if "route" not in argv else []

    def _line(self, words: List[str]) -> str:
        """Do one line of ip; returns why not."""
        pairs = dict(zip(words, words[1:]))
        name = pairs.get("name") or pairs.get("dev") or ""
        if words[:2] == ["link", "add"]:
            if name in self.links:
                return "RTNETLINK answers: File exists"
            self.add_link(name, pairs["type"], link=pairs["link"], address=pairs.get("address"))
        elif name not in self.links:
            return f'Cannot find device "{name}"'
        elif words[:2] == ["link", "delete"]:
            del self.links[name]
        elif words[:2] == ["link", "set"]:
            row = self.link(name)
            row.update({key: pairs[key] for key in ("address", "master") if key in pairs})
            row["flags"] = ["UP"] if "up" in words else row.get("flags", [])
        return ""


class SmallNetworks(NetworkDriver):
    """The network driver of a connection: ``default`` on a bridge of its own, ``direct`` on eth0, ``off`` inactive."""

    def __init__(self) -> None:
        self.leases: List[Lease] = []
        self.faults: List[Fault] = []
        self.known = self.active = True
        self.renewed: List[str] = []
        self.least = True  # whether what guests are guaranteed is no more than there is

    def renew_limits(self, name: str) -> None:
        self.renewed.append(name)
        if not self.least:
            raise UnsupportedConfig(f"{name} cannot guarantee that.")

    def list_networks(self) -> List[Network]:
        return [Network("default", "00000000-0000-4000-8000-000000000001", self.active, bridge=OWN_BRIDGE)]

    def lookup_network(self, reference: str) -> Network:
        if not self.known:
            raise NotFound(f"There is no network named '{reference}'.")
        return self.list_networks()[0]

    def network_xml(self, name: str, *, inactive: bool = False) -> Element:
        pools = "<range start='192.0.2.100' end='192.0.2.120'/><host mac='52:54:00:00:00:0a' ip='192.0.2.77'/>"
        return parse(f"<network><ip address='192.0.2.1' prefix='24'><dhcp>{pools}</dhcp></ip></network>")

    def network_faults(self, name: str) -> List[Fault]:
        return self.faults

    def actual_interface(self, interface: Element) -> Element:
        source = interface.find("source")
        name = "" if source is None else source.get("network", "")
        if name == "off":
            raise OperationInvalid(f"Network {name} is not active.")
        if name not in ("default", "direct"):
            raise NotFound(f"There is no network named '{name}'.")
        copy = clone(interface)
        for found in copy.findall("source"):
            copy.remove(found)
        if name == "direct":
            copy.set("type", "direct")
            add(copy, "source", dev=LOWER, mode="bridge")
        else:
            copy.set("type", "bridge")
            add(copy, "source", bridge=OWN_BRIDGE, macTableManager="libvirt")
            add(copy, "mtu", size="1400")
        return copy

    def network_leases(self, name: str) -> List[Lease]:
        return [lease for lease in self.leases if lease.network == name]


class SmallFilters(NwfilterDriver):
    """The nwfilter driver of a connection: every filter is known but ``missing``, and what it is told is kept.

    ``guarded`` are the ports that have rules, by their devices, ``events`` what was done, in its order.
    """

    def __init__(self) -> None:
        self.guarded: Dict[str, FilterPort] = {}
        self.events: List[str] = []
        self.refuses = False

    def check_ports(self, ports: Sequence[FilterPort]) -> None:
        for port in ports:
            if port.filter == "missing":
                raise NotFound(f"There is no filter named '{port.filter}'.")

    def guard_ports(self, ports: Sequence[FilterPort]) -> None:
        self.check_ports(ports)
        if self.refuses:
            raise UnsupportedConfig("The kernel lacks something.")
        self.guarded.update({port.device: port for port in ports})
        self.events.append("guard " + " ".join(port.device for port in ports))

    def release_ports(self, devices: Sequence[str], *, guest: Optional[str] = None) -> None:
        for device in devices:
            found = self.guarded.get(device)
            if found is not None and guest in (None, found.guest):
                del self.guarded[device]
        self.events.append("release " + " ".join(devices))

    def port_faults(self, ports: Sequence[FilterPort]) -> List[Fault]:
        lost = [port for port in ports if self.guarded.get(port.device) != port]
        return [Fault("filter", f"{port.device} has no rules.") for port in lost]


def connected_on(host: LinkedHost, *, read_only: bool = False) -> QemuDriver:
    """The qemu driver as a new run opens it, with networks beside it."""
    driver = driver_on(host, read_only=read_only)
    driver.meet(SmallNeighbours())  # type: ignore[arg-type]
    return driver


class SmallNeighbours:
    """The connection as the qemu driver sees it."""

    def __init__(self) -> None:
        self.network = SmallNetworks()
        self.nwfilter = SmallFilters()

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody asks for {name}")
