# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of vhost-user disks: another process has the image, and decides about it.

Source of the rules: libvirt's formatdomain, "vhostuser", and QEMU's docs/interop/vhost-user.rst.
"""

from __future__ import annotations

from typing import Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ..context import Context

# what vhost-user leaves to the other process: attributes of the view, each with its name in the document
NOT_VHOST_USER: Tuple[Tuple[str, str], ...] = (
    ("cache", "cache"),
    ("error_policy", "error_policy"),
    ("read_error_policy", "rerror_policy"),
    ("io", "io"),
    ("ioeventfd", "ioeventfd"),
    ("copy_on_read", "copy_on_read"),
    ("discard", "discard"),
    ("iothread", "iothread"),
    ("detect_zeroes", "detect_zeroes"),
    ("cache_size", "<metadata_cache>"),
    ("iotune", "<iotune>"),
    ("backing", "<backingStore>"),
    ("read_only", "<readonly/>"),
    ("shareable", "<shareable/>"),
    ("transient", "<transient/>"),
    ("serial", "<serial>"),
    ("wwn", "<wwn>"),
    ("vendor", "<vendor>"),
    ("product", "<product>"),
    ("cylinders", "<geometry>"),
    ("logical_block_size", "<blockio>"),
    ("physical_block_size", "<blockio>"),
)


def check_vhost_user(disk: Disk, domain: Domain, context: Context) -> None:
    """Raise XmlError or UnsupportedConfig for a vhost-user disk that cannot be."""
    source = disk.source
    if source is None or source.type != "unix" or not source.path:
        raise XmlError("a vhostuser disk has <source type='unix' path='...'/>.", line=disk.line)
    if disk.target_bus != "virtio" or disk.snapshot != "no":
        raise XmlError("a vhostuser disk is on bus='virtio' and has no snapshots (snapshot='no').", line=disk.line)
    wrong = [said for name, said in NOT_VHOST_USER if getattr(disk, name)]
    wrong += ["<auth>"] * (disk.secret_bearer() is not None) + ["<encryption>"] * (disk.encrypted() is not None)
    if wrong:
        raise XmlError(f"a vhostuser disk has no {wrong[0]}: the other process decides.", line=disk.line)
    if not context.caps.has_device("vhost-user-blk"):
        raise UnsupportedConfig(f"{context.caps.binary} has no vhost-user disks.", line=disk.line)
    if not shares_memory(domain):
        raise XmlError(
            "a vhostuser disk needs memory that another process can see; write <memoryBacking> with"
            " <source type='memfd'/> and <access mode='shared'/>.",
            line=disk.line,
        )


def shares_memory(domain: Domain) -> bool:
    """Whether all of the guest's memory can be seen by another process."""
    cells = domain.element.findall("cpu/numa/cell")
    access = domain.element.find("memoryBacking/access")
    default = access is not None and access.get("mode") == "shared"
    if cells:
        return all(cell.get("memAccess", "shared" if default else "private") == "shared" for cell in cells)
    return default
