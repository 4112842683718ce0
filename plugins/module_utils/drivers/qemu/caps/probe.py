# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn a monitor's answers into Capabilities: pure over the function that executes a command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ....errors import MonitorClosed, MonitorError, UnsupportedConfig
from .model import KVM, TCG, AccelView, Capabilities, CpuModel, Machine, Version
from .replies import RecordingMiss, parse
from .schema import Schema

Execute = Callable[[str, Optional[Mapping[str, Any]]], Any]

# JSON devices that can be unplugged came with 6.2; everything that we write is built on them.
OLDEST: Version = (6, 2, 0)

# The devices of which some property decides something. These are the ones that recordings hold: of another device
# a recording could not say which properties it has, so decide by something else where that is possible.
DEVICES = (
    "virtio-blk-pci",
    "virtio-net-pci",
    "virtio-scsi-pci",
    "vfio-pci",
    "scsi-hd",
    "ide-hd",
    "PIIX4_PM",
    "usb-redir",
    "usb-storage",
    "kvm-pit",
    "VGA",
    "vmware-svga",
    "qxl",
    "virtio-gpu-pci",
    "virtio-gpu-device",
    "ICH9-LPC",
    "virtio-balloon-pci",
    "virtio-balloon-device",
    "intel-iommu",
    "mch",
    "nvdimm",
    "pcie-root-port",
    "usb-host",
    "vhost-user-fs-device",
    "virtio-mem-pci",
    "virtio-iommu-pci",
)

# The same for objects, machines and CPU types.
OBJECTS = (
    "memory-backend-file",
    "memory-backend-memfd",
    "max-x86_64-cpu",
    "none-machine",
    "generic-pc-machine",
)

# The model whose expansion says what the host can give, by accelerator.
HOST_MODEL = {KVM: "host", TCG: "max"}


@dataclass(frozen=True)
class Asker:
    """Asks only what the monitor knows, and takes a refusal as no answer."""

    execute: Execute
    commands: FrozenSet[str]

    def ask(self, command: str, arguments: Optional[Mapping[str, Any]] = None, *, default: Any = ()) -> Any:
        """Return the answer, or the default when the command is unknown, refused or not in the recording."""
        if command not in self.commands:
            return default
        try:
            return self.execute(command, arguments)
        except MonitorClosed:
            raise
        except (MonitorError, RecordingMiss):
            return default

    def names(self, command: str, typename: str) -> FrozenSet[str]:
        """Return the names of the properties of a type."""
        return frozenset(row["name"] for row in self.ask(command, {"typename": typename}))


def probe(execute: Execute, *, binary: str) -> Capabilities:
    """Ask a monitor everything once.

    ``kvm`` of the answer says only that KVM is switched on in this QEMU. Raises UnsupportedConfig when this QEMU is
    too old, MonitorError when it does not answer like a QEMU.
    """
    version, package = _version(execute, binary)
    schema = Schema.of(execute("query-qmp-schema", None))
    asker = Asker(execute, frozenset(schema.names("command")))
    accel = KVM if asker.ask("query-kvm", default={}).get("enabled") else TCG
    types = frozenset(row["name"] for row in asker.ask("qom-list-types"))
    return Capabilities(
        binary=binary,
        version=version,
        package=package,
        arch=execute("query-target", None)["arch"],
        kvm=accel == KVM,
        accels={accel: _view(asker, accel)},
        types=types,
        # a device that is not there is not asked for: an error is a round trip too; types do not list abstract ones
        device_properties=_properties(asker, "device-list-properties", [name for name in DEVICES if name in types]),
        object_properties=_properties(asker, "qom-list-properties", OBJECTS),
        commands=asker.commands,
        events=frozenset(schema.names("event")),
        schema=schema,
        command_line_options=_options(asker),
        migrate_capabilities=frozenset(row["capability"] for row in asker.ask("query-migrate-capabilities")),
        tpm_models=frozenset(asker.ask("query-tpm-models")),
        tpm_types=frozenset(asker.ask("query-tpm-types")),
        sev=asker.ask("query-sev-capabilities", default=None),
        sgx=asker.ask("query-sgx-capabilities", default=None),
    )


