# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a QEMU that a guest has broken out of can reach of another guest's: all of them run as one user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import RUNNER, GuestHost, document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver

HOME = "/run/corral/guests/a"
DEVICES = (
    "<serial type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
    "<channel type='unix'><source mode='bind' path='/srv/own.sock'/><target type='virtio' name='mine'/></channel>"
    "<graphics type='vnc'><listen type='socket'/></graphics>"
)
ROOT = (0, 0)


@pytest.fixture
def running(driver: QemuDriver, machine: GuestHost) -> QemuDriver:
    """A guest with everything that listens."""
    machine.add_directory("/srv")
    driver.define_domain(document("a", DEVICES))
    driver.start_domain("a")
    return driver


def test_only_what_qemu_must_make_is_in_its_own_directory(running: QemuDriver, machine: GuestHost) -> None:
    found = {path: (node.kind, node.mode, node.owner) for path, node in machine.files.items() if HOME in path}
    assert found.pop(f"{HOME}/events.in") == ("file", 0o600, RUNNER)  # QEMU opens it for writing, too
    assert found.pop(f"{HOME}/events.out")[0] == "link"
    assert found.pop(f"{HOME}/qemu") == ("directory", 0o700, RUNNER)
    assert found == {
        HOME: ("directory", 0o711, ROOT),
        f"{HOME}/monitor.sock": ("socket", 0o600, ROOT),
        f"{HOME}/journal": ("file", 0o600, ROOT),
        f"{HOME}/channel-org.qemu.guest_agent-c473757c": ("socket", 0o600, ROOT),
    }


def test_logs_are_ours_and_inherited(running: QemuDriver, machine: GuestHost) -> None:
    assert machine.owner("/var/log/corral/consoles/a.log") == ROOT
    command = machine.guests["a"].process.command
    assert command is not None
    words = " ".join(command.argv)
    assert "/var/log" not in words and "logappend=off" not in words
    assert "path=/run/corral/guests/a/events,logfile=/dev/fdset/1048576,logappend=on" in words
    assert command.fds[1].path == f"{HOME}/journal" and "set=1048576,fd=4," in words


def test_sockets_that_qemu_binds_and_those_of_the_user(running: QemuDriver, machine: GuestHost) -> None:
    command = machine.guests["a"].process.command
    assert command is not None and f"vnc=unix:{HOME}/qemu/vnc.sock" in " ".join(command.argv)
    assert command.env["HOME"] == f"{HOME}/qemu"
    assert machine.owner("/srv/own.sock") == RUNNER


@pytest.mark.parametrize("uri", ["qemu:///session", "qemu:///embed?root=/home/me"])
def test_what_runs_as_ourselves_is_closed_to_all_others(uri: str) -> None:
    machine = GuestHost()
    machine.identity = (1000, 1000)
    machine.environment["HOME"] = "/home/me"
    machine.add_directory("/home/me", owner=(1000, 1000))
    driver = driver_on(machine, uri)
    driver.define_domain(document("a", DEVICES.replace("/srv", "/home/me"), disk=""))
    driver.start_domain("a")
    directory = machine.guests["a"].directory
    assert (machine.files[directory].mode, machine.owner(directory)) == (0o700, (1000, 1000))
    assert machine.owner(f"{directory}/qemu") == (1000, 1000)


def test_a_picture_is_no_way_to_read_others_files(running: QemuDriver, machine: GuestHost) -> None:
    machine.add_file("/etc/shadow", b"P6 1 1 255 abc", mode=0o600)

    def lead_astray(given: Any) -> dict[str, Any]:
        machine.symlink("/etc/shadow", given["filename"])
        return {}

    machine.guests["a"].monitor.answers["screendump"] = lead_astray
    with pytest.raises(HostError, match=r"Cannot read .*/screen\.ppm"):
        running.save_screenshot("a", "/root/a.png")
    assert machine.stat("/root/a.png") is None
