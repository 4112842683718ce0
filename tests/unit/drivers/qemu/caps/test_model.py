# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be asked of Capabilities, and the table of flags."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.flags import FLAGS, SCHEMA_PATHS
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import KVM, TCG, Capabilities
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.probe import probe_recording
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, UnsupportedConfig


@pytest.fixture
def caps(small_recording: str) -> Capabilities:
    return probe_recording(small_recording, binary="/usr/bin/small")


@pytest.mark.parametrize(
    ("name", "canonical"), [("pc", "pc-i440fx-9.0"), ("q35", "pc-q35-9.0"), ("pc-q35-2.4", "pc-q35-2.4")]
)
def test_machine_by_name_or_alias(caps: Capabilities, name: str, canonical: str) -> None:
    assert caps.machine(name).name == canonical


def test_missing_machine_names_those_there_are(caps: Capabilities) -> None:
    with pytest.raises(UnsupportedConfig, match=r"no machine type 'pc-q35-11\.0'") as caught:
        caps.machine("pc-q35-11.0")
    assert caught.value.hint == (
        "Write one such as pc, q35, pc-q35-9.0, pc-q35-2.4, pc-i440fx-9.0; all are listed by: "
        "/usr/bin/small -machine help"
    )


def test_machine_without_a_guest_is_none(caps: Capabilities) -> None:
    with pytest.raises(UnsupportedConfig):
        caps.machine("none")


def test_default_machine(caps: Capabilities) -> None:
    assert caps.default_machine().name == "pc-i440fx-9.0"
    without = replace(caps, accels={KVM: replace(caps.view(KVM), machines=caps.machines_of(KVM)[1:])})
    with pytest.raises(UnsupportedConfig, match="no default machine"):
        without.default_machine()


def test_default_accelerator_follows_kvm(caps: Capabilities) -> None:
    assert caps.default_accel == KVM
    assert replace(caps, kvm=False).default_accel == TCG


def test_unusable_kvm_is_an_error_that_says_why(caps: Capabilities) -> None:
    without = replace(caps, kvm=False, kvm_reason="/dev/kvm is missing", accels={TCG: caps.view(TCG)})
    with pytest.raises(UnsupportedConfig, match="KVM cannot be used with /usr/bin/small: /dev/kvm is missing"):
        without.machine("q35", KVM)
    with pytest.raises(UnsupportedConfig, match="accelerator 'hvf'"):
        caps.view("hvf")


def test_cpu_models_know_what_is_unavailable(caps: Capabilities) -> None:
    tcg, kvm, odd = caps.cpu("Snowridge", TCG), caps.cpu("Snowridge", KVM), caps.cpu("odd", KVM)
    assert tcg and kvm and odd
    assert (tcg.usable, tcg.unavailable) == (False, ("movdiri", "mpx"))
    assert (kvm.usable, odd.usable) == (True, None)
    assert (tcg.alias_of, tcg.deprecated) == ("Snowridge-v4", True)
    assert caps.cpu("Cascadelake") is None


def test_predicates(caps: Capabilities) -> None:
    assert caps.has_device("virtio-blk-pci") and not caps.has_device("virtio-blk-ccw")
    assert caps.has_object("rng-random") and not caps.has_object("rng-egd")
    assert caps.has_property("virtio-blk-pci", "queue-size") and not caps.has_property("virtio-blk-pci", "scsi")
    assert not caps.has_property("unheard-of", "scsi")
    assert caps.has_object_property("generic-pc-machine", "hpet")
    assert caps.has_command("query-kvm") and not caps.has_command("SHUTDOWN")
    assert caps.has_option("sandbox") and caps.has_option("sandbox", "spawn") and caps.has_option("accel")
    assert not caps.has_option("sandbox", "obsolete") and not caps.has_option("spice")


def test_flags_of_the_small_qemu(caps: Capabilities) -> None:
    assert {name for name in FLAGS if caps.has(name)} == {
        "device-json",
        "sandbox",
        "machine-acpi",
        "machine-hpet",
        "aio-io-uring",
        "virtio-blk-queue-size",
    }


def test_every_flag_answers_with_a_truth(caps: Capabilities) -> None:
    nothing = Capabilities(binary="/bin/false", version=(6, 2, 0), arch="x86_64")
    assert [name for name in FLAGS if nothing.has(name) is not False] == []


def test_unknown_flag_is_an_error(caps: Capabilities) -> None:
    with pytest.raises(InvalidArgument, match="no capability flag 'device-yaml': add a row"):
        caps.has("device-yaml")


def test_paths_of_the_flags_are_collected_for_the_cache() -> None:
    assert "device_add/!json-cli-hotplug" in SCHEMA_PATHS
