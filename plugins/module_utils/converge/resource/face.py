# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What networks and pools are asked through: one set of calls, whatever the driver names its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ContextManager, Optional, Protocol

from ...drivers.api import Expected, Fault, Summary
from ...errors import NotFound
from ...xml.compare import Change
from ...xml.parse import Element
from .differences import Nature
from .values import Current


class Face(Protocol):
    """One kind of object on one connection. ``hint`` says what to give for an object that is not there yet."""

    nature: Nature
    hint: str

    def list(self) -> Sequence[Summary]:
        """All objects."""

    def lookup(self, reference: str) -> Summary:
        """The object of a name or uuid; raises NotFound."""

    def xml(self, name: str, *, inactive: bool = False) -> Element:
        """The document of an active object, else (or with ``inactive``) the persistent one."""

    def normalise(self, document: Element) -> Element:
        """Complete a desired document as defining it would."""

    def check(self, document: Element, *, start: bool) -> None:
        """Raise what would keep a complete document from being kept, or with ``start`` the object from being active."""

    def expect(self, name: str, expected: Expected) -> None:
        """Let what is chosen and checked from now on reckon with an object as it will be."""

    def ignored_parts(self, document: Element) -> Sequence[str]:
        """What of a document has no effect."""

    def faults(self, name: str) -> Sequence[Fault]:
        """What an active object lacks to work."""

    def check_mend(self, name: str) -> None:
        """Raise what would keep ``mend`` from putting right what ``faults`` finds."""

    def users(self, name: str) -> Sequence[str]:
        """The names of the active guests that the object serves."""

    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs from working on the object."""

    def define(self, document: Element) -> Summary:
        """Keep a document."""

    def undefine(self, name: str) -> None:
        """Forget the persistent document."""

    def create(self, document: Element) -> Summary:
        """Start an object that has no persistent document."""

    def start(self, name: str) -> Summary:
        """Make an object active."""

    def destroy(self, name: str) -> None:
        """Take an active object down."""

    def update(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Let an active object have what the document says at these places."""

    def mend(self, name: str) -> None:
        """Put right what ``faults`` finds."""

    def set_autostart(self, name: str, autostart: bool) -> None:
        """Keep whether the object starts with the host."""


def find(face: Face, reference: str) -> Optional[Summary]:
    """Return the object of a name or uuid, None when there is none."""
    try:
        return face.lookup(reference)
    except NotFound:
        return None


def gather(face: Face, name: str) -> Optional[Current]:
    """Return the object of exactly this name as it is, None when there is none."""
    summary = find(face, name)
    if summary is None or summary.name != name:
        summary = next((other for other in face.list() if other.name == name), None)
    if summary is None:
        return None
    return Current(
        summary,
        persistent=face.xml(name, inactive=True) if summary.persistent else None,
        live=face.xml(name) if summary.active else None,
        faults=tuple(face.faults(name)) if summary.active else (),
        users=tuple(face.users(name)),
    )
