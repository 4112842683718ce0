# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a guest starts: firmware, boot order and menu, a kernel given directly.

Source of the meanings: libvirt's formatdomain, "BIOS bootloader" and "Direct kernel boot".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from .forms import Form, one_of, path
from .write import Builder, Options, absolute, part, put, text, yes_no

BIOS, UEFI, SECURE = "bios", "uefi", "uefi-secure"
FIRMWARE = Form(
    "firmware",
    "type",
    {
        "type": one_of(BIOS, UEFI, SECURE),
        "loader": path,
        "nvram": path,
        "nvram_template": path,
        "format": one_of("raw", "qcow2"),
    },
)
# The features by which a firmware is chosen. A guest of `uefi` must start whatever its loader is signed with, so no
# keys may be enrolled; whether the firmware could check signatures does not matter.
FEATURES: Mapping[str, Mapping[str, bool]] = {
    UEFI: {"enrolled-keys": False},
    SECURE: {"secure-boot": True, "enrolled-keys": True},
}
# what people call it -> <boot dev='...'>
DEVICES = {"disk": "hd", "cdrom": "cdrom", "network": "network", "floppy": "fd"}
LONGEST_MENU = 65  # seconds; QEMU counts milliseconds in 16 bits


def firmware(domain: Element, options: Options) -> None:
    """BIOS says nothing: it is what a machine has. UEFI is chosen by the host's descriptors, or named."""
    asked = FIRMWARE.read(options.get("firmware"))
    if asked is None:
        return
    kind = asked.get("type", UEFI)
    if kind == BIOS:
        _bios(domain, asked)
        return
    _check_machine(kind, options)
    holder = part(domain, "os")
    if "loader" in asked:
        _loader(domain, asked, secure=kind == SECURE)
    else:
        holder.set("firmware", "efi")
        for name, wanted in FEATURES[kind].items():
            add(part(holder, "firmware"), "feature", enabled=yes_no(wanted), name=name)
        if "format" in asked:
            put(part(holder, "loader"), {"type": "pflash", "readonly": True, "format": asked["format"]})
    _variables(holder, asked)


def _bios(domain: Element, asked: Mapping[str, Any]) -> None:
    wrong = [name for name in ("nvram", "nvram_template", "format") if name in asked]
    if wrong:
        raise InvalidArgument(f"firmware: a bios has no {wrong[0]}; write type uefi, or leave {wrong[0]} out.")
    if "loader" in asked:
        text(part(domain, "os"), "loader", asked["loader"], type="rom")


def _check_machine(kind: str, options: Options) -> None:
    machine = options.get("machine") or "q35"
    if kind == SECURE and (machine == "pc" or machine.startswith(("pc-i440", "pc-0", "pc-1"))):
        raise InvalidArgument(
            f"firmware: {SECURE} and machine {machine} contradict each other: its memory cannot be protected from the"
            " guest; write machine q35, or leave machine out."
        )


def _loader(domain: Element, asked: Mapping[str, Any], *, secure: bool) -> None:
    element = text(part(domain, "os"), "loader", asked["loader"])
    put(element, {"readonly": True, "secure": secure or None, "type": "pflash", "format": asked.get("format")})
    if secure:
        part(domain, "features/smm").set("state", "on")


def _variables(holder: Element, asked: Mapping[str, Any]) -> None:
    if "nvram" in asked or "nvram_template" in asked:
        element = put(part(holder, "nvram"), {"template": asked.get("nvram_template")})
        element.text = asked.get("nvram")


def boot(domain: Element, options: Options) -> None:
    """An order by kinds of devices, or one by single devices (boot_order), never both; and a menu."""
    asked = options.get("boot") or {}
    order = asked.get("order") or []
    _check_order(options, order)
    for name in order:
        add(part(domain, "os"), "boot", dev=DEVICES[name])
    seconds = asked.get("menu_timeout")
    if seconds is not None and not asked.get("menu"):
        raise InvalidArgument("boot: menu_timeout is for a menu; write menu: true too, or leave it out.")
    if seconds is not None and not 0 <= seconds <= LONGEST_MENU:
        raise InvalidArgument(f"boot: menu_timeout: {seconds} seconds; write 0 to {LONGEST_MENU}.")
    if asked.get("menu") is not None:
        element = put(part(domain, "os/bootmenu"), {"enable": asked["menu"]})
        put(element, {"timeout": None if seconds is None else seconds * 1000})


def _check_order(options: Options, order: list[str]) -> None:
    devices = [*(options.get("disks") or []), *(options.get("interfaces") or [])]
    places = [device["boot_order"] for device in devices if device.get("boot_order") is not None]
    if order and places:
        raise InvalidArgument("boot: order and boot_order of a device contradict each other; write one of them.")
    double = sorted({place for place in places if places.count(place) > 1})
    if double:
        raise InvalidArgument(f"boot_order: {double[0]} is given to two devices; write each place once.")
    if len(set(order)) != len(order):
        raise InvalidArgument("boot: order names a kind of device twice; write each once.")


def kernel(domain: Element, options: Options) -> None:
    """A kernel, its RAM disk and its command line."""
    for name in ("kernel", "initrd"):
        if options.get(name):
            text(part(domain, "os"), name, absolute(options[name], name))
    if options.get("cmdline"):
        text(part(domain, "os"), "cmdline", options["cmdline"])


BUILDERS: tuple[Builder, ...] = (firmware, kernel, boot)
