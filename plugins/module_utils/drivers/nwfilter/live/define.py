# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A filter gets another document, and so do the rules of every active guest that it has a part in: all or nothing.

The document is written beside its place first, so that a full disk shows before anything has changed. Then the kernel
takes the rules, and then the document comes to its place. A run that is killed between these two leaves rules that are
not those of the documents; the next one that looks at the filter, or at one of the guests, puts that right.
"""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import Callable, List, Optional

from ....errors import CorralError
from ....xml.parse import Element
from ....xml.write import to_text
from ...api import FilterPort
from ..site import Lookup, Site, reaches, with_document
from . import memo as memos
from .change import everybody, guard
from .make import Maker
from .scene import Scene


def affected(scene: Scene, name: str, lookup: Optional[Lookup] = None) -> List[FilterPort]:
    """The guarded interfaces in whose rules a filter has a part, directly or through others.

    They are those of active guests, and of guests that are just being started with the rules that they got.
    """
    ports = everybody(scene, memos.read(scene.site) or {})
    look = lookup or scene.site.document
    known = {each: reaches(look, each, name) for each in {port.filter for port in ports.values()}}
    return [ports[device] for device in sorted(ports) if known[ports[device].filter]]


def check(scene: Scene, name: str, document: Element) -> None:
    """Raise what keeps the interfaces of active guests from having rules with this document; changes nothing."""
    lookup = with_document(scene.site.document, name, document)
    ports = affected(scene, name, lookup)
    if ports:
        Maker(scene, (name, document)).check(ports)


def define(scene: Scene, name: str, document: Element) -> None:
    """Keep the document of a filter; raises what is against it, and then nothing has changed."""
    site, staged = scene.site, _staged(scene.site, name)
    site.host.write(staged, to_text(document).encode())
    try:
        _apply(scene, name, document, lambda: site.host.rename(staged, site.store.config_path(name), replace=True))
    except CorralError:
        with suppress(CorralError):
            site.host.remove(staged)
        raise


def undefine(scene: Scene, name: str) -> None:
    """Forget the document of a filter; a built-in one of that name counts then."""
    site = scene.site
    _apply(scene, name, None, lambda: site.host.remove(site.store.config_path(name)))
    with suppress(CorralError):  # what a run that was killed may have left
        site.host.remove(_staged(site, name))


def _apply(scene: Scene, name: str, document: Optional[Element], keep: Callable[[], object]) -> None:
    """Let the kernel have the rules with the new document, keep it, and go back where it cannot be kept."""
    lookup = with_document(scene.site.document, name, document)
    ports = affected(scene, name, lookup)
    if ports:
        guard(scene, ports, Maker(scene, (name, document)))
    try:
        keep()
    except CorralError:
        if ports:
            with suppress(CorralError):
                guard(scene, ports, Maker(scene))
        raise


def _staged(site: Site, name: str) -> str:
    """Where a document waits to be kept; no filter can be called so."""
    return posixpath.join(site.layout.config_dir("nwfilter"), f".{name}.new")
