# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What QEMU would refuse only when the guest is started, and what is known when it is defined.

Source of the rules: QEMU's target/i386/cpu.c (what stands in -cpu), unix(7) (how long the path of a socket is).
"""

from __future__ import annotations

import re
from typing import Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.cpu import Cpu
from ..context import Context

# -cpu is split at commas, and a sign stands before a feature; nothing in it can be quoted.
WORD = re.compile(r"[A-Za-z0-9_.-]+")
LONGEST_SOCKET = 107  # bytes
# The elements that have the path of a unix socket, and the attribute that it is in.
SOCKETS: Tuple[Tuple[str, str], ...] = (
    ("devices/*[@type='unix']/source", "path"),
    ("devices/*/backend[@type='unix']/source", "path"),
    ("devices/disk[@type='vhostuser']/source", "path"),
    ("devices/interface[@type='vhostuser']/source", "path"),
    ("devices/tpm/backend[@type='external']/source", "path"),
    ("devices/filesystem/source", "socket"),
    ("devices/shmem/server", "path"),
    ("devices/graphics/listen", "socket"),
    ("devices/graphics", "socket"),
)


def check_cpu_words(domain: Domain, context: Context) -> None:
    """Raise XmlError for a model or feature that cannot be said to QEMU, UnsupportedConfig for an unknown model."""
    cpu = domain.cpu
    if cpu is None:
        return
    for feature in cpu.features:
        if not WORD.fullmatch(feature.name or ""):
            raise XmlError(f"'{feature.name or ''}' is no name of a CPU feature.", line=feature.line)
    if cpu.mode == "custom":
        _check_model(cpu, domain, context)


def _check_model(cpu: Cpu, domain: Domain, context: Context) -> None:
    name = cpu.model or ""
    if not WORD.fullmatch(name):
        raise XmlError(f"'{name}' is no name of a CPU model.", line=cpu.line)
    # others than x86 spell their models in several ways
    known = [model.name for model in context.caps.cpus_of(domain.accel())] if domain.is_x86() else []
    default = context.caps.machine(domain.machine or "", domain.accel()).default_cpu or "qemu64"
    if not known or name in known or default.partition("-")[0] == name:
        return
    alike = next((model for model in known if model.lower() == name.lower()), None)
    hint = f"Write {alike}." if alike else "qemu-system-x86_64 -cpu help lists them; host-model takes the host's own."
    raise UnsupportedConfig(f"{context.caps.binary} has no CPU model '{name}'.", line=cpu.line, hint=hint)


def check_sockets(domain: Domain, context: Context) -> None:
    """Raise XmlError for the path of a unix socket that the kernel has no room for."""
    for place, name in SOCKETS:
        for element in domain.element.iterfind(place):
            size = len(element.get(name, "").encode("utf-8", "surrogateescape"))
            if size > LONGEST_SOCKET:
                raise XmlError(
                    f"the path of a unix socket in <{element.tag}> has {size} bytes, and at most {LONGEST_SOCKET} "
                    "are possible; write a shorter one.",
                    line=element.sourceline,
                )
