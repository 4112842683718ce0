# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory whose kernel has links, addresses, routes and packet filters, and on which dnsmasq runs."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain, HypervisorDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.driver import BridgeDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.server import READY_TIMEOUT
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, FakeProcess
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

CONF6 = "/proc/sys/net/ipv6/conf"
FORWARD = {"ipv4": "/proc/sys/net/ipv4/ip_forward", "ipv6": f"{CONF6}/all/forwarding"}

NAT = """
<network>
  <name>a</name>
  <forward mode='nat'/>
  <bridge name='virbr7'/>
  <ip address='192.0.2.1' netmask='255.255.255.0'>
    <dhcp><range start='192.0.2.10' end='192.0.2.20'/>{hosts}</dhcp>
  </ip>
  {more}
</network>
"""


def document(
    *, name: str = "a", bridge: str = "virbr7", net: str = "192.0.2", hosts: str = "", more: str = ""
) -> Element:
    """A network with NAT and DHCP."""
    text = NAT.format(hosts=hosts, more=more).replace("<name>a<", f"<name>{name}<").replace("virbr7", bridge)
    return parse(text.replace("192.0.2.", f"{net}."), root="network")


@dataclass
class Node:
    """One link of the kernel's."""

    kind: str
    index: int
    mac: str = "02:00:00:00:00:01"
    mtu: int = 1500
    up: bool = False
    master: Optional[str] = None
    stp: int = 0
    delay: int = 1500
    slave: List[str] = field(default_factory=list)


