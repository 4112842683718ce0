# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the volumes of each kind of pool are to a disk."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import StorageDriver, Volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Volume as Placed
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.site import Site
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.volumes import placed, volumes_of
from ansible_collections.corral.virt.plugins.module_utils.errors import UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import persistent_form, running_form
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost, driver_on

AUTH = "<auth type='ceph' username='me'><secret uuid='u'/></auth>"
HOST = "<host name='h' port='1'/>"


class Storage(StorageDriver):
    """One pool with one volume."""

    def __init__(self, pool: str, volume: Volume) -> None:
        self.pool, self.volume = pool, volume

    def lookup_volume(self, pool: str, name: str) -> Volume:
        return replace(self.volume, pool=pool, name=name)

    def pool_xml(self, name: str, *, inactive: bool = False) -> Element:
        return parse(self.pool)


def disk(mode: str = "") -> Element:
    source = f"<source pool='p' volume='unit:0:0:7'{mode}/>"
    return parse(f"<domain><devices><disk type='volume'>{source}</disk></devices></domain>")


def found(pool: str, volume: Volume, document: Element) -> Placed:
    site = replace(driver_on(GuestHost()).site, neighbours=cast(Any, SimpleNamespace(storage=Storage(pool, volume))))
    (one,) = volumes_of(cast(Site, site), document).values()
    return one


@pytest.mark.parametrize(
    ("pool", "kind", "mode", "source", "auth"),
    [
        ("dir", "file", "", {"file": "/v"}, {}),
        ("logical", "block", "", {"dev": "/v"}, {}),
        ("iscsi", "block", " mode='host'", {"dev": "/v"}, {}),
        ("iscsi", "block", " mode='direct'", {"protocol": "iscsi", "name": "iqn.x/7"}, {}),
        ("iscsi-direct", "network", "", {"protocol": "iscsi", "name": "iqn.x/7"}, {"username": "me", "uuid": "u"}),
        ("rbd", "network", "", {"protocol": "rbd", "name": "n/unit:0:0:7"}, {"username": "me", "uuid": "u"}),
        ("gluster", "network", "", {"protocol": "gluster", "name": "n/d/unit:0:0:7"}, {}),
    ],
)
def test_each_kind_of_pool(pool: str, kind: str, mode: str, source: Any, auth: Any) -> None:
    parts = f"{HOST}<device path='iqn.x'/><dir path='/d'/><name>n</name>{AUTH if auth else ''}"
    document = f"<pool type='{pool}'><source>{parts}</source></pool>"
    one = found(document, Volume("p", "v", "/v", "/v", type=kind, format="raw"), disk(mode))
    hosts = ({"name": "h", "port": "1"},) if "protocol" in source else ()
    assert (dict(one.source), one.hosts, dict(one.auth)) == (source, hosts, auth)
    assert one.type == ("network" if hosts else kind)


@pytest.mark.parametrize(
    ("kind", "format", "read"),
    [
        ("block", "none", "raw"),
        ("block", None, "raw"),
        ("file", "iso", "raw"),
        ("file", "qcow2", "qcow2"),
        ("file", "raw", "raw"),
    ],
)
def test_how_it_is_read(kind: str, format: str, read: str) -> None:
    document = "<pool type='disk'/>"
    assert found(document, Volume("p", "v", "/v", "/v", type=kind, format=format), disk()).format == read


def test_what_qemu_does_not_reach_is_refused() -> None:
    with pytest.raises(UnsupportedConfig, match="cannot reach"):
        found("<pool type='vstorage'/>", Volume("p", "v", "/v", "/v", type="netdir"), disk())


def test_what_runs_differs_in_nothing_from_the_definition() -> None:
    document = disk()
    running = placed(document, {("p", "unit:0:0:7", ""): Placed("file", {"file": "/v"}, format="qcow2")})
    assert "/v" in to_text(running) and "qcow2" in to_text(running)
    driver = document.find("devices/disk")
    assert driver is not None and driver.find("driver") is None
    other = parse(to_text(document).replace("<source", "<driver name='qemu'/><source"))
    assert "/v" not in to_text(persistent_form(running))
    assert "qcow2" not in to_text(running_form(running, other))
