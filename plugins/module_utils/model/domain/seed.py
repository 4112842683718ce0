# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest reads at its first boot: the disk or the entry that holds it, and a mark in the guest's metadata.

    <metadata>
      <corral:guest xmlns:corral="urn:corral.virt:guest:1">
        <corral:seed path="/var/lib/corral/seeds/web1.iso" id="iid-2c1f..."/>

The id changes with the content. It is what waits for the next start when only the content has changed, and says
nothing of what that is.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import Optional

from ...xml.parse import Element, add
from ..tags import holder_in, in_metadata

CLOUD_INIT, IGNITION = "cloud-init", "ignition"
# The kinds of seeds, with the ending of the file that holds one.
ENDINGS = {CLOUD_INIT: "iso", IGNITION: "ign"}
# Where Ignition looks for its configuration (its documentation, "Supported platforms", qemu).
FW_CFG = "opt/com.coreos/config"
# The disks of a guest are counted from vda on; the seed keeps out of their way, so that another disk does not move it.
TARGETS = ("vdz", *(f"vd{letter}z" for letter in ascii_lowercase))
HOLDER, SEED = in_metadata("domain"), in_metadata("domain", "seed")


def _mark(document: Element) -> Optional[Element]:
    return document.find(f"metadata/{HOLDER}/{SEED}")


def seed_id(document: Element) -> Optional[str]:
    """Return what the content of the guest's seed is known by, None for a guest without one."""
    found = _mark(document)
    return None if found is None else found.get("id")


def seed_path(document: Element) -> Optional[str]:
    """Return the file that holds the guest's seed, None for a guest without one."""
    found = _mark(document)
    return None if found is None else found.get("path")


def add_seed(document: Element, kind: str, path: str, identifier: str) -> None:
    """Let a document without a seed have one, which lies at a path."""
    add(holder_in(document), SEED, path=path, id=identifier)
    if kind == IGNITION:
        _add_entry(document, path)
    else:
        _add_disk(document, path)


def _add_disk(document: Element, path: str) -> None:
    """On virtio: kernels that are made for clouds often have no other disks."""
    taken = {found.get("dev") for found in document.iterfind("devices/disk/target")}
    target = next((name for name in TARGETS if name not in taken), TARGETS[0])
    devices = document.find("devices")
    devices = add(document, "devices") if devices is None else devices
    disk = add(devices, "disk", type="file", device="disk")
    add(disk, "driver", name="qemu", type="raw")
    add(disk, "source", file=path)
    add(disk, "target", dev=target, bus="virtio")
    add(disk, "readonly")


def _add_entry(document: Element, path: str) -> None:
    holder = document.find("sysinfo[@type='fwcfg']")
    holder = add(document, "sysinfo", type="fwcfg") if holder is None else holder
    add(holder, "entry", name=FW_CFG, file=path)


def move_seed(document: Element, path: str) -> None:
    """Let a document say that its seed lies elsewhere."""
    mark, old = _mark(document), seed_path(document)
    if mark is None or old is None:
        return
    for holder in (*document.iterfind("devices/disk/source"), *document.iterfind("sysinfo/entry")):
        if holder.get("file") == old:
            holder.set("file", path)
    mark.set("path", path)
