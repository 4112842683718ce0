# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Speaking to what runs: agent and power button, reboot, readiness, hangs, figures, pictures, a line to paste."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Callable, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.screen import to_png
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    HostError,
    MonitorError,
    OperationInvalid,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake_stream import FakeStream
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, document
from ansible_collections.corral.virt.tests.unit.drivers.qemu.test_agent import NETWORK, agent

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
SOCKET = "/run/corral/guests/a/channel-org.qemu.guest_agent-c473757c"
PIXMAP = b"P6\n2 1\n255\n" + bytes((255, 0, 0, 0, 255, 0))


def started(
    driver: QemuDriver, machine: GuestHost, answers: Optional[dict[str, Any]] = None
) -> Callable[[], list[str]]:
    """A guest whose agent, if it has one, answers so; returns what says which commands QEMU and the agent got."""
    driver.define_domain(document("a", CHANNEL))
    driver.start_domain("a")
    stream = FakeStream(agent(answers or {}))
    if answers is not None:
        machine.add_stream(SOCKET, stream)
        machine.journal("a", "VSERPORT_CHANGE", id="channel0", open=True)

    def heard() -> list[str]:
        said = [json.loads(sent.lstrip(b"\xff"))["execute"] for sent in stream.sent]
        rows = [name for name, _given in machine.guests["a"].monitor.commands] if "a" in machine.guests else []
        return [*(name for name in said if not name.startswith("guest-sync")), *(n for n in rows if "system_" in n)]

    return heard


def test_the_agent_is_asked_before_the_button_is_pressed(driver: QemuDriver, machine: GuestHost) -> None:
    heard = started(driver, machine, {"guest-shutdown": None})
    driver.shutdown_domain("a")
    assert heard() == ["guest-shutdown"]
    machine.guests["a"].obeys = False
    driver.shutdown_domain("a", again=True)
    assert heard() == ["guest-shutdown", "system_powerdown"]


@pytest.mark.parametrize("answers", [None, {"guest-shutdown": "refused"}])
def test_the_button_serves_where_the_agent_does_not(
    driver: QemuDriver, machine: GuestHost, answers: Optional[dict[str, Any]]
) -> None:
    heard = started(driver, machine, answers)
    machine.guests["a"].obeys = False
    driver.shutdown_domain("a")
    assert heard()[-1] == "system_powerdown"


def test_an_agent_that_hangs_does_not_keep_the_button_from_being_pressed(
    driver: QemuDriver, machine: GuestHost
) -> None:
    heard = started(driver, machine, {})
    machine.guests["a"].obeys = False
    machine.streams[SOCKET].answer = lambda sent: b""
    before = machine.uptime
    driver.shutdown_domain("a")
    assert heard() == ["system_powerdown"]
    assert machine.uptime - before < 30


def test_reboot_waits_until_the_guest_does(driver: QemuDriver, machine: GuestHost) -> None:
    heard = started(driver, machine, {"guest-shutdown": None})
    waited: list[float] = []

    def after_a_while() -> None:
        waited.append(machine.uptime)
        if len(waited) == 10:
            machine.journal("a", "RESET", guest=True, reason="guest-reset")

    machine.on_sleep = after_a_while
    driver.reboot_domain("a", timeout=60)
    assert len(waited) >= 10 and heard() == ["guest-shutdown"]
    assert driver.lookup_domain("a").runtime["reboots"] == 1


def test_a_reboot_that_does_not_come(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine, {"guest-shutdown": None})
    with pytest.raises(TimedOut, match="was asked to reboot, and did not do so within 5 s"):
        driver.reboot_domain("a", timeout=5)


def test_without_an_agent_nobody_can_be_asked_to_reboot(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine)
    with pytest.raises(OperationInvalid, match="nothing in the guest has opened its channel"):
        driver.reboot_domain("a", timeout=5)
    driver.define_domain(document("b", disk=""))
    driver.start_domain("b")
    with pytest.raises(OperationInvalid, match="has no channel for a guest agent"):
        driver.reboot_domain("b", timeout=5)


def test_reset_presses_the_button(driver: QemuDriver, machine: GuestHost) -> None:
    heard = started(driver, machine)
    machine.guests["a"].monitor.answers["system_reset"] = {}
    driver.reset_domain("a")
    assert heard() == ["system_reset"]


