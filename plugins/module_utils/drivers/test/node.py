# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The <node> document of libvirt's test driver: reading it, and what is looked up and given out in it."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Optional, Tuple

from ...errors import AlreadyExists, CorralError, NotFound, OperationInvalid, XmlError
from ...host.layout import check_name
from ...values import derived_uuid, parse_uuid
from ...xml.parse import Element, clone, parse
from ...xml.views import View
from ..api import Expected
from .guest import Guest
from .kept import LIBVIRT, OURS, Kept, check_uuid, others_of
from .net import Net
from .normalise import normalise
from .normalise_network import normalise_network

Read = Callable[[str], str]

# The elements that may stand in a file of their own, as <domain file='guest.xml'/>.
_INCLUDABLE = ("domain", "network", "interface", "pool", "device")
_NEXT_ID = f"{{{OURS}}}next-id"
_MOST_IDS = 1 << 31


class Node:
    """A lens over the whole document; ``seed`` is what new uuids and MAC addresses are derived from."""

    def __init__(self, root: Element, seed: str) -> None:
        self.root = root
        self.seed = seed
        # where guests were when one was looked for: a hint, as whoever changes the document need not know of it
        self._by_name: Dict[str, Element] = {}

    def guests(self) -> List[Guest]:
        """Every guest, in the order of the document."""
        return [Guest(element) for element in self.root.findall("domain")]

    def find(self, name: str) -> Optional[Guest]:
        """The guest of exactly this name, or None."""
        found = self._by_name.get(name)
        if found is None or not self._is_called(found, name):
            self._by_name = {guest.name: guest.element for guest in reversed(self.guests())}
            found = self._by_name.get(name)
        return None if found is None else Guest(found)

    def _is_called(self, element: Element, name: str) -> bool:
        return element.getparent() is self.root and Guest(element).name == name

    def guest(self, name: str) -> Guest:
        """The guest of exactly this name; raises NotFound."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"There is no guest named {name!r}.", name=name)
        return found

    def lookup(self, reference: str) -> Guest:
        """The guest of this name, else of this uuid, else of this id; raises NotFound."""
        named = self.find(reference)
        if named is not None:
            return named
        wanted = _as_uuid(reference)
        tests: Tuple[Callable[[Guest], bool], ...] = (
            lambda guest: guest.uuid == wanted,
            lambda guest: guest.active and str(guest.runtime.id) == reference,
        )
        guests = self.guests()
        for test in tests:
            for guest in guests:
                if test(guest):
                    return guest
        raise NotFound(f"There is no guest with the name, uuid or id {reference!r}.", reference=reference)

    def complete(self, document: Element) -> Element:
        """The document as defining it would store it; raises AlreadyExists where name and uuid fit two guests."""
        name = (document.findtext("name") or "").strip()
        existing = self.find(name)
        done = normalise(document, existing.document(inactive=True) if existing else None, seed=self.seed)
        self._check_identity(name, done.findtext("uuid") or "", existing)
        return done

    def _check_identity(self, name: str, uuid: str, existing: Optional[Guest]) -> None:
        if existing and existing.uuid != uuid:
            raise AlreadyExists(
                f"The guest {name!r} is there already, with the uuid {existing.uuid}.",
                hint="Leave the uuid out to keep that one, or undefine the guest first.",
            )
        other = next((guest for guest in self.guests() if guest.uuid == uuid and guest.name != name), None)
        if other:
            raise AlreadyExists(
                f"The uuid {uuid} belongs to the guest {other.name!r} already.",
                hint=f"Give {name!r} another uuid, or leave it out.",
            )

    def check_rename(self, name: str, new_name: str) -> Guest:
        """Return the guest that may get the new name; raises OperationInvalid and AlreadyExists."""
        guest = self.guest(name)
        if guest.active:
            raise OperationInvalid(f"The guest {name!r} is {guest.state}; only one that is off can be renamed.")
        if self.find(check_name("domain", new_name)) is not None:
            raise AlreadyExists(f"The guest {name!r} cannot be renamed: there is a guest {new_name!r} already.")
        return guest

    def define(self, document: Element) -> Guest:
        """Take a complete document: a new guest that is shut off, or another definition of the one of that name."""
        existing = self.find(document.findtext("name") or "")
        if existing:
            existing.make_persistent(document)
            return existing
        guest = Guest(self.place(clone(document)))
        guest.set_state("shut off", "unknown")
        return guest

    def place(self, element: Element) -> Element:
        """Put a new object behind the others of its kind."""
        last = self.root.findall(str(element.tag))[-1:]
        if last:
            last[0].addnext(element)
        else:
            self.root.append(element)
        return element

    def remove(self, kept: Kept) -> None:
        """Forget an object."""
        self.root.remove(kept.element)

    def nets(self) -> List[Net]:
        """Every network, in the order of the document."""
        return [Net(element) for element in self.root.findall("network")]

    def find_net(self, name: str) -> Optional[Net]:
        """The network of exactly this name, or None."""
        return next((net for net in self.nets() if net.name == name), None)

    def net(self, name: str) -> Net:
        """The network of exactly this name; raises NotFound."""
        found = self.find_net(name)
        if found is None:
            raise NotFound(f"There is no network named {name!r}.", name=name)
        return found

    def lookup_net(self, reference: str) -> Net:
        """The network of this name, else of this uuid; raises NotFound."""
        wanted, nets = _as_uuid(reference), self.nets()
        found = next((net for net in nets if net.name == reference), None)
        found = next((net for net in nets if net.uuid == wanted), None) if found is None else found
        if found is None:
            raise NotFound(f"There is no network with the name or uuid {reference!r}.", reference=reference)
        return found

    def complete_net(self, document: Element, expected: Optional[Mapping[str, Expected]] = None) -> Element:
        """The network's document as defining it would store it; raises AlreadyExists for a uuid that is taken."""
        name = (document.findtext("name") or "").strip()
        existing = self.find_net(name)
        others = others_of(self.nets(), expected or {}, name)
        kept = existing.document(inactive=True) if existing else None
        done = normalise_network(document, kept, others, seed=self.seed)
        check_uuid("network", done, existing, others)
        return done

    def define_net(self, document: Element) -> Net:
        """Take a complete document: a new network that is inactive, or another definition of the one of that name."""
        existing = self.find_net(document.findtext("name") or "")
        if existing:
            existing.make_persistent(document)
            return existing
        net = Net(self.place(clone(document)))
        net.set_active(False)
        return net

    def next_id(self, count: int = 1) -> int:
        """Give out ids that no guest of this host had before; returns the first of so many in a row."""
        given = self.root.get(_NEXT_ID)
        used = [guest.runtime.id or 0 for guest in self.guests()]
        number = max([int(given) if given else 1, *(each + 1 for each in used)])
        self.root.set(_NEXT_ID, str(number + count))
        return number


