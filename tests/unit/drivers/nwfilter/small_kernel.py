# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory whose kernel has one table of nftables: nft changes it, netlink tells of it; and guests on it."""

from __future__ import annotations

import re
import struct
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import (
    Domain,
    FilterPort,
    HypervisorDriver,
    Lease,
    NetworkDriver,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.links import netfilter
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.guarded import filter_ports
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.netfilter import attribute
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.driver import NftablesDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.live.change import LINKS
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed, Question
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

HEAD = b"\x07\0\0\0"
HOOKS = {"prerouting": 0, "postrouting": 4}
MISSING = "No such file or directory"

ARP = "<rule action='drop' direction='out'><arp arpsrcipaddr='10.0.0.1'/></rule>"
TCP = "<rule action='accept' direction='in' statematch='false'><tcp dstportstart='{0}'/></rule>"
DROP = "<rule action='drop' direction='inout'><all/></rule>"
REJECT = "<rule action='reject' direction='in'><tcp dstportstart='22'/></rule>"


@dataclass
class Table:
    """What the table holds; ``bases`` are hook, priority and policy of the chains that packets come to."""

    chains: Dict[str, List[str]] = field(default_factory=dict)
    bases: Dict[str, Tuple[int, int, bool]] = field(default_factory=dict)
    maps: Dict[str, Dict[str, str]] = field(default_factory=dict)
    sets: Dict[str, List[str]] = field(default_factory=dict)

    def shown(self) -> object:
        """All of it, to be compared."""
        return deepcopy((self.chains, self.bases, self.maps, self.sets))


class Refused(Exception):
    """The kernel does not take a line."""


class FilterHost(FakeHost):
    """``table`` is the kernel's, None where there is none. What matches ``refuses`` is not taken, with ``words``."""

    def __init__(self, *, euid: int = 0) -> None:
        super().__init__(euid=euid)
        self.table: Optional[Table] = None
        self.texts: List[str] = []
        self.refuses = ""
        self.words = "Could not process rule: Protocol error"
        self.add_program("nft", self._nft)
        self.on_netlink = self._told
        self.set_links("lo", "vnet0", "vnet1", "vnet2")

    def set_links(self, *names: str) -> None:
        """Let the host have these links and no others."""
        lines = ["Inter-|   Receive", " face |bytes", *(f"{name:>6}: 0 0" for name in names)]
        self.add_file(LINKS, "\n".join(lines).encode())

    def chain(self, name: str) -> List[str]:
        """The rules of a chain."""
        assert self.table is not None
        return self.table.chains[name]

    # nft

    def _nft(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        new, text = deepcopy(self.table), stdin.decode()
        for number, line in enumerate(text.splitlines(), 1):
            try:
                if self.refuses and re.search(self.refuses, line):
                    raise Refused(self.words)
                new = self._line(new, line)
            except (KeyError, Refused) as error:
                said = error.args[0] if isinstance(error, Refused) else MISSING
                return Completed(argv, 1, b"", f"/dev/stdin:{number}:1-5: Error: {said}\n{line}\n^^^\n".encode())
        if "-c" not in argv:
            self.table = new
            self.texts.append(text)
        return Completed(argv, 0, b"", b"")

    def _line(self, table: Optional[Table], line: str) -> Optional[Table]:
        verb, what, family, _table, *rest = line.split(" ", 5)
        assert family == "bridge"
        if what == "table":
            return None if verb == "delete" else table or Table()
        assert table is not None
        name, about = rest[0], rest[1] if rest[1:] else ""
        getattr(self, f"_{verb}_{what}")(table, name, about)
        return table

    def _add_map(self, table: Table, name: str, about: str) -> None:
        table.maps.setdefault(name, {})

    def _add_set(self, table: Table, name: str, about: str) -> None:
        table.sets.setdefault(name, [])

    def _add_chain(self, table: Table, name: str, about: str) -> None:
        table.chains.setdefault(name, [])
        found = re.search(r"hook (\w+) priority (-?\d+); policy accept", about)
        if found:
            wanted = (HOOKS[found[1]], int(found[2]), True)
            if table.bases.setdefault(name, wanted)[:2] != wanted[:2]:
                raise Refused("Could not process rule: Operation not supported")
            table.bases[name] = wanted

    def _flush_chain(self, table: Table, name: str, about: str) -> None:
        table.chains[name].clear()

    def _flush_set(self, table: Table, name: str, about: str) -> None:
        table.sets[name].clear()

    def _delete_chain(self, table: Table, name: str, about: str) -> None:
        used = any(f" {name} " in rule + " " for rules in table.chains.values() for rule in rules)
        if used or any(name in ways.values() for ways in table.maps.values()):
            raise Refused("Could not process rule: Device or resource busy")
        del table.chains[name]

    def _delete_set(self, table: Table, name: str, about: str) -> None:
        if any(f"@{name} " in rule for rules in table.chains.values() for rule in rules):
            raise Refused("Could not process rule: Device or resource busy")
        del table.sets[name]

    def _add_rule(self, table: Table, name: str, about: str) -> None:
        for used in re.findall(r"(?:jump|goto) ([^ ]+)", about.partition(" comment ")[0]):
            assert used in table.chains
        table.chains[name].append(about)

    def _add_element(self, table: Table, name: str, about: str) -> None:
        inside = about.strip("{} ")
        if name in table.sets:
            table.sets[name] += [each for each in inside.split(", ") if each not in table.sets[name]]
            return
        key, _goto, chain = inside.partition(" : goto ")
        assert chain in table.chains
        if table.maps[name].setdefault(key.strip('"'), chain) != chain:
            raise Refused("Could not process rule: File exists")

    def _delete_element(self, table: Table, name: str, about: str) -> None:
        del table.maps[name][about.strip('{} "')]

    # netlink

    def _told(self, bus: int, question: Question) -> Tuple[bytes, ...]:
        assert bus == netfilter.NETFILTER
        if self.table is None:
            return ()
        parts = {kind: value.rstrip(b"\0").decode() for kind, value in netfilter._split(question.data[4:])}
        table = attribute(1, parts[1].encode() + b"\0")
        return tuple(HEAD + table + each for each in self._rows(self.table, question.kind, parts))

    def _rows(self, table: Table, kind: int, parts: Dict[int, str]) -> List[bytes]:
        if kind == netfilter.GET_TABLE:
            return [b""]
        if kind == netfilter.GET_RULE:
            return [_text(2, parts[2]) + _comment(rule) for rule in table.chains.get(parts[2], [])]
        if kind == netfilter.GET_ELEMENTS:
            found = table.maps.get(parts[2])
            return [] if found is None else [attribute(3, b"".join(_element(*each) for each in found.items()))]
        if kind == netfilter.GET_SET:
            return [_text(2, name) for name in (*table.sets, *table.maps, "__set0")]
        assert kind == netfilter.GET_CHAIN
        name = parts[3]
        return [_text(3, name) + _base(table.bases.get(name))] if name in table.chains else []


def _text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def _comment(rule: str) -> bytes:
    found = re.search(r'comment "(.*)"$', rule)
    value = found[1].encode() + b"\0" if found else b""
    return attribute(7, b"\x01\x01\0" + bytes((0, len(value))) + value) if found else b""


def _base(base: Optional[Tuple[int, int, bool]]) -> bytes:
    if base is None:
        return b""
    hook = attribute(1, struct.pack(">i", base[0])) + attribute(2, struct.pack(">i", base[1]))
    return attribute(4, hook) + attribute(5, struct.pack(">i", int(base[2])))


def _element(key: str, chain: str) -> bytes:
    raw = bytes.fromhex(key.replace(":", "")) if ":" in key else key.encode().ljust(16, b"\0")
    verdict = attribute(2, attribute(1, struct.pack(">i", -4)) + _text(2, chain))
    return attribute(1, attribute(1, attribute(1, raw)) + attribute(2, verdict))


class Guests(HypervisorDriver):
    """A hypervisor: the documents of guests that run, and of those that do not."""

    name = "qemu"

    def __init__(self) -> None:
        self.documents: Dict[str, Element] = {}
        self.inactive: Dict[str, Element] = {}

    def layout(self) -> Layout:
        return Layout.system()

    def list_domains(self) -> List[Domain]:
        names = sorted({*self.documents, *self.inactive})
        return [Domain(name, uuid="", active=name in self.documents) for name in names]

    def lookup_domain(self, reference: str) -> Domain:
        found = next((each for each in self.list_domains() if each.name == reference), None)
        if found is None:
            raise NotFound("no such guest")
        return found

    def domain_xml(self, name: str, *, inactive: bool = False) -> Element:
        kept = self.inactive.get(name)
        return kept if kept is not None and (inactive or name not in self.documents) else self.documents[name]

    def ports(self, name: str) -> List[FilterPort]:
        """The guarded interfaces of a guest that runs."""
        return filter_ports(name, self.documents[name])


class Networks(NetworkDriver):
    """One network: its document, and what its server has leased."""

    def __init__(self) -> None:
        self.hosts: Dict[str, str] = {}
        self.leases: Dict[str, List[str]] = {}

    def network_xml(self, name: str, *, inactive: bool = False) -> Element:
        hosts = "".join(f"<host mac='{mac}' ip='{address}'/>" for mac, address in self.hosts.items())
        return parse(f"<network><name>{name}</name><ip address='192.0.2.1'><dhcp>{hosts}</dhcp></ip></network>")

    def network_leases(self, name: str) -> List[Lease]:
        return [Lease(name, mac, address) for mac, all_ in self.leases.items() for address in all_]


class Meeting:
    """The connection, as far as the driver looks at it."""

    def __init__(self, hypervisor: HypervisorDriver, network: Optional[NetworkDriver]) -> None:
        self.hypervisor = hypervisor
        self.network = network


@dataclass
class World:
    """A host with guests on it."""

    host: FilterHost = field(default_factory=FilterHost)
    guests: Guests = field(default_factory=Guests)
    networks: Networks = field(default_factory=Networks)

    def driver(self) -> NftablesDriver:
        """The driver of a new run."""
        driver = NftablesDriver(self.host, Layout.system())
        driver.meet(Meeting(self.guests, self.networks))  # type: ignore[arg-type]
        return driver

    def start(self, name: str, device: str, filter_: str, *, guard: bool = True, **parameters: str) -> FilterPort:
        """Let a guest run whose interface is guarded."""
        self.guests.documents[name] = guest(name, device, filter_, **parameters)
        (port,) = self.guests.ports(name)
        if guard:
            self.driver().guard_ports([port])
        return port

    def stop(self, name: str) -> None:
        """Let a guest end, whose links go with it."""
        del self.guests.documents[name]


def mac_of(device: str) -> str:
    """The MAC address of the guest at this link."""
    return f"52:54:00:00:00:{int(device[-1]):02x}"


def guest(name: str, device: str, filter_: str, **parameters: str) -> Element:
    """A guest with one interface."""
    given = "".join(f"<parameter name='{key}' value='{value}'/>" for key, value in parameters.items())
    return parse(
        f"<domain><name>{name}</name><devices><interface type='network'><mac address='{mac_of(device)}'/>"
        f"<source network='net'/><target dev='{device}'/>"
        f"<filterref filter='{filter_}'>{given}</filterref></interface></devices></domain>"
    )


def filter_document(name: str, rules: str = "", *, more: str = "") -> Element:
    """A filter's document."""
    return parse(f"<filter name='{name}'{more}>{rules}</filter>", root="filter")


def new_world() -> World:
    """A host with the filters web and outer, which takes web in, and with no guest."""
    made = World()
    made.driver().define_nwfilter(filter_document("web", TCP.format(80) + DROP))
    made.driver().define_nwfilter(filter_document("outer", "<filterref filter='web'/>"))
    return made


def whats(world: World, *names: str) -> List[str]:
    """What is wrong with the interfaces of these guests."""
    ports = [port for name in names for port in world.guests.ports(name)]
    return [fault.what for fault in world.driver().port_faults(ports)]


def table(world: World) -> Table:
    """The kernel's table."""
    assert world.host.table is not None
    return world.host.table
