# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pool's document as it is stored when it is defined: checked, in one form, with all that was left open.

Pure: what the host has comes in as values. Running it on its own output changes nothing.
"""

from __future__ import annotations

from typing import Optional, Sequence

from ....errors import AlreadyExists, XmlError
from ....model.storage.identity import persistent_pool
from ....model.storage.order import POOL_ORDER, order_children
from ....model.storage.pool import Pool
from ....values import derived_uuid, parse_uuid
from ....xml.parse import Element
from .check import check_once, check_pool, need_type
from .duplicates import Real, conflict
from .settle import settle_pool


def complete_pool(
    document: Element,
    known: Sequence[Element],
    *,
    kept: Optional[Element],
    host_id: str,
    real: Optional[Real] = None,
) -> Element:
    """Return the complete document; raises XmlError, UnsupportedConfig and AlreadyExists.

    ``known`` are the complete documents of all other pools. ``kept`` is the one that this pool had before, of which the
    uuid stays. ``real`` says where paths of devices lead that are links, of this pool and of others.
    """
    pool = stored_pool(document)
    check_pool(pool, need_type(pool))
    _identify(pool, known, None if kept is None else Pool(kept), host_id)
    other = conflict(pool, known, real=real)
    if other is not None:
        raise AlreadyExists(
            f"Pool {other.name} has the source of pool {pool.name} already.",
            hint="Two pools on one source would write over each other: use that pool, or undefine it first.",
            name=other.name,
        )
    order_children(pool.element, POOL_ORDER)
    return pool.element


def stored_pool(document: Element) -> Pool:
    """Return a copy in the one form in which documents are kept, whether such a pool could be defined or not."""
    pool = Pool(persistent_pool(document))
    if pool.element.tag != "pool":
        raise XmlError(f"the document is a <{pool.element.tag}>; write a <pool>.", line=pool.line)
    row = need_type(pool)
    check_once(pool)
    settle_pool(pool, row)
    order_children(pool.element, POOL_ORDER)
    return pool


def _identify(pool: Pool, known: Sequence[Element], before: Optional[Pool], host_id: str) -> None:
    """The uuid stays, or is derived from the host and the name; it belongs to one pool only."""
    old = before.uuid if before is not None else None
    given = parse_uuid(pool.uuid) if pool.uuid is not None else None
    if given and old and given != parse_uuid(old):
        raise AlreadyExists(
            f"Pool {pool.name} exists with the uuid {old}, and the document says {given}.",
            hint="Leave the uuid out, or give the pool another name.",
            name=pool.name,
        )
    pool.uuid = given or old or derived_uuid("pool", host_id, pool.name or "")
    other = next((found for found in map(Pool, known) if found.uuid == pool.uuid and found.name != pool.name), None)
    if other is not None:
        raise AlreadyExists(
            f"The uuid {pool.uuid} belongs to pool {other.name}.",
            hint="Leave the uuid out, or choose another.",
            name=other.name,
        )
