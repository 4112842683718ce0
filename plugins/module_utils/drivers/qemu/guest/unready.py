# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices that need a process or a preparation on the host that nobody provides yet: refused when a guest starts.

A document with them is stored and its command line can be shown; a row goes away when the launcher can do its part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Tuple

from ....errors import UnsupportedConfig
from ....model.domain.core import Domain
from ....xml.parse import Element


def _every(element: Element) -> bool:
    return True


@dataclass(frozen=True)
class Unready:
    """Elements at a path below <domain>, of which ``part`` says which are meant, what they need, and what to do."""

    path: str
    needs: str
    instead: str
    part: Callable[[Element], bool] = _every


def _managed(element: Element) -> bool:
    return element.get("managed") == "yes"


def _busless(element: Element) -> bool:
    return element.get("p2p") != "yes" and element.get("address") is None


NOT_YET: Tuple[Unready, ...] = (
    Unready(
        "devices/tpm/backend[@type='passthrough']",
        "the host's TPM handed over open",
        "Use swtpm behind <backend type='external'>, or remove the <tpm>.",
    ),
    Unready(
        "devices/tpm/backend[@type='emulator']/source[@type='file']",
        "its state in one file",
        "Write <source type='dir' path='...'/>, or remove <source>.",
    ),
    Unready(
        "devices/video/driver[@name='vhostuser']",
        "a vhost-user GPU process",
        "Remove <driver name='vhostuser'/> from the <video>.",
    ),
    Unready("devices/graphics[@type='rdp']", "qemu-rdp", "Write <graphics type='vnc'/>."),
    Unready(
        "devices/graphics[@type='dbus']",
        "a D-Bus daemon",
        "Write address='unix:path=...' of one that runs, or p2p='yes'.",
        part=_busless,
    ),
    Unready("devices/interface/backend[@type='passt']", "passt", "Remove <backend type='passt'/>."),
    Unready(
        "devices/interface[@type='hostdev']",
        "the card's function prepared on the host",
        "Prepare the function by hand and write it as <hostdev type='pci' managed='no'>.",
    ),
    Unready(
        "devices/hostdev[@type='pci']",
        "the device taken from its driver",
        "Bind it to vfio-pci, for instance with driverctl, and write managed='no'.",
        part=_managed,
    ),
    Unready(
        "devices/disk/source/reservations[@managed='yes']",
        "qemu-pr-helper",
        "Start qemu-pr-helper by hand, and write its socket into <reservations managed='no'>.",
    ),
    Unready(
        "devices/shmem/server",
        "ivshmem-server",
        "Start it by hand; write its socket into <server path='...'/>.",
        part=lambda element: element.get("path") is None,
    ),
)


def check_helpers(domain: Domain) -> None:
    """Raise UnsupportedConfig for the first device that could not work if the guest were started now."""
    check_accelerator(domain)
    for row in NOT_YET:
        for element in domain.element.findall(row.path):
            if row.part(element):
                name = element.tag if element.getparent() is None else _device(element).tag
                raise UnsupportedConfig(
                    f"guest {domain.name}: its <{name}> needs {row.needs}, which is not provided yet.",
                    line=element.sourceline,
                    hint=row.instead,
                )


def check_accelerator(domain: Domain) -> None:
    """Raise UnsupportedConfig for a feature that QEMU refuses without KVM, in words that say so."""
    found = domain.element.find("features/hyperv/vpindex[@state='on']")
    if found is not None and not domain.is_kvm():
        raise UnsupportedConfig(
            f"guest {domain.name} is emulated, and Hyper-V features need KVM.",
            line=found.sourceline,
            hint="Leave hyperv out (in XML, remove <hyperv>), or run the guest where KVM works.",
        )


def _device(element: Element) -> Element:
    """The child of <devices> that an element is part of."""
    parent = element.getparent()
    while parent is not None and parent.tag != "devices":
        element, parent = parent, parent.getparent()
    return element
