# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say which addresses and names a network has."""

from __future__ import annotations


class ModuleDocFragment:
    """Addresses, DHCP, routes, and DNS."""

    DOCUMENTATION = r"""
options:
  ips:
    description:
      - The addresses of the host in the network, and what is served to guests on each. DHCP can be served on one
        IPv4 and one IPv6 address.
      - Without any there are no addresses and there is no DHCP. V(nat), V(route) and V(open) of O(forward) need one.
    type: list
    elements: dict
    suboptions:
      address:
        description:
          - The address with the length of its prefix, such as V(192.168.100.1/24) or V(fd00:1::1/64).
          - Without it a subnet is chosen that is free on the host, and kept.
        type: str
      family:
        description:
          - The family of an address that is left open, V(ipv4) without this.
        type: str
        choices: [ipv4, ipv6]
      prefix:
        description:
          - The length of the prefix of an address that is left open, V(24) or V(64) without this.
        type: int
      dhcp:
        description:
          - Whether addresses are given out. Without O(ips[].ranges) the rest of the subnet is.
          - With C(ranges), C(hosts) or C(bootp) it need not be written.
        type: bool
      ranges:
        description:
          - The addresses that are given out.
        type: list
        elements: dict
        suboptions:
          start:
            description:
              - The first.
            type: str
            required: true
          end:
            description:
              - The last.
            type: str
            required: true
          lease_time:
            description:
              - How long they are given out for. Without it as O(ips[].lease_time) says.
            type: str
      hosts:
        description:
          - Addresses that are kept for one guest each, which is known by one or several of C(mac), C(id) and C(name).
        type: list
        elements: dict
        suboptions:
          address:
            description:
              - The address.
            type: str
            required: true
          mac:
            description:
              - The MAC address of the guest, for IPv4. In quotes, because YAML may take it for a number.
            type: str
          id:
            description:
              - The DHCP unique identifier of the guest, for IPv6.
            type: str
          name:
            description:
              - The name that the guest gives, or with C(mac) or C(id) the name that it gets.
            type: str
          lease_time:
            description:
              - How long the address is given out for.
            type: str
      lease_time:
        description:
          - How long addresses of ranges are given out for, such as V(30m), V(12h) or V(7d), at least V(2m); or
            V(infinite). Without it as long as dnsmasq does, an hour.
        type: str
      bootp:
        description:
          - What guests are told to boot from over the network.
        type: dict
        suboptions:
          file:
            description:
              - The file, below O(ips[].tftp_root) or on the server, or a URL for firmware that takes one.
            type: str
            required: true
          server:
            description:
              - The address of the server, without it the host.
            type: str
      tftp_root:
        description:
          - A directory of the target whose files are served by TFTP, on one IPv4 address of the network.
        type: path
      local_ptr:
        description:
          - Whether questions for the names of addresses in the subnet are answered here and never passed on.
        type: bool
  routes:
    description:
      - Routes of the host to subnets behind a guest of the network.
    type: list
    elements: dict
    suboptions:
      destination:
        description:
          - The subnet, such as V(10.1.0.0/16).
        type: str
        required: true
      gateway:
        description:
          - The address of the guest that leads there.
        type: str
        required: true
      metric:
        description:
          - Which of several routes is taken; a smaller number comes first.
        type: int
  ipv6_between_guests:
    description:
      - Whether guests may speak IPv6 with each other in a network without an IPv6 address.
    type: bool
  domain:
    description:
      - The domain that the names of guests are in, such as V(lab.example).
      - "Or a mapping of C(name), the domain, and C(local_only): whether questions for names in it that are not known
        here are never passed on."
    type: raw
  dns:
    description:
      - The network's DNS server. Without it there is one that knows the names of guests and asks the servers of the
        host for all else.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether there is one.
        type: bool
      forward_plain_names:
        description:
          - Whether questions for names without a domain are passed on.
        type: bool
      forwarders:
        description:
          - Servers to ask in place of those of the host.
        type: list
        elements: dict
        suboptions:
          address:
            description:
              - The address of the server. Without it the servers of the host are asked.
            type: str
          domain:
            description:
              - The domain that is asked for there, without it all.
            type: str
      hosts:
        description:
          - Names of addresses.
        type: list
        elements: dict
        suboptions:
          address:
            description:
              - The address.
            type: str
            required: true
          names:
            description:
              - Its names. The first is the one that the address is resolved to.
            type: list
            elements: str
            required: true
      srv:
        description:
          - SRV records, which say where a service is.
        type: list
        elements: dict
        suboptions:
          service:
            description:
              - The service, such as V(ldap).
            type: str
            required: true
          protocol:
            description:
              - The protocol, such as V(tcp).
            type: str
            required: true
          domain:
            description:
              - The domain of the service, without it that of the network.
            type: str
          target:
            description:
              - The name of the machine. Without it there is no such service.
            type: str
          port:
            description:
              - The port.
            type: int
          priority:
            description:
              - Which of several is tried first, the smallest number.
            type: int
          weight:
            description:
              - How often one of several with the same priority is chosen.
            type: int
      txt:
        description:
          - TXT records.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - The name of the record.
            type: str
            required: true
          value:
            description:
              - Its text.
            type: str
            required: true
  dnsmasq_options:
    description:
      - Lines for the configuration of the network's dnsmasq. What they mean is not checked, and a wrong one keeps the
        network from starting.
      - C(pid-file), C(no-daemon), C(keep-in-foreground), C(dhcp-leasefile), C(leasefile-ro), C(user) and C(group) are
        refused, since dnsmasq could not be watched over or its leases not be read. The files that C(conf-file) and
        C(conf-dir) name are not looked at, and must not set these either.
      - A C(dhcp-script) is run as root, unless C(dhcp-scriptuser) names another user.
    type: list
    elements: str
"""
