# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What programs print of pools and volumes, read."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types import (
    iscsi,
    iscsi_direct,
    logical,
    rbd,
    scsi,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.base import Looking, PoolType, Room
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.devices import (
    blocks_argv,
    in_use,
    read_blocks,
    read_signatures,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.mounts import mounted_on, read_mounts
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.table import pool_type
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.plugins.module_utils.model.storage.options import RBD_NAMESPACE
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse


def pool(kind: str, source: str, target: str = "/dev/vg", rest: str = "") -> Pool:
    text = f"<pool type='{kind}' xmlns:rbd='{RBD_NAMESPACE}'><name>p</name><source>{source}</source>"
    return Pool(parse(f"{text}<target><path>{target}</path></target>{rest}</pool>"))


def looking(found: Pool) -> Looking:
    row: PoolType | None = pool_type(found.type)
    assert row is not None and row.looking is not None
    return row.looking


GROUP = pool("logical", "<name>vg</name>")


def lvs(*rows: dict[str, str]) -> str:
    usual = {"origin": "", "segtype": "linear", "stripes": "1", "vg_extent_size": "4194304", "lv_attr": "-wi-a-----"}
    return json.dumps({"report": [{"seg": [{**usual, **row} for row in rows]}], "log": []})


def volume(name: str, **fields: str) -> dict[str, str]:
    usual = {"lv_uuid": f"id-{name}", "devices": "/dev/vdb(0)", "seg_size": "8388608", "lv_size": "8388608"}
    return {"lv_name": name, **usual, **fields}


def test_logical_volumes() -> None:
    text = lvs(
        volume("b", devices="/dev/vdb(5),/dev/vdc(0)", lv_size="16777216", segtype="striped", stripes="2"),
        volume("b", devices="/dev/vdd(7)", lv_size="16777216", seg_size="4194304"),
        volume("a"),
        volume("snap", origin="a", lv_attr="swi-a-s---"),
        volume("thin", origin="[thin_vorigin]", lv_attr="swi-a-s---"),
        volume("pool0", lv_attr="twi-aotz--"),
        volume("off", lv_attr="-wi-------"),
    )
    found = {each.name: each for each in looking(GROUP).read_volumes(text, GROUP)}
    assert list(found) == ["a", "b", "snap", "thin"]
    assert (found["a"].path, found["a"].key, found["a"].capacity) == ("/dev/vg/a", "id-a", 8388608)
    assert found["b"].extents == (
        ("/dev/vdb", 20971520, 29360128),
        ("/dev/vdc", 0, 8388608),
        ("/dev/vdd", 29360128, 33554432),
    )
    assert (found["snap"].backing, found["snap"].sparse) == ("/dev/vg/a", True)
    assert (found["thin"].backing, found["thin"].sparse) == (None, True)


def test_the_room_of_a_group() -> None:
    row = {"vg_name": "vg", "vg_size": "1000", "vg_free": "400", "vg_extent_size": "4194304"}
    text = json.dumps({"report": [{"vg": [row]}]})
    assert looking(GROUP).read_room(text, GROUP) == Room(1000, 600, 400)
    assert logical.read_extent_size(text, GROUP) == 4194304
    with pytest.raises(HostError, match="no volume group vg"):
        looking(GROUP).read_room('{"report": [{"vg": []}]}', GROUP)


def test_members_of_groups() -> None:
    rows = [{"pv_name": "/dev/vdb", "vg_name": "vg"}, {"pv_name": "/dev/vdc", "vg_name": ""}]
    assert logical.read_members(json.dumps({"report": [{"pv": rows}]})) == {"vg": ["/dev/vdb"], "": ["/dev/vdc"]}


def test_what_is_asked_of_lvm() -> None:
    assert looking(GROUP).volumes(GROUP)[:6] == ("lvs", "--reportformat", "json", "--units", "b", "--nosuffix")
    assert looking(GROUP).volumes(GROUP)[-1] == "vg"
    assert looking(GROUP).room(GROUP)[0] == "vgs" and logical.members_argv()[0] == "pvs"


# ZFS

TANK = pool("zfs", "<name>tank/vms</name>", "/dev/zvol/tank/vms")


def test_volumes_of_zfs() -> None:
    text = "tank/vms/a\t5368709120\t5368709120\ntank/vms/b\t1073741824\t0\ntank/vms/deeper/c\t1\t1\nother/d\t1\t1\n"
    found = looking(TANK).read_volumes(text, TANK)
    assert [(each.name, each.path, each.key, each.sparse) for each in found] == [
        ("a", "/dev/zvol/tank/vms/a", "tank/vms/a", False),
        ("b", "/dev/zvol/tank/vms/b", "tank/vms/b", True),
    ]


def test_the_room_of_zfs() -> None:
    text = "tank\thealth\tONLINE\t-\ntank\tsize\t1000\t-\ntank\tfree\t400\t-\ntank\tallocated\t600\t-\n"
    assert looking(TANK).room(TANK)[-1] == "tank"
    assert looking(TANK).read_room(text, TANK) == Room(1000, 600, 400)
    with pytest.raises(HostError, match="says nothing"):
        looking(TANK).read_room("", TANK)


# block devices

MAP = {"name": "maps", "kname": "dm-0", "path": "/dev/mapper/maps", "type": "mpath", "size": 90}
BLOCKS = json.dumps(
    {
        "blockdevices": [
            {
                "name": "sda",
                "kname": "sda",
                "path": "/dev/sda",
                "type": "disk",
                "size": 100,
                "hctl": "3:0:1:4",
                "wwn": "0x5000",
                "children": [
                    {"name": "maps", "kname": "dm-0", "path": "/dev/mapper/maps", "type": "mpath", "size": 90}
                ],
            },
            {
                "name": "sdb",
                "kname": "sdb",
                "path": "/dev/sdb",
                "type": "disk",
                "size": "100",
                "hctl": "4:0:0:0",
                "serial": "S1",
                "children": [
                    MAP,
                    {"name": "sdb1", "kname": "sdb1", "path": "/dev/sdb1", "type": "part", "mountpoint": "/srv"},
                ],
            },
            {"name": "sdc", "kname": "sdc", "path": "/dev/sdc", "type": "disk", "hctl": "3:0:1:2", "size": 7},
            {"name": "zram0", "kname": "zram0", "path": "/dev/zram0", "type": "disk", "mountpoint": "[SWAP]"},
        ]
    }
)


def test_disks_of_a_scsi_host() -> None:
    found = scsi.units_of(read_blocks(BLOCKS), 3)
    assert [(each.name, each.path, each.key, each.capacity) for each in found] == [
        ("unit:0:1:2", "/dev/sdc", "/dev/sdc", 7),
        ("unit:0:1:4", "/dev/sda", "0x5000", 100),
    ]
    assert scsi.host_number("scsi_host12") == scsi.host_number("host12") == 12
    assert scsi.host_number("host") is None and scsi.host_number(None) is None


def test_maps_are_counted_once() -> None:
    paths = pool("mpath", "", "/dev/mapper")
    found = looking(paths).read_volumes(BLOCKS, paths)
    assert [(each.name, each.path, each.capacity) for each in found] == [("dm-0", "/dev/mapper/maps", 90)]
    assert looking(paths).read_room(BLOCKS, paths) == Room(90, 90, 0)
    assert looking(paths).volumes(paths) == blocks_argv()


def test_what_uses_a_device() -> None:
    disk, parted, free, swap = read_blocks(BLOCKS)
    assert in_use(disk) == "holds the mpath device /dev/mapper/maps, which is active"
    assert in_use(parted) == "holds /dev/sdb1, which is mounted on /srv"
    assert (in_use(free), in_use(swap)) == (None, "is swap space")
    assert blocks_argv("/dev/sdb")[-1] == "/dev/sdb"


def test_what_a_device_is_marked_with() -> None:
    rows = [{"device": "x", "type": kind, "uuid": None} for kind in ("gpt", "gpt", "PMBR")]
    assert read_signatures(json.dumps({"signatures": rows})) == ["gpt", "PMBR"]
    assert read_signatures('{\n   "signatures": [\n\n   ]\n}\n') == [] == read_signatures("")


# mounts

MOUNTS = """21 28 0:20 / /sys rw,nosuid - sysfs sysfs rw
60 28 8:6 / /srv/my\\040pool rw,nodev shared:1 - xfs /dev/sdb6 rw,attr2
61 28 0:55 / /srv/filer rw - nfs4 filer:/export rw,vers=4.2
62 28 0:56 / /srv/filer ro - tmpfs none rw
broken line
"""


def test_mounts() -> None:
    found = read_mounts(MOUNTS)
    assert [mount.target for mount in found] == ["/sys", "/srv/my pool", "/srv/filer", "/srv/filer"]
    mine, filer = mounted_on(found, "/srv/my pool"), mounted_on(found, "/srv/filer")
    assert mine is not None and (mine.source, mine.type, mine.device) == ("/dev/sdb6", "xfs", "8:6")
    assert mine.options == ("rw", "nodev")
    assert filer is not None and filer.type == "tmpfs"
    assert mounted_on(found, "/srv") is None


# iSCSI

SAN = pool("iscsi", "<host name='192.0.2.7'/><device path='iqn.2026-01.example:b'/>")


def test_sessions() -> None:
    text = (
        "tcp: [1] 192.0.2.7:3260,1 iqn.2026-01.example:a (non-flash)\n"
        "iser: [12] [2001:db8::1]:3260,1 iqn.2026-01.example:b (non-flash)\niscsiadm: no more\n"
    )
    sessions = iscsi.read_sessions(text)
    ours = iscsi.session_of(sessions, SAN)
    assert [session.number for session in sessions] == [1, 12]
    assert ours is not None and iscsi.rescan_argv(ours)[-2:] == ("12", "-R")
    assert iscsi.session_of([], SAN) is None
    assert iscsi.host_number(["power", "target3:0:0", "connection1:0"]) == 3
    assert iscsi.host_number(["power"]) is None


def test_portals() -> None:
    six = pool("iscsi", "<host name='2001:db8::1' port='3261'/><device path='t'/>")
    assert (iscsi.portal(SAN), iscsi.portal(six)) == ("192.0.2.7:3260,1", "[2001:db8::1]:3261,1")
    assert iscsi.record_paths(six)[0] == "/etc/iscsi/nodes/t/2001:db8::1,3261,1"


DIRECT = pool(
    "iscsi-direct",
    "<host name='192.0.2.7'/><device path='iqn.2026-01.example:b'/>"
    "<initiator><iqn name='iqn.2026-01.example:i'/></initiator>",
)


def test_units_of_a_target() -> None:
    text = (
        "Target:iqn.2026-01.example:a Portal:192.0.2.7:3260,1\nLun:1    Type:DIRECT_ACCESS (Size:1G)\n"
        "Target:iqn.2026-01.example:b Portal:192.0.2.7:3260,1\nLun:0    Type:STORAGE_ARRAY_CONTROLLER\n"
        "Lun:3    Type:DIRECT_ACCESS (Size:10G)\n"
    )
    assert iscsi_direct.read_units(text, DIRECT) == [3]
    found = iscsi_direct.volume_of(DIRECT, 3, 1024)
    assert (found.name, found.type) == ("unit:0:0:3", "network")
    assert found.key == found.path == "ip-192.0.2.7:3260-iscsi-iqn.2026-01.example:b-lun-3"
    assert iscsi_direct.unit_url(DIRECT, 3) == "iscsi://192.0.2.7:3260/iqn.2026-01.example:b/3"
    assert iscsi_direct.units_argv(DIRECT)[1:3] == ("-i", "iqn.2026-01.example:i")


# RBD

CEPH = pool(
    "rbd",
    "<host name='m1' port='6789'/><host name='2001:db8::1'/><name>vms</name>"
    "<auth type='ceph' username='admin'><secret usage='c'/></auth>",
    rest="<rbd:config_opts><rbd:option name='client_mount_timeout' value='45'/></rbd:config_opts>",
)


def test_images() -> None:
    images = [
        {"image": "b", "id": "1", "size": 100, "format": 2},
        {"image": "b", "id": "1", "snapshot": "base", "size": 100, "format": 2},
        {"image": "a", "id": "2", "size": 50, "format": 2, "parent": {"pool": "vms", "image": "b", "snapshot": "base"}},
    ]
    use = {"images": [{"name": "b", "snapshot": "base", "used_size": 30}, {"name": "b", "used_size": 20}]}
    found = rbd.read_images(json.dumps(images), json.dumps(use), CEPH)
    assert [(each.name, each.path, each.capacity, each.allocation, each.backing) for each in found] == [
        ("a", "vms/a", 50, 50, "vms/b@base"),
        ("b", "vms/b", 100, 50, None),
    ]
    assert [each.allocation for each in rbd.read_images(json.dumps(images), None, CEPH)] == [50, 100]
    assert rbd.read_images("", None, CEPH) == []
    assert rbd.counts_use(CEPH)


def test_the_room_of_ceph() -> None:
    rows = [{"name": "vms", "stats": {"stored": 30, "bytes_used": 90, "max_avail": 70}}, {"name": "x", "stats": {}}]
    assert rbd.read_room(json.dumps({"pools": rows}), CEPH) == Room(100, 30, 70)
    with pytest.raises(HostError, match="no pool named vms"):
        rbd.read_room('{"pools": []}', CEPH)


def test_how_ceph_is_asked() -> None:
    head = (
        "rbd",
        "-m",
        "m1:6789,[2001:db8::1]",
        "--id",
        "admin",
        "--keyfile",
        "/run/k",
        "--client_mount_timeout=45",
    )
    assert rbd.images_argv(CEPH, "/run/k") == (*head, "ls", "--long", "--format", "json", "vms")
    assert rbd.use_argv(CEPH, "/run/k") == (*head, "du", "--format", "json", "--pool", "vms")
    assert rbd.room_argv(CEPH, None)[0] == "ceph" and "--keyfile" not in rbd.room_argv(CEPH, None)
    assert rbd.rename_argv(CEPH, "a", "b", "/run/k") == (*head, "rename", "vms/a", "vms/b")
    assert rbd.delete_argv(CEPH, "a", "/run/k") == (*head, "rm", "--no-progress", "vms/a")
    resized = (*head, "resize", "--no-progress", "--size", "2K", "--allow-shrink", "vms/a")
    assert rbd.resize_argv(CEPH, "a", 1025, True, "/run/k") == resized


# what cannot be read

READERS: list[Callable[[str], Any]] = [
    lambda text: looking(GROUP).read_volumes(text, GROUP),
    lambda text: looking(GROUP).read_room(text, GROUP),
    logical.read_members,
    read_blocks,
    read_signatures,
    lambda text: rbd.read_images(text, None, CEPH),
    lambda text: rbd.read_room(text, CEPH),
]


@pytest.mark.parametrize(
    "text", ["nonsense", "[1, 2]", '"x"', '{"report": 5, "blockdevices": 5, "signatures": 5, "pools": 5}']
)
@pytest.mark.parametrize("reader", READERS)
def test_what_cannot_be_read_is_an_error(reader: Callable[[str], Any], text: str) -> None:
    if reader is READERS[5] and text.startswith("{"):
        text = '{"images": 5}'
    with pytest.raises(HostError):
        reader(text)


def test_numbers_that_are_none() -> None:
    with pytest.raises(HostError, match="where a number of bytes was expected"):
        looking(GROUP).read_volumes(lvs(volume("a", lv_size="8m")), GROUP)
    with pytest.raises(HostError, match="where a number of bytes was expected"):
        read_blocks('{"blockdevices": [{"name": "a", "size": "1.5G"}]}')
