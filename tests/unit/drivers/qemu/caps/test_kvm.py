# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KVM is usable when a guest has run under it."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps import guest, kvm
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.kvm import (
    KvmState,
    guest_architecture,
    known_state,
    kvm_state,
    prove,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.launch import Account
from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import BINARY, SCRATCH, SmallHost


def test_guest_runs_under_kvm(host: SmallHost) -> None:
    host.add_kvm()
    assert kvm_state(host, BINARY, SCRATCH) == KvmState(True, "")


def test_proof_leaves_no_process_and_no_firmware(host: SmallHost) -> None:
    host.add_kvm()
    host.works_under = set()
    kvm_state(host, BINARY, SCRATCH)
    assert host.processes == {}
    assert host.started[0].signals == ["SIGKILL"]
    assert host.stat(f"{SCRATCH}.rom") is None


def test_missing_device_says_which_module(host: SmallHost) -> None:
    state = kvm_state(host, BINARY, SCRATCH)
    assert not state.usable and "/dev/kvm is missing: load kvm_intel or kvm_amd" in state.reason
    assert host.started == []


def test_missing_permission_says_which_group(host: SmallHost) -> None:
    host.add_kvm()
    host.identity = (1000, 1000)
    state = kvm_state(host, BINARY, SCRATCH)
    assert not state.usable and "no permission to open /dev/kvm: add the user" in state.reason
    assert "group kvm" in state.reason
    assert host.started == []


def test_a_device_of_root_only_needs_a_group_first(host: SmallHost) -> None:
    host.add_node("/dev/kvm", "char", mode=0o600)
    host.identity = (1000, 1000)
    state = kvm_state(host, BINARY, SCRATCH)
    assert not state.usable and "which is for root only: give it to the group kvm (chgrp kvm /dev/kvm" in state.reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"Could not access KVM kernel module: Permission denied\n", "add the user that runs QEMU to the group kvm"),
        (b"Could not access KVM kernel module: No such device\n", "load the kernel module"),
        (b"qemu-system-x86_64: -machine accel=kvm: invalid accelerator kvm\n", "built without KVM"),
        (b"error: failed to set MSR 0x10a\n", "a guest does not run under it .* failed to set MSR 0x10a"),
    ],
)
def test_refusal_in_words_that_say_what_to_do(host: SmallHost, said: bytes, reason: str) -> None:
    host.add_kvm()
    host.works_under, host.said = {"tcg"}, said
    state = kvm_state(host, BINARY, SCRATCH, account=Account((64055, 108)))
    assert not state.usable
    assert re.search(reason, state.reason)


def test_guest_that_hangs_proves_nothing_in_bounded_time(host: SmallHost) -> None:
    host.add_kvm()
    host.works_under = {"tcg"}
    before = host.monotonic()
    state = kvm_state(host, BINARY, SCRATCH)
    assert not state.usable and "opens, but a guest does not run under it" in state.reason
    assert host.monotonic() - before <= kvm.PATIENCE + 1


def test_proof_is_kept_for_this_boot(host: SmallHost) -> None:
    host.add_kvm()
    kvm_state(host, BINARY, SCRATCH)
    host.sleep(10**6)
    assert kvm_state(host, BINARY, SCRATCH).usable
    assert len(host.started) == 1
    host.reboot()
    assert known_state(host, BINARY, SCRATCH) is None
    kvm_state(host, BINARY, SCRATCH)
    assert len(host.started) == 2


@pytest.mark.parametrize("change", ["binary", "device", "module", "account"])
def test_proof_is_repeated_when_what_it_depends_on_changes(host: SmallHost, change: str) -> None:
    host.add_kvm()
    kvm_state(host, BINARY, SCRATCH)
    host.sleep(1)
    account = Account()
    if change == "binary":
        host.add_file(BINARY, b"newer", mode=0o755)
    elif change == "device":
        host.add_node("/dev/kvm", "char", mode=0o666)
    elif change == "module":
        host.add_directory("/sys/module/kvm_intel")
    else:
        account = Account((64055, 108))
    assert known_state(host, BINARY, SCRATCH, account=account) is None


def test_no_is_believed_for_a_while_only(host: SmallHost) -> None:
    host.add_kvm()
    host.works_under = {"tcg"}
    kvm_state(host, BINARY, SCRATCH)
    host.works_under = {"kvm"}
    host.sleep(kvm.HUNG / 2)
    assert not kvm_state(host, BINARY, SCRATCH).usable
    host.sleep(kvm.HUNG)
    assert kvm_state(host, BINARY, SCRATCH).usable


def test_clock_that_was_set_back_does_not_prolong_a_no(host: SmallHost) -> None:
    host.add_kvm()
    host.works_under = set()
    kvm_state(host, BINARY, SCRATCH)
    host.clock -= 10**6
    assert known_state(host, BINARY, SCRATCH) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b'{"key": {}}', b"\xff"])
def test_damaged_record_is_unknown(host: SmallHost, content: bytes) -> None:
    host.add_kvm()
    host.add_file(f"{SCRATCH}.kvm.json", content)
    assert known_state(host, BINARY, SCRATCH) is None


def test_damaged_record_with_the_right_key_is_unknown(host: SmallHost) -> None:
    host.add_kvm()
    kvm_state(host, BINARY, SCRATCH)
    record = json.loads(host.files[f"{SCRATCH}.kvm.json"].data)
    host.add_file(f"{SCRATCH}.kvm.json", json.dumps({"key": record["key"]}).encode())
    assert known_state(host, BINARY, SCRATCH) is None


def test_same_proof_under_tcg(host: SmallHost) -> None:
    proof = prove(host, BINARY, SCRATCH, accel="tcg")
    assert proof.ran and not proof.hung
    command = host.started[0].command
    assert command is not None and "q35,accel=tcg" in command.argv


@pytest.mark.parametrize(
    ("binary", "architecture"),
    [("qemu-system-x86_64", "aarch64"), ("qemu-system-aarch64", "x86_64"), ("qemu-system-i386", "x86_64")],
)
def test_foreign_architecture_has_no_kvm(host: SmallHost, binary: str, architecture: str) -> None:
    host.add_kvm()
    host.cpu = architecture
    state = kvm_state(host, f"/usr/bin/{binary}", SCRATCH)
    assert not state.usable and binary in state.reason and host.started == []


def test_binary_whose_name_is_silent_emulates_its_host() -> None:
    assert guest_architecture("/usr/libexec/qemu-kvm", "x86_64") == "x86_64"
    assert guest_architecture("/usr/bin/qemu-system-riscv64", "x86_64") == "riscv64"


def test_firmware_image_has_its_entry_where_the_processor_begins() -> None:
    image = guest.image()
    assert len(image) == 65536
    assert image[0xFFF0:0xFFF5] == bytes.fromhex("ea00fe00f0")
    text = guest.MESSAGE[:-1].encode() + b"\0"
    assert image[0xFE9E : 0xFE9E + len(text)] == text
    assert image[0xFE98:0xFE9E] == (15).to_bytes(2, "little") + (0xFFE88).to_bytes(4, "little")
