# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network cards whose other end is a link of the host: a tap on a bridge, a macvtap, a tap that is left alone.

QEMU gets them open, as descriptors, and so needs no right to make any. A row a type says what its <source> must have.
Source of the rules: libvirt's formatdomain, "Network interfaces".
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.identity import forget_links
from ....model.domain.interface import MACVTAP_MODES, Interface
from ....xml.parse import Element
from ....xml.views import View, check_choice, number_of
from ...links.guarded import FILTERED
from ..context import Context, Ends

VIRTIO_MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")
# What the kernel takes as a link's name: IFNAMSIZ with its end, no blank, no slash, no colon; see dev_valid_name().
LINK_NAME = re.compile(r"(?!\.{1,2}$)[^\s/:%]{1,15}")
MOST_QUEUES = 256  # MAX_TAP_QUEUES of the kernel
VLANS = range(4096)


def is_virtio(interface: Interface) -> bool:
    """Whether the guest sees a virtio card."""
    return interface.model in VIRTIO_MODELS


def is_tap(interface: Interface) -> bool:
    """Whether this file's rows write the card's other end; a network's is known as one of these when it starts."""
    return interface.type in SOURCES


def queue_count(interface: Interface) -> int:
    """How many queues the card has; only virtio cards can have several."""
    return max(interface.queues or 1, 1) if is_virtio(interface) else 1


def may_use_vhost(interface: Interface) -> bool:
    """Whether the kernel could carry the packets, past QEMU: for virtio cards that were not told otherwise."""
    return is_virtio(interface) and interface.driver != "qemu"


def tap_properties(interface: Interface, domain: Domain, context: Context) -> Mapping[str, Any]:
    """The -netdev; its descriptors are in the context by the card's id."""
    ends, count = context.taps.get(interface.id(), Ends(0)), queue_count(interface)
    several = "s" if count > 1 else ""
    own: Dict[str, Any] = {"type": "tap", f"fd{several}": _numbers(ends.tap, count)}
    if ends.vhost is not None and may_use_vhost(interface):
        own.update({"vhost": True, f"vhostfd{several}": _numbers(ends.vhost, count)})
    return {**own, "sndbuf": interface.sndbuf}


def _numbers(first: int, count: int) -> str:
    return ":".join(str(number) for number in range(first, first + count))


# what must be there


def _need_network(interface: Interface) -> None:
    if not interface.network:
        raise XmlError("an <interface type='network'> needs <source network='...'/>.", line=interface.line)


def _need_bridge(interface: Interface) -> None:
    if not interface.bridge:
        raise XmlError("an <interface type='bridge'> needs <source bridge='...'/>.", line=interface.line)


def _need_device(interface: Interface) -> None:
    if not interface.source_device:
        raise XmlError("an <interface type='direct'> needs <source dev='...' mode='...'/>.", line=interface.line)
    if interface.source_mode is not None:
        check_choice(interface, "source mode", interface.source_mode, MACVTAP_MODES)


def _need_target(interface: Interface) -> None:
    if interface.managed is False and not interface.target:
        raise XmlError("a <target managed='no'> needs the dev of a link that is there.", line=interface.line)


SOURCES: Mapping[str, Callable[[Interface], None]] = {
    "network": _need_network,
    "bridge": _need_bridge,
    "direct": _need_device,
    "ethernet": _need_target,
}


def check_tap(interface: Interface) -> None:
    """Raise XmlError for an end that could not be made."""
    SOURCES[interface.type or ""](interface)
    for what, name in (
        ("target dev", interface.target),
        ("source bridge", interface.bridge),
        ("source dev", interface.source_device),
    ):
        if name is not None and not LINK_NAME.fullmatch(name):
            raise XmlError(
                f"{what}='{name}' cannot be a link's name: 1 to 15 characters without '/', ':', '%' or blanks.",
                line=interface.line,
            )
    if (interface.queues or 0) > MOST_QUEUES:
        raise XmlError(f"a card has {MOST_QUEUES} queues at most, not {interface.queues}.", line=interface.line)
    for tag in interface.element.findall("vlan/tag"):
        _check_tag(tag)


def check_filter(interface: Interface) -> None:
    """Raise XmlError for a filter of a card whose packets none can see, and for one that cannot be told."""
    found = interface.element.find("filterref")
    if found is None:
        return
    if interface.type not in FILTERED:
        raise XmlError(
            f"a <filterref> is not supported for an interface of type '{interface.type}', but for "
            f"{', '.join(FILTERED)}.",
            line=found.sourceline,
        )
    if not interface.filter:
        raise XmlError(
            "a <filterref> needs the name of its filter, as <filterref filter='...'/>.", line=found.sourceline
        )
    for parameter in found.iterfind("parameter"):
        if not parameter.get("name") or parameter.get("value") is None:
            raise XmlError("a <parameter> of a filter needs a name and a value.", line=parameter.sourceline)
        from ....model.nwfilter.variables import misnamed  # most cards have no filter

        said = misnamed(parameter.get("name") or "", parameter.get("value") or "")
        if said:
            raise XmlError(f"a <parameter> of a filter has {said}.", line=parameter.sourceline)


def _check_tag(tag: Element) -> None:
    number = number_of(View(tag), "id", tag.get("id") or "")
    if number not in VLANS:
        raise XmlError(f"<tag id='{number}'> is no VLAN: they are 0 to {VLANS[-1]}.", line=tag.sourceline)


def check_only_ethernet(interface: Interface) -> None:
    """Raise XmlError for what only a tap that nobody attaches can have; also for cards of other files' types."""
    if interface.type == "ethernet":
        return
    scripts = [tag for tag in ("script", "downscript") if interface.element.find(tag) is not None]
    if scripts and is_tap(interface):
        raise XmlError(f"only an <interface type='ethernet'> has a <{scripts[0]}>.", line=interface.line)
    if interface.managed is False:
        raise XmlError("only an <interface type='ethernet'> has a <target managed='no'>.", line=interface.line)
    if interface.element.find("source/ip") is not None or interface.element.find("source/route") is not None:
        raise XmlError("only an <interface type='ethernet'> has addresses and routes of the host.", line=interface.line)


# what is settled


def settle_interface(interface: Interface) -> None:
    """Leave out what is of one run only, and what its kind of card cannot have; as libvirt does."""
    forget_links(interface.element)
    if interface.port_id is not None:
        interface.port_id = None
    if (interface.queues or 0) <= 1:
        interface.queues = None
    if not is_virtio(interface):
        _drop(interface.element, "driver")
        _forget(interface.element, "backend", "vhost")
    _settle_coalesce(interface.element)


def _settle_coalesce(element: Element) -> None:
    """How many packets a card gathers is said by one number above 0."""
    found = element.find("coalesce")
    frames: List[Element] = [] if found is None else found.findall("rx/frames")
    if found is not None and not any(number_of(View(each), "max", each.get("max") or "0") for each in frames):
        element.remove(found)


def _drop(element: Element, tag: str) -> None:
    for found in element.findall(tag):
        element.remove(found)


def _forget(element: Element, tag: str, name: str) -> None:
    found = element.find(tag)
    if found is not None:
        found.attrib.pop(name, "")
        if not found.attrib and len(found) == 0:
            element.remove(found)
