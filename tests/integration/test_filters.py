# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network filter driver with the real nft and the real kernel, in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import FilterPort
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.nft import table_name
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.driver import NftablesDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, UnsupportedConfig, XmlError
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.small_kernel import (
    DROP,
    REJECT,
    TCP,
    Guests,
    Meeting,
    filter_document,
    guest,
)

from .inside import inside, untouched
from .namespaces import Namespace, namespace

pytestmark = pytest.mark.root

FOREIGN = """
table bridge other {
    chain out {
        type filter hook prerouting priority -300; policy accept;
        ether saddr 52:54:00:00:00:77 counter drop
    }
}
"""
LEARNT = "any/vnet1"


class World:
    """A host with guests, whose links nobody has made: rules go by names."""

    def __init__(self, host: Namespace, root: Path) -> None:
        self.host = host
        self.local = LocalHost()
        self.layout = Layout.embed(str(root))
        self.table = f"bridge {table_name(self.layout)}"
        self.guests = Guests()
        self.call("define_nwfilter", filter_document("web", TCP.format(80) + DROP))
        self.call("define_nwfilter", filter_document("outer", "<filterref filter='web'/>"))
        self.host.run("nft", "-f", "-", stdin=FOREIGN)
        self.foreign = self.nft("list", "ruleset")

    def call(self, name: str, *arguments: Any) -> Any:
        """What a run of its own does."""
        driver = NftablesDriver(self.local, self.layout)
        driver.meet(Meeting(self.guests, None))  # type: ignore[arg-type]
        return inside(self.host, lambda: getattr(driver, name)(*arguments))

    def start(self, name: str, device: str, filter_: str, **parameters: str) -> list[FilterPort]:
        """Let a guest run whose interface is guarded."""
        self.guests.documents[name] = guest(name, device, filter_, **parameters)
        self.call("guard_ports", self.guests.ports(name))
        return self.guests.ports(name)

    def nft(self, *argv: str) -> str:
        """Run nft."""
        return self.host.run("nft", "-s", *argv)

    def rules(self) -> str:
        """Our table, with the numbers of its rules left out."""
        return self.nft("list", "table", *self.table.split())

    def whats(self, name: str) -> list[str]:
        """What is wrong with a guest's interfaces."""
        return [fault.what for fault in self.call("port_faults", self.guests.ports(name))]

    def handle(self, chain: str) -> str:
        """The number of the first rule of a chain."""
        listed = self.host.run("nft", "-a", "list", "chain", *self.table.split(), chain)
        return next(line for line in listed.splitlines() if "comment" in line).rpartition(" ")[2]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with untouched(), namespace() as host:
        made = World(host, tmp_path)
        made.start("a", "vnet0", "outer")
        made.start("b", "vnet1", "clean-traffic")
        yield made


def test_interfaces_are_guarded_changed_and_released(world: World) -> None:
    assert world.whats("a") == world.whats("b") == []
    assert "dport 80" in world.rules()
    world.nft("add", "element", *world.table.split(), LEARNT, "{ 192.0.2.9 }")
    world.call("define_nwfilter", filter_document("web", TCP.format(443)))
    world.call("guard_ports", world.guests.ports("b"))
    world.call("mend_nwfilter", "clean-traffic")
    rules = world.rules()
    assert "dport 443" in rules
    assert "dport 80 " not in rules
    assert "192.0.2.9" in rules
    assert world.whats("a") == world.whats("b") == []
    world.start("b", "vnet1", "outer")
    assert LEARNT not in world.rules()
    world.call("release_ports", ["vnet0"])
    assert "vnet0" not in world.rules()
    world.call("release_ports", ["vnet1"])
    assert world.nft("list", "ruleset") == world.foreign


