#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network filters: rules for what the interfaces of guests may send and receive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: filter
short_description: Define, change and remove network filters
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Keeps network filters, which say what the interfaces of guests may send and receive. An interface names one filter,
    and passes values for its variables; a filter takes others in by name.
  - The definition comes from libvirt's nwfilter XML (O(xml)), or from options such as O(rules) and O(filters). Either
    one describes the whole filter. A uuid that was generated before is kept.
  - A definition that changes is in force at once, for all active guests that the filter has a part in guarding, or for
    none of them when it would not work for one. They go on without a moment in which they are not guarded.
  - When rules for active guests are missing in the packet filter of the host, or were edited there, a run finds that
    and mends it.
  - A second run with the same options changes nothing.
notes:
  - The filters that libvirt ships are there without being defined, such as V(clean-traffic), V(no-mac-spoofing) and
    V(allow-dhcp-server). M(corral.virt.filter_info) lists them. One that is defined under such a name is used in place
    of the built-in one.
  - Rules of the protocols V(mac), V(vlan), V(stp), V(arp), V(rarp), V(ip) and V(ipv6), and rules without a protocol,
    look at frames. All others look at the packets in those that have passed. What no rule speaks of passes, so a filter
    that is to let only some packets through ends with a rule that drops the rest.
  - Rules that track connections need a kernel that does so on bridges (C(nf_conntrack_bridge), since Linux 5.3).
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
  - corral.virt.many
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
      - The name of the filter.
      - Required without O(xml). With it, it must be the name that the XML says.
    type: str
  nwfilters:
    description:
      - Several network filters in one task, in place of O(name) or O(xml). An element takes the options that this
        module has for one filter, all of them but O(uri).
      - What stands beside the list, such as O(state), O(chain) or O(priority), holds for each filter that does not say
        it itself.
      - O(name), O(xml) and O(uuid) name one filter, so they cannot stand beside the list.
      - A filter that others of the list refer to comes before them.
    type: list
    elements: dict
  state:
    description:
      - V(present) makes sure that the filter is defined, and that active guests have its rules.
      - V(absent) removes the definition. A filter that guests or other filters refer to is not removed. Where it was
        defined under the name of a built-in filter, that is there again; it stays always, and a warning says so. A
        filter that does not exist is no error.
    type: str
    choices: [present, absent]
    default: present
  xml:
    description:
      - The definition as libvirt's nwfilter XML.
      - It cannot be given together with O(uuid), O(chain), O(priority), O(filters) or O(rules).
    type: str
  uuid:
    description:
      - The uuid. Without it the one that the filter has is kept, and a new one is made from the name.
    type: str
  chain:
    description:
      - Where the rules that look at frames stand, V(root) by default.
      - Other chains are called V(stp), V(mac), V(vlan), V(ipv4), V(ipv6), V(arp) or V(rarp), or begin so, such as
        V(arp-mac), and have at most 12 letters, digits and C(_.:-). Only frames of that protocol come by.
    type: str
  priority:
    description:
      - When a chain other than V(root) is gone through, among the rules and other chains of the root chain. A lower
        number from -1000 to 1000 comes first.
      - Without it that follows from the name, from -810 for V(stp) to -400 for V(rarp).
    type: int
  filters:
    description:
      - Other filters whose rules are taken in, each by its name, or as a mapping with C(name) and C(parameters).
        Parameters are names of variables with their values, or with lists of values.
      - They need not be defined yet, but no guest can use the filter until they are.
    type: list
    elements: raw
  rules:
    description:
      - What is done about which packets. Of rules with the same O(rules[].priority) the one that is written first is
        asked first, and those of O(filters) before them.
    type: list
    elements: dict
    suboptions:
      action:
        description:
          - V(accept) lets a packet pass, and V(drop) does not. V(reject) tells the sender so, unless that is the host
            itself, whose packets the kernel can only drop there.
          - V(return) goes back from a O(chain) to the root chain, and V(continue) goes on with the next rule.
        type: str
        choices: [drop, accept, reject, return, continue]
        required: true
      direction:
        description:
          - V(out) is what the guest sends, V(in) what it receives. V(inout) is both, and is written for what the guest
            receives; source and destination are exchanged for what it sends.
        type: str
        choices: [in, out, inout]
        required: true
      priority:
        description:
          - When the rule is asked, 500 by default. A lower number from -1000 to 1000 comes first.
        type: int
      statematch:
        description:
          - With V(false) the connections of this rule are not tracked. By default they are, where the protocol looks at
            packets and the action is V(accept), so that answers are let through and nobody connects in the other
            direction.
        type: bool
      protocol:
        description:
          - Of which protocol the packets are. Without it every frame is meant.
          - Frames are V(mac) (any), V(vlan), V(stp), V(arp), V(rarp), V(ip) or V(ipv6).
          - Packets of IPv4 are V(tcp), V(udp), V(udplite), V(esp), V(ah), V(sctp), V(icmp), V(igmp) or V(all), those of
            IPv6 V(tcp-ipv6), V(udp-ipv6), V(udplite-ipv6), V(esp-ipv6), V(ah-ipv6), V(sctp-ipv6), V(icmpv6) or
            V(all-ipv6).
        type: str
      match:
        description:
          - What all has to be so, by the names of libvirt's attributes, such as C(srcipaddr), C(srcipmask),
            C(dstportstart), C(dstportend), C(srcmacaddr), C(arpsrcipaddr), C(opcode), C(protocol), C(type), C(state)
            and C(flags).
          - A value may be a variable, V($NAME), which stands for each of its values in turn. V($IP) and V($MAC) are
            those of the interface. Addresses with colons are written in quotes, and several words, such as those of
            C(state), may be a list.
        type: dict
      unless:
        description:
          - What all must not be so, written like O(rules[].match). It is libvirt's C(match='no').
        type: dict
      comment:
        description:
          - What the rule is for, at most 256 characters. It needs O(rules[].protocol).
        type: str
