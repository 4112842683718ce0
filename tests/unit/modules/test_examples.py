# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation run, one after the other, on a node of the test driver."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import yaml

from ansible_collections.corral.virt.plugins.modules import (
    network,
    network_info,
    pool,
    pool_info,
    vm,
    volume,
    volume_info,
)

Run = Callable[..., "dict[str, Any]"]

EXAMPLES = [task["corral.virt.vm"] for task in yaml.safe_load(vm.EXAMPLES)]
DESCRIBED = [options for options in EXAMPLES if "memory" in options]
# What the test driver's guests write to their console.
CONSOLE = "corral-guest: up"
NETWORKS = [task["corral.virt.network"] for task in yaml.safe_load(network.EXAMPLES)]
SHOWN = [
    task["corral.virt.network_info"] or {}
    for task in yaml.safe_load(network_info.EXAMPLES)
    if "corral.virt.network_info" in task
]
NETWORK_XML = "<network><name>dmz</name><forward mode='nat'/><ip address='10.9.0.1' prefix='24'/></network>"
XML = "<domain type='test'><name>{}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>"


def fitting(options: dict[str, Any], node: str) -> dict[str, Any]:
    """The options, with what a template would say, on our node."""
    found = {**options, "uri": node}
    if "lookup(" in str(found.get("xml")):
        found["xml"] = XML.format("db1")
    if "console" in (found.get("wait_for") or {}):
        found["wait_for"] = {**found["wait_for"], "console": CONSOLE}
    elif "wait_for" in found:
        del found["wait_for"]  # the test driver's guests have no network and no agent
    return found


def test_there_are_some() -> None:
    assert len(DESCRIBED) >= 5


@pytest.fixture
def networked(run: Run, node: str) -> str:
    """A node with the network and the pool that the examples use, and an image in that."""
    run(network, uri=node, name="default", state="active")
    run(pool, uri=node, name="default", type="dir", target="/var/lib/corral/images", state="active")
    run(volume, uri=node, pool="default", name="debian-12.qcow2", format="qcow2", capacity="3GiB")
    return node


def test_the_examples_run(run: Run, networked: str) -> None:
    for options in EXAMPLES:
        result = run(vm, **fitting(options, networked))
        assert not result.get("failed"), (options, result["msg"])


@pytest.mark.parametrize("options", DESCRIBED, ids=lambda options: str(options.get("name")))
def test_a_second_run_of_an_example_changes_nothing(run: Run, networked: str, options: dict[str, Any]) -> None:
    assert run(vm, **fitting(options, networked))["changed"]
    assert not run(vm, **fitting(options, networked))["changed"]


def on_node(options: dict[str, Any], node: str) -> dict[str, Any]:
    """The options of a network, with what a template would say, on our node."""
    xml = {"xml": NETWORK_XML} if "lookup(" in str(options.get("xml")) else {}
    return {**options, **xml, "uri": node}


def test_the_examples_of_networks_run(run: Run, node: str) -> None:
    assert len(NETWORKS) >= 10
    for options in NETWORKS:
        result = run(network, **on_node(options, node))
        assert not result.get("failed"), (options, result["msg"])
    for options in SHOWN:
        result = run(network_info, **{"uri": node, **options})
        assert not result.get("failed"), (options, result["msg"])


@pytest.mark.parametrize("options", NETWORKS[:-2], ids=lambda options: str(options.get("name")))
def test_a_second_run_of_an_example_of_networks_changes_nothing(run: Run, node: str, options: dict[str, Any]) -> None:
    assert run(network, check=True, **on_node(options, node))["changed"]
    assert run(network, **on_node(options, node))["changed"]
    assert not run(network, **on_node(options, node))["changed"]


# storage

POOLS = [task["corral.virt.pool"] for task in yaml.safe_load(pool.EXAMPLES)]
VOLUMES = [task["corral.virt.volume"] for task in yaml.safe_load(volume.EXAMPLES)]
LOOKED_AT = {
    module: [
        task[f"corral.virt.{name}"] or {} for task in yaml.safe_load(module.EXAMPLES) if f"corral.virt.{name}" in task
    ]
    for module, name in ((pool_info, "pool_info"), (volume_info, "volume_info"))
}
TEMPLATES = {
    "pool.xml.j2": "<pool type='dir'><name>own</name><target><path>/srv/own</path></target></pool>",
    "volume.xml.j2": "<volume><name>own.img</name><capacity unit='MiB'>64</capacity></volume>",
}


def written(options: dict[str, Any], node: str) -> dict[str, Any]:
    """The options with what a template would say, on our node."""
    found = {**options, "uri": node}
    for name, text in TEMPLATES.items():
        if name in str(options.get("xml")):
            found["xml"] = text
    return found


def steps(result: dict[str, Any]) -> list[Any]:
    """What a run did for its object, or for each of its list."""
    return [each["actions"] for each in result.get("results", [result])]


@pytest.fixture
def pooled(run: Run, node: str) -> str:
    """A node with the pools that the examples of volumes use."""
    for name in ("images", "bulk"):
        run(pool, uri=node, name=name, target=f"/srv/{name}", state="active")
    return node


def test_the_examples_of_pools_run(run: Run, node: str) -> None:
    assert len(POOLS) >= 10
    for options in POOLS:
        result = run(pool, **written(options, node))
        assert not result.get("failed"), (options, result["msg"])
    for options in LOOKED_AT[pool_info]:
        result = run(pool_info, **{"uri": node, **options})
        assert not result.get("failed"), (options, result["msg"])


@pytest.mark.parametrize("options", POOLS[:-3], ids=lambda options: str(options.get("name")))
def test_a_second_run_of_an_example_of_pools_changes_nothing(run: Run, node: str, options: dict[str, Any]) -> None:
    foreseen = run(pool, check=True, **written(options, node))
    done = run(pool, **written(options, node))
    assert foreseen["changed"]
    assert steps(foreseen) == steps(done)
    assert not run(pool, **written(options, node))["changed"]


def test_the_examples_of_volumes_run(run: Run, pooled: str) -> None:
    assert len(VOLUMES) >= 10
    for options in VOLUMES:
        foreseen = run(volume, check=True, **written(options, pooled))
        result = run(volume, **written(options, pooled))
        assert not result.get("failed"), (options, result["msg"])
        assert (foreseen["changed"], steps(foreseen)) == (True, steps(result))
        again = run(volume, **written(options, pooled))
        assert again["changed"] is (options.get("state") == "wiped" or "download_to" in options)
    for options in LOOKED_AT[volume_info]:
        result = run(volume_info, **{"uri": pooled, **options})
        assert not result.get("failed"), (options, result["msg"])
