# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at one network while another run starts or ends another: the table is theirs together, the faults are not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.driver import BridgeDriver
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import NetHost, document, driver_on

MEMO = "/run/corral/networks/.ruleset.json"


@pytest.fixture
def host() -> NetHost:
    """A host on which the network a is active."""
    made = NetHost()
    driver_on(made).create_network(document())
    return made


def words(driver: BridgeDriver, name: str) -> List[str]:
    return [fault.what for fault in driver.network_faults(name)]


def begin(driver: BridgeDriver) -> None:
    """Do what a start of the network b does before anything is made."""
    wanted = driver.normalise_network(document(name="b", bridge="virbr8", net="198.51.100"))
    driver.store.write_live("b", to_text(wanted).encode(), {})


def test_a_network_that_is_only_starting_is_no_fault_of_another(host: NetHost) -> None:
    driver = driver_on(host)
    begin(driver)
    assert words(driver, "a") == []
    assert "ruleset" in words(driver, "b")
    driver.mend_network("b")
    assert words(driver, "a") == words(driver, "b") == []
    assert '"virbr8" . 198.51.100.0/24' in host.tables["corral"]


def test_a_first_network_with_rules_is_no_fault_of_one_without() -> None:
    host = NetHost()
    driver = driver_on(host)
    text = to_text(document(name="o", bridge="virbr6", net="203.0.113")).replace("nat", "open")
    driver.create_network(parse(text, root="network"))
    begin(driver)
    assert words(driver, "o") == []


def test_what_was_done_to_the_table_is_found_all_the_same(host: NetHost) -> None:
    driver = driver_on(host)
    begin(driver)
    host.tables["corral"] += "\n# accept"
    assert words(driver, "a") == ["ruleset"]


def test_rules_of_a_network_that_is_gone_are_found(host: NetHost) -> None:
    driver = driver_on(host)
    driver.create_network(document(name="b", bridge="virbr8", net="198.51.100"))
    driver.store.remove_live("b")
    assert words(driver, "a") == ["ruleset"]


def test_a_table_that_another_run_is_just_making_is_looked_at_again(
    host: NetHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is new already and what is kept of it is old, until the run lets go of the lock."""
    driver = driver_on(host)
    old = host.files[MEMO].data
    driver.create_network(document(name="b", bridge="virbr8", net="198.51.100"))
    new = host.files[MEMO].data
    host.add_file(MEMO, old)
    locked = host.lock

    @contextmanager
    def waiting(path: str, *, timeout: float = 30.0) -> Iterator[None]:
        with locked(path, timeout=timeout):
            host.add_file(MEMO, new)
            yield

    monkeypatch.setattr(host, "lock", waiting)
    assert words(driver, "a") == []


def test_a_network_that_is_as_it_should_be_is_looked_at_without_a_lock(
    host: NetHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "lock", None)
    assert words(driver_on(host), "a") == []
