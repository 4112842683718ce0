# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the passes and the command writer know besides the document: plain values, so that both stay pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

from .caps.model import Capabilities


@dataclass(frozen=True)
class HugePages:
    """A mounted hugetlbfs: page size in KiB and the mount point."""

    size: int
    path: str
    default: bool = False


@dataclass(frozen=True)
class Defaults:
    """What the host's configuration says where the document is silent."""

    vnc_listen: str = "127.0.0.1"
    spice_listen: str = "127.0.0.1"
    sandbox: bool = True
    tls_directory: str = "/etc/pki/qemu"


@dataclass(frozen=True)
class Context:
    """Facts for one guest on one host.

    ``directory`` is the guest's runtime directory, ``channels`` where channel sockets go that the user did not name,
    ``nvram`` the directory of UEFI variables, ``console_log`` and so on are paths. ``firmware`` holds the firmware
    descriptors as they were read, best first. ``backing`` maps an image path to what was found out about it (its
    format and backing chain), for those images that were looked at. ``now`` is in seconds since the epoch.
    """

    caps: Capabilities
    directory: str = "/run/corral/qemu/domain-0-guest"
    channels: str = "/run/corral/qemu/channel/domain-0-guest"
    nvram: str = "/var/lib/corral/nvram"
    ram: str = "/var/lib/corral/ram"
    tpm: str = "/var/lib/corral/tpm"
    console_log: Optional[str] = None
    privileged: bool = True
    host_arch: str = "x86_64"
    host_id: str = ""
    host_memory: int = 0
    hugepages: Tuple[HugePages, ...] = ()
    firmware: Tuple[Mapping[str, Any], ...] = ()
    defaults: Defaults = field(default_factory=Defaults)
    now: float = 0.0
    ports: Mapping[str, int] = field(default_factory=dict)

    def has(self, flag: str) -> bool:
        """Whether the QEMU has what the named row of caps.flags asks for."""
        return self.caps.has(flag)
