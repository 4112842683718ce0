# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of the records and forwarders of a network's DNS server.

Source of the rules: libvirt's formatnetwork, "Addressing", its network_conf.c, RFC 2782, and dnsmasq(8).
"""

from __future__ import annotations

import re

from ....errors import XmlError
from ....model.network.addresses import address_at
from ....model.network.core import Network
from ....model.network.dns import DnsHost, Forwarder, Srv, Txt
from .texts import check_domain, check_quotes, refuse

LARGEST = 65535
LONGEST_SERVICE = 64
SERVICE, PROTOCOL = r"[A-Za-z0-9_\-+/*]+", r"[A-Za-z0-9\-+/]+"
NUMBERS = ("port", "priority", "weight")


def check_dns(network: Network) -> None:
    """Raise XmlError for the first record that is wrong, and for records where there is no server."""
    dns = network.dns
    if dns is None:
        return
    if dns.enable is False and len(dns.element):
        raise XmlError("<dns enable='no'> holds records or forwarders that nobody would serve.", line=dns.line)
    for forwarder in dns.forwarders:
        _check_forwarder(forwarder)
    for txt in dns.txts:
        _check_txt(txt)
    for srv in dns.srvs:
        _check_srv(srv)
    for host in dns.hosts:
        _check_host(host)


def _check_forwarder(forwarder: Forwarder) -> None:
    if forwarder.address is None and forwarder.domain is None:
        raise XmlError("<forwarder> has neither addr nor domain.", line=forwarder.line)
    if forwarder.address is not None:
        address_at(forwarder, "addr")
    check_domain(forwarder, "domain", forwarder.domain)


def _check_txt(txt: Txt) -> None:
    if not txt.name or txt.value is None:
        raise XmlError("<txt> needs a name and a value.", line=txt.line)
    check_domain(txt, "name", txt.name)
    check_quotes(txt, "value", txt.value)


def _check_srv(srv: Srv) -> None:
    for name, value, pattern in (("service", srv.service, SERVICE), ("protocol", srv.protocol, PROTOCOL)):
        if value is None:
            raise XmlError(f"<srv> has no {name}.", line=srv.line)
        if not re.fullmatch(pattern, value) or len(value) > LONGEST_SERVICE:
            raise refuse(srv, name, value, "is not such a name as /etc/services and /etc/protocols have")
    check_domain(srv, "domain", srv.domain)
    check_domain(srv, "target", srv.target or None)
    for name in NUMBERS:
        number = getattr(srv, name)
        if number is not None and srv.target is None:
            raise XmlError(f"<srv> has a {name} and no target.", line=srv.line)
        if number is not None and not (1 if name == "port" else 0) <= number <= LARGEST:
            raise XmlError(f"<srv {name}='{number}'> is beyond what a record can hold ({LARGEST}).", line=srv.line)


def _check_host(host: DnsHost) -> None:
    address_at(host, "ip")
    if not host.names():
        raise XmlError(f"<host ip='{host.ip}'> has no <hostname>.", line=host.line)
    for hostname in host.hostnames:
        if hostname.name and not _is_host_name(hostname.name):
            raise XmlError(f"'{hostname.name[:40]}' is not the name of a host.", line=hostname.line)


def _is_host_name(name: str) -> bool:
    return len(name.encode()) <= 255 and re.fullmatch(r"[^\s\x00-\x20\x7f/,#\"'\\]+", name) is not None
