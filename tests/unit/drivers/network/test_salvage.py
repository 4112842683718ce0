# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network whose files are damaged keeps no other from starting, and stays walled off."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.driver import BridgeDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.salvage import damages
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import NetHost, document, driver_on

DOCUMENT, STATUS = "/run/corral/networks/b.xml", "/run/corral/networks/b.json"
MEMO = "/run/corral/networks/.ruleset.json"
# A file, what is in it, and whose word is taken instead.
DAMAGES = (
    (DOCUMENT, b"<network", "as they were before"),
    (DOCUMENT, b"", "as they were before"),
    (DOCUMENT, b"<network><name>b</name><bridge name='virbr8'/><ip address='x'/></network>", "as they were before"),
    (STATUS, b"{", "as its live document says"),
    (STATUS, b"", "as its live document says"),
)


def other(*, transient: bool = False) -> BridgeDriver:
    """A host with the network b, which is active."""
    driver = driver_on(NetHost())
    wanted = document(name="b", bridge="virbr8", net="198.51.100")
    if transient:
        driver.create_network(wanted)
    else:
        driver.define_network(wanted)
        driver.start_network("b")
    return driver


def tables(driver: BridgeDriver) -> str:
    assert isinstance(driver.host, NetHost)
    return driver.host.tables["corral"]


@pytest.mark.parametrize(("path", "data", "words"), DAMAGES)
def test_others_start_change_and_end(path: str, data: bytes, words: str) -> None:
    driver = other()
    driver.host.write(path, data)
    driver.define_network(document())
    driver.start_network("a")
    assert '"virbr7" . 192.0.2.0/24' in tables(driver)
    assert '"virbr8" . 198.51.100.0/24' in tables(driver)
    assert driver.network_faults("a") == []
    (said,) = driver.network_advice("a")
    assert said.startswith(f"Network b is damaged ({DOCUMENT}")
    assert f"Its packets are filtered {words}. Remove {STATUS}, and start the network b again." in said
    driver.destroy_network("a")
    assert '"virbr7"' not in tables(driver)
    assert '"virbr8"' in tables(driver)


def test_what_the_definition_says_since_does_not_count() -> None:
    driver = other()
    driver.define_network(document(name="b", bridge="virbr9", net="203.0.113"))
    driver.host.write(DOCUMENT, b"<network")
    driver.create_network(document())
    assert '"virbr8"' in tables(driver)
    assert "virbr9" not in tables(driver)


def test_without_a_memo_the_definition_is_taken() -> None:
    driver = other()
    driver.host.write(DOCUMENT, b"<network")
    driver.host.write(MEMO, b"")
    assert "filtered as its definition says" in damages(driver.site, without="a")[0]
    driver.create_network(document())
    assert '"virbr8"' in tables(driver)


def test_of_a_transient_one_nothing_may_be_known() -> None:
    driver = other(transient=True)
    driver.host.write(DOCUMENT, b"<network")
    driver.host.write(MEMO, b"[]")
    driver.create_network(document())
    assert "virbr8" not in tables(driver)
    assert "are not filtered: nothing is known of it" in driver.network_advice("a")[0]


def test_its_subnet_is_still_taken() -> None:
    driver = other()
    driver.host.write(DOCUMENT, b"<network")
    with pytest.raises(CorralError, match="clashes with"):
        driver.create_network(document(net="198.51.100"))


def test_it_can_be_started_again() -> None:
    driver = other()
    driver.host.write(DOCUMENT, b"<network")
    driver.create_network(document())
    driver.host.remove(STATUS)
    driver.start_network("b")
    assert driver.network_faults("b") == driver.network_advice("a") == []
    assert '"virbr8" . 198.51.100.0/24' in tables(driver)
