# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of network filter drivers: what the interfaces of guests may send and receive."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import ContextManager, List, NamedTuple, Optional, Sequence, Tuple

from ...errors import CorralError
from ...xml.parse import Element
from .base import Driver, Fault, mutates


@dataclass(frozen=True)
class Filter:
    """One filter. ``chain`` is where its rules stand; ``builtin`` says that it is there without being defined.

    In a list one that cannot be looked at has the ``error``, and the uuid where that can still be told.
    """

    name: str
    uuid: str
    chain: str = "root"
    priority: Optional[int] = None
    builtin: bool = False
    error: Optional[CorralError] = field(default=None, compare=False)


@dataclass(frozen=True)
class FilterPort:
    """The interface of an active guest that a filter guards: a link of the host, and what is passed to the filter.

    ``parameters`` are names with values, one pair for each value of a list, in the order of the document.
    """

    device: str
    mac: str
    guest: str
    filter: str
    parameters: Tuple[Tuple[str, str], ...] = ()
    network: Optional[str] = None
    line: Optional[int] = field(default=None, compare=False)


class User(NamedTuple):
    """Who refers to a filter: ``kind`` is guest or filter."""

    kind: str
    name: str


class NwfilterDriver(Driver):
    """Network filters. Names are exact; ``lookup_nwfilter`` also takes a uuid. Raises NotFound and others."""

    kind = "nwfilter"

    def list_nwfilters(self) -> Sequence[Filter]:
        """Every filter by name, the built-in ones too."""
        raise self.unsupported("list_nwfilters")

    def lookup_nwfilter(self, reference: str) -> Filter:
        raise self.unsupported("lookup_nwfilter")

    def nwfilter_xml(self, name: str) -> Element:
        raise self.unsupported("nwfilter_xml")

    def normalise_nwfilter(self, document: Element) -> Element:
        """Complete a desired document as defining it would, and check it: keeps the uuid of a filter of that name."""
        raise self.unsupported("normalise_nwfilter")

    def check_nwfilter(self, document: Element) -> None:
        """Raise what would keep a complete document from being kept: a loop, or a guest that it would not fit."""

    def nwfilter_users(self, name: str) -> List[User]:
        """The guests, active or not, and the filters that refer to the filter themselves."""
        return []

    def nwfilter_faults(self, name: str) -> List[Fault]:
        """What the kernel lacks of the rules for active guests whose interfaces the filter has a part in guarding."""
        return []

    def check_ports(self, ports: Sequence[FilterPort]) -> None:
        """Raise what would keep these interfaces from being guarded; their links need not be there yet."""
        if ports:
            raise self.unsupported("check_ports")

    def port_faults(self, ports: Sequence[FilterPort]) -> List[Fault]:
        """What the kernel lacks of the rules for these interfaces."""
        return []

    @mutates
    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs from working on the filter of this name meanwhile; raises LockBusy."""
        return nullcontext()

    @mutates
    def define_nwfilter(self, document: Element) -> Filter:
        """Keep the document, and let all active guests have its rules in one transaction, or none of them any of it."""
        raise self.unsupported("define_nwfilter")

    @mutates
    def undefine_nwfilter(self, name: str) -> None:
        """Forget the document; raises OperationInvalid while somebody refers to it, and for a built-in one.

        What was defined under the name of a built-in filter gives way to that.
        """
        raise self.unsupported("undefine_nwfilter")

    @mutates
    def mend_nwfilter(self, name: str) -> None:
        """Put right everything that ``nwfilter_faults`` finds."""
        raise self.unsupported("mend_nwfilter")

    @mutates
    def guard_ports(self, ports: Sequence[FilterPort]) -> None:
        """Let the kernel have the rules for these interfaces, and no others for them, in one transaction.

        Whoever makes a link calls this before anybody can be reached through it. What had been learnt about an
        interface that is guarded already is kept.
        """
        if ports:
            raise self.unsupported("guard_ports")

    @mutates
    def release_ports(self, devices: Sequence[str], *, guest: Optional[str] = None) -> None:
        """Take the rules of these links away; there may be none.

        Where the ``guest`` is given whose links they were, those that are another guest's by now keep theirs: the
        kernel gives the name of a link that is gone to the next one.
        """
