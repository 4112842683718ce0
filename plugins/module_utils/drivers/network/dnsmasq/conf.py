# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of one network's dnsmasq: a pure function of its document.

The rules are libvirt's, so that a network behaves the same with both; the sentences about each are in dnsmasq(8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Iterator, List, Optional, Tuple

from ....errors import XmlError
from ....model.network.core import Network
from ....model.network.dns import Forwarder, Srv
from ....model.network.forward import ISOLATED
from ....model.network.ip import Ip
from ....model.network.options import extra_options
from .hosts import addnhosts_text, hosts_text, lease_time

# dnsmasq reads lines into a buffer of 1025 bytes, and takes the rest of a longer one for another line.
LONGEST_LINE = 1000


@dataclass(frozen=True)
class DnsmasqPaths:
    """Where the files of one network are; without ``leases`` dnsmasq keeps them where its distribution does."""

    hosts: str
    addnhosts: str
    leases: Optional[str] = None


@dataclass(frozen=True)
class Files:
    """The texts of the files: the configuration, the reserved addresses, the names of addresses."""

    conf: str
    hosts: str
    addnhosts: str


def files(network: Network, paths: DnsmasqPaths) -> Optional[Files]:
    """Return the files of a complete document, None where the network needs no dnsmasq."""
    served = any(ip.serves_dhcp() or ip.tftp_root for ip in network.ips)
    if not network.has_own_bridge() or not network.ips or not (served or network.wants_dns()):
        return None
    return Files(conf_text(network, paths), hosts_text(network), addnhosts_text(network))


def needs_restart(before: Files, after: Files) -> bool:
    """Whether another dnsmasq has to be started; else it reads the files with the hosts again at SIGHUP."""
    return before.conf != after.conf


def conf_text(network: Network, paths: DnsmasqPaths) -> str:
    """Return the configuration; raises XmlError for a value that would become another line of it."""
    lines = [line for section in SECTIONS for line in section(network, paths)]
    for line in lines:
        check_line(line)
    head = (f"# The network {network.name}, as corral.virt started it.", "# It is written anew at each change.")
    return "".join(f"{line}\n" for line in (*head, *lines))


def check_line(line: str) -> None:
    """Raise XmlError for a line that dnsmasq would take for several."""
    if any(ord(char) < 32 or ord(char) == 127 for char in line):
        raise XmlError(f"{line!r} cannot be told dnsmasq: it holds a control character.")
    if len(line.encode("utf-8", "surrogatepass")) > LONGEST_LINE:
        raise XmlError(f"'{line[:40]}...' cannot be told dnsmasq: it has more than {LONGEST_LINE} bytes.")


