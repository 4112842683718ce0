# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guest's firmware is told: SMBIOS tables, fw_cfg files, the generation id, where crash dumps find notes.

Source of the rules: libvirt's formatdomain, "SMBIOS System Information" and "General metadata", and QEMU's
qemu-options, "-smbios" and "-fw_cfg".
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from ....model.domain.core import Domain
from ....values import scale
from ....xml.parse import Element
from ..context import Context
from ..options import Option, keyval

# element of <sysinfo>: the type of its table, and its entries in order
TABLES: Dict[str, Tuple[int, Tuple[str, ...]]] = {
    "bios": (0, ("vendor", "version", "date", "release")),
    "system": (1, ("manufacturer", "product", "version", "serial", "uuid", "sku", "family")),
    "baseBoard": (2, ("manufacturer", "product", "version", "serial", "asset", "location")),
    "chassis": (3, ("manufacturer", "version", "serial", "asset", "sku")),
}
OEM_STRINGS = 11


def sysinfo_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-smbios, -fw_cfg, and the devices of the generation id and of crash dumps."""
    yield from _smbios(domain)
    for entry in domain.element.findall("sysinfo[@type='fwcfg']/entry"):
        yield Option("-fw_cfg", _file(entry))
    if domain.genid and domain.genid_value:
        yield Option("-device", {"driver": "vmgenid", "guid": domain.genid_value, "id": "vmgenid0"})
    if domain.feature_state("vmcoreinfo") == "on":
        yield Option("-device", {"driver": "vmcoreinfo"})


def _file(entry: Element) -> Dict[str, str]:
    name, file = entry.get("name", ""), entry.get("file")
    return {"name": name, "file": file} if file is not None else {"name": name, "string": entry.text or ""}


def smbios_mode(domain: Domain) -> str:
    """Where the tables come from: emulate (QEMU's own), sysinfo or host."""
    found = domain.element.find("os/smbios")
    return "emulate" if found is None else found.get("mode", "emulate")


def _smbios(domain: Domain) -> Iterator[Option]:
    if smbios_mode(domain) != "sysinfo":
        return
    for tag, (number, names) in TABLES.items():
        for table in domain.element.findall(f"sysinfo[@type='smbios']/{tag}"):
            entries = {entry.get("name", ""): (entry.text or "").strip() for entry in table.findall("entry")}
            found = {name: entries[name] for name in names if entries.get(name)}
            if found:
                yield Option("-smbios", {"type": number, **found})
    strings = [entry.text or "" for entry in domain.element.findall("sysinfo[@type='smbios']/oemStrings/entry")]
    if strings:
        parts: List[str] = [f"type={OEM_STRINGS}", *(keyval({"value": text}) for text in strings)]
        yield Option("-smbios", ",".join(parts))


def tseg_options(domain: Domain, context: Context) -> Iterator[Option]:
    """The size of the memory that only SMM sees."""
    size = tseg_bytes(domain)
    if size is not None and domain.feature_state("smm") == "on":
        yield Option("-global", f"mch.extended-tseg-mbytes={size >> 20}")


def tseg_bytes(domain: Domain) -> Optional[int]:
    """The size that the document gives; without a unit it counts MiB."""
    found = domain.element.find("features/smm/tseg")
    if found is None or not (found.text or "").strip().isdigit():
        return None
    return scale(int((found.text or "").strip()), found.get("unit", "MiB"), what="<tseg>")
