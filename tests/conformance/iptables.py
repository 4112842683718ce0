# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of ebtables and iptables that libvirt is expected to run, as conditions in the words of nft.

Source of the options: ebtables(8), iptables(8), iptables-extensions(8).
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PROTOCOLS = {
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "esp": 50,
    "ah": 51,
    "sctp": 132,
    "icmp": 1,
    "icmpv6": 58,
    "igmp": 2,
}
FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}
# RETURN leaves a chain of what is forwarded from the guest, which lets the packet pass.
VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return", "CONTINUE": "continue"}


@dataclass(frozen=True)
class Line:
    """One rule: the chain's letters (J or P for frames, FJ, FP or HJ for packets), its conditions and its verdict."""

    chain: str
    conditions: frozenset[str]
    verdict: str


def read_lines(text: str) -> Iterator[Line]:
    """The rules that the commands append to the chains of an interface."""
    for command in text.replace("\\\n", " ").splitlines():
        argv = shlex.split(command)
        chain = argv[argv.index("-A") + 1] if "-A" in argv else ""
        found = re.match(r"(?:libvirt-)?([JP]|FJ|FP|HJ)-vnet0", chain)
        if found and argv[-1] in VERDICTS:
            yield _read(argv, found.group(1))


def _read(argv: list[str], chain: str) -> Line:
    family = "ip6" if argv[0] == "ip6tables" else "ip"
    conditions = set() if argv[0] == "ebtables" else {f"meta protocol {family}"}
    rest = argv[argv.index("-A") + 2 : -2]
    negate = False
    while rest:
        option = rest.pop(0)
        if option == "!":
            negate = True
            continue
        if rest and rest[0] == "!":
            negate = bool(rest.pop(0))
        if option == "--tcp-flags":
            mask, wanted = (sum(FLAGS[word] for word in rest.pop(0).split(",")) for _each in range(2))
            conditions.add(f"tcp flags & {mask:#x} {'!=' if negate else '=='} {wanted:#x}")
        elif option == "--match-set":
            rest.pop(0)
            sides = rest.pop(0).split(",")[:2]
            conditions.add(" . ".join(f"ip {_side(side)}addr" for side in sides) + " @own")
        elif option == "--arp-gratuitous":
            conditions.update(f"@nh,{112 + bit},8 . @nh,{192 + bit},8 @own" for bit in (0, 8, 16, 24))
        else:
            value = rest.pop(0)
            conditions.update(_condition(option, value, "!= " if negate else "", family))
        negate = False
    conditions.update(_bpdu([option for option in argv if option.startswith("--stp-")]))
    return Line(chain, frozenset(conditions), VERDICTS[argv[-1]])


def _side(word: str) -> str:
    return word[0]


def _bpdu(options: list[str]) -> Iterator[str]:
    if options:
        yield "@ll,112,40 0x4242030000"
    if set(options) - {"--stp-type"}:
        yield "@ll,160,8 != 128"


def _condition(option: str, value: str, sign: str, family: str) -> Iterator[str]:
    if option in _PLAIN:
        field, show = _PLAIN[option]
        yield f"{field} {sign}{show(value)}"
    elif option in ("-s", "-d"):
        yield from _mac(f"ether {'saddr' if option == '-s' else 'daddr'}", value, sign)
    elif option in _ADDRESSES:
        network = ipaddress.ip_network(value, strict=False)
        wide = network.prefixlen < network.max_prefixlen
        yield f"{_ADDRESSES[option].replace('FAMILY', family)} {sign}{network if wide else network.network_address}"
    elif option in ("--src-range", "--dst-range"):
        low, high = value.split("-")
        yield f"{family} {_side(option[2:])}addr {sign}{low if low == high else value}"
    elif option == "-p":
        yield from _protocol(value, family)
    elif option in ("--icmp-type", "--icmpv6-type", "--ip6-icmp-type"):
        yield from _icmp("icmp" if option == "--icmp-type" else "icmpv6", value)
    elif option in _STP:
        yield from _field(*_STP[option], value, sign)
    elif option not in ("-m", "--comment"):
        raise AssertionError(option)


