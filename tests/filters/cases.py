# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of our own for the packet tests: every protocol with every attribute, chains, variables, and others' filters.

``variants`` shows each rule of a filter by what it does to frames: once as it is, with everything else dropped at the
end; once with every rule dropping what it matches; both without connections, which not every kernel tracks for bridges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from .document import LINK, Documents

# --- the link layer --------------------------------------------------------------------------------------------------

LINK_RULES: Mapping[str, tuple[str, ...]] = {
    "mac": (
        "out <mac srcmacaddr='52:54:00:11:22:33' srcmacmask='ff:ff:ff:00:00:00' protocolid='arp'/>",
        "in <mac dstmacaddr='52:54:00:11:22:33' protocolid='0x88b5'/>",
        "inout <mac srcmacaddr='52:54:00:00:00:0a' dstmacaddr='52:54:00:00:00:0b' dstmacmask='ff:ff:ff:ff:ff:f8'/>",
        "out <mac match='no' srcmacaddr='52:54:00:aa:00:01'/>",
        "in <mac match='no' protocolid='ipv4'/><mac dstmacaddr='52:54:00:cc:00:00' dstmacmask='ff:ff:ff:ff:00:00'/>",
        "out <mac protocolid='vlan'/>",
    ),
    "vlan": (
        "out <vlan vlanid='0x123'/>",
        "in <vlan vlanid='4095' encap-protocol='ipv4'/>",
        "inout <vlan srcmacaddr='52:54:00:00:00:0a' dstmacaddr='52:54:00:00:00:0b' vlanid='7'/>",
        "out <vlan encap-protocol='arp'/>",
        "in <vlan match='no' vlanid='42'/>",
    ),
    "stp": (
        "out <stp type='0' flags='0x81'/>",
        "in <stp srcmacaddr='52:54:00:11:22:00' srcmacmask='ff:ff:ff:ff:ff:00' root-priority='4096'"
        " root-priority-hi='8192' root-address='52:54:00:01:02:00' root-address-mask='ff:ff:ff:ff:ff:00'/>",
        "out <stp root-cost='1000' root-cost-hi='0x10000' sender-priority='100' sender-priority-hi='200'/>",
        "in <stp sender-address='52:54:00:01:02:03' port='0x8002' port-hi='0x8004'/>",
        "out <stp age='256' age-hi='512' max-age='5000' max-age-hi='5200'/>",
        "in <stp hello-time='500' hello-time-hi='600' forward-delay='3000' forward-delay-hi='4000'/>",
        "out <stp match='no' root-cost='4'/><stp port='0x9000'/>",
        "inout <stp type='0x80'/>",
    ),
    **{
        name: (
            f"out <{name} srcmacaddr='52:54:00:11:00:00' srcmacmask='ff:ff:ff:ff:00:00' opcode='Reply'/>",
            f"in <{name} dstmacaddr='52:54:00:11:00:01' hwtype='1' protocoltype='0x800' opcode='3'/>",
            f"out <{name} arpsrcmacaddr='52:54:00:00:00:01' arpsrcipaddr='10.0.0.1'/>",
            f"in <{name} arpdstmacaddr='52:54:00:00:00:02' arpdstipaddr='10.1.2.3' arpdstipmask='255.255.255.0'/>",
            f"out <{name} arpsrcipaddr='10.9.0.0' arpsrcipmask='14'/>",
            f"in <{name} gratuitous='true'/>",
            f"inout <{name} arpsrcipaddr='10.3.0.1' arpdstipaddr='10.3.0.2' arpsrcmacaddr='52:54:00:00:03:01'/>",
            f"out <{name} match='no' arpsrcipaddr='192.0.2.1'/><{name} opcode='DRARP_Reply'/>",
            f"in <{name} match='no' hwtype='1'/>",
            f"inout <{name} match='no' gratuitous='yes'/><{name} opcode='DRARP_Error'/>",
        )
        for name in ("arp", "rarp")
    },
    "ip": (
        "out <ip srcmacaddr='52:54:00:11:00:00' srcmacmask='ff:ff:ff:ff:00:00' srcipaddr='10.1.2.3' srcipmask='20'/>",
        "in <ip dstmacaddr='52:54:00:11:00:01' dstipaddr='10.1.2.3' dstipmask='255.255.255.252' protocol='icmp'/>",
        "out <ip protocol='udp' srcportstart='67' srcportend='68' dstportstart='100'/>",
        "in <ip protocol='6' dstportstart='65000' dstportend='65535' dscp='46'/>",
        "inout <ip srcipaddr='10.3.0.1' dstipaddr='10.3.0.2' protocol='sctp' srcportstart='9' dstportstart='10'/>",
        "out <ip match='no' srcipaddr='192.0.2.1' srcipmask='24'/><ip dstipaddr='10.4.0.1'/>",
        "in <ip match='no' protocol='17'/><ip srcipaddr='10.5.0.0' srcipmask='16'/>",
        "out <ip protocol='tcp' dstportstart='0' dstportend='21'/>",
        "in <ip match='no' dscp='10'/><ip srcipaddr='10.6.0.1'/>",
        "out <ip match='no' dstportstart='1000' dstportend='2000'/><ip protocol='udp' dstipaddr='10.7.0.1'/>",
    ),
    "ipv6": (
        "out <ipv6 srcmacaddr='52:54:00:11:00:00' srcmacmask='ff:ff:ff:ff:00:00' srcipaddr='fe80::1' srcipmask='10'/>",
        "in <ipv6 dstmacaddr='52:54:00:11:00:01' dstipaddr='2001:db8:1::' dstipmask='61' protocol='udp'/>",
        "out <ipv6 protocol='tcp' srcportstart='67' srcportend='68' dstportstart='100'/>",
        "in <ipv6 protocol='icmpv6' type='133' typeend='136'/>",
        "out <ipv6 protocol='icmpv6' type='1' code='3' codeend='5'/>",
        "inout <ipv6 srcipaddr='2001:db8:3::1' dstipaddr='2001:db8:3::2' protocol='sctp'"
        " srcportstart='9' dstportstart='10'/>",
        "out <ipv6 match='no' srcipaddr='2001:db8::1'/><ipv6 dstipaddr='2001:db8:4::1'/>",
        "in <ipv6 match='no' protocol='17'/><ipv6 srcipaddr='2001:db8:5::' srcipmask='ffff:ffff:ffff::'/>",
    ),
}