seealso:
  - module: corral.virt.filter_info
  - module: corral.virt.vm
"""

EXAMPLES = r"""
- name: A web server, which cannot be anybody else on the network
  corral.virt.filter:
    name: web
    filters:
      - clean-traffic
    rules:
      - action: accept
        direction: in
        protocol: tcp
        match:
          dstportstart: 443
        comment: the web
      - action: accept
        direction: out
        protocol: udp
        match: {dstportstart: 53}
      - action: drop
        direction: inout
        priority: 1000
        protocol: all

- name: Several filters in one task, one of which takes in another
  corral.virt.filter:
    nwfilters:
      - name: no-smtp
        rules:
          - action: drop
            direction: out
            protocol: tcp
            match:
              dstportstart: 25
      - name: office
        filters: [clean-traffic, no-smtp]

- name: DHCP from one server only
  corral.virt.filter:
    name: dhcp-client
    filters:
      - name: allow-dhcp-server
        parameters:
          DHCPSERVER: 192.168.122.1
      - no-ip-multicast

- name: Addresses in ARP that are the guest's own, with a chain of its own
  corral.virt.filter:
    name: own-arp
    chain: arp-own
    priority: -505
    rules:
      - action: drop
        direction: out
        priority: 350
        protocol: arp
        unless:
          arpsrcmacaddr: $MAC
      - action: drop
        direction: out
        priority: 400
        protocol: arp
        unless:
          arpsrcipaddr: $IP

- name: Pairs of clients and ports, one rule for each pair of values
  corral.virt.filter:
    name: partners
    filters:
      - name: partner
        parameters:
          CLIENTS: [192.0.2.10, 192.0.2.11]
          PORTS: ["8443", "9443"]
    rules:
      - action: drop
        direction: in
        priority: 1000
        protocol: tcp
        match:
          flags: SYN,ACK/SYN
        comment: no other connections

- name: What that takes in
  corral.virt.filter:
    name: partner
    rules:
      - action: accept
        direction: in
        protocol: tcp
        match:
          srcipaddr: $CLIENTS
          dstportstart: $PORTS
          state: [NEW, ESTABLISHED]

- name: IPv6, MAC addresses and frames
  corral.virt.filter:
    name: lab-frames
    rules:
      - action: accept
        direction: out
        protocol: ipv6
        match:
          srcipaddr: "fe80::"
          srcipmask: 10
          protocol: icmpv6
          type: 135
          typeend: 136
      - action: drop
        direction: out
        protocol: mac
        match:
          dstmacaddr: "01:80:c2:00:00:00"
      - action: drop
        direction: out
        protocol: vlan

- name: A definition in libvirt's own words
  corral.virt.filter:
    xml: |
      <filter name='no-mail'>
        <rule action='reject' direction='out'>
          <tcp dstportstart='25'/>
        </rule>
      </filter>

- name: Put right what somebody has done to the rules of those who use it
  corral.virt.filter:
    name: web

- name: Remove it
  corral.virt.filter:
    name: no-mail
    state: absent
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
actions:
  description: What was done, or in check mode what would be done.
  returned: success, with O(nwfilters) in each element of RV(results)
  type: list
  elements: dict
  contains:
    action:
      description: One of V(define), V(mend) and V(undefine).
      type: str
    target:
      description: The name of the filter.
      type: str
    effect:
      description: Always V(live). Active guests have the rules at once.
      type: str
    detail:
      description:
        - The differences between the old definition and the new one, or what of the rules for active guests is missing
          on the host.
      type: list
      elements: str
  sample:
    - action: mend
      target: web
      effect: live
      detail:
        - "table: The table bridge corral is missing, and with it all rules of web1."
filter:
  description:
    - The filter as it is after the run, in check mode as it is now, with the values that
      M(corral.virt.filter_info) has in RV(corral.virt.filter_info#module:filters).
    - V(null) when there is no such filter.
  returned: success, with O(nwfilters) in each element of RV(results)
  type: dict
  sample:
    name: web
    chain: root
    filters: [clean-traffic]
    users: [{kind: guest, name: web1}]
results:
  description:
    - What became of each element of O(nwfilters), in the order of the list.
    - Beside these an element has the values that the module returns for one filter, such as RV(actions) and
      RV(filter). What C(--diff) shows is beside the list, for all of them.
  returned: with O(nwfilters)
  type: list
  elements: dict
  contains:
    name:
      description: The name of the filter.
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
    - name: web
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
  description: Values that belong to the failure, such as the users of the filter, or the line of the XML.
  returned: on failure
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.filter_definition import (
    FILTER_DEFINING,
    FILTER_DEFINITION,
)
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many, names_of
from ansible_collections.corral.virt.plugins.module_utils.converge.many_ties import filter_uses

STATE = Spec({"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}})


def names(options: Mapping[str, Any]) -> Iterable[str]:
    """The name of an element, and its uuid where it says one."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.filter_spec import desired_filter

    name, document = desired_filter(options, describe=bool(options.get("xml")))
    return names_of(options, name, document)


FILTERS = Many(
    "nwfilters",
    "filter",
    single=("name", "xml", "uuid"),
    defining=FILTER_DEFINING,
    names=names,
    uses=filter_uses,
)


def work(job: Job) -> dict[str, Any]:
    """Bring the filter to what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.filter import converge_filter

    return converge_filter(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, FILTER_DEFINITION, STATE, many=FILTERS)


if __name__ == "__main__":
    main()
