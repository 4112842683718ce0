# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processors: how many there are, their layout, model and features, and what Windows asks of a hypervisor.

Source of the meanings: libvirt's formatdomain, "CPU Allocation", "CPU model and topology" and "Hypervisor features".
The Hyper-V set is what QEMU's docs/system/i386/hyperv recommends and every supported QEMU has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from .forms import Form, Read, number, truth, truth_in, words
from .write import Builder, Options, listed, part, put, text

X86 = (None, "x86_64", "i686")
MODES = ("host-passthrough", "host-model", "maximum")
TOPOLOGY = ("sockets", "dies", "cores", "threads")
POLICIES = ("force", "require", "optional", "disable", "forbid")
# <features><hyperv>: element and what it has beside state='on'
HYPERV: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("relaxed", {}),
    ("vapic", {}),
    ("spinlocks", {"retries": "8191"}),
    ("vpindex", {}),
    ("runtime", {}),
    ("synic", {}),
    ("stimer", {}),
    ("frequencies", {}),
    ("tlbflush", {}),
    ("ipi", {}),
)


def _features(value: Any, what: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{what}: {value!r} is no mapping; write the name of each feature with true or false.")
    return {str(name): _policy(policy, f"{what}.{name}") for name, policy in value.items()}


def _policy(value: Any, what: str) -> str:
    as_truth = truth_in(value)
    if as_truth is not None:
        return "require" if as_truth else "disable"
    if value not in POLICIES:
        raise InvalidArgument(f"{what}: {value!r} is not known; write true, false, {listed(list(POLICIES), 'or')}.")
    return str(value)


_cpus: Read = number(1, " of CPUs")
VCPUS = Form("vcpus", "count", {"count": _cpus, "maximum": _cpus, **{name: number(1) for name in TOPOLOGY}})
CPU = Form("cpu", "model", {"model": words, "features": _features, "migratable": truth})


def vcpus(domain: Element, options: Options) -> None:
    """How many there are, how many there can be, and how they are laid out."""
    count, most = counts(options)
    element = text(domain, "vcpu", str(most))
    if count != most:
        element.set("current", str(count))
    layout = _layout(VCPUS.read(options.get("vcpus")) or {}, most)
    if layout:
        put(part(domain, "cpu/topology"), layout)


def counts(options: Options) -> tuple[int, int]:
    """Return how many CPUs the guest has, and the most that it can have."""
    asked = VCPUS.read(options.get("vcpus")) or {}
    product = 1
    for name in TOPOLOGY:
        product *= asked.get(name, 1)
    most = asked.get("maximum", max(asked.get("count", 0), product))
    count = asked.get("count", most)
    if count > most:
        raise InvalidArgument(f"vcpus: the count {count} is above the maximum {most}; write a higher maximum.")
    return count, most


def _layout(asked: Mapping[str, int], most: int) -> dict[str, int]:
    """The topology: what is not said of it follows from the number of CPUs."""
    named = {name: asked[name] for name in TOPOLOGY if name in asked}
    if not named:
        return {}
    product = 1
    for value in named.values():
        product *= value
    shown = " x ".join(f"{value} {name}" for name, value in named.items())
    if most % product or ("sockets" in named and most != product):
        raise InvalidArgument(
            f"vcpus: {shown} are {product} CPUs, and the guest has up to {most}; write numbers that fit, or leave count"
            " and maximum out."
        )
    layout = {"sockets": named.get("sockets", most // product)}
    layout.update({"dies": named["dies"]} if "dies" in named else {})
    return {**layout, "cores": named.get("cores", 1), "threads": named.get("threads", 1)}


def cpu(domain: Element, options: Options) -> None:
    """The model and its features; ``host`` is the most that the host can give, whichever way the guest runs."""
    asked = CPU.read(options.get("cpu"))
    if asked is None:
        return
    if "model" not in asked:
        raise InvalidArgument("cpu: model is missing; write host, or the name of a model such as Skylake-Client.")
    element = part(domain, "cpu")
    _model(element, asked["model"], options)
    if "migratable" in asked:
        if element.get("mode") not in ("host-passthrough", "maximum"):
            raise InvalidArgument("cpu: migratable is for the models host, host-passthrough and maximum only.")
        element.set("migratable", "on" if asked["migratable"] else "off")
    for name, policy in asked.get("features", {}).items():
        add(element, "feature", policy=policy, name=name)


def _model(element: Element, name: str, options: Options) -> None:
    virt_type = options.get("virt_type")
    if name == "host":
        name = "host-passthrough" if virt_type == "kvm" else "maximum"
    if name == "host-passthrough" and virt_type == "qemu":
        raise InvalidArgument(
            "cpu: host-passthrough and virt_type qemu contradict each other; write host for the most that emulation"
            " can do."
        )
    if name in MODES:
        element.set("mode", name)
        return
    put(element, {"mode": "custom", "match": "exact"})
    text(element, "model", name)


def hyperv(domain: Element, options: Options) -> None:
    """What Windows asks of its hypervisor, and the clock that belongs to it."""
    if not options.get("hyperv"):
        return
    if options.get("arch") not in X86:
        raise InvalidArgument(f"hyperv: a guest of arch {options['arch']} has no Hyper-V features; leave it out.")
    if options.get("virt_type") == "qemu":
        raise InvalidArgument(
            "hyperv and virt_type qemu contradict each other: Hyper-V features need KVM; leave one out."
        )
    holder = part(domain, "features/hyperv")
    holder.set("mode", "custom")
    for tag, attributes in HYPERV:
        put(add(holder, tag, state="on"), attributes)


BUILDERS: tuple[Builder, ...] = (cpu, vcpus, hyperv)
