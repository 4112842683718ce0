# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A QEMU that can do everything about disks, and the way of a document from the user to the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, FrozenSet, List, Mapping

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import (
    AccelView,
    Capabilities,
    Machine,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import (
    Context,
    FoundImage,
    Sealed,
    Volume,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.disk import DISK
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.options import Option
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete, live
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

DEVICES = (
    "lsi",
    "lsi53c895a",
    "virtio-scsi-pci",
    "megasas",
    "ich9-ahci",
    "ahci",
    "qemu-xhci",
    "piix3-usb-uhci",
    "vhost-user-blk",
)
BOARD = ("pcie-root-port", "pcie-pci-bridge", "virtio-balloon-pci", "pci-bridge", "usb-storage")
HEAD = "<domain type='qemu'><name>small</name><memory unit='MiB'>64</memory>"


@dataclass(frozen=True)
class AbleQemu(Capabilities):
    """Capabilities in which every flag holds but those that are named."""

    lacks: FrozenSet[str] = frozenset()

    def has(self, flag: str) -> bool:
        return flag not in self.lacks


def able_qemu(*lacks: str) -> AbleQemu:
    """A QEMU 10.0 with two machines, and without the flags that are named."""
    names = ("pc-q35-10.0", "q35"), ("pc-i440fx-10.0", "pc")
    machines = tuple(Machine(name, alias, max_cpus=64, default_cpu="qemu64-x86_64-cpu") for name, alias in names)
    return AbleQemu(
        binary="/usr/bin/qemu-system-x86_64",
        version=(10, 0, 0),
        arch="x86_64",
        accels={"tcg": AccelView(machines=machines)},
        types=frozenset(DEVICES + BOARD),
        lacks=frozenset(lacks),
    )


def facts(*lacks: str, **more: Any) -> Context:
    """What the passes know: a CD-ROM drive, a chain below one image, two volumes, and a secret for everyone."""
    secret = Sealed("AAAAAAAAAAAAAAAAAAAAAA==", "c2VhbGVk")
    given: Mapping[str, Any] = {
        "cdroms": frozenset({"/dev/sr0"}),
        "backing": {
            "/images/found.qcow2": (
                FoundImage("/images/middle.qcow2", "qcow2"),
                FoundImage("/dev/base", "raw", "block"),
            )
        },
        "volumes": {
            ("fast", "root", ""): Volume("block", {"dev": "/dev/fast/root"}),
            ("san", "lun3", "direct"): Volume(
                "network",
                {"protocol": "iscsi", "name": "iqn.2026-01.org.example:san/3"},
                ({"name": "san.example.org"},),
                {"username": "corral", "uuid": "11111111-2222-3333-4444-555555555555"},
            ),
        },
        "secrets": {
            ("uuid", "11111111-2222-3333-4444-555555555555"): secret,
            ("usage", "volume:images"): secret,
            ("usage", "ceph:images"): secret,
            ("usage", "iscsi:images"): secret,
            ("text", "session=abc; lang=en"): secret,
        },
    }
    return Context(caps=able_qemu(*lacks), **{**given, **more})


def domain_of(disks: str, machine: str = "q35", rest: str = "") -> Element:
    """A document of disks, a machine and what else stands in it."""
    text = f"{HEAD}<os><type machine='{machine}'>hvm</type></os>{rest}<devices>{disks}</devices></domain>"
    return parse(text, root="domain")


def options_of(document: Element, context: Context) -> List[Option]:
    """Complete a document, start it, and return the options of its disks."""
    domain = Domain(live(complete(document, context), context))
    return [option for disk in DISK.of(domain) for option in DISK.write(disk, domain, context)]
