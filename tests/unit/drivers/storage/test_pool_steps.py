# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is run to build, start, stop and delete a pool of each type."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Sequence

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete import complete_pool
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types import (
    gluster,
    iscsi,
    iscsi_direct,
    netfs,
    rbd,
    vstorage,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.base import (
    Empty,
    MakeDirectory,
    PoolType,
    RemoveDirectory,
    Run,
    Step,
    commands,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.table import TYPES, pool_type
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, DocumentError, InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, clone, parse

DOCUMENTS = Path(__file__).parent / "documents"


def pool(name: str, **changes: str) -> Pool:
    text = (DOCUMENTS / f"pool-{name}.xml").read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    return Pool(complete_pool(parse(text), (), kept=None, host_id="here"))


def row(found: Pool) -> PoolType:
    kind = pool_type(found.type)
    assert kind is not None
    return kind


def words(steps: Sequence[Step]) -> list[str]:
    """Steps as lines: a command as it is, the others by what they are."""
    return [" ".join(step.argv) if isinstance(step, Run) else str(step) for step in steps]


def made(path: str, mode: int | None = None, owner: int | None = None) -> str:
    return str(MakeDirectory(path, mode, owner, None))


STARTED = {
    "dir": [],
    "fs": [
        made("/srv/scratch"),
        "mount -o nodev,nosuid,noexec,noatime,logbsize=256k -t xfs /dev/disk/by-id/scratch /srv/scratch",
    ],
    "netfs": [
        made("/srv/filer"),
        "mount -o nodev,nosuid,noexec,nfsvers=4.2 -t nfs [2001:db8::2]:/export/images /srv/filer",
    ],
    "logical": ["vgchange -aly vg0"],
    "disk": [],
    "scsi": [],
    "mpath": [],
    "rbd": [],
    "gluster": [],
    "zfs": [],
    "iscsi-direct": [],
    "vstorage": [
        made("/vstorage/cluster1"),
        "vstorage-mount -c cluster1 /vstorage/cluster1 -m 711 -g root -u root",
    ],
}
STOPPED = {
    "fs": ["umount /srv/scratch"],
    "netfs": ["umount /srv/filer"],
    "logical": ["vgchange -aln vg0"],
    "vstorage": ["umount /vstorage/cluster1"],
}
DELETED = {
    "dir": [str(RemoveDirectory("/srv/images"))],
    "fs": ["wipefs --all /dev/disk/by-id/scratch", str(RemoveDirectory("/srv/scratch"))],
    "netfs": [str(RemoveDirectory("/srv/filer"))],
    "logical": ["vgremove vg0", "pvremove /dev/vdb", "pvremove /dev/vdc"],
    "disk": ["wipefs --all /dev/mapper/mpatha"],
    "zfs": ["zfs destroy tank/guests"],
    "vstorage": [str(RemoveDirectory("/vstorage/cluster1"))],
}
BUILT = {
    "dir": [made("/srv/images", 0o711, 107)],
    "fs": [
        made("/srv/scratch"),
        str(Empty("/dev/disk/by-id/scratch", "xfs")),
        "mkfs -t xfs -f /dev/disk/by-id/scratch",
    ],
    "netfs": [made("/srv/filer")],
    "logical": [
        str(Empty("/dev/vdb", "LVM2_member")),
        str(Empty("/dev/vdc", "LVM2_member")),
        "pvcreate /dev/vdb",
        "pvcreate /dev/vdc",
        "vgcreate vg0 /dev/vdb /dev/vdc",
    ],
    "disk": [str(Empty("/dev/mapper/mpatha", "gpt")), "parted --script /dev/mapper/mpatha mklabel gpt"],
    "zfs": ["zfs create -o mountpoint=none tank/guests"],
    "vstorage": [made("/vstorage/cluster1")],
}


@pytest.mark.parametrize("kind", STARTED)
def test_steps(kind: str) -> None:
    found = pool(kind)
    assert words(row(found).start(found)) == STARTED[kind]
    assert words(row(found).stop(found)) == STOPPED.get(kind, [])
    assert words(row(found).delete(found)) == DELETED.get(kind, [])
    assert words(row(found).build(found, False)) == BUILT.get(kind, [])


def test_every_type_is_here() -> None:
    assert {*STARTED, "iscsi"} == set(TYPES)


def test_what_may_be_overwritten() -> None:
    group, disk = pool("logical"), pool("disk")
    built = words(row(group).build(group, True))
    assert built[2:6] == [
        "wipefs --all --force /dev/vdb",
        "wipefs --all --force /dev/vdc",
        "pvcreate --force --yes /dev/vdb",
        "pvcreate --force --yes /dev/vdc",
    ]
    assert "wipefs --all --force /dev/mapper/mpatha" in words(row(disk).build(disk, True))


def test_a_group_that_is_not_made_leaves_no_devices_behind() -> None:
    found = pool("logical")
    undone = [step.undo for step in row(found).build(found, False) if isinstance(step, Run)]
    assert undone == [("pvremove", "/dev/vdb"), ("pvremove", "/dev/vdc"), None]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("fs", {"xfs": "auto"}),
        ("fs", {"xfs": "iso9660"}),
        ("disk", {"gpt": "lvm2"}),
        ("logical", {"<device path='/dev/vdb'/>": "", "<device path='/dev/vdc'/>": ""}),
        ("zfs", {"tank/guests": "tank"}),
    ],
)
def test_what_cannot_be_built(name: str, changes: dict[str, str]) -> None:
    found = pool(name, **changes)
    with pytest.raises(DocumentError):
        row(found).build(found, True)


