#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual networks: definition and state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Define, start, stop and remove virtual networks
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Makes a virtual network what it is asked to be, its definition as well as its state.
  - The definition comes from libvirt's network XML (O(xml)), or from options such as O(forward) and O(ips). Either one
    describes the whole network. What was generated for it before (uuid, bridge, MAC address, subnet) is kept.
  - An active network is one that works. When something of it is missing on the host, such as its bridge, an address,
    its DHCP server or its rules in the packet filter, a run finds that and mends it, whatever else it is asked for.
  - A second run with the same options changes nothing.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
  - corral.virt.many
  - corral.virt.network_link
  - corral.virt.network_addresses
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
options:
  name:
    description:
      - The name of the network.
      - Required without O(xml). With it, it must be the name that the XML says.
      - The network V(default) need not be described. Where there is none, it becomes the one that libvirt has, a
        V(nat) network with the addresses V(192.168.122.0/24).
    type: str
  networks:
    description:
      - Several networks in one task, in place of O(name) or O(xml). An element takes the options that this module has
        for one network, all of them but O(uri).
      - What stands beside the list, such as O(state) or O(autostart), holds for each network that does not say it
        itself.
      - O(name), O(xml), O(uuid), O(bridge) and O(mac) name one network, so they cannot stand beside the list.
    type: list
    elements: dict
  state:
    description:
      - V(present) makes sure that the network is defined, and leaves it active or inactive as it is.
      - V(active) starts it.
      - V(inactive) takes it down.
      - V(absent) takes it down and removes its definition. Options that describe the network are not looked at. A
        network that does not exist is no error.
      - A network that active guests are connected to is not taken down or removed without O(force).
    type: str
    choices: [present, active, inactive, absent]
    default: present
  transient:
    description:
      - Whether the network has no definition that stays, so that it is forgotten as soon as it is taken down. It needs
        O(state=active), and cannot go with O(autostart=true).
      - The definition of a network that has one is removed, and the network stays active.
    type: bool
    default: false
  xml:
    description:
      - The definition as libvirt's network XML.
      - It cannot be given together with an option that describes a part of the network, such as O(forward) or O(ips).
    type: str
  autostart:
    description:
      - Whether the network starts when the host does. Without it that is left as it is.
      - With the units of the role P(corral.virt.host#role) systemd starts it then, before the guests. A host without
        them, and every connection but C(qemu:///system), keeps this and does not act on it; there a run with
        O(state=active) starts the network after a boot.
    type: bool
  apply:
    description:
      - What to do about an active network with another definition than the one that is wanted.
      - With V(live) it gets at once what cuts no guest off; the rest comes into force when it is started again. Until
        then RV(pending) lists the rest, RV(restart_required) is true, and RV(cut_off) names the guests.
      - At once it gets what concerns DHCP, DNS and TFTP; another mode of O(forward) among V(nat), V(route), V(open) and
        V(none), and what belongs to these; O(bandwidth), O(portgroups), O(isolated_ports), O(stp), O(delay),
        O(ipv6_between_guests) and O(trust_guest_rx_filters); title, description and metadata.
      - With V(next_boot) the active network is left alone, and all of the new definition waits for its next start.
      - With V(restart) it is taken down and started again at once, unless it can get all of it without. Guests that
        were connected are cut off for that moment, and are connected again.
      - A run that does not describe the network leaves alone what is pending from earlier runs, unless this is
        V(restart).
    type: str
    choices: [live, next_boot, restart]
    default: live
  force:
    description:
      - Whether to take down or remove a network that active guests are connected to. They go on without it.
    type: bool
    default: false
seealso:
  - module: corral.virt.network_info
  - module: corral.virt.vm
"""

EXAMPLES = r"""
- name: The network that libvirt has by default, active and started with the host
  corral.virt.network:
    name: default
    state: active
    autostart: true

- name: Several networks in one task
  corral.virt.network:
    state: active
    autostart: true
    networks:
      - name: front
        forward: nat
        ips:
          - address: 192.168.130.1/24
      - name: back
        ips:
          - address: 192.168.131.1/24

- name: A network behind the host's address, with a bridge and a subnet that are free
  corral.virt.network:
    name: lab
    forward: nat
    ips:
      - dhcp: true
    state: active

- name: Reserved addresses, names and other servers
  corral.virt.network:
    name: office
    title: Office
    tags: [production]
    forward:
      mode: nat
      ports: 1024-65535
      ipv6: true
    bridge: virbr-office
    domain:
      name: office.example
      local_only: true
    ips:
      - address: 10.20.0.1/24
        ranges:
          - start: 10.20.0.100
            end: 10.20.0.199
        lease_time: 12h
        hosts:
          - mac: "52:54:00:00:00:10"
            name: web1
            address: 10.20.0.10
      - address: fd00:20::1/64
        dhcp: true
    dns:
      forwarders:
        - address: 192.0.2.53
        - domain: corp.example
          address: 192.0.2.54
      hosts:
        - address: 10.20.0.1
          names: [gateway, ntp]
      srv:
        - service: ldap
          protocol: tcp
          target: web1.office.example
          port: 389
      txt:
        - name: about
          value: the network of the office
    state: active

- name: Guests with addresses of their own, and limits
  corral.virt.network:
    name: routed
    forward:
      mode: route
      dev: eth0
    ips:
      - address: 198.51.100.1/24
        dhcp: true
    routes:
      - destination: 203.0.113.0/24
        gateway: 198.51.100.2
    bandwidth:
      inbound:
        average: 100MB
        peak: 200MB
        burst: 10MiB
    portgroups:
      - name: staff
        default: true
      - name: visitors
        bandwidth:
          inbound:
            average: 1MB
          outbound:
            average: 1MB

- name: Guests that reach the host and nothing else, not even each other
  corral.virt.network:
    name: cells
    forward: none
    isolated_ports: true
    dns:
      enabled: false
    ips:
      - address: 172.30.0.1/24
        dhcp: true

- name: Booting over the network
  corral.virt.network:
    name: installer
    forward: nat
    ips:
      - address: 192.168.50.1/24
        dhcp: true
        tftp_root: /srv/tftp
        bootp:
          file: pxelinux.0
    dnsmasq_options:
      - dhcp-option=option:ntp-server,192.168.50.1

- name: A bridge that the host has already
  corral.virt.network:
    name: lan
    forward: bridge
    bridge: br0

- name: Directly on devices of the host
  corral.virt.network:
    name: direct
    forward:
      mode: private
      devs: [eth1, eth2]

- name: A definition in libvirt's own words
  corral.virt.network:
    xml: "{{ lookup('ansible.builtin.template', 'dmz.xml.j2') }}"
    state: active
    apply: restart

- name: Take a network down, whoever uses it
  corral.virt.network:
    name: lab
    state: inactive
    force: true

- name: Remove it
  corral.virt.network:
    name: lab
    state: absent
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
actions:
  description: What was done, or in check mode what would be done, in this order.
  returned: success, with O(networks) in each element of RV(results)
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of V(define), V(undefine), V(mend), V(update), V(create), V(start), V(destroy), V(enable_autostart) and
          V(disable_autostart).
      type: str
    target:
      description: The name of the network.
      type: str
    effect:
      description: When it comes into force, V(live) or, when the network is started again, V(next_boot).
      type: str
    detail:
      description:
        - What it is about, such as the differences between the old definition and the new one, what is missing on the
          host, or the guests that are cut off.
      type: list
      elements: str
  sample:
    - action: mend
      target: lab
      effect: live
      detail:
        - "dnsmasq: the DHCP and DNS server is not running"
pending:
  description: What of its definition the network gets only when it is started again.
  returned: success, with O(networks) in each element of RV(results)
  type: list
  elements: str
  sample:
    - "/network/mtu/@size: 1500 -> 9000"
restart_required:
  description: Whether something is pending.
  returned: success, with O(networks) in each element of RV(results)
  type: bool
cut_off:
  description:
    - The active guests that are cut off by what is done, or, when something is pending, that a restart would cut off
      for a moment.
  returned: success, with O(networks) in each element of RV(results)
  type: list
  elements: str
  sample: [web1]
network:
  description:
    - The network as it is after the run, in check mode as it is now, with the values that
      M(corral.virt.network_info) has in RV(corral.virt.network_info#module:networks).
    - V(null) when there is no such network.
  returned: success, with O(networks) in each element of RV(results)
  type: dict
  sample:
    name: lab
    state: active
    bridge: virbr1
    addresses: [192.168.123.1/24]
results:
  description:
    - What became of each element of O(networks), in the order of the list.
    - Beside these an element has the values that the module returns for one network, such as RV(actions) and
      RV(network). What C(--diff) shows is beside the list, for all of them.
  returned: with O(networks)
  type: list
  elements: dict
  contains:
    name:
      description: The name of the network.
      type: str
    changed:
      description: Whether something was done, or in check mode would be done, also before a failure.
      type: bool
    failed:
      description: Whether the element could not become what it is asked to be.
      type: bool
    msg:
      description: What went wrong, and what to do about it.
      returned: on failure of the element
      type: str
    error:
      description: The kind of the failure.
      returned: on failure of the element
      type: str
    hint:
      description: What to do about the failure, which is a part of the message too.
      returned: on failure of the element
      type: str
    details:
      description: Values that belong to the failure, as for one that is no element.
      returned: on failure of the element
      type: dict
  sample:
    - name: lab
      changed: true
      failed: false
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, such as V(InvalidArgument), V(OperationInvalid) or V(AlreadyExists).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
details:
  description: Values that belong to the failure, such as the names of the guests that use the network.
  returned: on failure
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many, names_of
from ansible_collections.corral.virt.plugins.module_utils.converge.network_definition import (
    NETWORK_DEFINING,
    NETWORK_DEFINITION,
)

STATE = Spec(
    {
        "state": {"type": "str", "choices": ["present", "active", "inactive", "absent"], "default": "present"},
        "transient": {"type": "bool", "default": False},
        "autostart": {"type": "bool"},
        "apply": {"type": "str", "choices": ["live", "next_boot", "restart"], "default": "live"},
        "force": {"type": "bool", "default": False},
    }
)


def names(options: Mapping[str, Any]) -> Iterable[str]:
    """The name of an element, and its uuid where it says one."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.network_spec import desired_network

    name, document = desired_network(options, describe=bool(options.get("xml")))
    return names_of(options, name, document)


NETWORKS = Many(
    "networks",
    "network",
    single=("name", "xml", "uuid", "bridge", "mac"),
    defining=NETWORK_DEFINING,
    names=names,
)


def work(job: Job) -> dict[str, Any]:
    """Bring the network to what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.network import converge_network

    return converge_network(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, NETWORK_DEFINITION, STATE, many=NETWORKS)


if __name__ == "__main__":
    main()
