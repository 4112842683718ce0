# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first <serial> and the first <console> of type serial are one port by two names.

Source of the rule: libvirt's formatdomain, "Console": where one of the two is missing it is copied from the other.
"""

from __future__ import annotations

from typing import Dict, List

from ....errors import XmlError
from ....model.domain.core import Domain
from ....xml.parse import Element, add, clone
from ..context import Context


def mirror_console(domain: Domain, context: Context) -> None:
    """Write the missing one of the two, and let the console say what the port says; raises XmlError where they differ.

    It is done again when addresses are given out, because the console repeats the port's.
    """
    devices = domain.devices()
    serial, console = devices.find("serial"), devices.find("console")
    if console is not None and _is_serial(console):
        if serial is None:
            serial = _copy_as(console, "serial")
            devices.insert(devices.index(console), serial)
        _check_alike(serial, console)
        target = console.find("target")
        port = "0" if target is None else target.get("port", "0")
        devices[devices.index(console)] = _copy_as(serial, "console", port)
    elif serial is not None and not serial.xpath("target[@type='isa-debug']"):
        devices.insert(devices.index(serial) + 1, _copy_as(serial, "console"))


def _is_serial(console: Element) -> bool:
    target = console.find("target")
    return target is None or target.get("type", "serial") == "serial"


def _check_alike(serial: Element, console: Element) -> None:
    """A contradiction would otherwise be settled in silence, for one of the two."""
    port, other = serial.get("type"), console.get("type")
    # the name of a terminal is given out at each start
    same_source = port == "pty" or all(_agree(*pair) for pair in zip(_sources(console), _sources(serial)))
    if port == other and same_source:
        return
    what = f"type '{other}'" if port != other else "another <source>"
    raise XmlError(
        f"the first <console> has {what} than the first <serial> has, and both are one port.",
        line=console.sourceline,
        hint="Remove the <console>, or write the same in both.",
    )


def _sources(device: Element) -> List[Dict[str, str]]:
    return [{str(name): str(value) for name, value in source.attrib.items()} for source in device.findall("source")]


def _agree(console: Dict[str, str], serial: Dict[str, str]) -> bool:
    """Whether all that the console says of a source is what the port says."""
    return all(serial.get(name) == value for name, value in console.items())


def _copy_as(device: Element, tag: str, port: str = "0") -> Element:
    """The same backend as another kind of device, at a port."""
    copy = clone(device)
    copy.tag = tag
    for part in copy.findall("target"):
        copy.remove(part)
    if tag == "console":
        add(copy, "target", type="serial", port=port)
    return copy
