# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An open connection: one slot for each kind of driver, and the one guard that stands before all of them.

The guard is driven by the contracts in drivers/api.py. It raises NoSupport for an empty slot and for a call that the
driver does not serve, OperationDenied for a call that changes something on a read-only connection, OperationInvalid
after ``close``, and AttributeError for what is not in the contract.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, Optional, Type, cast

from ..drivers.api import (
    CONTRACTS,
    Driver,
    HypervisorDriver,
    InterfaceDriver,
    NetworkDriver,
    NodeDeviceDriver,
    NwfilterDriver,
    SecretDriver,
    StorageDriver,
    contract,
)
from ..errors import CorralError, NoSupport, OperationDenied, OperationInvalid


class Connection:
    """What ``open_connection`` returns. ``uri`` is a text; ``read_only`` connections cannot change anything."""

    def __init__(
        self,
        uri: str,
        drivers: Mapping[str, Driver],
        *,
        read_only: bool = False,
        explanation: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self.uri = uri
        self.read_only = read_only
        self.closed = False
        self._drivers = dict(drivers)
        self._explanation = dict(explanation or {})
        self._slots = {kind.kind: Slot(self, kind, drivers.get(kind.kind)) for kind in CONTRACTS}

    @property
    def hypervisor(self) -> HypervisorDriver:
        """Guests."""
        return cast(HypervisorDriver, self._slots["hypervisor"])

    @property
    def network(self) -> NetworkDriver:
        """Virtual networks."""
        return cast(NetworkDriver, self._slots["network"])

    @property
    def interface(self) -> InterfaceDriver:
        """The host's own network interfaces."""
        return cast(InterfaceDriver, self._slots["interface"])

    @property
    def storage(self) -> StorageDriver:
        """Storage pools and volumes."""
        return cast(StorageDriver, self._slots["storage"])

    @property
    def node_device(self) -> NodeDeviceDriver:
        """The host's devices."""
        return cast(NodeDeviceDriver, self._slots["node device"])

    @property
    def secret(self) -> SecretDriver:
        """Secrets."""
        return cast(SecretDriver, self._slots["secret"])

    @property
    def nwfilter(self) -> NwfilterDriver:
        """Network filters."""
        return cast(NwfilterDriver, self._slots["nwfilter"])

    def explain(self) -> Dict[str, Any]:
        """Return how the connection came about, as plain values without secrets.

        ``uri``, ``read_only``, ``requested`` (the text that was asked for), ``source`` (argument, environment, config
        or probe), ``alias``, ``config`` (the file, where it was read), ``tables`` (for each kind a list of ``driver``,
        ``answer`` and ``reason``) and ``drivers`` (what each open driver says of itself).
        """
        return {
            **self._explanation,
            "uri": self.uri,
            "read_only": self.read_only,
            "drivers": {kind: {"name": driver.name, **driver.explain()} for kind, driver in self._drivers.items()},
        }

    def close(self) -> None:
        """Let go of the drivers, the last one opened first; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        for driver in reversed(list(self._drivers.values())):
            driver.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


class Slot:
    """The guard of one kind: has the calls of the contract and nothing else, and is empty without a driver."""

    def __init__(self, connection: Connection, kind: Type[Driver], driver: Optional[Driver]) -> None:
        self._connection = connection
        self._driver = driver
        self._calls = contract(kind)
        self.kind = kind.kind
        self.name = driver.name if driver else ""

    def __bool__(self) -> bool:
        return self._driver is not None

    def __dir__(self) -> List[str]:
        return ["explain", "kind", "name", *self._calls]

    def __repr__(self) -> str:
        return f"<{self.kind} slot of {self._connection.uri}: {self.name or 'empty'}>"

    def __getattr__(self, call: str) -> Callable[..., Any]:
        if call.startswith("_") or call not in self._calls:
            raise AttributeError(f"{call!r} is not a call of the {self.kind} contract")
        refusal = self._refusal(call)
        if refusal is not None:
            return _raising(refusal)
        if self._driver is None:
            raise AssertionError("self._driver is not there")
        return self._guarded(call, getattr(self._driver, call))

    def explain(self) -> Dict[str, Any]:
        """Return what the driver says of itself; nothing for an empty slot."""
        return self._driver.explain() if self._driver else {}

    def _refusal(self, call: str) -> Optional[CorralError]:
        uri = self._connection.uri
        if self._connection.closed:
            return OperationInvalid(f"The connection to {uri} is closed; open it again for {call}.")
        if self._driver is None:
            return NoSupport(f"{uri} has no {self.kind} driver, so there is no {call}.", uri=uri, call=call)
        if self._connection.read_only and self._calls[call]:
            return OperationDenied(f"The connection to {uri} is read-only, and {call} changes something.", call=call)
        return None

    def _guarded(self, call: str, serve: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **named: Any) -> Any:
            try:
                return serve(*arguments, **named)
            except NoSupport as error:
                raise _placed(error, call, self._connection.uri) from None

        return guarded


def _raising(error: CorralError) -> Callable[..., Any]:
    def refuse(*_arguments: Any, **_named: Any) -> Any:
        raise error

    return refuse


def _placed(error: NoSupport, call: str, uri: str) -> NoSupport:
    """The driver's error with the URI in it, which a driver does not know by its text."""
    if uri in error.message:
        return error
    details = {"call": call, "uri": uri, **error.details}
    return NoSupport(f"{error.message.rstrip('.')} (connection {uri}).", hint=error.hint, **details)
