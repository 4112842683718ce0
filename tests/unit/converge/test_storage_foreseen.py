# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools and volumes that cannot be made: a check says it in the words of a run, and neither has done anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable, Mapping

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.elements import reader
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.many import converge_many, read_elements
from ansible_collections.corral.virt.plugins.module_utils.converge.pool import converge_pool
from ansible_collections.corral.virt.plugins.module_utils.converge.volume import converge_volume
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CommandFailed,
    CorralError,
    HostError,
    InvalidArgument,
    MissingProgram,
    OperationDenied,
    OperationInvalid,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake_files import FakeFile
from ansible_collections.corral.virt.plugins.modules import pool, volume
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import Guests, PoolHost, driver_on
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import volume as document

NOTES = "/var/lib/corral/volumes/"
Options = dict[str, Any]
DEVICE, MIB = "/dev/sdb", 1 << 20
DIR: Options = {"name": "p", "target": "/srv/p"}
DISK: Options = {"name": "p", "type": "disk", "source": {"device": DEVICE, "format": "gpt"}}
FS: Options = {"name": "p", "type": "fs", "source": {"device": DEVICE, "format": "ext4"}, "target": "/srv/p"}
LVM: Options = {"name": "p", "type": "logical", "source": {"device": DEVICE, "name": "vg"}}
FORMATTED = [DISK, FS, LVM]


@pytest.fixture
def host() -> PoolHost:
    return PoolHost()


def told(module: Any, work: Callable[[Job], Any], host: PoolHost, options: Options, check: bool, guests: Any) -> Any:
    """What a module says of its options on this host."""
    parts = [part for part in vars(module).values() if type(part).__name__ == "Spec" and part.options]
    read, wrong = reader([part for part in parts if "uri" not in part.options], lambda _text: None)(options)
    assert not wrong
    connection = SimpleNamespace(storage=driver_on(host, guests=guests, read_only=check))
    return work(Job(connection, read, check_mode=check))  # type: ignore[arg-type]


def contents(files: Mapping[str, FakeFile]) -> dict[str, bytes]:
    """What is in files, without what we have noted of the formats that they seem to have."""
    return {path: each.data for path, each in files.items() if each.kind == "file" and not path.startswith(NOTES)}


def refused(
    module: Any, work: Callable[[Job], Any], host: PoolHost, options: Options, guests: Any = None
) -> CorralError:
    """The error of a check, which a run raises too; neither changes anything."""
    before, found = dict(host.files), []
    for check in (True, False):
        with pytest.raises(CorralError) as failure:
            told(module, work, host, options, check, guests or Guests())
        assert "done" not in failure.value.details, "a step was done before"
        assert contents(host.files) == contents(before)
        found.append(failure.value)
    assert (str(found[0]), type(found[0]), found[0].hint) == (str(found[1]), type(found[1]), found[1].hint)
    return found[1]


def no_pool(host: PoolHost, options: Options) -> CorralError:
    """Why a pool cannot be made."""
    error = refused(pool, converge_pool, host, options)
    assert not driver_on(host).list_pools()
    return error


def made(host: PoolHost, options: Options, **rest: Any) -> list[str]:
    """The steps of a check, which are those of the run."""
    steps = [
        [step["action"] for step in told(pool, converge_pool, host, {**options, **rest}, check, Guests())["actions"]]
        for check in (True, False)
    ]
    assert steps[0] == steps[1]
    return steps[1]


# pools that are built


@pytest.mark.parametrize("state", [{"state": "built"}, {"state": "active", "build": True}])
@pytest.mark.parametrize("options", FORMATTED)
def test_a_device_that_holds_something_is_no_pool(host: PoolHost, options: Options, state: Options) -> None:
    host.marks[DEVICE] = "xfs"
    error = no_pool(host, {**options, **state})
    assert isinstance(error, OperationInvalid) and "holds xfs already" in str(error)
    assert made(host, options, **state, overwrite=True)[:2] == ["define", "build"]


