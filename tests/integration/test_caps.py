# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The QEMU of this machine: probed, cached, and asked whether KVM is usable; with the real host."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps import launch
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.cache import capabilities
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.flags import FLAGS
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.kvm import DEVICE, kvm_state, prove
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.launch import Account, probe_binary
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import KVM, TCG
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.probe import probe_recording
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationFailed
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

NAME = "qemu-system-x86_64"

# What depends on the libraries that a distribution builds its QEMU with, or splits off into packages.
OF_THE_BUILD = {
    *("aio-io-uring", "drive-virtio-vdpa", "rbd-encryption", "chardev-vdagent", "qxl-vram64", "virtio-gpu-gl"),
    *("virtio-vga-gl", "spice", "spice-gl", "spice-rendernode", "display-sdl", "display-dbus", "egl-headless"),
    *("egl-headless-rendernode", "usb-redir-filter", "usb-host-guest-resets-all", "virtio-gpu-blob", "netdev-user"),
}

RUN = """
import sys
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.cache import capabilities
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
print(capabilities(LocalHost(), sys.argv[1], sys.argv[2]).version)
"""


@pytest.fixture(scope="module")
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture(scope="module")
def binary(host: LocalHost) -> str:
    found = host.find_program(NAME)
    assert found, "make setup installs QEMU"
    return found


@pytest.fixture
def program(tmp_path: Path, binary: str) -> Path:
    """A QEMU of our own that counts how often it is started."""
    script = tmp_path / NAME
    script.write_text(f'#!/bin/sh\necho "$*" >>"{tmp_path}/starts"\nexec {binary} "$@"\n')
    script.chmod(0o755)
    return script


def running(tmp_path: Path) -> list[str]:
    """The command lines of the processes that name the directory."""
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(tmp_path) in line:
                lines.append(line)
    return lines


def test_probe_is_quick_and_plausible(host: LocalHost, binary: str, tmp_path: Path) -> None:
    probe_binary(host, binary, str(tmp_path / "warm"), kvm=False)  # what is measured is QEMU, not our imports
    before = time.monotonic()
    caps = probe_binary(host, binary, str(tmp_path / "probe"), kvm=False)
    took = time.monotonic() - before
    assert caps.arch == "x86_64" and list(caps.accels) == [TCG]
    assert caps.machine("q35").name.startswith("pc-q35-")
    assert caps.cpu("qemu64") and caps.host_cpu_of()["sse2"] is True
    assert caps.has("device-json") and caps.has("object-json") and caps.has_device("virtio-blk-pci")
    assert took < 60, f"a probe took {took:.2f} s"


def test_second_call_reads_the_cache(host: LocalHost, program: Path, tmp_path: Path) -> None:
    first = capabilities(host, str(program), str(tmp_path / "cache"))
    starts = (tmp_path / "starts").read_text()
    before = time.monotonic()
    second = capabilities(host, str(program), str(tmp_path / "cache"))
    took = time.monotonic() - before
    assert second == first
    assert (tmp_path / "starts").read_text() == starts
    assert took < 10, f"reading the cache took {took * 1000:.1f} ms"


def test_twenty_runs_at_once_probe_once(program: Path, tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-c", RUN, str(program), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _run in range(20)]
    said = {run.communicate(timeout=600)[0] for run in runs}
    assert len(said) == 1 and [run.returncode for run in runs] == [0] * 20
    asked = [line for line in (tmp_path / "starts").read_text().splitlines() if " none,accel=" in line]
    assert len(asked) == len({line.partition("accel=")[2] for line in asked})  # once for each accelerator


def test_nothing_is_left_running(host: LocalHost, binary: str, tmp_path: Path) -> None:
    probe_binary(host, binary, str(tmp_path / "probe"), kvm=False)
    prove(host, binary, str(tmp_path / "proof"), accel=TCG)
    assert running(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["probe.log", "proof.guest.log"]


def test_tiny_guest_runs_under_tcg(host: LocalHost, binary: str, tmp_path: Path) -> None:
    proof = prove(host, binary, str(tmp_path / "proof"), accel=TCG, patience=120)
    assert proof.ran, proof.said


def test_kvm_state_is_what_the_tiny_guest_says(host: LocalHost, binary: str, tmp_path: Path) -> None:
    before = time.monotonic()
    state = kvm_state(host, binary, str(tmp_path / "state"))
    assert time.monotonic() - before < 60
    assert state.usable or state.reason
    if host.stat(DEVICE) and host.writable(DEVICE):
        assert state.usable == prove(host, binary, str(tmp_path / "again"), patience=5).ran
    else:
        assert not state.usable and DEVICE in state.reason


def test_capabilities_have_kvm_exactly_when_it_is_proven(host: LocalHost, binary: str, tmp_path: Path) -> None:
    caps = capabilities(host, binary, str(tmp_path / "cache"))
    state = kvm_state(host, binary, str(tmp_path / "state"))
    assert (caps.kvm, KVM in caps.accels) == (state.usable, state.usable)
    assert caps.kvm or caps.kvm_reason


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 0", "could not be asked"),
        ("echo libnettle.so.8 is missing >&2; exit 127", "libnettle.so.8 is missing"),
        ("echo dying >&2; kill -SEGV $$", "dying"),
    ],
)
def test_what_is_no_qemu_is_quoted(host: LocalHost, tmp_path: Path, script: str, message: str) -> None:
    program = tmp_path / NAME
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(OperationFailed, match=message):
        probe_binary(host, str(program), str(tmp_path / "probe"), kvm=False)
    assert running(tmp_path) == []


