# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage driver on a host in memory: what pools are refused, what is missing and mended, who uses what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.tables import TABLES
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Content, Declined, Request
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.driver import HostStorage
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.open import open_driver
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import make
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    HostError,
    InvalidArgument,
    NotFound,
    OperationDenied,
    OperationFailed,
    OperationInvalid,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import POOL
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import (
    EXTENT,
    Guests,
    PoolHost,
    driver_on,
    pool,
    volume,
)

FILE = "<disk type='file'><source file='{path}'/></disk>"


@pytest.fixture
def host() -> PoolHost:
    return PoolHost()


def active(host: PoolHost, kind: str = "dir", **more: str) -> None:
    """Let a pool be active."""
    driver = driver_on(host)
    name = driver.define_pool(pool(kind, **more)).name
    driver.build_pool(name)
    driver.start_pool(name)


@pytest.mark.parametrize("kind", ["dir", "fs", "logical", "disk"])
def test_a_start_is_foreseen(host: PoolHost, kind: str) -> None:
    driver = driver_on(host)
    document = driver.normalise_pool(pool(kind))
    driver.check_pool(document, start=False)
    with pytest.raises(OperationFailed, match="cannot be started") as failure:
        driver.check_pool(document, start=True)
    assert "build: true" in failure.value.hint
    driver.define_pool(document)
    driver.build_pool("a")
    driver.check_pool(document, start=True)
    driver.start_pool("a")
    driver.check_pool(document, start=True)  # what an active pool has is let go first


def layer(path: str) -> str:
    return f"<backingStore><path>{path}</path><format type='qcow2'/></backingStore>"


# opening


def test_it_stands_beside_the_qemu_driver_only(host: PoolHost) -> None:
    assert isinstance(open_driver(Request(None, host)), Declined)
    assert [row.name for row in TABLES["storage"]] == ["test", "storage"]


def test_the_default_pool_is_the_directory_of_images(host: PoolHost) -> None:
    driver = driver_on(host)
    found = driver.define_pool(driver.default_pool())
    assert (found.name, found.type, found.target) == ("default", "dir", "/var/lib/corral/images")
    assert driver.pool_is_built("default")
    assert driver.start_pool("default").available == 50 << 30


# what is refused


def test_a_device_belongs_to_one_pool_under_whatever_name(host: PoolHost) -> None:
    driver = driver_on(host)
    driver.define_pool(pool("fs"))
    host.symlink("/dev/sdb", "/dev/alias")
    for kind in ("fs", "disk", "logical"):
        with pytest.raises(AlreadyExists, match="has the source of pool"):
            driver.define_pool(pool(kind, name="b", path="/srv/b", device="/dev/alias"))


@pytest.mark.parametrize("path", ["/srv/a/inner", "/srv", "/srv/link/inner"])
def test_a_pool_within_another_is_refused(host: PoolHost, path: str) -> None:
    driver = driver_on(host)
    driver.define_pool(pool())
    host.symlink("/srv/a", "/srv/link")
    with pytest.raises(AlreadyExists, match="overlap"):
        driver.define_pool(pool(name="b", path=path))


def test_a_neighbour_of_a_similar_name_is_not_within(host: PoolHost) -> None:
    driver = driver_on(host)
    driver.define_pool(pool())
    assert driver.define_pool(pool(name="b", path="/srv/ab")).name == "b"


@pytest.mark.parametrize("kind", ["disk", "logical"])
def test_a_mounted_device_is_refused(host: PoolHost, kind: str) -> None:
    host.mounts["/mnt"] = "/dev/sdb"
    with pytest.raises(OperationDenied, match="is mounted on /mnt"):
        driver_on(host).define_pool(pool(kind))


@pytest.mark.parametrize("kind", ["fs", "disk", "logical"])
def test_nothing_that_is_in_use_is_built_upon_whatever_is_said(host: PoolHost, kind: str) -> None:
    driver = driver_on(host)
    driver.define_pool(pool(kind))
    host.mounts["/mnt"] = "/dev/sdb"
    with pytest.raises(OperationDenied, match="is mounted on /mnt"):
        driver.build_pool("a", overwrite=True)
    assert host.marks == {}


@pytest.mark.parametrize("kind", ["fs", "disk", "logical"])
def test_a_device_that_a_guest_has_open_is_not_built_upon(host: PoolHost, kind: str) -> None:
    driver = driver_on(host)
    driver.define_pool(pool(kind))
    node = host.stat("/dev/sdb")
    assert node is not None
    host.add_file("/proc/locks", f"1: OFDLCK ADVISORY  READ -1 00:06:{node.inode} 101 101\n".encode())
    with pytest.raises(OperationInvalid, match="is open in a program"):
        driver.build_pool("a", overwrite=True)
    assert host.marks == {}


