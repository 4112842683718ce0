# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in filters that keep a guest from sending to many receivers at once."""

from __future__ import annotations

from typing import Tuple

GROUPS: Tuple[str, ...] = (
    """
    <filter name='no-ip-multicast' chain='ipv4' priority='-700'>
      <rule action='drop' direction='out' priority='500'>
        <ip dstipaddr='224.0.0.0' dstipmask='4'/>
      </rule>
    </filter>
    """,
    """
    <filter name='no-ipv6-multicast' chain='ipv6' priority='-600'>
      <rule action='drop' direction='out' priority='500'>
        <ipv6 dstipaddr='ff00::' dstipmask='8'/>
      </rule>
    </filter>
    """,
    """
    <filter name='no-mac-broadcast' chain='ipv4' priority='-700'>
      <rule action='drop' direction='out' priority='500'>
        <mac dstmacaddr='ff:ff:ff:ff:ff:ff'/>
      </rule>
    </filter>
    """,
)
