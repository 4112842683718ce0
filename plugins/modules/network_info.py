#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about virtual networks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Show virtual networks
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Returns what one, several or all virtual networks of a connection are, what state they are in, which guests are
    connected, which addresses they were given, and what of an active network does not work.
  - The connection is read-only, so nothing of a network is ever changed.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  platform:
    support: full
options:
  name:
    description:
      - The names of the networks to show, one or a list of them; a uuid serves as well.
      - Without it all networks are shown. An empty list shows none.
      - A network that does not exist is not an error; its name is in RV(missing) then.
    type: list
    elements: str
    aliases: [names]
  xml:
    description:
      - Whether to return the definitions as libvirt's network XML, in C(xml) of each network.
      - V(live) is the one that an active network has now, V(inactive) the one with which it starts the next time.
    type: str
    choices: [none, live, inactive]
    default: none
seealso:
  - module: corral.virt.network
"""

EXAMPLES = r"""
- name: All networks
  corral.virt.network_info:
  register: found

- name: Stop here when one of them does not work
  ansible.builtin.assert:
    that: found.networks | map(attribute='faults') | flatten == []

- name: One network
  corral.virt.network_info:
    name: lab
  register: lab

- name: Say which addresses its guests were given
  ansible.builtin.debug:
    msg: "{{ lab.networks[0].leases | items2dict(key_name='mac', value_name='address') }}"

- name: The definition of the network of the test driver
  corral.virt.network_info:
    uri: test:///default
    name: default
    xml: inactive
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
networks:
  description: The networks, in the order in which they were asked for; all of them are sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: lab
    uuid:
      description: The uuid.
      type: str
      sample: 7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10
    state:
      description:
        - V(active) or V(inactive).
      type: str
      sample: active
    active:
      description: Whether the network is active.
      type: bool
      sample: true
    persistent:
      description: Whether the network has a definition that stays when it is taken down.
      type: bool
      sample: true
    autostart:
      description: Whether the network starts when the host does.
      type: bool
      sample: false
    pending:
      description: What of its definition an active network gets only when it is started again.
      type: list
      elements: str
      sample:
        - "/network/mtu/@size: 1500 -> 9000"
    title:
      description: The title, V(null) without one.
      type: str
      sample: Lab
    description:
      description: What the network is for, V(null) where nothing is said.
      type: str
    tags:
      description: The tags, sorted. Those of other programs are not among them.
      type: list
      elements: str
    forward:
      description: The mode, V(none) for a network that is isolated.
      type: str
      sample: nat
    devices:
      description: The devices of the host that packets leave by, or that guests are connected to. Empty for any.
      type: list
      elements: str
    bridge:
      description: The bridge, V(null) where there is none.
      type: str
      sample: virbr1
    mac:
      description: The MAC address of the bridge.
      type: str
      sample: 52:54:00:6b:3c:58
    mtu:
      description: The size of the largest packet, V(null) where nothing is said.
      type: int
    domain:
      description: The domain that the names of guests are in.
      type: str
      sample: lab.example
    addresses:
      description: The addresses of the host in the network, with their prefix lengths.
      type: list
      elements: str
      sample: [192.168.123.1/24]
    dhcp:
      description: The ranges of addresses that are given out, each with C(start) and C(end).
      type: list
      elements: dict
    portgroups:
      description: The names of the portgroups.
      type: list
      elements: str
    guests:
      description: The names of the active guests that are connected.
      type: list
      elements: str
      sample: [web1]
    leases:
      description:
        - The addresses that were given out and have not expired, each with C(network), C(mac), C(address),
          C(hostname), C(client_id) and C(expires), in seconds since the epoch or V(null) for never.
      type: list
      elements: dict
    faults:
      description:
        - What an active network lacks to work, each with C(what), a word such as V(bridge), and C(detail), a sentence.
          M(corral.virt.network) mends it.
      type: list
      elements: dict
    advice:
      description: What others on the host do to an active network, such as a firewall that drops its packets.
      type: list
      elements: str
    runtime:
      description: What else the driver knows of the network at present.
      type: dict
    xml:
      description:
        - The definition that was asked for.
        - V(null) where there is none, such as a live one of a network that is inactive.
      type: str
      returned: when O(xml) is V(live) or V(inactive)
unreadable:
  description:
    - Networks that are there and cannot be looked at, such as those whose files are damaged. They are in no other list.
    - Each of them is warned of, too. A network that O(name) names is an error instead.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: lab
    error:
      description: Why, with the file where it is one.
      type: str
    hint:
      description: What to do about it, V(null) where that is not known.
      type: str
missing:
  description: The names of networks that were asked for and do not exist.
  returned: success
  type: list
  elements: str
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, such as V(UriError) or V(NoConnection).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
details:
  description: Values that belong to the failure.
  returned: on failure
  type: dict
"""

from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job

NETWORKS = Spec(
    {
        "name": {"type": "list", "elements": "str", "aliases": ["names"]},
        "xml": {"type": "str", "choices": ["none", "live", "inactive"], "default": "none"},
    }
)


def work(job: Job) -> dict[str, Any]:
    """Look at the networks."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.network_look import show_networks

    return show_networks(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, NETWORKS, read_only=True)


if __name__ == "__main__":
    main()
