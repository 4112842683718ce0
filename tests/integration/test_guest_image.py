# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test guest itself, started by hand: what the other tests take for granted when they look at its console."""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGES = Path(os.environ.get("CORRAL_GUEST_DIR", ROOT / ".cache/guest"))
QEMU = "qemu-system-x86_64"
FAST = "cryptomgr.notests rodata=off mitigations=off tsc=reliable no_timer_check"
CMDLINE = f"console=ttyS0 quiet panic=1 {FAST}"
UUID = "6c5b2f10-0f6a-4f0e-9f2d-1d6a3c1b7e55"
BOOT = 120  # seconds; some three are needed, but the machine may be busy
SOON = 60

pytestmark = [
    pytest.mark.guest,
    pytest.mark.skipif(not shutil.which(QEMU), reason=f"{QEMU} is not installed"),
    pytest.mark.skipif(not (IMAGES / "manifest").exists(), reason="tests/guest/build.sh has not been run"),
]


class Guest:
    """A QEMU that runs the test guest, with its console on our pipes and its monitor and agent on sockets."""

    def __init__(self, folder: Path, options: list[str], append: str) -> None:
        self.folder = folder
        self.console = ""
        command = [QEMU, "-accel", "tcg", "-m", "128", "-nodefaults", "-no-user-config", "-display", "none"]
        command += ["-kernel", str(IMAGES / "vmlinuz"), "-initrd", str(IMAGES / "initrd.img")]
        command += ["-append", f"{CMDLINE} {append}".strip(), "-serial", "stdio"]
        command += ["-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        command += ["-chardev", f"socket,id=agent,path={folder}/agent,server=on,wait=off", *options]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT)

    def wait_for(self, pattern: str, seconds: float) -> re.Match[str]:
        """Read the console until a line of it matches."""
        assert self.process.stdout
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not (found := re.search(f"(?m)^{pattern}$", self.console)):
                left = deadline - time.monotonic()
                assert left > 0 and selector.select(left), f"no {pattern!r} in {seconds} s on:\n{self.console}"
                data = os.read(self.process.stdout.fileno(), 65536)
                assert data, f"QEMU ended before {pattern!r}:\n{self.console}"
                self.console += data.decode(errors="replace").replace("\r", "")
        return found

    def type(self, line: str) -> None:
        """Type a line on the console."""
        assert self.process.stdin
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, name: str, command: str, **arguments: Any) -> Any:
        """Send a command to the socket of this name, the monitor or the agent, and return what it answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SOON)
            connection.connect(f"{self.folder}/{name}")
            stream = connection.makefile("rw")
            if name == "qmp":
                stream.readline()
                exchange(stream, "qmp_capabilities", {})
            return exchange(stream, command, arguments)

    def ends(self, seconds: float = SOON) -> int:
        """Wait until QEMU is gone; its exit status."""
        assert self.process.stdout
        status = self.process.wait(seconds)
        self.console += self.process.stdout.read().decode(errors="replace").replace("\r", "")
        return status

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def exchange(stream: Any, command: str, arguments: dict[str, Any]) -> Any:
    stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    stream.flush()
    for line in stream:
        answer = json.loads(line)
        assert "error" not in answer, answer
        if "return" in answer:
            return answer["return"]
    raise AssertionError(f"no answer to {command}")


Start = Callable[..., Guest]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts guests that end with the test. Sockets lie under a short path: theirs may have 107 characters."""
    guests: list[Guest] = []
    with tempfile.TemporaryDirectory(prefix="guest") as folder:

        def start(*options: str, append: str = "") -> Guest:
            guests.append(Guest(Path(folder), list(options), append))
            return guests[-1]

        yield start
        for guest in guests:
            guest.stop()


def disk(folder: Path, name: str, size: int) -> str:
    path = folder / name
    with path.open("wb") as file:
        file.truncate(size)
    return f"if=none,id={name},format=raw,file={path}"


