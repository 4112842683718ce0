# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's life through Ansible: boot, the ways to end, pause, check mode, second runs, removal, accidents."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest


@pytest.fixture
def vm(ansible_vm: Run) -> Run:
    """Run corral.virt.vm through Ansible."""
    return ansible_vm


@pytest.fixture
def vm_info(ansible_vm_info: Run) -> Run:
    """Run corral.virt.vm_info through Ansible."""
    return ansible_vm_info


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return condition()


def only(result: dict[str, Any]) -> dict[str, Any]:
    """The one guest of a vm_info result."""
    (guest,) = result["guests"]
    return dict(guest)


def runs(pid: int) -> bool:
    """Whether the process runs; one that only waits for init to look at it does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def image(path: Path, kind: str = "raw") -> str:
    """Make an image of 16 MiB."""
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(path), "16M"], check=True)
    return str(path)


def test_a_guest_from_nothing_to_nothing(
    vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any], root_dir: Path
) -> None:
    """Define, start, wait, see its devices; the second run is quiet; stop by its power button; remove."""
    disks = [
        {"path": image(root_dir / "a.raw"), "serial": "first"},
        {"path": image(root_dir / "b.qcow2", "qcow2"), "bus": "sata", "serial": "second"},
    ]
    wanted = {**linux, "name": "web1", "disks": disks, "interfaces": [{"type": "user"}], "guest_agent": True}
    first = vm(**wanted, state="running", wait_for=up)
    assert first["changed"], first
    second = vm(**wanted, state="running", wait_for=up)
    assert not second["changed"], second
    guest = only(vm_info(name="web1"))
    assert (guest["state"], guest["reason"]) == ("running", "booted")
    console = Path(guest["console_log"]).read_text(errors="replace")
    for serial in ("first", "second"):
        assert f"serial={serial}" in console, console
    assert f"mac={guest['interfaces'][0]['mac']}" in console, console
    assert "org.qemu.guest_agent.0" in console, console
    stopped = vm(name="web1", state="stopped", timeout=120)
    assert stopped["changed"], stopped
    guest = only(vm_info(name="web1"))
    assert (guest["state"], guest["reason"]) == ("shut off", "shutdown")
    assert not vm(name="web1", state="stopped")["changed"]
    assert vm(name="web1", state="absent")["changed"]
    assert not vm(name="web1", state="absent")["changed"]
    assert (root_dir / "a.raw").exists()
    assert vm_info()["guests"] == []


def test_powers_off_from_inside(vm: Run, vm_info: Run, linux: dict[str, Any]) -> None:
    """A guest that shuts itself down is found off, with that as the reason, and starts again."""
    linux["cmdline"] += " corral.poweroff=0"
    assert vm(**linux, name="short", state="running")["changed"]
    assert wait_until(lambda: only(vm_info(name="short"))["state"] == "shut off", 300)
    assert only(vm_info(name="short"))["reason"] == "shutdown"
    assert vm(**linux, name="short", state="running")["changed"]
    vm(name="short", state="absent", force=True, timeout=0)


def test_pause_and_resume(vm: Run, vm_info: Run, linux: dict[str, Any]) -> None:
    assert vm(**linux, name="p", state="running")["changed"]
    assert vm(name="p", state="paused")["changed"]
    assert not vm(name="p", state="paused")["changed"]
    guest = only(vm_info(name="p"))
    assert (guest["state"], guest["reason"]) == ("paused", "user")
    assert vm(name="p", state="running")["changed"]
    assert only(vm_info(name="p"))["state"] == "running"
    assert vm(name="p", state="stopped", timeout=0, force=True)["changed"]
    assert only(vm_info(name="p"))["reason"] == "destroyed"


def test_a_guest_that_does_not_listen(vm: Run, linux: dict[str, Any], up: dict[str, Any]) -> None:
    """A guest that ignores its power button is an error that says what to do, and force does it."""
    linux["cmdline"] += " corral.noacpi"
    vm(**linux, name="deaf", state="running", wait_for=up)
    refused = vm(name="deaf", state="stopped", timeout=2)
    assert refused["failed"]
    assert "force" in refused["msg"]
    assert vm(name="deaf", state="stopped", timeout=1, force=True)["changed"]


def test_check_mode_tells_the_truth_and_does_nothing(
    cli: Run, vm_info: Run, linux: dict[str, Any], root_dir: Path
) -> None:
    """What check mode says is what the real run does; before it nothing is there, after it nothing is left to do."""
    wanted = {**linux, "name": "c1", "state": "paused"}
    announced = cli(check=True, diff=True, **wanted)
    assert announced["changed"]
    assert "+  <name>c1</name>" in announced["shown"]
    assert vm_info()["guests"] == []
    assert not (root_dir / "etc/corral/domains/c1.xml").exists()
    done = cli(**wanted)
    assert done["actions"] == announced["actions"]
    assert not cli(check=True, **wanted)["changed"]
    removal = cli(check=True, name="c1", state="absent", force=True, timeout=0)
    assert removal["changed"]
    assert only(vm_info(name="c1"))["state"] == "paused"
    removed = cli(name="c1", state="absent", force=True, timeout=0)
    assert removed["actions"] == removal["actions"]


def test_an_edit_waits_for_the_next_boot(vm: Run, linux: dict[str, Any]) -> None:
    """Another definition of a running guest is kept, said, and quiet the second time; a restart applies it."""
    vm(**linux, name="e", state="running")
    edited = {**linux, "name": "e", "memory": "160MiB"}
    changed = vm(**edited)
    assert changed["changed"]
    assert changed["restart_required"]
    again = vm(**edited)
    assert not again["changed"]
    assert again["restart_required"]
    restarted = vm(**{**edited, "timeout": 0}, state="running", apply="restart", force=True)
    assert restarted["changed"]
    assert not restarted["restart_required"]
    vm(name="e", state="absent", force=True, timeout=0)


def test_killed_and_run_again(vm: Run, vm_info: Run, linux: dict[str, Any], root_dir: Path) -> None:
    """After kill -9 of QEMU the guest counts as crashed, its image is its owner's again, and the next run mends it."""
    path = Path(image(root_dir / "k.raw"))
    path.chmod(0o600)
    owner = path.stat().st_uid
    wanted = {**linux, "name": "k", "disks": [{"path": str(path)}], "state": "running"}
    vm(**wanted)
    pid = only(vm_info(name="k"))["pid"]
    if os.geteuid() == 0:
        assert path.stat().st_uid != owner
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: only(vm_info(name="k"))["state"] == "shut off", 60)
    assert only(vm_info(name="k"))["reason"] == "crashed"
    mended = vm(**wanted)
    assert mended["changed"]
    assert only(vm_info(name="k"))["pid"] != pid
    vm(name="k", state="absent", force=True, timeout=0)
    assert path.stat().st_uid == owner


