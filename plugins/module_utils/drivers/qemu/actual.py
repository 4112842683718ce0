# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network's interface is while its guest runs: one on a bridge, a macvtap, or a device of the host.

The command line is written for what it is; the live document says that it is the network's, and where that put it.
Source of that form: what libvirt shows of a guest that runs.
"""

from __future__ import annotations

from typing import Iterator, Mapping, Tuple

from ...model.domain.interface import Interface
from ...xml.parse import Element, add, clone

# What the source of an interface of a network has while its guest runs, beside what the user wrote.
CHOSEN = ("bridge", "dev", "mode")

Actual = Mapping[int, Element]


def network_interfaces(document: Element) -> Iterator[Tuple[int, Interface]]:
    """Yield the interfaces of networks, each with its number among all interfaces."""
    for number, element in enumerate(document.findall("devices/interface")):
        if element.get("type") == "network":
            yield number, Interface(element)


def with_actual(document: Element, actual: Actual) -> Element:
    """Return a copy of a document in which interfaces, by their numbers, are what they are in truth."""
    copy = clone(document)
    for number, element in enumerate(copy.findall("devices/interface")):
        if number in actual:
            _replace(element, _placed(clone(actual[number]), element))
    return copy


def as_defined(running: Element, document: Element, actual: Actual) -> Element:
    """Return the live document of a guest: the running one, whose networks' interfaces are theirs again."""
    copy = clone(running)
    defined = document.findall("devices/interface")
    for number, element in enumerate(copy.findall("devices/interface")):
        if number in actual:
            _replace(element, _shown(clone(defined[number]), element))
    return copy


def _placed(actual: Element, element: Element) -> Element:
    """A card sits where it was put, whatever it is."""
    _bring(actual, element, ("alias", "address"))
    return actual


def _shown(defined: Element, running: Element) -> Element:
    _bring(defined, running, ("alias", "address"))
    source, found = defined.find("source"), running.find("source")
    if source is None or found is None:
        return defined
    for name in CHOSEN:
        value = found.get(name)
        if value is not None:
            source.set(name, value)
    _bring(source, found, ("address",))  # of a pool of devices
    return defined


def _bring(to: Element, element: Element, tags: Tuple[str, ...]) -> None:
    for tag in tags:
        found = element.find(tag)
        for old in to.findall(tag) if found is not None else ():
            to.remove(old)
        if found is not None:
            to.append(clone(found))


def _replace(old: Element, new: Element) -> None:
    parent = old.getparent()
    if parent is None:
        raise AssertionError("an interface has no parent")
    new.tail = old.tail
    parent.replace(old, new)


def set_target(document: Element, number: int, name: str) -> None:
    """Write the name of the link that the interface of a number has on the host."""
    element = document.findall("devices/interface")[number]
    target = element.find("target")
    (add(element, "target") if target is None else target).set("dev", name)
