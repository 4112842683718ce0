# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written in several ways is written in one, and what only a running guest has is left out.

Source of the rules: libvirt's formatdomain, the section of each.
"""

from __future__ import annotations

import re
from typing import Iterator, Set

from ....errors import XmlError
from ....model.domain.core import Domain
from ....xml.parse import Element, add
from ..context import Context

CHARACTER_DEVICES = ("serial", "parallel", "console", "channel", "smartcard", "redirdev")
# where libvirt puts the sockets that it makes up itself: a document that comes from there may name them
MADE_UP = ("/var/lib/libvirt/qemu/channel", "/var/run/libvirt/qemu/channel", "/run/libvirt/qemu/channel")

LIBVIRT_SOCKET = r"(target/)?([^/]+\.|domain-[^/]+/|\d+-[^/]+/)"


def settle(domain: Domain, context: Context) -> None:
    """Bring a document into the form in which it is kept."""
    for device in _character_devices(domain):
        _settle_protocol(device)
    for channel in domain.element.findall("devices/channel"):
        _settle_channel(channel, context)
    _settle_features(domain)
    _settle_labels(domain)
    _settle_metadata(domain)


def _character_devices(domain: Domain) -> Iterator[Element]:
    for tag in CHARACTER_DEVICES:
        yield from domain.element.findall(f"devices/{tag}")
    yield from domain.element.findall("devices/rng/backend[@type]")


def _settle_protocol(device: Element) -> None:
    """TCP has a protocol, and nothing else has."""
    found = device.find("protocol")
    if device.get("type") == "tcp" and found is None:
        add(device, "protocol", type="raw")
    elif device.get("type") != "tcp" and found is not None:
        device.remove(found)


def _settle_channel(channel: Element, context: Context) -> None:
    """Whether somebody is connected, and the path of a socket that we make up, are of one run of a guest."""
    target, source = channel.find("target"), channel.find("source")
    if target is not None:
        target.attrib.pop("state", "")
    virtual = target is not None and target.get("type") == "virtio"
    if channel.get("type") != "unix" or source is None or not virtual or target is None:
        return
    if _is_made_up(source.get("path") or "", target.get("name") or "", context):
        source.attrib.pop("path")
        source.set("mode", "bind")
        if source.find("reconnect") is not None:
            raise XmlError("<reconnect> needs a path of yours; this one is made up.", line=source.sourceline)
    if not source.get("path") and source.get("mode", "bind") == "bind" and len(source) == 0:
        channel.remove(source)


def _is_made_up(path: str, name: str, context: Context) -> bool:
    """Whether a path is one of ours or libvirt's for a channel of that name."""
    if not name:
        return False
    if path == f"{context.channels}/channel-{name}":
        return True
    below = next((path[len(place) + 1 :] for place in MADE_UP if path.startswith(f"{place}/")), "")
    return re.fullmatch(LIBVIRT_SOCKET + re.escape(name), below) is not None


def _settle_features(domain: Domain) -> None:
    hyperv, pmu = domain.feature("hyperv"), domain.feature("pmu")
    if hyperv is not None and hyperv.get("mode") is None:
        hyperv.set("mode", "custom")
    if pmu is not None and pmu.get("state") is None:
        pmu.set("state", "on")


def _settle_labels(domain: Domain) -> None:
    """A label without a model is the host's business, and there is no security driver on it; labels given out go."""
    for label in domain.element.findall("seclabel"):
        for given in label.findall("imagelabel"):
            label.remove(given)
        if label.get("model") is None:
            label.attrib.clear()
            label[:] = []
            label.set("type", "none")
            label.set("model", "none")


def _settle_metadata(domain: Domain) -> None:
    """Each application has one element in a namespace of its own; the first counts."""
    holder = domain.element.find("metadata")
    seen: Set[str] = set()
    if holder is None:
        return
    for found in list(holder):
        space = str(found.tag).partition("}")[0] if str(found.tag).startswith("{") else ""
        if not space or space in seen:
            holder.remove(found)
        seen.add(space)
