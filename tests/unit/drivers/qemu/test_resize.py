# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The size of a disk of a guest that runs: which node QEMU is told to resize, and when it is not told anything."""

from __future__ import annotations

from typing import Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.host.fake_monitor import FakeMonitor
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, GuestHost, document, driver_on

GIB = 1 << 30


def running(*nodes: str) -> Tuple[GuestHost, QemuDriver, FakeMonitor]:
    host = GuestHost()
    host.more = lambda monitor: {
        "query-named-block-nodes": [{"node-name": name} for name in nodes],
        "block_resize": {},
    }
    driver = driver_on(host)
    driver.define_domain(document())
    driver.start_domain("a")
    return host, driver, host.guests["a"].monitor


def resized(monitor: FakeMonitor) -> list[object]:
    return [given for command, given in monitor.commands if command == "block_resize"]


@pytest.mark.parametrize("ending", ["format", "storage"])
def test_the_topmost_node_of_the_image(ending: str) -> None:
    nodes = {"libvirt-1-storage", f"libvirt-1-{ending}", "libvirt-2-format"}
    _host, driver, monitor = running(*sorted(nodes))
    driver.resize_disk("a", IMAGE, 2 * GIB)
    assert resized(monitor) == [{"node-name": f"libvirt-1-{ending}", "size": 2 * GIB}]


def test_an_image_by_another_path_to_it() -> None:
    host, driver, monitor = running("libvirt-1-storage")
    host.symlink(IMAGE, "/srv.img")
    driver.resize_disk("a", "/srv.img", GIB)
    assert len(resized(monitor)) == 1


def test_an_image_that_the_guest_does_not_have() -> None:
    _host, driver, monitor = running("libvirt-1-storage")
    with pytest.raises(OperationInvalid, match="runs without the image /srv/other as a disk"):
        driver.resize_disk("a", "/srv/other", GIB)
    assert resized(monitor) == []


def test_an_image_that_somebody_has_taken_out() -> None:
    _host, driver, monitor = running("#block123")
    with pytest.raises(OperationInvalid, match="its medium was changed"):
        driver.resize_disk("a", IMAGE, GIB)
    assert resized(monitor) == []


def test_a_guest_that_is_off() -> None:
    _host, driver, _monitor = running("libvirt-1-storage")
    driver.destroy_domain("a")
    with pytest.raises(OperationInvalid, match="not running"):
        driver.resize_disk("a", IMAGE, GIB)
