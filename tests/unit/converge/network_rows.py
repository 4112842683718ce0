# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a network beside its name, and a part of the document that each of them writes."""

from __future__ import annotations

from typing import Any

NET = {"address": "10.1.0.1/24"}
V6 = {"address": "fd00:1::1/64"}
RATE = {"average": "1MB"}

NETWORK_WRITTEN: tuple[tuple[dict[str, Any], str], ...] = (
    # what people call it
    ({"title": "Lab"}, "<title>Lab</title>"),
    ({"description": "one\ntwo "}, "<description>onetwo</description>"),
    (
        {"tags": ["web", "a/b", "web"]},
        '<metadata><corral:network xmlns:corral="urn:corral.virt:network:1"><corral:tag>a/b</corral:tag>'
        "<corral:tag>web</corral:tag></corral:network></metadata>",
    ),
    ({"uuid": "00000000000040008000000000000001"}, "<uuid>00000000-0000-4000-8000-000000000001</uuid>"),
    # how it is connected
    ({"forward": "none"}, "<network><name>a</name></network>"),
    ({"forward": {"mode": "none"}, "ips": [NET]}, "<network><name>a</name><ip"),
    ({"forward": "nat", "ips": [NET]}, '<forward mode="nat"/>'),
    ({"forward": {"mode": "route", "dev": "eth0"}, "ips": [NET]}, '<forward mode="route" dev="eth0"/>'),
    ({"forward": "open", "ips": [NET]}, '<forward mode="open"/>'),
    (
        {"forward": {"mode": "nat", "ports": "1024-65535", "addresses": "192.0.2.1-192.0.2.9"}, "ips": [NET]},
        '<forward mode="nat"><nat><address start="192.0.2.1" end="192.0.2.9"/><port start="1024" end="65535"/></nat>',
    ),
    (
        {"forward": {"mode": "nat", "addresses": "192.0.2.1", "ipv6": "yes"}, "ips": [NET]},
        '<nat ipv6="yes"><address start="192.0.2.1" end="192.0.2.1"/></nat>',
    ),
    ({"forward": "bridge", "bridge": "br0"}, '<forward mode="bridge"/><bridge name="br0"/>'),
    ({"forward": {"mode": "bridge", "dev": "eth0"}}, '<forward mode="bridge" dev="eth0"/>'),
    (
        {"forward": {"mode": "private", "devs": ["eth0", "eth1"]}},
        '<forward mode="private"><interface dev="eth0"/><interface dev="eth1"/></forward>',
    ),
    ({"forward": {"mode": "vepa", "devs": "eth0"}}, '<forward mode="vepa"><interface dev="eth0"/></forward>'),
    ({"forward": {"mode": "passthrough", "dev": "eth0"}}, '<forward mode="passthrough" dev="eth0"/>'),
    (
        {"forward": {"mode": "hostdev", "pf": "eth0", "managed": True, "driver": "vfio"}},
        '<forward mode="hostdev" managed="yes"><driver name="vfio"/><pf dev="eth0"/></forward>',
    ),
    (
        {"forward": {"mode": "hostdev", "pci_addresses": ["0000:01:10.1", "02:00.7"]}},
        '<address type="pci" domain="0x0000" bus="0x01" slot="0x10" function="0x1"/>'
        '<address type="pci" domain="0x0000" bus="0x02" slot="0x00" function="0x7"/>',
    ),
    ({"bridge": "virbr7"}, '<bridge name="virbr7"/>'),
    ({"stp": False, "delay": 2}, '<bridge stp="off" delay="2"/>'),
    ({"stp": True, "mac_table_manager": "libvirt"}, '<bridge stp="on" macTableManager="libvirt"/>'),
    ({"mtu": 9000}, '<mtu size="9000"/>'),
    ({"mac": "52-54-0-0-0-1"}, '<mac address="52:54:00:00:00:01"/>'),
    # addresses
    ({"ips": [NET]}, '<ip address="10.1.0.1" prefix="24"/>'),
    ({"ips": [V6]}, '<ip family="ipv6" address="fd00:1::1" prefix="64"/>'),
    ({"ips": [{}]}, "<ip/>"),
    ({"ips": [{"family": "ipv6", "dhcp": True}]}, '<ip family="ipv6"><dhcp><range/></dhcp></ip>'),
    ({"ips": [{"prefix": 28}]}, '<ip prefix="28"/>'),
    (
        {"ips": [{**NET, "dhcp": True, "lease_time": "12h"}]},
        '<dhcp><range><lease expiry="12" unit="hours"/></range></dhcp>',
    ),
    (
        {"ips": [{**NET, "ranges": [{"start": "10.1.0.2", "end": "10.1.0.9", "lease_time": "infinite"}]}]},
        '<dhcp><range start="10.1.0.2" end="10.1.0.9"><lease expiry="0"/></range></dhcp>',
    ),
    (
        {"ips": [{**NET, "lease_time": "2d", "ranges": [{"start": "10.1.0.2", "end": "10.1.0.9"}]}]},
        '<lease expiry="48" unit="hours"/>',
    ),
    (
        {"ips": [{**NET, "hosts": [{"mac": "52:54:0:0:0:2", "name": "b", "address": "10.1.0.2"}]}]},
        '<dhcp><host mac="52:54:00:00:00:02" name="b" ip="10.1.0.2"/></dhcp>',
    ),
    (
        {"ips": [{**V6, "hosts": [{"id": "0:1:2", "address": "fd00:1::2", "lease_time": "150s"}]}]},
        '<host id="0:1:2" ip="fd00:1::2"><lease expiry="150" unit="seconds"/></host>',
    ),
    (
        {"ips": [{**NET, "dhcp": True, "bootp": {"file": "pxe.0", "server": "10.1.0.9"}, "tftp_root": "/srv"}]},
        '<tftp root="/srv"/><dhcp><range/><bootp file="pxe.0" server="10.1.0.9"/></dhcp>',
    ),
    ({"ips": [{**NET, "local_ptr": True}]}, 'prefix="24" localPtr="yes"/>'),
    (
        {"ips": [NET], "routes": [{"destination": "10.2.0.0/16", "gateway": "10.1.0.2", "metric": 3}]},
        '<route address="10.2.0.0" prefix="16" gateway="10.1.0.2" metric="3"/>',
    ),
    (
        {"ips": [V6], "routes": [{"destination": "fd00:2::/48", "gateway": "fd00:1::2"}]},
        '<route family="ipv6" address="fd00:2::" prefix="48" gateway="fd00:1::2"/>',
    ),
    ({"ipv6_between_guests": True}, '<network ipv6="yes">'),
    # names
    ({"domain": "a.example"}, '<domain name="a.example"/>'),
    ({"domain": {"name": "a.example", "local_only": "yes"}}, '<domain name="a.example" localOnly="yes"/>'),
    ({"dns": {"enabled": False}}, '<dns enable="no"/>'),
    ({"dns": {"forward_plain_names": False}}, '<dns forwardPlainNames="no"/>'),
    (
        {"dns": {"forwarders": [{"address": "192.0.2.1"}, {"domain": "b.example", "address": "::1"}]}},
        '<dns><forwarder addr="192.0.2.1"/><forwarder domain="b.example" addr="::1"/></dns>',
    ),
    (
        {"dns": {"hosts": [{"address": "10.1.0.9", "names": ["b", "c"]}]}},
        '<host ip="10.1.0.9"><hostname>b</hostname><hostname>c</hostname></host>',
    ),
    (
        {"dns": {"srv": [{"service": "ldap", "protocol": "tcp", "target": "b.example", "port": 389, "priority": 1}]}},
        '<srv service="ldap" protocol="tcp" target="b.example" port="389" priority="1"/>',
    ),
    (
        {"dns": {"srv": [{"service": "x", "protocol": "udp", "domain": "d", "target": "b", "port": 1, "weight": 2}]}},
        '<srv service="x" protocol="udp" domain="d" target="b" port="1" weight="2"/>',
    ),
    ({"dns": {"txt": [{"name": "b", "value": "c d"}]}}, '<txt name="b" value="c d"/>'),
    (
        {"dnsmasq_options": ["bind-dynamic", " log-dhcp "]},
        '<dnsmasq:options xmlns:dnsmasq="http://libvirt.org/schemas/network/dnsmasq/1.0">'
        '<dnsmasq:option value="bind-dynamic"/><dnsmasq:option value="log-dhcp"/></dnsmasq:options>',
    ),
    # what guests get
    (
        {"bandwidth": {"inbound": {"average": "1MiB", "peak": "2MB", "burst": "1MiB"}}},
        '<bandwidth><inbound average="1049" peak="2000" burst="1024"/></bandwidth>',
    ),
    ({"bandwidth": {"outbound": RATE}}, '<bandwidth><outbound average="1000"/></bandwidth>'),
    ({"isolated_ports": True}, '<port isolated="yes"/>'),
    ({"isolated_ports": False}, '<port isolated="no"/>'),
    (
        {"forward": "bridge", "bridge": "ovs0", "virtualport": {"type": "openvswitch", "profile_id": "p"}},
        '<virtualport type="openvswitch"><parameters profileid="p"/></virtualport>',
    ),
    (
        {"forward": "bridge", "bridge": "ovs0", "virtualport": {"type": "openvswitch"}, "vlan": 42},
        '<vlan><tag id="42"/></vlan>',
    ),
    (
        {"forward": "bridge", "bridge": "ovs0", "virtualport": {"type": "openvswitch"}, "vlan": ["42", 43]},
        '<vlan trunk="yes"><tag id="42"/><tag id="43"/></vlan>',
    ),
    (
        {
            "forward": "bridge",
            "bridge": "ovs0",
            "virtualport": {"type": "openvswitch"},
            "vlan": {"tags": [42, 43], "native": 42, "native_mode": "untagged"},
        },
        '<vlan trunk="yes"><tag id="42" nativeMode="untagged"/><tag id="43"/></vlan>',
    ),
    (
        {
            "forward": "bridge",
            "bridge": "ovs0",
            "virtualport": {"type": "openvswitch"},
            "portgroups": [{"name": "g", "vlan": {"tags": 4, "trunk": True}, "virtualport": {"profile_id": "q"}}],
        },
        '<portgroup name="g"><vlan trunk="yes"><tag id="4"/></vlan><virtualport><parameters profileid="q"/>'
        "</virtualport></portgroup>",
    ),
    (
        {"forward": {"mode": "bridge", "dev": "e0"}, "trust_guest_rx_filters": True},
        '<network trustGuestRxFilters="yes">',
    ),
    (
        {"portgroups": [{"name": "g", "default": True}, {"name": "h", "bandwidth": {"inbound": RATE}}]},
        '<portgroup name="g" default="yes"/><portgroup name="h"><bandwidth><inbound average="1000"/></bandwidth>',
    ),
)

