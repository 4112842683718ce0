# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory balloon: virtio-balloon, which every guest has unless it says model='none'."""

from __future__ import annotations

from typing import Iterator

from ....model.domain.core import Domain
from ....model.domain.small import Memballoon
from ....xml.views import check_choice
from ..command.address import pci_properties, virtio_driver, virtio_properties
from ..context import Context
from ..kinds import NONE, VIRTIO, Kind
from ..options import Option, properties

MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional", "none")


def _bus(balloon: Memballoon, domain: Domain, context: Context) -> str:
    return NONE if balloon.model == "none" else VIRTIO


def _check(balloon: Memballoon, domain: Domain, context: Context) -> None:
    check_choice(balloon, "model", balloon.model, MODELS)


def _write(balloon: Memballoon, domain: Domain, context: Context) -> Iterator[Option]:
    if balloon.model == "none":
        return
    own = {
        "driver": virtio_driver("virtio-balloon", balloon.model),
        "id": balloon.id(),
        "deflate-on-oom": balloon.autodeflate,
        "free-page-reporting": balloon.free_page_reporting,
    }
    yield Option("-device", properties(own, virtio_properties(balloon), pci_properties(balloon, domain)))


MEMBALLOON = Kind(Memballoon, _write, bus=_bus, check=_check, alias=lambda device, index, domain: f"balloon{index}")
