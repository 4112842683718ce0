# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in filters for guests that get their addresses by DHCP.

A request comes from a guest that has no address yet: 0.0.0.0 to everybody with IPv4 (RFC 2131, section 4.1), a
link-local address to all servers with IPv6 (RFC 8415, section 13). Answers come from anybody, or from the server that
the variable DHCPSERVER names.
"""

from __future__ import annotations

from typing import Tuple

DHCP: Tuple[str, ...] = (
    """
    <filter name='allow-dhcp' chain='ipv4' priority='-700'>
      <rule action='accept' direction='out' priority='100'>
        <ip srcipaddr='0.0.0.0' dstipaddr='255.255.255.255' protocol='udp' srcportstart='68' dstportstart='67'/>
      </rule>
      <rule action='accept' direction='in' priority='100'>
        <ip protocol='udp' srcportstart='67' dstportstart='68'/>
      </rule>
    </filter>
    """,
    """
    <filter name='allow-dhcp-server' chain='ipv4' priority='-700'>
      <rule action='accept' direction='out' priority='100'>
        <ip srcipaddr='0.0.0.0' dstipaddr='255.255.255.255' protocol='udp' srcportstart='68' dstportstart='67'/>
      </rule>
      <rule action='accept' direction='in' priority='100'>
        <ip srcipaddr='$DHCPSERVER' protocol='udp' srcportstart='67' dstportstart='68'/>
      </rule>
    </filter>
    """,
    """
    <filter name='allow-dhcpv6' chain='ipv6' priority='-600'>
      <rule action='accept' direction='out' priority='100'>
        <ipv6 srcipaddr='fe80::' srcipmask='10' dstipaddr='ff02::1:2' protocol='udp' srcportstart='546'
              dstportstart='547'/>
      </rule>
      <rule action='accept' direction='in' priority='100'>
        <ipv6 protocol='udp' srcportstart='547' dstportstart='546'/>
      </rule>
    </filter>
    """,
    """
    <filter name='allow-dhcpv6-server' chain='ipv6' priority='-600'>
      <rule action='accept' direction='out' priority='100'>
        <ipv6 srcipaddr='fe80::' srcipmask='10' dstipaddr='ff02::1:2' protocol='udp' srcportstart='546'
              dstportstart='547'/>
      </rule>
      <rule action='accept' direction='in' priority='100'>
        <ipv6 srcipaddr='$DHCPSERVER' protocol='udp' srcportstart='547' dstportstart='546'/>
      </rule>
    </filter>
    """,
)
