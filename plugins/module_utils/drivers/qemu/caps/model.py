# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one QEMU binary can do, as a value: probed once, cached, and asked by everything that writes for QEMU.

Accelerators are named as QEMU names them: ``kvm`` and ``tcg`` (a domain of type ``qemu`` runs under tcg).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, FrozenSet, Mapping, Optional, Sequence, Tuple

from ....errors import InvalidArgument, UnsupportedConfig
from .schema import Schema

Version = Tuple[int, int, int]

KVM = "kvm"
TCG = "tcg"


@dataclass(frozen=True)
class Machine:
    """A machine type; ``acpi`` is None when this QEMU does not say whether the machine has ACPI."""

    name: str
    alias: Optional[str] = None
    max_cpus: int = 1
    default_cpu: Optional[str] = None
    hotplug_cpus: bool = False
    is_default: bool = False
    default_ram_id: Optional[str] = None
    deprecated: bool = False
    numa_mem_supported: bool = False
    acpi: Optional[bool] = None


@dataclass(frozen=True)
class CpuModel:
    """A CPU model; ``unavailable`` are the features that keep it from running here, None when QEMU does not say."""

    name: str
    typename: str = ""
    deprecated: bool = False
    unavailable: Optional[Tuple[str, ...]] = None
    alias_of: Optional[str] = None

    @property
    def usable(self) -> Optional[bool]:
        """Whether a guest with this model starts here; None when QEMU does not say."""
        return None if self.unavailable is None else not self.unavailable