def test_what_is_refused_changes_nothing(world: World) -> None:
    rules, kept = world.rules(), to_text(world.call("nwfilter_xml", "web"))
    with pytest.raises(XmlError, match="PORT"):
        world.call("define_nwfilter", filter_document("web", TCP.format("$PORT")))
    lacking = world.host.run(
        "nft", "-c", "-f", "-", stdin=f"add table {world.table}\nadd rule {world.table} out reject\n", check=False
    )
    if lacking:
        with pytest.raises(UnsupportedConfig, match=r"Filter web, rule 1 needs .*nft_reject_bridge"):
            world.call("define_nwfilter", filter_document("web", REJECT))
        with pytest.raises(UnsupportedConfig, match=r"Filter web, rule 1 needs .*nft_reject_bridge"):
            world.call("check_nwfilter", filter_document("web", REJECT))
    (world.local, failing) = (Failing(), world.local)
    with pytest.raises(HostError, match="full"):
        world.call("define_nwfilter", filter_document("web", TCP.format(443)))
    world.local = failing
    assert (world.rules(), to_text(world.call("nwfilter_xml", "web"))) == (rules, kept)
    assert world.whats("a") == world.whats("b") == []


class Failing(LocalHost):
    """A disk on which nothing comes to its place."""

    def rename(self, path: str, target: str, *, replace: bool = False) -> bool:
        raise HostError("The disk is full.")


DRIFT: dict[str, Callable[[World], object]] = {
    "a deleted table": lambda world: world.nft("delete", "table", *world.table.split()),
    "a flushed table": lambda world: world.nft("flush", "table", *world.table.split()),
    "a flushed ruleset": lambda world: world.nft("flush", "ruleset"),
    "a deleted rule": lambda world: world.nft(
        "delete", "rule", *world.table.split(), "in3/vnet0", "handle", world.handle("in3/vnet0")
    ),
    "an edited rule": lambda world: world.nft(
        "replace", "rule", *world.table.split(), "in3/vnet0", "handle", world.handle("in3/vnet0"), "accept"
    ),
    "a rule in front": lambda world: world.nft("insert", "rule", *world.table.split(), "out/vnet0", "accept"),
    "a deleted element": lambda world: world.nft("delete", "element", *world.table.split(), "out", '{ "vnet0" }'),
    "another way": lambda world: (
        world.nft("delete", "element", *world.table.split(), "out", '{ "vnet0" }'),
        world.nft("add", "element", *world.table.split(), "out", '{ "vnet0" : goto in/vnet0 }'),
    ),
    "a policy": lambda world: world.nft("chain", *world.table.split(), "in", "{ policy drop; }"),
}


@pytest.mark.parametrize("name", DRIFT)
def test_drift_is_found_and_mended(world: World, name: str) -> None:
    rules = world.rules()
    DRIFT[name](world)
    assert world.whats("a")
    world.call("mend_nwfilter", "web")
    assert sorted(world.rules().splitlines()) == sorted(rules.splitlines())
    assert world.whats("a") == world.whats("b") == []
    if "ruleset" not in name:
        assert world.foreign.strip() in world.nft("list", "ruleset")


def test_fifty_interfaces_take_one_transaction_and_a_look_lists_nothing(world: World) -> None:
    for number in range(50):
        world.guests.documents[f"g{number}"] = guest(f"g{number}", "vnet9", "clean-traffic", IP=f"192.0.2.{number}")
        target = world.guests.documents[f"g{number}"].find("devices/interface/target")
        assert target is not None
        target.set("dev", f"tap{number}")
    ports = [port for number in range(50) for port in world.guests.ports(f"g{number}")]
    counted = world.local = Counting()
    world.call("guard_ports", ports)
    assert counted.runs == ["nft -f -"]
    assert world.call("port_faults", ports) == []
    assert world.call("nwfilter_faults", "clean-traffic") == []
    assert counted.runs == ["nft -f -"]


class Counting(LocalHost):
    """The machine, which remembers what was run."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[str] = []

    def run(self, argv: Any, **more: Any) -> Any:
        self.runs.append(" ".join(argv))
        return super().run(argv, **more)
