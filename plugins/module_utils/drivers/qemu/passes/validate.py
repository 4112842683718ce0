# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused: documents that no guest could be started from, said before anything is kept."""

from __future__ import annotations

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ..context import Context
from ..devices.table import BY_TAG, DEVICES
from .check_domain import check_domain

NO_DEVICES = ("emulator",)


def validate(domain: Domain, context: Context) -> None:
    """Raise XmlError or UnsupportedConfig for what QEMU, or this QEMU, cannot be told."""
    _check_name(domain)
    _check_vcpus(domain, context)
    check_domain(domain, context)
    for element in domain.devices():
        if element.tag not in BY_TAG and element.tag not in NO_DEVICES:
            raise UnsupportedConfig(
                f"<{element.tag}> is not a device that the qemu driver knows.",
                line=element.sourceline,
                hint="Remove it, or check its spelling.",
            )
    for kind in DEVICES:
        for device in kind.of(domain):
            kind.check(device, domain, context)


def _check_name(domain: Domain) -> None:
    name = domain.name or ""
    if "/" in name or "\n" in name or len(name.encode()) > 200:
        raise XmlError("the <name> of a domain has no '/', no line break and at most 200 bytes.", line=domain.line)


def _check_vcpus(domain: Domain, context: Context) -> None:
    machine = context.caps.machine(domain.machine or "", domain.accel())
    count = domain.vcpus or 0
    if machine.max_cpus and count > machine.max_cpus:
        raise UnsupportedConfig(f"{count} CPUs are more than the {machine.max_cpus} that {machine.name} can have.")