@pytest.mark.parametrize("options", FORMATTED)
def test_what_a_build_needs(host: PoolHost, options: Options) -> None:
    missing: Options = {**options, "source": {**options["source"], "device": "/dev/sdx"}}
    assert isinstance(no_pool(host, {**missing, "state": "built"}), HostError)
    host.mounts["/mnt"] = DEVICE
    assert isinstance(no_pool(host, {**options, "state": "built", "overwrite": True}), OperationDenied)


@pytest.mark.parametrize(("options", "program"), [(FS, "mkfs.ext4"), (LVM, "vgcreate"), (DISK, "wipefs")])
def test_a_program_that_builds_and_is_not_there(host: PoolHost, options: Options, program: str) -> None:
    del host.programs[program]
    error = no_pool(host, {**options, "state": "built"})
    assert isinstance(error, MissingProgram) and error.hint


def test_a_file_system_that_nothing_can_make(host: PoolHost) -> None:
    auto = {**FS, "source": {"device": DEVICE, "format": "auto"}, "state": "built"}
    assert isinstance(no_pool(host, auto), UnsupportedConfig)


def test_a_file_in_the_place_of_the_directory(host: PoolHost) -> None:
    host.write("/srv/p", b"")
    assert "is a file" in str(no_pool(host, {"name": "p", "target": "/srv/p", "state": "built"}))


def test_a_device_that_the_pool_itself_has_now(host: PoolHost) -> None:
    assert made(host, FS, state="active", build=True) == ["define", "build", "start"]
    again = {**FS, "target": "/srv/q", "state": "active", "build": True, "overwrite": True, "apply": "restart"}
    assert "build" in made(host, again)


# volumes


def pool_of(host: PoolHost, options: Options) -> None:
    """An active pool."""
    made(host, options, state="active", build=True)


def no_volume(host: PoolHost, options: Options, guests: Any = None) -> CorralError:
    """Why a volume cannot be made or changed."""
    return refused(volume, converge_volume, host, {"pool": "p", **options}, guests)


def parts(host: PoolHost, *sizes: int) -> None:
    """Let the disk have some partitions, one after the other, and free space behind them."""
    rows, start = [f"BYT;\n{DEVICE}:{64 * MIB}B:scsi:512:512:gpt::;"], MIB
    for number, size in enumerate(sizes, 1):
        rows.append(f"{number}:{start}B:{start + size - 1}B:{size}B:::;")
        start += size
    rows.append(f"1:{start}B:{63 * MIB - 1}B:{63 * MIB - start}B:free;")
    text = "\n".join(rows).encode() + b"\n"
    host.add_program("parted", lambda argv, _stdin: Completed(argv, 0, text, b""))


PARTITIONS: list[tuple[Options, str]] = [
    ({"name": "foo", "capacity": "8MiB"}, "cannot be named 'foo'"),
    ({"name": "foo", "image": "http://127.0.0.1:9/none"}, "cannot be named 'foo'"),
    ({"name": "sdb3", "capacity": "8MiB"}, "The next partition of pool p is sdb2, not sdb3"),
    ({"name": "sdb2", "capacity": "80MiB"}, "no free space of"),
]


@pytest.mark.parametrize(("options", "words"), PARTITIONS)
def test_partitions_that_cannot_be_made(host: PoolHost, options: Options, words: str) -> None:
    pool_of(host, DISK)
    parts(host, 8 * MIB)
    assert words in str(no_volume(host, options))


def test_partitions_of_a_list_stand_one_behind_the_other(host: PoolHost) -> None:
    pool_of(host, DISK)
    parts(host, 8 * MIB)
    driver = driver_on(host)
    beside = [driver.normalise_volume("p", document("sdb2", size=30 * MIB))]
    driver.check_new_volume("p", document("sdb3", size=20 * MIB), beside=beside)
    with pytest.raises(InvalidArgument, match="next partition of pool p is sdb3"):
        driver.check_new_volume(
            "p", document("sdb2", size=MIB), beside=[driver.normalise_volume("p", document("sdb2", size=MIB))]
        )
    with pytest.raises(HostError, match="no free space"):
        driver.check_new_volume("p", document("sdb3", size=30 * MIB), beside=beside)
    driver.check_new_volume("p", document("sdb1", size=62 * MIB))  # the old one of that name goes first


