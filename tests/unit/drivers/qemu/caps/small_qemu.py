# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small QEMU that never existed: its answers, as a recording and as a host on which it runs."""

from __future__ import annotations

import json
import posixpath
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.corral.virt.plugins.module_utils.errors import MonitorError
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, FakeProcess
from ansible_collections.corral.virt.plugins.module_utils.host.fake_monitor import FakeMonitor

BINARY = "/usr/bin/qemu-system-x86_64"
# What a test writes beside: its folder is there.
SCRATCH = "/var/cache/corral/capabilities/small"

COMMANDS = (
    "query-version",
    "query-target",
    "query-qmp-schema",
    "query-kvm",
    "qom-list-types",
    "device-list-properties",
    "qom-list-properties",
    "query-machines",
    "query-cpu-definitions",
    "query-tpm-models",
    "query-command-line-options",
    "query-migrate-capabilities",
    "query-sev-capabilities",
    "query-cpu-model-expansion",
)

SCHEMA: List[Dict[str, Any]] = [
    *({"name": name, "meta-type": "command", "arg-type": "0", "ret-type": "0"} for name in COMMANDS),
    {"name": "device_add", "meta-type": "command", "arg-type": "0", "features": ["json-cli-hotplug"]},
    {"name": "blockdev-add", "meta-type": "command", "arg-type": "10", "ret-type": "0"},
    {"name": "query-block", "meta-type": "command", "arg-type": "0", "ret-type": "[10]"},
    {"name": "SHUTDOWN", "meta-type": "event", "arg-type": "20"},
    {"name": "0", "meta-type": "object", "members": []},
    {
        "name": "10",
        "meta-type": "object",
        "tag": "driver",
        "members": [
            {"name": "driver", "type": "11"},
            {"name": "node-name", "type": "str", "default": None, "features": ["deprecated"]},
        ],
        "variants": [{"case": "file", "type": "12"}, {"case": "null", "type": "0"}],
    },
    {"name": "[10]", "meta-type": "array", "element-type": "10"},
    {"name": "11", "meta-type": "enum", "values": ["file", "null"]},
    {
        "name": "12",
        "meta-type": "object",
        "members": [{"name": "aio", "type": "13", "default": None}, {"name": "backing", "type": "14"}],
        "features": ["dynamic-auto-read-only"],
    },
    {
        "name": "13",
        "meta-type": "enum",
        "values": ["threads", "io_uring"],
        "members": [{"name": "threads"}, {"name": "io_uring", "features": ["unstable"]}],
    },
    {"name": "14", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "10"}]},
    {"name": "20", "meta-type": "object", "members": [{"name": "guest", "type": "bool"}]},
    {"name": "str", "meta-type": "builtin", "json-type": "string"},
    {"name": "bool", "meta-type": "builtin", "json-type": "boolean"},
]

MACHINES = [
    {"name": "none", "cpu-max": 1, "hotpluggable-cpus": False},
    {
        "name": "pc-i440fx-9.0",
        "alias": "pc",
        "is-default": True,
        "cpu-max": 255,
        "hotpluggable-cpus": True,
        "default-cpu-type": "qemu64-x86_64-cpu",
        "default-ram-id": "pc.ram",
        "acpi": True,
    },
    {"name": "pc-q35-9.0", "alias": "q35", "cpu-max": 288, "hotpluggable-cpus": True, "numa-mem-supported": False},
    {"name": "pc-q35-2.4", "cpu-max": 255, "hotpluggable-cpus": True, "deprecated": True},
]

Key = Tuple[str, Any]


def answers(accel: str) -> Dict[str, Callable[[Mapping[str, Any]], Any]]:
    """What the small QEMU answers: command -> function of the arguments; errors are raised."""
    host = "host" if accel == "kvm" else "max"
    plain: Dict[str, Any] = {
        "query-version": {"qemu": {"major": 9, "minor": 0, "micro": 1}, "package": "Small 9.0.1\n"},
        "query-target": {"arch": "x86_64"},
        "query-qmp-schema": SCHEMA,
        "query-kvm": {"present": True, "enabled": accel == "kvm"},
        "qom-list-types": [{"name": name} for name in ("virtio-blk-pci", "tcg-accel", "rng-random", "SUNW,fdtwo")],
        "query-machines": MACHINES,
        "query-cpu-definitions": [
            {"name": host, "typename": f"{host}-x86_64-cpu", "unavailable-features": []},
            {
                "name": "Snowridge",
                "typename": "Snowridge-x86_64-cpu",
                "alias-of": "Snowridge-v4",
                "unavailable-features": ["movdiri", "mpx"] if accel == "tcg" else [],
                "deprecated": True,
            },
            {"name": "odd", "typename": "odd-x86_64-cpu"},
        ],
        "query-tpm-models": ["tpm-tis"],
        "query-command-line-options": [
            {"option": "sandbox", "parameters": [{"name": "enable"}, {"name": "spawn"}]},
            {"option": "accel", "parameters": []},
        ],
        "query-migrate-capabilities": [{"capability": "xbzrle", "state": False}],
    }
    typed = {
        "device-list-properties": {"virtio-blk-pci": ["queue-size", "drive"]},
        "qom-list-properties": {"generic-pc-machine": ["hpet", "acpi"], "none-machine": ["type"]},
    }
    table: Dict[str, Callable[[Mapping[str, Any]], Any]] = {
        **{name: partial(_always, value) for name, value in plain.items()},
        **{name: partial(_properties, name, types) for name, types in typed.items()},
    }
    table["query-sev-capabilities"] = lambda given: _refuse("query-sev-capabilities", "SEV is not enabled in KVM")
    table["query-cpu-model-expansion"] = lambda given: _expansion(host, given)
    return table


