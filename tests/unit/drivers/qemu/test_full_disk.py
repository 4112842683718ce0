# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A full disk: what takes room fails and says where, what makes room works; and a host that goes down with guests."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, HostError
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.host.fake_files import refused
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import (
    IMAGE,
    RUNNER,
    GuestHost,
    document,
    driver_on,
)

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver

HANDED = "/var/lib/corral/handed/a.json"
ROOT = (0, 0)


class FullHost(GuestHost):
    """A host whose disks can be full: nothing can be written, and everything can be removed."""

    full = False
    room = 0  # how many more files fit

    def write(self, path: str, data: bytes, **given: Any) -> None:
        if self.full and not self.room:
            self.changing("write", path)
            raise refused("write", path, errno.ENOSPC)
        self.room = max(0, self.room - 1)
        super().write(path, data, **given)


@pytest.fixture
def machine() -> FullHost:
    """That host, with room yet."""
    return FullHost()


def test_what_takes_room_fails_and_says_where(driver: QemuDriver, machine: FullHost) -> None:
    driver.define_domain(document())
    before = dict(machine.files)
    machine.full = True
    for call in (
        lambda: driver.define_domain(document(more="<vcpu>2</vcpu>")),
        lambda: driver.start_domain("a"),
        lambda: driver.define_domain(document("b", disk="")),
        lambda: driver.create_domain(document("c", disk="")),
    ):
        with pytest.raises(HostError, match=r"Cannot write /.*: No space left on device\."):
            call()
    changed = {path for path in {*machine.files, *before} if machine.files.get(path) != before.get(path)}
    assert {path for path in changed if machine.files.get(path, before.get(path)).kind != "directory"} == set()
    machine.full = False
    assert driver.start_domain("a").state == "running"


@pytest.mark.parametrize("room", range(8))
def test_a_start_for_which_there_is_too_little_room(driver: QemuDriver, machine: FullHost, room: int) -> None:
    driver.define_domain(document())
    machine.full, machine.room = True, room
    with pytest.raises(HostError, match="No space left on device"):
        driver.start_domain("a")
    assert machine.guests == {} and driver.lookup_domain("a").state == "shut off"
    machine.full = False
    assert machine.owner(IMAGE) == ROOT
    assert driver_on(machine).start_domain("a").state == "running"


@pytest.mark.parametrize("room", range(3))
def test_a_guest_can_be_ended_and_removed(driver: QemuDriver, machine: FullHost, room: int) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.full, machine.room = True, room
    driver.destroy_domain("a")
    found = driver.lookup_domain("a")
    assert (found.state, found.reason) == ("shut off", "destroyed" if room else "unknown")
    assert machine.owner(IMAGE) == ROOT and machine.below("/run/corral/guests") == []
    driver_on(machine)
    driver.undefine_domain("a")
    assert machine.below("/etc/corral") == []
    assert machine.below("/run/corral") == ["/run/corral/domains/.next-id"]


def test_a_guest_that_ended_by_itself_is_cleaned_up_after(driver: QemuDriver, machine: FullHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.end("a", "guest-shutdown")
    machine.full = True
    assert driver_on(machine).lookup_domain("a").state == "shut off"
    assert machine.owner(IMAGE) == ROOT
    machine.full = False
    assert driver_on(machine).start_domain("a").state == "running"


# the list of what was handed


def test_the_list_is_on_the_disk_while_a_guest_has_images(driver: QemuDriver, machine: FullHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    assert machine.owner(IMAGE) == RUNNER
    assert machine.read(HANDED) == b'[["/var/lib/corral/images/a.raw", 0, 0]]\n'
    driver.destroy_domain("a")
    assert machine.owner(IMAGE) == ROOT and machine.stat(HANDED) is None


def test_a_host_that_went_down_gives_back_at_the_next_look(driver: QemuDriver, machine: FullHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.reboot()
    driver_on(machine, read_only=True)
    assert machine.owner(IMAGE) == RUNNER
    driver_on(machine)
    assert machine.owner(IMAGE) == ROOT and machine.stat(HANDED) is None


def test_a_transient_guest_of_a_host_that_went_down(driver: QemuDriver, machine: FullHost) -> None:
    driver.create_domain(document())
    machine.reboot()
    assert driver_on(machine).list_domains() == []
    assert machine.owner(IMAGE) == ROOT and machine.stat(HANDED) is None


def opened_beside_another_run(machine: FullHost) -> QemuDriver:
    """The driver of a run that could not give back what guest a had, since another run holds that guest."""
    machine.locks.add(driver_on(machine, read_only=True).layout().lock("domain", "a"))
    found = driver_on(machine)
    machine.locks.clear()
    assert machine.owner(IMAGE) == RUNNER
    return found


def test_a_start_right_after_that_hands_it_anew(driver: QemuDriver, machine: FullHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.reboot()
    driver = opened_beside_another_run(machine)
    driver.start_domain("a")
    assert machine.read(HANDED) == b'[["/var/lib/corral/images/a.raw", 0, 0]]\n'
    driver.destroy_domain("a")
    assert machine.owner(IMAGE) == ROOT


def test_whoever_borrows_it_next_knows_whose_it_is(driver: QemuDriver, machine: FullHost) -> None:
    for name in "ab":
        driver.define_domain(document(name))
    driver.start_domain("a")
    machine.reboot()
    driver = opened_beside_another_run(machine)
    driver.start_domain("b")
    driver_on(machine)
    assert machine.owner(IMAGE) == RUNNER
    driver.destroy_domain("b")
    assert machine.owner(IMAGE) == ROOT


def test_killed_while_the_host_gives_back(driver: QemuDriver, machine: FullHost) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    machine.reboot()
    for step in range(1, 12):
        machine.kill_at(step)
        try:
            driver_on(machine)
        except Killed:
            machine.revive()
            continue
        break
    machine.revive()
    assert machine.owner(IMAGE) == ROOT and machine.stat(HANDED) is None


def test_a_damaged_list_is_named(driver: QemuDriver, machine: FullHost) -> None:
    driver.define_domain(document())
    machine.add_file(HANDED, b"{")
    with pytest.raises(HostError, match=r"/var/lib/corral/handed/a\.json is damaged"):
        driver.start_domain("a")
    driver.define_domain(document("b", disk=""))


# names


def test_a_uuid_is_taken_from_the_moment_of_the_announcement(driver: QemuDriver, machine: FullHost) -> None:
    uuid = "<uuid>11111111-2222-3333-4444-555555555555</uuid>"
    asked = []

    def meanwhile(started: object) -> None:
        machine.on_spawn, before = (lambda process: None), machine.on_spawn
        for call in (driver_on(machine).create_domain, driver_on(machine).define_domain):
            with pytest.raises(AlreadyExists, match="belongs to guest a"):
                call(document("b", disk="", more=uuid))
            asked.append(call)
        machine.on_spawn = before
        before(started)  # type: ignore[arg-type]

    driver.version()  # asks QEMU what it can do, which spawns one
    real = machine.on_spawn
    machine.on_spawn = lambda started: (setattr(machine, "on_spawn", real), meanwhile(started))[1]
    driver.create_domain(document("a", disk="", more=uuid))
    assert len(asked) == 2
    assert [domain.name for domain in driver.list_domains()] == ["a"]
