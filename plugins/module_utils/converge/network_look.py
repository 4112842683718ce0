# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at networks: what the module network_info does."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import Summary
from ..errors import NotFound
from ..model.network.identity import NETWORK
from ..xml.canonical import masked
from ..xml.write import to_text
from .job import Job
from .network_face import NetworkFace
from .network_facts import network_facts
from .resource.face import find, gather
from .resource.values import Current
from .unreadable import Unreadable


def show_networks(job: Job) -> dict[str, Any]:
    """Return the facts of the networks that are named (by name or uuid), or of all; never changes anything."""
    face, names = NetworkFace(job.connection.network), job.options.get("name")
    found: list[Summary] = []
    missing: list[str] = []
    for name in names or ():
        network = find(face, name)
        if network is None:
            missing.append(name)
        elif network.name not in [other.name for other in found]:
            found.append(network)
    unreadable, xml = Unreadable(job, "Network"), job.options.get("xml") or "none"
    if names is None:
        everything = sorted(face.list(), key=lambda network: network.name)
        networks = unreadable.shown(everything, lambda network: _shown(face, network.name, xml))
    else:
        networks = [facts for network in found if (facts := _shown(face, network.name, xml))]
    return {"changed": False, "networks": networks, "unreadable": unreadable, "missing": missing}


def _shown(face: NetworkFace, name: str, xml: str) -> Optional[dict[str, Any]]:
    """Return the facts of one network, None for one that has gone while we looked."""
    try:
        current = gather(face, name)
        if current is None:
            return None
        facts = network_facts(face.driver, current)
        facts["advice"] = face.driver.network_advice(name) if current.summary.active else []
    except NotFound:
        return None
    if xml != "none":
        facts["xml"] = _xml(current, xml)
    return facts


def _xml(current: Current, which: str) -> Optional[str]:
    """The document asked for, None where there is none."""
    document = current.live if which == "live" else current.persistent
    return None if document is None else to_text(masked(document, NETWORK))
