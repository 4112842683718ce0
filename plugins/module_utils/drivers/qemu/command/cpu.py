# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CPU model with its features, and how many there are."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from ....model.domain.core import Domain
from ....model.domain.cpu import Cpu
from ....xml.views import View, number_of
from ..context import Context
from ..options import Option, properties

Flags = List[Tuple[str, Any]]

ON = {"force": True, "require": True, "disable": False, "forbid": False}
HYPERV = (
    "relaxed",
    "vapic",
    "vpindex",
    "runtime",
    "synic",
    "stimer",
    "reset",
    "frequencies",
    "reenlightenment",
    "tlbflush",
    "ipi",
    "evmcs",
    "avic",
    "emsr_bitmap",
    "xmm_input",
)
# <features><kvm>: element, the state in which something is said, QEMU's property and its value
QEMU_NAMES = {"pclmuldq": "pclmulqdq"}  # what libvirt calls otherwise than QEMU, underscores left out
KVM_HINTS = (
    ("hidden", "on", "kvm", False),
    ("hint-dedicated", "on", "kvm-hint-dedicated", True),
    ("poll-control", "on", "kvm-poll-control", True),
    ("pv-ipi", "off", "kvm-pv-ipi", False),
)
CACHE: Dict[str, Dict[str, bool]] = {
    "emulate": {"l3-cache": True, "host-cache-info": False},
    "passthrough": {"host-cache-info": True, "l3-cache": False},
    "disable": {"host-cache-info": False, "l3-cache": False},
}


def cpu_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-cpu with everything that is a property of the CPU in QEMU's eyes."""
    cpu = domain.cpu
    if cpu is None:  # the machine pass writes one
        raise AssertionError("cpu is not there")
    flags: Flags = [("model", _model(cpu, domain)), *_features(cpu)]
    flags += [*_timers(domain), *_paravirt(domain), *_hyperv(domain), *_kvm(domain), *_pmu(domain)]
    flags += [*_cache(cpu), *_physical_bits(cpu)]
    yield Option("-cpu", properties(dict(flags)), first="model")


def _model(cpu: Cpu, domain: Domain) -> str:
    """QEMU's word; a host-model is the host's CPU as far as it can be migrated, which is what QEMU makes of it."""
    by_mode = {"host-passthrough": "host", "maximum": "max", "host-model": "host" if domain.is_kvm() else "max"}
    return by_mode.get(cpu.mode or "custom", cpu.model or "")


def _features(cpu: Cpu) -> Flags:
    flags: Flags = []
    if cpu.mode == "host-passthrough" and cpu.migratable is not None:
        flags.append(("migratable", cpu.migratable))
    if cpu.vendor_id and cpu.mode == "custom":
        flags.append(("vendor", cpu.vendor_id))
    for feature in cpu.features:
        if feature.policy in ON or feature.policy is None:
            name = QEMU_NAMES.get(feature.name or "", feature.name or "").replace("_", "-")
            flags.append((name, ON[feature.policy or "require"]))
    return flags


def _timers(domain: Domain) -> Flags:
    flags: Flags = []
    kvmclock, hyperv, tsc = (domain.timer(name) for name in ("kvmclock", "hypervclock", "tsc"))
    if kvmclock is not None and kvmclock.present is not None:
        flags.append(("kvmclock", kvmclock.present))
    if hyperv is not None and hyperv.present:
        flags.append(("hv-time", True))
    if tsc is not None and tsc.frequency:
        flags.append(("tsc-frequency", tsc.frequency))
    return flags


def _paravirt(domain: Domain) -> Flags:
    apic = domain.feature("apic")
    eoi = None if apic is None else apic.get("eoi")
    return [("kvm-pv-eoi", eoi), ("kvm-pv-unhalt", domain.feature_state("pvspinlock"))]


def _hyperv(domain: Domain) -> Flags:
    found = domain.feature("hyperv")
    if found is None:
        return []
    flags: Flags = [("hv-passthrough", True)] if found.get("mode") == "passthrough" else []
    on = {str(item.tag): item for item in found if item.get("state") == "on"}
    for name in HYPERV:
        if name in on:
            flags.append((f"hv-{name.replace('_', '-')}", True))
    stimer = on.get("stimer")
    direct = None if stimer is None else stimer.find("direct")
    if direct is not None and direct.get("state") == "on":
        flags.append(("hv-stimer-direct", True))
    if "spinlocks" in on:
        retries = number_of(View(on["spinlocks"]), "retries", on["spinlocks"].get("retries", "4095"))
        flags.append(("hv-spinlocks", f"{retries:#x}"))
    if "vendor_id" in on:
        flags.append(("hv-vendor-id", on["vendor_id"].get("value")))
    return flags


def _kvm(domain: Domain) -> Flags:
    panic = any(panic.get("model") == "hyperv" for panic in domain.element.findall("devices/panic"))
    flags: Flags = [("hv-crash", True)] if panic else []
    for name, state, key, value in KVM_HINTS:
        found = domain.element.find(f"features/kvm/{name}")
        if found is not None and found.get("state") == state:
            flags.append((key, value))
    return flags


def _pmu(domain: Domain) -> Flags:
    return [("pmu", domain.feature_state("pmu"))]


def _cache(cpu: Cpu) -> Flags:
    wanted = dict(CACHE.get(cpu.cache_mode or "", {}))
    if cpu.mode not in ("host-passthrough", "maximum") and wanted.get("host-cache-info") is False:
        del wanted["host-cache-info"]  # only the host's own model knows of the host's caches
    return list(wanted.items())


def _physical_bits(cpu: Cpu) -> Flags:
    if cpu.address_mode == "emulate" and cpu.address_bits is None:
        return [("host-phys-bits", False)]
    if cpu.address_mode == "passthrough":
        return [("host-phys-bits", True), ("host-phys-bits-limit", cpu.address_limit)]
    return [("phys-bits", cpu.address_bits)] if cpu.address_mode == "emulate" else []


def smp_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-smp: the CPUs at start, the most there can be, and how they are laid out."""
    most = domain.vcpus or 1
    now = _cold_plugged(domain)
    sizes: Dict[str, Any] = {"cpus": now, "maxcpus": most if most != now else None}
    yield Option("-smp", properties(sizes, _topology(domain.cpu, most, context)), first="cpus")


def _cold_plugged(domain: Domain) -> int:
    """How many CPUs stand on the command line; hotpluggable ones that are enabled come later, over QMP."""
    listed = domain.vcpu_list
    if listed:
        return sum(1 for vcpu in listed if vcpu.enabled and not vcpu.hotpluggable)
    return domain.current_vcpus or domain.vcpus or 1


def _topology(cpu: Any, most: int, context: Context) -> Dict[str, Any]:
    if cpu is None or not cpu.sockets:
        return {"sockets": most, "cores": 1, "threads": 1}
    return {
        "sockets": cpu.sockets,
        "dies": (cpu.dies or 1) if context.has("smp-dies") else None,
        "clusters": (cpu.clusters or 1) if context.has("smp-clusters") else None,
        "cores": cpu.cores or 1,
        "threads": cpu.threads or 1,
    }
