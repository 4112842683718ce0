# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks that are refused, each with the line and the words that the user gets."""

from __future__ import annotations

from typing import Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, UnsupportedConfig
from ansible_collections.corral.virt.tests.unit.drivers.qemu.disks.disk_facts import domain_of, facts, options_of

VDA = "<target dev='vda' bus='virtio'/>"
SDA = "<target dev='sda' bus='scsi'/>"
FILE = "<source file='/images/a.raw'/>"
BLOCK = "<source dev='/dev/sdx'/>"


def disk(inner: str, attributes: str = "") -> str:
    return f"\n<disk {attributes}>{inner}</disk>"


def network(protocol: str, inner: str = "<host name='a.example.org'/>", attributes: str = "name='a'") -> str:
    return disk(f"<source protocol='{protocol}' {attributes}>{inner}</source>{VDA}", "type='network'")


def encrypted(inner: str, attributes: str, driver: str = "raw") -> str:
    source = f"<source file='/images/a'><encryption {attributes}>{inner}</encryption></source>"
    return disk(f"<driver type='{driver}'/>{source}{VDA}")


SECRET = "<secret type='passphrase' usage='images'/>"
AUTH = "<auth username='a'><secret type='ceph' usage='images'/></auth>"
VHOST_USER = "<source type='unix' path='/run/a.sock'/>"

