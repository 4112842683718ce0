# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What names the parts of pool and volume documents among their siblings, and what of them the host says.

Mount options have no name of their own: their order counts, because a later one can undo an earlier one.

Source of the rules: libvirt's formatstorage.
"""

from __future__ import annotations

from typing import Tuple

from ...xml.canonical import Identity, without
from ...xml.parse import Element
from .options import RBD_OPTION, RBD_OPTIONS
from .order import POOL_ORDER, VOLUME_ORDER

POOL = Identity(
    keys={
        "source/host": (("@name", "@port"), ("@name",)),
        "source/device": (("@path",),),
        "source/device/freeExtent": (("@start",),),
        f"{RBD_OPTIONS}/{RBD_OPTION}": (("@name",),),
    },
    order={**POOL_ORDER, "": (*POOL_ORDER[""], "...")},
)
VOLUME = Identity(
    keys={
        "source/device": (("@path",),),
        "source/device/extent": (("@start",),),
        "target/encryption/secret": (("@uuid",), ("@usage",)),
    },
    order={**VOLUME_ORDER, "": (*VOLUME_ORDER[""], "...")},
)

# What an active pool has been found to have, and what never goes into the persistent document.
POOL_LIVE_ONLY: Tuple[str, ...] = ("capacity", "allocation", "available", "source/device/freeExtent")
# What of a volume is found on the host and nobody can ask for.
VOLUME_FOUND: Tuple[str, ...] = (
    "@type",
    "key",
    "source",
    "physical",
    "target/path",
    "target/timestamps",
    "backingStore/permissions",
    "backingStore/timestamps",
)
# What counts when a volume is made, and cannot be read from it, or changes with each write, afterwards.
VOLUME_MAKING: Tuple[str, ...] = ("allocation", "target/nocow")


def persistent_pool(document: Element) -> Element:
    """Return a copy without what only an active pool's document has, fit to be stored or compared."""
    return without(document, POOL_LIVE_ONLY)


def wanted_volume(document: Element) -> Element:
    """Return a copy without what the host says of a volume: what a user can have asked for."""
    return without(document, VOLUME_FOUND)


def comparable_volume(document: Element) -> Element:
    """Return a copy with what two documents of one volume have to agree about: its size, format, backing, ..."""
    return without(document, (*VOLUME_FOUND, *VOLUME_MAKING))
