# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces.

Source of the meanings: libvirt's formatdomain, "Network interfaces".
"""

from __future__ import annotations

from ...errors import InvalidArgument
from ...values import parse_mac
from ...xml.parse import Element, add
from .disks import boot_order
from .write import Builder, Options, device, each, listed


def interfaces(domain: Element, options: Options) -> None:
    """One interface after the other."""
    for what, interface in each(options, "interfaces"):
        _interface(device(domain, "interface"), interface, what)


def _interface(element: Element, interface: Options, what: str) -> None:
    named = [kind for kind in ("network", "bridge") if interface.get(kind)]
    kind = interface.get("type") or (named[0] if named else "user")
    if named and named != [kind]:
        raise InvalidArgument(f"{what}: {listed(sorted({kind, *named}))} contradict each other; write one of them.")
    if kind != "user" and not named:
        raise InvalidArgument(f"{what}: {kind} is missing; write the name of the {kind}.")
    element.set("type", kind)
    if interface.get("mac"):
        add(element, "mac", address=parse_mac(interface["mac"]))
    if kind != "user":
        add(element, "source", **{kind: interface[kind]})
    add(element, "model", type=interface.get("model") or "virtio")
    if interface.get("link"):
        add(element, "link", state=interface["link"])
    boot_order(element, interface)


BUILDERS: tuple[Builder, ...] = (interfaces,)
