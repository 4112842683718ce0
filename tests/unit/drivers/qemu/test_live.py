# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing a guest that runs: what QEMU is told, what is written down, and what has drifted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.journal import events
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.observe import drifted
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.vcpus import set_vcpus
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    MonitorError,
    OperationFailed,
    OperationInvalid,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.host.fake_monitor import FakeMonitor
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import (
    DOMAIN,
    persistent_form,
    running_form,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import Change, compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import RUNNER, document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

ISO_A, ISO_B, FLOPPY = "/srv/a.iso", "/srv/b.iso", "/srv/f.img"
MEMORY = 64 * 1024
DRIVE = "/machine/peripheral/sata0-0-0"


class Drives:
    """The drives and CPUs of a QEMU: what its monitor answers."""

    def __init__(self, cpus: int = 1, most: int = 4) -> None:
        self.node: Optional[str] = "libvirt-1-storage"
        self.foreign: Dict[str, Any] = {}
        self.open = False
        self.locked = False
        self.nodes = {"libvirt-1-storage", "libvirt-2-storage"}
        self.limits: Dict[str, int] = {}
        self.cpus = [f"/machine/unattached/device[{n}]" if n < cpus else "" for n in range(most)]
        self.monitor: Optional[FakeMonitor] = None

    def answers(self, monitor: FakeMonitor) -> Dict[str, Any]:
        self.monitor = monitor
        return {
            "query-block": lambda given: self.rows(),
            "query-named-block-nodes": lambda given: [{"node-name": node} for node in sorted(self.nodes)],
            "query-hotpluggable-cpus": lambda given: self.places(),
            "blockdev-add": lambda given: self.nodes.add(given["node-name"]),
            "blockdev-del": lambda given: self.nodes.discard(given["node-name"]),
            "blockdev-open-tray": self.open_tray,
            "blockdev-close-tray": lambda given: setattr(self, "open", False),
            "blockdev-remove-medium": self.remove,
            "blockdev-insert-medium": lambda given: setattr(self, "node", given["node-name"]),
            "block_set_io_throttle": self.throttle,
            "device_add": self.plug,
            "device_del": self.unplug,
            "set_link": {},
            "balloon": {},
            "set_password": {},
            "expire_password": {},
        }

    def rows(self) -> List[Dict[str, Any]]:
        row: Dict[str, Any] = {"device": "", "qdev": DRIVE, "tray_open": self.open, "locked": self.locked}
        if self.node is not None:
            row["inserted"] = {"node-name": self.node, **self.foreign}
        disk = {"node-name": "libvirt-1-storage", **self.limits}
        return [row, {"device": "", "qdev": "/machine/peripheral/virtio-disk0/virtio-backend", "inserted": disk}]

    def open_tray(self, given: Mapping[str, Any]) -> None:
        if self.locked and not given["force"]:
            return  # QEMU asks the guest, and says nothing
        self.open = True

    def remove(self, given: Mapping[str, Any]) -> None:
        if not self.open:
            raise MonitorError("blockdev-remove-medium", "GenericError", "Tray of device is not open")
        self.node, self.foreign = None, {}

    def throttle(self, given: Mapping[str, Any]) -> None:
        self.limits = {name: value for name, value in given.items() if name != "id"}

    def places(self) -> List[Dict[str, Any]]:
        rows = [
            {"type": "qemu64-x86_64-cpu", "vcpus-count": 1, "props": {"socket-id": n}, **({"qom-path": p} if p else {})}
            for n, p in enumerate(self.cpus)
        ]
        return rows[::-1]

    def plug(self, given: Mapping[str, Any]) -> None:
        self.cpus[given["socket-id"]] = f"/machine/peripheral/{given['id']}"

    def unplug(self, given: Mapping[str, Any]) -> None:
        path = given["id"] if given["id"].startswith("/") else f"/machine/peripheral/{given['id']}"
        self.cpus[self.cpus.index(path)] = ""


def devices(cd: str = ISO_A, link: str = "", passwd: str = "sesame", tune: str = "", cd_tune: str = "") -> str:
    source = f"<source file='{cd}'/>" if cd else ""
    return (
        f"<disk type='file' device='cdrom'>{source}<target dev='sda' bus='sata'/>{cd_tune}</disk>"
        f"<disk type='file' device='disk'><source file='{FLOPPY}'/><target dev='vdb' bus='virtio'/>{tune}</disk>"
        f"<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>{link}</interface>"
        f"<graphics type='vnc' passwd='{passwd}'/>"
    )


def guest(more: str = "<vcpu current='1'>4</vcpu>", **parts: str) -> Element:
    return document("a", devices(**parts), more=more, disk="")


@pytest.fixture
def drives(machine: GuestHost, driver: QemuDriver) -> Drives:
    """A guest that runs with a cdrom, a limited disk, a link and a password."""
    machine.add_directory("/srv", mode=0o711)
    for path in (ISO_A, ISO_B, FLOPPY):
        machine.add_file(path, b"medium", mode=0o600)
    driver.define_domain(guest())
    driver.start_domain("a")
    found = Drives()
    monitor = machine.guests["a"].monitor
    monitor.answers.update(found.answers(monitor))
    monitor.commands.clear()
    # the numbers that the start has given to the images
    found.node = "libvirt-2-storage"
    return found


def changes(driver: QemuDriver, wanted: Element) -> tuple[Element, tuple[Change, ...]]:
    """What the plan would hand over: the complete wanted document, and what the guest does not have of it."""
    done = driver.normalise_domain(wanted)
    live = driver.observe_domain("a", done)
    return done, compare(running_form(live, done), persistent_form(done), DOMAIN)


def change(driver: QemuDriver, wanted: Element, *, force: bool = False) -> None:
    done, found = changes(driver, wanted)
    driver.update_domain("a", done, found, force=force)


def told(drives: Drives) -> List[str]:
    """The commands that change something, in their order."""
    assert drives.monitor is not None
    return [command for command, _given in drives.monitor.commands if not command.startswith("query-")]


def arguments(drives: Drives, command: str) -> Dict[str, Any]:
    assert drives.monitor is not None
    return next(given for name, given in drives.monitor.commands if name == command)


def opened(machine: GuestHost) -> int:
    return [call for call, _subject in machine.calls].count("open_monitor")


LIMITED = "<iotune><total_bytes_sec>1000</total_bytes_sec></iotune>"

# (the document, what QEMU is told, a command and what is among its arguments)
ROWS: List[Any] = [
    ({"more": "<vcpu current='1'>4</vcpu><title>t</title><description>d</description>"}, [], None, {}),
    ({"more": "<vcpu current='1'>4</vcpu><metadata><x xmlns='urn:x'/></metadata>"}, [], None, {}),
    (
        {"more": "<vcpu current='1'>4</vcpu><currentMemory unit='MiB'>48</currentMemory>"},
        *(["balloon"], "balloon", {"value": 48 * 1024**2}),
    ),
    ({"more": "<vcpu current='2'>4</vcpu>"}, ["device_add"], "device_add", {"id": "vcpu1", "socket-id": 1}),
    ({"more": "<vcpu>4</vcpu>"}, ["device_add"] * 3, "device_add", {"driver": "qemu64-x86_64-cpu"}),
    ({"link": "<link state='down'/>"}, ["set_link"], "set_link", {"name": "net0", "up": False}),
    ({"link": "<link state='up'/>"}, ["set_link"], "set_link", {"name": "net0", "up": True}),
    (
        {"passwd": "other"},
        *(["set_password", "expire_password"], "set_password", {"protocol": "vnc", "password": "other"}),
    ),
    (
        {"tune": LIMITED},
        *(["block_set_io_throttle"], "block_set_io_throttle"),
        {"id": "/machine/peripheral/virtio-disk1/virtio-backend", "bps": 1000, "bps_rd": 0},
    ),
    (
        {"cd": ISO_B},
        [
            *("blockdev-add", "blockdev-open-tray", "blockdev-remove-medium", "blockdev-insert-medium"),
            *("blockdev-close-tray", "blockdev-del"),
        ],
        *("blockdev-insert-medium", {"id": "sata0-0-0", "node-name": "libvirt-3-storage"}),
    ),
    (
        {"cd": ""},
        ["blockdev-open-tray", "blockdev-remove-medium", "blockdev-close-tray", "blockdev-del"],
        *("blockdev-del", {"node-name": "libvirt-2-storage"}),
    ),
]


@pytest.mark.parametrize(("parts", "commands", "command", "given"), ROWS)
def test_each_row_tells_qemu_and_is_written_down(
    driver: QemuDriver,
    drives: Drives,
    parts: Dict[str, str],
    commands: List[str],
    command: Optional[str],
    given: Dict[str, Any],
) -> None:
    wanted = guest(**parts)
    change(driver, wanted)
    assert told(drives) == commands
    if command:
        assert given.items() <= arguments(drives, command).items()
    _done, left = changes(driver, wanted)
    assert left == ()


def test_all_changes_of_a_run_take_one_session(driver: QemuDriver, drives: Drives, machine: GuestHost) -> None:
    done, found = changes(driver, guest(cd=ISO_B, link="<link state='down'/>", passwd="other"))
    before = opened(machine)
    driver.update_domain("a", done, found)
    assert opened(machine) == before + 1


def test_what_qemu_does_not_know_of_takes_no_session(driver: QemuDriver, drives: Drives, machine: GuestHost) -> None:
    done, found = changes(driver, guest(more="<vcpu current='1'>4</vcpu><title>t</title>"))
    before = opened(machine)
    driver.update_domain("a", done, found)
    assert opened(machine) == before
    assert driver.domain_xml("a").findtext("title") == "t"


# failures


def test_a_failure_in_the_middle_tells_the_truth(driver: QemuDriver, drives: Drives, machine: GuestHost) -> None:
    assert drives.monitor is not None
    drives.monitor.answers["set_link"] = MonitorError("set_link", "DeviceNotFound", "Device 'net0' not found")
    wanted = guest(more="<vcpu current='2'>4</vcpu>", link="<link state='down'/>", passwd="others")
    with pytest.raises(
        OperationFailed, match=r"interface.*not found.*Before that were applied: /domain/vcpu"
    ) as caught:
        change(driver, wanted)
    assert caught.value.details["applied"] == ["/domain/vcpu/@current: 1 -> 2"]
    assert len(caught.value.details["not_applied"]) == 2
    live = driver.domain_xml("a")
    assert live.find("vcpu").get("current") == "2"  # type: ignore[union-attr]
    assert live.find("devices/interface/link") is None
    assert "others" not in str(caught.value) + json.dumps(caught.value.details)
    drives.monitor.answers["set_link"] = {}
    change(driver, wanted)
    assert changes(driver, wanted)[1] == ()


def test_an_image_that_is_no_good_leaves_the_drive_as_it_was(
    driver: QemuDriver, drives: Drives, machine: GuestHost
) -> None:
    assert drives.monitor is not None
    drives.monitor.answers["blockdev-add"] = MonitorError("blockdev-add", "GenericError", "Could not open it")
    with pytest.raises(OperationFailed, match="Could not open it"):
        change(driver, guest(cd=ISO_B))
    assert drives.node == "libvirt-2-storage"
    assert driver.domain_xml("a").find("devices/disk/source").get("file") == ISO_A  # type: ignore[union-attr]
    assert machine.owner(ISO_B) == (0, 0)
    assert machine.owner(ISO_A) == RUNNER


def test_a_medium_that_is_out_is_not_written_down_as_in(driver: QemuDriver, drives: Drives) -> None:
    assert drives.monitor is not None
    drives.monitor.answers["blockdev-insert-medium"] = MonitorError("blockdev-insert-medium", "GenericError", "no")
    with pytest.raises(OperationFailed):
        change(driver, guest(cd=ISO_B))
    drive = next(disk for disk in driver.domain_xml("a").findall("devices/disk") if disk.get("device") == "cdrom")
    assert drive.find("source") is None
    assert "libvirt-3-storage" not in drives.nodes


def test_an_image_that_is_not_there(driver: QemuDriver, drives: Drives) -> None:
    done, found = changes(driver, guest(cd="/srv/none.iso"))
    with pytest.raises(OperationFailed, match=r"/srv/none\.iso of guest a does not exist"):
        driver.update_domain("a", done, found)
    assert told(drives) == []


def test_a_locked_medium_is_taken_out_by_force_only(driver: QemuDriver, drives: Drives) -> None:
    drives.locked = True
    with pytest.raises(OperationFailed, match=r"locked the medium.*force: true"):
        change(driver, guest(cd=ISO_B))
    assert drives.node == "libvirt-2-storage"
    change(driver, guest(cd=ISO_B), force=True)
    assert drives.node == "libvirt-3-storage"


def test_limits_are_told_when_the_medium_is_in(driver: QemuDriver, drives: Drives) -> None:
    change(driver, guest(cd_tune=LIMITED))
    drives.node = None
    assert drives.monitor is not None
    drives.monitor.commands.clear()
    change(driver, guest(cd=ISO_B, cd_tune=LIMITED.replace("1000", "2000")))
    assert told(drives).index("blockdev-insert-medium") < told(drives).index("block_set_io_throttle")


def test_what_has_no_row_is_refused_before_anything_is_done(driver: QemuDriver, drives: Drives) -> None:
    done, found = changes(driver, guest(more="<vcpu current='2'>8</vcpu>"))
    with pytest.raises(OperationInvalid, match="/domain/vcpu of guest a cannot be changed while the guest runs"):
        driver.update_domain("a", done, found)
    assert told(drives) == []


def test_a_guest_that_is_off_is_refused(driver: QemuDriver, drives: Drives) -> None:
    done, found = changes(driver, guest(link="<link state='down'/>"))
    driver.destroy_domain("a")
    with pytest.raises(OperationInvalid, match="not running"):
        driver.update_domain("a", done, found)


# whose the images are


def test_media_are_handed_over_and_given_back(driver: QemuDriver, drives: Drives, machine: GuestHost) -> None:
    assert (machine.owner(ISO_A), machine.owner(ISO_B)) == (RUNNER, (0, 0))
    change(driver, guest(cd=ISO_B))
    assert (machine.owner(ISO_A), machine.owner(ISO_B)) == ((0, 0), RUNNER)
    change(driver, guest(cd=""))
    assert machine.owner(ISO_B) == (0, 0)
    assert machine.owner(FLOPPY) == RUNNER
    driver.destroy_domain("a")
    assert machine.owner(FLOPPY) == (0, 0)


def test_killed_anywhere_it_is_found_and_made(machine: GuestHost, driver: QemuDriver, drives: Drives) -> None:
    """Each kill leaves a guest that the next run brings to what is wanted, and images that come back in the end."""
    wanted, other = guest(cd=ISO_B, link="<link state='down'/>"), guest(cd=ISO_A, link="<link state='up'/>")
    for step in range(1, 60):
        machine.kill_at(step)
        try:
            change(driver, wanted)
            finished = True
        except Killed:
            finished = False
        machine.revive()
        driver = driver_on(machine)
        change(driver, wanted)
        assert changes(driver, wanted)[1] == ()
        assert drives.node is not None and not drives.open
        change(driver, other)
        if finished:
            break
    else:
        pytest.fail("there is no end to it")
    driver.destroy_domain("a")
    assert [machine.owner(path) for path in (ISO_A, ISO_B, FLOPPY)] == [(0, 0)] * 3


# drift


def test_a_look_that_finds_nothing(driver: QemuDriver, drives: Drives) -> None:
    assert changes(driver, guest())[1] == ()


def test_a_guest_of_which_nothing_can_drift_is_not_spoken_to(machine: GuestHost, driver: QemuDriver) -> None:
    driver.define_domain(document())
    driver.start_domain("a")
    before = opened(machine)
    assert changes(driver, document())[1] == ()
    assert opened(machine) == before


def test_an_ejected_medium_is_put_back(driver: QemuDriver, drives: Drives) -> None:
    drives.node, drives.open = None, True
    _done, (found,) = changes(driver, guest())
    assert str(found).startswith("/domain/devices/disk[sda]/source: new:")
    change(driver, guest())
    assert (drives.node, drives.open) == ("libvirt-2-storage", False)
    assert "blockdev-add" not in told(drives)  # it was open all the time
    assert changes(driver, guest())[1] == ()


def test_an_open_tray_is_closed(driver: QemuDriver, drives: Drives) -> None:
    drives.open = True
    change(driver, guest())
    assert told(drives) == ["blockdev-close-tray"]


def test_a_foreign_medium_is_taken_out(driver: QemuDriver, drives: Drives) -> None:
    drives.node, drives.foreign = "#block123", {"file": "/srv/x.iso", "drv": "raw"}
    _done, (found,) = changes(driver, guest())
    assert (found.before, found.after) == ("/srv/x.iso", ISO_A)
    change(driver, guest())
    assert drives.node == "libvirt-2-storage"


def test_cpus_that_came_by_hand_are_taken_out(driver: QemuDriver, drives: Drives) -> None:
    drives.cpus[1] = "/machine/peripheral/mine"
    change(driver, guest())
    assert arguments(drives, "device_del") == {"id": "mine"}


def test_limits_that_were_changed_by_hand(driver: QemuDriver, drives: Drives) -> None:
    change(driver, guest(tune=LIMITED))
    drives.limits["bps"] = 5
    rows = drives.rows()
    rows[1]["qdev"] = "/machine/peripheral/virtio-disk1/virtio-backend"
    assert drives.monitor is not None
    drives.monitor.answers["query-block"] = rows
    _done, (found,) = changes(driver, guest(tune=LIMITED))
    assert (found.before, found.after) == ("5", "1000")


def balloon(*rows: Any) -> bytes:
    """A journal: a number is where the balloon has come to in KiB, a text another event."""
    written: List[Dict[str, Any]] = []
    for row in rows:
        number = isinstance(row, int)
        name = "BALLOON_CHANGE" if number else row
        written.append({"event": name, "data": {"actual": row * 1024} if number else {}})
    return b"".join(json.dumps(event).encode() + b"\n" for event in written)


@pytest.mark.parametrize(
    ("before", "after", "target", "expected"),
    [
        ((), (), 1000, None),
        ((), (), 500, None),  # a guest without a driver does not move
        ((), (900, 600), 500, None),  # it is on its way
        ((), (900, 500), 500, None),
        ((), (500, 700), 500, 700),  # it was there, and has left
        ((), (1000, 400), 1000, 400),
        ((), (400,), 1000, 400),  # never told anything, and yet smaller
        ((500,), (700, 900), 1000, None),
        ((500,), (400,), 1000, None),  # that may have been held back, and be about what was before
        ((500,), (400, 600), 1000, None),
        ((500,), (400, 300), 1000, 300),
        ((500,), ("RESET",), 500, None),  # booting anew
        ((), (500, "RESET", 800), 500, None),
        ((), (498,), 500, None),  # pages of 4 KiB
    ],
)
def test_where_a_balloon_has_gone(before: Any, after: Any, target: int, expected: Optional[int]) -> None:
    first = balloon(*before)
    assert drifted(list(events(first + balloon(*after))), len(first), target, 1000) == expected


def test_a_balloon_that_was_changed_by_hand_is_set_again(
    driver: QemuDriver, drives: Drives, machine: GuestHost
) -> None:
    machine.journal("a", "BALLOON_CHANGE", actual=32 * 1024**2)
    _done, (found,) = changes(driver, guest())
    assert str(found) == f"/domain/currentMemory: {MEMORY // 2} -> {MEMORY}"
    change(driver, guest())
    assert arguments(drives, "balloon") == {"value": MEMORY * 1024}
    assert changes(driver, guest())[1] == ()


def test_a_balloon_that_may_deflate_by_itself_is_left_alone(machine: GuestHost, driver: QemuDriver) -> None:
    less = "<currentMemory unit='MiB'>32</currentMemory>"
    wanted = document("a", "<memballoon model='virtio' autodeflate='on'/>", more=less)
    driver.define_domain(wanted)
    machine.more = lambda monitor: {"balloon": {}}
    driver.start_domain("a")
    for actual in (32, 48):
        machine.journal("a", "BALLOON_CHANGE", actual=actual * 1024**2)
    assert changes(driver, wanted)[1] == ()


# at the start


def test_what_no_command_line_says_is_told_at_the_start(machine: GuestHost, driver: QemuDriver) -> None:
    for path in (ISO_A, FLOPPY):
        machine.add_file(path, b"medium")
    machine.add_directory("/srv", mode=0o711)
    listed = (
        "<vcpu current='2'>4</vcpu><currentMemory unit='MiB'>32</currentMemory><vcpus>"
        + "".join(
            f"<vcpu id='{n}' enabled='{'yes' if n < 2 else 'no'}' hotpluggable='{'yes' if n else 'no'}'/>"
            for n in range(4)
        )
        + "</vcpus>"
    )
    driver.define_domain(guest(more=listed, link="<link state='down'/>", tune=LIMITED))
    drives = Drives()
    machine.more = drives.answers
    driver.start_domain("a")
    assert told(drives) == ["device_add", "set_password", "block_set_io_throttle", "set_link", "balloon", "cont"]


# CPUs


def cpu_monitor(drives: Drives) -> FakeMonitor:
    monitor = FakeMonitor()
    monitor.answers.update(drives.answers(monitor))
    return monitor


def test_cpus_are_plugged_from_below_and_taken_from_above() -> None:
    drives = Drives(cpus=1, most=4)
    monitor = cpu_monitor(drives)
    set_vcpus(monitor, 3)
    assert drives.cpus == [
        "/machine/unattached/device[0]",
        "/machine/peripheral/vcpu1",
        "/machine/peripheral/vcpu2",
        "",
    ]
    set_vcpus(monitor, 2)
    assert drives.cpus[2:] == ["", ""]


def test_a_cpu_of_the_start_is_named_by_its_path() -> None:
    drives = Drives(cpus=2)
    monitor = cpu_monitor(drives)
    set_vcpus(monitor, 1)
    assert arguments(drives, "device_del") == {"id": "/machine/unattached/device[1]"}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "did not give the CPU vcpu1 back within 15 seconds"),
        (
            ("ACPI_DEVICE_OST", {"info": {"device": "vcpu1", "source": 3, "status": 0x82}}),
            "does not give the CPU vcpu1",
        ),
        (("DEVICE_UNPLUG_GUEST_ERROR", {"device": "vcpu1"}), "does not give the CPU vcpu1 back"),
    ],
)
def test_a_guest_that_keeps_its_cpu(event: Any, words: str) -> None:
    drives = Drives(cpus=1)
    monitor = cpu_monitor(drives)
    set_vcpus(monitor, 2)
    monitor.answers["device_del"] = {}
    monitor.add_event("ACPI_DEVICE_OST", info={"device": "vcpu1", "source": 3, "status": 0x84})  # "wait"
    if event:
        monitor.add_event(event[0], **event[1])
    with pytest.raises(OperationFailed, match=words):
        set_vcpus(monitor, 1)


def test_the_document_has_the_cpus_that_there_are(driver: QemuDriver, drives: Drives) -> None:
    change(driver, guest(more="<vcpu current='3'>4</vcpu>"))
    assert drives.monitor is not None
    taken: List[Any] = []

    def one_only(given: Mapping[str, Any]) -> None:
        if not taken:
            drives.unplug(given)
        taken.append(given)

    drives.monitor.answers["device_del"] = one_only
    with pytest.raises(OperationFailed, match="vcpu1"):
        change(driver, guest(more="<vcpu current='1'>4</vcpu>"))
    assert driver.domain_xml("a").find("vcpu").get("current") == "2"  # type: ignore[union-attr]


def test_a_time_that_is_none(driver: QemuDriver, drives: Drives) -> None:
    wanted = guest()
    wanted.find("devices/graphics").set("passwdValidTo", "soon")  # type: ignore[union-attr]
    with pytest.raises((OperationFailed, UnsupportedConfig), match="passwdValidTo='soon' is not a time"):
        change(driver, wanted)
