# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that every floor shares: connection URIs, sizes, cpusets, MAC and PCI addresses."""

from __future__ import annotations

import re
import uuid as uuidlib
from dataclasses import dataclass
from typing import FrozenSet, Iterable, List, Optional, Set, Tuple

from .errors import InvalidArgument

# libvirt's formatdomain, "Memory Allocation": kB and friends are powers of 1000, KiB, k and K of 1024.
UNITS = {
    "": 1024,
    "b": 1,
    "byte": 1,
    "bytes": 1,
    "kb": 1000,
    "k": 1024,
    "kib": 1024,
    "mb": 1000**2,
    "m": 1024**2,
    "mib": 1024**2,
    "gb": 1000**3,
    "g": 1024**3,
    "gib": 1024**3,
    "tb": 1000**4,
    "t": 1024**4,
    "tib": 1024**4,
    "pb": 1000**5,
    "p": 1024**5,
    "pib": 1024**5,
    "eb": 1000**6,
    "e": 1024**6,
    "eib": 1024**6,
}
LARGEST = (1 << 63) - 1
# YAML 1.1, "Timestamp and sexagesimal numbers": digits between colons are a number to base 60.
SEXAGESIMAL = "Write it in quotes: without them YAML takes digits between colons for a number."


@dataclass(frozen=True)
class Uri:
    """A connection URI, taken apart: ``scheme[+transport]://[user@][host][:port]/path?query``.

    ``params`` keeps the query's order; names and values are unescaped.
    """

    scheme: str
    transport: Optional[str] = None
    user: Optional[str] = None
    host: Optional[str] = None
    port: Optional[int] = None
    path: str = ""
    params: Tuple[Tuple[str, str], ...] = ()

    def param(self, name: str) -> Optional[str]:
        """Return the last value of a query parameter, or None."""
        found = [value for key, value in self.params if key == name]
        return found[-1] if found else None


def scale(number: int, unit: str, *, what: str = "size") -> int:
    """Return ``number`` of ``unit`` in bytes; an empty unit is KiB, as in libvirt's memory elements."""
    factor = UNITS.get(unit.strip().lower())
    if factor is None:
        raise InvalidArgument(
            f"{what}: the unit {unit!r} is not known; write one of b, KiB, MiB, GiB, TiB, KB, MB, GB, TB."
        )
    if number * factor > LARGEST:
        raise InvalidArgument(f"{what}: {number} {unit} is beyond what can be counted (8 EiB).")
    return number * factor


def parse_size(text: str, *, default_unit: str = "b", what: str = "size") -> int:
    """Return the bytes that a text such as ``2GiB``, ``512M`` or ``1.5 GiB`` stands for."""
    match = re.fullmatch(r"\s*([0-9]{1,30})(?:\.([0-9]{1,30}))?\s*([A-Za-z]*)\s*", text)
    if not match:
        raise InvalidArgument(f"{what}: {text!r} is not a size; write a number and a unit, such as 2GiB or 512MiB.")
    whole, fraction, unit = match.group(1), match.group(2) or "", match.group(3) or default_unit
    part = int(fraction or "0") * scale(1, unit, what=what)
    return scale(int(whole), unit, what=what) + part // int(10 ** len(fraction))


def kib_up(size: int) -> int:
    """Return bytes as KiB, rounded up, as libvirt stores memory."""
    return -(-size // 1024)


def parse_cpuset(text: str, *, what: str = "cpuset") -> FrozenSet[int]:
    """Return the numbers of a list such as ``0-3,^2,8`` (libvirt's formatdomain, "CPU Allocation")."""
    wanted: Set[int] = set()
    unwanted: Set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\^)?([0-9]{1,9})(?:-([0-9]{1,9}))?\s*", part)
        if not match:
            raise InvalidArgument(f"{what}: {part!r} in {text!r} is not a number or a range such as 0-3.")
        low, high = int(match.group(2)), int(match.group(3) or match.group(2))
        if high < low or high > 1 << 16:
            raise InvalidArgument(f"{what}: the range {part!r} runs backwards or is too large.")
        (unwanted if match.group(1) else wanted).update(range(low, high + 1))
    return frozenset(wanted - unwanted)