NETWORK_REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"title": "a\nb"}, "title: a title is one line"),
    ({"tags": ["a b"]}, "'a b' is no tag"),
    ({"uuid": "x"}, "'x' is not a uuid"),
    ({"forward": "natted"}, "forward: 'natted' is not known; write nat,"),
    ({"forward": {"dev": "eth0"}}, "forward: mode is missing"),
    ({"forward": {"mode": "nat", "device": "eth0"}}, "forward: device is none of its fields"),
    ({"forward": {"mode": "route", "ports": "1-2"}}, "ports is for the mode nat, and the mode is route"),
    ({"forward": {"mode": "nat", "pf": "eth0"}}, "pf is for the mode hostdev"),
    ({"forward": {"mode": "open", "dev": "eth0"}}, "there is no device to leave by"),
    ({"forward": {"mode": "none", "devs": "eth0"}}, "there is no device to leave by"),
    ({"forward": {"mode": "hostdev", "pf": "e", "pci_addresses": "1:2.3"}}, "they all say which devices"),
    ({"forward": {"mode": "hostdev", "pf": "e", "devs": ["e", "f"]}}, "they all say which devices"),
    ({"forward": {"mode": "nat", "ports": "9-1"}}, "forward.ports: '9-1' is no range of ports"),
    ({"forward": {"mode": "nat", "ports": "0-70000"}}, "is no range of ports"),
    ({"forward": {"mode": "nat", "addresses": "1.2.3.4-"}}, "is no range; write one such as 192.0.2.10-192.0.2.20"),
    ({"forward": {"mode": "hostdev", "pci_addresses": "1:20.0"}}, "forward.pci_addresses: '1:20.0' is no PCI address"),
    ({"bridge": "a-name-that-is-too-long"}, "is no name of a network device"),
    ({"bridge": "a b"}, "is no name of a network device"),
    ({"bridge": ""}, "is no name of a network device"),
    ({"mtu": 10}, "mtu: 10 is no size of a frame"),
    ({"mac": "x"}, "'x' is not a MAC address"),
    ({"ips": [{"address": "10.1.0.1"}]}, r"ips\[1\].address: '10.1.0.1' is no address with a prefix; .* 10.1.0.1/24"),
    ({"ips": [{"address": "fd00::1"}]}, "write one such as fd00::1/64"),
    ({"ips": [{"address": "x/24"}]}, "write one such as 192.168.100.1/24"),
    ({"ips": [{"address": "10.1.0.1/33"}]}, "has no prefix from 0 to 32"),
    ({"ips": [{**NET, "family": "ipv4"}]}, "family is for an address that is left open"),
    ({"ips": [{**NET, "lease_time": "1h"}]}, "lease_time is about DHCP, and there is none"),
    ({"ips": [{**NET, "dhcp": False, "hosts": [{"address": "10.1.0.2"}]}]}, "hosts is about DHCP, and there is none"),
    ({"ips": [{**NET, "dhcp": True, "lease_time": "12"}]}, "'12' is no time; write one such as"),
    ({"ips": [{**NET, "dhcp": True, "lease_time": "90s"}]}, "90s is too short"),
    ({"ips": [{**NET, "hosts": [{"address": "10.1.0.2"}]}]}, r"ips\[1\].hosts\[1\]: nothing says which machine"),
    ({"ips": [{**NET, "hosts": [{"address": "x", "name": "b"}]}]}, r"hosts\[1\].address: 'x' is no IP address"),
    ({"ips": [{**NET, "ranges": [{"start": "x", "end": "y"}]}]}, r"ranges\[1\].start: 'x' is no IP address"),
    ({"ips": [{**NET, "tftp_root": "srv"}]}, "'srv' is relative"),
    ({"routes": [{"destination": "10.2.0.1/16", "gateway": "10.1.0.2"}]}, r"routes\[1\].destination: .* is no subnet"),
    ({"routes": [{"destination": "10.2.0.0", "gateway": "10.1.0.2"}]}, "is no subnet"),
    ({"routes": [{"destination": "10.2.0.0/16", "gateway": "x"}]}, r"routes\[1\].gateway: 'x' is no IP address"),
    ({"domain": {"local_only": True}}, "domain: name is missing"),
    ({"dns": {"forwarders": [{}]}}, r"dns.forwarders\[1\]: it says nothing"),
    ({"dns": {"forwarders": [{"address": "x"}]}}, r"dns.forwarders\[1\].address: 'x' is no IP address"),
    ({"dns": {"hosts": [{"address": "10.1.0.9", "names": [" "]}]}}, r"dns.hosts\[1\]: names is empty"),
    ({"dnsmasq_options": ["a\nb"]}, r"dnsmasq_options\[1\]: 'a\\nb' is no option"),
    ({"bandwidth": {"inbound": {"average": "5"}}}, "bandwidth.inbound.average: 5 has no unit"),
    ({"bandwidth": {"inbound": {"average": "0MB"}}}, "0MB lets nothing through"),
    ({"vlan": 4095}, "vlan: 4095 is no VLAN id"),
    ({"vlan": {"trunk": True}}, "vlan: tags is missing"),
    ({"vlan": {"tags": 1, "native": 2}}, "native is 2, which is none of the tags"),
    ({"vlan": {"tags": 1, "native_mode": "tagged"}}, "write native too"),
    ({"vlan": {"tags": [1, 2], "trunk": False}}, "several tags are a trunk"),
    ({"virtualport": {"profile_id": "p"}}, "virtualport: type is missing"),
    ({"portgroups": [{"name": "g"}, {"name": "g"}]}, "two portgroups named 'g'"),
    ({"portgroups": [{"name": "g", "default": True}, {"name": "h", "default": True}]}, "two of them are the default"),
)
