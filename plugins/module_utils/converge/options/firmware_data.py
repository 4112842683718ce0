# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told to the guest's firmware, and to QEMU past everything else: SMBIOS, fw_cfg, arguments.

Source of the meanings: libvirt's formatdomain, "SMBIOS System Information", and its drvqemu page on qemu:commandline.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import InvalidArgument
from ...model.domain.passthrough import NAMESPACE, qualified
from ...xml.parse import Element, add
from .write import Builder, Options, absolute, each, listed, part, text

# option -> the element of <sysinfo>, and the names of its entries
BLOCKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "bios": ("bios", ("vendor", "version", "date", "release")),
    "system": ("system", ("manufacturer", "product", "version", "serial", "sku", "family")),
    "board": ("baseBoard", ("manufacturer", "product", "version", "serial", "asset", "location")),
    "chassis": ("chassis", ("manufacturer", "version", "serial", "asset", "sku")),
}
FW_CFG_PREFIX = "opt/"


def smbios(domain: Element, options: Options) -> None:
    """The tables by which a guest knows what it runs on."""
    asked = options.get("smbios") or {}
    found = {name: _entries(name, asked[name]) for name in BLOCKS if asked.get(name)}
    strings = asked.get("oem_strings") or []
    if not found and not strings:
        return
    element = add(domain, "sysinfo", type="smbios")
    for name, entries in found.items():
        block = add(element, BLOCKS[name][0])
        for key, value in entries.items():
            text(block, "entry", value, name=key)
    for value in strings:
        text(part(element, "oemStrings"), "entry", value)
    part(domain, "os/smbios").set("mode", "sysinfo")


def _entries(block: str, asked: Mapping[str, object]) -> dict[str, str]:
    known = BLOCKS[block][1]
    unknown = sorted(str(name) for name in asked if name not in known)
    if unknown:
        raise InvalidArgument(f"smbios.{block}: {unknown[0]} is none of its fields; write {listed(list(known), 'or')}.")
    return {name: str(asked[name]) for name in known if asked.get(name) is not None}


def fw_cfg(domain: Element, options: Options) -> None:
    """Values and files that a guest finds by their names."""
    entries = each(options, "fw_cfg")
    names = [entry["name"] for _what, entry in entries]
    element = add(domain, "sysinfo", type="fwcfg") if entries else domain
    for what, entry in entries:
        name, value, file = entry["name"], entry.get("value"), entry.get("file")
        if not name.startswith(FW_CFG_PREFIX) or names.count(name) > 1:
            raise InvalidArgument(
                f"{what}: the name {name} does not fit; write each once, beginning with {FW_CFG_PREFIX}, such as"
                f" {FW_CFG_PREFIX}com.example/role."
            )
        if bool(value) == bool(file):
            raise InvalidArgument(f"{what}: write either value or file.")
        if file:
            add(element, "entry", name=name, file=absolute(file, f"{what}: file"))
        else:
            text(element, "entry", str(value), name=name)


def commandline(domain: Element, options: Options) -> None:
    """Arguments for QEMU that no option stands for."""
    arguments = options.get("qemu_commandline") or []
    if not arguments:
        return
    element = domain.makeelement(qualified("commandline"), {}, {"qemu": NAMESPACE})
    domain.append(element)
    for argument in arguments:
        add(element, qualified("arg"), value=argument)


BUILDERS: tuple[Builder, ...] = (smbios, fw_cfg, commandline)
