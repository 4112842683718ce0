# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory that guests share with each other.

Source of the rules: libvirt's formatdomain, "Shared memory device", and QEMU's docs/specs/ivshmem-spec.rst.
"""

from __future__ import annotations

from typing import Dict, Iterator, Optional

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.platform import Shmem
from ....values import scale
from ....xml.views import check_choice
from ..command.address import pci_properties
from ..context import Context
from ..kinds import PCI, Kind
from ..options import Option, properties

MODELS = ("ivshmem-plain", "ivshmem-doorbell")
ROLES: Dict[str, Optional[str]] = {"": None, "master": "on", "peer": "off"}
MIB = 1 << 20
DEFAULT_SIZE = 4 * MIB


def size_of(shmem: Shmem) -> Optional[int]:
    """The size in bytes; a number without a unit counts bytes."""
    return None if shmem.size is None else scale(shmem.size, shmem.size_unit or "B", what="<size>")


def _complete(shmem: Shmem, domain: Domain, context: Context) -> None:
    if shmem.model == "ivshmem-plain" and not shmem.size:
        shmem.size, shmem.size_unit = DEFAULT_SIZE, "B"
    size = size_of(shmem)
    if size is not None and size % MIB == 0:
        shmem.size, shmem.size_unit = size // MIB, "M"
    if shmem.model == "ivshmem-doorbell" and shmem.server:
        shmem.msi_enabled = True
        if shmem.ioeventfd is None:
            shmem.ioeventfd = True


def _bus(shmem: Shmem, domain: Domain, context: Context) -> str:
    return PCI


def _check(shmem: Shmem, domain: Domain, context: Context) -> None:
    name = shmem.name or ""
    if not name or "/" in name or name in (".", ".."):
        raise XmlError(f"the name of a <shmem> is '{name}', and is a file's name without '/'.", line=shmem.line)
    check_choice(shmem, "model", shmem.model, MODELS)
    if (shmem.role or "") not in ROLES:
        raise XmlError(f"<shmem role='{shmem.role}'> is not one of master, peer.", line=shmem.line)
    place = shmem.address.type if shmem.address is not None else None
    if place not in (None, "pci"):
        raise XmlError(f"a <shmem> sits on PCI, and its address is of type '{place}'.", line=shmem.line)
    (_check_plain if shmem.model == "ivshmem-plain" else _check_doorbell)(shmem)


def _check_plain(shmem: Shmem) -> None:
    size = size_of(shmem) or 0
    if size < MIB or size & (size - 1):
        raise XmlError(f"the <size> of <shmem> is {size} bytes, and is a power of two from 1 MiB on.", line=shmem.line)
    if shmem.server or shmem.msi:
        raise XmlError("a <shmem> of the model ivshmem-plain has no <server> and no <msi>.", line=shmem.line)


def _check_doorbell(shmem: Shmem) -> None:
    if not shmem.server:
        raise XmlError("a <shmem> of the model ivshmem-doorbell needs a <server path='...'/>.", line=shmem.line)
    if shmem.size is not None:
        raise XmlError("the server of an ivshmem-doorbell says its size; remove <size>.", line=shmem.line)


def _server_path(shmem: Shmem) -> str:
    return shmem.server_path or f"/var/lib/corral/shmem-{shmem.name}-sock"


def _write(shmem: Shmem, domain: Domain, context: Context) -> Iterator[Option]:
    plain = shmem.model == "ivshmem-plain"
    if plain:
        yield Option(
            "-object",
            {
                "qom-type": "memory-backend-file",
                "id": f"shmmem-{shmem.id()}",
                "mem-path": f"/dev/shm/{shmem.name}",
                "size": size_of(shmem),
                "share": True,
            },
        )
    own = {
        "driver": shmem.model,
        "id": shmem.id(),
        "chardev": None if plain else f"char{shmem.id()}",
        "memdev": f"shmmem-{shmem.id()}" if plain else None,
        "master": ROLES[shmem.role or ""] if plain else None,
        "vectors": shmem.vectors or None,
        "ioeventfd": shmem.ioeventfd,
    }
    device = Option("-device", properties(own, pci_properties(shmem, domain)))
    if not plain:
        chardev = {"backend": "socket", "id": f"char{shmem.id()}", "path": _server_path(shmem)}
        yield Option("-chardev", chardev, first="backend")
    yield device


SHMEM = Kind(Shmem, _write, complete=_complete, check=_check, bus=_bus)
