# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images are handed to QEMU's user and given back, kernels that it cannot read are copied for it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, OperationFailed
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.images import Owner
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

SHARED = "/var/lib/corral/images/shared.iso"
CDROM = f"<disk type='file' device='cdrom'><source file='{SHARED}'/><target dev='sda' bus='sata'/><readonly/></disk>"


@pytest.fixture
def two(driver: QemuDriver, machine: GuestHost) -> QemuDriver:
    """Two guests that share a read-only image, which nobody but its owner may read."""
    machine.add_file(SHARED, b"iso", mode=0o600, owner=(1000, 1000))
    for name in "ab":
        driver.define_domain(document(name, CDROM, disk=""))
        driver.start_domain(name)
    return driver


def test_the_last_of_two_gives_a_shared_image_back(two: QemuDriver, machine: GuestHost) -> None:
    assert machine.owner(SHARED) == RUNNER
    two.destroy_domain("a")
    assert machine.owner(SHARED) == RUNNER
    two.destroy_domain("b")
    assert machine.owner(SHARED) == (1000, 1000)


def test_the_first_may_end_last(two: QemuDriver, machine: GuestHost) -> None:
    two.destroy_domain("b")
    assert machine.owner(SHARED) == RUNNER
    two.destroy_domain("a")
    assert machine.owner(SHARED) == (1000, 1000)


def test_a_guest_that_is_killed_and_one_that_starts(two: QemuDriver, machine: GuestHost) -> None:
    machine.end("a")
    two.destroy_domain("b")
    two.start_domain("b")  # while nobody has cleaned up after a yet
    assert driver_on(machine).lookup_domain("a").reason == "crashed"
    assert machine.owner(SHARED) == RUNNER
    driver_on(machine).destroy_domain("b")
    assert machine.owner(SHARED) == (1000, 1000)


def test_both_are_killed(two: QemuDriver, machine: GuestHost) -> None:
    machine.end("a")
    machine.end("b")
    driver_on(machine)
    assert machine.owner(SHARED) == (1000, 1000)


def test_a_failed_start_leaves_the_image_to_the_other(two: QemuDriver, machine: GuestHost) -> None:
    two.destroy_domain("b")
    machine.dies = b"no\n"
    with pytest.raises(OperationFailed):
        two.start_domain("b")
    assert machine.owner(SHARED) == RUNNER
    two.destroy_domain("a")
    assert machine.owner(SHARED) == (1000, 1000)


@pytest.mark.parametrize(
    ("mode", "owner", "handed"),
    [
        (0o600, (0, 0), True),
        (0o644, (0, 0), True),  # the disk is written to
        (0o666, (0, 0), False),
        (0o600, RUNNER, False),
        (0o660, (0, RUNNER[1]), False),
        (0o660, (0, 36), False),  # a group of the user's
        (0o640, (0, RUNNER[1]), True),
        (0o066, RUNNER, True),  # the owner's own bits count, and giving it to itself does not help
    ],
)
def test_only_what_cannot_be_used_is_handed(machine: GuestHost, mode: int, owner: Owner, handed: bool) -> None:
    machine.user_groups["libvirt-qemu"] = (36,)
    machine.add_file(IMAGE, b"", mode=mode, owner=owner)
    driver = driver_on(machine)
    driver.define_domain(document())
    before = len(machine.calls)
    with suppress(OperationFailed):
        driver.start_domain("a")
    assert ("change_owner" in [call for call, _subject in machine.calls[before:]]) == handed


def test_an_image_behind_a_link(driver: QemuDriver, machine: GuestHost) -> None:
    machine.symlink(IMAGE, "/var/lib/corral/images/link.raw")
    driver.define_domain(document(disk="/var/lib/corral/images/link.raw"))
    driver.start_domain("a")
    assert machine.owner(IMAGE) == RUNNER
    driver.destroy_domain("a")
    assert machine.owner(IMAGE) == (0, 0)


