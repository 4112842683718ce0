# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who the guest is, and what QEMU is kept from."""

from __future__ import annotations

from typing import Iterator

from ....model.domain.core import Domain
from ..context import Context
from ..options import Option

# QEMU's own seccomp filter, closed as far as it goes for a process that nobody extends at run time.
SANDBOX = {
    "enable": True,
    "obsolete": "deny",
    "elevateprivileges": "deny",
    "spawn": "deny",
    "resourcecontrol": "deny",
}


def general_options(domain: Domain, context: Context) -> Iterator[Option]:
    """Name, uuid, and no defaults of QEMU's own."""
    yield Option("-name", {"guest": domain.name, "debug-threads": True})
    yield Option("-uuid", domain.uuid)
    yield Option("-no-user-config")
    yield Option("-nodefaults")


def sandbox_options(domain: Domain, context: Context) -> Iterator[Option]:
    """The system calls that QEMU cannot make, and the time before each of its words."""
    if context.defaults.sandbox:
        yield Option("-sandbox", SANDBOX, first="enable")
    yield Option("-msg", {"timestamp": True})
