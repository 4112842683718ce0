# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One object of the <node> document: its definition, the facts about it that are no part of that, and what runs.

The facts stand in ``<corral:runtime>`` below the object. It also holds the live document of an object that was defined
anew while it was active.
"""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Tuple

from ...errors import AlreadyExists
from ...xml.parse import Element, clone, new_element, parse, tidy
from ...xml.views import NATURAL, TEXT, YES_NO, Field, View
from ...xml.write import to_text
from ..api import Expected, Fault, with_expected

LIBVIRT = "http://libvirt.org/schemas/domain/test/1.0"
OURS = "urn:corral-virt:test"
RUNTIME = f"{{{OURS}}}runtime"
FAULT = f"{{{OURS}}}fault"


class Runtime(View):
    """The <corral:runtime> of an object; ``started`` is in seconds since the epoch."""

    id = Field("@id", NATURAL)
    reason = Field("@reason", TEXT)
    active = Field("@active", YES_NO)
    transient = Field("@transient", YES_NO)
    autostart = Field("@autostart", YES_NO)
    built = Field("@built", YES_NO)
    started = Field("@started", TEXT)


class Kept:
    """A lens over one object of the node document; writing changes the document."""

    # The facts that an object which is not active does not keep.
    of_a_run: Tuple[str, ...] = ("id", "started")

    def __init__(self, element: Element) -> None:
        self.element = element

    @property
    def name(self) -> str:
        return (self.element.findtext("name") or "").strip()

    @property
    def uuid(self) -> str:
        return (self.element.findtext("uuid") or "").strip()

    @property
    def active(self) -> bool:
        """Whether it runs; what nothing is said of does, as in libvirt's test driver."""
        return self.runtime.active is not False

    @property
    def runtime(self) -> Runtime:
        """The facts; an empty view that belongs to nothing where there are none yet."""
        found = self.element.find(RUNTIME)
        return Runtime(new_element(RUNTIME) if found is None else found)

    def facts(self) -> Runtime:
        """The facts to be written to, made where they are missing."""
        if self.element.find(RUNTIME) is None:
            self.element.append(ours("runtime"))
        return self.runtime

    def end_of_run(self) -> None:
        """Forget what only an active object has, its live document too."""
        facts = self.facts()
        for name in self.of_a_run:
            facts.element.attrib.pop(name, "")
        self.drop_live()

    def drop_live(self) -> None:
        """Forget the live document and all else below the facts."""
        facts = self.facts()
        for child in list(facts.element):
            facts.element.remove(child)

    def keep_running(self) -> None:
        """Let what runs be all there is: the definition is forgotten."""
        self.replace(self.document())
        self.drop_live()
        self.facts().autostart = None

    def redefine(self, definition: Element) -> None:
        """Take a definition; what is active goes on with the document that it was started with."""
        before = self._plain(self.element)
        known = self.runtime.element.find(str(self.element.tag)) is not None
        if self.active and not known and to_text(before) != to_text(definition):
            self.facts().element.append(before)
        self.replace(definition)

    def replace(self, definition: Element) -> None:
        """Put another document in place, and keep what is not part of it."""
        for child in list(self.element):
            if not _foreign(child):
                self.element.remove(child)
        self.element.attrib.clear()
        self.element.attrib.update({str(key): str(value) for key, value in definition.attrib.items()})
        for position, child in enumerate(definition):
            self.element.insert(position, clone(child))

    def document(self, *, inactive: bool = False) -> Element:
        """The document alone: of what runs, or of what would be started next."""
        if inactive or not self.active:
            return self._plain(self.element)
        return self._plain(self.running())

    def running(self) -> Element:
        """The element that holds the document of what runs: one of its own where the definition is another."""
        live = self.runtime.element.find(str(self.element.tag))
        return self.element if live is None else live

    def _plain(self, element: Element) -> Element:
        copy = clone(element)
        copy.tail = None
        for child in list(copy):
            if _foreign(child):
                copy.remove(child)
        return tidy(copy)


class Resource(Kept):
    """A network or pool of the node document.

    ``<corral:runtime active= transient= autostart=>``: one of which nothing is said is active and persistent, as in
    libvirt's test driver. ``<corral:fault what= detail=>`` in it is what it is said to lack; a test writes it.
    """

    @property
    def persistent(self) -> bool:
        return not self.runtime.transient

    def set_active(self, active: bool) -> None:
        """Start or end; what is started begins with its definition, and nothing of it is broken."""
        self.end_of_run()
        self.facts().active = None if active else False

    def make_transient(self) -> None:
        """Forget the definition of an active one."""
        self.keep_running()
        self.facts().transient = True

    def make_persistent(self, definition: Element) -> None:
        """Take a definition; an active one goes on with the document that it was started with."""
        self.redefine(definition)
        self.facts().transient = None

    def faults(self) -> List[Fault]:
        """What an active network is said to lack."""
        found = self.runtime.element.findall(FAULT) if self.active else []
        return [Fault(fault.get("what") or "", fault.get("detail") or "") for fault in found]

    def mend(self) -> None:
        """Forget the faults."""
        facts = self.facts().element
        for fault in facts.findall(FAULT):
            facts.remove(fault)


def others_of(known: Sequence[Resource], expected: Mapping[str, Expected], name: str) -> List[Element]:
    """The definitions of all but one of these, as they are or are expected to be."""
    definitions = {each.name: [each.document(inactive=True)] for each in known if each.name != name}
    found = with_expected(definitions, {other: Expected(each.persistent) for other, each in expected.items()}, name)
    return [document for documents in found.values() for document in documents]


def check_uuid(noun: str, document: Element, existing: Optional[Kept], others: Sequence[Element]) -> None:
    """Raise AlreadyExists for a uuid that another object has, or that is not the one that this object has."""
    name, uuid = document.findtext("name"), document.findtext("uuid")
    hint = "Leave the uuid out, or write another."
    if existing is not None and existing.uuid != uuid:
        raise AlreadyExists(f"The {noun} {name!r} is there already, with the uuid {existing.uuid}.", hint=hint)
    other = next((other for other in others if (other.findtext("uuid") or "").strip() == uuid), None)
    if other is not None:
        raise AlreadyExists(f"The uuid {uuid} belongs to the {noun} {other.findtext('name')!r} already.", hint=hint)


def ours(tag: str, **attributes: str) -> Element:
    """Return an element in our namespace."""
    element = parse(f"<corral:{tag} xmlns:corral='{OURS}'/>")
    element.attrib.update(attributes)
    return element


def _foreign(child: Element) -> bool:
    return str(child.tag).startswith((f"{{{LIBVIRT}}}", f"{{{OURS}}}"))
