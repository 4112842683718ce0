# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading documents: lxml with everything switched off that a hostile document could use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Optional

from ..errors import MissingLibrary, XmlError

if TYPE_CHECKING:
    import lxml.etree
    from lxml.etree import _Element

    etree = lxml.etree
    Element = _Element
else:
    Element = Any
    try:
        from lxml import etree
    except ImportError:  # a bare host: said by need_lxml() at the first document, with the way to install it
        etree = None

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 48
# What is as many levels below a root as it may have with itself.
TOO_DEEP = "/".join("*" * MAX_DEPTH)
# A DOCTYPE with what it declares.
DECLARED = re.compile(rb"<!DOCTYPE[^>\[]*(\[[^\]]*\]\s*)?>")


def need_lxml() -> None:
    """Raise MissingLibrary unless lxml can be used."""
    if etree is None:
        raise MissingLibrary("lxml", hint="Install the package python3-lxml, or lxml for this interpreter with pip.")


def parse(text: str, *, root: Optional[str] = None, what: str = "document") -> Element:
    """Return the root element of a document without comments, blank text and processing instructions.

    ``root`` is the tag that the document must have. Raises XmlError for what is not well-formed, for a DOCTYPE (and
    so for every entity), and for documents above 4 MiB or 48 levels.
    """
    need_lxml()
    data = text.strip().encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise XmlError(f"the {what} has {len(data)} bytes; at most {MAX_BYTES} are read.")
    if "\0" in text:
        raise XmlError(f"the {what} holds a NUL byte.")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise XmlError(f"the {what} has a DOCTYPE; documents with entities are not read.", hint="Remove the DOCTYPE.")
    element = _read(data, what)
    if root is not None and element.tag != root:
        raise XmlError(f"the {what} begins with <{element.tag}>, and <{root}> was expected.", line=element.sourceline)
    _check_depth(element, what)
    return element


def parse_bytes(data: bytes, *, root: str, what: str) -> Element:
    """Return the root element of a document that was kept as UTF-8; raises XmlError for what is none."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XmlError(f"the {what} is not UTF-8 text.", line=1 + data.count(b"\n", 0, error.start)) from None
    return parse(text, root=root, what=what)


def remains(data: bytes, *, root: str) -> Optional[Element]:
    """Return what can still be told of a damaged document, None for nothing: for looking, and never to be kept."""
    need_lxml()
    text = data[:MAX_BYTES].replace(b"\0", b"").strip()
    if text.count(b"<!DOCTYPE") > 1:  # no document has two, and each would cost a look at all that follows
        return None
    text = DECLARED.sub(b"", text)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        return None
    try:
        found = etree.fromstring(_without_declaration(text), parser=_reader(recover=True))
    except (etree.XMLSyntaxError, ValueError):
        return None
    return found if found is not None and found.tag == root and found.find(TOO_DEEP) is None else None


def _reader(*, recover: bool = False) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        encoding="utf-8",
        recover=recover,
    )


def _read(data: bytes, what: str) -> Element:
    try:
        return etree.fromstring(_without_declaration(data), parser=_reader())
    except etree.XMLSyntaxError as error:
        line = error.position[0] if error.position else None
        raise XmlError(f"the {what} is not well-formed XML: {error.msg}.", line=line) from None


def _without_declaration(data: bytes) -> bytes:
    """Blank out an XML declaration: the text came as characters, whatever encoding it once was in."""
    if not data.startswith(b"<?xml "):
        return data
    head, end, rest = data.partition(b"?>")
    return b"\n" * head.count(b"\n") + rest if end else data


def _check_depth(root: Element, what: str) -> None:
    found = root.find(TOO_DEEP)
    if found is not None:
        raise XmlError(f"the {what} nests deeper than {MAX_DEPTH} levels.", line=found.sourceline)


def new_element(tag: str, **attributes: str) -> Element:
    """Return an element of its own; attribute names that are Python words may end in an underscore."""
    need_lxml()
    return etree.Element(tag, {name.rstrip("_"): value for name, value in attributes.items()})


def add(parent: Element, tag: str, **attributes: str) -> Element:
    """Append a child element and return it."""
    child = new_element(tag, **attributes)
    parent.append(child)
    return child


def clone(element: Element) -> Element:
    """Return a deep copy that stands alone."""
    from copy import deepcopy

    return deepcopy(element)


def tidy(element: Element) -> Element:
    """Take away the namespace declarations that nothing below the element uses, and return it."""
    etree.cleanup_namespaces(element)
    return element
