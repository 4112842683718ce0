# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing a guest that runs, as the guest itself and QEMU see it; after each change a second run has nothing to do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.host.api import Monitor
from ansible_collections.corral.virt.plugins.module_utils.host.monitor import open_monitor
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

from .conftest import INITRD, KERNEL

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest

MEMORY = 131072
WORDS = "console=ttyS0 quiet panic=-1 cryptomgr.notests mitigations=off tsc=reliable no_timer_check"


@dataclass
class Lab:
    """One guest that runs, and what is wanted of it at present."""

    vm: Run
    vm_info: Run
    root: Path
    parts: dict[str, str] = field(default_factory=dict)

    def xml(self, **more: str) -> str:
        """The guest as it is wanted, each part perhaps anew."""
        said = {
            "title": "",
            "current": str(MEMORY),
            "vcpu": "<vcpu current='1'>3</vcpu>",
            "cd": "a.iso",
            "floppy": "a.img",
            "link": "",
            "passwd": "sesame-1",
            "tune": "",
            **self.parts,
            **more,
        }
        cd, floppy = (f"<source file='{self.root}/{said[n]}'/>" if said[n] else "" for n in ("cd", "floppy"))
        return f"""<domain type='qemu'><name>l</name>{said["title"]}<memory>{MEMORY}</memory>
          <currentMemory>{said["current"]}</currentMemory>{said["vcpu"]}
          <os><type machine='q35'>hvm</type><kernel>{KERNEL}</kernel><initrd>{INITRD}</initrd>
            <cmdline>{WORDS}</cmdline></os><features><acpi/><apic/></features>
          <devices>
            <disk type='file' device='cdrom'>{cd}<target dev='sda' bus='sata'/></disk>
            <disk type='file' device='floppy'>{floppy}<target dev='fda' bus='fdc'/></disk>
            <disk type='file' device='disk'><source file='{self.root}/d.raw'/><target dev='vda' bus='virtio'/>
              {said["tune"]}</disk>
            <interface type='user'><model type='virtio'/>{said["link"]}</interface>
            <serial type='pty'/><console type='pty'/><graphics type='vnc' passwd='{said["passwd"]}'/>
          </devices></domain>"""

    def change(self, effect: str = "live", **more: str) -> dict[str, Any]:
        """Want something else: the guest gets it at once, nothing is pending, and a second run is quiet."""
        self.parts.update(more)
        result = self.vm(xml=self.xml())
        assert not result.get("failed"), result
        assert [(step["action"], step["effect"]) for step in result["actions"]] == [
            ("define", effect),
            ("update", effect),
        ]
        self.quiet()
        return result

    def mend(self) -> dict[str, Any]:
        """Find a drift, and mend it."""
        result = self.vm(xml=self.xml())
        assert [step["action"] for step in result["actions"]] == ["update"], result
        self.quiet()
        return result

    def quiet(self) -> None:
        again = self.vm(xml=self.xml())
        assert not again.get("failed") and not again["changed"], again
        assert again["pending"] == [] and not again["restart_required"], again

    def guest(self) -> dict[str, Any]:
        (found,) = self.vm_info(name="l")["guests"]
        return dict(found)

    def hears(self, words: str, seconds: float = 180) -> None:
        """Wait until the guest has said something on its console."""
        path, end = Path(self.guest()["console_log"]), time.monotonic() + seconds
        while words not in path.read_text(errors="replace"):
            assert time.monotonic() < end, f"{words!r} is not on the console:\n{path.read_text(errors='replace')}"
            time.sleep(0.2)

    def asks(self, command: str, answer: str) -> None:
        """Type a command on the guest's console until its output begins with the answer; what is typed is echoed.

        QEMU looks once a second whether somebody has opened its terminal, so that stays open.
        """
        (found,) = self.vm_info(name="l", xml="live")["guests"]
        terminal = parse(found["xml"]).find("devices/serial/source").get("path")
        mark, end = f"m{time.monotonic_ns()}", time.monotonic() + 180
        log = Path(found["console_log"])
        with open(terminal, "wb", buffering=0) as typed:
            for turn in count():
                if f"{mark}={answer}" in log.read_text(errors="replace"):
                    return
                assert time.monotonic() < end, f"{command} did not say {answer}:\n{log.read_text(errors='replace')}"
                if turn % 15 == 0:
                    typed.write(f"echo {mark}=$({command})\n".encode())
                time.sleep(0.2)

    @contextmanager
    def monitor(self) -> Iterator[Monitor]:
        session = open_monitor(self.guest()["runtime"]["monitor"], 10)
        try:
            yield session
        finally:
            session.close()

    def drive(self, part: str) -> dict[str, Any]:
        """QEMU's row of a drive."""
        with self.monitor() as monitor:
            rows = [row for row in monitor.execute("query-block") if part in row.get("qdev", "")]
        return dict(rows[0])

    def balloon_reaches(self, kib: int, seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        with self.monitor() as monitor:
            while monitor.execute("query-balloon")["actual"] != kib * 1024:
                assert time.monotonic() < end, monitor.execute("query-balloon")
                time.sleep(0.2)


@pytest.fixture
def lab(vm: Run, vm_info: Run, root_dir: Path) -> Lab:
    """A guest that is up, with two media of each kind."""
    for name in ("a", "b"):
        (root_dir / f"{name}.iso").write_bytes(f"MEDIUM-{name}".encode().ljust(1 << 20, b"."))
        (root_dir / f"{name}.img").write_bytes(f"FLOPPY-{name}".encode().ljust(1440 * 1024, b"."))
        for kind in ("iso", "img"):
            (root_dir / f"{name}.{kind}").chmod(0o600)
    (root_dir / "d.raw").write_bytes(bytes(1 << 20))
    made = Lab(vm, vm_info, root_dir)
    first = vm(xml=made.xml(), state="running", wait_for={"console": "corral-guest: up", "timeout": 180})
    assert first.get("changed"), first
    return made


def test_what_changes_while_the_guest_runs(lab: Lab, cli: Run) -> None:
    """Each kind of live change once, on one guest."""
    lab.quiet()
    pid = lab.guest()["pid"]
    _documents(lab)
    _memory(lab, cli)
    _cpus(lab)
    _media(lab)
    _link(lab)
    _limits(lab)
    _password(lab)
    _waits(lab)
    assert lab.guest()["pid"] == pid
    owner = lab.root.stat().st_uid
    lab.vm(name="l", state="absent", force=True, timeout=0)
    assert {path.stat().st_uid for path in lab.root.glob("*.i*")} == {owner}


def _documents(lab: Lab) -> None:
    lab.change(title="<title>T</title><metadata><x:tag xmlns:x='urn:x'>1</x:tag></metadata>")
    (found,) = lab.vm_info(name="l", xml="live")["guests"]
    assert "<title>T</title>" in found["xml"] and "urn:x" in found["xml"]


def _memory(lab: Lab, cli: Run) -> None:
    wanted = lab.xml(current="120000")
    announced = cli(check=True, xml=wanted)
    assert announced["actions"] == lab.change(current="120000")["actions"]
    lab.balloon_reaches(120000)
    lab.quiet()
    with lab.monitor() as monitor:
        monitor.execute("balloon", {"value": 110000 * 1024})
    lab.balloon_reaches(110000)
    mended = lab.mend()
    # QEMU holds back for a second what it says of a balloon: it may be seen on its way
    (detail,) = mended["actions"][0]["detail"]
    assert re.fullmatch(r"/domain/currentMemory: 11\d{4} -> 120000", detail)
    lab.balloon_reaches(120000)
    lab.quiet()


def _cpus(lab: Lab) -> None:
    lab.change("hotplug", vcpu="<vcpu current='2'>3</vcpu>")
    lab.hears("corral-guest: added cpu cpu1")
    lab.asks("grep -c ^processor /proc/cpuinfo", "2")
    with lab.monitor() as monitor:
        place = next(row for row in monitor.execute("query-hotpluggable-cpus") if "qom-path" not in row)
        monitor.execute("device_add", {"driver": place["type"], "id": "mine", **place["props"]})
    lab.hears("corral-guest: added cpu cpu2")
    lab.mend()
    lab.change("hotplug", vcpu="<vcpu current='1'>3</vcpu>")
    lab.hears("corral-guest: removed cpu cpu1")
    lab.asks("grep -c ^processor /proc/cpuinfo", "1")


def _media(lab: Lab) -> None:
    lab.asks("head -c 8 /dev/sr0", "MEDIUM-a")
    lab.change(cd="b.iso")
    lab.asks("head -c 8 /dev/sr0", "MEDIUM-b")
    owner = lab.root.stat().st_uid
    assert (lab.root / "a.iso").stat().st_uid == owner
    lab.change(cd="")
    assert "inserted" not in lab.drive("sata0-0-0")
    lab.asks("head -c 8 /dev/sr0 || echo none", "none")
    lab.change(cd="a.iso")
    lab.asks("head -c 8 /dev/sr0", "MEDIUM-a")
    with lab.monitor() as monitor:
        monitor.execute("eject", {"id": "sata0-0-0", "force": True})
    lab.mend()
    lab.asks("head -c 8 /dev/sr0", "MEDIUM-a")
    _floppy(lab)


def _floppy(lab: Lab) -> None:
    lab.change(floppy="b.img")
    assert lab.drive("fdc0-0-0")["inserted"]["file"].endswith("b.img")
    lab.change(floppy="")
    assert "inserted" not in lab.drive("fdc0-0-0")
    lab.change(floppy="a.img")
    assert lab.drive("fdc0-0-0")["inserted"]["file"].endswith("a.img")


def _link(lab: Lab) -> None:
    lab.asks("cat /sys/class/net/eth0/carrier", "1")
    lab.change(link="<link state='down'/>")
    lab.asks("cat /sys/class/net/eth0/carrier", "0")
    lab.change(link="<link state='up'/>")
    lab.asks("cat /sys/class/net/eth0/carrier", "1")


def _limits(lab: Lab) -> None:
    lab.change(tune="<iotune><total_bytes_sec>1000000</total_bytes_sec></iotune>")
    assert lab.drive("virtio-disk")["inserted"]["bps"] == 1000000
    nothing = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"), 0)
    disk = lab.drive("virtio-disk")["qdev"]
    with lab.monitor() as monitor:
        monitor.execute("block_set_io_throttle", {"id": disk, **nothing})
    lab.mend()
    assert lab.drive("virtio-disk")["inserted"]["bps"] == 1000000
    lab.change(tune="")
    assert lab.drive("virtio-disk")["inserted"]["bps"] == 0


def _password(lab: Lab) -> None:
    result = lab.change(passwd="sesame-2")
    assert "sesame" not in str(result["actions"]) + str(result["guest"])
    live = lab.root / "run/corral/domains/l.xml"
    assert "sesame-2" in live.read_text()
    assert live.stat().st_mode & 0o777 == 0o600
    others = [path for path in lab.root.rglob("*") if path.is_file() and path.suffix != ".xml"]
    assert not [path for path in others if b"sesame" in path.read_bytes()]


def _waits(lab: Lab) -> None:
    """What cannot be live waits, and is said; the rest is made. With next_boot all of it waits."""
    wanted = lab.xml(current="118000").replace(f"<memory>{MEMORY}", f"<memory>{MEMORY + 1024}")
    result = lab.vm(xml=wanted)
    assert [step["action"] for step in result["actions"]] == ["define", "update"]
    assert result["restart_required"]
    assert result["pending"] == [f"/domain/memory: {MEMORY} -> {MEMORY + 1024}"] == lab.guest()["pending"]
    assert not lab.vm(xml=wanted)["changed"]
    lab.vm(xml=lab.xml())
    later = lab.vm(xml=lab.xml(link="<link state='down'/>"), apply="next_boot")
    assert [(step["action"], step["effect"]) for step in later["actions"]] == [("define", "next_boot")]
    assert later["pending"] == lab.guest()["pending"] != []
    lab.vm(xml=lab.xml())
    lab.quiet()


def test_a_medium_that_the_guest_holds(lab: Lab) -> None:
    """A locked tray is an error that leaves everything as it was, and force takes the medium out."""
    lab.asks("sh -c 'exec 5</dev/sr0; sleep 600' >/dev/null 2>&1 & sleep 1; echo held", "held")
    lab.asks("echo 1 >/proc/sys/dev/cdrom/lock; cat /proc/sys/dev/cdrom/lock", "1")
    held = lab.drive("sata0-0-0")
    lab.parts["vcpu"] = "<vcpu current='2'>3</vcpu>"
    failed = lab.vm(xml=lab.xml(cd="b.iso"))
    if held["locked"]:
        assert failed["failed"] and "force" in failed["msg"], failed
        assert failed["details"]["applied"] == ["/domain/vcpu/@current: 1 -> 2"]
        assert lab.drive("sata0-0-0")["inserted"]["file"].endswith("a.iso")
    taken = lab.vm(xml=lab.xml(cd="b.iso"), force=True)
    assert not taken.get("failed"), taken
    assert lab.drive("sata0-0-0")["inserted"]["file"].endswith("b.iso")


def test_what_is_told_at_the_start(lab: Lab) -> None:
    """Less memory, a link that is down and limits are there from the start on, and a second run is quiet."""
    lab.vm(name="l", state="stopped", force=True, timeout=0)
    lab.parts.update(current="120000", link="<link state='down'/>")
    lab.parts["tune"] = "<iotune><read_iops_sec>50</read_iops_sec></iotune>"
    started = lab.vm(xml=lab.xml(), state="running", wait_for={"console": "corral-guest: up", "timeout": 180})
    assert not started.get("failed"), started
    assert lab.drive("virtio-disk")["inserted"]["iops_rd"] == 50
    lab.balloon_reaches(120000)
    lab.asks("cat /sys/class/net/eth0/carrier", "0")
    lab.quiet()
