# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Built-in filters that end what others have let through, and those for QEMU's announcement of a guest.

After a migration QEMU sends a reverse ARP request in the guest's name, so that switches learn where it is now. Old
versions sent it under the ether type 0x835.
"""

from __future__ import annotations

from typing import Tuple

OTHERS: Tuple[str, ...] = (
    """
    <filter name='no-other-l2-traffic' chain='root'>
      <rule action='drop' direction='inout' priority='1000'/>
    </filter>
    """,
    """
    <filter name='no-other-rarp-traffic' chain='rarp' priority='-400'>
      <rule action='drop' direction='inout' priority='1000'/>
    </filter>
    """,
    """
    <filter name='qemu-announce-self-rarp' chain='rarp' priority='-400'>
      <rule action='accept' direction='out' priority='500'>
        <rarp srcmacaddr='$MAC' dstmacaddr='ff:ff:ff:ff:ff:ff' opcode='Request_Reverse' arpsrcmacaddr='$MAC'
              arpdstmacaddr='$MAC' arpsrcipaddr='0.0.0.0' arpdstipaddr='0.0.0.0'/>
      </rule>
      <rule action='accept' direction='in' priority='500'>
        <rarp dstmacaddr='ff:ff:ff:ff:ff:ff' opcode='Request_Reverse' arpsrcmacaddr='$MAC' arpdstmacaddr='$MAC'
              arpsrcipaddr='0.0.0.0' arpdstipaddr='0.0.0.0'/>
      </rule>
    </filter>
    """,
    """
    <filter name='qemu-announce-self' chain='root'>
      <rule action='accept' direction='out' priority='500'>
        <mac protocolid='0x835'/>
      </rule>
      <filterref filter='qemu-announce-self-rarp'/>
      <filterref filter='no-other-rarp-traffic'/>
    </filter>
    """,
)
