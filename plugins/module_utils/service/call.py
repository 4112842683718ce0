# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of the launcher: the object, what was ordered, and the connection, which is opened when it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type

from ..connect.connection import Connection
from ..connect.open import open_connection
from ..drivers.units import WORDS, Units, name_of
from ..errors import NotFound
from ..host.api import Host
from ..host.layout import Layout

KINDS: Mapping[str, str] = {word: kind for kind, word in WORDS.items()}
# The only tree that units serve.
URI = "qemu:///system"


@dataclass
class Call:
    """``kind`` is domain, network or pool; ``order`` what the run wants that let the unit be started, if one did."""

    host: Host
    kind: str
    instance: str
    units: Units
    order: Dict[str, Any]
    _connection: Optional[Connection] = field(default=None, repr=False)
    _name: str = ""

    @property
    def connection(self) -> Connection:
        """The connection to this host."""
        if self._connection is None:
            self._connection = open_connection(URI, host=self.host)
        return self._connection

    @property
    def name(self) -> str:
        """The name of the object; raises NotFound for an instance of none."""
        if not self._name:
            self._name = str(self.order.get("name") or self._found())
        return self._name

    def _found(self) -> str:
        try:
            return name_of(self.instance, self._names() if "-" in self.instance else ())
        except (ValueError, StopIteration):
            raise NotFound(f"There is no {self.units.word} of the instance '{self.instance}'.") from None

    def _names(self) -> List[str]:
        slots = self.connection
        every = {
            "domain": slots.hypervisor.list_domains,
            "network": slots.network.list_networks,
            "pool": slots.storage.list_pools,
        }
        return [each.name for each in every[self.kind]()]

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._connection is not None:
            self._connection.close()


def called(host: Host, kind: str, instance: str, verb: str) -> Call:
    """Take the order for an instance, where one was given for this verb."""
    units = Units(host, Layout.system(), kind)
    return Call(host, kind, instance, units, units.take_order(instance, verb))
