# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers that no machine can have, refused before anything counts up to them."""

from __future__ import annotations

from typing import Optional, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ..context import Context

# Where a number stands, and the largest that means anything: PCI has 256 buses, and a controller of another kind sits
# on one of their slots.
LIMITS: Tuple[Tuple[str, str, int], ...] = (
    ("devices/controller", "index", 255),
    ("devices/*/address", "controller", 255),
    ("devices/*/address", "bus", 255),
    ("devices/*/address", "unit", 16383),
    ("devices/*/target", "port", 65535),
)
IOTHREADS = 1024


def check_limits(domain: Domain, context: Context) -> None:
    """Raise XmlError for an index or a count that is out of all bounds."""
    for path, name, largest in LIMITS:
        for element in domain.element.iterfind(path):
            number = _number(element.get(name, ""))
            if number is not None and not -1 <= number <= largest:
                raise XmlError(
                    f"<{element.tag} {name}='{element.get(name)}'> is beyond {largest}.", line=element.sourceline
                )
    if (domain.iothreads or 0) > IOTHREADS:
        raise XmlError(f"<iothreads> is {domain.iothreads}; at most {IOTHREADS} are made.", line=domain.line)


def _number(text: str) -> Optional[int]:
    """The number that a text is; what is none, such as a USB port 1.2, is for others to judge."""
    try:
        return int(text, 0)
    except ValueError:
        return None