def test_program_without_a_format_cannot_be_started(host: LocalHost, tmp_path: Path) -> None:
    program = tmp_path / NAME
    program.write_bytes(b"\x7fELF but nothing more")
    program.chmod(0o755)
    with pytest.raises(OperationFailed, match="cannot be started as a QEMU"):
        probe_binary(host, str(program), str(tmp_path / "probe"), kvm=False)


def test_file_that_is_not_executable(host: LocalHost, tmp_path: Path) -> None:
    program = tmp_path / NAME
    program.write_text("#!/bin/sh\n")
    with pytest.raises(OperationFailed, match="is not a program that can be executed"):
        capabilities(host, str(program), str(tmp_path / "cache"))


def test_program_that_never_answers_is_ended_in_time(
    host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "START", 1.0)
    program = tmp_path / NAME
    program.write_text("#!/bin/sh\ntrap '' TERM INT\nwhile :; do read -r _ || sleep 0.1; done\n")
    program.chmod(0o755)
    before = time.monotonic()
    with pytest.raises(OperationFailed, match="within 1 seconds"):
        probe_binary(host, str(program), str(tmp_path / "probe"), kvm=False)
    assert time.monotonic() - before < 60
    assert running(tmp_path) == []


def test_qemu_of_a_run_that_was_killed_is_ended_by_the_next(host: LocalHost, binary: str, tmp_path: Path) -> None:
    scratch = str(tmp_path / "probe")
    left = launch.start(host, launch.arguments(binary, TCG), f"{scratch}.log", f"{scratch}.sock", Account())
    assert host.process(left.pid) == left
    probe_binary(host, binary, scratch, kvm=False)
    assert host.wait_exit(left, timeout=60)


@pytest.mark.root
def test_probe_as_another_user(host: LocalHost, binary: str) -> None:
    nobody = host.user("nobody")
    assert nobody
    directory = f"/run/corral-test-{os.getpid()}"
    host.make_directory(directory, mode=0o755)
    try:
        caps = capabilities(host, binary, directory, account=Account(nobody))
        assert caps.machine("q35", TCG)
        assert prove(host, binary, f"{directory}/proof", accel=TCG, account=Account(nobody), patience=120).ran
    finally:
        host.remove_tree(directory)


def test_probed_qemu_agrees_with_the_recorded_one(host: LocalHost, binary: str, tmp_path: Path, root: Path) -> None:
    source = os.environ.get("CORRAL_LIBVIRT_SOURCE") or root.parent / "shared" / "conformance" / "libvirt-11.3"
    caps = probe_binary(host, binary, str(tmp_path / "probe"), kvm=False)
    version = ".".join(map(str, (*caps.version[:2], 0)))
    recording = Path(source) / "tests" / "qemucapabilitiesdata" / f"caps_{version}_x86_64.replies"
    if not recording.is_file():
        pytest.skip(f"there is no recording of QEMU {version}: {recording}")
    recorded = probe_recording(recording.read_text(), binary=binary)
    differ = {name for name in FLAGS if caps.has(name) != recorded.has(name)}
    assert differ <= OF_THE_BUILD
    assert {machine.alias for machine in caps.machines_of()} >= {"pc", "q35"}
    assert caps.machine("q35").name.startswith(recorded.machine("q35", TCG).name)
    shared = set(caps.device_properties) & set(recorded.device_properties)
    assert {"virtio-blk-pci", "virtio-net-pci", "scsi-hd", "pcie-root-port"} <= shared
    assert all(caps.device_properties[name] >= recorded.device_properties[name] for name in ("scsi-hd", "ide-hd"))
    assert caps.object_properties["none-machine"] >= recorded.object_properties["none-machine"]
    assert {cpu.name for cpu in caps.cpus_of()} >= {cpu.name for cpu in recorded.cpus_of(TCG)}
