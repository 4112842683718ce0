# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests get by being connected: VLAN tags, a share of the bandwidth, a virtual port; and portgroups of these.

An <interface> of a guest has the same elements.

Source of the rules: libvirt's formatnetwork, "Quality of service", "Setting VLAN tag" and "Portgroups".
"""

from __future__ import annotations

from typing import Dict, Optional

from ...xml.views import NATURAL, TEXT, YES_NO, Child, Children, Field, View

PARAMETERS = ("managerid", "typeid", "typeidversion", "instanceid", "profileid", "interfaceid")


class Tag(View):
    """A <tag> of a <vlan>; ``native`` is tagged or untagged."""

    id = Field("@id", NATURAL)
    native = Field("@nativeMode", TEXT)


class Vlan(View):
    """A <vlan>."""

    trunk = Field("@trunk", TEXT)
    tags = Children("tag", Tag)


class Rate(View):
    """One direction of a <bandwidth>: kilobytes a second, and kilobytes for ``burst``."""

    average = Field("@average", NATURAL)
    peak = Field("@peak", NATURAL)
    floor = Field("@floor", NATURAL)
    burst = Field("@burst", NATURAL)


class Bandwidth(View):
    """A <bandwidth>: ``inbound`` goes to the guests, ``outbound`` comes from them."""

    inbound = Child("inbound", Rate)
    outbound = Child("outbound", Rate)


class Virtualport(View):
    """A <virtualport>; which parameters count depends on its type."""

    type = Field("@type", TEXT)
    manager_id = Field("parameters/@managerid", TEXT)
    type_id = Field("parameters/@typeid", TEXT)
    type_id_version = Field("parameters/@typeidversion", TEXT)
    instance_id = Field("parameters/@instanceid", TEXT)
    profile_id = Field("parameters/@profileid", TEXT)
    interface_id = Field("parameters/@interfaceid", TEXT)

    def parameters(self) -> Dict[str, str]:
        """The parameters that are given, under libvirt's names."""
        found = self.element.find("parameters")
        given: Dict[str, Optional[str]] = {} if found is None else {name: found.get(name) for name in PARAMETERS}
        return {name: value for name, value in given.items() if value is not None}


class Portgroup(View):
    """A <portgroup>: interfaces that name it, or no other where it is the default, get what it says."""

    name = Field("@name", TEXT)
    default = Field("@default", YES_NO)
    trust_guest_rx_filters = Field("@trustGuestRxFilters", YES_NO)
    vlan = Child("vlan", Vlan)
    virtualport = Child("virtualport", Virtualport)
    bandwidth = Child("bandwidth", Bandwidth)