def _always(value: Any, given: Mapping[str, Any]) -> Any:
    return value


def _refuse(command: str, why: str) -> Any:
    raise MonitorError(command, "GenericError", why)


def _properties(command: str, types: Mapping[str, List[str]], given: Mapping[str, Any]) -> Any:
    names = types.get(given["typename"])
    return _refuse(command, f"Type '{given['typename']}' not found") if names is None else [{"name": n} for n in names]


def _expansion(host: str, given: Mapping[str, Any]) -> Any:
    model = given["model"]
    if model["name"] != host:
        _refuse("query-cpu-model-expansion", f"no {model['name']} here")
    props: Dict[str, Any] = {"sse2": True, "mpx": False, "invtsc": "migratable" in model.get("props", {})}
    if "hv-passthrough" in model.get("props", {}):
        props.update({"hv-time": True, "hv-spinlocks": 4095})
    return {"model": {"name": "base", "props": props}}


def recorded(*accels: str) -> str:
    """The small QEMU asked everything under each accelerator, in the form of a recording."""
    lines: List[str] = []
    for accel in accels:
        for number, (command, arguments) in enumerate(_asked(accel), 1):
            request = {"execute": command, "id": f"small-{number}", **({"arguments": arguments} if arguments else {})}
            lines.append(json.dumps(request, indent=2))
            lines.append(json.dumps({**_reply(accel, command, arguments), "id": f"small-{number}"}, indent=2))
    return "\n\n".join(lines) + "\n"


def _asked(accel: str) -> Iterator[Tuple[str, Optional[Dict[str, Any]]]]:
    yield "qmp_capabilities", None
    for command in COMMANDS[:5] + COMMANDS[7:13]:
        yield command, None
    yield "device-list-properties", {"typename": "virtio-blk-pci"}
    yield "qom-list-properties", {"typename": "generic-pc-machine"}
    model: Dict[str, Any] = {"name": "host" if accel == "kvm" else "max"}
    yield "query-cpu-model-expansion", {"type": "static", "model": model}
    yield "query-cpu-model-expansion", {"type": "static", "model": {**model, "props": {"migratable": False}}}
    passed = {"migratable": False, "hv-passthrough": True}
    yield "query-cpu-model-expansion", {"type": "full", "model": {**model, "props": passed}}


def _reply(accel: str, command: str, arguments: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    if command == "qmp_capabilities":
        return {"return": {}}
    try:
        return {"return": answers(accel)[command](arguments or {})}
    except MonitorError as error:
        return {"error": {"class": error.error_class, "desc": error.description}}


class SmallHost(FakeHost):
    """A host in memory with the small QEMU; its attributes say how QEMU and KVM behave."""

    def __init__(self) -> None:
        super().__init__()
        self.add_file(BINARY, b"ELF", mode=0o755)
        self.add_directory(posixpath.dirname(SCRATCH))
        self.add_directory("/sys/module/kvm_amd")
        self.programs["qemu-system-x86_64"] = BINARY
        self.works_under = {"tcg", "kvm"}
        self.mute = False  # QEMU opens no monitor
        self.deaf = False  # QEMU does not obey quit
        self.said = b""
        self.started: List[FakeProcess] = []
        self.on_spawn = self._start

    def _start(self, started: FakeProcess) -> None:
        assert started.command is not None
        self.started.append(started)
        self.add_file(started.command.log, self.said, mode=0o640)
        if "-S" in started.command.argv:
            self._listen(started)
        elif self.accel(started) in self.works_under:
            self.add_file(started.command.log, b"warning: small\ncorral-guest=7", mode=0o640)
            self.end_process(started.process.pid)
        elif self.said:
            self.end_process(started.process.pid)

    def _listen(self, started: FakeProcess) -> None:
        assert started.command is not None
        if self.mute:
            self.end_process(started.process.pid)
            return
        monitor = FakeMonitor(dict(answers(self.accel(started))))
        if not self.deaf:
            monitor.answers["quit"] = lambda given: self.end_process(started.process.pid)
        self.add_monitor(started.command.fds[0].path, monitor)

    @staticmethod
    def accel(started: FakeProcess) -> str:
        """The accelerator that a QEMU was started with."""
        assert started.command is not None
        machine = started.command.argv[started.command.argv.index("-machine") + 1]
        return machine.partition("accel=")[2].partition(":")[0]

    def add_kvm(self) -> None:
        """Let there be a /dev/kvm."""
        self.add_node("/dev/kvm", "char", mode=0o660, owner=(0, 104))
