# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say how a network is connected, and what guests get from it."""

from __future__ import annotations


class ModuleDocFragment:
    """Name and tags, the way out, the bridge, limits and portgroups."""

    DOCUMENTATION = r"""
options:
  title:
    description:
      - A short title for people, in one line.
    type: str
  description:
    description:
      - What the network is for, in as many lines as it takes.
    type: str
  tags:
    description:
      - "Words to group networks by, of letters, digits and any of C(. _ : = / + -). Their order means nothing."
      - They are kept in the metadata of the definition, and are in RV(network) and in the result of
        M(corral.virt.network_info).
    type: list
    elements: str
  uuid:
    description:
      - The uuid of the network. Without it a new network gets one, and keeps it.
      - That of an existing network cannot be changed.
    type: str
  forward:
    description:
      - How guests reach what is outside of the network. Without it they do not, as with V(none).
      - V(none) connects them with each other and with the host only.
      - V(nat) lets them out behind the address of the host, V(route) with their own addresses, between which and the
        outside the host only passes on. V(open) is V(route) without any rule of ours in the packet filter.
      - V(bridge) connects them to a bridge that the host has already (O(bridge)), or with C(dev) or C(devs) directly
        to devices of the host (macvtap). So do V(private), V(vepa) and V(passthrough), each in its own way.
      - V(hostdev) gives each guest a network device of the host out of a pool.
      - "Or a mapping. C(mode) is one of the words above. C(dev) is the device that packets leave by, or that guests are
        connected to; C(devs) are several of them, of which each guest gets one."
      - "With V(nat): C(ports) is the range of ports that connections get outside, such as V(1024-65535), and
        C(addresses) the address or range of addresses, such as V(192.0.2.10-192.0.2.20). C(ipv6=true) hides IPv6
        addresses too, which otherwise are routed."
      - "With V(hostdev): C(pf) is the device whose virtual functions are the pool, or C(pci_addresses) are those of the
        pool, in quotes, such as V(0000:01:10.1). C(managed) says whether a device is taken from its driver and given
        back. C(driver) is the driver that it gets, such as V(vfio)."
    type: raw
  bridge:
    description:
      - The name of the bridge that the network makes. Without it one is chosen that is free, and kept.
      - With O(forward=bridge) the bridge that is there already.
    type: str
  stp:
    description:
      - Whether the bridge speaks the spanning tree protocol, as it does without this.
    type: bool
  delay:
    description:
      - How many seconds the bridge waits until it passes on packets of a new port, V(0) without this.
    type: int
  mac_table_manager:
    description:
      - Who fills the bridge's table of MAC addresses. With V(libvirt) it has those of the definitions of guests only,
        so nothing is flooded and no guest can take the address of another. Without it V(kernel).
    type: str
    choices: [kernel, libvirt]
  mtu:
    description:
      - The size of the largest packet on the bridge and its ports in bytes, V(1500) without this.
    type: int
  mac:
    description:
      - The MAC address of the bridge, in quotes, because YAML may take it for a number. Without it one is generated,
        and kept.
    type: str
  portgroups:
    description:
      - Groups of settings. An interface of a guest names one, or gets that which is the default.
      - They come into force for guests that are connected from then on.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the group.
        type: str
        required: true
      default:
        description:
          - Whether interfaces that name no group get this one.
        type: bool
      vlan:
        description:
          - The VLAN tags, in the same form as O(vlan).
        type: raw
      bandwidth:
        description:
          - The limits of each guest, in the same form as O(bandwidth).
        type: dict
        suboptions: &bandwidth
          inbound:
            description:
              - What goes to guests.
            type: dict
            suboptions: &rate
              average:
                description:
                  - How much goes through in a second, as a size with its unit, such as V(10MB). It is rounded up to
                    whole kilobytes of 1000 bytes.
                type: str
                required: true
              peak:
                description:
                  - How much goes through in a second for a moment.
                type: str
              burst:
                description:
                  - How much may go through at the peak, as a size with its unit, such as V(256KiB).
                type: str
          outbound:
            description:
              - What comes from guests.
            type: dict
            suboptions: *rate
      virtualport:
        description:
          - The port on a switch, in the same form as O(virtualport). Its C(type) may be left out.
        type: dict
        suboptions: &virtualport
          type:
            description:
              - The kind of the switch.
            type: str
            choices: [openvswitch, midonet, 802.1Qbg, 802.1Qbh]
          interface_id:
            description:
              - The uuid of the port, of V(openvswitch) and V(midonet).
            type: str
          profile_id:
            description:
              - The name of a profile, of V(openvswitch) and V(802.1Qbh).
            type: str
          manager_id:
            description:
              - The number of the manager of port profiles, of V(802.1Qbg).
            type: str
          type_id:
            description:
              - The number of the port profile, of V(802.1Qbg).
            type: str
          type_id_version:
            description:
              - The version of the port profile, of V(802.1Qbg).
            type: str
          instance_id:
            description:
              - The uuid of the instance, of V(802.1Qbg).
            type: str
      trust_guest_rx_filters:
        description:
          - Whether guests may choose which packets they receive.
        type: bool
  vlan:
    description:
      - The VLAN that guests are in, a number from 1 to 4094, or a list of several, which they tell apart themselves.
      - It needs something that knows VLANs, such as Open vSwitch or a device of O(forward=hostdev).
      - "Or a mapping. C(tags) is one or several of these numbers, C(trunk=true) lets guests tag their packets where
        there is only one, C(native) is the one of packets without a tag, and C(native_mode) says whether those leave
        V(tagged) or V(untagged)."
    type: raw
  bandwidth:
    description:
      - Limits for all guests of the network together.
    type: dict
    suboptions: *bandwidth
  isolated_ports:
    description:
      - Whether guests cannot reach each other, but only what is not isolated, such as the host.
    type: bool
  virtualport:
    description:
      - The port on a switch that is no Linux bridge.
      - Of Open vSwitch a bridge that is there already is supported, with O(forward=bridge), its name in O(bridge) and
        C(type=openvswitch). Guests become ports of it by C(ovs-vsctl), with O(vlan), C(interface_id) and C(profile_id).
        Such a bridge is neither made nor removed, its ports are not mended, and it knows no isolated ports.
    type: dict
    suboptions: *virtualport
  trust_guest_rx_filters:
    description:
      - Whether guests may choose which packets they receive, with the devices of O(forward).
    type: bool
"""
