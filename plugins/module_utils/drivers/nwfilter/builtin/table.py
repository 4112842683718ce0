# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters that are there without being defined, under the names that libvirt has them by, with the same meaning.

They are our own, and so are their uuids, which are the same on every host.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Dict, Iterable, List, Optional

from ....values import derived_uuid
from ....xml.parse import Element, clone, new_element, parse
from .allow import ALLOW
from .dhcp import DHCP
from .groups import GROUPS
from .others import OTHERS
from .spoofing import SPOOFING
from .traffic import TRAFFIC

NAME = re.compile(r"<filter name='([^']+)'")


def _by_name(texts: Iterable[str]) -> Dict[str, str]:
    return {found.group(1): text for text in texts for found in [NAME.search(text)] if found is not None}


_TEXTS = _by_name((*ALLOW, *DHCP, *SPOOFING, *GROUPS, *OTHERS, *TRAFFIC))
_HOST = "corral.virt"


def builtin_names() -> List[str]:
    """Return the names of all built-in filters, sorted."""
    return sorted(_TEXTS)


def builtin_uuid(name: str) -> Optional[str]:
    """Return the uuid of a built-in filter, None where none is called so."""
    return derived_uuid("nwfilter", _HOST, name) if name in _TEXTS else None


def builtin_document(name: str) -> Optional[Element]:
    """Return the complete document of a built-in filter, None where none is called so."""
    return clone(_document(name)) if name in _TEXTS else None


@cache
def _document(name: str) -> Element:
    """The texts are written as a document is kept, so that nobody has to complete them; only the uuid is left out."""
    document = parse(_TEXTS[name], root="filter")
    document.insert(0, new_element("uuid"))
    document[0].text = builtin_uuid(name)
    return document
