# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pool that every host is expected to have: files in the directory of images.

Source of its name: what the tools of libvirt make where there is no pool.
"""

from __future__ import annotations

from ...host.layout import Layout
from ...xml.parse import Element, add, new_element

NAME = "default"


def default_pool(layout: Layout) -> Element:
    """The document of the pool ``default`` where nobody has described one."""
    pool = new_element("pool", type="dir")
    add(pool, "name").text = NAME
    add(add(pool, "target"), "path").text = layout.images
    return pool
