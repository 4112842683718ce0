# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest needs beside QEMU, really started: UEFI and its variables, a TPM by swtpm, a directory by virtiofsd."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.farewell import end_helpers
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.status import Beside, Status
from ansible_collections.corral.virt.plugins.module_utils.host.api import Append, Listen, Process, Spawn
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest

ROOT = Path(__file__).resolve().parents[2]
EFI_KERNEL = str(ROOT / ".cache/guest/bzImage")
VIRTIOFSD = [path for path in ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd") if Path(path).exists()]
BOOT = 300  # seconds: UEFI and a packed kernel, emulated on a busy machine

needs_virtiofsd = pytest.mark.skipif(
    not VIRTIOFSD or os.geteuid() != 0, reason="virtiofsd is not installed, or we are not root"
)


def runs(pid: int) -> bool:
    """Whether the process runs; one that only waits for init to look at it does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def status_of(root: Path, name: str) -> dict[str, Any]:
    """What is written down of a guest that runs."""
    found: dict[str, Any] = json.loads((root / f"run/corral/domains/{name}.json").read_text())
    return found


def helpers_of(root: Path, name: str) -> dict[str, int]:
    """The processes beside its QEMU."""
    return {row[0]: row[2] for row in status_of(root, name)["helpers"]}


def digest(path: Path) -> str:
    """What tells one content from another."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def console_of(vm_info: Run, name: str) -> str:
    """What the guest has written to its console."""
    (guest,) = vm_info(name=name)["guests"]
    return Path(guest["console_log"]).read_text(errors="replace")


@pytest.fixture
def efi(linux: dict[str, Any]) -> dict[str, Any]:
    """Options of a guest with UEFI; its kernel is the one that UEFI can load."""
    return {**linux, "kernel": EFI_KERNEL, "memory": "256MiB", "firmware": "uefi"}


@needs_virtiofsd
def test_uefi_a_tpm_and_a_directory(
    vm: Run, vm_info: Run, efi: dict[str, Any], up: dict[str, Any], root_dir: Path
) -> None:
    """The guest sees them; after kill -9 nothing is left; the next run goes on with the same variables and TPM."""
    shared = root_dir / "shared"
    shared.mkdir()
    (shared / "from-the-host").write_text("hello")
    efi["cmdline"] += " corral.virtiofs=share"
    share = {"source": str(shared), "tag": "share", "type": "virtiofs"}
    wanted = {**efi, "name": "h", "tpm": True, "filesystems": [share]}
    first = vm(**wanted, state="running", wait_for={**up, "timeout": BOOT})
    assert first.get("changed"), first["msg"]
    console = console_of(vm_info, "h")
    for line in ("tpm tpm0 version=2", "firmware uefi", "virtiofs share from-the-host"):
        assert f"corral-guest: {line}" in console, console

    variables = root_dir / "var/lib/corral/nvram/h_VARS.fd"
    (state,) = (root_dir / "var/lib/corral/tpm").glob("*-*-*-*-*/tpm2-00.permall")
    owner = status_owner(status_of(root_dir, "h")["pid"])
    for path in (variables, state):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (owner, 0o600)
    before, helpers, pid = digest(variables), helpers_of(root_dir, "h"), status_of(root_dir, "h")["pid"]
    assert set(helpers) == {"swtpm", "virtiofsd"} and all(map(runs, helpers.values()))
    assert status_owner(helpers["swtpm"]) == owner

    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not any(map(runs, helpers.values()))), "helpers end with their QEMU"
    assert vm(**wanted, state="paused")["changed"]
    assert digest(variables) == before
    assert before != digest(Path((root_dir / "var/lib/corral/nvram/h_VARS.fd.template").read_text().strip()))
    again = helpers_of(root_dir, "h")
    assert set(again.values()).isdisjoint(helpers.values()) and all(map(runs, again.values()))

    assert vm(name="h", state="absent", storage="owned", force=True, timeout=0)["changed"]
    assert not any(map(runs, again.values()))
    assert list((root_dir / "var/lib/corral/nvram").iterdir()) == []
    assert not state.parent.exists()
    assert list((root_dir / "run/corral/guests").iterdir()) == []


def status_owner(pid: int) -> int:
    """The user of a process."""
    return Path(f"/proc/{pid}").stat().st_uid


def test_secure_boot_with_enrolled_keys(vm: Run, vm_info: Run, efi: dict[str, Any]) -> None:
    """The firmware has secure boot on; another firmware does not get its variables silently."""
    efi["cmdline"] = efi["cmdline"].replace(" quiet", "")
    wanted = {**efi, "name": "s", "memory": "512MiB", "firmware": "uefi-secure"}
    started = vm(**wanted, state="running", wait_for={"console": "UEFI Secure Boot is enabled", "timeout": BOOT})
    assert not started.get("failed"), started["msg"]
    vm(name="s", state="stopped", force=True, timeout=0)
    other = vm(**{**wanted, "firmware": "uefi"}, state="running")
    assert other["failed"]
    assert "were made from" in other["msg"] and "Delete that file" in other["msg"], other["msg"]
    assert vm(name="s", state="absent", storage="owned")["changed"]


