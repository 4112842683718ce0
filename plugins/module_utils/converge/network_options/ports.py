# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests get by being connected: VLAN tags, bandwidth, isolation, virtual ports, and portgroups of these.

An interface of a guest has the same elements, so that they are written by these functions too.

Source of the meanings: libvirt's formatnetwork, "Quality of service", "Setting VLAN tag" and "Portgroups".
"""

from __future__ import annotations

from typing import Any, Optional

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from ..options.forms import Form, one_of, truth
from ..options.write import Builder, Options, each, put, size_of

# A rate is a number of kilobytes of 1000 bytes, as tc counts them; a burst is one of 1024.
RATE_BYTES, BURST_BYTES = 1000, 1024
PARAMETERS = ("manager_id", "type_id", "type_id_version", "instance_id", "profile_id", "interface_id")


def tags(value: Any, what: str) -> tuple[int, ...]:
    """Read one VLAN id or a list of them."""
    found = [str(entry).strip() for entry in (value if isinstance(value, list) else [value])]
    for entry in found:
        if not entry.isdigit() or len(entry) > 4 or not 0 < int(entry) < 4095:
            raise InvalidArgument(f"{what}: {entry} is no VLAN id; write a number from 1 to 4094.")
    return tuple(int(entry) for entry in found)


def tag(value: Any, what: str) -> int:
    """Read one VLAN id."""
    return tags([value], what)[0]


VLAN = Form(
    "vlan",
    "tags",
    {"tags": tags, "trunk": truth, "native": tag, "native_mode": one_of("tagged", "untagged")},
)


def write_vlan(parent: Element, value: Any) -> None:
    """The VLAN tags of guests; several are a trunk."""
    said = VLAN.read(value)
    if said is None:
        return
    ids, native = said.get("tags") or (), said.get("native")
    if not ids:
        raise InvalidArgument("vlan: tags is missing; write a VLAN id or a list of them.")
    if native is not None and native not in ids:
        raise InvalidArgument(f"vlan: native is {native}, which is none of the tags.")
    if native is None and "native_mode" in said:
        raise InvalidArgument("vlan: native_mode says how the native VLAN is sent; write native too.")
    if len(ids) > 1 and said.get("trunk") is False:
        raise InvalidArgument("vlan: several tags are a trunk; leave trunk out, or write one tag.")
    trunk = said.get("trunk") or len(ids) > 1 or native is not None
    element = put(add(parent, "vlan"), {"trunk": trunk or None})
    for number in ids:
        mode = said.get("native_mode") or "tagged"
        put(add(element, "tag", id=str(number)), {"nativeMode": mode if number == native else None})


def write_bandwidth(parent: Element, said: Optional[Options], what: str = "bandwidth") -> None:
    """Limits for what goes to the guests (inbound) and comes from them (outbound)."""
    ways = [way for way in ("inbound", "outbound") if said and said.get(way)]
    if said is None or not ways:
        return
    element = add(parent, "bandwidth")
    for way in ways:
        rates = {name: _rate(said[way].get(name), f"{what}.{way}.{name}") for name in ("average", "peak")}
        burst = said[way].get("burst")
        kib = None if burst is None else -(-size_of(burst, f"{what}.{way}.burst") // BURST_BYTES)
        put(add(element, way), {**rates, "burst": kib})


def write_virtualport(parent: Element, said: Optional[Options], what: str = "virtualport", *, typed: bool) -> None:
    """The port of a switch that is no Linux bridge; ``typed`` says that its type has to be given."""
    if said is None:
        return
    if typed and not said.get("type"):
        raise InvalidArgument(f"{what}: type is missing; write which switch it is, such as openvswitch.")
    element = put(add(parent, "virtualport"), {"type": said.get("type")})
    parameters = {name.replace("_", ""): said[name] for name in PARAMETERS if said.get(name)}
    if parameters:
        put(add(element, "parameters"), parameters)


def for_all(network: Element, options: Options) -> None:
    """What holds for every guest of the network."""
    write_vlan(network, options.get("vlan"))
    write_bandwidth(network, options.get("bandwidth"))
    if options.get("isolated_ports") is not None:
        put(add(network, "port"), {"isolated": options["isolated_ports"]})
    write_virtualport(network, options.get("virtualport"), typed=True)
    put(network, {"trustGuestRxFilters": options.get("trust_guest_rx_filters")})


def portgroups(network: Element, options: Options) -> None:
    """One portgroup after the other; one at most is the default."""
    groups = each(options, "portgroups")
    for what, group in groups:
        if sum(group["name"] == other["name"] for _what, other in groups) > 1:
            raise InvalidArgument(f"{what}: there are two portgroups named {group['name']!r}.")
        element = put(
            add(network, "portgroup", name=group["name"]),
            {"default": group.get("default") or None, "trustGuestRxFilters": group.get("trust_guest_rx_filters")},
        )
        write_vlan(element, group.get("vlan"))
        write_virtualport(element, group.get("virtualport"), f"{what}.virtualport", typed=False)
        write_bandwidth(element, group.get("bandwidth"), f"{what}.bandwidth")
    if sum(bool(group.get("default")) for _what, group in groups) > 1:
        raise InvalidArgument("portgroups: two of them are the default; guests that name none could have either.")


def _rate(value: Optional[str], what: str) -> Optional[int]:
    """Return a rate in kilobytes a second, rounded up."""
    if value is None:
        return None
    number = -(-size_of(value, what) // RATE_BYTES)
    if not number:
        raise InvalidArgument(f"{what}: {value} lets nothing through; write a rate a second such as 10MB.")
    return number


BUILDERS: tuple[Builder, ...] = (for_all, portgroups)
