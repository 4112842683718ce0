# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redirected USB devices, and the filter that says which ones may be.

Source of the rules: libvirt's formatdomain, "Redirected devices", and usb-redir's filter format.
"""

from __future__ import annotations

from typing import Iterator, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.remote import Redirdev, Redirfilter, RedirRule
from ....xml.views import check_choice
from ..command.address import usb_properties
from ..command.chardev import BACKENDS, chardev_options
from ..context import Context
from ..kinds import USB, Kind
from ..options import Option, properties

EVERY = -1


def _complete(device: Redirdev, domain: Domain, context: Context) -> None:
    if device.bus is None:
        device.bus = "usb"
    if device.type == "tcp" and device.protocol is None:
        device.protocol = "raw"


def _bus(device: Redirdev, domain: Domain, context: Context) -> str:
    return USB


def _check(device: Redirdev, domain: Domain, context: Context) -> None:
    if device.bus != "usb":
        raise XmlError(
            f"<redirdev bus='{device.bus}'> is not 'usb', which is all that can be redirected.", line=device.line
        )
    check_choice(device, "type", device.type, BACKENDS)
    if not context.caps.has_device("usb-redir"):
        raise UnsupportedConfig(
            f"{context.caps.binary} cannot redirect USB devices.", line=device.line, hint="Remove the <redirdev>."
        )


def _write(device: Redirdev, domain: Domain, context: Context) -> Iterator[Option]:
    yield from chardev_options(device, domain, context)
    rules = [rule for found in domain.all(Redirfilter) for rule in found.rules]
    own = {
        "driver": "usb-redir",
        "chardev": f"char{device.id()}",
        "id": device.id(),
        "filter": "|".join(filter_rule(rule) for rule in rules) or None,
        "bootindex": device.boot_order,
    }
    yield Option("-device", properties(own, usb_properties(device, domain)))


REDIRDEV = Kind(
    Redirdev, _write, complete=_complete, check=_check, bus=_bus, alias=lambda device, index, domain: f"redir{index}"
)


# the filter


def filter_rule(rule: RedirRule) -> str:
    """A rule in usb-redir's own form: class, vendor, product, version, whether it is allowed."""
    parts = (
        _hex(_number(rule.device_class, "class", rule), 2),
        _hex(_number(rule.vendor, "vendor", rule), 4),
        _hex(_number(rule.product, "product", rule), 4),
        _hex(_version(rule.version, rule), 4),
        str(int(bool(rule.allow))),
    )
    return ":".join(parts)


def _hex(value: int, width: int) -> str:
    return str(EVERY) if value == EVERY else f"0x{value:0{width}X}"


def _number(text: Optional[str], name: str, rule: RedirRule) -> int:
    if text is None or text == "-1":
        return EVERY
    try:
        return int(text, 0)
    except ValueError:
        raise XmlError(f"the {name} of a <usbdev> is '{text}', and is a number such as 0x08.", line=rule.line) from None


def _version(text: Optional[str], rule: RedirRule) -> int:
    """JJ.MN as USB's binary-coded decimal: 1.09 is 0x0109, and 9.4 is 0x0940."""
    if text is None or text == "-1":
        return EVERY
    major, _dot, minor = text.partition(".")
    if not major.isdigit() or int(major) > 99 or (minor and not minor.isdigit()) or len(minor) > 2:
        raise XmlError(f"the version of a <usbdev> is '{text}', and is written as 1.09.", line=rule.line)
    return int(major, 16) << 8 | int((minor or "0").ljust(2, "0"), 16)


def _complete_filter(found: Redirfilter, domain: Domain, context: Context) -> None:
    for rule in found.rules:
        number = _version(rule.version, rule)
        if number != EVERY:
            rule.version = f"{number >> 8:x}.{number & 0xFF:02x}"
        for name, width in (("device_class", 2), ("vendor", 4), ("product", 4)):
            value = _number(getattr(rule, name), name.replace("device_", ""), rule)
            setattr(rule, name, None if value == EVERY else _hex(value, width))


def _check_filter(found: Redirfilter, domain: Domain, context: Context) -> None:
    if len(domain.all(Redirfilter)) > 1:
        raise XmlError("a guest has one <redirfilter>; put all rules into it.", line=found.line)
    for rule in found.rules:
        filter_rule(rule)
        if rule.allow is None:
            raise XmlError("a <usbdev> of <redirfilter> says allow='yes' or allow='no'.", line=rule.line)


def _write_filter(found: Redirfilter, domain: Domain, context: Context) -> Iterator[Option]:
    yield from ()  # each usb-redir has the filter as a property


REDIRFILTER = Kind(Redirfilter, _write_filter, complete=_complete_filter, check=_check_filter)