def test_an_image_that_somebody_took_meanwhile_is_left_to_him(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.files[IMAGE] = replace(machine.files[IMAGE], owner=(1000, 1000))
    driver.destroy_domain("a")
    assert machine.owner(IMAGE) == (1000, 1000)


def test_an_image_that_was_removed_meanwhile(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.remove(IMAGE)
    driver.destroy_domain("a")
    assert driver.lookup_domain("a").reason == "destroyed"


def test_backing_files_are_handed_too(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(SHARED, b"", mode=0o600)
    machine.add_file(IMAGE, b"QFI\xfb" + bytes(508))
    backing = f"<backingStore type='file'><format type='raw'/><source file='{SHARED}'/><backingStore/></backingStore>"
    found = document(
        devices="<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
        f"<source file='{IMAGE}'/>{backing}<target dev='vda' bus='virtio'/></disk>",
        disk="",
    )
    driver.define_domain(found)
    driver.start_domain("a")
    assert machine.owner(SHARED) == RUNNER
    driver.destroy_domain("a")
    assert machine.owner(SHARED) == (0, 0)


def test_a_directory_in_the_way(driver: QemuDriver, machine: GuestHost) -> None:
    machine.files["/root"] = replace(machine.files["/root"], mode=0o700)
    machine.add_file("/root/vm/a.raw", b"")
    driver.define_domain(document(disk="/root/vm/a.raw"))
    with pytest.raises(HostError) as caught:
        driver.start_domain("a")
    assert caught.value.message.startswith("QEMU runs as libvirt-qemu, who cannot pass through /root to /root/vm/a.raw")
    assert caught.value.hint == "Move it to /var/lib/corral/images, or let everybody through: chmod o+x /root"
    machine.change_mode("/root", 0o701)
    assert driver.start_domain("a").state == "running"


def test_nothing_is_handed_by_a_user(machine: GuestHost) -> None:
    machine.identity = (1000, 1000)
    machine.environment["HOME"] = "/home/me"
    machine.add_directory("/home/me", owner=(1000, 1000))
    driver = driver_on(machine, "qemu:///session")
    driver.define_domain(document())
    driver.start_domain("a")
    command = machine.guests["a"].process.command
    assert command is not None and command.user is None
    assert machine.owner(IMAGE) == (0, 0)
    assert machine.below("/etc") == []


def test_a_bare_host_has_no_user_for_qemu(machine: GuestHost) -> None:
    del machine.users["libvirt-qemu"]
    driver = driver_on(machine)
    driver.define_domain(document())
    driver.start_domain("a")
    assert machine.owner(IMAGE) == (64055, 64055)


# kernels


def boot(driver: QemuDriver, kernel: str, initrd: str) -> None:
    found = document()
    holder = found.find("os")
    assert holder is not None
    for tag, path in (("kernel", kernel), ("initrd", initrd), ("cmdline", "console=ttyS0 a,b")):
        part = found.makeelement(tag, {})
        part.text = path
        holder.append(part)
    driver.define_domain(found)


def test_a_kernel_that_qemu_cannot_read_is_copied(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_file("/boot/vmlinuz", b"kernel", mode=0o600)
    machine.add_file("/boot/initrd", b"initrd", mode=0o644)
    boot(driver, "/boot/vmlinuz", "/boot/initrd")
    driver.start_domain("a")
    command = machine.guests["a"].process.command
    assert command is not None
    argv = command.argv
    assert argv[argv.index("-kernel") + 1] == "/run/corral/guests/a/kernel"
    assert argv[argv.index("-initrd") + 1] == "/boot/initrd"
    assert argv[argv.index("-append") + 1] == "console=ttyS0 a,b"
    staged = machine.files["/run/corral/guests/a/kernel"]
    assert (staged.data, staged.mode, staged.owner) == (b"kernel", 0o440, (0, RUNNER[1]))
    assert machine.owner("/boot/vmlinuz") == (0, 0)
    assert driver.domain_xml("a").findtext("os/kernel") == "/boot/vmlinuz"
    driver.destroy_domain("a")
    assert machine.stat("/run/corral/guests/a/kernel") is None


def test_a_kernel_in_a_closed_directory_is_copied(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_directory("/secret", mode=0o700)
    machine.add_file("/secret/vmlinuz", b"kernel")
    boot(driver, "/secret/vmlinuz", "/secret/vmlinuz")
    driver.start_domain("a")
    names = ["/run/corral/guests/a/initrd", "/run/corral/guests/a/kernel"]
    assert [path for path in machine.below("/run/corral/guests/a") if path in names] == names


@pytest.mark.parametrize("role", ["kernel", "initrd"])
def test_a_kernel_that_is_not_there(driver: QemuDriver, machine: GuestHost, role: str) -> None:
    machine.add_file("/boot/vmlinuz", b"kernel")
    boot(driver, *(("/gone", "/boot/vmlinuz") if role == "kernel" else ("/boot/vmlinuz", "/gone")))
    with pytest.raises(HostError, match=f"The {role} /gone of guest a does not exist. Correct its path."):
        driver.start_domain("a")
    assert machine.below("/run/corral/domains") == []
