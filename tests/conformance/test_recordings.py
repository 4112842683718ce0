# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prober against recordings of real QEMUs, from a libvirt source tree.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.flags import FLAGS
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import KVM, TCG, Capabilities
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.pack import dump, pack, unpack
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.probe import (
    DEVICES,
    OBJECTS,
    probe_recording,
)

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
RECORDINGS = SOURCE / "tests" / "qemucapabilitiesdata"

if not RECORDINGS.is_dir():
    pytest.skip(f"there are no recordings in {RECORDINGS}: set CORRAL_LIBVIRT_SOURCE", allow_module_level=True)

OLD, MIDDLE, NEW = VERSIONS = ("7.2.0", "8.2.0", "10.0.0")

# The flags that not all three have: name -> the versions that have it. All others are true for all.
DIFFERENCES: Dict[str, Tuple[str, ...]] = {
    "run-with": (MIDDLE, NEW),
    "run-with-async-teardown": (MIDDLE, NEW),
    "run-with-chroot": (MIDDLE, NEW),
    "run-with-user": (NEW,),
    "smp-modules": (NEW,),
    "rbd-encryption-luks-any": (MIDDLE, NEW),
    "rbd-encryption-layering": (MIDDLE, NEW),
    "virtio-blk-scsi": (OLD, MIDDLE),
    "virtio-blk-iothread-mapping": (NEW,),
    "virtio-scsi-iothread-mapping": (NEW,),
    "netdev-stream-reconnect": (MIDDLE, NEW),
    "netdev-stream-reconnect-ms": (NEW,),
    "chardev-reconnect-ms": (NEW,),
    "virtio-mem-dynamic-memslots": (MIDDLE, NEW),
}


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def caps(version: str) -> Capabilities:
    text = (RECORDINGS / f"caps_{version}_x86_64.replies").read_text()
    return probe_recording(text, binary="/usr/bin/qemu-system-x86_64")


def test_basics(caps: Capabilities, version: str) -> None:
    assert caps.version == tuple(int(part) for part in version.split("."))
    assert caps.package == f"v{version}"
    assert caps.arch == "x86_64" and caps.kvm and set(caps.accels) == {KVM, TCG}
    assert {"tpm-crb", "tpm-tis"} == caps.tpm_models and {"passthrough", "emulator"} == caps.tpm_types
    assert "device_add" in caps.commands and "DEVICE_DELETED" in caps.events
    assert "xbzrle" in caps.migrate_capabilities


def test_everything_that_the_prober_asks_is_recorded(caps: Capabilities) -> None:
    assert {name for name in DEVICES if caps.has_device(name)} == set(caps.device_properties)
    assert set(caps.object_properties) >= set(OBJECTS) - {"generic-pc-machine"}
    for accel in (KVM, TCG):
        view = caps.view(accel)
        assert len(view.machines) > 50 and len(view.cpus) > 100
        assert view.host_cpu["sse2"] is True and set(view.host_cpu_all) >= set(view.host_cpu)


@pytest.mark.parametrize("accel", [KVM, TCG])
def test_machines(caps: Capabilities, version: str, accel: str) -> None:
    short = version.rpartition(".")[0]
    assert caps.machine("pc", accel).name == f"pc-i440fx-{short}"
    assert caps.machine("q35", accel).name == f"pc-q35-{short}"
    assert caps.default_machine(accel).name == f"pc-i440fx-{short}"
    assert caps.machine("q35", accel).default_ram_id == "pc.ram"
    assert caps.machine("q35", accel).hotplug_cpus
    assert caps.machine("q35", accel).acpi is (None if version == OLD else True)


def test_cpu_models(caps: Capabilities) -> None:
    host, qemu64 = caps.cpu("host", TCG), caps.cpu("qemu64", KVM)
    assert host and host.usable is False and host.unavailable == ("kvm",)
    assert qemu64 and qemu64.usable and qemu64.alias_of == "qemu64-v1"


def test_flags(caps: Capabilities, version: str) -> None:
    expected = {name: version in DIFFERENCES.get(name, VERSIONS) for name in FLAGS}
    assert {name: caps.has(name) for name in FLAGS} == expected


def test_hyperv(caps: Capabilities, version: str) -> None:
    hyperv: Dict[str, Any] = dict(caps.view(KVM).hyperv)
    assert all(name.startswith("hv-") for name in hyperv)
    if version != OLD:  # that recording was made on a host without
        assert hyperv["hv-relaxed"] is True and hyperv["hv-spinlocks"] == 4095


def test_cache_keeps_everything(caps: Capabilities) -> None:
    import json

    data = dump(pack(caps))
    again = unpack(json.loads(data))
    assert again == caps
    assert {name: again.has(name) for name in FLAGS} == {name: caps.has(name) for name in FLAGS}
    assert len(data) < 250_000
