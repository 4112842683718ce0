# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A check of a list: what its earlier elements would have made or removed counts for the later ones."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any, Callable, Mapping

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.elements import reader
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many
from ansible_collections.corral.virt.plugins.module_utils.converge.many import converge_many, read_elements, workers
from ansible_collections.corral.virt.plugins.module_utils.converge.network import converge_network
from ansible_collections.corral.virt.plugins.module_utils.converge.pool import converge_pool
from ansible_collections.corral.virt.plugins.modules import network, pool
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import NetHost
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import driver_on as network_on
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import PoolHost
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import driver_on as storage_on

Run = Callable[..., "dict[str, Any]"]


def told(module: ModuleType, many: Many, connection: Any, work: Any, options: Mapping[str, Any], check: bool) -> Any:
    """What a module with a list says, here as a run and in check mode."""
    parts = [part for part in vars(module).values() if type(part).__name__ == "Spec" and part.options]
    found = read_elements(many, options, reader([part for part in parts if "uri" not in part.options], lambda _x: None))
    parallel = workers(many, options, 4)
    job = Job(connection, {}, check_mode=check, diff=True)
    return converge_many(job, many, found, work, parallel=parallel)


@pytest.fixture
def networks() -> Run:
    host = NetHost()

    def run(*several: dict[str, Any], check: bool = False, **beside: Any) -> dict[str, Any]:
        connection = SimpleNamespace(network=network_on(host))
        options = {"networks": list(several), **beside}
        return dict(told(network, network.NETWORKS, connection, converge_network, options, check))

    return run


@pytest.fixture
def pools() -> Run:
    host = PoolHost()

    def run(*several: dict[str, Any], check: bool = False, **beside: Any) -> dict[str, Any]:
        connection = SimpleNamespace(storage=storage_on(host))
        options = {"pools": list(several), **beside}
        return dict(told(pool, pool.POOLS, connection, converge_pool, options, check))

    return run


def both(run: Run, *several: dict[str, Any], **beside: Any) -> dict[str, Any]:
    """What a run says, which a check has said before."""
    checked = run(*several, check=True, **beside)
    real = run(*several, **beside)
    keys = ("name", "failed", "msg", "actions")
    assert [[row.get(key) for key in keys] for row in checked["results"]] == [
        [row.get(key) for key in keys] for row in real["results"]
    ]
    assert checked.get("diff") == real.get("diff")
    return real


def test_subnets_and_bridges_are_chosen_one_after_the_other(networks: Run) -> None:
    wanted = [{"name": name} for name in ("a", "b", "c")]
    beside = {"forward": "nat", "ips": [{"family": "ipv4"}, {"family": "ipv6"}], "state": "active"}
    real = both(networks, *wanted, **beside)
    text = "".join(part["after"] for part in real["diff"])
    assert all(text.count(f'address="192.168.{number}.1"') == 1 for number in (122, 123, 124)), text
    assert not networks(*wanted, **beside)["changed"]


@pytest.mark.parametrize("state", ["active", "present"])
def test_two_networks_in_one_place(networks: Run, state: str) -> None:
    """Both can be defined; only the first can be active."""
    ips = [{"address": "192.0.2.1/24"}]
    real = both(networks, {"name": "a"}, {"name": "b"}, ips=ips, state=state)
    assert [row["failed"] for row in real["results"]] == [False, state == "active"], real


def test_two_networks_of_one_bridge(networks: Run) -> None:
    real = both(networks, {"name": "a", "bridge": "lan0"}, {"name": "b", "bridge": "lan0"})
    assert "The bridge lan0 belongs to network a." in real["results"][1]["msg"]


def test_a_network_that_goes_makes_room(networks: Run) -> None:
    ips = [{"address": "192.0.2.1/24"}]
    networks({"name": "a", "bridge": "lan0"}, ips=ips, state="active")
    real = both(networks, {"name": "a", "state": "absent"}, {"name": "b", "bridge": "lan0", "ips": ips}, state="active")
    assert [row["failed"] for row in real["results"]] == [False, False], real


def test_a_network_that_ends_makes_room(networks: Run) -> None:
    ips = [{"address": "192.0.2.1/24"}]
    networks({"name": "a"}, ips=ips, state="active")
    real = both(networks, {"name": "a", "state": "inactive"}, {"name": "b", "ips": ips}, state="active")
    assert [row["failed"] for row in real["results"]] == [False, False], real


def test_a_network_that_moves_makes_room(networks: Run) -> None:
    here, there = ([{"address": f"192.0.2.{first}/26"}] for first in (1, 65))
    networks({"name": "a"}, ips=here, state="active")
    moved = {"name": "a", "ips": there, "apply": "restart"}
    real = both(networks, moved, {"name": "b", "ips": here}, state="active")
    assert [row["failed"] for row in real["results"]] == [False, False], real


def test_two_pools_on_one_source(pools: Run) -> None:
    real = both(pools, {"name": "a"}, {"name": "b"}, type="dir", target="/srv/x", state="active")
    assert "has the source of pool b already" in real["results"][1]["msg"]


def test_a_pool_in_another(pools: Run) -> None:
    real = both(pools, {"name": "a", "target": "/srv/x"}, {"name": "b", "target": "/srv/x/y"}, type="dir")
    assert "overlap" in real["results"][1]["msg"]


def test_a_pool_that_goes_makes_room(pools: Run) -> None:
    pools({"name": "a", "type": "dir", "target": "/srv/x", "state": "active"})
    beside = {"type": "dir", "target": "/srv/x"}
    real = both(pools, {"name": "a", "state": "absent"}, {"name": "b", **beside, "state": "active"})
    assert [row["failed"] for row in real["results"]] == [False, False], real
