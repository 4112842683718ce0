# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in filters that are whole by themselves: a guest sends IPv4 and ARP under its own addresses only."""

from __future__ import annotations

from typing import Tuple

TRAFFIC: Tuple[str, ...] = (
    """
    <filter name='clean-traffic' chain='root'>
      <filterref filter='no-mac-spoofing'/>
      <filterref filter='no-ip-spoofing'/>
      <!-- what has come through the chains of IPv4 may leave -->
      <rule action='accept' direction='out' priority='-650'>
        <mac protocolid='ipv4'/>
      </rule>
      <filterref filter='allow-incoming-ipv4'/>
      <filterref filter='no-arp-spoofing'/>
      <!-- and so may what has come through those of ARP -->
      <rule action='accept' direction='inout' priority='-500'>
        <mac protocolid='arp'/>
      </rule>
      <filterref filter='no-other-l2-traffic'/>
      <filterref filter='qemu-announce-self'/>
    </filter>
    """,
    """
    <filter name='clean-traffic-gateway' chain='root'>
      <filterref filter='no-mac-spoofing'/>
      <filterref filter='no-ip-spoofing'/>
      <filterref filter='no-arp-spoofing'/>
      <rule action='accept' direction='inout' priority='-500'>
        <mac protocolid='arp'/>
      </rule>
      <!-- all else comes from the gateway, and goes to it -->
      <rule action='accept' direction='in' priority='500'>
        <mac srcmacaddr='$GATEWAY_MAC'/>
      </rule>
      <rule action='accept' direction='out' priority='500'>
        <mac dstmacaddr='$GATEWAY_MAC'/>
      </rule>
      <filterref filter='no-other-l2-traffic'/>
      <filterref filter='qemu-announce-self'/>
    </filter>
    """,
)
