# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the network's DNS server knows and whom it asks.

Source of the rules: libvirt's formatnetwork, "Addressing".
"""

from __future__ import annotations

from typing import List

from ...xml.views import NATURAL, TEXT, YES_NO, Children, Field, View


class Forwarder(View):
    """A server that is asked in place of the host's own, for one domain or for all.

    A domain without an address is asked of the host's own servers, whatever the other forwarders say.
    """

    domain = Field("@domain", TEXT)
    address = Field("@addr", TEXT)


class Txt(View):
    """A TXT record."""

    name = Field("@name", TEXT)
    value = Field("@value", TEXT)


class Srv(View):
    """An SRV record; without a target, or with ".", it says that there is no such service."""

    service = Field("@service", TEXT)
    protocol = Field("@protocol", TEXT)
    domain = Field("@domain", TEXT)
    target = Field("@target", TEXT)
    port = Field("@port", NATURAL)
    priority = Field("@priority", NATURAL)
    weight = Field("@weight", NATURAL)


class Hostname(View):
    """A <hostname>: one of the names of an address."""

    name = Field(".", TEXT)


class DnsHost(View):
    """The names of an address; the first is what the address is resolved to."""

    ip = Field("@ip", TEXT)
    hostnames = Children("hostname", Hostname)

    def names(self) -> List[str]:
        """The names, those that are empty left out."""
        return [hostname.name for hostname in self.hostnames if hostname.name]


class Dns(View):
    """The <dns>."""

    enable = Field("@enable", YES_NO)
    forward_plain_names = Field("@forwardPlainNames", YES_NO)
    forwarders = Children("forwarder", Forwarder)
    txts = Children("txt", Txt)
    srvs = Children("srv", Srv)
    hosts = Children("host", DnsHost)