def test_survives_the_run_that_started_it(vm: Run, vm_info: Run, linux: dict[str, Any]) -> None:
    """QEMU belongs to a session of its own, in nobody's process group, and is sandboxed and without privileges."""
    vm(**linux, name="s", state="running")
    pid = only(vm_info(name="s"))["pid"]
    assert os.getsid(pid) != os.getsid(0)
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Seccomp"] == "2"
    if os.geteuid() == 0:
        assert fields["Uid"].split()[0] != "0"
        assert int(fields["CapEff"], 16) == 0
    vm(name="s", state="absent", force=True, timeout=0)
    assert not runs(pid)


def test_xml_without_identity_is_quiet_the_second_time(vm: Run, vm_info: Run) -> None:
    """No uuid, no MAC, no addresses in the XML: they are generated once and stay, running or not."""
    xml = """
      <domain>
        <name>x</name>
        <memory unit='MiB'>64</memory>
        <os><type machine='pc'>hvm</type></os>
        <features><acpi/></features>
        <devices>
          <interface type='user'><model type='virtio'/></interface>
          <interface type='user'><model type='e1000'/></interface>
          <graphics type='vnc'/>
        </devices>
      </domain>"""
    assert vm(xml=xml)["changed"]
    before = only(vm_info(name="x"))
    assert not vm(xml=xml)["changed"]
    assert vm(xml=xml, state="running")["changed"]
    assert not vm(xml=xml, state="running")["changed"]
    after = only(vm_info(name="x"))
    assert (before["uuid"], before["interfaces"]) == (after["uuid"], after["interfaces"])
    assert vm(xml=xml, state="absent", force=True, timeout=0)["changed"]


