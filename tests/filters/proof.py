# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proves a filter: all its variants let those of many frames pass that they should."""

from __future__ import annotations

from .apply import MAC, Host
from .cases import WRAPPER, closed, dropping, stateless
from .document import Documents, Variables, rules
from .frames import frames_for
from .judge import differences


def shown(found: list[str]) -> str:
    """The first of many differences."""
    return "\n".join([f"{len(found)} frames", *found[:12]])


def prove(host: Host, documents: Documents, name: str, variables: Variables) -> None:
    """All variants of a filter do with frames about its rules what they should."""
    known = {"MAC": [MAC], **variables}
    frames = frames_for(rules(documents, name, known))
    for variant, top in ((closed(stateless(documents), name), WRAPPER), (dropping(documents), name)):
        port = host.driver.guard(variant, top, variables)
        found = differences(host.wire, port, frames)
        assert not found, shown(found)
