# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests of a libvirtd on the same host: one of them and one of ours must not be the same, nor have one image."""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

from ....errors import OperationInvalid
from ....model.domain.core import Domain
from ....xml.parse import Element
from ...libvirtd import ForeignGuest, foreign_guests, guest_folders, saved_there
from .site import Site


def foreigners(site: Site) -> Iterator[ForeignGuest]:
    """The guests that run under a libvirtd of this host."""
    yield from foreign_guests(site.host, guest_folders(site.host))


def check_foreign(site: Site, name: str, document: Element) -> Tuple[ForeignGuest, ...]:
    """Return the guests of a libvirtd; raises OperationInvalid when this very guest is among them.

    One that was saved there while it ran is, too: its disks are as a running guest's, and it goes on on them there.
    It is the same one by its uuid, and in the system's tree by its name, too: other trees have names of their own.
    """
    found, uuid = tuple(foreigners(site)), Domain(document).uuid
    for other in found:
        same = uuid is not None and other.uuid == uuid
        if same or (other.name == name and site.layout.systemd):
            raise _runs_there(name, other, same=same)
    saved = saved_there(site.host, name, uuid) if site.layout.systemd else None
    if saved is not None:
        raise OperationInvalid(
            f"Guest {name} cannot be started: libvirtd has saved it while it ran ({saved}), to go on from there.",
            hint=f"Let it end there (virsh start {name}; virsh shutdown {name}), or give up what it was doing (virsh"
            f" managedsave-remove {name}).",
            path=saved,
        )
    return found


def _runs_there(name: str, other: ForeignGuest, *, same: bool) -> OperationInvalid:
    what = f"with the uuid {other.uuid}" if same else f"named {name}"
    return OperationInvalid(
        f"Guest {name} cannot be started: a guest {what} runs under libvirtd on this host (process {other.pid}).",
        hint=f"Shut it down there first (virsh shutdown {other.name}), and let libvirtd start it no more"
        f" (virsh autostart --disable {other.name}).",
        name=other.name,
        pid=other.pid,
    )


def has_image(path: str, name: str, other: str) -> OperationInvalid:
    """The error for an image that a guest of a libvirtd has."""
    return OperationInvalid(
        f"The image {path} of guest {name} is in use by the guest {other}, which runs under libvirtd on this host.",
        hint=f"Shut {other} down there first (virsh shutdown {other}), or make the disk readonly or shareable in both.",
        path=path,
        guest=other,
    )


def holder(guest: Optional[str], *, foreign: bool) -> str:
    """Who has an image open, for a sentence."""
    if guest is None:
        return "another program, which has it open"
    return f"the guest {guest}, which {'runs under libvirtd on this host' if foreign else 'is running'}"
