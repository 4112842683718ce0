# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that are described by plain options, many of them at once, on a real QEMU."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest

ROOT = Path(__file__).resolve().parents[2]
EFI_KERNEL = ROOT / ".cache/guest/bzImage"
FIRMWARE = Path("/usr/share/qemu/firmware")


def image(path: Path, kind: str = "raw") -> str:
    """Make an image of 16 MiB."""
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(path), "16M"], check=True)
    return str(path)


def only(result: dict[str, Any]) -> dict[str, Any]:
    """The one guest of a vm_info result."""
    (guest,) = result["guests"]
    return dict(guest)


def boots_and_is_quiet(vm: Run, vm_info: Run, wanted: dict[str, Any], up: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Define, define again, start, run again: nothing is left to do or pending. Returns console and facts."""
    defined = vm(**wanted)
    assert defined.get("changed"), defined["msg"]
    assert not vm(**wanted)["changed"]
    started = vm(**wanted, state="running", wait_for=up)
    assert not started.get("failed"), started["msg"]
    again = vm(**wanted, state="running", wait_for=up)
    assert not again["changed"], again["actions"]
    assert again["pending"] == [] and not again["restart_required"]
    guest = only(vm_info(name=wanted["name"]))
    return Path(guest["console_log"]).read_text(errors="replace"), guest


@pytest.mark.skipif(not FIRMWARE.is_dir(), reason="no UEFI firmware is installed here (package ovmf)")
def test_a_server(vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any], root_dir: Path) -> None:
    """UEFI, NUMA, I/O threads, limits, ports, and what is told to the firmware."""
    wanted = {
        **linux,
        "name": "server",
        "title": "A server",
        "description": "With all that a server may have.",
        "tags": ["web", "test"],
        "kernel": str(EFI_KERNEL),
        "firmware": "uefi",
        "memory": {"size": "256MiB", "maximum": "320MiB", "merge": False},
        "vcpus": {"count": 1, "maximum": 2, "cores": 2},
        "cpu": {"model": "host", "features": {"rdrand": True}},
        "numa": [{"cpus": "0", "memory": "160MiB"}, {"cpus": "1", "memory": "160MiB"}],
        "iothreads": 1,
        "clock": "localtime",
        "timers": [{"name": "rtc", "tick_policy": "catchup"}, {"name": "hpet", "present": False}],
        "on_crash": "preserve",
        "disks": [
            {"path": image(root_dir / "system.raw"), "iothread": 1, "serial": "system", "discard": "unmap"},
            {
                "path": image(root_dir / "data.qcow2", "qcow2"),
                "bus": "scsi",
                "serial": "data",
                "wwn": "5000c50015ea71ac",
                "detect_zeroes": "unmap",
                "iotune": {"total_iops_sec": 5000, "total_iops_sec_max": 9000, "burst_seconds": 2},
            },
            {"path": image(root_dir / "shared.raw"), "readonly": True, "shareable": True, "serial": "shared"},
            {"device": "cdrom"},
        ],
        "filesystems": [{"source": str(root_dir), "tag": "root", "type": "9p", "readonly": True}],
        "interfaces": [{"type": "user", "link": "up"}, {"type": "user", "model": "e1000e", "link": "down"}],
        "serials": [{"type": "file", "path": str(root_dir / "second.log")}, {"model": "pci-serial"}],
        "guest_agent": True,
        "channels": [{"name": "org.example.port.0"}],
        "rng": True,
        "balloon": True,
        "watchdog": {"model": "i6300esb", "action": "pause"},
        "panic": True,
        "smbios": {"system": {"manufacturer": "Example", "serial": "S-1"}, "oem_strings": ["one", "two"]},
        "fw_cfg": [{"name": "opt/com.example/role", "value": "server"}],
        "qemu_commandline": ["-msg", "guest-name=on"],
    }
    console, guest = boots_and_is_quiet(vm, vm_info, wanted, up)
    for serial in ("system", "data", "shared"):
        assert f"serial={serial}" in console, console
    assert "org.example.port.0" in console
    assert [f"mac={interface['mac']}" in console for interface in guest["interfaces"]] == [True, True], console
    assert (guest["title"], guest["tags"], guest["firmware"]) == ("A server", ["test", "web"], "uefi")
    assert (root_dir / "var/lib/corral/nvram/server_VARS.fd").exists()
    words = Path(f"/proc/{guest['pid']}/cmdline").read_bytes().decode().split("\0")
    assert "opt/com.example/role" in " ".join(words) and "guest-name=on" in words
    assert vm(name="server", state="absent", force=True, timeout=0)["changed"]


def test_a_desktop(vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any], root_dir: Path) -> None:
    """An old PC with two screens, sound, tablets, and drives on every old bus."""
    wanted = {
        **linux,
        "name": "desktop",
        "machine": "pc",
        "memory": "192MiB",
        "vcpus": 2,
        "cpu": "qemu64",
        "boot": {"menu": True, "menu_timeout": 1},
        "disks": [
            {"path": image(root_dir / "a.raw"), "bus": "ide", "serial": "old", "boot_order": 1},
            {"path": image(root_dir / "b.raw"), "bus": "usb", "serial": "stick"},
            {"device": "cdrom", "bus": "ide", "path": image(root_dir / "cd.iso")},
            {"device": "floppy", "path": image_of(root_dir / "floppy.img", 1440)},
        ],
        "interfaces": [{"type": "user", "model": "e1000", "boot_order": 2}],
        "parallels": [{"type": "file", "path": str(root_dir / "printer.out")}],
        "graphics": [{"type": "vnc", "password": "hush"}, {"type": "spice"}],
        "video": {"model": "qxl", "memory": "32MiB"},
        "sound": "ac97",
        "inputs": [{"type": "tablet"}, {"type": "keyboard", "bus": "virtio"}],
        "watchdog": "ib700",
        "balloon": False,
    }
    # what hangs on USB is looked for last
    console, guest = boots_and_is_quiet(vm, vm_info, wanted, {**up, "console": "serial=stick"})
    for serial in ("old", "stick"):
        assert f"serial={serial}" in console, console
    assert "com.redhat.spice.0" in console
    assert [screen["type"] for screen in guest["graphics"]] == ["vnc", "spice"]
    assert all(screen["port"] for screen in guest["graphics"])
    assert (guest["video"], guest["firmware"], guest["cpu"]) == (["qxl"], "bios", "qemu64")
    assert "hush" not in Path(f"/proc/{guest['pid']}/cmdline").read_bytes().decode()
    assert vm(name="desktop", state="absent", force=True, timeout=0)["changed"]


def image_of(path: Path, kib: int) -> str:
    """Make a raw image of a size."""
    path.write_bytes(bytes(kib * 1024))
    return str(path)


def test_a_contradiction_is_refused_by_name(ansible_vm: Run, ansible_vm_info: Run) -> None:
    """Through Ansible: by its own check of the options, by ours, and by the driver's."""
    for options, words in (
        ({"memoy": "1GiB"}, "Unsupported parameters"),
        ({"memory": "1GiB", "vcpus": {"cpus": 2}}, "vcpus: cpus is none of its fields"),
        ({"memory": "1GiB", "firmware": "uefi-secure", "machine": "pc"}, "firmware: uefi-secure and machine pc contra"),
        ({"memory": "1GiB", "disks": [{"path": "/x", "bus": "sata", "target": "fda"}]}, "names that begin with fd"),
        ({"memory": "1GiB", "video": "trident"}, "no video model 'trident'"),
    ):
        failed = ansible_vm(name="r", **options)
        assert failed["failed"] and words in failed["msg"], failed
    assert ansible_vm_info()["guests"] == []
