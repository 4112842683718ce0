# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests share: images in use, memory, names, what is deleted with a guest and what never is."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    InvalidArgument,
    NotFound,
    OperationFailed,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.model.domain.owned import mark_owned, owned_paths
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

OTHER = "/var/lib/corral/images/b.qcow2"


def shared(name: str, *flags: str) -> Element:
    """A guest whose disk has these flags."""
    found = document(name)
    for flag in flags:
        found.findall("devices/disk")[0].append(parse(f"<{flag}/>"))
    return found


def qcow(backing: str = "", snapshots: int = 0) -> bytes:
    """The head of an image with the name of the one below it."""
    name = backing.encode()
    head = b"QFI\xfb" + struct.pack(">IQIIQ", 3, 512 if name else 0, len(name), 16, 1 << 20)
    head = head.ljust(60, b"\0") + struct.pack(">I", snapshots)
    return head.ljust(512, b"\0") + name


# images in use


def test_a_second_guest_with_the_image_does_not_start(driver: QemuDriver) -> None:
    for name in ("a", "b"):
        driver.define_domain(document(name))
    driver.start_domain("a")
    with pytest.raises(OperationInvalid, match=f"The image {IMAGE} of guest b is in use by the guest a") as caught:
        driver.start_domain("b")
    assert caught.value.details["guest"] == "a"
    assert driver.lookup_domain("b").state == "shut off"
    driver.destroy_domain("a")
    driver.start_domain("b")


@pytest.mark.parametrize(("flags", "starts"), [(("readonly",), True), (("shareable",), True), ((), False)])
def test_flags_that_let_two_guests_have_one_image(driver: QemuDriver, flags: tuple[str, ...], starts: bool) -> None:
    for name in ("a", "b"):
        driver.define_domain(shared(name, *flags))
    driver.start_domain("a")
    if starts:
        assert driver.start_domain("b").active
    else:
        with pytest.raises(OperationInvalid, match="in use by the guest a"):
            driver.start_domain("b")


def test_one_that_only_reads_does_not_fit_beside_one_that_writes(driver: QemuDriver) -> None:
    driver.define_domain(document("a"))
    driver.define_domain(shared("b", "readonly"))
    driver.start_domain("a")
    with pytest.raises(OperationInvalid, match="in use by the guest a"):
        driver.start_domain("b")


def test_the_same_file_by_another_path(driver: QemuDriver, machine: GuestHost) -> None:
    machine.symlink(IMAGE, "/var/lib/corral/images/link.raw")
    driver.define_domain(document("a"))
    driver.define_domain(document("b", disk="/var/lib/corral/images/link.raw"))
    driver.start_domain("a")
    with pytest.raises(OperationInvalid, match="in use by the guest a"):
        driver.start_domain("b")


@pytest.mark.parametrize(("flags", "starts"), [((), False), (("readonly",), True), (("shareable",), True)])
def test_an_image_that_a_guest_has_twice(driver: QemuDriver, flags: tuple[str, ...], starts: bool) -> None:
    twice = "<disk type='file' device='disk'><source file='{}'/><target dev='vd{}' bus='virtio'/>{}</disk>"
    said = "".join(f"<{flag}/>" for flag in flags)
    driver.define_domain(document("a", "".join(twice.format(IMAGE, letter, said) for letter in "xy"), disk=""))
    if starts:
        driver.start_domain("a")
        return
    with pytest.raises(OperationInvalid, match=f"Guest a has the image {IMAGE} twice"):
        driver.start_domain("a")


def test_what_a_guest_writes_into_a_raw_image_is_no_head(driver: QemuDriver, machine: GuestHost) -> None:
    """Else it could keep another guest's image, or its own, from ever being deleted."""
    machine.add_file(IMAGE, qcow())
    machine.add_file(OTHER, qcow(IMAGE, snapshots=7))
    forged = document("b", disk=OTHER)
    mark_owned(forged, OTHER)
    mine = owner()
    for one in (forged, mine):
        driver.define_domain(one)
    assert driver.check_removal("a", storage="owned") == [IMAGE]
    assert driver.check_removal("b", storage="owned") == [OTHER]


def test_qemus_own_words_about_an_image_become_a_sentence(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document("a"))
    machine.dies = (
        b'2026-01-01T00:00:00.5Z qemu-system-x86_64: -device ...: Failed to get "write" lock\n'
        b"Is another process using the image [%s]?\n" % IMAGE.encode()
    )
    with pytest.raises(OperationFailed, match=f"its image {IMAGE} is in use by another program"):
        driver.start_domain("a")


def test_more_memory_than_the_host_has(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document("a"))
    machine.add_file("/proc/meminfo", b"MemTotal:       32768 kB\nMemFree: 1 kB\n")
    with pytest.raises(OperationInvalid, match="has 64 MiB of memory, and the whole host has 32 MiB"):
        driver.start_domain("a")


# names


def test_rename_keeps_everything_but_the_name(driver: QemuDriver, machine: GuestHost) -> None:
    before = driver.define_domain(document("a"))
    driver.set_domain_autostart("a", True)
    after = driver.rename_domain("a", "b")
    assert (after.name, after.uuid, after.autostart) == ("b", before.uuid, True)
    assert machine.below("/etc/corral") == ["/etc/corral/domains/autostart/b.xml", "/etc/corral/domains/b.xml"]
    assert driver.start_domain("b").state == "running"


