# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools and volumes of a test host: their life, what is refused, and who uses them."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Content, StorageDriver, contract
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.storage import SimulatedStorage
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    HostError,
    NotFound,
    OperationDenied,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

FILE = "/srv/lab.xml"
URI = f"test://{FILE}"
UUID = "dfe224cb-28fb-8dd0-c4b2-64eb3f0f4566"
GIB = 1 << 30


def document(name: str = "a", inner: str = "") -> Element:
    return parse(f"<pool type='dir'><name>{name}</name>{inner}<target><path>/srv/{name}</path></target></pool>")


def volume(name: str = "v", size: int = GIB, inner: str = "") -> Element:
    return parse(f"<volume><name>{name}</name><capacity>{size}</capacity>{inner}</volume>")


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add_directory("/srv")
    return host


@pytest.fixture
def connection(host: FakeHost) -> Connection:
    return open_connection(URI, host=host)


@pytest.fixture
def storage(connection: Connection) -> StorageDriver:
    return connection.storage


@pytest.fixture
def filled(storage: StorageDriver) -> StorageDriver:
    """A storage with an active pool and a volume in it."""
    storage.define_pool(document())
    storage.build_pool("a")
    storage.start_pool("a")
    storage.create_volume("a", volume())
    return storage


def test_the_pool_of_the_default_host() -> None:
    default = open_connection("test:///default").storage
    (pool,) = default.list_pools()
    assert (pool.name, pool.uuid, pool.active, pool.persistent) == ("default-pool", UUID, True, True)
    assert pool == default.lookup_pool(UUID)
    assert default.pool_is_built("default-pool")
    assert default.create_volume("default-pool", volume()).path == "/default-pool/v"


def test_every_call_that_means_something_here_is_served() -> None:
    left = {name for name in contract(StorageDriver) if getattr(SimulatedStorage, name) is getattr(StorageDriver, name)}
    # of what this node has not: devices, programs, secrets, ...
    checks = {"check_pool_build", "check_image", "check_resize", "check_wipe", "check_transfer", "secrets_used"}
    assert left == {"ignored_pool_parts", "exclusive", *checks}


def test_a_read_only_connection_changes_nothing(host: FakeHost, filled: StorageDriver) -> None:
    storage = open_connection(URI, host=host, read_only=True).storage
    for call in (storage.delete_volume, storage.wipe_volume, storage.resize_volume):
        with pytest.raises(OperationDenied):
            call("a", "v")
    assert [found.name for found in storage.list_volumes("a")] == ["v"]


def test_a_pool_is_built_started_let_go_and_forgotten(storage: StorageDriver) -> None:
    storage.define_pool(document())
    with pytest.raises(HostError, match="is not there"):
        storage.start_pool("a")
    storage.build_pool("a")
    assert storage.start_pool("a").capacity == 100 * GIB
    with pytest.raises(OperationInvalid, match="is active already"):
        storage.start_pool("a")
    with pytest.raises(OperationInvalid, match="let it go before its data"):
        storage.delete_pool("a")
    storage.set_pool_autostart("a", True)
    storage.destroy_pool("a")
    with pytest.raises(OperationInvalid, match="is not active"):
        storage.list_volumes("a")
    assert storage.lookup_pool("a").autostart
    storage.undefine_pool("a")
    with pytest.raises(NotFound):
        storage.lookup_pool("a")


def test_a_transient_pool_is_gone_with_its_end(storage: StorageDriver) -> None:
    assert not storage.create_pool(document()).persistent
    with pytest.raises(AlreadyExists):
        storage.create_pool(document())
    with pytest.raises(OperationInvalid, match="is transient"):
        storage.set_pool_autostart("a", True)
    storage.destroy_pool("a")
    assert storage.list_pools() == []