def quoted(text: str) -> str:
    """Return a value so that dnsmasq takes it as one word; most are written as they are."""
    if not re.search(r'[",#\\\s]', text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _names(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    """Whom names are asked of."""
    yield "strict-order"
    if not network.wants_dns():
        yield "port=0"
        return
    forwarders = network.dns.forwarders if network.dns is not None else []
    yield from map(_server, forwarders)
    if any(forwarder.address and not forwarder.domain for forwarder in forwarders):
        yield "no-resolv"


def _server(forwarder: Forwarder) -> str:
    domain = f"/{forwarder.domain}/" if forwarder.domain else ""
    return f"server={domain}{forwarder.address or '#'}"


def _domains(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    """What is answered here and asked of nobody else."""
    if network.domain:
        if network.domain_local_only:
            yield f"local=/{network.domain}/"
        yield f"domain={network.domain}"
        yield "expand-hosts"
    if not network.wants_dns():
        return
    yield from (f"local=/{reverse_domain(ip)}/" for ip in network.ips if ip.local_ptr)
    if network.dns is not None and network.dns.forward_plain_names is False:
        yield "domain-needed"
        yield "local=//"


def reverse_domain(ip: Ip) -> str:
    """Return the domain of the names of a subnet's addresses; raises XmlError where its prefix ends within a label."""
    found = ip.interface()
    length, widest = found.network.prefixlen, found.max_prefixlen
    step = 8 if found.version == 4 else 4
    if not 0 < length < widest or length % step:
        raise XmlError(
            f"localPtr='yes' needs a prefix that is a multiple of {step}, and that of {found} is {length}.",
            line=ip.line,
            hint="Leave localPtr out, or choose another prefix.",
        )
    labels = found.ip.reverse_pointer.split(".")
    return ".".join(labels[(widest - length) // step :])


def _listen(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    """dnsmasq listens on loopback unless it is told not to, and answers strangers unless it binds to the bridge."""
    yield "except-interface=lo"
    yield "bind-dynamic"
    yield f"interface={network.bridge}"
    if network.mode() == ISOLATED:
        yield "dhcp-option=3"  # no router
        yield "no-resolv"  # questions must not be a way out
        yield "ra-param=*,0,0"  # a lifetime of 0 takes the router out of advertisements


def _records(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    dns = network.dns
    if dns is None or not network.wants_dns():
        return
    yield from (f"txt-record={txt.name},{_txt_value(txt.value or '')}" for txt in dns.txts)
    yield from map(_srv, dns.srvs)


def _txt_value(value: str) -> str:
    """Commas separate strings and quotes hide them from that, as the user wrote it; only a comment is prevented."""
    if '"' in value or not re.search(r"\s#", value):
        return value
    return ",".join(quoted(part) for part in value.split(","))


def _srv(srv: Srv) -> str:
    """Fields count by their place, so those before the last that is given are written too."""
    name = f"srv-host=_{srv.service}._{srv.protocol}" + (f".{srv.domain}" if srv.domain else "")
    if not srv.target or srv.target == ".":
        return name
    numbers = [srv.port or 0, srv.priority or 0, srv.weight or 0]
    while numbers and not numbers[-1]:
        numbers.pop()
    if numbers:
        numbers[0] = numbers[0] or 1
    return ",".join((name, srv.target, *map(str, numbers)))


def _tftp(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    roots = [ip.tftp_root for ip in network.ips if ip.tftp_root and ip.version() == 4]
    if roots:
        yield "enable-tftp"
    yield from (f"tftp-root={quoted(root)}" for root in roots)


def _dhcp(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    served = [ip for ip in (network.dhcp(4), network.dhcp(6)) if ip is not None]
    for ip in served:
        yield from _ranges(ip)
        if ip.version() == 4:
            yield "dhcp-no-override"
            yield "dhcp-authoritative"
            yield from _boot(ip)
    count = sum(size for ip in served for size in _sizes(ip))
    if count:
        yield f"dhcp-lease-max={count}"
    if served:
        yield f"dhcp-hostsfile={quoted(paths.hosts)}"
        if paths.leases is not None:
            yield f"dhcp-leasefile={quoted(paths.leases)}"


def _ranges(ip: Ip) -> Iterator[str]:
    """Without a range, reserved addresses alone are given out."""
    found = ip.interface()
    scope = str(found.netmask) if found.version == 4 else str(found.network.prefixlen)
    for each in ip.ranges:
        parts = (f"dhcp-range={each.start}", each.end, scope, lease_time(each.lease))
        yield ",".join(part for part in parts if part)
    if not ip.ranges:
        yield f"dhcp-range={found.ip},static" + ("" if found.version == 4 else f",{scope}")


def _sizes(ip: Ip) -> List[int]:
    return [each.size() for each in ip.ranges]


def _boot(ip: Ip) -> Iterator[str]:
    if ip.bootp_file:
        server = f",,{ip.bootp_server}" if ip.bootp_server else ""
        yield f"dhcp-boot={quoted(ip.bootp_file)}{server}"


def _rest(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    """IPv6 addresses without DHCP are advertised for guests to choose their own, unless DHCP is served on another."""
    if network.wants_dns():
        yield f"addn-hosts={quoted(paths.addnhosts)}"
    if network.mtu:
        yield f"dhcp-option=option:mtu,{network.mtu}"
    if network.dhcp(6) is not None:
        yield "enable-ra"
    else:
        yield from (f"dhcp-range={ip.interface().ip},ra-only" for ip in network.ips if ip.version() == 6)


def _own(network: Network, paths: DnsmasqPaths) -> Iterator[str]:
    yield from extra_options(network.element)


SECTIONS: Tuple[Callable[[Network, DnsmasqPaths], Iterator[str]], ...] = (
    _names,
    _domains,
    _listen,
    _records,
    _tftp,
    _dhcp,
    _rest,
    _own,
)
