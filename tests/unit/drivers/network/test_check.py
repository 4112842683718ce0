# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a network document: each with one sentence that names the line."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Surroundings
from ansible_collections.corral.virt.plugins.module_utils.errors import DocumentError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

NAT = "<forward mode='nat'/>"
IP = "<ip address='10.1.2.1' netmask='255.255.255.0'/>"
IP6 = "<ip family='ipv6' address='fd00:1::1' prefix='64'/>"
BRIDGE = "<forward mode='bridge'/><bridge name='br0'/>"
PRIVATE = "<forward mode='private'><interface dev='eth1'/></forward>"
OPTIONS = "<o:options xmlns:o='http://libvirt.org/schemas/network/dnsmasq/1.0'>{}</o:options>"
TAGGED = "<vlan><tag id='4'/></vlan>"


def define(body: str) -> Element:
    document = parse(f"<network>\n<name>lab</name>\n{body}</network>")
    return complete(document, Surroundings(), (), kept=None, host_id="host")


def dhcp(inner: str) -> str:
    return f"<ip address='10.1.2.1' prefix='24'><dhcp>{inner}</dhcp></ip>"


def dhcp6(inner: str) -> str:
    return f"<ip family='ipv6' address='fd00:1::1' prefix='64'><dhcp>{inner}</dhcp></ip>"


def nat(inner: str) -> str:
    return f"<forward mode='nat'>{inner}</forward>{IP}"


def pool(inner: str) -> str:
    return f"<forward mode='hostdev'>{inner}</forward>"


def passthrough(inner: str) -> str:
    return f"<forward mode='passthrough'>{inner}</forward>"


def lease(attributes: str) -> str:
    return dhcp(f"<range start='10.1.2.5' end='10.1.2.9'><lease {attributes}/></range>")


def srv(attributes: str) -> str:
    return f"{IP}<dns><srv service='a' protocol='tcp' {attributes}/></dns>"


def route(attributes: str) -> str:
    return f"{IP}{IP6}<route {attributes}/>"


PCI = "<address type='pci' domain='0' bus='4' slot='0' function='1'/>"