def test_a_whole_pool_of_zfs() -> None:
    changes = {"<name>tank/guests</name>": "<name>tank</name><device path='/dev/vdb'/>"}
    found = pool("zfs", **changes)
    assert words(row(found).build(found, False))[1:] == ["zpool create tank /dev/vdb"]
    assert words(row(found).build(found, True))[1:] == ["zpool create -f tank /dev/vdb"]
    assert words(row(found).delete(found)) == ["zpool destroy tank"]


def test_a_table_that_is_not_said_is_msdos() -> None:
    found = pool("disk", gpt="unknown")
    assert words(row(found).build(found, False))[-1].endswith("mklabel msdos")


def test_iscsi_logs_in_without_saying_the_password() -> None:
    found = pool("iscsi")
    node = "iscsiadm --mode node --portal san.example.com:3261,1 --targetname iqn.2026-01.com.example:disks"
    iface = f"iscsiadm --mode iface --interface {iscsi.interface_name(found)}"
    assert words(row(found).start(found)) == [
        f"{iface} --op new",
        f"{iface} --op update --name iface.initiatorname --value iqn.2026-01.com.example:host1",
        f"{node} --interface {iscsi.interface_name(found)} --op new",
        f"{node} --op update --name node.startup --value manual",
        f"{node} --op update --name node.session.auth.authmethod --value CHAP",
        f"{node} --op update --name node.session.auth.username --value host1",
        f"{node} --interface {iscsi.interface_name(found)} --login",
    ]
    assert words(row(found).stop(found)) == [
        f"{node} --interface {iscsi.interface_name(found)} --logout",
        f"{node} --op delete",
    ]


def test_the_password_is_in_the_record() -> None:
    record = "# BEGIN RECORD 2.1.8\nnode.name = x\nnode.session.auth.password = old\n# END RECORD\n"
    assert iscsi.with_password(record, "s3cret word") == (
        "# BEGIN RECORD 2.1.8\nnode.name = x\nnode.session.auth.password = s3cret word\n# END RECORD\n"
    )
    for password in ("", "a\nnode.startup = automatic", " a", "a" * 256):
        with pytest.raises(InvalidArgument) as caught:
            iscsi.with_password(record, password)
        assert not password or password not in str(caught.value)


def test_where_records_are() -> None:
    target = "iqn.2026-01.com.example:disks"
    assert iscsi.record_paths(pool("iscsi")) == [
        f"/etc/iscsi/nodes/{target}/san.example.com,3261,1",
        f"/var/lib/iscsi/nodes/{target}/san.example.com,3261,1",
    ]


def test_what_is_mounted_is_known_again() -> None:
    assert netfs.mount_source(pool("netfs")) == "[2001:db8::2]:/export/images"
    assert netfs.mount_source(pool("netfs", nfs="cifs", **{"/export": "export", "<protocol ver='4.2'/>": ""})) == (
        "//2001:db8::2/export/images"
    )
    assert vstorage.mount_source(pool("vstorage")) == "vstorage://cluster1"
    assert gluster.mount_source(pool("gluster")) == "gluster.example.com:/vol0/images"


def test_files_of_gluster() -> None:
    found = pool("gluster")
    assert gluster.volume_path(found, "a.img") == "gluster://gluster.example.com:24007/vol0/images/a.img"
    assert gluster.volume_key(found, "a.img") == "vol0/images/a.img"
    assert gluster.mount_argv(found, "/run/x") == (
        *("mount", "-o", "nodev,nosuid,noexec,direct-io-mode=1", "-t", "glusterfs"),
        *("gluster.example.com:/vol0/images", "/run/x"),
    )


# Values that a program would take for something else than a value, in whatever place of a document they stand.
HOSTILE = ("-x", "--config=/tmp/x", "a\nb", "/dev/../etc/shadow", "a\tb")


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("pool-*.xml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_becomes_an_option(path: Path, value: str) -> None:
    document = parse(path.read_text(encoding="utf-8"))
    for number, element in enumerate(document.iter()):
        for name in [None, *element.attrib]:
            changed = clone(document)
            place = list(changed.iter())[number]
            if name is not None:
                place.set(str(name), value)
            elif (element.text or "").strip():
                place.text = value
            for argv in _argvs(changed):
                assert value not in argv or (value, place.tag) in HARMLESS


# A user of CHAP may be called as he likes; the word stands behind --value, and is no path.
HARMLESS = {("/dev/../etc/shadow", "auth")}


def _argvs(document: Element) -> list[Sequence[str]]:
    """Everything that could be run for a pool; nothing for one that is refused."""
    try:
        found = Pool(complete_pool(document, (), kept=None, host_id="here"))
    except CorralError:
        return []
    kind = row(found)
    listed = [] if kind.looking is None else [kind.looking.volumes(found), kind.looking.room(found)]
    asked = [rbd.images_argv(found, None), rbd.room_argv(found, None)] if found.type == "rbd" else []
    direct = [iscsi_direct.units_argv(found)] if found.type == "iscsi-direct" else []
    built: list[Step] = []
    with suppress(CorralError):
        built = kind.build(found, True)
    steps = [*built, *kind.start(found), *kind.stop(found), *kind.delete(found)]
    return [*commands(steps), *listed, *asked, *direct]
