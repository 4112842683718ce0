# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several runs at once: what each of them leaves open is chosen, and none gets what another has."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.network import converge_network
from ansible_collections.corral.virt.plugins.module_utils.converge.resource import run
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.network import SimulatedNetwork
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element

OPTIONS: dict[str, Any] = {
    "forward": "nat",
    "ips": [{"dhcp": True}],
    "state": "active",
    "apply": "live",
    "force": False,
}


def bring_up(folder: Path, name: str) -> dict[str, Any]:
    with open_connection(f"test://{folder}/node.xml", host=LocalHost()) as connection:
        return converge_network(Job(connection, {**OPTIONS, "name": name}))["network"]  # type: ignore[no-any-return]


def test_ten_networks_at_once_have_ten_bridges_and_ten_subnets(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda name=f"n{number}": found.append(bring_up(tmp_path, name)))
        for number in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len({network["bridge"] for network in found}) == 10
    assert len({network["addresses"][0] for network in found}) == 10


@pytest.mark.parametrize("often", [1, 3, run.TRIES])
def test_it_is_chosen_anew_as_long_as_another_run_was_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: int
) -> None:
    real, calls = SimulatedNetwork.define_network, [0]

    def late(driver: SimulatedNetwork, document: Element) -> Any:
        calls[0] += 1
        if calls[0] <= often:
            raise AlreadyExists("The bridge virbr0 belongs to another network.")
        return real(driver, document)

    monkeypatch.setattr(SimulatedNetwork, "define_network", late)
    if often == run.TRIES:
        with pytest.raises(AlreadyExists, match="virbr0 belongs to another"):
            bring_up(tmp_path, "lab")
    else:
        assert bring_up(tmp_path, "lab")["active"]
        assert calls == [often + 1]


def test_what_comes_after_a_step_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def refuse(driver: SimulatedNetwork, name: str) -> Any:
        calls.append(name)
        raise AlreadyExists("This host has the address.")

    monkeypatch.setattr(SimulatedNetwork, "start_network", refuse)
    with pytest.raises(AlreadyExists) as caught:
        bring_up(tmp_path, "lab")
    assert (calls, caught.value.details["done"]) == (["lab"], ["define"])