# What a document has beside its name, and words of the sentence that refuses it.
REFUSED: tuple[tuple[str, str], ...] = (
    # how it is connected
    ("<forward mode='magic'/>", "mode='magic'> is not one of nat"),
    (NAT, "has no <ip>"),
    ("<forward mode='route'/>", "has no <ip>"),
    (f"<forward mode='open' dev='eth0'/>{IP}", "cannot have a dev"),
    (nat("<interface dev='eth0'/><interface dev='eth1'/>"), "to one device or to any"),
    (nat("<pf dev='eth0'/>"), "to one device or to any"),
    ("<forward mode='none' dev='eth0'/>", "not connected to anything"),
    (f"<forward mode='nat' dev='eth0'><interface dev='eth1'/></forward>{IP}", "is not the first <interface>"),
    (f"<forward mode='nat' dev='eth0;rm'/>{IP}", "is not a name for a network interface"),
    (f"<forward mode='nat' dev='-e'/>{IP}", "is not a name for a network interface"),
    (f"<forward mode='nat' dev='abcdefghijklmnop'/>{IP}", "is not a name for a network interface"),
    (f"<forward/><forward/>{IP}", "more than one <forward>"),
    (passthrough("<interface/>"), "has no dev"),
    (passthrough("<interface dev='eth1'/><interface dev='eth1'/>"), "listed twice"),
    (passthrough("<pf dev='eth1'/><pf dev='eth2'/>"), "more than one <pf>"),
    (passthrough("<pf/>"), "<pf> has no dev"),
    (passthrough("<pf dev='eth1'/><interface dev='eth2'/>"), "in one way only"),
    (passthrough(PCI), "is for mode 'hostdev'"),
    ("<forward mode='passthrough' dev='eth1'><pf dev='eth1'/></forward>", "both <pf> and dev"),
    (pool("<interface dev='eth1'/>"), "no network interfaces"),
    (pool("<address type='usb'/>"), "type='usb'> is not one of pci"),
    (pool("<address/>"), "has no type"),
    (pool("<address type='pci'/>"), "names no PCI device"),
    (pool("<address type='pci' bus='4' slot='0x20'/>"), "beyond 0x1f"),
    (pool("<address type='pci' bus='4' function='8'/>"), "beyond 0x7"),
    (pool("<address type='pci' bus='x'/>"), "must be a number"),
    (pool(PCI + PCI), "0000:04:00.1 is listed twice"),
    (pool("<driver name='xen'/>"), "is not one of vfio, kvm"),
    ("<forward mode='hostdev' managed='maybe'/>", "is not one of yes, no"),
    (f"<forward mode='route'><nat ipv6='yes'/></forward>{IP}", "<nat> is for mode 'nat'"),
    (nat("<nat/><nat/>"), "more than one <nat>"),
    (nat("<nat><port start='1'/></nat>"), "needs start and end"),
    (nat("<nat><port start='9' end='8'/></nat>"), "from 9 to 8"),
    (nat("<nat><port start='9' end='65536'/></nat>"), "up to 65535"),
    (nat("<nat><port start='1' end='2'/><port start='1' end='2'/></nat>"), "more than one <port>"),
    (nat("<nat><address start='192.0.2.1'/></nat>"), "has no end"),
    (nat("<nat><address start='192.0.2.9' end='192.0.2.1'/></nat>"), "before it begins"),
    (nat("<nat><address start='10.0.0.1' end='10.1.0.1'/></nat>"), "is too large"),
    (nat("<nat><address start='fd00::1' end='fd00::2'/></nat>"), "range of IPv4 addresses"),
    (nat("<nat><address start='a' end='b'/></nat>"), "is not an IP address"),
    # a bridge that is not ours
    (f"{BRIDGE}<mac address='52:54:00:00:00:01'/>", "<mac> is for networks with a bridge of their own"),
    (f"{BRIDGE}{IP}", "<ip> is for networks"),
    (f"{BRIDGE}<domain name='a'/>", "<domain> is for networks"),
    (f"{BRIDGE}<dns><txt name='a' value='b'/></dns>", "<txt> is for networks"),
    (f"{BRIDGE}<mtu size='1500'/>", "<mtu> cannot be set"),
    ("<forward mode='bridge'/><bridge name='br0' stp='on'/>", "no delay, stp or zone"),
    ("<forward mode='bridge'/><bridge name='br0' delay='2'/>", "no delay, stp or zone"),
    (f"{PRIVATE}<bridge name='br0'/>", "uses no <bridge>"),
    (f"{PRIVATE}<bridge macTableManager='kernel'/>", "uses no <bridge>"),
    ("<forward mode='bridge' dev='eth0'/><bridge name='br0'/>", "both a <bridge> and devices"),
    (f"{PRIVATE}<bandwidth><inbound average='1'/></bandwidth>", "cannot limit bandwidth"),
    (f"{PRIVATE}<port isolated='yes'/>", "needs a Linux bridge"),
    # a bridge of ours
    ("<bridge name='a/b'/>", "is not a name for a network interface"),
    ("<bridge name='br 0'/>", "is not a name for a network interface"),
    ("<bridge name='averyveryverylongname%d'/>", "is not a name for a network interface"),
    ("<bridge name='a&#10;b%d'/>", "is not a name for a network interface"),
    ("<bridge zone='a b'/>", "is not the name of a zone"),
    ("<bridge stp='maybe'/>", "must be 'on' or 'off'"),
    ("<bridge delay='31'/>", "beyond 30 seconds"),
    ("<bridge macTableManager='me'/>", "is not one of kernel, libvirt"),
    ("<mtu size='20'/>", "is not from 68 to 65535"),
    ("<mtu size='x'/>", "must be a whole number"),
    ("<mac address='52:54'/>", "is not a MAC address"),
    ("<mac address='01:54:00:00:00:01'/>", "the MAC address of a group"),
    ("<uuid>17</uuid>", "is not a uuid"),
    ("<domain name='a b'/>", "is not a name that DNS can have"),
    ("<domain name='a&#10;dhcp-script=/evil'/>", "line break"),
    ("<domain name='a/b'/>", "is not a name that DNS can have"),
    ("<title>a\nb</title>", "one line"),
    # addresses
    ("<ip address='10.1.2.300'/>", "is not an IP address"),
    ("<ip address='fd00::1'/>", "so it is an IPv4 one"),
    ("<ip family='ipv6' address='10.1.2.1'/>", "its address is 10.1.2.1"),
    ("<ip family='ipx' address='10.1.2.1'/>", "is not one of ipv4, ipv6"),
    ("<ip address='10.1.2.1' prefix='33'/>", "beyond 32"),
    ("<ip address='10.1.2.1' prefix='24' netmask='255.255.255.0'/>", "both a netmask and a prefix"),
    ("<ip address='10.1.2.1' netmask='255.0.255.0'/>", "gives no prefix"),
    ("<ip address='10.1.2.1' netmask='ffff::'/>", "gives no prefix"),
    ("<ip family='ipv6' address='fd00::1' netmask='255.0.0.0'/>", "an IPv6 address has a prefix"),
    ("<ip address='224.0.0.1' prefix='24'/>", "cannot be the address of a host"),
    (f"<bridge name='all'/>{IP}", "means something else to the kernel"),
    (f"<bridge name='default'/>{IP}", "means something else to the kernel"),
    (f"<mac address='00:00:00:00:00:00'/>{IP}", "is the MAC address of nobody"),
    (f"<mtu size='1279'/>{IP6}", "is too small for IPv6, which needs 1280 bytes"),
    (dhcp6("<range start='fd00:1::2' end='fd00:1::9'/>").replace("64", "63"), "prefixes of 64 and longer"),
    ("<ip address='10.1.2.0' prefix='24'/>", "names the subnet 10.1.2.0/24; no host can have it"),
    ("<ip address='10.1.2.255' prefix='24'/>", "is the broadcast address of the subnet 10.1.2.0/24"),
    ("<ip family='ipv6' address='fe80::1' prefix='64'/>", "is an address of one link"),
    (IP + IP, "stands in two <ip>"),
    ("<ip address='10.1.2.1' prefix='20' localPtr='yes'/>", "multiple of 8"),
    ("<ip prefix='31'/>", "prefix from 9 to 30"),
    ("<ip netmask='255.0.255.0'/>", "is not a netmask"),
    ("<ip address='10.1.2.1' prefix='32'><dhcp><range/></dhcp></ip>", "no room"),
    # DHCP and TFTP
    (dhcp("<range start='10.1.2.5'/>"), "has no end"),
    (dhcp("<range end='10.1.2.5'/>"), "has no start"),
    (dhcp("<range start='10.1.2.9' end='10.1.2.5'/>"), "before it begins"),
    (dhcp("<range start='10.1.2.5' end='10.1.3.5'/>"), "is not in the subnet"),
    (dhcp("<range start='10.1.2.5' end='fd00::1'/>"), "is not in the subnet"),
    (dhcp("<range start='10.1.2.0' end='10.1.2.9'/>"), "names the subnet itself"),
    (dhcp("<range start='10.1.2.5' end='10.1.2.255'/>"), "broadcast address"),
    (dhcp6("<range start='fd00:1::1' end='fd00:1::1:0:0'/>"), "too large"),
    (dhcp("<range/>") + "<ip address='10.9.9.1' prefix='24'><dhcp><range/></dhcp></ip>", "and this is the second"),
    (lease("expiry='119' unit='seconds'"), "two minutes are the shortest"),
    (lease("expiry='1'"), "two minutes are the shortest"),
    (lease("expiry='99999999' unit='hours'"), "cannot be given"),
    (lease("expiry='5' unit='days'"), "is not one of seconds"),
    (dhcp("<host ip='10.1.2.5'/>"), "needs a mac or a name"),
    (dhcp("<host mac='52:54:00:00:00:01'/>"), "has no ip"),
    (dhcp("<host mac='x' ip='10.1.2.5'/>"), "is not a MAC address"),
    (dhcp("<host mac='03:54:00:00:00:01' ip='10.1.2.5'/>"), "of a group"),
    (dhcp("<host name='-a' ip='10.1.2.5'/>"), "does not begin with a letter"),
    (dhcp("<host name='a,ignore' ip='10.1.2.5'/>"), "is not a name that DNS can have"),
    (dhcp("<host name='a&#10;b' ip='10.1.2.5'/>"), "line break"),
    (dhcp("<host name='a' ip='10.1.3.5'/>"), "is not in the subnet"),
    (dhcp("<host name='a' ip='10.1.2.1'/>"), "belongs to another"),
    (dhcp("<host name='a' ip='10.1.2.5'/><host name='b' ip='10.1.2.5'/>"), "belongs to another"),
    (dhcp6("<host mac='52:54:00:00:00:01' ip='fd00:1::5'/>"), "does not know machines by MAC"),
    (dhcp6("<host ip='fd00:1::5'/>"), "needs an id or a name"),
    (dhcp6("<host id='xyz' ip='fd00:1::5'/>"), "hexadecimal digits"),
    (dhcp("<bootp file='a' server='host'/>"), "is not an IP address"),
    (dhcp("<bootp file='a&#10;b'/>"), "line break"),
    (f"{IP}<ip family='ipv6' address='fd00::1' prefix='64'><tftp root='/a'/></ip>", "on IPv4 addresses only"),
    ("<ip address='10.1.2.1' prefix='24'><tftp root='/a&#10;b'/></ip>", "line break"),
    ("<ip address='10.1.2.1' prefix='24'><dhcp/><dhcp/></ip>", "more than one <dhcp>"),
    # routes
    (route("gateway='10.1.2.9'"), "has no address"),
    (route("address='10.7.0.0' prefix='16'"), "has no gateway"),
    (route("address='10.7.0.0' prefix='16' gateway='10.5.0.1'"), "cannot be reached"),
    (route("address='10.7.0.0' prefix='16' gateway='fd00:1::9'"), "of two families"),
    (route("address='10.7.0.1' prefix='16' gateway='10.1.2.9'"), "Write address='10.7.0.0'"),
    (route("address='10.7.0.0' gateway='10.1.2.9'"), "which is an address in the subnet 0.0.0.0/0"),
    (route("address='10.7.0.0' prefix='16' netmask='255.255.0.0' gateway='10.1.2.9'"), "one says all"),
    (route("address='fd00:2::' prefix='64' gateway='fd00:1::9'"), "Write family='ipv6'"),
    (route("address='10.7.0.0' prefix='16' gateway='10.1.2.9' metric='0'"), "from 1 to"),
    # what contradicts another part
    (f"{IP}<ip address='10.1.0.1' prefix='16'/>", "the subnet 10.1.0.0/16 of an <ip> overlaps 10.1.2.0/24"),
    (f"<ip address='10.1.2.129' prefix='25'/>\n{IP}", "the subnet 10.1.2.0/24 of an <ip> overlaps 10.1.2.128/25"),
    (f"{IP6}<ip family='ipv6' address='fd00:1::2' prefix='80'/>", "overlaps fd00:1::/64"),
    (
        dhcp("<range start='10.1.2.5' end='10.1.2.9'/><range start='10.1.2.9' end='10.1.2.20'/>"),
        "the range from 10.1.2.9 to 10.1.2.20 overlaps that from 10.1.2.5 to 10.1.2.9",
    ),
    (
        dhcp("<range start='10.1.2.10' end='10.1.2.12'/>\n<range start='10.1.2.5' end='10.1.2.90'/>"),
        "the range from 10.1.2.5 to 10.1.2.90 overlaps that from 10.1.2.10 to 10.1.2.12",
    ),
    (dhcp6("<range start='fd00:1::5' end='fd00:1::9'/><range start='fd00:1::5' end='fd00:1::9'/>"), "overlaps that"),
    (
        dhcp("<host mac='52:54:00:00:00:0a' ip='10.1.2.5'/><host mac='52:54:00:00:00:0A' ip='10.1.2.6'/>"),
        "two addresses are reserved for the MAC address 52:54:00:00:00:0a: 10.1.2.5 and 10.1.2.6",
    ),
    (route("address='10.1.2.0' prefix='24' gateway='10.1.2.9'"), "in the network's own subnet 10.1.2.0/24"),
    (route("address='10.1.2.128' prefix='25' gateway='10.1.2.9'"), "in the network's own subnet 10.1.2.0/24"),
    (route("family='ipv6' address='fd00:1::' prefix='64' gateway='fd00:1::9'"), "own subnet fd00:1::/64"),
    # names
    (f"{IP}<dns enable='no'><txt name='a' value='b'/></dns>", "nobody would serve"),
    (f"{IP}<dns><forwarder/></dns>", "neither addr nor domain"),
    (f"{IP}<dns><forwarder addr='x'/></dns>", "is not an IP address"),
    (f"{IP}<dns><forwarder domain='a/b'/></dns>", "is not a name that DNS can have"),
    (f"{IP}<dns><txt name='a'/></dns>", "needs a name and a value"),
    (f"{IP}<dns><txt name='a b' value='c'/></dns>", "is not a name that DNS can have"),
    (f"{IP}<dns><txt name='a' value='b&#10;c'/></dns>", "line break"),
    (f"{IP}<dns><txt name='a' value='b&quot;'/></dns>", "does not close it"),
    (f"{IP}<dns><txt name='a' value='{'b' * 901}'/></dns>", "more than 900 bytes"),
    (f"{IP}<dns><srv protocol='tcp'/></dns>", "<srv> has no service"),
    (f"{IP}<dns><srv service='a'/></dns>", "<srv> has no protocol"),
    (f"{IP}<dns><srv service='a.b' protocol='tcp'/></dns>", "/etc/services"),
    (srv("port='80'"), "a port and no target"),
    (srv("target='a' port='0'"), "beyond what a record can hold"),
    (srv("target='a' priority='65536'"), "beyond what a record can hold"),
    (srv("target='a,b'"), "is not a name that DNS can have"),
    (f"{IP}<dns><host><hostname>a</hostname></host></dns>", "has no ip"),
    (f"{IP}<dns><host ip='10.1.2.5'><hostname/></host></dns>", "has no <hostname>"),
    (f"{IP}<dns><host ip='10.1.2.5'><hostname>a b</hostname></host></dns>", "is not the name of a host"),
    # what guests get
    (f"{BRIDGE}<virtualport/>", "has no type"),
    (f"{BRIDGE}<virtualport type='x'/>", "is not one of 802.1Qbg"),
    (f"{BRIDGE}<virtualport type='802.1Qbh'><parameters managerid='1'/></virtualport>", "no parameter managerid"),
    (f"{PRIVATE}<virtualport type='802.1Qbg'><parameters managerid='256'/></virtualport>", "is beyond 255"),
    (f"{PRIVATE}<virtualport type='802.1Qbg'><parameters instanceid='1'/></virtualport>", "is not a uuid"),
    (f"{PRIVATE}<virtualport type='802.1Qbh'><parameters profileid='{'a' * 40}'/></virtualport>", "39 bytes"),
    (f"{IP}{NAT}{TAGGED}", "cannot tag packets"),
    (f"{BRIDGE}{TAGGED}", "cannot tag packets"),
    (f"{BRIDGE}<portgroup name='a'>{TAGGED}</portgroup>", "cannot tag packets"),
    (pool(PCI) + "<vlan/>", "has no <tag"),
    (pool(PCI) + "<vlan><tag id='4096'/></vlan>", "beyond 4095"),
    (pool(PCI) + "<vlan><tag/></vlan>", "must be a whole number"),
    (pool(PCI) + "<vlan trunk='no'><tag id='1'/><tag id='2'/></vlan>", "one tag only"),
    (pool(PCI) + "<vlan><tag id='1' nativeMode='x'/></vlan>", "is not one of tagged"),
    (pool(PCI) + TAGGED + TAGGED, "more than one <vlan>"),
    (f"{IP}<bandwidth><inbound/></bandwidth>", "has no average"),
    (f"{IP}<bandwidth><inbound floor='0' peak='5'/></bandwidth>", "a peak or a burst and no average"),
    (f"{IP}<bandwidth><inbound average='1' floor='5'/></bandwidth>", "is for an interface of a guest"),
    (f"{IP}<bandwidth><inbound average='1'/><inbound average='1'/></bandwidth>", "more than one <inbound>"),
    (f"{IP}<bandwidth classID='3'/>", "leave it out"),
    (f"{IP}<bandwidth><inbound average='99999999999'/></bandwidth>", "is beyond"),
    (f"{IP}<portgroup/>", "has no name"),
    (f"{IP}<portgroup name='a'/><portgroup name='a'/>", "two <portgroup name='a'>"),
    (f"{IP}<portgroup name='a' default='yes'/><portgroup name='b' default='yes'/>", "both the default one"),
    # what goes to dnsmasq as it is
    (IP + OPTIONS.format("<o:option/>"), "has no value"),
    (IP + OPTIONS.format("<o:option value='a=b&#10;dhcp-script=/evil'/>"), "is not one line"),
    (IP + OPTIONS.format(f"<o:option value='{'a' * 2000}'/>"), "is not one line"),
    (IP + OPTIONS.format("<o:option value='pid-file=/a'/>"), "option pid-file cannot be set: that file says here"),
    (IP + OPTIONS.format("<o:option value='pid-file'/>"), "option pid-file cannot be set"),
    (IP + OPTIONS.format("<o:option value='no-daemon'/>"), "option no-daemon cannot be set: how dnsmasq runs"),
    (IP + OPTIONS.format("<o:option value='keep-in-foreground # a'/>"), "option keep-in-foreground cannot be set"),
    (IP + OPTIONS.format("<o:option value=' dhcp-leasefile = /a'/>"), "option dhcp-leasefile cannot be set"),
    (IP + OPTIONS.format("<o:option value='leasefile-ro'/>"), "option leasefile-ro cannot be set: the addresses"),
    (IP + OPTIONS.format("<o:option value='&quot;user&quot;=root'/>"), "option user cannot be set: it runs as"),
    (IP + OPTIONS.format("<o:option value='group=root'/>"), "option group cannot be set"),
)


