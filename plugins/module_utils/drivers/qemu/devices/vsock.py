# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vsock: sockets between the host and the guest, by a context id instead of an address.

Source of the rules: libvirt's formatdomain, "Vsock". Ids 0 to 2 are the kernel's.
"""

from __future__ import annotations

from typing import Iterator

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.platform import Vsock
from ....xml.views import check_choice
from ..command.address import pci_properties, virtio_driver, virtio_properties
from ..context import Context
from ..kinds import PCI, VIRTIO, Kind
from ..options import Option, properties

MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")
FIRST_CID = 3
DEVICE = "/dev/vhost-vsock"


def _complete(vsock: Vsock, domain: Domain, context: Context) -> None:
    if vsock.model is None:
        vsock.model = "virtio"


def _bus(vsock: Vsock, domain: Domain, context: Context) -> str:
    return PCI if vsock.model == "virtio-transitional" else VIRTIO


def _check(vsock: Vsock, domain: Domain, context: Context) -> None:
    check_choice(vsock, "model", vsock.model, MODELS)
    if vsock.cid is not None and vsock.cid < FIRST_CID:
        raise XmlError(f"the <cid> of <vsock> is {vsock.cid}; a guest's is {FIRST_CID} or more.", line=vsock.line)
    if vsock.cid is None and not vsock.auto:
        raise XmlError("<vsock> needs <cid auto='yes'/> or <cid address='...'/>.", line=vsock.line)
    if len(domain.all(Vsock)) > 1:
        raise XmlError("a guest has at most one <vsock>.", line=vsock.line)
    if not context.caps.has_device("vhost-vsock-pci"):
        raise UnsupportedConfig(f"{context.caps.binary} has no vsock.", line=vsock.line, hint="Remove the <vsock>.")


def assign_cids(domain: Domain, context: Context) -> None:
    """Give a guest that leaves its id to us the one of this start."""
    for vsock in domain.all(Vsock):
        if vsock.auto and context.vsock_cid is not None:
            vsock.cid = context.vsock_cid


def _write(vsock: Vsock, domain: Domain, context: Context) -> Iterator[Option]:
    descriptor = context.descriptors.get(DEVICE)
    own = {
        "driver": virtio_driver("vhost-vsock", vsock.model),
        "id": vsock.id(),
        "guest-cid": vsock.cid,
        "vhostfd": None if descriptor is None else str(descriptor),
    }
    yield Option("-device", properties(own, virtio_properties(vsock), pci_properties(vsock, domain)))


VSOCK = Kind(Vsock, _write, complete=_complete, check=_check, bus=_bus)
