# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is special to one type of pool, in libvirt's namespaces for that: mount options and settings of librbd.

Source of the rules: libvirt's formatstorage, "Storage Pool Namespaces".
"""

from __future__ import annotations

from typing import List, Tuple

from ...xml.parse import Element

FS_NAMESPACE = "http://libvirt.org/schemas/storagepool/fs/1.0"
RBD_NAMESPACE = "http://libvirt.org/schemas/storagepool/rbd/1.0"
MOUNT_OPTIONS = f"{{{FS_NAMESPACE}}}mount_opts"
MOUNT_OPTION = f"{{{FS_NAMESPACE}}}option"
RBD_OPTIONS = f"{{{RBD_NAMESPACE}}}config_opts"
RBD_OPTION = f"{{{RBD_NAMESPACE}}}option"


def mount_options(pool: Element) -> List[str]:
    """The options that a pool's document adds to those of its mount, in order; ``size=1G`` is one of them."""
    return [found.get("name", "") for found in pool.findall(f"{MOUNT_OPTIONS}/{MOUNT_OPTION}")]


def rbd_options(pool: Element) -> List[Tuple[str, str]]:
    """The settings of librbd that a pool's document makes: name and value, in order."""
    return [(found.get("name", ""), found.get("value", "")) for found in pool.findall(f"{RBD_OPTIONS}/{RBD_OPTION}")]
