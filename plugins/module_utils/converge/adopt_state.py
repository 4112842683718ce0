# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a guest of libvirt is not in its document: whether it runs, and what its firmware and its TPM remember.

The variables of UEFI and the state of a TPM are copied. libvirt deletes its own with its guest, and as long as they are
where they were the guest can go back.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from ..drivers.libvirtd import foreign_guests
from ..drivers.qemu.guest.nvram import variables_path
from ..drivers.qemu.guest.site import runner
from ..drivers.qemu.guest.tpm import state_file
from ..drivers.storage.volume.users import WRITE, check_free
from ..errors import HostError, OperationInvalid
from ..host.api import Host
from ..host.layout import Layout, check_name
from ..model.domain.core import Domain
from ..model.domain.identity import persistent_form
from ..model.domain.platform import Tpm
from ..values import parse_uuid
from ..xml.parse import Element, clone
from .adopt_source import Place

# Where libvirt keeps the variables of UEFI on a host that it is installed on as it comes.
NVRAM = "/var/lib/libvirt/qemu/nvram"
# libvirt's directories for the state of a TPM, by its version
TPM_FOLDERS = {"1.2": "tpm1.2", "2.0": "tpm2"}
LARGEST = 64 << 20  # bytes


@dataclass(frozen=True)
class Copy:
    """A file of libvirt's that our guest gets a copy of; ``note`` is what is written beside it."""

    what: str
    source: str
    target: str
    note: str = ""

    def as_step(self) -> dict[str, Any]:
        """The copy as one of the things that are done."""
        return {"action": "copy", "target": self.target, "effect": "live", "detail": [f"{self.what}, {self.source}"]}


def adapted(document: Element, place: Place, layout: Layout) -> tuple[Element, list[Copy]]:
    """Return the document as it is to be defined here, and what is to be copied for it.

    One of a running guest is taken without what only belongs to that run. Variables of UEFI in libvirt's own directory
    get a place in ours; those that somebody has put elsewhere stay.
    """
    copy = persistent_form(document) if document.get("id") else clone(document)
    domain = Domain(copy)
    return copy, [*_variables(domain, place, layout), *_tpm_states(domain, place, layout)]


def _variables(domain: Domain, place: Place, layout: Layout) -> Iterator[Copy]:
    path, nvram = variables_path(domain), domain.nvram
    if path is None or nvram is None or posixpath.dirname(path) not in (NVRAM, place.nvram):
        return
    name = check_name("guest", domain.name or "")
    target = f"{layout.nvram_dir}/{name}_VARS{posixpath.splitext(path)[1] or '.fd'}"
    if nvram.source is not None:
        nvram.source.file = target
    else:
        nvram.path = target
    yield Copy("the UEFI variables", f"{place.nvram}/{posixpath.basename(path)}", target, nvram.template or "")


def _tpm_states(domain: Domain, place: Place, layout: Layout) -> Iterator[Copy]:
    for tpm in domain.all(Tpm):
        if tpm.type == "emulator" and domain.uuid and tpm.source_type != "dir":
            uuid, file = parse_uuid(domain.uuid), state_file(tpm)
            folder = TPM_FOLDERS.get(tpm.version or "", TPM_FOLDERS["2.0"])
            yield Copy("the state of the TPM", f"{place.tpm}/{uuid}/{folder}/{file}", f"{layout.tpm_dir}/{uuid}/{file}")


def needed(host: Host, copies: list[Copy]) -> list[Copy]:
    """Return those of which there is an original, and that are not here yet: what is here was kept for the guest."""
    return [copy for copy in copies if host.stat(copy.target) is None and host.stat(copy.source) is not None]


def take(host: Host, layout: Layout, copy: Copy) -> None:
    """Make a copy for QEMU's user; raises HostError. It is there wholly, or not at all."""
    data = host.read(copy.source, limit=LARGEST + 1)
    if data is None or len(data) > LARGEST:
        raise HostError(f"{copy.source} cannot be read, or is too large for {copy.what}.")
    who = runner(host, layout)
    owner = None if who is None else (who.uid, who.gid)
    layout.prepare(host)
    folder = posixpath.dirname(copy.target)
    if host.stat(folder) is None:
        host.make_directory(folder, mode=0o700, owner=owner)
    if copy.note:
        host.write(f"{copy.target}.template", f"{copy.note}\n".encode("utf-8", "surrogateescape"))
    host.write(copy.target, data, mode=0o600, owner=owner)


def check_ended(host: Host, place: Place, document: Element, *, new: bool) -> None:
    """Raise OperationInvalid for a guest that runs under libvirt, or that is to go on there from where it was saved.

    One that is ``new`` here may also run where nobody says so, which its images tell.
    """
    domain = Domain(document)
    name, uuid = domain.name or "", domain.uuid
    for other in foreign_guests(host, list(place.runs)):
        if other.name == name or (uuid is not None and other.uuid == parse_uuid(uuid)):
            raise OperationInvalid(
                f"The guest {name} runs under libvirtd (process {other.pid}).",
                hint=f"Shut it down there (virsh shutdown {other.name}), and run this again.",
                pid=other.pid,
            )
    save = f"{place.saves}/{name}.save"
    if "/" not in name and host.stat(save) is not None:
        raise OperationInvalid(
            f"The guest {name} was saved by libvirtd while it ran ({save}), and its disks are as a running guest's.",
            hint=f"Let it end there (virsh start {name}; virsh shutdown {name}), or give up what it was doing (virsh"
            f" managedsave-remove {name}).",
        )
    if new:
        _check_images(host, document, name)


def _check_images(host: Host, document: Element, name: str) -> None:
    """A QEMU that nobody knows of has locks on its images."""
    for disk in document.findall("devices/disk"):
        path = _written_to(disk)
        found = None if path is None else host.stat(host.resolve(path))
        if found is not None:
            what = f"The image {path} of the guest {name}"
            try:
                check_free(host, found, what, rights=WRITE)
            except OperationInvalid as error:
                raise OperationInvalid(
                    f"{what} is open in a program that writes to it: the guest runs, or another one has its image.",
                    hint="Shut that down, and run this again.",
                    path=path,
                ) from error


def _written_to(disk: Element) -> Optional[str]:
    source = disk.find("source")
    flags = (disk.find("readonly"), disk.find("shareable"))
    if source is None or disk.get("device") in ("cdrom", "floppy") or any(flag is not None for flag in flags):
        return None
    return source.get("file") or source.get("dev")
