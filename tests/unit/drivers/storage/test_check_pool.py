# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that are refused, each with one sentence and its line; and what a complete document has."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete import complete_pool
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.ignored import ignored_pool_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.texts import clean_path
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.table import TYPES, pool_type
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, DocumentError, XmlError
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import POOL
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

TARGET = "<target>\n<path>/srv/p</path></target>"
HOST = "<host name='h.example'/>"
IQN = "iqn.2026-01.example:t"
DISK = "<source><device path='/dev/vdb'/></source>"
SPACES = "xmlns:fs='http://libvirt.org/schemas/storagepool/fs/1.0' xmlns:rbd='http://libvirt.org/schemas/storagepool/rbd/1.0'"


def document(kind: str, body: str, name: str = "<name>p</name>") -> Element:
    return parse(f"<pool type='{kind}' {SPACES}>\n{name}\n{body}\n</pool>", root="pool")


def complete(found: Element, *others: Element, kept: Optional[Element] = None, host: str = "here") -> Pool:
    return Pool(complete_pool(found, others, kept=kept, host_id=host))


def source(inner: str, rest: str = "") -> str:
    return f"<source>\n{inner}</source>{rest}"


def chap(inner: str, kind: str = "chap", user: str = "username='u'") -> str:
    auth = f"<auth type='{kind}' {user}>{inner}</auth>"
    return source(f"{HOST}<device path='{IQN}'/>{auth}")