# --- the inner layer -------------------------------------------------------------------------------------------------

PORTS = (
    "srcportstart='1000' srcportend='2000'",
    "dstportstart='22'",
    "srcportstart='5' dstportstart='6' dstportend='9'",
)
INNER = {
    "tcp": (*PORTS, "flags='SYN,ACK/SYN'", "flags='ALL/NONE'", "flags='SYN/ALL'", "option='2'"),
    "udp": PORTS,
    "sctp": PORTS,
    "udplite": (),
    "esp": (),
    "ah": (),
    "icmp": ("type='8'", "type='3' code='4'"),
    "igmp": (),
    "all": (),
}
V4 = (
    "srcipaddr='10.1.2.3' srcipmask='255.255.240.0'",
    "dstipaddr='10.2.0.1'",
    "srcipfrom='10.3.0.5' srcipto='10.3.0.9'",
    "dstipfrom='10.4.0.250' dstipto='10.4.1.5'",
)
V6 = (
    "srcipaddr='2001:db8:1::5' srcipmask='60'",
    "dstipaddr='2001:db8:2::1'",
    "srcipfrom='2001:db8:3::fff5' srcipto='2001:db8:3::1:9'",
    "dstipfrom='2001:db8:4::5' dstipto='2001:db8:4::5'",
)


def _inner_rules(name: str, addresses: tuple[str, ...], more: tuple[str, ...]) -> Iterator[str]:
    for place, address in enumerate(addresses):
        way = ("out", "in", "inout")[place % 3]
        yield f"{way} <{name} {address} dscp='{place + 10}'/>"
    yield f"out <{name} srcmacaddr='52:54:00:11:22:33' {addresses[1]}/>"
    yield f"in <{name} srcmacaddr='52:54:00:11:22:33'/>"
    yield f"in <{name} match='no' {addresses[0]}/><{name} dscp='33'/>"
    yield f"inout <{name} match='no' dscp='0'/><{name} {addresses[1]}/>"
    yield f"out <{name} match='no' {addresses[2]}/><{name} dscp='63'/>"
    for place, extra in enumerate(more):
        yield f"inout <{name} {extra} dscp='{place + 40}'/>"
        yield f"out <{name} {extra} {addresses[3]} dscp='{place + 20}'/>"
        yield f"in <{name} match='no' {extra}/><{name} dscp='{place + 50}'/>"


def _filter(name: str, listed: Iterator[str], chain: str = "root") -> str:
    """A filter whose rules are written as direction and match."""
    texts = (rule.split(" ", 1) for rule in listed)
    inside = "".join(f"<rule action='accept' direction='{way}'>{match}</rule>" for way, match in texts)
    return f"<filter name='{name}' chain='{chain}'>{inside}</filter>"


def _by_protocol() -> Iterator[tuple[str, Documents]]:
    for name, listed in LINK_RULES.items():
        yield name, {name: _filter(name, iter(listed))}
    for name, more in INNER.items():
        yield name, {name: _filter(name, _inner_rules(name, V4, more))}
        if name != "igmp":
            six = "icmpv6" if name == "icmp" else f"{name}-ipv6"
            types = ("type='128'", "type='1' code='4'") if name == "icmp" else more
            yield six, {six: _filter(six, _inner_rules(six, V6, types))}


