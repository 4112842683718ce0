# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Letting the host pass packets on; it keeps doing so when the network has ended, since others may need it by then."""

from __future__ import annotations

import json
from typing import List, Mapping, Optional

from ....errors import OperationFailed
from ....host.api import Host
from ....model.network.core import Network
from .observe import FORWARDING, settings

_ROUTES = ("ip", "-j", "-6", "route", "show", "table", "all", "proto", "ra")


def switch_on(host: Host, network: Network, now: Mapping[str, Optional[str]]) -> None:
    """Set what is not set; raises OperationFailed where the host would lose its own IPv6 routes by it."""
    for setting in settings(network):
        if setting.word == "forwarding" and now.get(setting.path) not in (setting.value, None):
            if setting.path == FORWARDING[6]:
                _check_routes(host)
            host.set_kernel(setting.path, setting.value)


def _check_routes(host: Host) -> None:
    """A router takes no routes from advertisements, unless accept_ra of the device is 2.

    Source: the kernel's ip-sysctl, accept_ra; libvirt's virNetDevIPCheckIPv6Forwarding.
    """
    losing = [device for device in _advertised(host) if _accept_ra(host, device) != b"2"]
    if losing:
        raise OperationFailed(
            f"IPv6 forwarding would cost this host the routes that it learns on {' and '.join(losing)}.",
            hint=f"Set net.ipv6.conf.{losing[0]}.accept_ra to 2 to keep them, then start the network again.",
        )


def _advertised(host: Host) -> List[str]:
    rows = json.loads(host.run(_ROUTES).stdout or b"[]")
    devices = (hop.get("dev") for row in rows for hop in (row, *row.get("nexthops", ())))
    return sorted({device for device in devices if device})


def _accept_ra(host: Host, device: str) -> bytes:
    return (host.read(f"/proc/sys/net/ipv6/conf/{device}/accept_ra") or b"").strip()