def _as_uuid(reference: str) -> str:
    try:
        return parse_uuid(reference)
    except CorralError:
        return ""


def read_node(text: str, *, what: str, seed: str, read: Optional[Read] = None) -> Element:
    """Return the document of a host, every guest of it complete and every active one with an id.

    ``read`` gives the text of a file that the document refers to by a relative or absolute path. Raises XmlError for
    what is no <node> document; ``what`` names it.
    """
    root = _declared(parse(text, root="node", what=what))
    for tag in _INCLUDABLE:
        for element in root.findall(tag):
            _include(element, read, what)
    for element in root.findall("pool/volume"):
        _include(element, read, what)
    node = Node(root, seed)
    _complete_guests(node, what)
    for tag in ("network", "pool"):
        _complete_objects(root, tag, what, seed)
    _complete_nets(node, what)
    return root


def _declared(read: Element) -> Element:
    """The root with our namespaces declared on it, so that they do not stand on every guest."""
    if read.nsmap.get("corral") == OURS:
        return read
    root = parse(f"<node xmlns:test='{LIBVIRT}' xmlns:corral='{OURS}'/>")
    root.attrib.update({str(key): str(value) for key, value in read.attrib.items()})
    root.extend(list(read))
    return root


def _include(element: Element, read: Optional[Read], what: str) -> None:
    path = element.get("file")
    if path is None:
        return
    if read is None:
        raise XmlError(f"the {what} refers to the file {path!r}, and can only hold whole documents.")
    included = parse(read(path), root=str(element.tag), what=f"{path} of the {what}")
    parent = element.getparent()
    if parent is None:
        raise AssertionError("parent is not there")
    for child in element:  # the volumes of a pool stand in the element that refers to the pool
        included.append(child)
    parent.replace(element, included)


def _complete_guests(node: Node, what: str) -> None:
    names: Dict[str, str] = {}
    for guest in node.guests():
        try:
            guest.replace(normalise(guest.document(inactive=True), None, seed=node.seed))
        except CorralError as error:
            raise XmlError(f"a guest in the {what} cannot be used: {error.message}", hint=error.hint) from None
        guest.check_state(what)
        for key in (guest.name, guest.uuid):
            if key in names:
                raise XmlError(f"the {what} has two guests with the name or uuid {key}; give one of them another.")
            names[key] = guest.name
    without = [guest for guest in node.guests() if guest.active and guest.runtime.id is None]
    for number, guest in enumerate(without, node.next_id(len(without)) if without else 0):
        guest.facts().id = number


def _complete_objects(root: Element, tag: str, what: str, seed: str) -> None:
    for element in root.findall(tag):
        name = (element.findtext("name") or "").strip()
        if not name:
            raise XmlError(f"a <{tag}> in the {what} has no <name>.", line=View(element).line)
        uuid = element.find("uuid")
        if uuid is None:
            uuid = parse("<uuid/>")
            element.insert(1, uuid)
        uuid.text = parse_uuid(uuid.text) if uuid.text else derived_uuid(seed, tag, name)


def _complete_nets(node: Node, what: str) -> None:
    names: Dict[str, str] = {}
    for net in node.nets():
        try:
            net.replace(node.complete_net(net.document(inactive=True)))
        except CorralError as error:
            raise XmlError(f"a network in the {what} cannot be used: {error.message}", hint=error.hint) from None
        if net.name in names:
            raise XmlError(f"the {what} has two networks named {net.name}; give one of them another name.")
        names[net.name] = net.uuid