def test_a_tpm_1_2(vm: Run, linux: dict[str, Any], root_dir: Path) -> None:
    """Its state is made too, and it ends with its guest."""
    wanted = {**linux, "name": "t", "tpm": {"model": "tis", "version": "1.2"}}
    started = vm(**wanted, state="paused")
    assert started.get("changed"), started["msg"]
    assert list((root_dir / "var/lib/corral/tpm").glob("*/tpm-00.permall"))
    pid = helpers_of(root_dir, "t")["swtpm"]
    assert runs(pid)
    vm(name="t", state="stopped", force=True, timeout=0)
    assert not runs(pid)


@needs_virtiofsd
def test_what_a_broken_helper_says_reaches_the_user(vm: Run, linux: dict[str, Any], root_dir: Path) -> None:
    """A virtiofsd that does not start is named, with its own words, and nothing is left behind."""
    broken = root_dir / "virtiofsd"
    broken.write_text("#!/bin/sh\n[ $# -gt 1 ] || exit 0\necho 'no such luck' >&2\nexit 3\n")
    broken.chmod(0o755)
    xml = f"""
      <domain>
        <name>b</name>
        <memory unit='MiB'>64</memory>
        <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
        <os><type machine='q35'>hvm</type></os>
        <devices>
          <filesystem type='mount'>
            <driver type='virtiofs'/><binary path='{broken}'/><source dir='{root_dir}'/><target dir='share'/>
          </filesystem>
        </devices>
      </domain>"""
    failed = vm(xml=xml, state="running")
    assert failed["failed"]
    assert "virtiofsd said: no such luck" in failed["msg"], failed["msg"]
    assert list((root_dir / "run/corral/guests").iterdir()) == []


def test_huge_pages_that_the_host_has_not(vm: Run) -> None:
    """An error that says what to do, before anything is done."""
    mounted = "pagesize=1024M" in Path("/proc/mounts").read_text()
    failed = vm(name="g", memory={"size": "1GiB", "hugepages": "1GiB"}, state="running")
    free = Path("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages")
    if mounted and int(free.read_text()):
        pytest.skip("this host has huge pages of 1 GiB to spare")
    said = "takes 1 huge pages of 1048576 KiB, and the host has 0 free" if mounted else "no huge pages of 1048576 KiB"
    assert failed["failed"]
    assert said in failed["msg"], failed["msg"]


# a run that was killed before it could write down whom it had started

PROGRAMS: dict[str, list[str]] = {
    "swtpm": ["swtpm", "socket", "--ctrl", "type=unixio,fd=3", "--tpmstate", "dir={state}", "--tpm2", "--terminate"],
    **({"virtiofsd": [VIRTIOFSD[0], "--fd=3", "-o", "source={state}"]} if VIRTIOFSD and os.geteuid() == 0 else {}),
}


@pytest.fixture
def host() -> LocalHost:
    """The real machine."""
    return LocalHost()


@pytest.fixture
def started(host: LocalHost, root_dir: Path) -> Iterator[Callable[[str], Process]]:
    """Start a helper as the launcher does; it is ended by its process id if the test does not."""
    processes: list[Process] = []

    def start(program: str) -> Process:
        argv = tuple(word.format(state=root_dir) for word in PROGRAMS[program])
        fds = (Listen(str(root_dir / "s.sock")), Append(str(root_dir / "log")))
        path = {"PATH": os.environ["PATH"]}
        processes.append(host.spawn(Spawn(argv, log=str(root_dir / "log"), env=path, fds=fds)))
        return processes[-1]

    yield start
    for process in processes:
        host.signal(process, "SIGKILL")


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_helper_of_a_killed_run_is_ended(
    host: LocalHost, started: Callable[[str], Process], root_dir: Path, program: str, known: bool
) -> None:
    """By its process where that is known, else over its socket; once it has gone there is nothing to do."""
    process = started(program)
    row = Beside(program, str(root_dir / "s.sock"), *((process.pid, process.start) if known else ()))
    for _time in range(2):
        end_helpers(host, Status(boot_id=host.boot_id(), helpers=(row,)))
        assert host.wait_exit(process, timeout=60), Path(root_dir / "log").read_text()


def test_the_programs_are_there() -> None:
    """The set-up installs what these tests need."""
    for program in ("swtpm", "swtpm_setup"):
        assert subprocess.run([program, "--help"], capture_output=True, check=False).stdout
    assert list(Path("/usr/share/qemu/firmware").glob("*.json"))