class NetHost(FakeHost):
    """``nodes`` (links), ``addresses``, ``routes``, ``tables`` are the kernel's; ``dies`` a bad dnsmasq's words."""

    def __init__(self, *, euid: int = 0) -> None:
        super().__init__(euid=euid)
        self.nodes: Dict[str, Node] = {}
        self.addresses: List[Tuple[str, str]] = []
        self.routes: List[Dict[str, Any]] = []
        self.tables: Dict[str, str] = {}
        self.classes: Dict[str, List[str]] = {}
        self.dies: Optional[bytes] = None
        self.silent = False
        for path in FORWARD.values():
            self.add_file(path, b"0\n")
        self.add_program("dnsmasq", path="/usr/sbin/dnsmasq")
        for name in ("ip", "bridge", "nft", "tc"):
            self.add_program(name, getattr(self, f"_{name}"))
        self.on_spawn = self._spawned

    # what a test arranges and asks

    def add_link(self, name: str, kind: str = "", **more: Any) -> None:
        """Let the kernel have a link."""
        index = 1 + max((node.index for node in self.nodes.values()), default=0)
        self.nodes[name] = Node(kind, index, **more)
        for setting, value in (("disable_ipv6", b"0\n"), ("accept_ra", b"1\n"), ("autoconf", b"1\n")):
            self.add_file(f"{CONF6}/{name}/{setting}", value)

    def remove_link(self, name: str) -> None:
        """Let a link be gone, with what was on it."""
        del self.nodes[name]
        self.addresses = [each for each in self.addresses if each[0] != name]
        self.routes = [each for each in self.routes if each["dev"] != name]
        self.classes.pop(name, None)
        for node in self.nodes.values():
            node.master = None if node.master == name else node.master
        for path in [path for path in self.files if path.startswith(f"{CONF6}/{name}/")]:
            del self.files[path]

    def setting(self, path: str) -> str:
        """What the kernel has there."""
        return self.files[path].data.decode().strip()

    def servers(self) -> List[FakeProcess]:
        """The dnsmasqs that run."""
        return [each for each in self.processes.values() if each.command and each.command.argv[0] == "dnsmasq"]

    # programs

    def _ip(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        if "-batch" in argv:
            return self._batch(argv, stdin, self._link_change)
        rows = self._routes(argv) if "route" in argv else [self._row(name) for name in self.nodes]
        return Completed(argv, 0, json.dumps(rows).encode(), b"")

    def _batch(self, argv: Tuple[str, ...], stdin: bytes, change: Any) -> Completed:
        for number, line in enumerate(stdin.decode().splitlines(), 1):
            try:
                change(line.split())
            except (KeyError, ValueError):
                if "-force" not in argv:
                    return Completed(argv, 1, b"", b"Cannot find device\nCommand failed -:%d\n" % number)
        return Completed(argv, 0, b"", b"")

    def _link_change(self, words: List[str]) -> None:
        what = (words[0], words[1])
        options = dict(zip(words[2::1], words[3::1]))
        if what == ("link", "add"):
            self.add_link(options["name"], options["type"], mac=options.get("address", "02:00:00:00:00:02"))
            self._set(self.nodes[options["name"]], options)
        elif what == ("link", "delete"):
            self.remove_link(options["dev"])
        elif what == ("link", "set"):
            node = self.nodes[options["dev"]]
            node.up = "up" in words or (node.up and "down" not in words)
            if "bridge_slave" in words:
                node.slave = words[words.index("bridge_slave") + 1 :]
            self._set(node, options)
        elif what == ("address", "add"):
            assert self.nodes[options["dev"]]
            self.addresses.append((options["dev"], words[2]))
        elif what == ("route", "add"):
            assert self.nodes[options["dev"]]
            self.routes.append({"dst": words[2], "gateway": options["via"], "dev": options["dev"]})
        else:
            raise AssertionError(words)

    def _set(self, node: Node, options: Dict[str, str]) -> None:
        node.mac = options.get("address", node.mac)
        node.mtu = int(options.get("mtu", node.mtu))
        node.master = options.get("master", node.master)
        if "stp_state" in options:
            node.stp = int(options["stp_state"])
            node.delay = int(options.get("forward_delay", node.delay))
            node.delay = max(200, node.delay) if node.stp else node.delay

    def _row(self, name: str) -> Dict[str, Any]:
        node = self.nodes[name]
        found = [ip_interface(address) for link, address in self.addresses if link == name]
        data = (
            {"stp_state": node.stp, "forward_delay": node.delay, "vlan_filtering": 0} if node.kind == "bridge" else {}
        )
        return {
            "ifname": name,
            "ifindex": node.index,
            "address": node.mac,
            "mtu": node.mtu,
            "flags": ["UP"] if node.up else [],
            **({"master": node.master} if node.master else {}),
            "linkinfo": {"info_kind": node.kind, "info_data": data} if node.kind else {},
            "addr_info": [{"local": str(each.ip), "prefixlen": each.network.prefixlen} for each in found],
        }

    def _routes(self, argv: Sequence[str]) -> List[Dict[str, Any]]:
        if "ra" in argv:
            return [each for each in self.routes if each.get("protocol") == "ra"]
        own = [{"dst": str(ip_interface(each).network), "dev": link} for link, each in self.addresses]
        return [*own, *self.routes]

    def _bridge(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        return Completed(argv, 0, b"", b"")

    def _tc(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        if "-batch" in argv:
            return self._batch(argv, stdin, self._limit)
        lines = [line.split() for line in self.classes.get(argv[-1], [])]
        if argv[1] == "class":
            return Completed(argv, 0, "".join(map(self._class, lines)).encode(), b"")
        rows = [{"kind": "ingress" if "ingress" in words else "htb"} for words in lines if words[0] == "qdisc"]
        return Completed(argv, 0, json.dumps(rows).encode(), b"")

    def _class(self, words: List[str]) -> str:
        """A class as tc lists it, which does not speak JSON there."""
        if words[0] != "class":
            return ""
        options = dict(zip(words, words[1:]))
        rate, ceiling = (int(options[key][:-4]) * 8 for key in ("rate", "ceil"))
        return f"class htb {options['classid']} root rate {rate}Kbit ceil {ceiling}Kbit burst 1600b\n"

    def _limit(self, words: List[str]) -> None:
        name = words[words.index("dev") + 1]
        assert self.nodes[name]
        if words[:2] == ["qdisc", "del"]:
            self.classes.pop(name)
        else:
            self.classes.setdefault(name, []).append(" ".join((words[0], *words[2:])))

    def _nft(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        if argv[1:3] == ("-f", "-"):
            first, _second, *rest = stdin.decode().splitlines()
            name = first.split()[-1]
            self.tables.pop(name, None)
            if rest:
                self.tables[name] = "\n".join(rest)
            return Completed(argv, 0, b"", b"")
        text = self.tables.get(argv[-1], "" if argv[-2:] == ("list", "ruleset") else None)
        if text is None:
            return Completed(argv, 1, b"", b"Error: No such file or directory\n")
        rows: List[Any] = [{"metainfo": {}}, *({"rule": {"expr": line}} for line in text.splitlines())]
        return Completed(argv, 0, json.dumps({"nftables": rows}).encode(), b"")

    def _spawned(self, started: FakeProcess) -> None:
        assert started.command is not None
        started.ignores.add("SIGHUP")
        pid, options = started.process.pid, dict(word.partition("=")[::2] for word in started.command.argv[2:])
        log = self.files.get(started.command.log)
        self.add_file(started.command.log, (log.data if log else b"") + (self.dies or b""))
        if self.dies is not None:
            self.end_process(pid)
            return
        self.add_file(f"/proc/{pid}/cmdline", b"\0".join(word.encode() for word in started.command.argv) + b"\0")
        if not self.silent:
            assert posixpath.dirname(options["--pid-file"]) in self.files
            self.add_file(options["--pid-file"], f"{pid}\n".encode())


class Guests(HypervisorDriver):
    """A hypervisor with guests that run: their live documents by name."""

    name = "qemu"

    def __init__(self, host: FakeHost, layout: Optional[Layout] = None) -> None:
        self.host = host
        self.documents: Dict[str, Element] = {}
        self.place = layout or Layout.system()

    def layout(self) -> Layout:
        return self.place

    def add(self, name: str, interface: str) -> None:
        """Let a guest run that has this interface."""
        text = f"<domain><name>{name}</name><devices>{interface}</devices></domain>"
        self.documents[name] = parse(text, root="domain")

    def list_domains(self) -> List[Domain]:
        return [Domain(name, uuid="", active=True) for name in self.documents]

    def domain_xml(self, name: str, *, inactive: bool = False) -> Element:
        return self.documents[name]


class Meeting:
    """The connection, as far as the network driver looks at it."""

    def __init__(self, hypervisor: HypervisorDriver) -> None:
        self.hypervisor = hypervisor


def driver_on(host: NetHost, guests: Optional[Guests] = None, *, read_only: bool = False) -> BridgeDriver:
    """The driver of a new run."""
    hypervisor = guests or Guests(host)
    driver = BridgeDriver(host, hypervisor.layout(), read_only=read_only)
    driver.meet(Meeting(hypervisor))  # type: ignore[arg-type]
    return driver


__all__ = ["CONF6", "FORWARD", "READY_TIMEOUT", "Guests", "NetHost", "document", "driver_on"]
