# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the network's DNS server knows and whom it asks, the domain of its guests, and dnsmasq's own options.

Source of the meanings: libvirt's formatnetwork, "Addressing" and "Network namespaces".
"""

from __future__ import annotations

from ...errors import InvalidArgument
from ...model.network.addresses import as_address
from ...model.network.options import NAMESPACE, OPTION, OPTIONS
from ...xml.parse import Element, add
from ..options.forms import Form, truth, words
from ..options.write import Builder, Options, each, put, text

DOMAIN = Form("domain", "name", {"name": words, "local_only": truth})
# libvirt's attributes for the fields of a record.
SRV = ("service", "protocol", "domain", "target", "port", "priority", "weight")


def domain(network: Element, options: Options) -> None:
    """The domain that the names of guests are in."""
    said = DOMAIN.read(options.get("domain"))
    if said is None:
        return
    if not said.get("name"):
        raise InvalidArgument("domain: name is missing; write the domain, such as lab.example.")
    put(add(network, "domain", name=said["name"]), {"localOnly": said.get("local_only")})


def dns(network: Element, options: Options) -> None:
    """The records, and the servers that are asked for all else."""
    said = options.get("dns")
    if said is None:
        return
    attributes = {"enable": said.get("enabled"), "forwardPlainNames": said.get("forward_plain_names")}
    element = put(add(network, "dns"), attributes)
    _forwarders(element, said)
    for _what, txt in each(said, "txt"):
        put(add(element, "txt"), {"name": txt["name"], "value": txt["value"]})
    for _what, srv in each(said, "srv"):
        put(add(element, "srv"), {name: srv.get(name) for name in SRV})
    _hosts(element, said)
    if len(element) == 0 and not element.attrib:
        network.remove(element)


def dnsmasq(network: Element, options: Options) -> None:
    """Lines for dnsmasq's configuration."""
    lines = options.get("dnsmasq_options") or []
    if not lines:
        return
    holder = network.makeelement(OPTIONS, {}, {"dnsmasq": NAMESPACE})
    network.append(holder)
    for number, line in enumerate(lines, 1):
        if not line.strip() or "\n" in line:
            raise InvalidArgument(f"dnsmasq_options[{number}]: {line!r} is no option; write one line for each.")
        add(holder, OPTION, value=line.strip())


def _forwarders(element: Element, said: Options) -> None:
    for what, forwarder in each(said, "forwarders"):
        address = forwarder.get("address")
        if not address and not forwarder.get("domain"):
            raise InvalidArgument(f"dns.{what}: it says nothing; write address, domain or both.")
        if address:
            _checked(address, f"dns.{what}.address")
        put(add(element, "forwarder"), {"domain": forwarder.get("domain"), "addr": address})


def _hosts(element: Element, said: Options) -> None:
    for what, host in each(said, "hosts"):
        names = [name.strip() for name in host["names"] if name.strip()]
        if not names:
            raise InvalidArgument(f"dns.{what}: names is empty; write the names of {host['address']}.")
        holder = add(element, "host", ip=_checked(host["address"], f"dns.{what}.address"))
        for name in names:
            text(holder, "hostname", name)


def _checked(address: str, what: str) -> str:
    found = as_address(address)
    if found is None:
        raise InvalidArgument(f"{what}: {address!r} is no IP address.")
    return str(found)


BUILDERS: tuple[Builder, ...] = (domain, dns, dnsmasq)