def test_a_list_of_partitions_is_checked_as_it_is_made(host: PoolHost) -> None:
    pool_of(host, DISK)
    parts(host)
    names = [{"name": f"sdb{number}"} for number in (1, 2, 3)]
    options = {"volumes": names, "pool": "p", "capacity": "8MiB"}
    wanted = reader([part for part in vars(volume).values() if type(part).__name__ == "Spec" and part.options], print)
    found = read_elements(volume.VOLUMES, options, wanted)
    job = Job(SimpleNamespace(storage=driver_on(host)), {}, check_mode=True)  # type: ignore[arg-type]
    said = converge_many(job, volume.VOLUMES, found, converge_volume, parallel=4)
    assert [row.get("msg") for row in said["results"]] == [None] * 3


def test_what_is_below_a_disk_of_a_guest_keeps_its_size(host: PoolHost) -> None:
    pool_of(host, DIR)
    driver = driver_on(host)
    driver.create_volume("p", document("base", size=1 << 20, kind="qcow2"))
    more = "<backingStore><path>/srv/p/base</path><format type='qcow2'/></backingStore>"
    driver.create_volume("p", document("top", size=1 << 20, kind="qcow2", more=more))
    file = "<source file='/srv/p/{}'/>"
    below = f"<backingStore type='file'>{file.format('base')}</backingStore>"
    for disk in (file.format("top"), file.format("top") + below):
        guests = Guests(web=f"<disk type='file'>{disk}</disk>")
        error = no_volume(host, {"name": "base", "capacity": "2MiB"}, guests)
        assert isinstance(error, OperationInvalid) and "a layer below a disk of guest web" in str(error)
        assert not guests.resized
        driver_on(host, guests=guests).resize_volume("p", "top", 2 << 20)
        assert guests.resized == [("web", "/srv/p/top", 2 << 20)]
    node = host.stat("/srv/p/base")
    assert node is not None
    host.add_file("/proc/locks", b"1: OFDLCK ADVISORY READ -1 00:2a:%d 100 101\n" % node.inode)
    assert "open in a program" in str(no_volume(host, {"name": "base", "capacity": "2MiB"}))


def test_a_volume_group_has_room_for_its_volumes(host: PoolHost) -> None:
    pool_of(host, LVM)
    assert "and pool p has 1073741824 left" in str(no_volume(host, {"name": "v", "capacity": "2GiB"}))
    assert made_volume(host, {"name": "v", "capacity": "4MiB"}) == ["create"]
    assert "takes 4294967296 bytes" in str(no_volume(host, {"name": "v", "capacity": "4100MiB"}))
    driver = driver_on(host)
    beside = [driver.normalise_volume("p", document("w", size=1000 * MIB))]
    driver.check_new_volume("p", document("x", size=16 * MIB), beside=beside)
    with pytest.raises(HostError, match="has 20971520 left"):
        driver.check_new_volume("p", document("x", size=24 * MIB), beside=beside)


IMAGES = ["/none.xz", {"path": "/none.raw", "checksum": f"sha256:{'a' * 64}"}, "file:///none", "/srv"]


@pytest.mark.parametrize("image", IMAGES)
def test_images_of_the_host_that_are_not_there(host: PoolHost, image: Any) -> None:
    pool_of(host, DIR)
    error = no_volume(host, {"name": "v", "image": image})
    assert isinstance(error, HostError) and error.hint == "Correct the path."
    assert "on this host" in str(error) or "is a directory" in str(error)


def test_images_of_the_host_that_cannot_be_used(host: PoolHost) -> None:
    pool_of(host, DIR)
    host.add_file("/packed.zst", b"\x28\xb5\x2f\xfd")
    del host.programs["zstd"]
    assert isinstance(no_volume(host, {"name": "v", "image": "/packed.zst"}), MissingProgram)
    host.add_file("/plain.raw", bytes(512))
    listed = {"path": "/plain.raw", "checksum": "sha256:file:///SUMS"}
    assert "/SUMS" in str(no_volume(host, {"name": "v", "image": listed}))


