# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say what to wait for."""

from __future__ import annotations


class ModuleDocFragment:
    """When a guest that was started counts as ready."""

    DOCUMENTATION = r"""
options:
  wait_for:
    description:
      - What to wait for when the guest runs, with O(state=running), V(restarted), V(rebooted) or V(reset) only. What is
        given of O(wait_for.console), O(wait_for.agent), O(wait_for.address) and O(wait_for.port) is waited for in this
        order.
      - When it does not come the module fails with a diagnosis, in the message and in RV(details), of the guest's
        state, the last lines of its console and of what QEMU said, and whether its agent's channel is there and opened.
      - In check mode there is no waiting.
    type: dict
    suboptions:
      console:
        description:
          - A text that the guest writes to its console. What it wrote since it was started counts too, so a guest that
            is up already is not waited for; after a reboot or a reset only what came then.
        type: str
      agent:
        description:
          - Whether to wait until the guest agent answers.
        type: bool
      address:
        description:
          - Whether to wait until an address is known at which others may reach the guest. The guest agent is asked for
            it where there is one, else the leases of the network's DHCP server, else the host's table of neighbours
            (ARP), which has those that the host has met. RV(address) says which of them answered.
          - When none becomes known the message says why for each interface, such as a network that is not active or
            lacks its DHCP server, a cable that is not plugged in, or a guest that has not sent anything.
          - A lease of an earlier life of the guest counts too, for as long as it lasts.
        type: bool
      port:
        description:
          - A TCP port that has to take connections from the target. One that QEMU itself forwards to its guest may do
            so before the guest does.
        type: int
      host:
        description:
          - The name or address at which O(wait_for.port) is. Without it every address of the guest counts that is known
            as for O(wait_for.address).
        type: str
      timeout:
        description:
          - How many seconds to wait at most, for each of them.
        type: int
        default: 120
"""
