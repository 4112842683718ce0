# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening the network filter driver: beside the qemu driver, in its tree of files."""

from __future__ import annotations

from ..api import Answer, Declined, Request, Success
from .driver import NftablesDriver


def open_driver(request: Request) -> Answer:
    """Take the slot beside the qemu hypervisor driver, whose guests have interfaces that can be filtered."""
    hypervisor = request.hypervisor
    if hypervisor is None or hypervisor.name != "qemu":
        name = hypervisor.name if hypervisor is not None else "none"
        return Declined(f"it serves the guests of the qemu driver, and the hypervisor driver is {name}")
    return Success(NftablesDriver(request.host, hypervisor.layout()))