@pytest.mark.parametrize("options", [{"state": "wiped", "wipe": "dod"}, {"state": "absent", "wipe": "dod"}])
def test_a_wipe_without_its_program(host: PoolHost, options: Options) -> None:
    pool_of(host, DIR)
    driver_on(host).create_volume("p", document("v", size=512))
    del host.programs["scrub"]
    error = no_volume(host, {"name": "v", **options})
    assert isinstance(error, MissingProgram) and error.hint == "Install scrub."
    assert made_volume(host, {"name": "v", "state": "wiped", "wipe": "zero"}) == ["wipe"]


def made_volume(host: PoolHost, options: Options) -> list[str]:
    """The steps of a check, which are those of the run."""
    options = {"pool": "p", **options}
    steps = [
        [step["action"] for step in told(volume, converge_volume, host, options, check, Guests())["actions"]]
        for check in (True, False)
    ]
    assert steps[0] == steps[1]
    return steps[1]


def test_a_file_that_is_larger_than_its_file_system_can_hold(host: PoolHost) -> None:
    pool_of(host, DIR)
    host.mounts["/srv"] = "/dev/sdc"
    error = no_volume(host, {"name": "v", "capacity": "900TiB", "allocation": "0B"})
    assert "Volume v would be a file of" in str(error) and "qcow2" in str(error.hint)
    host.mounts.clear()
    said = b"qemu-img: %s: The image size is too large for file format 'raw'\n"
    host.add_program("qemu-img", lambda argv, _stdin: Completed(argv, 1, b"", said % argv[-2].encode()))
    options = {"pool": "p", "name": "v", "capacity": "900TiB", "allocation": "0B"}
    with pytest.raises(HostError, match="holds no files of that size; volume v was not made"):
        told(volume, converge_volume, host, options, False, Guests())
    said = b"qemu-img: %s: Something else\n"
    with pytest.raises(CommandFailed, match="qemu-img ended with 1: qemu-img: volume v: Something else"):
        told(volume, converge_volume, host, options, False, Guests())


def test_a_volume_that_is_made_anew_keeps_its_size(host: PoolHost) -> None:
    pool_of(host, DIR)
    assert made_volume(host, {"name": "v", "capacity": "1MiB", "format": "raw"}) == ["create"]
    assert made_volume(host, {"name": "v", "format": "qcow2", "force": True}) == ["delete", "create"]
    found = driver_on(host).lookup_volume("p", "v")
    assert (found.format, found.capacity) == ("qcow2", MIB)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "qcow2"}, "nothing says how large it is to be"),
        ({"capacity": "0B"}, "capacity: a volume of no bytes"),
    ],
)
def test_sizes_are_named_as_options(host: PoolHost, options: Options, words: str) -> None:
    pool_of(host, DIR)
    error = no_volume(host, {"name": "v", **options})
    assert words in str(error) and "<" not in str(error)


def test_an_empty_disk_is_called_so(host: PoolHost) -> None:
    error = no_pool(host, {"name": "p", "type": "disk", "source": {"device": DEVICE}, "state": "active"})
    assert f"The disk {DEVICE} is empty: it has no partition table yet." in str(error)
    assert "state: built" in str(error.hint)
    host.marks[DEVICE] = "ext4"
    error = no_pool(host, {"name": "p", "type": "disk", "source": {"device": DEVICE}, "state": "active"})
    assert "no partition table of the format 'dos'; it holds ext4" in str(error)


def test_what_keeps_a_directory_from_being_deleted_is_said(host: PoolHost) -> None:
    pool_of(host, DIR)
    host.add_file("/srv/p/hole.img", bytes(513))
    error = refused(pool, converge_pool, host, {"name": "p", "state": "absent", "delete": True})
    assert "hole.img, which was not made here and is taken for no disk: 513 bytes" in str(error)
