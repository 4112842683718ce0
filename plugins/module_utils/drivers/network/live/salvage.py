# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Active networks whose files are damaged: they stay as they were last known, and keep no other from working.

What is made of all networks at once, the packet filter above all, would otherwise be refused for every network, or
open what was walled off.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, List, Optional, Tuple

from ....errors import CorralError
from ....model.network.core import Network
from ....xml.parse import Element, parse_bytes
from ..firewall.ruleset import walls
from ..firewall.state import kept_documents
from ..site import Site


def check_usable(document: Element) -> None:
    """Raise what keeps a live document from being a part of what is made of all networks."""
    network = Network(document)
    walls((network,))
    for ip in network.ips:
        ip.network()
    for route in network.routes:
        route.network()


def last_known(site: Site, name: str) -> Tuple[Optional[Element], str]:
    """Return what a damaged network is taken for, and in words where that is from; None where nothing is known."""
    for words, read in SOURCES:
        with suppress(CorralError):
            found = read(site, name)
            if found is not None:
                check_usable(found)
                return found, words
    return None, ""


def damages(site: Site, *, without: str) -> List[str]:
    """Return a sentence for each damaged network but one: its file, what became of its packets, what to do."""
    return [said for name in site.store.live_names() if name != without for said in _damage(site, name)]


def _damage(site: Site, name: str) -> List[str]:
    try:
        document = site.active(name)
        site.status(name)
        if document is not None:
            check_usable(document)
    except CorralError as error:
        return [_sentence(site, name, error.message)]
    return []


def _sentence(site: Site, name: str, message: str) -> str:
    words = last_known(site, name)[1]
    filtered = (
        f"Its packets are filtered {words}." if words else "Its packets are not filtered: nothing is known of it."
    )
    again = f"Remove {site.layout.live_status('network', name)}, and start the network {name} again."
    files = f"{site.store.live_path(name)} or the .json beside it"
    return f"Network {name} is damaged ({files}): {message} {filtered} {again}"


def _live(site: Site, name: str) -> Optional[Element]:
    """The live document beside a status that cannot be read."""
    return _parsed(site.host.read(site.store.live_path(name)), site.store.live_path(name))


def as_filtered(site: Site, name: str) -> Optional[Element]:
    """Return the document that the last packet filter was made of, None where there is none or none of use."""
    text = kept_documents(site.host, site.layout).get(name)
    with suppress(CorralError):
        found = None if text is None else _parsed(text.encode(), "document of the last packet filter")
        if found is not None:
            check_usable(found)
        return found
    return None


def _parsed(data: Optional[bytes], what: str) -> Optional[Element]:
    return None if data is None else parse_bytes(data, root="network", what=what)


# The surest first.
SOURCES: Tuple[Tuple[str, Callable[[Site, str], Optional[Element]]], ...] = (
    ("as its live document says", _live),
    ("as they were before", as_filtered),
    ("as its definition says", Site.persistent),
)
