# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The passes: a document comes in as the user wrote it and goes out complete.

They run in this order on a copy; running them on their own output changes nothing. None of them looks at the
machine: everything they know is in the context.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from ....model.domain.core import Domain
from ....xml.parse import Element, clone
from ..context import Context
from ..devices.disk_live import prepare_disks
from ..devices.table import DEVICES
from ..devices.vsock import assign_cids
from .addresses import assign_addresses
from .addresses_usb import assign_usb_ports
from .aliases import assign_aliases
from .basics import complete_basics
from .check_domain import check_labels
from .console import mirror_console
from .controllers import add_controllers
from .firmware import complete_firmware
from .implicit import add_implicit_devices
from .keep import keep_addresses, keep_controllers
from .limits import check_limits
from .machine import complete_machine
from .memory import complete_memory
from .order import order_children
from .settle import settle
from .validate import validate

Pass = Callable[[Domain, Context], None]


def complete_devices(domain: Domain, context: Context) -> None:
    """Let each kind of device fill in what the document leaves open."""
    for kind in DEVICES:
        for device in kind.of(domain):
            kind.complete(device, domain, context)


FIRST: Tuple[Pass, ...] = (
    check_limits,
    check_labels,
    settle,
    complete_machine,
    complete_basics,
    complete_memory,
    complete_firmware,
    mirror_console,
    add_implicit_devices,
    complete_devices,
)
LAST: Tuple[Pass, ...] = (assign_addresses, mirror_console, order_children, validate)


def complete(document: Element, context: Context, existing: Optional[Element] = None) -> Element:
    """Return the document as it is stored when it is defined; raises XmlError or UnsupportedConfig.

    ``existing`` is the completed document of the same guest that this one replaces: its addresses are kept.
    """
    domain = Domain(clone(document))
    controllers = add_controllers if existing is None else add_and_keep(Domain(existing))
    for step in (*FIRST, controllers, *LAST):
        step(domain, context)
    return domain.element


def add_and_keep(existing: Domain) -> Pass:
    """The controllers, for a guest that replaces another: in between, what the other had is brought along."""

    def step(domain: Domain, context: Context) -> None:
        if domain.chipset() != existing.chipset():
            add_controllers(domain, context)
            return
        keep_addresses(domain, existing, context)
        add_controllers(domain, context)
        keep_controllers(domain, existing)
        keep_addresses(domain, existing, context)

    return step


def live(document: Element, context: Context) -> Element:
    """Return a completed document with what a running guest has: image numbers, USB ports, vsock ids, aliases."""
    domain = Domain(clone(document))
    prepare_disks(domain, context)
    assign_usb_ports(domain, context)
    assign_cids(domain, context)
    assign_aliases(domain, context)
    return domain.element
