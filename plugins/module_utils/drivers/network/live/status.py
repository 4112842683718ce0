# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runtime facts of an active network, kept as JSON beside its live document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from ....host.api import Process


@dataclass(frozen=True)
class Status:
    """When it was started, and its dnsmasq: the process, and what that was started with.

    ``index`` is the number of the bridge that dnsmasq bound its sockets to; ``conf`` and ``hosts`` are digests of the
    configuration that it read at its start and of the lists of hosts that it read last. ``rate`` is a digest of the
    limits that were set on the bridge. ``again`` says that it was taken down in order to be started again.
    """

    boot_id: str = ""
    started: float = 0.0
    pid: int = 0
    start: int = 0
    index: int = 0
    conf: str = ""
    hosts: str = ""
    rate: str = ""
    again: bool = False

    @property
    def process(self) -> Optional[Process]:
        """The process of dnsmasq as it was started, whether it is there or not."""
        return Process(self.pid, self.start) if self.pid else None

    def to_plain(self) -> Dict[str, Any]:
        """Plain values for the store."""
        return {name: value for name, value in self.__dict__.items() if name != "boot_id"}

    @classmethod
    def from_plain(cls, fields: Mapping[str, Any]) -> Status:
        """Read it back; what does not fit raises ValueError or TypeError."""
        kinds = {"boot_id": str, "started": float, "conf": str, "hosts": str, "rate": str, "again": bool}
        known = [name for name in cls.__dataclass_fields__ if name in fields]
        return cls(**{name: kinds.get(name, int)(fields[name]) for name in known})
