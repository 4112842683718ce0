# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of objects, and their documents: one that is damaged hides no other, and never counts as absent.

It is in the list with its ``error``, and with what can still be told of it. What is looked for by uuid and may be it is
not said to be missing, and where others are compared with it, that is done with what is left of its documents.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Protocol, Sequence, TypeVar

from ..errors import CorralError, HostError, InvalidArgument, NotFound, OperationInvalid, XmlError
from ..values import parse_uuid
from ..xml.parse import Element, add, parse_bytes, remains
from .api import Domain, HypervisorDriver
from .store import Store

# What documents of a kind begin with.
ROOTS: Dict[str, str] = {"domain": "domain", "network": "network", "pool": "pool", "secret": "secret"}
ROOTS["nwfilter"] = "filter"


class Looked(Protocol):
    """What is in a list: ``error`` says why an object could not be looked at."""

    @property
    def uuid(self) -> str: ...

    @property
    def error(self) -> Optional[CorralError]: ...


T = TypeVar("T")
L = TypeVar("L", bound=Looked)


def listed(names: Iterable[str], look: Callable[[str], T], damaged: Callable[[str, CorralError], T]) -> List[T]:
    """Return what ``look`` says of each, and ``damaged`` of one that it fails for; what is gone by then is left out."""
    found: List[T] = []
    for name in names:
        try:
            found.append(look(name))
        except NotFound:
            continue
        except CorralError as error:
            found.append(damaged(name, error))
    return found


def of_uuid(objects: Sequence[L], reference: str) -> Optional[L]:
    """Return the object of a uuid, None where there is none or it is none; raises the error of one that may be it."""
    try:
        uuid = parse_uuid(reference)
    except InvalidArgument:
        return None
    found = next((each for each in objects if each.uuid == uuid), None)
    if found is not None:
        if found.error is not None:
            raise found.error
        return found
    check_told([each.error for each in objects if not each.uuid], reference)
    return None


def check_told(errors: Iterable[Optional[CorralError]], reference: str) -> None:
    """Raise HostError where something may be what is looked for, and nothing can be told of it."""
    for error in errors:
        if error is not None:
            raise HostError(f"It cannot be told what '{reference}' is: {error.message}", hint=error.hint)


def persistent(store: Store, name: str) -> Optional[Element]:
    """The persistent document of an object, or None; raises XmlError, whose hint says what to do about the file."""
    path = store.config_path(name)
    hint = f"Mend {path}, or put it back from a backup."
    return _parsed(store, store.read_config(name), f"definition {path}", hint)


def live(store: Store, name: str, hint: str) -> Optional[Element]:
    """The live document of an object, or None; ``hint`` is what to do about one that is damaged."""
    return _parsed(store, store.read_live(name), f"live document {store.live_path(name)}", hint)


def _parsed(store: Store, data: Optional[bytes], what: str, hint: str) -> Optional[Element]:
    try:
        return None if data is None else parse_bytes(data, root=ROOTS[store.kind], what=what)
    except XmlError as error:
        error.hint = f"{error.hint} {hint}" if error.hint else hint
        raise


def left_of(store: Store, name: str) -> List[Element]:
    """All that can be told of an object by its files, the live one first, whatever state they and its status are in."""
    found: List[Element] = []
    for path in (store.live_path(name), store.config_path(name)):
        with suppress(CorralError):
            data = store.host.read(path)
            rest = None if data is None else remains(data, root=ROOTS[store.kind])
            found += [] if rest is None else [_named(rest, store.kind, name)]
    return found


def _named(document: Element, kind: str, name: str) -> Element:
    """A document with the name that its file has, which is the one that counts."""
    if kind == "nwfilter":
        document.set("name", name)
        return document
    tag = "uuid" if kind == "secret" else "name"
    for old in document.findall(tag):
        document.remove(old)
    add(document, tag).text = name
    return document


class Told(NamedTuple):
    """What can be told of a guest that another driver asks about; without ``whole`` it may use other things as well."""

    guest: str
    document: Optional[Element]
    whole: bool = True


def told(hypervisor: HypervisorDriver, guest: Domain, *, inactive: bool = False) -> List[Told]:
    """Return a guest's document, or what is left of a damaged one; nothing of a guest that has ended meanwhile."""
    try:
        return [Told(guest.name, hypervisor.domain_xml(guest.name, inactive=inactive))]
    except (NotFound, OperationInvalid):
        return []
    except CorralError:
        left = hypervisor.domain_remains(guest.name)
        return [Told(guest.name, each, whole=False) for each in left] or [Told(guest.name, None, whole=False)]


def active_told(hypervisor: HypervisorDriver) -> Iterator[Told]:
    """What can be told of all active guests, by their live documents."""
    return (each for guest in hypervisor.list_domains() if guest.active for each in told(hypervisor, guest))


def all_told(hypervisor: HypervisorDriver, guest: Domain) -> List[Told]:
    """What can be told of a guest by each of its documents: of an active one the live one, and the definition."""
    which = (False, True) if guest.active else (True,)
    return [each for inactive in which for each in told(hypervisor, guest, inactive=inactive)]


def uuid_left(store: Store, name: str) -> str:
    """The uuid that is in the files of a damaged object, empty where none is."""
    for document in left_of(store, name):
        with suppress(InvalidArgument):
            return parse_uuid(document.findtext("uuid") or "")
    return ""


def may_be_live(store: Store, name: str) -> bool:
    """Whether an object is live; one whose status cannot be understood may well be."""
    try:
        return store.is_live(name)
    except CorralError:
        return True
