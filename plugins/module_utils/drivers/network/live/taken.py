# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has taken the port that dnsmasq could not have, as iproute2's ``ss`` knows it."""

from __future__ import annotations

import re
from typing import List, Optional

from ....errors import CorralError
from ....host.api import Host

_USER = re.compile(r'\("([^"]+)",pid=(\d+)')
# What dnsmasq says about a socket that it could not open, and the ports that it may have meant.
_SERVICES = (("DHCPv6", ("547",)), ("DHCP", ("67",)), ("TFTP", ("69",)), ("", ("53",)))


def taken_by(host: Host, words: str) -> Optional[str]:
    """A hint for an address in use, with the programs that listen there; None for other words."""
    if "in use" not in words:
        return None
    ports = next(ports for service, ports in _SERVICES if service in words)
    who = _listeners(host, ports[0])
    shown = " and ".join(who) or "Another program"
    return f"{shown} listens on port {ports[0]} already: end it, or keep it to other addresses (bind-interfaces)."


def _listeners(host: Host, port: str) -> List[str]:
    try:
        said = host.run(("ss", "-H", "-l", "-n", "-t", "-u", "-p", f"sport = :{port}")).stdout.decode(
            "utf-8", "replace"
        )
    except CorralError:
        return []
    return list(dict.fromkeys(f"{name} (process {pid})" for name, pid in _USER.findall(said)))