REFUSED: Tuple[Tuple[str, str], ...] = (
    # names and places
    (disk(FILE), "line 2: a <disk> has no target; write <target dev='vda' bus='virtio'/>."),
    (disk(f"{FILE}<target dev='nvme0' bus='virtio'/>"), "line 2: 'nvme0' is no name for a disk"),
    (disk(f"{FILE}<target dev='vda1' bus='virtio'/>"), "'vda1' names a partition"),
    (disk(f"{FILE}<target dev='fda' bus='virtio'/>"), "names that begin with fd are for floppies"),
    (disk(f"{FILE}<target dev='vda' bus='fdc'/>", "device='floppy'"), "a floppy's target is named fda or fdb."),
    (disk(FILE + VDA) + disk("<source file='/b'/><target dev='vda' bus='usb'/>"), "two disks with the target 'vda'"),
    (
        disk(FILE + SDA) + disk(f"{FILE}<target dev='sdb' bus='scsi'/><address type='drive' unit='0'/>"),
        "the disks 'sda' and 'sdb' have the same drive address: controller='0' bus='0' target='0' unit='0'.",
    ),
    (
        disk(f"{FILE}{SDA}<address type='pci' bus='0x00' slot='0x09'/>"),
        "an address of type='pci' does not fit bus='scsi'",
    ),
    (disk(f"{FILE}<target dev='sda' bus='sata'/><address type='drive' target='1'/>"), "the target of the address is 0"),
    (disk(f"{FILE}<target dev='sda' bus='sata'/><address type='drive' bus='1'/>"), "the bus of the address is 0"),
    # buses
    (disk(f"{FILE}<target dev='xvda'/>"), "QEMU has no bus 'xen' for disks; write one of ide, fdc, scsi, virtio,"),
    (disk(f"{FILE}<target dev='fda' bus='sata'/>", "device='floppy'"), "device='floppy' cannot be on bus='sata'"),
    (disk(FILE + VDA, "device='cdrom'"), "bus='virtio' has no drives for CDs; write bus='sata', 'scsi' or 'usb'."),
    (disk("<target dev='sda' bus='usb'/>", "device='cdrom'"), "a drive on bus='usb' cannot be empty"),
    (disk(VDA), "there is no <source>; only a cdrom or floppy may be empty."),
    (disk("<source file=''/>" + VDA), "there is no <source>"),
    (disk(f"{FILE}<target dev='sda' bus='sata'/><readonly/>"), "a hard disk on bus='sata' cannot be read-only"),
    # options of the device
    (disk(FILE + SDA, "model='virtio'"), "model='virtio' needs bus='virtio', not 'scsi'."),
    (disk(FILE + VDA, "model='fast'"), "there is no model 'fast'"),
    (disk(f"<driver queues='4'/>{FILE}{SDA}"), "the driver option 'queues' is for bus='virtio' only."),
    (disk(f"<driver name='tap'/>{FILE}{VDA}"), "the driver name is 'qemu', not 'tap'."),
    (disk(f"<driver cache='some'/>{FILE}{VDA}"), "line 2: the attribute cache of <driver> is 'some'"),
    (disk(f"<driver io='native'/>{FILE}{VDA}"), "io='native' needs cache='none' or cache='directsync'."),
    (disk(f"<driver iothread='1'/>{FILE}{SDA}"), "iothreads are for bus='virtio' only."),
    (disk(f"<driver iothread='2'/>{FILE}{VDA}"), "there is no iothread 2 in the domain."),
    (
        disk(f"<driver><iothreads><iothread id='1'/><iothread id='1'/></iothreads></driver>{FILE}{VDA}"),
        "an iothread is named twice.",
    ),
    (
        disk(f"<driver iothread='1'><iothreads><iothread id='1'/></iothreads></driver>{FILE}{VDA}"),
        "iothread='...' and <iothreads> exclude each other.",
    ),
    (disk(f"{FILE}<target dev='vda' bus='virtio' removable='on'/>"), "removable='...' is for hard disks"),
    (disk(f"{FILE}<target dev='vda' bus='virtio' tray='open'/>"), "only a cdrom or floppy has a tray."),
    (disk(f"{FILE}<target dev='vda' bus='virtio' rotation_rate='1'/>"), "rotation_rate is for hard disks"),
    (
        disk(f"{FILE}<target dev='sda' bus='usb'/><geometry cyls='1' heads='1' secs='1'/>"),
        "bus='usb' has no <geometry>.",
    ),
    (disk(f"{FILE}{VDA}<geometry cyls='1' heads='1' secs='1' trans='lba'/>"), "translation mode"),
    (disk(f"{FILE}{VDA}<wwn>5000c50015ea71ad</wwn>"), "a <wwn> is for bus='ide' and 'scsi' only."),
    (disk(f"{FILE}{SDA}<wwn>5000</wwn>"), "the <wwn> '5000' is not 16 hexadecimal digits."),
    (disk(f"{FILE}{VDA}<vendor>A</vendor>"), "a <vendor> is for bus='scsi' only."),
    (disk(f"{FILE}{SDA}<vendor>NINECHARS</vendor>"), "a <vendor> is at most 8 printable characters."),
    (disk(f"{FILE}{SDA}<product>seventeen letters</product>"), "a <product> is at most 16 printable characters."),
    (disk(f"{FILE}{VDA}<serial>a,b</serial>"), "the <serial> 'a,b' has characters other than"),
    (disk(FILE + VDA, "snapshot='maybe'"), "snapshot='maybe' is none of"),
    (
        disk("<source file='/a' startupPolicy='requisite'/>" + VDA),
        "startupPolicy='requisite' is for a cdrom or floppy only.",
    ),
    (disk("<source file='/a' startupPolicy='never'/>" + VDA), "startupPolicy='never' is none of"),
    # LUNs
    (disk(FILE + SDA, "device='lun'"), "device='lun' is for type='block' only"),
    (
        disk(f"{BLOCK}<target dev='sda' bus='sata'/>", "type='block' device='lun'"),
        "device='lun' needs bus='virtio' or 'scsi'",
    ),
    (disk(f"<driver type='qcow2'/>{BLOCK}{SDA}", "type='block' device='lun'"), "raw, whole and without encryption"),
    (disk(f"{BLOCK}{SDA}<serial>a</serial>", "type='block' device='lun'"), "a LUN shows its own serial"),
    (disk(f"<driver copy_on_read='on'/>{BLOCK}{SDA}", "type='block' device='lun'"), "copy_on_read does not go with"),
    (disk(BLOCK + SDA, "type='block' rawio='yes'"), "rawio and sgio are for device='lun' only."),
    (disk(BLOCK + SDA, "type='block' device='lun' sgio='unfiltered'"), "sgio='unfiltered' is gone from Linux"),
    (
        disk(f"<source dev='/dev/sdx'><reservations managed='yes'/></source>{SDA}", "type='block'"),
        "<reservations> are for device='lun' only.",
    ),
    # access
    (disk(f"<driver type='qcow2'/>{FILE}{VDA}<shareable/>"), "format 'qcow2' cannot be shared by guests that write"),
    (disk(f"<driver copy_on_read='on'/>{FILE}{VDA}<readonly/>"), "copy_on_read writes into the image"),
    (disk(f"{BLOCK}{VDA}<transient/>", "type='block'"), "only a hard disk from a file that the guest may write"),
    (
        disk(f"{FILE}<target dev='sda' bus='sata'/><transient shareBacking='yes'/>"),
        "<transient shareBacking='yes'/> needs bus='virtio', 'scsi' or 'usb', not 'sata'.",
    ),
    # limits
    (
        disk(f"{FILE}{VDA}<iotune><total_iops_sec>1</total_iops_sec><read_iops_sec>1</read_iops_sec></iotune>"),
        "<total_iops_sec> cannot be set together with a limit for reading or writing alone.",
    ),
    (disk(f"{FILE}{VDA}<iotune><total_iops_sec>1000000000000001</total_iops_sec></iotune>"), "QEMU counts to"),
    (disk(f"{FILE}{VDA}<iotune><group_name>a</group_name></iotune>"), "a <group_name> needs limits beside it."),
    (
        disk(f"{FILE}{VDA}<iotune><total_iops_sec_max_length>1</total_iops_sec_max_length></iotune>"),
        "<total_iops_sec_max_length> needs <total_iops_sec_max>.",
    ),
    (
        disk(f"{FILE}{VDA}<iotune><total_iops_sec>1</total_iops_sec><group_name>g</group_name></iotune>")
        + disk(
            "<source file='/b'/><target dev='vdb' bus='virtio'/>"
            "<iotune><total_iops_sec>2</total_iops_sec><group_name>g</group_name></iotune>"
        ),
        "line 3: the disks 'vda' and 'vdb' are in the group 'g' and have different limits.",
    ),
    (
        disk(f"{FILE}{VDA}<throttlefilters><throttlefilter group='g'/></throttlefilters>"),
        "there is no throttle group 'g'",
    ),
    (
        disk(
            f"{FILE}{VDA}<iotune><total_iops_sec>1</total_iops_sec></iotune>"
            "<throttlefilters><throttlefilter group='g'/></throttlefilters>"
        ),
        "<iotune> and <throttlefilters> cannot be used together.",
    ),
    # formats and types
    (disk(f"<driver type='cow'/>{FILE}{VDA}"), "QEMU cannot use the format 'cow': it is no longer read"),
    (disk(f"<driver type='iso'/>{FILE}{VDA}"), "a CD image is type='raw'"),
    (disk(f"<driver type='zip'/>{FILE}{VDA}"), "QEMU cannot use the format 'zip': write one of raw, qcow,"),
    (disk(f"<driver type='fat'/>{FILE}{VDA}"), "the format 'fat' is for type='dir' only."),
    (disk(f"<driver type='raw'/><source dir='/a'/>{VDA}<readonly/>", "type='dir'"), "type='dir' has the format 'fat'"),
    (disk(f"<driver type='fat'/><source dir='/a'/>{VDA}", "type='dir'"), "can only be read; add <readonly/>."),
    (
        disk(f"<driver><metadata_cache><max_size>1</max_size></metadata_cache></driver>{FILE}{VDA}"),
        "<metadata_cache> is for",
    ),
    (disk(f"<source file='/a' fdgroup='g'/>{VDA}"), "no file descriptors were given for the group 'g'"),
    (disk(f"<source file='/a'/>{VDA}", "type='tape'"), "there is no type='tape'"),
    (disk(f"<source pool='a'/>{VDA}", "type='volume'"), "names both a pool and a volume"),
    (disk(f"<source type='pci' namespace='0'><address slot='0x01'/></source>{VDA}", "type='nvme'"), "counted from 1"),
    (disk(f"<source type='pci' namespace='1'/>{VDA}", "type='nvme'"), "with the <address> of the controller"),
    (
        disk(f"{FILE}<backingStore type='file'><source file='/b'/></backingStore>{VDA}"),
        "a <backingStore> has a <format>",
    ),
    (
        disk(
            "<source file='/a'><dataStore type='file'><format type='raw'/><source file='/b'/></dataStore></source>"
            + VDA
        ),
        "<dataStore> is for the format 'qcow2' only.",
    ),
    (disk(f"<source file='/a'><slices><slice type='storage' offset='1'/></slices></source>{VDA}"), "a <slice> has"),
    (disk(f"<source file='/a'><snapshot name='b'/></source>{VDA}"), "<snapshot> is for protocol='rbd' only."),
    # network
    (network("sheepdog"), "QEMU has no protocol 'sheepdog'; write one of nbd, rbd,"),
    (network("iscsi", ""), "a source with protocol='iscsi' has exactly one <host>."),
    (network("ssh", "<host name='a'/><host name='b'/>"), "has exactly one <host>."),
    (network("https", attributes=""), "a source with protocol='https' has a name."),
    (network("rbd", attributes="name='image'"), "the name for protocol='rbd' is pool/image, and not 'image'."),
    (network("nbd", "<host transport='unix'/>"), "a <host transport='unix'> has a socket."),
    (network("nbd", "<host transport='pigeon' name='a'/>"), "transport='pigeon' is none of tcp, unix and rdma."),
    (network("nfs", "<host name='a' port='1'/>"), "the <host> for protocol='nfs'"),
    (network("ftp", attributes="name='a' query='b'"), "query is for the protocols http, https only."),
    (network("http", attributes="name='a' tls='yes'"), "protocol='http' has no tls='yes'."),
    (network("https", "<host name='a'/><cookies><cookie name='b'>c;d</cookie></cookies>"), "a <cookie> has a name"),
    (network("nbd", f"<host name='a'/>{AUTH}"), "<auth> does not go with nbd."),
    (network("iscsi", f"<host name='a'/>{AUTH}"), "the secret for protocol='iscsi' has type='iscsi', not 'ceph'."),
    (
        disk(f"{AUTH}<source protocol='rbd' name='a/b'>{AUTH}</source>{VDA}", "type='network'"),
        "line 2: the disk 'vda' has <auth> twice; write it in the <source> only.",
    ),
    # encryption
    (
        encrypted("<cipher name='aes' size='256' mode='cbc' hash='sha256'/>", "format='luks'"),
        "a <cipher> is chosen when",
    ),
    (encrypted(SECRET, "format='qcow'"), "write format='luks'"),
    (encrypted(SECRET, "format='luks2'"), "QEMU itself only does format='luks'"),
    (encrypted("", "format='luks'"), "an <encryption> has a <secret> with the passphrase."),
    (encrypted(SECRET, "format='luks'", "vmdk"), "an image of format 'vmdk' cannot be encrypted"),
    (encrypted(SECRET + SECRET, "format='luks'"), "QEMU itself takes one <secret>"),
    (encrypted(SECRET, "format='luks' engine='librbd'"), "engine='librbd' is for protocol='rbd' only."),
    # vhost-user
    (disk(VHOST_USER + SDA, "type='vhostuser'"), "a vhostuser disk is on bus='virtio'"),
    (disk(f"<source type='tcp' path='/a'/>{VDA}", "type='vhostuser'"), "has <source type='unix' path='...'/>."),
    (disk(f"<driver cache='none'/>{VHOST_USER}{VDA}", "type='vhostuser'"), "a vhostuser disk has no cache"),
    (disk(VHOST_USER + VDA, "type='vhostuser'"), "needs memory that another process can see"),
)


