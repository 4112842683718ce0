# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers that no machine can have, refused before anything counts up to them."""

from __future__ import annotations

from typing import Optional, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ..context import Context

# Where a number stands, and the least and the largest that mean anything: PCI has 256 buses, and a controller of
# another kind sits on one of their slots; the index -1 is libvirt's word for one that is left open.
LIMITS: Tuple[Tuple[str, str, int, int], ...] = (
    ("devices/controller", "index", -1, 255),
    ("devices/*/address", "controller", 0, 255),
    ("devices/*/address", "bus", 0, 255),
    ("devices/*/address", "unit", 0, 16383),
    ("devices/*/target", "port", 0, 65535),
)
# What a guest has once.
SINGLE = (
    *("name", "uuid", "title", "description", "metadata", "genid", "vcpu", "memory", "maxMemory", "currentMemory"),
    *("memoryBacking", "numatune", "cputune", "os", "cpu", "features", "clock", "devices"),
)
IOTHREADS = 1024
# More than any machine has places for, and few enough to compare each with all others.
DEVICES = 1024


def check_limits(domain: Domain, context: Context) -> None:
    """Raise XmlError for an index or a count that is out of all bounds, and for a second one of what there is once."""
    for path, name, least, largest in LIMITS:
        for element in domain.element.iterfind(path):
            number = _number(element.get(name, ""))
            if number is not None and not least <= number <= largest:
                beyond = f"below {least}" if number < least else f"beyond {largest}"
                raise XmlError(f"<{element.tag} {name}='{element.get(name)}'> is {beyond}.", line=element.sourceline)
    for tag in SINGLE:
        found = domain.element.findall(tag)
        if len(found) > 1:
            raise XmlError(f"the domain has <{tag}> twice; remove one.", line=found[1].sourceline)
    count = len(domain.element.findall("devices/*"))
    if count > DEVICES:
        raise XmlError(f"the guest has {count} devices; no machine has room for more than {DEVICES}.", line=domain.line)
    if (domain.iothreads or 0) > IOTHREADS:
        raise XmlError(f"<iothreads> is {domain.iothreads}; at most {IOTHREADS} are made.", line=domain.line)


def _number(text: str) -> Optional[int]:
    """The number that a text is; what is none, such as a USB port 1.2, is for others to judge."""
    try:
        return int(text, 0)
    except ValueError:
        return None