@pytest.mark.parametrize(("body", "words"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_refused(body: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        define(body)
    assert words in str(caught.value)
    assert caught.value.details["line"] >= 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", ".a", "a\tb", "x" * 201])
def test_refused_names(name: str) -> None:
    with pytest.raises(DocumentError, match="name"):
        complete(parse(f"<network><name>{name}</name></network>"), Surroundings(), (), kept=None, host_id="host")


def test_another_document() -> None:
    with pytest.raises(DocumentError, match="write a <network>"):
        complete(parse("<domain/>"), Surroundings(), (), kept=None, host_id="host")


@pytest.mark.parametrize(
    "body",
    [
        "",
        IP6,
        "<forward mode='bridge'/><virtualport type='openvswitch'/><portgroup name='a'><virtualport/>"
        f"{TAGGED}</portgroup>",
        f"{BRIDGE}<bandwidth><inbound average='1'/></bandwidth>",
        f"{BRIDGE}<port isolated='yes'/>",
        f"{IP}<route address='0.0.0.0' gateway='10.1.2.9'/>",
        f"{IP}<dns><txt name='a' value='&quot;one, two&quot;'/><srv service='a' protocol='tcp' target='.'/></dns>",
        dhcp("<bootp file='a' server='10.9.9.9'/>"),
        f"{IP}{IP6}<ip address='10.1.3.1' prefix='24'/><route address='10.0.0.0' prefix='8' gateway='10.1.2.9'/>",
        dhcp("<range start='10.1.2.10' end='10.1.2.12'/><range start='10.1.2.5' end='10.1.2.9'/>"),
        dhcp("<host name='a' ip='10.1.2.5'/><host name='b' ip='10.1.2.6'/>"),
        IP + OPTIONS.format("<o:option value='dhcp-script=/usr/local/bin/a'/><o:option value='conf-file=/etc/a'/>"),
        IP + OPTIONS.format("<o:option value='dhcp-userclass=set:a,user'/><o:option value='# user=a'/>"),
    ],
)
def test_accepted(body: str) -> None:
    assert define(body).findtext("name") == "lab"
