# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a difference in a volume's document takes: the table of volumes, and what of two documents is compared."""

from __future__ import annotations

from ..model.storage.identity import comparable_volume
from ..xml.canonical import without
from ..xml.parse import Element
from .resource.effects import LIVE, RECREATE, Row, Table

# The first row that fits counts.
VOLUME_EFFECTS: Table = (
    Row("capacity", LIVE, LIVE),
    Row("target/permissions", LIVE, LIVE),
    Row("target/permissions/*", LIVE, LIVE),
    Row("*", RECREATE, RECREATE),
)
# What cannot be read from a volume: how its key was made, what its label was.
UNREADABLE = (
    "target/encryption/cipher",
    "target/encryption/ivgen",
    "target/encryption/@engine",
    "target/permissions/label",
)
# What an image was given once stays, where the options do not speak of it.
STAYS = ("backingStore", "target/encryption")
# Which secret opens a volume: known of one that we have made.
SECRET = "target/encryption/secret"


def comparable(document: Element) -> Element:
    """Return a copy with what two documents of one volume have to agree about."""
    hollow = ("target/features",) if document.find("target/features/*") is None else ()
    return without(comparable_volume(document), (*UNREADABLE, *hollow))