REFUSED = [
    # the top
    ("sheepdog", TARGET, "is not one of dir, fs"),
    ("dir", "", "no path in <target>"),
    ("dir", f"{TARGET}{TARGET}", "more than one <target>"),
    ("dir", "<target><path>/a</path><path>/b</path></target>", "more than one <path>"),
    ("dir", f"<uuid>12</uuid>{TARGET}", "not a uuid"),
    ("logical", f"<features><cow state='no'/></features>{DISK}", "the feature cow"),
    ("dir", f"<features><cow state='maybe'/></features>{TARGET}", "'yes' or 'no'"),
    ("rbd", source(f"{HOST}<name>a</name>", "<refresh><volume allocation='x'/></refresh>"), "allocation='x'"),
    # the target
    ("dir", "<target><path>srv</path></target>", "is not an absolute path"),
    ("dir", "<target><path>/srv/../etc</path></target>", "goes up with"),
    ("dir", "<target><path>/etc/</path></target>", "a directory of the host itself"),
    ("dir", "<target><path>/</path></target>", "a directory of the host itself"),
    ("fs", f"{DISK}<target><path>/usr</path></target>", "a directory of the host itself"),
    ("dir", f"<target><path>/{'a' * 256}</path></target>", "longer than a path"),
    ("dir", "<target><path>/a&#10;b</path></target>", "control character"),
    ("dir", f"<target><path>{'/a' * 3000}</path></target>", "longer than a path"),
    ("dir", "<target><path>/a</path><permissions><mode>1777</mode></permissions></target>", "octal digits"),
    ("dir", "<target><path>/a</path><permissions><owner>-2</owner></permissions></target>", "<owner> is -2"),
    ("dir", "<target><path>/a</path><permissions><group>4294967296</group></permissions></target>", "<group> is"),
    # devices
    ("fs", TARGET, "has no <device>"),
    ("fs", source("<device path='/a'/><device path='/b'/>", TARGET), "2 times <device>"),
    ("fs", source("<device/>", TARGET), "<device> has no path"),
    ("fs", source("<device path='vdb'/>", TARGET), "is not an absolute path"),
    ("fs", source("<device path='-oremount'/>", TARGET), "begins with a dash"),
    ("fs", source("<device path='/dev/../etc/shadow'/>", TARGET), "goes up with"),
    ("disk", "", "has no <device>"),
    ("disk", source("<device path='/dev/vdb'/><format type='ext4'/>"), "is not one of unknown, dos"),
    ("logical", source("<device path='/dev/b'/><device path='/dev//b'/>"), "is there twice"),
    # names of groups, pools and data sets
    ("logical", source("<name>a b</name>"), "no name for a volume group"),
    ("logical", source("<name>-f</name>"), "begins with a dash"),
    ("logical", source("<name>..</name>"), "no name for a volume group"),
    ("zfs", source("<name>1tank</name>"), "no name for a ZFS pool"),
    ("zfs", source("<name>mirror0</name>"), "no name for a ZFS pool"),
    ("zfs", source("<name>tank//a</name>"), "no name for a ZFS pool"),
    ("rbd", source(f"{HOST}<name>a/b</name>"), "no name for a pool of Ceph"),
    ("gluster", source(f"{HOST}<name>a/b</name>"), "no name for a Gluster volume"),
    # servers
    ("netfs", source("<dir path='/x'/>", TARGET), "has no <host>"),
    ("netfs", source(f"{HOST}{HOST}<dir path='/x'/>", TARGET), "2 times <host>"),
    ("netfs", source("<host/><dir path='/x'/>", TARGET), "<host> has no name"),
    ("netfs", source("<host name='-o'/><dir path='/x'/>", TARGET), "begins with a dash"),
    ("netfs", source("<host name='a b'/><dir path='/x'/>", TARGET), "neither the name of a host"),
    ("netfs", source("<host name='a' port='65536'/><dir path='/x'/>", TARGET), "is not from 1 to 65535"),
    ("netfs", source(HOST, TARGET), "has no <dir>"),
    ("netfs", source(f"{HOST}<dir path='x'/>", TARGET), "is not an absolute path"),
    ("netfs", source(f"{HOST}<dir path='/x'/><format type='cifs'/>", TARGET), "no slash before it"),
    ("netfs", source(f"{HOST}<dir path='/x'/><format type='smb'/>", TARGET), "is not one of auto, nfs"),
    ("netfs", source(f"{HOST}<dir path='/x/../y'/>", TARGET), "goes up with"),
    ("netfs", source(f"{HOST}<dir path='x'/><format type='cifs'/><protocol ver='3'/>", TARGET), "is for NFS"),
    ("netfs", source(f"{HOST}<dir path='/x'/><protocol ver='4,suid'/>", TARGET), "no version such as"),
    ("gluster", source(f"{HOST}<name>a</name><dir path='x'/>"), "does not begin with a slash"),
    # iSCSI
    ("iscsi", source(f"{HOST}<device path='a/b'/>"), "no iSCSI name"),
    ("iscsi", source(f"{HOST}<device path='-a'/>"), "no iSCSI name"),
    ("iscsi-direct", source(f"{HOST}<device path='{IQN}'/>"), "no <initiator>"),
    ("iscsi", source(f"{HOST}<device path='{IQN}'/><initiator><iqn name='a b'/></initiator>"), "no iSCSI name"),
    ("iscsi", chap("<secret usage='s'/>", kind="ceph"), "know chap only"),
    ("iscsi", chap("<secret usage='s'/>", kind="none"), "is not one of chap, ceph"),
    ("iscsi", chap("<secret usage='s'/>", user=""), "<auth> has no username"),
    ("iscsi", chap(""), "names no <secret>"),
    ("iscsi", chap("<secret/>"), "either a uuid or a usage"),
    ("iscsi", chap("<secret usage='a' uuid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'/>"), "either a uuid or a usage"),
    ("iscsi", chap("<secret uuid='x'/>"), "not a uuid"),
    # SCSI
    ("scsi", "", "has no <adapter>"),
    ("scsi", source("<adapter/>"), "<adapter type=''>"),
    ("scsi", source("<adapter wwnn='20000000c9831b4b' name='a'/>"), "<adapter type=''>"),
    ("scsi", source("<adapter type='scsi_host'/>"), "either a name or a <parentaddr>"),
    ("scsi", source("<adapter type='scsi_host' name='x'/>"), "no name such as scsi_host5"),
    ("scsi", source("<adapter type='scsi_host'><parentaddr/></adapter>"), "a unique_id and an <address>"),
    ("scsi", source("<adapter type='fc_host' wwnn='20000000c9831b4b'/>"), "both wwnn and wwpn"),
    ("scsi", source("<adapter type='fc_host' wwnn='2' wwpn='10000000c9831b4b'/>"), "16 hexadecimal digits"),
    # what goes to programs as it is
    ("fs", f"{DISK}{TARGET}<fs:mount_opts><fs:option name='ro,suid'/></fs:mount_opts>", "a space or a comma"),
    ("fs", f"{DISK}{TARGET}<fs:mount_opts><fs:option/></fs:mount_opts>", "is empty"),
    (
        "rbd",
        source(f"{HOST}<name>a</name>", "<rbd:config_opts><rbd:option name='-c' value='/x'/></rbd:config_opts>"),
        "the RBD option '-c'",
    ),
]


