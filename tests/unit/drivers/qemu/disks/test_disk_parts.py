# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of disks: names, places, the boot order, what a start adds, limits, sealed secrets."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu import sealing
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.throttle import throttle_command
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices import disk_names
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.boot import boot_index
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.disk_live import disk_secrets
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete, live
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.model.domain.device import Device
from ansible_collections.corral.virt.plugins.module_utils.model.domain.disk import Disk
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.disks.disk_facts import domain_of, facts


@pytest.mark.parametrize(
    ("name", "index"),
    [("vda", 0), ("sdz", 25), ("sdaa", 26), ("hdzz", 701), ("xvdb", 1), ("hda3", 0), ("nvme0", None), ("sd", None)],
)
def test_a_name_has_a_number(name: str, index: int) -> None:
    assert disk_names.index_of(name) == index


def test_a_name_that_counts_beyond_everything_is_none() -> None:
    assert disk_names.index_of("hdaxxxxxxxxxx") is None


@pytest.mark.parametrize(
    ("bus", "index", "place"),
    [
        ("ide", 3, (0, 1, 0, 1)),
        ("ide", 4, (1, 0, 0, 0)),
        ("sata", 7, (1, 0, 0, 1)),
        ("scsi", 6, (0, 0, 0, 6)),
        ("scsi", 7, (1, 0, 0, 0)),
        ("fdc", 1, (0, 0, 0, 1)),
        ("virtio", 1, None),
    ],
)
def test_a_number_has_a_place(bus: str, index: int, place: object) -> None:
    assert disk_names.address_of(bus, index) == place


def indexes(os: str, devices: str) -> list[object]:
    domain = Domain(parse(f"<domain><os>{os}</os><devices>{devices}</devices></domain>"))
    return [boot_index(Device(element), domain) for element in domain.devices()]


def test_the_first_device_of_a_kind_boots() -> None:
    devices = (
        "<disk/><disk device='cdrom'/><disk/><interface/><disk device='cdrom'/><interface/><disk device='floppy'/>"
    )
    order = "<boot dev='network'/><boot dev='hd'/><boot dev='fd'/>"
    assert indexes(order, devices) == [2, None, None, 1, None, None, 3]


def test_an_order_of_devices_is_taken_as_it_is() -> None:
    devices = "<disk><boot order='2'/></disk><disk/><hostdev><boot order='1'/></hostdev>"
    assert indexes("", devices) == [2, None, 1]


def test_a_start_adds_found_images_and_numbers_and_keeps_those_there_are() -> None:
    disks = (
        "<disk><driver type='qcow2'/><source file='/images/found.qcow2'/><target dev='vda'/></disk>"
        "<disk><source file='/images/b.raw'/><target dev='vdb'/></disk><disk device='cdrom'><target dev='sda'/></disk>"
    )
    once = live(complete(domain_of(disks), facts()), facts())
    first, second, empty = Domain(once).all(Disk)
    assert first.source is not None and first.source.index == 2
    assert second.source is not None and second.source.index == 1
    assert empty.source is None
    found = [(store.get("type"), store.get("index")) for store in once.iter("backingStore")]
    assert found == [("file", "3"), ("block", "4"), (None, None)]
    once.find("devices").remove(second.element)  # type: ignore[union-attr]
    again = live(once, facts())
    assert [element.get("index") for element in again.iter("source", "backingStore")] == [
        "2",
        "3",
        None,
        "4",
        None,
        None,
    ]


def test_a_stored_document_has_no_numbers_and_no_copy_job() -> None:
    disks = (
        "<disk><source file='/a' index='3'/><mirror type='file' job='copy'><source file='/b'/></mirror>"
        "<target dev='vda'/></disk>"
    )
    document = complete(domain_of(disks), facts())
    assert document.find(".//mirror") is None
    assert "index" not in Domain(document).all(Disk)[0].element.find("source").attrib  # type: ignore[union-attr]


def test_limits_become_a_command() -> None:
    disks = (
        "<disk><source file='/a'/><target dev='vda'/><iotune><total_bytes_sec>1000</total_bytes_sec>"
        "<total_bytes_sec_max>2000</total_bytes_sec_max><total_bytes_sec_max_length>3</total_bytes_sec_max_length>"
        "<group_name>g</group_name></iotune></disk><disk><source file='/b'/><target dev='vdb'/></disk>"
    )
    first, second = Domain(live(complete(domain_of(disks), facts()), facts())).all(Disk)
    command = throttle_command(first)
    assert {name: value for name, value in command.items() if value} == {
        "id": "virtio-disk0",
        "bps": 1000,
        "bps_max": 2000,
        "bps_max_length": 3,
        "group": "g",
    }
    assert len(command) == 16
    assert throttle_command(second) == {}


def test_the_secrets_of_disks_are_known_before_the_start() -> None:
    disks = (
        "<disk type='network'><source protocol='https' name='a'><host name='a.example.org'/><cookies>"
        "<cookie name='a'>b</cookie></cookies><encryption format='luks'>"
        "<secret type='passphrase' usage='u'/></encryption>"
        "</source><target dev='vda'/></disk>"
    )
    context = facts()
    needs = disk_secrets(Domain(live(complete(domain_of(disks), context), context)), context)
    assert [(need.id, need.key) for need in needs] == [
        ("libvirt-1-storage-httpcookie-secret0", ("text", "a=b")),
        ("libvirt-1-format-encryption-secret0", ("usage", "volume:u")),
    ]


def test_the_cipher_is_aes_256() -> None:
    """FIPS 197, appendix C.3."""
    keys = sealing._expand(bytes(range(32)))
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert sealing.encrypt_block(block, keys).hex() == "8ea2b7ca516745bfeafc49904b496089"


def test_blocks_are_chained() -> None:
    """NIST SP 800-38A, F.2.5, the first two blocks; the padding makes a third."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    text = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    out = sealing._cbc(text, key, bytes(range(16)))
    assert out.hex() == "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
    sealed = sealing.seal(text, key, bytes(range(16)))
    assert sealed.iv == "AAECAwQFBgcICQoLDA0ODw=="
    assert len(sealed.data) == 64


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="32 bytes"):
        sealing.seal(b"a", b"short", bytes(16))