def test_what_cannot_be_renamed(driver: QemuDriver) -> None:
    for name in ("a", "b"):
        driver.define_domain(document(name))
    with pytest.raises(AlreadyExists, match="another guest has that name"):
        driver.rename_domain("a", "b")
    with pytest.raises(InvalidArgument, match="slash"):
        driver.rename_domain("a", "x/y")
    with pytest.raises(NotFound):
        driver.rename_domain("nobody", "c")
    driver.start_domain("a")
    with pytest.raises(OperationInvalid, match="only a guest that is off can be renamed"):
        driver.rename_domain("a", "c")


def test_a_rename_that_was_cut_off_comes_to_its_end(machine: GuestHost) -> None:
    driver = driver_on(machine)
    driver.define_domain(document("a"))
    driver.set_domain_autostart("a", True)
    for step in range(1, 30):
        machine.kill_at(step)
        try:
            driver_on(machine).rename_domain("a", "b")
        except Killed:
            machine.revive()
            names = {found.name for found in driver_on(machine).list_domains()}
            assert names in ({"a"}, {"a", "b"}, {"b"})
            if "a" not in names:
                break
        else:
            break
    machine.revive()
    again = driver_on(machine)
    if again.store.read_config("a") is not None:
        again.rename_domain("a", "b")
    assert [(found.name, found.autostart) for found in again.list_domains()] == [("b", True)]


# removal


def layered(found: Element) -> Element:
    """The same guest, whose disks are qcow2 images."""
    for disk in found.findall("devices/disk"):
        disk.insert(0, parse("<driver name='qemu' type='qcow2'/>"))
    return found


def owner(name: str = "a", *paths: str) -> Element:
    found = document(name)
    for path in paths or (IMAGE,):
        mark_owned(found, path)
    return found


def test_the_mark_names_each_image_once() -> None:
    found = owner("a", "/x", "/y", "/x")
    assert owned_paths(found) == {"/x", "/y"}
    assert owned_paths(document()) == frozenset()
    assert len(found.findall("metadata/*/*")) == 2


def test_only_what_is_marked_goes(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(owner())
    assert driver.check_removal("a") == []
    assert driver.check_removal("a", storage="owned") == [IMAGE]
    driver.undefine_domain("a", storage="owned")
    assert machine.stat(IMAGE) is None


@pytest.mark.parametrize("flag", ["readonly", "shareable"])
def test_what_others_may_need_never_goes(driver: QemuDriver, machine: GuestHost, flag: str) -> None:
    found = shared("a", flag)
    mark_owned(found, IMAGE)
    mark_owned(found, "/etc/passwd")
    driver.define_domain(found)
    assert driver.check_removal("a", storage="owned") == []
    driver.undefine_domain("a", storage="owned")
    assert machine.stat(IMAGE) is not None


def test_keep_keeps(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(owner())
    driver.undefine_domain("a")
    assert machine.stat(IMAGE) is not None
    with pytest.raises(InvalidArgument, match="write keep or owned"):
        driver.define_domain(owner())
        driver.check_removal("a", storage="all")


def test_the_image_below_another_guests_image(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(OTHER, qcow("a.raw"))
    driver.define_domain(owner())
    driver.define_domain(layered(document("b", "", disk=OTHER)))
    with pytest.raises(OperationInvalid, match=f"its image {IMAGE} is also used by the guest b"):
        driver.undefine_domain("a", storage="owned")
    assert driver.lookup_domain("a").persistent and machine.stat(IMAGE) is not None


def test_images_that_go_round_in_circles(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(OTHER, qcow("b.qcow2"))
    driver.define_domain(owner())
    driver.define_domain(layered(document("b", disk=OTHER)))
    assert driver.check_removal("a", storage="owned") == [IMAGE]


def test_snapshots_and_holders_stand_in_the_way(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(IMAGE, qcow(snapshots=2))
    driver.define_domain(layered(owner()))
    with pytest.raises(OperationInvalid, match="holds 2 snapshots"):
        driver.check_removal("a", storage="owned")
    machine.add_file(IMAGE, b"raw")
    found = machine.stat(IMAGE)
    assert found is not None
    row = f"1: OFDLCK ADVISORY  READ -1 fe:00:{found.inode} 100 101\n"
    machine.add_file("/proc/locks", row.encode())
    with pytest.raises(OperationInvalid, match="is held open by another program"):
        driver.check_removal("a", storage="owned")


def test_a_guest_that_runs_keeps_what_it_uses(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(owner())
    driver.start_domain("a")
    assert driver.check_removal("a", storage="owned") == [IMAGE]
    with pytest.raises(OperationInvalid, match="stop it first"):
        driver.undefine_domain("a", storage="owned")
    assert machine.stat(IMAGE) is not None


# transient guests


def test_a_transient_guest_is_forgotten_when_it_ends(driver: QemuDriver, machine: GuestHost) -> None:
    made = driver.create_domain(document("t"))
    assert (made.state, made.persistent) == ("running", False)
    with pytest.raises(AlreadyExists):
        driver.create_domain(document("t"))
    machine.end("t", "guest-shutdown")
    with pytest.raises(NotFound):
        driver.lookup_domain("t")
    driver.settle()
    assert machine.below("/run/corral") == ["/run/corral/domains/.next-id"]


def test_a_creation_that_was_cut_off_leaves_nothing(machine: GuestHost) -> None:
    for step in range(1, 80):
        machine.kill_at(step)
        try:
            driver_on(machine).create_domain(document("t"))
        except Killed:
            machine.revive()
            found = driver_on(machine).list_domains()
            assert [domain.name for domain in found] in ([], ["t"])
            for domain in found:
                driver_on(machine).destroy_domain(domain.name)
            assert driver_on(machine).list_domains() == []
        else:
            break
    machine.revive()
    assert driver_on(machine).lookup_domain("t").state == "running"
