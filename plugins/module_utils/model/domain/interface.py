# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces.

Source of the rules: libvirt's formatdomain, "Network interfaces".
"""

from __future__ import annotations

from typing import Optional

from ...xml.views import NATURAL, ON_OFF, TEXT, YES_NO, Field, Opaque
from .device import Device

MACVTAP_MODES = ("vepa", "bridge", "private", "passthrough")
# The types whose other end is a link of the host.
LINKED = ("network", "bridge", "direct", "ethernet")
# What the names of links that are made up at each start begin with.
GENERATED = ("vnet", "macvtap", "macvlan")


def is_generated(name: Optional[str]) -> bool:
    """Whether a link's name looks like one that is made up at each start; those are never kept."""
    return name is not None and name.startswith(GENERATED)


class Interface(Device):
    """An <interface>."""

    tag = "interface"
    type = Field("@type", TEXT)
    mac = Field("mac/@address", TEXT)
    model = Field("model/@type", TEXT)
    network = Field("source/@network", TEXT)
    portgroup = Field("source/@portgroup", TEXT)
    port_id = Field("source/@portid", TEXT)
    bridge = Field("source/@bridge", TEXT)
    source_device = Field("source/@dev", TEXT)
    source_mode = Field("source/@mode", TEXT)
    source_type = Field("source/@type", TEXT)
    source_path = Field("source/@path", TEXT)
    source_reconnect = Opaque("source/reconnect")
    source_place = Opaque("source/address")  # of type='hostdev'
    prepared = Field("@managed", YES_NO)
    source_address = Field("source/@address", TEXT)
    source_port = Field("source/@port", NATURAL)
    local_address = Field("source/local/@address", TEXT)
    local_port = Field("source/local/@port", NATURAL)
    host_addresses = Opaque("source/ip")  # of type='ethernet': what the host's end has
    host_routes = Opaque("source/route")
    script = Field("script/@path", TEXT)
    downscript = Field("downscript/@path", TEXT)
    trust_filters = Field("@trustGuestRxFilters", YES_NO)
    target = Field("target/@dev", TEXT)
    managed = Field("target/@managed", YES_NO)
    link = Field("link/@state", TEXT)
    mtu = Field("mtu/@size", NATURAL)
    driver = Field("driver/@name", TEXT)
    queues = Field("driver/@queues", NATURAL)
    rx_queue_size = Field("driver/@rx_queue_size", NATURAL)
    tx_queue_size = Field("driver/@tx_queue_size", NATURAL)
    tx_mode = Field("driver/@txmode", TEXT)
    ioeventfd = Field("driver/@ioeventfd", ON_OFF)
    event_idx = Field("driver/@event_idx", ON_OFF)
    rss = Field("driver/@rss", ON_OFF)
    rss_hash_report = Field("driver/@rss_hash_report", ON_OFF)
    host_options = Opaque("driver/host")
    guest_options = Opaque("driver/guest")
    backend = Opaque("backend")
    sndbuf = Field("tune/sndbuf", NATURAL)
    bandwidth = Opaque("bandwidth")
    vlan = Opaque("vlan")
    addresses = Opaque("ip")
    routes = Opaque("route")
    virtualport = Opaque("virtualport")
    teaming_type = Field("teaming/@type", TEXT)
    teaming_with = Field("teaming/@persistent", TEXT)
    isolated = Field("port/@isolated", YES_NO)
    filter = Field("filterref/@filter", TEXT)
    filter_parameters = Opaque("filterref/parameter")
    guest_name = Field("guest/@dev", TEXT)
