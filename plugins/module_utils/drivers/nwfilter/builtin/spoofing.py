# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in filters that keep a guest from sending under addresses that are not its own.

Each has a chain of its own before the one that others use for the protocol. What is the guest's own goes back from
there, so that they are still looked at by others, and the rest ends there.
"""

from __future__ import annotations

from typing import Tuple

SPOOFING: Tuple[str, ...] = (
    """
    <filter name='no-mac-spoofing' chain='mac' priority='-800'>
      <rule action='return' direction='out' priority='500'>
        <mac srcmacaddr='$MAC'/>
      </rule>
      <rule action='drop' direction='out' priority='500'>
        <mac/>
      </rule>
    </filter>
    """,
    """
    <filter name='no-ip-spoofing' chain='ipv4-ip' priority='-710'>
      <!-- a DHCP client without an address -->
      <rule action='return' direction='out' priority='100'>
        <ip srcipaddr='0.0.0.0' protocol='udp'/>
      </rule>
      <rule action='return' direction='out' priority='500'>
        <ip srcipaddr='$IP'/>
      </rule>
      <rule action='drop' direction='out' priority='1000'/>
    </filter>
    """,
    """
    <filter name='no-ipv6-spoofing' chain='ipv6-ip' priority='-610'>
      <!-- a DHCPv6 client without an address -->
      <rule action='return' direction='out' priority='100'>
        <ipv6 srcipaddr='fe80::' srcipmask='10' protocol='udp'/>
      </rule>
      <rule action='return' direction='out' priority='500'>
        <ipv6 srcipaddr='$IPV6'/>
      </rule>
      <rule action='drop' direction='out' priority='1000'/>
    </filter>
    """,
    """
    <filter name='no-arp-mac-spoofing' chain='arp-mac' priority='-520'>
      <rule action='return' direction='out' priority='350'>
        <arp arpsrcmacaddr='$MAC'/>
      </rule>
      <rule action='drop' direction='out' priority='1000'/>
    </filter>
    """,
    """
    <filter name='no-arp-ip-spoofing' chain='arp-ip' priority='-510'>
      <rule action='return' direction='out' priority='400'>
        <arp arpsrcipaddr='$IP'/>
      </rule>
      <rule action='drop' direction='out' priority='1000'/>
    </filter>
    """,
    """
    <filter name='no-arp-spoofing' chain='root'>
      <filterref filter='no-arp-mac-spoofing'/>
      <filterref filter='no-arp-ip-spoofing'/>
    </filter>
    """,
)