def test_an_active_pool_stays_where_it_was_started(filled: StorageDriver) -> None:
    moved = parse("<pool type='dir'><name>a</name><target><path>/srv/new</path></target></pool>")
    filled.define_pool(moved)
    assert filled.pool_xml("a").findtext("target/path") == "/srv/a"
    assert filled.pool_xml("a", inactive=True).findtext("target/path") == "/srv/new"
    assert not filled.pool_is_built("a")
    assert filled.lookup_volume("a", "v").path == "/srv/a/v"


def test_rooms_and_documents(filled: StorageDriver) -> None:
    pool = filled.refresh_pool("a")
    assert (pool.allocation, pool.available) == (GIB, 99 * GIB)
    live, kept = filled.pool_xml("a"), filled.pool_xml("a", inactive=True)
    assert (live.findtext("allocation"), kept.find("allocation")) == (str(GIB), None)
    assert live.find("volume") is None
    with pytest.raises(HostError, match="has no room"):
        filled.create_volume("a", volume("w", 200 * GIB))
    assert len(filled.list_volumes("a")) == 1


def test_volumes_are_made_found_and_deleted(filled: StorageDriver) -> None:
    with pytest.raises(AlreadyExists):
        filled.create_volume("a", volume())
    found = filled.lookup_volume("a", "v")
    assert filled.volume_by_path("/srv/a/v") == found
    assert (found.format, found.capacity, found.allocation, found.origin) == ("raw", GIB, GIB, None)
    copy = filled.create_volume(
        "a", parse("<volume><name>w</name></volume>"), content=Content(volume=("a", "v"), origin="volume v of pool a")
    )
    assert (copy.capacity, copy.origin) == (GIB, "volume v of pool a")
    filled.upload_volume("a", "w", "/srv/x")
    assert filled.lookup_volume("a", "w").origin is None
    with pytest.raises(OperationInvalid, match="is larger than"):
        filled.resize_volume("a", "w", GIB // 2)
    filled.resize_volume("a", "w", GIB // 2, shrink=True)
    assert filled.lookup_volume("a", "w").capacity == GIB // 2
    filled.delete_volume("a", "w")
    with pytest.raises(NotFound):
        filled.volume_by_path("/srv/a/w")


def test_what_stands_on_a_volume_keeps_it(connection: Connection, filled: StorageDriver) -> None:
    below = "<target><format type='qcow2'/></target><backingStore><path>/srv/a/v</path></backingStore>"
    filled.create_volume("a", volume("layer", inner=below))
    with pytest.raises(OperationInvalid, match="layer would lose it"):
        filled.delete_volume("a", "v")
    disk = "<disk type='volume' device='disk'><source pool='a' volume='layer'/><target dev='vda'/></disk>"
    guest = f"<domain type='test'><name>g</name><memory>65536</memory><devices>{disk}</devices></domain>"
    connection.hypervisor.define_domain(parse(guest))
    connection.hypervisor.start_domain("g")
    assert filled.volume_guests("a", "v") == filled.pool_guests("a") == ["g"]


def test_deleting_a_pool_forgets_its_volumes(filled: StorageDriver) -> None:
    assert filled.check_pool_deletion("a") == ["/srv/a/v", "/srv/a"]
    filled.destroy_pool("a")
    filled.delete_pool("a")
    assert (filled.check_pool_deletion("a"), filled.pool_is_built("a")) == ([], False)
    filled.build_pool("a")
    filled.start_pool("a")
    assert filled.list_volumes("a") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<pool type='dir'/>", "has no <name>"),
        ("<pool type='dir'><name>a/b</name></pool>", "a slash"),
        ("<pool type='floppy'><name>a</name></pool>", "is not one of dir, fs"),
        ("<pool type='fs'><name>a</name></pool>", "has no <device> in <source>"),
        ("<network><name>a</name></network>", "write a <pool>"),
        ("<pool type='mpath'><name>a</name><uuid>x</uuid></pool>", "is not a uuid"),
    ],
)
def test_what_is_refused(storage: StorageDriver, text: str, said: str) -> None:
    for call in (storage.define_pool, storage.normalise_pool, storage.create_pool):
        with pytest.raises(CorralError, match=said):
            call(parse(text))
    assert storage.list_pools() == []
