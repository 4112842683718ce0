# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which secrets guests name: in definitions, in what runs, and in what goes on from a saved state."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from ....errors import CorralError
from ....model.secret.core import named, plain
from ....xml.parse import Element, parse
from ...api import Domain, HypervisorDriver, SecretUser
from ...listing import Told, all_told
from .saved import read_saved
from .site import Site

# Disks, and what is handed through to a guest from an iSCSI server.
HOLDERS = ("devices/disk", "devices/hostdev")


def secrets_used(site: Site, hypervisor: HypervisorDriver) -> List[SecretUser]:
    """Return what all guests need secrets for; one with damaged files may need any."""
    return [user for guest in hypervisor.list_domains() for user in _of_guest(site, hypervisor, guest)]


def _of_guest(site: Site, hypervisor: HypervisorDriver, guest: Domain) -> Iterator[SecretUser]:
    for each in (*all_told(hypervisor, guest), *_saved(site, guest.name)):
        if not each.whole:
            yield SecretUser("guest", guest.name)
        if each.document is not None:
            for usage, reference in of_document(each.document):
                yield SecretUser("guest", guest.name, usage, (reference,))


def _saved(site: Site, name: str) -> List[Told]:
    """The guest as it was saved, which is what a start goes on with."""
    try:
        kept = read_saved(site, name)
        return [] if kept is None else [Told(name, parse(kept.document, root="domain"))]
    except CorralError:
        return [Told(name, None, whole=False)]


def of_document(document: Element) -> Iterator[Tuple[str, str]]:
    """What a guest's document needs secrets for, and which: a uuid, or the usage and what for."""
    for path in HOLDERS:
        for holder in document.iterfind(path):
            yield from _of_images(holder)
    for backend in document.iterfind("devices/tpm/backend/encryption"):
        yield "vtpm", plain(backend.get("secret") or "")


def _of_images(holder: Element) -> Iterator[Tuple[str, str]]:
    """The keys of images, and the passwords of the servers that they are on."""
    rbd = any(source.get("protocol") == "rbd" for source in holder.iter("source"))
    for tag, usage in (("encryption", "volume"), ("auth", "ceph" if rbd else "iscsi")):
        for secret in (each for parent in holder.iter(tag) for each in parent.iterfind("secret")):
            yield usage, named(secret.get("uuid"), usage, secret.get("usage"))
