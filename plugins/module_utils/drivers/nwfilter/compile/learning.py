# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What learns the first address of an interface from everything that its guest sends.

It stands before all rules of a filter, so that these can ask for the address wherever they like, and also a filter that
speaks of the address in one direction only gets to know it.

Source of the rules: libvirt's formatnwfilter, "Automatic IP address detection".
"""

from __future__ import annotations

from typing import List

from .values import ANY, Learnt

# No address that a host can have begins with 0, and from 224 on they are for groups.
_UNICAST = "1.0.0.0-223.255.255.255"


def watched(learnt: Learnt, mac: str) -> List[str]:
    """Return the statements for frames from the guest that learn from packets and ARP; they give no verdict."""
    if learnt.method != ANY:
        return []
    return [
        f"ether saddr {mac} ether type ip ip saddr {_UNICAST} add @{learnt.name} {{ ip saddr }}",
        f"ether saddr {mac} ether type arp arp saddr ether {mac} arp saddr ip {_UNICAST} "
        f"add @{learnt.name} {{ arp saddr ip }}",
    ]