@pytest.mark.parametrize(("disks", "words"), REFUSED, ids=[words[:40] for _disks, words in REFUSED])
def test_refused(disks: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        complete(domain_of(disks, rest="<iothreads>1</iothreads>"), facts())
    assert words in str(caught.value)
    assert str(caught.value).startswith("line ")


LACKING: Tuple[Tuple[str, str, str], ...] = (
    ("aio-io-uring", disk(f"<driver io='io_uring'/>{FILE}{VDA}"), "does not know io='io_uring'."),
    ("virtio-blk-queue-size", disk(f"<driver queue_size='64'/>{FILE}{VDA}"), "does not know queue_size."),
    ("disk-rotation-rate", disk(f"{FILE}<target dev='sda' bus='sata' rotation_rate='1'/>"), "rotation_rate"),
    ("usb-storage-removable", disk(f"{FILE}<target dev='sda' bus='usb' removable='on'/>"), "removable"),
    ("nbd-tls-hostname", network("nbd", attributes="name='a' tls='yes' tlsHostname='b'"), "tlsHostname"),
    (
        "drive-nvme",
        disk(f"<source type='pci' namespace='1'><address bus='0x01'/></source>{VDA}", "type='nvme'"),
        "NVMe",
    ),
    ("drive-virtio-vdpa", disk(f"<source dev='/dev/vhost-vdpa-0'/>{VDA}", "type='vhostvdpa'"), "vhost-vdpa"),
)


@pytest.mark.parametrize(("flag", "disks", "words"), LACKING, ids=[row[0] for row in LACKING])
def test_refused_by_this_qemu(flag: str, disks: str, words: str) -> None:
    complete(domain_of(disks), facts())
    with pytest.raises(UnsupportedConfig) as caught:
        complete(domain_of(disks), facts(flag))
    assert words in str(caught.value)


def test_a_volume_that_is_not_known_is_said_when_the_guest_starts() -> None:
    document = domain_of(disk(f"<source pool='fast' volume='gone'/>{VDA}", "type='volume'"))
    with pytest.raises(UnsupportedConfig) as caught:
        options_of(document, facts())
    assert "the volume 'gone' of the pool 'fast' is not known here." in str(caught.value)


def test_a_secret_that_is_not_known_is_said_without_its_value() -> None:
    cookies = "<host name='a.example.org'/><cookies><cookie name='session'>hidden</cookie></cookies>"
    for disks, words in (
        (encrypted(SECRET, "format='luks'"), "usage 'volume:images'"),
        (network("https", cookies), "cookies"),
    ):
        with pytest.raises(UnsupportedConfig) as caught:
            options_of(domain_of(disks), facts(secrets={}))
        assert words in str(caught.value)
        assert "hidden" not in str(caught.value)
