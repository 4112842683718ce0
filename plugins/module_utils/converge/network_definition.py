# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What network can be told of a network, as Ansible's argument specification.

An option that is ``raw`` has a short and a long form (``forward: nat``, ``forward: {mode: nat, ipv6: true}``); the
builder that reads it checks both. No option has a default here: "not given" has to be told from "given", because
``xml`` contradicts whatever is given, and a network is described as soon as one of them is.
"""

from __future__ import annotations

from typing import Any

from .argspec import Spec

Rows = dict[str, dict[str, Any]]

STR: dict[str, Any] = {"type": "str"}
INT: dict[str, Any] = {"type": "int"}
BOOL: dict[str, Any] = {"type": "bool"}
RAW: dict[str, Any] = {"type": "raw"}
STRINGS: dict[str, Any] = {"type": "list", "elements": "str"}
NEEDED: dict[str, Any] = {"type": "str", "required": True}


def _word(*choices: str) -> dict[str, Any]:
    return {"type": "str", "choices": list(choices)}


def _one(options: Rows) -> dict[str, Any]:
    return {"type": "dict", "options": options}


def _several(options: Rows) -> dict[str, Any]:
    return {"type": "list", "elements": "dict", "options": options}


FORWARDER: Rows = {"address": STR, "domain": STR}
DNS_HOST: Rows = {"address": NEEDED, "names": {**STRINGS, "required": True}}
SRV: Rows = {
    "service": NEEDED,
    "protocol": NEEDED,
    "domain": STR,
    "target": STR,
    "port": INT,
    "priority": INT,
    "weight": INT,
}
TXT: Rows = {"name": NEEDED, "value": NEEDED}
DNS: Rows = {
    "enabled": BOOL,
    "forward_plain_names": BOOL,
    "forwarders": _several(FORWARDER),
    "hosts": _several(DNS_HOST),
    "srv": _several(SRV),
    "txt": _several(TXT),
}
RANGE: Rows = {"start": NEEDED, "end": NEEDED, "lease_time": STR}
DHCP_HOST: Rows = {"address": NEEDED, "mac": STR, "id": STR, "name": STR, "lease_time": STR}
BOOTP: Rows = {"file": NEEDED, "server": STR}
IP: Rows = {
    "address": STR,
    "family": _word("ipv4", "ipv6"),
    "prefix": INT,
    "local_ptr": BOOL,
    "dhcp": BOOL,
    "ranges": _several(RANGE),
    "hosts": _several(DHCP_HOST),
    "lease_time": STR,
    "bootp": _one(BOOTP),
    "tftp_root": {"type": "path"},
}
ROUTE: Rows = {"destination": NEEDED, "gateway": NEEDED, "metric": INT}
RATE: Rows = {"average": NEEDED, "peak": STR, "burst": STR}
BANDWIDTH: Rows = {"inbound": _one(RATE), "outbound": _one(RATE)}
VIRTUALPORT: Rows = {
    "type": _word("openvswitch", "midonet", "802.1Qbg", "802.1Qbh"),
    **dict.fromkeys(("interface_id", "profile_id", "manager_id", "type_id", "type_id_version", "instance_id"), STR),
}
PORTGROUP: Rows = {
    "name": NEEDED,
    "default": BOOL,
    "vlan": RAW,
    "bandwidth": _one(BANDWIDTH),
    "virtualport": _one(VIRTUALPORT),
    "trust_guest_rx_filters": BOOL,
}

# What a network is.
NETWORK_DEFINITION = Spec(
    {
        "name": STR,
        "xml": STR,
        # what people call it
        "title": STR,
        "description": STR,
        "tags": STRINGS,
        "uuid": STR,
        # how it is connected
        "forward": RAW,
        "bridge": STR,
        "stp": BOOL,
        "delay": INT,
        "mac_table_manager": _word("kernel", "libvirt"),
        "mtu": INT,
        "mac": STR,
        # addresses and names
        "ips": _several(IP),
        "routes": _several(ROUTE),
        "domain": RAW,
        "dns": _one(DNS),
        "dnsmasq_options": STRINGS,
        "ipv6_between_guests": BOOL,
        # what guests get
        "portgroups": _several(PORTGROUP),
        "vlan": RAW,
        "bandwidth": _one(BANDWIDTH),
        "isolated_ports": BOOL,
        "virtualport": _one(VIRTUALPORT),
        "trust_guest_rx_filters": BOOL,
    },
    required_one_of=(("name", "xml"),),
)
# The options that a document says too: with ``xml`` they contradict it.
NETWORK_DEFINING: tuple[str, ...] = tuple(name for name in NETWORK_DEFINITION.options if name not in ("name", "xml"))
