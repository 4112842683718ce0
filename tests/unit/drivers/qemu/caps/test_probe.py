# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a monitor's answers to Capabilities."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import KVM, TCG
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.probe import (
    Execute,
    add_tcg,
    needs_tcg,
    probe,
    probe_recording,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.replies import parse
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    MonitorClosed,
    MonitorError,
    UnsupportedConfig,
)

BINARY = "/usr/bin/small"


def changed(execute: Execute, answers: Mapping[str, Any]) -> Execute:
    """The same QEMU, but for some answers; an error is raised."""

    def answer(command: str, arguments: Optional[Mapping[str, Any]]) -> Any:
        if command not in answers:
            return execute(command, arguments)
        if isinstance(answers[command], Exception):
            raise answers[command]
        return answers[command]

    return answer


def test_recording_with_both_runs(small_recording: str) -> None:
    caps = probe_recording(small_recording, binary=BINARY)
    assert (caps.binary, caps.version, caps.package, caps.arch) == (BINARY, (9, 0, 1), "Small 9.0.1", "x86_64")
    assert caps.kvm and set(caps.accels) == {KVM, TCG}
    assert "SUNW,fdtwo" in caps.types
    assert caps.events == {"SHUTDOWN"}
    assert caps.device_properties == {"virtio-blk-pci": {"queue-size", "drive"}}
    assert caps.object_properties == {"generic-pc-machine": {"hpet", "acpi"}}
    assert caps.command_line_options == {"sandbox": {"enable", "spawn"}, "accel": set()}
    assert caps.migrate_capabilities == {"xbzrle"}
    assert caps.tpm_models == {"tpm-tis"}


def test_what_was_refused_or_not_recorded_is_unknown(small_recording: str) -> None:
    caps = probe_recording(small_recording, binary=BINARY)
    assert caps.sev is None  # refused
    assert caps.sgx is None  # no such command
    assert caps.tpm_types == frozenset()
    assert not caps.has_property("virtio-net-pci", "rss")


def test_host_cpu_under_each_accelerator(small_recording: str) -> None:
    caps = probe_recording(small_recording, binary=BINARY)
    assert caps.host_cpu_of(KVM) == {"sse2": True, "mpx": False, "invtsc": False}
    assert caps.view(KVM).host_cpu_all["invtsc"] is True
    assert caps.view(KVM).hyperv == {"hv-time": True, "hv-spinlocks": 4095}
    assert caps.host_cpu_of(TCG)["sse2"] is True
    assert caps.view(TCG).hyperv == {}


def test_qemu_without_kvm_is_asked_once(tcg_recording: str) -> None:
    caps = probe_recording(tcg_recording, binary=BINARY)
    assert not caps.kvm and list(caps.accels) == [TCG]
    assert not needs_tcg(caps)


def test_qemu_without_tcg_is_asked_once(small_recording: str) -> None:
    execute = changed(parse(small_recording)[0].execute, {"qom-list-types": [{"name": "rng-random"}]})
    assert not needs_tcg(probe(execute, binary=BINARY))


def test_second_run_adds_tcg(small_recording: str) -> None:
    kvm, tcg = parse(small_recording)
    first = probe(kvm.execute, binary=BINARY)
    assert needs_tcg(first)
    assert add_tcg(first, tcg.execute) == probe_recording(small_recording, binary=BINARY)


def test_nothing_is_asked_that_this_qemu_does_not_know(small_recording: str) -> None:
    execute = parse(small_recording)[0].execute
    asked: List[Dict[str, Any]] = []

    def watched(command: str, arguments: Optional[Mapping[str, Any]]) -> Any:
        asked.append({"command": command, **(arguments or {})})
        return execute(command, arguments)

    probe(watched, binary=BINARY)
    commands = [row["command"] for row in asked]
    assert "query-sgx-capabilities" not in commands and "query-tpm-types" not in commands
    devices = [row["typename"] for row in asked if row["command"] == "device-list-properties"]
    assert devices == ["virtio-blk-pci"]  # the only one of the table that it has
    assert len(commands) == len({str(row) for row in asked})  # and nothing twice


def test_qemu_that_is_too_old_is_refused(small_recording: str) -> None:
    old = {"qemu": {"major": 5, "minor": 2, "micro": 0}, "package": ""}
    execute = changed(parse(small_recording)[0].execute, {"query-version": old})
    with pytest.raises(UnsupportedConfig, match=r"/usr/bin/small is QEMU 5\.2\.0.*Install QEMU 6\.2 or newer"):
        probe(execute, binary=BINARY)


def test_end_of_the_monitor_is_not_taken_for_a_refusal(small_recording: str) -> None:
    execute = changed(parse(small_recording)[0].execute, {"query-machines": MonitorClosed("query-machines")})
    with pytest.raises(MonitorClosed):
        probe(execute, binary=BINARY)


def test_refused_basics_are_an_error(small_recording: str) -> None:
    refused = MonitorError("query-version", "CommandNotFound", "no such command")
    with pytest.raises(MonitorError, match="no such command"):
        probe(changed(parse(small_recording)[0].execute, {"query-version": refused}), binary=BINARY)