CHAINS: Documents = {
    "chains": """
<filter name='chains'>
  <filterref filter='chains-arp'/>
  <filterref filter='chains-late'/>
  <filterref filter='chains-v4'><parameter name='PORT' value='53'/><parameter name='PORT' value='123'/></filterref>
  <filterref filter='chains-mac'/>
  <rule action='accept' direction='out' priority='-550'><arp arpsrcipaddr='10.0.0.9'/></rule>
  <rule action='drop' direction='out' priority='-450'><mac protocolid='arp'/></rule>
  <rule action='return' direction='inout' priority='10'><ipv6 protocol='icmpv6'/></rule>
  <rule action='drop' direction='inout' priority='20'><mac protocolid='ipv6'/></rule>
</filter>""",
    "chains-arp": """
<filter name='chains-arp' chain='arp-own' priority='-500'>
  <rule action='drop' direction='out' priority='600'><arp opcode='Reply'/></rule>
  <rule action='return' direction='out' priority='500'><arp arpsrcipaddr='10.0.0.1'/></rule>
  <rule action='accept' direction='out' priority='550'><arp arpsrcipaddr='10.0.0.2'/></rule>
  <rule action='drop' direction='in'/>
</filter>""",
    "chains-late": """
<filter name='chains-late' chain='arp'  priority='900'>
  <rule action='accept' direction='inout'/>
</filter>""",
    "chains-v4": """
<filter name='chains-v4' chain='ipv4'>
  <rule action='continue' direction='out' priority='-5'><ip protocol='udp' dstportstart='$PORT'/></rule>
  <rule action='accept' direction='out' priority='0'><ip protocol='udp' dstportstart='$PORT'/></rule>
  <rule action='drop' direction='out'><ip protocol='udp' dstportstart='50' dstportend='130'/></rule>
  <rule action='reject' direction='in'><ip protocol='tcp'/></rule>
</filter>""",
    "chains-mac": """
<filter name='chains-mac' chain='mac-first' priority='-900'>
  <rule action='drop' direction='out'><mac match='no' srcmacaddr='$MAC'/></rule>
  <rule action='drop' direction='in'><mac srcmacaddr='$MAC'/></rule>
</filter>""",
}
LISTS: Documents = {
    "lists": """
<filter name='lists'>
  <rule action='accept' direction='out'><ip srcipaddr='$A' protocol='udp' srcportstart='$P'/></rule>
  <rule action='accept' direction='out'><ip srcipaddr='$A[@1]' protocol='tcp' dstportstart='$P[@2]'/></rule>
  <rule action='accept' direction='in'><ip dstipaddr='$A[1]' protocol='udp' dstportstart='$P[0]'/></rule>
  <rule action='accept' direction='inout'><ip srcipaddr='$A' dstipaddr='$A[@3]' protocol='sctp'/></rule>
  <rule action='accept' direction='in'><ip srcipaddr='$A[@4]' protocol='tcp' srcportstart='$P[@4]'/></rule>
</filter>"""
}
VARIABLES: Mapping[str, list[str]] = {"A": ["10.0.0.1", "10.0.0.2", "10.0.0.3"], "P": ["80", "90", "1000"]}

CASES: Mapping[str, Documents] = {**dict(_by_protocol()), "chains": CHAINS, "lists": LISTS}

# --- variants --------------------------------------------------------------------------------------------------------

WRAPPER = "everything-else"
CLOSING = {
    True: "<rule action='drop' direction='inout' priority='1000'/>",
    False: "<rule action='drop' direction='inout' priority='1000'><all/></rule>"
    "<rule action='drop' direction='inout' priority='1000'><all-ipv6/></rule>",
}
CONNECTED = ("state", "connlimit-above", "ipset", "ipsetflags")


def closed(documents: Documents, name: str) -> dict[str, str]:
    """The filters, and one around the named one that drops what it does not accept, in the layers that it speaks of."""
    layers = {protocol in LINK for text in documents.values() for protocol in _protocols(text)}
    closing = "".join(CLOSING[layer] for layer in layers)
    wrapper = f"<filter name='{WRAPPER}'><filterref filter='{name}'/>{closing}</filter>"
    return {**documents, WRAPPER: wrapper}


def stateless(documents: Documents) -> dict[str, str]:
    """The same filters without what needs connections, or answers."""
    return {name: _changed(text, statematch="false") for name, text in documents.items()}


def dropping(documents: Documents) -> dict[str, str]:
    """The same filters with every rule dropping what it matches."""
    return {name: _changed(text, action="drop") for name, text in documents.items()}


def needs_connections(text: str) -> bool:
    """Whether a filter may need what not every kernel has: it looks into packets, or answers."""
    return "reject" in text or any(protocol not in LINK for protocol in _protocols(text))


def _protocols(text: str) -> list[str]:
    return [next((child.tag for child in rule), "mac") for rule in etree.fromstring(text).iter("rule")]


def _changed(text: str, **attributes: str) -> str:
    root = etree.fromstring(text)
    for rule in root.iter("rule"):
        if rule.get("action") == "reject":
            rule.set("action", "drop")
        rule.attrib.update(attributes)
        for child in rule.iterchildren(etree.Element):
            for name in CONNECTED:
                child.attrib.pop(name, None)
    return str(etree.tostring(root, encoding="unicode"))
