# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks and pools in their units."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, CorralError, OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.service.launcher import main
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_links import LinkedHost
from ansible_collections.corral.virt.tests.unit.service.small_systemd import HOME, SmallSystemd

UNIT = "corral-pool@p.service"
NET = "corral-network@n.service"


def pool(path: str = "/srv/p") -> Element:
    return parse(f"<pool type='dir'><name>p</name><target><path>{path}</path></target></pool>", root="pool")


def network() -> Element:
    """One that leaves the host as it is: it only names a bridge."""
    return parse("<network><name>n</name><forward mode='bridge'/><bridge name='br9'/></network>", root="network")


@pytest.fixture
def host() -> LinkedHost:
    found = LinkedHost()
    found.add_link("br9", "bridge")
    found.add_directory("/srv/p")
    return found


@pytest.fixture
def systemd(host: LinkedHost) -> SmallSystemd:
    return SmallSystemd(host)


@pytest.fixture
def opened(host: LinkedHost, systemd: SmallSystemd) -> Connection:
    return open_connection("qemu:///system", host=host)


def test_a_pool_is_started_and_ended(opened: Connection, systemd: SmallSystemd, host: LinkedHost) -> None:
    opened.storage.define_pool(pool())
    assert opened.storage.start_pool("p").active
    assert systemd.states == {UNIT: "active"}
    with pytest.raises(OperationInvalid, match="already active"):
        opened.storage.start_pool("p")
    opened.storage.destroy_pool("p")
    assert (systemd.states, opened.storage.lookup_pool("p").active) == ({}, False)
    assert host.entries("/run/corral/units") == []


def test_a_transient_pool(opened: Connection, systemd: SmallSystemd) -> None:
    assert not opened.storage.create_pool(pool()).persistent
    assert systemd.states == {UNIT: "active"}
    with pytest.raises(AlreadyExists):
        opened.storage.create_pool(pool())
    assert systemd._stop(UNIT, []) == 0
    assert opened.storage.list_pools() == []


def test_what_keeps_a_pool_from_starting_is_the_very_error(opened: Connection, host: LinkedHost) -> None:
    plain = open_connection("qemu:///embed?root=/srv", host=host).storage
    for storage in (opened.storage, plain):
        storage.define_pool(pool("/srv/missing"))
    raised = []
    for storage in (opened.storage, plain):
        with pytest.raises(CorralError) as caught:
            storage.start_pool("p")
        raised.append((type(caught.value), str(caught.value), caught.value.details))
    assert raised[0] == raised[1]


def test_a_pool_starts_with_the_host(opened: Connection, systemd: SmallSystemd, host: LinkedHost) -> None:
    opened.storage.define_pool(pool())
    opened.storage.set_pool_autostart("p", True)
    assert host.resolve(f"{HOME}/corral.target.wants/{UNIT}") == f"{HOME}/corral-pool@.service"
    assert systemd._start(UNIT, []) == 0
    assert opened.storage.lookup_pool("p").active
    assert main(["start", "pool", "p"], host) == 0, "one that is active already"
    opened.storage.undefine_pool("p")
    assert host.entries(f"{HOME}/corral.target.wants") == []


def test_a_network_is_started_and_ended(opened: Connection, systemd: SmallSystemd) -> None:
    opened.network.define_network(network())
    assert opened.network.start_network("n").active
    assert systemd.states == {NET: "active"}
    opened.network.destroy_network("n")
    assert (systemd.states, opened.network.lookup_network("n").active) == ({}, False)


def test_a_network_that_is_started_again_stays_what_it_was(opened: Connection, systemd: SmallSystemd) -> None:
    """It is taken down first, counts as active meanwhile, and its unit ends in between."""
    opened.network.create_network(network())
    opened.network.destroy_network("n", again=True)
    assert systemd.states == {}
    assert opened.network.lookup_network("n").active
    assert opened.network.start_network("n").active
    assert systemd.states == {NET: "active"}


def test_a_network_is_mended_in_its_unit(opened: Connection, systemd: SmallSystemd) -> None:
    opened.network.define_network(network())
    opened.network.start_network("n")
    opened.network.mend_network("n")
    assert ("reload", NET) in systemd.asked
    systemd.states.clear()
    systemd.asked.clear()
    opened.network.mend_network("n")
    assert [words[0] for words in systemd.asked] == ["is-active"], "one outside its unit is mended where it is"