def needs_tcg(caps: Capabilities) -> bool:
    """Whether a second run under TCG would tell more: the first one was with KVM, and TCG is built in."""
    return TCG not in caps.accels and caps.has_object("tcg-accel")


def add_tcg(caps: Capabilities, execute: Execute) -> Capabilities:
    """Ask a second run of the binary, under TCG, for what depends on the accelerator."""
    return replace(caps, accels={**caps.accels, TCG: _view(Asker(execute, caps.commands), TCG)})


def probe_recording(text: str, *, binary: str) -> Capabilities:
    """Return what a recording says of a binary; raises InvalidArgument when the text is no recording."""
    runs = parse(text)
    caps = probe(runs[0].execute, binary=binary)
    return add_tcg(caps, runs[1].execute) if len(runs) > 1 and needs_tcg(caps) else caps


def _version(execute: Execute, binary: str) -> Tuple[Version, str]:
    answer = execute("query-version", None)
    version = (answer["qemu"]["major"], answer["qemu"]["minor"], answer["qemu"]["micro"])
    if version < OLDEST:
        raise UnsupportedConfig(
            f"{binary} is QEMU {'.'.join(map(str, version))}, which is too old.",
            hint=f"Install QEMU {'.'.join(map(str, OLDEST[:2]))} or newer.",
        )
    return version, answer.get("package", "").strip()


def _properties(asker: Asker, command: str, wanted: Sequence[str]) -> Mapping[str, FrozenSet[str]]:
    found = {name: asker.names(command, name) for name in wanted}
    return {name: names for name, names in found.items() if names}


def _options(asker: Asker) -> Mapping[str, FrozenSet[str]]:
    rows = asker.ask("query-command-line-options")
    return {row["option"]: frozenset(parameter["name"] for parameter in row["parameters"]) for row in rows}


def _view(asker: Asker, accel: str) -> AccelView:
    return AccelView(
        machines=tuple(_machine(row) for row in asker.ask("query-machines") if row["name"] != "none"),
        cpus=tuple(_cpu(row) for row in asker.ask("query-cpu-definitions")),
        host_cpu=_expand(asker, "static", HOST_MODEL[accel]),
        host_cpu_all=_expand(asker, "static", HOST_MODEL[accel], {"migratable": False}),
        hyperv=_hyperv(asker) if accel == KVM else {},
    )


def _machine(row: Mapping[str, Any]) -> Machine:
    return Machine(
        name=row["name"],
        alias=row.get("alias"),
        max_cpus=row["cpu-max"],
        default_cpu=row.get("default-cpu-type"),
        hotplug_cpus=row["hotpluggable-cpus"],
        is_default=row.get("is-default", False),
        default_ram_id=row.get("default-ram-id"),
        deprecated=row.get("deprecated", False),
        numa_mem_supported=row.get("numa-mem-supported", False),
        acpi=row.get("acpi"),
    )


def _cpu(row: Mapping[str, Any]) -> CpuModel:
    unavailable: Optional[List[str]] = row.get("unavailable-features")
    return CpuModel(
        name=row["name"],
        typename=row["typename"],
        deprecated=row.get("deprecated", False),
        unavailable=None if unavailable is None else tuple(unavailable),
        alias_of=row.get("alias-of"),
    )


def _expand(asker: Asker, kind: str, name: str, props: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    model = {"name": name, "props": props} if props else {"name": name}
    answer = asker.ask("query-cpu-model-expansion", {"type": kind, "model": model}, default={})
    return dict(answer.get("model", {}).get("props", {}))


def _hyperv(asker: Asker) -> Dict[str, Any]:
    props = _expand(asker, "full", HOST_MODEL[KVM], {"migratable": False, "hv-passthrough": True})
    return {name: value for name, value in props.items() if name.startswith("hv-")}