def test_the_agents_plight_is_a_fact(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine)
    assert driver.lookup_domain("a").runtime["agent"] is False
    assert not driver.wait_agent("a", timeout=3)
    machine.journal("a", "VSERPORT_CHANGE", id="channel0", open=True)
    assert driver.lookup_domain("a").runtime["agent"] is True
    assert not driver.wait_agent("a", timeout=3)  # the channel is open, and nobody answers
    machine.add_stream(SOCKET, FakeStream(agent({})))
    assert driver.wait_agent("a", timeout=3)


def test_a_port_is_looked_for_where_the_agent_says(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine, {"guest-network-get-interfaces": NETWORK})
    assert not driver.wait_port("a", 22, timeout=3)
    machine.ports.add(("192.0.2.5", 22))
    assert driver.wait_port("a", 22, timeout=3)
    assert not driver.wait_port("a", 22, address="192.0.2.6", timeout=3)
    asked = {subject for call, subject in machine.calls if call == "reaches"}
    assert ("127.0.0.1", 22) not in asked and ("fe80::1", 22) not in asked


def test_waiting_ends_with_the_guest(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine)
    machine.on_sleep = lambda: machine.end("a", "guest-shutdown") if "a" in machine.guests else None
    before = machine.uptime
    assert not driver.wait_port("a", 22, address="192.0.2.5", timeout=600)
    assert machine.uptime - before < 10


def test_what_stood_on_the_console_before_does_not_count(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine)
    log = driver.lookup_domain("a").runtime["console_log"]
    machine.add_file(log, b"up\n")
    size = driver.console_size("a")
    assert driver.wait_console("a", "up", timeout=1)
    assert not driver.wait_console("a", "up", timeout=1, since=size)


@pytest.mark.parametrize(
    ("letter", "words"),
    [("T", "it is stopped by a signal"), ("D", "it waits for its storage"), ("S", "its process is")],
)
def test_a_qemu_that_does_not_answer_is_named(driver: QemuDriver, machine: GuestHost, letter: str, words: str) -> None:
    started(driver, machine)
    pid = machine.guests["a"].process.process.pid
    machine.add_file(f"/proc/{pid}/stat", f"{pid} (qemu (x)) {letter} 1 1".encode())
    machine.guests["a"].monitor.answers["stop"] = TimedOut("QEMU did not answer stop within 30 seconds.")
    with pytest.raises(TimedOut, match=f"Guest a hangs: .*its process is {pid}") as caught:
        driver.suspend_domain("a")
    assert words in caught.value.message and "force: true" in str(caught.value)


@pytest.mark.parametrize(("letter", "words"), [("T", "kill -CONT"), ("D", "Look at dmesg"), ("S", ""), ("gone", "")])
def test_what_keeps_a_qemu_from_doing_anything(driver: QemuDriver, machine: GuestHost, letter: str, words: str) -> None:
    started(driver, machine)
    pid = machine.guests["a"].process.process.pid
    machine.add_file(f"/proc/{pid}/stat", f"{pid} (qemu (x)) {letter} 1 1".encode())
    if letter == "gone":
        machine.end("a")
    said = driver.explain_hang("a")
    assert bool(said) == bool(words) and words in " ".join(said)


def test_a_qemu_that_waits_for_its_storage_for_a_moment_does_not_hang(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine)
    pid = machine.guests["a"].process.process.pid
    machine.add_file(f"/proc/{pid}/stat", f"{pid} (qemu) D 1 1".encode())
    machine.on_sleep = lambda: machine.add_file(f"/proc/{pid}/stat", f"{pid} (qemu) S 1 1".encode())
    assert driver.explain_hang("a") == []


@pytest.mark.parametrize("letter", ["T", "t", "D"])
def test_a_qemu_that_cannot_answer_is_not_waited_for(driver: QemuDriver, machine: GuestHost, letter: str) -> None:
    started(driver, machine)
    guest = machine.guests["a"]
    pid = guest.process.process.pid
    machine.add_file(f"/proc/{pid}/stat", f"{pid} (qemu) {letter} 1 1".encode())
    machine.monitors.clear()  # nobody would greet
    before = machine.uptime
    with pytest.raises(TimedOut, match=f"Guest a hangs: QEMU does not answer; its process is {pid}, and "):
        driver.domain_figures("a", balloon=True)
    assert machine.uptime - before < 1


