# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watchdogs.

Source of the rules: libvirt's formatdomain, "Watchdog devices". QEMU has one action for all watchdogs of a guest.
"""

from __future__ import annotations

from typing import Dict, Iterator

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.small import Watchdog
from ....xml.views import check_choice
from ..command.address import pci_properties
from ..context import Context
from ..kinds import NONE, PCI, Kind
from ..options import Option, properties

MODELS = ("i6300esb", "ib700", "itco")
# "dump" pauses the guest; the dump itself is taken by whoever sees it paused.
ACTIONS: Dict[str, str] = {
    "reset": "reset",
    "shutdown": "shutdown",
    "poweroff": "poweroff",
    "pause": "pause",
    "none": "none",
    "dump": "pause",
    "inject-nmi": "inject-nmi",
}


def _complete(watchdog: Watchdog, domain: Domain, context: Context) -> None:
    if watchdog.action is None:
        watchdog.action = "reset"


def _bus(watchdog: Watchdog, domain: Domain, context: Context) -> str:
    return PCI if watchdog.model == "i6300esb" else NONE


def _check(watchdog: Watchdog, domain: Domain, context: Context) -> None:
    check_choice(watchdog, "model", watchdog.model, MODELS)
    check_choice(watchdog, "action", watchdog.action, ACTIONS)
    if watchdog.model == "itco" and not domain.is_q35():
        raise XmlError("a watchdog 'itco' is part of the q35 machine, and this is another.", line=watchdog.line)
    if len({other.action for other in domain.all(Watchdog)}) > 1:
        raise XmlError("all watchdogs of a guest have the same action.", line=watchdog.line)


def _write(watchdog: Watchdog, domain: Domain, context: Context) -> Iterator[Option]:
    if watchdog.model == "itco":
        yield Option("-global", "ICH9-LPC.noreboot=off")
    else:
        own = {"driver": watchdog.model, "id": watchdog.id()}
        yield Option("-device", properties(own, pci_properties(watchdog, domain)))
    if domain.all(Watchdog)[0] == watchdog:
        yield Option("-watchdog-action", ACTIONS[watchdog.action or "reset"])


WATCHDOG = Kind(Watchdog, _write, complete=_complete, check=_check, bus=_bus)
