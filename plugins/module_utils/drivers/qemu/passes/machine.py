# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guest is: accelerator, architecture, machine type, emulator, CPU model.

Source of the rules: libvirt's formatdomain, "Operating system booting" and "CPU model and topology".
"""

from __future__ import annotations

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....xml.parse import add
from ..context import Context

ACCELERATORS = {"kvm": "kvm", "qemu": "tcg"}
ARCHITECTURES = {"x86_64": ("x86_64", "i686"), "i386": ("i686",), "i686": ("i686",)}


def complete_machine(domain: Domain, context: Context) -> None:
    """Settle what everything else depends on."""
    _choose_accelerator(domain, context)
    _choose_machine(domain, context)
    if domain.emulator is None:
        domain.emulator = context.caps.binary
    _choose_cpu(domain, context)


def _choose_accelerator(domain: Domain, context: Context) -> None:
    if domain.type is None:
        domain.type = "kvm" if context.caps.kvm else "qemu"
    if domain.type not in ACCELERATORS:
        raise UnsupportedConfig(f"The qemu driver has no domain type '{domain.type}'; write kvm or qemu.")
    if domain.type == "kvm" and not context.caps.kvm:
        why = context.caps.kvm_reason or "the host has no usable KVM"
        raise UnsupportedConfig(
            f"type='kvm' cannot run here: {why.rstrip('.')}.",
            hint="Write type='qemu' to run the guest under emulation, or leave the type out.",
        )


def _choose_machine(domain: Domain, context: Context) -> None:
    if domain.os_type is None:
        domain.os_type = "hvm"
    if domain.os_type != "hvm":
        raise UnsupportedConfig(f"<os><type> is '{domain.os_type}'; QEMU runs 'hvm' guests.")
    if domain.arch is None:
        domain.arch = context.caps.arch
    if domain.arch not in ARCHITECTURES.get(context.caps.arch, (context.caps.arch,)):
        raise UnsupportedConfig(
            f"{context.caps.binary} emulates {context.caps.arch}, and the guest is of arch='{domain.arch}'.",
            hint="Name the right <emulator>, or change the arch.",
        )
    machines = context.caps
    found = (
        machines.machine(domain.machine, domain.accel()) if domain.machine else machines.default_machine(domain.accel())
    )
    domain.machine = found.name


def _choose_cpu(domain: Domain, context: Context) -> None:
    """Without a model the machine's own default is written down, so that it never drifts with QEMU's version."""
    if domain.cpu is None:
        add(domain.element, "cpu")
    cpu = domain.cpu
    if cpu is None:
        raise AssertionError("cpu is not there")
    if cpu.mode is None:
        cpu.mode = "custom"
    if cpu.mode not in ("custom", "host-model", "host-passthrough", "maximum"):
        raise XmlError(
            f"<cpu mode='{cpu.mode}'> is not one of custom, host-model, host-passthrough, maximum.", line=cpu.line
        )
    if cpu.mode == "custom":
        if cpu.model is None:
            cpu.model = _default_model(domain, context)
            cpu.check = cpu.check or "none"
        cpu.match = cpu.match or "exact"
        cpu.fallback = cpu.fallback or ("forbid" if cpu.check == "none" else "allow")
        cpu.check = cpu.check or ("partial" if domain.is_kvm() else "none")
    elif domain.accel() == "tcg" and cpu.mode == "host-passthrough":
        raise UnsupportedConfig(
            "<cpu mode='host-passthrough'> needs KVM, and the guest runs under emulation.",
            hint="Write <cpu mode='maximum'/> for the most that emulation can do.",
        )
    if cpu.mode in ("host-passthrough", "maximum"):
        cpu.check = cpu.check or "none"
        if cpu.migratable is None and cpu.mode == "host-passthrough":
            cpu.migratable = True
    if cpu.mode == "host-model":
        cpu.check = cpu.check or "partial"
        if cpu.model is None:
            cpu.fallback = None  # there is no model that another could stand in for


def _default_model(domain: Domain, context: Context) -> str:
    typename = context.caps.machine(domain.machine or "", domain.accel()).default_cpu or "qemu64"
    for ending in ("-x86_64-cpu", "-i386-cpu"):
        if typename.endswith(ending):
            typename = typename[: -len(ending)]
    return typename
