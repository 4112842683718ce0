# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network that every host is expected to have: guests in 192.168.122.0/24 behind the host's address.

Its bridge is virbr0, or the next one that is free where another network has that already.

Source of its name, bridge and addresses: libvirt's own default network.
"""

from __future__ import annotations

from ...xml.parse import Element, parse

NAME = "default"
DOCUMENT = """
<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge stp='on' delay='0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>
"""


def default_network() -> Element:
    """The document of the network ``default`` where nobody has described one."""
    return parse(DOCUMENT, root="network", what="default network")