AGENT = ["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_greeting_agent_and_power_button(machine: str, start: Start, tmp_path: Path) -> None:
    guest = start(
        *["-machine", machine, "-uuid", UUID, "-smp", "2", *AGENT],
        *["-drive", disk(tmp_path, "virtio", 8 << 20), "-device", "virtio-blk-pci,drive=virtio,serial=FIRST"],
        *["-drive", disk(tmp_path, "sata", 4 << 20), "-device", "ide-hd,drive=sata,serial=SECOND"],
        *["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:07"],
        *["-device", "virtio-rng-pci"],
    )
    guest.wait_for("corral-guest: up", BOOT)
    lines = guest.console.split("corral-guest: up", 1)[0].splitlines()
    assert not [line for line in lines if not line.startswith("corral-guest: ")]

    bus = {"pc": "ata_piix", "q35": "ahci"}[machine]
    pci = r"pci=0000:00:[0-9a-f]{2}\.[0-7]"
    for pattern in (
        r"kernel \d+\.\d+\S+",
        f"cmdline {re.escape(CMDLINE)}",
        "cpus 2",
        r"memory [1-9]\d{4}",
        f"uuid {UUID}",
        r"product Standard PC \(.*\)",
        r"pci 0000:00:00\.0 8086:(1237|29c0) driver=-",
        rf"block vda type=disk size=8388608 ro=0 bus=virtio driver=virtio-pci {pci} serial=FIRST",
        rf"block sda type=disk size=4194304 ro=0 bus=ata driver={bus} {pci} serial=SECOND",
        rf"nic eth0 mac=52:54:00:00:00:07 driver=virtio-pci {pci}",
        r"port org\.qemu\.guest_agent\.0 dev=vport\d+p1",
        r"rng virtio_rng\.0",
    ):
        assert re.search(rf"(?m)^corral-guest: {pattern}$", guest.console), (pattern, guest.console)

    guest.wait_for(r"corral-guest: net eth0 10\.0\.2\.15/24 gw 10\.0\.2\.2", SOON)
    assert guest.ask("agent", "guest-ping") == {}
    addresses = json.dumps(guest.ask("agent", "guest-network-get-interfaces"))
    assert "10.0.2.15" in addresses
    guest.ask("qmp", "system_powerdown")
    assert guest.ends() == 0
    assert "corral-guest: power button\n" in guest.console


def test_powers_off_by_itself(start: Start) -> None:
    guest = start("-machine", "q35", append="corral.poweroff=1")
    guest.wait_for("corral-guest: up", BOOT)
    assert guest.ends() == 0
    assert "corral-guest: power off\n" in guest.console


def test_reboots_by_itself(start: Start) -> None:
    guest = start("-machine", "pc", "-no-reboot", append="corral.reboot=1 corral.quiet")
    guest.wait_for("corral-guest: reboot", BOOT)
    assert guest.ends() == 0
    assert "corral-guest: cpus" not in guest.console


def test_panics_when_told_to(start: Start) -> None:
    guest = start("-machine", "q35", "-no-reboot", append="corral.panic")
    guest.wait_for(".*Kernel panic.*", BOOT)
    assert guest.ends() == 0


def test_ignores_the_power_button_and_obeys_the_console(start: Start) -> None:
    guest = start("-machine", "q35", append="corral.noacpi")
    guest.wait_for("corral-guest: up", BOOT)
    guest.ask("qmp", "system_powerdown")
    guest.wait_for("corral-guest: power button", SOON)
    guest.type("echo $((6 * 7))")
    guest.wait_for("42", SOON)
    guest.ask("qmp", "system_powerdown")
    time.sleep(1)
    assert guest.process.poll() is None
    guest.type("poweroff -f")
    assert guest.ends() == 0


def test_agent_shuts_down(start: Start) -> None:
    guest = start("-machine", "q35", *AGENT)
    guest.wait_for("corral-guest: up", BOOT)
    assert guest.ask("agent", "guest-ping") == {}
    with socket.socket(socket.AF_UNIX) as connection:  # this command has no answer
        connection.connect(f"{guest.folder}/agent")
        connection.sendall(b'{"execute": "guest-shutdown"}\n')
        assert guest.ends() == 0


def test_sees_what_is_plugged_in_later(start: Start, tmp_path: Path) -> None:
    guest = start(
        *["-machine", "pc", "-device", "qemu-xhci", "-device", "virtio-scsi-pci"],
        *["-drive", disk(tmp_path, "usb", 1 << 20), "-device", "usb-storage,drive=usb,serial=STICK"],
        *["-drive", disk(tmp_path, "scsi", 2 << 20), "-device", "scsi-hd,drive=scsi,serial=TENLETTERS"],
        *["-drive", disk(tmp_path, "later", 3 << 20)],
    )
    guest.wait_for("corral-guest: block sda .* size=2097152 .* bus=virtio-scsi .* serial=TENLETTERS", BOOT)
    guest.wait_for("corral-guest: added block sdb .* size=1048576 .* bus=usb .* serial=STICK", BOOT)
    guest.ask("qmp", "device_add", driver="virtio-blk-pci", drive="later", id="later", serial="LATER")
    guest.wait_for("corral-guest: added block vda .* size=3145728 .* serial=LATER", SOON)
    guest.ask("qmp", "device_del", id="later")
    guest.wait_for("corral-guest: removed block vda", SOON)
