# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A QEMU that can do everything, on a host whose facts stand still."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, FrozenSet, List

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import (
    AccelView,
    Capabilities,
    Machine,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.build import command_line
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Context
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete, live
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element

MACHINES = (
    Machine("pc-q35-10.0", "q35", max_cpus=288, default_cpu="qemu64-x86_64-cpu", default_ram_id="pc.ram"),
    Machine("pc-i440fx-10.0", "pc", max_cpus=255, default_cpu="qemu64-x86_64-cpu", default_ram_id="pc.ram"),
)


@dataclass(frozen=True)
class AbleQemu(Capabilities):
    """Capabilities in which every flag holds and every device exists, but those that are named."""

    lacks: FrozenSet[str] = frozenset()

    def has(self, flag: str) -> bool:
        return flag not in self.lacks

    def has_device(self, name: str) -> bool:
        return name not in self.lacks

    def has_object(self, name: str) -> bool:
        return name not in self.lacks

    def has_property(self, device: str, name: str) -> bool:
        return f"{device}.{name}" not in self.lacks


def able(*lacks: str, **more: Any) -> Context:
    """What the passes know; ``lacks`` are flags, devices and ``device.property`` that this QEMU has not."""
    views = {
        accel: AccelView(machines=(replace(MACHINES[1], is_default=True), MACHINES[0])) for accel in ("kvm", "tcg")
    }
    caps = AbleQemu("/usr/bin/qemu-system-x86_64", (10, 0, 0), "x86_64", kvm=True, accels=views, lacks=frozenset(lacks))
    given = {"now": 1_767_225_600.0, "console_log": "/var/log/corral/consoles/small.log", "host_id": "small"}
    return Context(**{"caps": caps, "directory": "/run/small", "channels": "/run/small", **given, **more})


def arguments(document: Element, context: Context) -> List[str]:
    """The command line of a document as the user wrote it, a line for each option."""
    lines: List[str] = []
    for word in command_line(live(complete(document, context), context), context)[1:]:
        if word.startswith("-") and (not lines or " " in lines[-1] or lines[-1] in BARE):
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines


BARE = ("-no-user-config", "-nodefaults")