@pytest.mark.parametrize(
    "act",
    [
        lambda driver: driver.wipe_volume("a", "one"),
        lambda driver: driver.upload_volume("a", "one", "/srv/other"),
        lambda driver: driver.resize_volume("a", "one", EXTENT // 2, shrink=True),
        lambda driver: driver.delete_volume("a", "one"),
    ],
)
def test_a_volume_that_the_host_has_mounted_is_left_alone(host: PoolHost, act: Callable[[HostStorage], object]) -> None:
    active(host, "logical")
    driver = driver_on(host)
    driver.create_volume("a", volume("one"))
    host.add_file("/srv/other", bytes(512))
    host.mounts["/mnt"] = host.resolve("/dev/vg/one")
    host.calls.clear()
    with pytest.raises(OperationInvalid, match="is mounted on /mnt"):
        act(driver)
    assert {argv[0] for verb, argv in host.calls if verb == "run"} <= {"lsblk", "lvs", "vgs"}
    host.mounts.clear()
    act(driver)


@pytest.mark.parametrize("kind", ["fs", "disk", "logical"])
def test_data_is_overwritten_only_where_that_is_said(host: PoolHost, kind: str) -> None:
    driver = driver_on(host)
    driver.define_pool(pool(kind))
    host.marks["/dev/sdb"] = "btrfs"
    with pytest.raises(OperationInvalid, match="holds btrfs already"):
        driver.build_pool("a")
    assert host.marks == {"/dev/sdb": "btrfs"}
    driver.build_pool("a", overwrite=True)
    assert driver.pool_is_built("a")
    assert host.marks["/dev/sdb"] != "btrfs"


def test_what_is_built_is_not_formatted_again(host: PoolHost) -> None:
    driver = driver_on(host)
    driver.define_pool(pool("fs"))
    driver.build_pool("a")
    host.disks["/dev/sdb"]["precious"] = host.files["/dev/sdb"]
    driver.build_pool("a")
    assert "precious" in host.disks["/dev/sdb"]


@pytest.mark.parametrize("kind", ["dir", "disk", "logical"])
def test_a_pool_that_was_not_built_does_not_start(host: PoolHost, kind: str) -> None:
    driver = driver_on(host)
    driver.define_pool(pool(kind))
    with pytest.raises(OperationFailed, match="cannot be started"):
        driver.start_pool("a")
    assert not driver.lookup_pool("a").active


def test_what_is_no_device_is_no_source(host: PoolHost) -> None:
    driver = driver_on(host)
    host.add_file("/srv/file")
    with pytest.raises(HostError, match="is a file, and no block device"):
        driver.define_pool(pool("disk", device="/srv/file"))


def test_a_directory_of_the_host_is_no_pool_and_is_never_removed(host: PoolHost) -> None:
    driver = driver_on(host)
    with pytest.raises(XmlError, match="a directory of the host itself"):
        driver.define_pool(pool(path="/etc"))
    host.add_directory("/usr", mode=0o755)
    host.symlink("/usr", "/srv/usr")
    with pytest.raises(OperationDenied, match="leads to /usr"):
        driver.define_pool(pool(path="/srv/usr"))
    driver.define_pool(pool(more="<permissions><mode>0777</mode></permissions>"))
    host.symlink("/usr", "/srv/a")
    for act in (driver.build_pool, driver.start_pool):
        with pytest.raises(OperationDenied, match="leads to /usr"):
            act("a")
    with pytest.raises(OperationDenied, match="never removed"):
        driver.delete_pool("a")
    assert host.files["/usr"].mode == 0o755
    host.remove("/srv/a")
    driver.build_pool("a")
    driver.start_pool("a")
    del host.files["/srv/a"]
    host.symlink("/usr", "/srv/a")
    with pytest.raises(OperationDenied, match="leads to /usr"):
        driver.mend_pool("a")
    assert host.files["/usr"].mode == 0o755


@pytest.mark.parametrize("path", ["//etc", "/etc/.", "/./etc/", "/srv/../etc"])
def test_a_directory_of_the_host_by_another_spelling(host: PoolHost, path: str) -> None:
    with pytest.raises((OperationDenied, XmlError), match="etc"):
        driver_on(host).define_pool(pool(path=path))


def test_only_root_has_pools_of_devices(host: PoolHost) -> None:
    driver = driver_on(host)
    driver.define_pool(pool("fs"))
    host.identity = (1000, 1000)
    with pytest.raises(OperationDenied, match="needs root"):
        driver.build_pool("a")


# deleting


def test_only_what_is_the_pool_s_is_deleted(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    driver.create_volume("a", volume("one", kind="qcow2"))
    driver.create_volume("a", volume("two"))
    driver.destroy_pool("a")
    assert driver.check_pool_deletion("a") == ["/srv/a/one", "/srv/a/two", "/srv/a"]
    for kind, path in (("file", "/srv/a/notes"), ("directory", "/srv/a/folder"), ("fifo", "/srv/a/pipe")):
        if kind == "file":
            host.add_file(path, b"not an image")
        else:
            host.add_node(path, kind)
        words = "12 bytes are no whole sectors of 512" if kind == "file" else "which is no volume"
        with pytest.raises(OperationInvalid, match=words):
            driver.delete_pool("a")
        assert "/srv/a/one" in host.files
        del host.files[path]
    for data in (b"SQLite format 3\0".ljust(512), b"a".ljust(257) + b"ustar".ljust(255), b"\x1f\x8b".ljust(512)):
        host.add_file("/srv/a/kept", data)
        with pytest.raises(OperationInvalid, match="holds kept, which was not made here and begins as an archive"):
            driver.delete_pool("a")
        del host.files["/srv/a/kept"]
    host.add_file("/srv/a/found", b"MBR".ljust(512))
    host.files["/srv/a/two"] = replace(
        host.files["/srv/a/two"], data=b"#!".ljust(512)
    )  # a guest may write what it likes
    driver.delete_pool("a")
    assert not any(path.startswith("/srv/a") for path in host.files)


def test_links_out_of_the_pool_are_nobody_s_volumes(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    host.add_file("/root/disk", bytes(1024))
    host.symlink("/root/disk", "/srv/a/link")
    assert driver.list_volumes("a") == []
    driver.destroy_pool("a")
    with pytest.raises(OperationInvalid, match="holds link"):
        driver.delete_pool("a")
    assert "/root/disk" in host.files


def test_a_file_system_with_something_foreign_in_it_stays(host: PoolHost) -> None:
    active(host, "fs")
    host.add_file("/srv/a/notes", b"mine")
    driver = driver_on(host)
    with pytest.raises(OperationInvalid, match="holds notes"):
        driver.check_pool_deletion("a")
    driver.destroy_pool("a")
    with pytest.raises(OperationInvalid, match="holds notes"):
        driver.delete_pool("a")
    assert host.mounts == {}
    assert "notes" in host.disks["/dev/sdb"]


def test_a_pool_that_is_active_or_used_is_not_deleted(host: PoolHost) -> None:
    active(host)
    with pytest.raises(OperationInvalid, match="is active"):
        driver_on(host).delete_pool("a")
    driver_on(host).create_volume("a", volume())
    driver_on(host).destroy_pool("a")
    with pytest.raises(OperationInvalid, match="while guest g uses it"):
        driver_on(host, guests=Guests(g=FILE.format(path="/srv/a/one"))).delete_pool("a")


def test_the_data_of_a_server_is_not_deleted(host: PoolHost) -> None:
    driver = driver_on(host)
    document = "<name>a</name><source><host name='h'/><device path='iqn.2026-01.example:disks'/></source>"
    driver.define_pool(parse(f"<pool type='iscsi'>{document}</pool>"))
    with pytest.raises(OperationInvalid, match="is not deleted from here"):
        driver.check_pool_deletion("a")


# what is missing


def test_a_directory_that_has_gone_is_made_again(host: PoolHost) -> None:
    active(host, more="<permissions><mode>0750</mode></permissions>")
    driver = driver_on(host)
    del host.files["/srv/a"]
    assert [fault.what for fault in driver.pool_faults("a")] == ["directory"]
    with pytest.raises(OperationInvalid, match="is not there"):
        driver.list_volumes("a")
    driver.mend_pool("a")
    assert host.files["/srv/a"].mode == 0o750
    assert driver.pool_faults("a") == []


def test_permissions_are_looked_after(host: PoolHost) -> None:
    active(host, more="<permissions><mode>0750</mode><owner>3</owner></permissions>")
    host.change_mode("/srv/a", 0o777)
    host.change_owner("/srv/a", 0, 0)
    driver = driver_on(host)
    (fault,) = driver.pool_faults("a")
    assert "the owner is 0 and not 3 and the mode is 0777 and not 0750" in fault.detail
    driver.mend_pool("a")
    assert (host.files["/srv/a"].mode, host.files["/srv/a"].owner) == (0o750, (3, 0))


def test_a_stranger_s_mount_on_the_target_is_left_alone(host: PoolHost) -> None:
    active(host, "fs")
    driver = driver_on(host)
    host.mounts["/srv/a"] = "/dev/sdc"
    assert [fault.what for fault in driver.pool_faults("a")] == ["device"]
    with pytest.raises(OperationFailed, match="/dev/sdc is mounted"):
        driver.mend_pool("a")
    driver.destroy_pool("a")
    assert host.mounts == {"/srv/a": "/dev/sdc"}


def test_a_group_that_was_deactivated_is_activated(host: PoolHost) -> None:
    active(host, "logical")
    driver = driver_on(host)
    driver.create_volume("a", volume())
    host.run(("vgchange", "-aln", "vg"))
    assert [fault.what for fault in driver.pool_faults("a")] == ["group"]
    driver.mend_pool("a")
    assert driver.pool_faults("a") == []


def test_an_inactive_pool_lacks_nothing(host: PoolHost) -> None:
    driver = driver_on(host)
    driver.define_pool(pool())
    assert driver.pool_faults("a") == []
    with pytest.raises(OperationInvalid, match="is not active"):
        driver.mend_pool("a")
    with pytest.raises(NotFound):
        driver.pool_faults("b")


# guests


def test_who_uses_a_pool_and_its_volumes(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    driver.create_volume("a", volume("base", kind="qcow2"))
    driver.create_volume("a", volume("top", kind="qcow2", more=layer("/srv/a/base")))
    driver.create_volume("a", volume("other", kind="qcow2"))
    guests = Guests(
        g=FILE.format(path="/srv/a/top"),
        h="<disk type='volume'><source pool='a' volume='other'/></disk>",
        i=FILE.format(path="/var/lib/corral/images/x"),
    )
    driver = driver_on(host, guests=guests)
    assert driver.pool_guests("a") == ["g", "h"]
    assert driver.volume_guests("a", "top") == ["g"]
    assert driver.volume_guests("a", "base") == ["g"]
    assert driver.volume_guests("a", "other") == ["h"]
    with pytest.raises(OperationInvalid, match="in use by guest h"):
        driver.delete_volume("a", "other")


def test_the_disk_of_a_guest_is_resized_by_its_qemu(host: PoolHost) -> None:
    active(host)
    driver_on(host).create_volume("a", volume("one", kind="qcow2"))
    guests = Guests(g=FILE.format(path="/srv/a/one"))
    driver = driver_on(host, guests=guests)
    driver.resize_volume("a", "one", 32 << 20)
    assert guests.resized == [("g", "/srv/a/one", 32 << 20)]
    with pytest.raises(OperationInvalid, match="cannot be made smaller"):
        driver.resize_volume("a", "one", 512, shrink=True)


# volumes


def test_origins_are_kept_until_the_contents_change(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    host.add_file("/root/image", bytes(4096))
    content = Content(path="/root/image", format="raw", origin="sha256:1")
    assert driver.create_volume("a", volume(size=4096), content=content).origin == "sha256:1"
    assert [each.origin for each in driver.list_volumes("a")] == ["sha256:1"]
    driver.wipe_volume("a", "one")
    assert driver.lookup_volume("a", "one").origin is None
    driver.delete_volume("a", "one")
    assert driver.create_volume("a", volume()).origin is None


@pytest.mark.parametrize("kind", ["dir", "logical"])
def test_files_of_a_copy_are_looked_at_before(host: PoolHost, kind: str) -> None:
    active(host, kind)
    driver = driver_on(host)
    driver.create_volume("a", volume())
    host.add_file("/root/small", bytes(512))
    host.add_file("/root/large", bytes(EXTENT + 1))
    driver.check_transfer("a", "one", source="/root/small", target="/root/new")
    driver.check_transfer("a", None, source="/root/large")
    for name, source, target, words in (
        ("one", "/root/large", None, "Resize the volume first"),
        ("one", "/root", None, "There is no file /root "),
        (None, "/root/none", None, "There is no file"),
        ("one", None, "/none/new", "There is no directory /none "),
    ):
        with pytest.raises(InvalidArgument, match=words):
            driver.check_transfer("a", name, source=source, target=target)


def test_an_origin_is_that_of_one_file(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    host.add_file("/root/image", bytes(4096))
    content = Content(path="/root/image", format="raw", origin="sha256:1")
    driver.create_volume("a", volume(size=4096), content=content)
    del host.files["/srv/a/one"]
    host.add_file("/srv/a/one", bytes(512))
    assert driver.lookup_volume("a", "one").origin is None


def test_volumes_of_groups_are_whole_extents_and_rounded_so(host: PoolHost) -> None:
    active(host, "logical")
    done = driver_on(host).normalise_volume("a", volume(size=1))
    assert done.findtext("capacity") == str(4 << 20)


def test_the_owner_of_a_volume_of_a_group_is_that_of_what_its_name_leads_to(host: PoolHost) -> None:
    active(host, "logical")
    driver = driver_on(host)
    driver.create_volume("a", volume())
    host.add_node("/dev/dm-0", "block")
    host.remove("/dev/vg/one")
    host.symlink("/dev/dm-0", "/dev/vg/one")
    owned = "<target><permissions><mode>0640</mode><owner>7</owner></permissions></target>"
    driver.update_volume("a", "one", driver.normalise_volume("a", volume(more=owned)), ())
    assert (host.files["/dev/dm-0"].owner[0], host.files["/dev/dm-0"].mode) == (7, 0o640)


def test_a_name_that_is_no_name_is_refused_everywhere(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    for name in ("../x", "a/b", "..", "-rf", ".corral-x"):
        for call in (driver.lookup_volume, driver.volume_xml, driver.delete_volume, driver.wipe_volume):
            with pytest.raises(CorralError):
                call("a", name)
        with pytest.raises(CorralError):
            driver.create_volume("a", volume(name))
    assert not any(path.startswith("/srv/a/") for path in host.files)


# changes


def test_where_a_pool_lies_does_not_change_while_it_is_active(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    wanted = driver.normalise_pool(pool(path="/srv/b"))
    with pytest.raises(OperationInvalid, match="cannot change while it is active"):
        driver.update_pool("a", wanted, compare(driver.pool_xml("a", inactive=True), wanted, POOL))


def test_a_read_only_driver_changes_nothing_by_looking(host: PoolHost) -> None:
    active(host)
    driver_on(host).create_volume("a", volume("one", kind="qcow2"))
    before = dict(host.files)
    driver = driver_on(host, read_only=True)
    driver.list_volumes("a")
    driver.volume_xml("a", "one")
    driver.normalise_volume("a", volume("two"))
    driver.pool_faults("a")
    driver.check_pool_deletion("a")
    assert host.files == before


def test_damaged_files_hide_no_other_pool(host: PoolHost) -> None:
    active(host)
    host.add_file("/etc/corral/pools/bad.xml", b"<pool")
    assert [found.name for found in driver_on(host).list_pools()] == ["a", "bad"]


def test_a_transient_pool_is_forgotten_at_its_end(host: PoolHost) -> None:
    driver = driver_on(host)
    host.add_directory("/srv/a")
    assert not driver.create_pool(pool()).persistent
    with pytest.raises(OperationInvalid, match="transient"):
        driver.set_pool_autostart("a", True)
    driver.destroy_pool("a")
    with pytest.raises(NotFound):
        driver.lookup_pool("a")


@pytest.mark.parametrize("kind", ["logical", "zfs"])
def test_two_pools_on_one_group_are_refused_also_without_devices(host: PoolHost, kind: str) -> None:
    driver = driver_on(host)
    text = f"<pool type='{kind}'><name>{{}}</name><source><name>data</name></source></pool>"
    driver.define_pool(parse(text.format("a")))
    with pytest.raises(AlreadyExists, match="has the source of pool"):
        driver.define_pool(parse(text.format("b")))


def test_what_is_refused_forgets_nothing(host: PoolHost) -> None:
    active(host)
    driver = driver_on(host)
    host.add_file("/srv/image", bytes(EXTENT))
    host.add_file("/srv/large", bytes(2 * EXTENT))
    driver.create_volume("a", volume(), content=Content(path="/srv/image", origin="x"))
    with pytest.raises(InvalidArgument, match="Resize the volume first"):
        driver.upload_volume("a", "one", "/srv/large")
    with pytest.raises(InvalidArgument, match="no algorithm"):
        driver.wipe_volume("a", "one", algorithm="fire")
    assert driver.lookup_volume("a", "one").origin == "x"


def test_who_comes_second_leaves_what_the_first_has_written_down(
    host: PoolHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    active(host)
    first, second = driver_on(host), driver_on(host)
    check = make.check_size
    others: list[object] = []

    def meanwhile(view: Any, filling: Any) -> int:
        """The first makes it after the second has looked, and before the second holds the lock."""
        if not others:
            others.append(1)
            first.create_volume("a", volume(), content=Content(path="/srv/image", origin="x"))
        return check(view, filling)

    host.add_file("/srv/image", bytes(512))
    monkeypatch.setattr(make, "check_size", meanwhile)
    with pytest.raises(AlreadyExists):
        second.create_volume("a", volume(), content=Content(path="/srv/image", origin="y"))
    assert first.lookup_volume("a", "one").origin == "x"