# figures


def test_figures(driver: QemuDriver, machine: GuestHost) -> None:
    machine.add_file(IMAGE, b"x" * 4096)
    started(driver, machine)
    pid = machine.guests["a"].process.process.pid
    machine.add_file(f"/proc/{pid}/stat", b"7 (a b) S " + b"0 " * 10 + b"150 50 0 0 20 0 1 0 99")
    machine.add_file(f"/proc/{pid}/status", b"Name:\tq\nVmRSS:\t  20480 kB\n")
    machine.guests["a"].monitor.answers["query-balloon"] = {"actual": 48 << 20}
    machine.sleep(90)
    figures = driver.domain_figures("a")
    assert (figures["rss_mib"], figures["cpu_seconds"]) == (20, 2.0)
    assert 90 <= figures["uptime"] < 100 and "balloon_mib" not in figures
    assert figures["disks"] == [{"size": 4096, "allocated": 4096}]
    assert driver.domain_figures("a", balloon=True)["balloon_mib"] == 48
    machine.guests["a"].monitor.answers["query-balloon"] = MonitorError("query-balloon", "DeviceNotActive", "none")
    assert driver.domain_figures("a", balloon=True)["balloon_mib"] is None


def test_figures_of_a_guest_that_is_off(driver: QemuDriver, machine: GuestHost) -> None:
    driver.define_domain(document("a", disk="/var/lib/corral/images/gone.raw"))
    assert driver.domain_figures("a") == {"disks": [{"size": None, "allocated": None}]}


# pictures


def test_a_picture(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine)

    def dump(given: Any) -> dict[str, Any]:
        machine.add_file(given["filename"], PIXMAP, owner=RUNNER)
        return {}

    machine.guests["a"].monitor.answers["screendump"] = dump
    driver.save_screenshot("a", "/root/a.png")
    found = machine.stat("/root/a.png")
    assert found is not None and found.mode == 0o600
    assert machine.stat("/run/corral/guests/a/qemu/screen.ppm") is None
    assert (machine.read("/root/a.png") or b"")[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_guest_without_a_display(driver: QemuDriver, machine: GuestHost) -> None:
    started(driver, machine)
    words = "There is no console to take a screendump from"
    machine.guests["a"].monitor.answers["screendump"] = MonitorError("screendump", "GenericError", words)
    with pytest.raises(OperationInvalid, match="There is no picture of guest a: There is no console"):
        driver.save_screenshot("a", "/root/a.png")


def test_the_picture_is_the_one_that_was_drawn() -> None:
    png = to_png(PIXMAP)
    assert struct.unpack(">II", png[16:24]) == (2, 1)
    start = png.index(b"IDAT") + 4
    assert zlib.decompress(png[start:]) == b"\0" + PIXMAP[-6:]


@pytest.mark.parametrize("broken", [b"", b"P5\n2 1\n255\n123456", PIXMAP[:-1], b"P6\n0 0\n255\n", b"P6\nx y\n255\n"])
def test_a_broken_picture_is_an_error(broken: bytes) -> None:
    with pytest.raises(HostError):
        to_png(broken)


# a line to paste


def test_the_line_opens_what_qemu_would_inherit(driver: QemuDriver, machine: GuestHost) -> None:
    serial = "<serial type='file'><source path='/tmp/it is.log'/></serial>"
    driver.define_domain(document("a", serial + CHANNEL))
    line = driver.domain_command("a")
    assert line.startswith("mkdir -p /run/corral/guests/a && /usr/bin/qemu-system-x86_64 -name guest=a")
    assert f"socket,id=charchannel0,path={SOCKET},server=on,wait=off" in line
    assert "-add-fd set=0,fd=6,opaque=serial0-source" in line and line.endswith(" 6>>'/tmp/it is.log'")
    for ours in ("charmonitor", "charevents", "journal", " -S ", " -mon "):
        assert ours not in line
    assert machine.below("/run/corral/guests") == []


def test_the_line_shows_no_secret(driver: QemuDriver) -> None:
    driver.define_domain(document("a", "<graphics type='vnc' passwd='hush'/>"))
    assert "hush" not in driver.domain_command("a")
