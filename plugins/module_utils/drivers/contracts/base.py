# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every kind of driver shares: how one is asked to open, what it answers, and how its calls are marked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, TypeVar, Union

from ...errors import CorralError, NoSupport
from ...host.api import Host
from ...values import Uri
from ...xml.parse import Element

if TYPE_CHECKING:
    from .hypervisor import HypervisorDriver
    from .network import NetworkDriver
    from .nwfilter import NwfilterDriver
    from .secret import SecretDriver
    from .storage import StorageDriver

F = TypeVar("F", bound=Callable[..., Any])


def mutates(call: F) -> F:
    """Mark a driver call as one that changes something."""
    call.corral_mutates = True  # type: ignore[attr-defined]
    return call


@dataclass(frozen=True)
class Request:
    """What a driver is asked to open: ``uri`` is None while a driver is probed for.

    ``hypervisor`` is None for the hypervisor table itself, and the driver that took that slot for the other tables.
    """

    uri: Optional[Uri]
    host: Host
    read_only: bool = False
    auth: Optional[Mapping[str, str]] = None
    hypervisor: Optional[HypervisorDriver] = None


@dataclass(frozen=True)
class Success:
    """The driver takes the slot; ``uri`` is set by a driver that was probed for."""

    driver: Any
    uri: Optional[Uri] = None


@dataclass(frozen=True)
class Declined:
    """The driver leaves the URI to others, and says why. An error is raised instead."""

    reason: str


Answer = Union[Success, Declined]


@dataclass(frozen=True)
class Summary:
    """One object of any kind, as a list shows it.

    In a list one that cannot be looked at has the ``error``, the uuid where that can still be told (else none), and is
    active where it may be. A look at that one object raises the error.
    """

    name: str
    uuid: str
    active: bool
    persistent: bool = True
    autostart: bool = False
    error: Optional[CorralError] = field(default=None, compare=False)


@dataclass(frozen=True)
class Fault:
    """What keeps an active object from working: ``what`` is a word out of a table, ``detail`` a sentence for people."""

    what: str
    detail: str


@dataclass(frozen=True)
class Expected:
    """An object as a check of several foresees it once the earlier ones are done: its documents, where it has them."""

    persistent: Optional[Element] = None
    live: Optional[Element] = None

    def documents(self) -> List[Element]:
        """Those that there are."""
        return [document for document in (self.live, self.persistent) if document is not None]


def with_expected(
    known: Mapping[str, Sequence[Element]], expected: Mapping[str, Expected], without: str
) -> Dict[str, List[Element]]:
    """Return the documents of all objects but one, by name, as they are or as they are expected to be."""
    foreseen = {name: each.documents() for name, each in expected.items()}
    merged = {**{name: list(documents) for name, documents in known.items()}, **foreseen}
    return {name: documents for name, documents in merged.items() if name != without}


class Neighbours(Protocol):
    """The connection as its drivers see it: they never import each other, and reach each other through its slots."""

    @property
    def hypervisor(self) -> HypervisorDriver: ...

    @property
    def network(self) -> NetworkDriver: ...

    @property
    def storage(self) -> StorageDriver: ...

    @property
    def secret(self) -> SecretDriver: ...

    @property
    def nwfilter(self) -> NwfilterDriver: ...


class Driver:
    """What all drivers share. ``kind`` names the slot, ``name`` the driver as in libvirt's tables."""

    kind = ""
    name = ""

    def meet(self, neighbours: Neighbours) -> None:
        """Learn through whom the drivers of the other slots are reached; called once, when the walk is over."""

    def settle(self) -> None:
        """Clean up what has died since the last run; called once all drivers have met, and never for looking only."""

    def unsupported(self, call: str) -> NoSupport:
        """Return the error for a call that this driver does not serve."""
        return NoSupport(f"The {self.name} driver has no {call}.")

    def explain(self) -> Dict[str, Any]:
        """Return plain facts about the driver for -vv and failures, without secrets."""
        return {}

    def close(self) -> None:
        """Let go of what the driver holds open; the connection calls it once, at its end."""


# What all drivers have is between them and the connection.
NOT_CALLS = ("unsupported", "explain", "close", "meet", "settle")


def contract(kind: type) -> Dict[str, bool]:
    """Return the calls of a contract, each with whether it changes something."""
    calls = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    return {
        name: bool(getattr(value, "corral_mutates", False))
        for name, value in calls.items()
        if callable(value) and not name.startswith("_") and name not in NOT_CALLS
    }
