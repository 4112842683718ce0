# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which uuid belongs to which guest: asked under the lock of all names, under which uuids are written down, too."""

from __future__ import annotations

from contextlib import suppress
from typing import Optional

from ....errors import AlreadyExists, CorralError
from ....model.domain.core import Domain
from ...listing import uuid_left
from .site import Site


def holder(site: Site, uuid: str, name: str) -> Optional[str]:
    """Return another guest than ``name`` that has this uuid; a damaged one has it where its files have these digits."""
    others = sorted({*site.store.names(), *site.store.live_names()} - {name})
    return next((other for other in others if _has(site, other, uuid)), None)


def _has(site: Site, name: str, uuid: str) -> bool:
    try:
        return _mentions(site, name, uuid) and Domain(site.require(name)).uuid == uuid
    except CorralError:
        return _mentions(site, name, uuid) and uuid_left(site.store, name) in (uuid, "")


def _mentions(site: Site, name: str, uuid: str) -> bool:
    """Whether a document of a guest has these digits at all: most have not, and need not be parsed."""
    digits = uuid.replace("-", "").encode()
    found = b""
    for path in (site.store.config_path(name), site.store.live_path(name)):
        with suppress(CorralError):
            found = found or site.host.read(path) or b""
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
