# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes on which those of other pools stand, and volumes that are to be made in place of others."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Content
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.driver import HostStorage
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import qcow2
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import PoolHost, driver_on, pool, volume


@pytest.fixture
def host() -> PoolHost:
    return PoolHost()


def active(host: PoolHost, kind: str = "dir", **more: str) -> None:
    """Let a pool be active."""
    driver = driver_on(host)
    name = driver.define_pool(pool(kind, **more)).name
    driver.build_pool(name)
    driver.start_pool(name)


def layer(path: str) -> str:
    return f"<backingStore><path>{path}</path><format type='qcow2'/></backingStore>"


# layers


def with_a_layer_elsewhere(host: PoolHost) -> HostStorage:
    """Pool a has the volume base, and pool b a volume that stands on it."""
    active(host)
    driver = driver_on(host)
    driver.define_pool(pool(name="b", path="/srv/b"))
    driver.build_pool("b")
    driver.start_pool("b")
    driver.create_volume("a", volume("base", kind="qcow2"))
    driver.create_volume("b", volume("top", kind="qcow2", more=layer("/srv/a/base")))
    return driver


@pytest.mark.parametrize(
    "act",
    [
        lambda driver: driver.wipe_volume("a", "base"),
        lambda driver: driver.upload_volume("a", "base", "/srv/other"),
        lambda driver: driver.resize_volume("a", "base", 512, shrink=True),
        lambda driver: driver.delete_volume("a", "base"),
        lambda driver: driver.check_pool_deletion("a"),
    ],
)
def test_what_a_volume_of_another_pool_stands_on_stays(host: PoolHost, act: Callable[[HostStorage], object]) -> None:
    driver = with_a_layer_elsewhere(host)
    host.add_file("/srv/other", host.data("/srv/a/base") or b"")
    before = host.data("/srv/a/base")
    assert driver.volume_layers("a", "base") == ["top of pool b"]
    with pytest.raises(OperationInvalid, match="top"):
        act(driver)
    assert host.data("/srv/a/base") == before


def test_the_data_of_a_pool_stays_while_another_pool_stands_on_it(host: PoolHost) -> None:
    driver = with_a_layer_elsewhere(host)
    driver.destroy_pool("a")
    with pytest.raises(OperationInvalid, match="below top of pool b"):
        driver.delete_pool("a")
    driver.delete_volume("b", "top")
    driver.delete_pool("a")
    assert "/srv/a/base" not in host.files


# making anew


@pytest.mark.parametrize(
    ("document", "more", "words"),
    [
        (volume("one", size=512), {"content": Content(path="/srv/large")}, "what it is made from has 4096"),
        (volume("one"), {"content": Content(path="/srv/evil")}, "in another file"),
        (volume("one"), {"content": Content(volume=("a", "one"))}, "from itself"),
        (volume("one", kind="qcow2", more=layer("/srv/a/one")), {}, "from itself"),
        (volume("one", kind="qcow2", more=layer("/srv/large")), {}, "no image of the format 'qcow2'"),
        (volume("one", size=1 << 50), {"preallocation": "full"}, "at once"),
    ],
)
def test_what_could_not_be_made_is_known_before_the_old_one_goes(
    host: PoolHost, document: Element, more: dict[str, Any], words: str
) -> None:
    active(host)
    driver = driver_on(host)
    driver.create_volume("a", volume("one", kind="qcow2"))
    host.add_file("/srv/large", bytes(4096))
    host.add_file("/srv/evil", qcow2(512, backing="/etc/passwd", backing_format="raw"))
    driver.check_new_volume("a", volume("one", kind="qcow2"))
    before = dict(host.files)
    with pytest.raises(CorralError, match=words):
        driver.check_new_volume("a", document, **more)
    assert host.files == before
