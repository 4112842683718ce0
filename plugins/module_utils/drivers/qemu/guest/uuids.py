# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which uuid belongs to which guest: asked under the lock of all names, under which uuids are written down, too."""

from __future__ import annotations

from contextlib import suppress
from typing import Optional

from ....errors import AlreadyExists, CorralError
from ....model.domain.core import Domain
from .site import Site


def holder(site: Site, uuid: str, name: str) -> Optional[str]:
    """Return another guest than ``name`` that has this uuid; a definition that cannot be read has none."""
    for other in sorted({*site.store.names(), *site.store.live_names()} - {name}):
        with suppress(CorralError):
            if _mentions(site, other, uuid) and Domain(site.require(other)).uuid == uuid:
                return other
    return None


def _mentions(site: Site, name: str, uuid: str) -> bool:
    """Whether a document of a guest has these digits at all: most have not, and need not be parsed."""
    digits = uuid.replace("-", "").encode()
    found = site.store.read_config(name) or site.store.read_live(name) or b""
    return digits in found.replace(b"-", b"").lower()


def check_uuid(site: Site, name: str, uuid: str) -> None:
    """Raise AlreadyExists when the uuid belongs to another guest than the one of this name."""
    other = holder(site, uuid, name)
    if other is not None:
        raise AlreadyExists(
            f"The uuid {uuid} belongs to guest {other}.",
            hint="Leave the uuid out to get one of its own.",
            name=other,
        )