@dataclass(frozen=True)
class AccelView:
    """What the answers are under one accelerator.

    ``host_cpu`` is the expansion of the CPU model ``host`` (kvm) or ``max`` (tcg), property -> value, with only what
    can be migrated; ``host_cpu_all`` is the same with everything; ``hyperv`` are the hv-* properties of the host.
    """

    machines: Tuple[Machine, ...] = ()
    cpus: Tuple[CpuModel, ...] = ()
    host_cpu: Mapping[str, Any] = field(default_factory=dict)
    host_cpu_all: Mapping[str, Any] = field(default_factory=dict)
    hyperv: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Capabilities:
    """Everything that was probed of one binary.

    ``kvm`` is true only when KVM is present and proven to run a guest; ``kvm_reason`` says why when it is not.
    ``accels`` has a view for each accelerator that was probed. ``types`` are all names of qom-list-types.
    ``device_properties`` and ``object_properties`` hold the devices and objects of the probe's tables only: an absent
    key means that nothing is known, which the predicates answer with False.
    """

    binary: str
    version: Version
    arch: str
    package: str = ""
    kvm: bool = False
    kvm_reason: str = ""
    accels: Mapping[str, AccelView] = field(default_factory=dict)
    types: FrozenSet[str] = frozenset()
    device_properties: Mapping[str, FrozenSet[str]] = field(default_factory=dict)
    object_properties: Mapping[str, FrozenSet[str]] = field(default_factory=dict)
    commands: FrozenSet[str] = frozenset()
    events: FrozenSet[str] = frozenset()
    schema: Schema = field(default_factory=Schema)
    command_line_options: Mapping[str, FrozenSet[str]] = field(default_factory=dict)
    migrate_capabilities: FrozenSet[str] = frozenset()
    tpm_models: FrozenSet[str] = frozenset()
    tpm_types: FrozenSet[str] = frozenset()
    sev: Optional[Mapping[str, Any]] = None
    sgx: Optional[Mapping[str, Any]] = None

    @property
    def default_accel(self) -> str:
        """The accelerator of a guest that leaves it open."""
        return KVM if self.kvm else TCG

    def view(self, accel: Optional[str] = None) -> AccelView:
        """What is known under an accelerator (the default one when not given); raises UnsupportedConfig."""
        wanted = accel or self.default_accel
        found = self.accels.get(wanted)
        if found is None:
            raise UnsupportedConfig(_no_accel(self, wanted))
        return found

    def machines_of(self, accel: Optional[str] = None) -> Tuple[Machine, ...]:
        """The machine types under an accelerator."""
        return self.view(accel).machines

    def cpus_of(self, accel: Optional[str] = None) -> Tuple[CpuModel, ...]:
        """The CPU models under an accelerator."""
        return self.view(accel).cpus

    def host_cpu_of(self, accel: Optional[str] = None) -> Mapping[str, Any]:
        """The expansion of ``host`` or ``max``: property -> value, what can be migrated only."""
        return self.view(accel).host_cpu

    def machine(self, name: str, accel: Optional[str] = None) -> Machine:
        """The machine type of that name or alias; raises UnsupportedConfig that names the nearest."""
        machines = self.machines_of(accel)
        for machine in machines:
            if name in (machine.name, machine.alias):
                return machine
        raise UnsupportedConfig(f"{self.binary} has no machine type '{name}'.", hint=_nearest(self, machines, name))

    def default_machine(self, accel: Optional[str] = None) -> Machine:
        """The machine type that QEMU takes when none is named; raises UnsupportedConfig when it has no default."""
        for machine in self.machines_of(accel):
            if machine.is_default:
                return machine
        raise UnsupportedConfig(f"{self.binary} has no default machine type.", hint="Name a machine type.")

    def cpu(self, name: str, accel: Optional[str] = None) -> Optional[CpuModel]:
        """The CPU model of that name, or None."""
        return next((cpu for cpu in self.cpus_of(accel) if cpu.name == name), None)

    def has(self, flag: str) -> bool:
        """Whether the named row of flags.FLAGS holds; an unknown name is a programming error (InvalidArgument)."""
        from .flags import FLAGS  # the table's rows need this class, so it cannot be imported above

        if flag not in FLAGS:
            raise InvalidArgument(f"There is no capability flag '{flag}': add a row to FLAGS in caps/flags.py.")
        return FLAGS[flag](self)

    def has_device(self, name: str) -> bool:
        """Whether a device (or any other type) of that name is built in or can be loaded."""
        return name in self.types

    def has_object(self, name: str) -> bool:
        """Whether an -object of that type exists."""
        return name in self.types

    def has_property(self, device: str, name: str) -> bool:
        """Whether a device of the probe's table has the property."""
        return name in self.device_properties.get(device, ())

    def has_object_property(self, kind: str, name: str) -> bool:
        """Whether an object, a machine (``none-machine``) or a CPU type of the probe's table has the property."""
        return name in self.object_properties.get(kind, ())

    def has_command(self, name: str) -> bool:
        """Whether the monitor knows the command."""
        return name in self.commands

    def has_option(self, option: str, parameter: Optional[str] = None) -> bool:
        """Whether the command line has the option (without its dash), and the parameter of it when given."""
        parameters = self.command_line_options.get(option)
        return parameters is not None and (parameter is None or parameter in parameters)

    def has_schema(self, path: str) -> bool:
        """Whether the monitor's schema has a path; see schema.Schema for how a path is written."""
        return self.schema.has(path)


def _nearest(caps: Capabilities, machines: Sequence[Machine], name: str) -> str:
    """What to write in place of a machine type that is not there: a newest one, or one that is written alike."""
    from difflib import get_close_matches  # only for people who have mistyped

    near = get_close_matches(name, sorted(machine.name for machine in machines), n=3, cutoff=0.5)
    known = list(dict.fromkeys([*_aliases(machines), *near]))
    return f"Write one such as {', '.join(known)}; all are listed by: {caps.binary} -machine help"


def _aliases(machines: Sequence[Machine]) -> Sequence[str]:
    return sorted(machine.alias for machine in machines if machine.alias)


def _no_accel(caps: Capabilities, accel: str) -> str:
    if accel == KVM:
        return f"KVM cannot be used with {caps.binary}: {caps.kvm_reason or 'it was built without KVM'}."
    return f"{caps.binary} does not support the accelerator '{accel}'."