def _mac(field: str, value: str, sign: str) -> Iterator[str]:
    address, _slash, mask = value.partition("/")
    if mask in ("", "ff:ff:ff:ff:ff:ff"):
        yield f"{field} {sign}{address}"
    else:
        bits = [int(one, 16) & int(other, 16) for one, other in zip(address.split(":"), mask.split(":"))]
        yield f"{field} & {mask} {sign or '== '}{':'.join(f'{byte:02x}' for byte in bits)}"


def _protocol(value: str, family: str) -> Iterator[str]:
    if value in ("ipv4", "ipv6"):
        yield f"ether type {'ip' if value == 'ipv4' else 'ip6'}"
    elif value == "0x8100":
        yield "ether type { 8021q, 8021ad }"
    elif value.startswith("0x"):
        yield f"ether type {int(value, 16):#06x}"
    elif value == "ah" and family == "ip6":
        yield "ip6 nexthdr 51"
    elif value != "all":
        yield f"{'ip protocol' if family == 'ip' else 'meta l4proto'} {PROTOCOLS[value]}"


def _icmp(name: str, value: str) -> Iterator[str]:
    for field, span in zip(("type", "code"), value.split("/")):
        if span != "0:255":
            yield f"{name} {field} {_range(span)}"


def _range(value: str) -> str:
    low, _colon, high = value.partition(":")
    return low if high in ("", low) else f"{low}-{high}"


def _field(start: int, bits: int, value: str, sign: str) -> Iterator[str]:
    if bits == 48:
        address, _slash, mask = value.partition("/")
        assert mask in ("", "ff:ff:ff:ff:ff:ff")
        yield f"@ll,{start},48 {sign}{int(address.replace(':', ''), 16):#x}"
    else:
        span = "-".join(f"{int(end):#x}" for end in _range(value).split("-"))
        yield f"@ll,{start},{bits} {sign}{int(span, 16) if start == 160 else span}"


def _hexadecimal(value: str) -> str:
    return f"{int(value, 0):#x}"


def _decimal(value: str) -> str:
    return str(int(value, 0))


_PLAIN: dict[str, tuple[str, Callable[[str], str]]] = {
    "--ctstate": ("ct state", str.lower),
    "--ctdir": ("ct direction", str.lower),
    "--mac-source": ("ether saddr", str.lower),
    "--dscp": ("ip dscp", _decimal),
    "--ip-tos": ("ip dscp", _decimal),
    "--sport": ("th sport", _range),
    "--dport": ("th dport", _range),
    "--ip-source-port": ("th sport", _range),
    "--ip-destination-port": ("th dport", _range),
    "--ip6-source-port": ("th sport", _range),
    "--ip6-destination-port": ("th dport", _range),
    "--ip-protocol": ("ip protocol", _decimal),
    "--ip6-protocol": ("meta l4proto", _decimal),
    "--connlimit-above": ("connlimit-above", _decimal),
    "--arp-htype": ("arp htype", _decimal),
    "--arp-ptype": ("arp ptype", _hexadecimal),
    "--arp-opcode": ("arp operation", _decimal),
    "--arp-mac-src": ("arp saddr ether", str),
    "--arp-mac-dst": ("arp daddr ether", str),
    "--vlan-id": ("@ll,116,12", _decimal),
    "--vlan-encap": ("@ll,128,16", _hexadecimal),
}
_ADDRESSES = {
    "--source": "FAMILY saddr",
    "--destination": "FAMILY daddr",
    "--ip-source": "ip saddr",
    "--ip-destination": "ip daddr",
    "--ip6-source": "ip6 saddr",
    "--ip6-destination": "ip6 daddr",
    "--arp-ip-src": "arp saddr ip",
    "--arp-ip-dst": "arp daddr ip",
}
_STP: dict[str, tuple[int, int]] = {
    "--stp-type": (160, 8),
    "--stp-flags": (168, 8),
    "--stp-root-pri": (176, 16),
    "--stp-root-addr": (192, 48),
    "--stp-root-cost": (240, 32),
    "--stp-sender-prio": (272, 16),
    "--stp-sender-addr": (288, 48),
    "--stp-port": (336, 16),
    "--stp-msg-age": (352, 16),
    "--stp-max-age": (368, 16),
    "--stp-hello-time": (384, 16),
    "--stp-forward-delay": (400, 16),
}