@pytest.mark.parametrize(("kind", "body", "words"), REFUSED)
def test_refused(kind: str, body: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        complete(document(kind, body))
    assert words in caught.value.message
    assert caught.value.line and "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["", "<name/>", "<name>a/b</name>", "<name>.x</name>", f"<name>{'n' * 201}</name>"])
def test_names(name: str) -> None:
    with pytest.raises(XmlError, match="name"):
        complete(document("dir", TARGET, name))


def test_another_document() -> None:
    with pytest.raises(XmlError, match="write a <pool>"):
        complete(parse("<network/>"))


def test_every_type_has_a_row_that_says_its_name() -> None:
    assert [pool_type(name).name for name in TYPES] == list(TYPES)  # type: ignore[union-attr]
    assert pool_type("sheepdog") is None and pool_type(None) is None


@pytest.mark.parametrize(
    "path",
    "/root /home /home/ /boot /run /sys /lib /lib64 /sbin /var /var/lib /var/log /var/cache /usr /usr/bin"
    " /usr/local".split(),
)
@pytest.mark.parametrize("kind", ["dir", "fs", "netfs"])
def test_directories_that_a_system_consists_of_are_no_pools(kind: str, path: str) -> None:
    more = {"dir": "", "fs": DISK, "netfs": source(f"{HOST}<dir path='/x'/>")}[kind]
    with pytest.raises(XmlError, match="a directory of the host itself") as failure:
        complete(document(kind, f"{more}<target><path>{path}</path></target>"))
    hinted = str(failure.value.hint).rpartition(" ")[2].rstrip(".")
    assert complete(document(kind, f"{more}<target><path>{hinted}</path></target>")).path() == hinted


@pytest.mark.parametrize(
    "path",
    "/srv /srv/a /mnt /mnt/x /data /tmp /var/tmp /opt /media/a /home/user /home/user/x /root/images"
    " /var/lib/libvirt/images /var/lib/libvirt/boot /usr/share/isos /run/pools /dev/shm/a".split(),
)
def test_directories_for_data_are_pools(path: str) -> None:
    assert complete(document("dir", f"<target><path>{path}</path></target>")).path() == path


def test_uuids_are_derived_and_stay() -> None:
    first = complete(document("dir", TARGET))
    assert first.uuid == complete(document("dir", TARGET)).uuid
    assert first.uuid != complete(document("dir", TARGET), host="there").uuid
    again = complete(document("dir", TARGET), kept=first.element, host="there")
    assert again.uuid == first.uuid
    given = document("dir", f"<uuid>70A7EB156C34EE9CBF5769E8E5FF3FB2</uuid>{TARGET}")
    assert complete(given).uuid == "70a7eb15-6c34-ee9c-bf57-69e8e5ff3fb2"
    with pytest.raises(AlreadyExists, match="exists with the uuid"):
        complete(given, kept=first.element)


def test_a_uuid_belongs_to_one_pool() -> None:
    other = complete(document("mpath", "<uuid>70a7eb15-6c34-ee9c-bf57-69e8e5ff3fb2</uuid>", "<name>other</name>"))
    with pytest.raises(AlreadyExists, match="belongs to pool other"):
        complete(document("dir", f"<uuid>70a7eb15-6c34-ee9c-bf57-69e8e5ff3fb2</uuid>{TARGET}"), other.element)


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        ("logical", "<target><path>/elsewhere</path></target>", "/dev/p"),
        ("logical", "<source><name>vg</name></source>", "/dev/vg"),
        ("zfs", "<source><name>t/a</name></source>", "/dev/zvol/t/a"),
        ("mpath", "<target><path>/x</path></target>", "/dev/mapper"),
        ("disk", DISK, "/dev"),
        ("scsi", "<source><adapter name='host3'/></source>", "/dev/disk/by-path"),
        ("rbd", source(f"{HOST}<name>a</name>"), None),
    ],
)
def test_targets_that_follow_from_the_type(kind: str, body: str, path: Optional[str]) -> None:
    assert complete(document(kind, body)).path() == path


def test_a_pool_is_called_like_what_it_lies_on() -> None:
    assert complete(document("logical", "<source><name>vg</name></source>", "")).name == "vg"
    assert complete(document("logical", "")).given().name == "p"


def test_what_is_left_out_says_nothing() -> None:
    found = complete(
        document("dir", "<capacity>5</capacity><features/><target><path>/a</path><permissions/></target><refresh/>")
    )
    assert [child.tag for child in found.element] == ["name", "uuid", "source", "target"]
    assert compare(found.element, complete(found.element).element, POOL) == ()


@pytest.mark.parametrize(
    ("path", "clean"), [("///a//b/", "/a/b"), ("//a//b", "//a/b"), ("/", "/"), ("a//b/", "a/b"), ("", "")]
)
def test_clean_paths(path: str, clean: str) -> None:
    assert clean_path(path) == clean


def test_what_nobody_reads_is_told() -> None:
    body = (
        "<source><host name='h'/><format type='nfs'/><device path='/d' part_separator='no'/></source>"
        "<target><path>/a</path><permissions><label>x</label></permissions></target>"
        "<refresh><volume allocation='capacity'/></refresh><fs:mount_opts><fs:option name='ro'/></fs:mount_opts>"
        "<rbd:config_opts/><colour>red</colour>"
    )
    parts = [part.partition(" ")[0] for part in ignored_pool_parts(document("dir", body))]
    assert set(parts) == {
        *("pool/colour", "pool/source/host", "pool/source/device", "pool/source/format", "pool/refresh"),
        *("pool/source/device/@part_separator", "pool/mount_opts", "pool/config_opts", "pool/target/permissions/label"),
    }
    assert ignored_pool_parts(document("gluster", TARGET)) == ["pool/target (line 3)"]
    assert ignored_pool_parts(document("none", TARGET)) == []