def test_a_start_that_fails_says_what_qemu_said(vm: Run, vm_info: Run, root_dir: Path) -> None:
    """QEMU's own words reach the user, and nothing is left behind."""
    broken = root_dir / "broken.qcow2"
    broken.write_bytes(b"this is no qcow2 image" * 100)
    wanted = {"name": "b", "memory": "64MiB", "disks": [{"path": str(broken)}], "state": "running"}
    foreseen = vm(**wanted)
    assert foreseen["failed"] and "qcow2" in foreseen["msg"] and vm_info(name="b")["guests"] == []
    broken.write_bytes(b"QFI\xfb" + (99).to_bytes(4, "big") + bytes(1016))
    failed = vm(**wanted)
    assert failed["failed"]
    assert "QEMU said" in failed["msg"] and "version 99" in failed["msg"], failed["msg"]
    guest = only(vm_info(name="b"))
    assert (guest["state"], guest["pid"]) == ("shut off", None)
    assert not (root_dir / "run/corral/guests/b").exists()
    vm(name="b", state="absent")


def test_what_the_console_said_when_it_did_not_come(vm: Run, linux: dict[str, Any], up: dict[str, Any]) -> None:
    vm(**linux, name="w", state="running", wait_for=up)
    failed = vm(name="w", state="running", wait_for={"console": "never said", "timeout": 1})
    assert failed["failed"]
    assert "corral-guest: up" in str(failed), failed
    vm(name="w", state="absent", force=True, timeout=0)


def test_a_chain_of_images(vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any], root_dir: Path) -> None:
    """The guest sees through an overlay; the image below is handed to be read, and both are given back."""
    base, top = Path(image(root_dir / "base.raw")), root_dir / "top.qcow2"
    base.write_bytes(b"CORRAL-BASE" + bytes(16 * 1024 * 1024 - 11))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", str(top)], check=True)
    for path in (base, top):
        path.chmod(0o600)
    owner = base.stat().st_uid
    wanted = {**linux, "name": "chain", "disks": [{"path": str(top), "serial": "overlay"}]}
    started = vm(**wanted, state="running", wait_for=up)
    assert "failed" not in started, started
    console = Path(only(vm_info(name="chain"))["console_log"]).read_text(errors="replace")
    assert "size=16777216" in console, console
    vm(name="chain", state="absent", force=True, timeout=0)
    assert (base.stat().st_uid, top.stat().st_uid) == (owner, owner)


def test_a_chain_that_cannot_be_trusted(vm: Run, root_dir: Path) -> None:
    """An image that leaves the format of the one below it open is refused, with the command that mends it."""
    base, top = image(root_dir / "base.raw"), str(root_dir / "top.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top], check=True)
    subprocess.run(["qemu-img", "rebase", "-q", "-u", "-b", base, "-F", "", top], check=False)
    data = Path(top).read_bytes()
    if b"\xe2\x79\x2a\xca" in data:  # the header extension that holds the format: turned into one that nobody knows
        Path(top).write_bytes(data.replace(b"\xe2\x79\x2a\xca", b"\x12\x34\x56\x78", 1))
    failed = vm(name="t", memory="64MiB", disks=[{"path": top}], state="running")
    assert failed["failed"]
    assert "qemu-img rebase" in failed["msg"], failed["msg"]
