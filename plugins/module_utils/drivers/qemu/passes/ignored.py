# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says and nobody here reads: kept as it is, and told to the user, never passed over in silence."""

from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

from ....model.domain.core import Domain
from ....xml.parse import Element
from ....xml.views import undeclared
from ..devices.table import kind_of

Part = Tuple[str, Optional[int]]


def ignored_parts(document: Element) -> List[str]:
    """List the attributes and elements that no view declares, as paths with their lines."""
    parts = [*undeclared(Domain(document)), *_of_devices(document)]
    return [f"{path} (line {line})" if line else path for path, line in parts]


def _of_devices(document: Element) -> Iterator[Part]:
    for element in document.iterfind("devices/*"):
        kind = kind_of(element)
        for path, line in undeclared(kind.view(element)) if kind is not None else ():
            yield f"domain/devices/{path}", line