def format_cpuset(numbers: Iterable[int]) -> str:
    """Return the shortest list of numbers and ranges, ascending."""
    ordered, parts = sorted(set(numbers)), []
    while ordered:
        run = 1
        while run < len(ordered) and ordered[run] == ordered[0] + run:
            run += 1
        parts.append(str(ordered[0]) if run == 1 else f"{ordered[0]}-{ordered[run - 1]}")
        ordered = ordered[run:]
    return ",".join(parts)


@dataclass(frozen=True, order=True)
class PciAddress:
    """Where a PCI device sits: ``domain:bus:slot.function``, numbers as on the guest's side."""

    domain: int = 0
    bus: int = 0
    slot: int = 0
    function: int = 0

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function:x}"


def parse_pci(text: str, *, what: str = "PCI address") -> PciAddress:
    """Return the address that a text such as 0000:01:00.1 or 01:00.1 says; raises InvalidArgument."""
    match = re.fullmatch(r"\s*(?:([0-9A-Fa-f]{1,4}):)?([0-9A-Fa-f]{1,2}):([0-9A-Fa-f]{1,2})\.([0-7])\s*", text)
    if not match or int(match.group(3), 16) > 31:
        raise InvalidArgument(
            f"{what}: {text!r} is no PCI address; write one such as 0000:01:00.1.",
            hint=SEXAGESIMAL if ":" not in text else None,
        )
    return PciAddress(*(int(found or "0", 16) for found in match.groups()))


def parse_mac(text: str) -> str:
    """Return a MAC address in lower case with two digits a byte; raises InvalidArgument."""
    parts = re.split(r"[:-]", text.strip())
    if len(parts) != 6 or not all(re.fullmatch(r"[0-9A-Fa-f]{1,2}", part) for part in parts):
        raise InvalidArgument(
            f"{text!r} is not a MAC address; write six hexadecimal bytes such as 52:54:00:12:34:56.",
            hint=SEXAGESIMAL if text.strip().isdigit() else None,
        )
    return ":".join(f"{int(part, 16):02x}" for part in parts)


def parse_uuid(text: str) -> str:
    """Return a uuid in its canonical form; the dashes may be left out in the input."""
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch("[0-9A-Fa-f]{32}", digits):
        raise InvalidArgument(f"{text!r} is not a uuid; write 32 hexadecimal digits.")
    return str(uuidlib.UUID(digits))


def same_uuid(reference: str, uuid: str) -> bool:
    """Return whether a text of a user's is a uuid, in any form, and this canonical one."""
    try:
        return bool(uuid) and parse_uuid(reference) == uuid
    except InvalidArgument:
        return False


def derived_uuid(*names: str) -> str:
    """Return the uuid that these names always give (RFC 9562, version 5)."""
    return str(uuidlib.uuid5(uuidlib.NAMESPACE_URL, "\0".join(names)))


def derived_mac(*names: str) -> str:
    """Return the MAC address that these names always give, under QEMU's prefix 52:54:00."""
    tail = uuidlib.uuid5(uuidlib.NAMESPACE_URL, "\0".join(names)).bytes[-3:]
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in tail)


def public_url(url: str) -> str:
    """Return a URL as it can be shown: without user, password, query and fragment, which may all be secrets."""
    scheme, mark, rest = url.partition("://")
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    server, slash, path = place.partition("/")
    return f"{scheme}{mark}{server.rpartition('@')[2]}{slash}{path}" if mark else "the URL"


LINE_WIDTH = 200


def last_lines(said: bytes, count: int, *, width: int = LINE_WIDTH) -> List[str]:
    """Return the last lines of what a machine or a program said, as they can be shown to people.

    What would move the cursor of a terminal, colour it or turn the text around is escaped; a line of more than
    ``width`` characters is cut.
    """
    lines = said.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n").split("\n")
    return [_shown(line, width) for line in lines[-count:]] if said.strip(b"\r\n") else []


def _shown(line: str, width: int) -> str:
    shown = "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in line)
    return shown if len(shown) <= width else shown[: width - 3] + "..."
