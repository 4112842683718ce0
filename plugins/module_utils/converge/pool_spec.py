# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of pool to the document that is wanted.

A made document says only what the options say; the driver completes it, as it completes a document of the user's own.
What each option writes is in ``pool_options/``, a file a family.
"""

from __future__ import annotations

from typing import Optional

from ..model.storage.order import POOL_ORDER, order_children
from ..xml.parse import Element, new_element
from .options.write import Options, text
from .pool_definition import POOL_DEFINING
from .resource import spec
from .resource.spec import Builders, Families


def desired_pool(options: Options, *, describe: bool = True) -> tuple[str, Optional[Element]]:
    """Return the pool's name and the wanted document, as ``resource.spec.desired`` does."""
    return spec.desired(options, noun="pool", root="pool", defining=POOL_DEFINING, build=_document, describe=describe)


def _document(options: Options, _given: list[str]) -> Element:
    pool = new_element("pool", type="dir")
    text(pool, "name", options["name"])
    for build in spec.builders(options, POOL_FAMILIES):
        build(pool, options)
    order_children(pool, POOL_ORDER)
    return pool


def _about() -> Builders:
    from .options.about import BUILDERS

    return BUILDERS


def _source() -> Builders:
    from .pool_options.source import BUILDERS

    return BUILDERS


def _target() -> Builders:
    from .pool_options.target import BUILDERS

    return BUILDERS


# The options for which each family is needed.
POOL_FAMILIES: Families = (
    (("uuid", "tags"), _about),
    (("type", "source", "mount_options", "rbd_options"), _source),
    (("target", "permissions", "cow"), _target),
)
