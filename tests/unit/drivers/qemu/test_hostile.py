# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody may do to us: numbers out of all bounds, damaged files of other guests, a journal that is no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.journal import MOST as JOURNAL
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, XmlError
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

FLOOD = b'{"event": "ACPI_DEVICE_OST"}\n'


@pytest.mark.parametrize(
    "device",
    [
        "<controller type='pci' index='4294967295' model='pcie-root-port'/>",
        "<controller type='scsi' index='4000000'/>",
        "<disk type='file' device='cdrom'><target dev='sda' bus='scsi'/>"
        "<address type='drive' controller='4000000' unit='0'/></disk>",
        "<serial type='pty'><target port='-2'/></serial>",
        "<serial type='pty'><target port='-1'/></serial>",
        "<console type='pty'><target type='virtio' port='100000000'/></console>",
    ],
)
def test_no_number_is_counted_up_to(driver: QemuDriver, device: str) -> None:
    with pytest.raises(XmlError, match=r"is (beyond|below) "):
        driver.define_domain(document(devices=device))


def test_iothreads_have_a_limit(driver: QemuDriver) -> None:
    with pytest.raises(XmlError, match="at most 1024"):
        driver.define_domain(document(more="<iothreads>4000000000</iothreads>"))


def test_devices_have_a_limit(driver: QemuDriver) -> None:
    with pytest.raises(XmlError, match="the guest has 50001 devices; no machine has room for more than 1024"):
        driver.define_domain(document(devices="<serial type='null'/>" * 50000))


def test_a_damaged_definition_hides_no_other_guest(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_file("/etc/corral/domains/bad.xml", b"<x")
    driver.define_domain(document())
    found = {domain.name: domain.reason for domain in driver.list_domains()}
    assert found == {"a": "unknown", "bad": "damaged"}


def test_a_renamed_guest_takes_its_uuid_along(driver: QemuDriver) -> None:
    old = driver.define_domain(document()).uuid
    driver.rename_domain("a", "b")
    new = driver.define_domain(document()).uuid
    assert driver.lookup_domain("b").uuid == old != new
    with pytest.raises(AlreadyExists):
        driver.define_domain(document(more=f"<uuid>{old}</uuid>", name="c"))


def test_a_flooded_journal_is_read_from_its_end(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    path = "/run/corral/guests/a/journal"
    machine.add_file(path, FLOOD * (JOURNAL // len(FLOOD) + 10))
    assert driver.lookup_domain("a").state == "running"
    assert len(driver.site.journal("a").entries) <= JOURNAL // len(FLOOD) + 1
    machine.add_file(path, FLOOD * (JOURNAL // len(FLOOD) + 10) + b'{"event": "STOP"}\n')
    assert driver.lookup_domain("a").state == "paused"


def test_a_journal_that_is_no_file_is_not_read(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.add_node("/run/corral/guests/a/journal", "char")
    assert driver.site.journal("a").entries == ()
