# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in filters that let a kind of packets pass, whatever is in them."""

from __future__ import annotations

from typing import Tuple

ALLOW: Tuple[str, ...] = (
    """
    <filter name='allow-arp' chain='arp' priority='-500'>
      <rule action='accept' direction='inout' priority='500'/>
    </filter>
    """,
    """
    <filter name='allow-ipv4' chain='ipv4' priority='-700'>
      <rule action='accept' direction='inout' priority='500'/>
    </filter>
    """,
    """
    <filter name='allow-ipv6' chain='ipv6' priority='-600'>
      <rule action='accept' direction='inout' priority='500'/>
    </filter>
    """,
    """
    <filter name='allow-incoming-ipv4' chain='ipv4' priority='-700'>
      <rule action='accept' direction='in' priority='500'/>
    </filter>
    """,
    """
    <filter name='allow-incoming-ipv6' chain='ipv6' priority='-600'>
      <rule action='accept' direction='in' priority='500'/>
    </filter>
    """,
)
