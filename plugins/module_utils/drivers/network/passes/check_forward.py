# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of <forward>: how a network is connected to the world, or what devices its guests may be given.

Source of the rules: libvirt's formatnetwork, "Connectivity", and its network_conf.c and bridge_driver.c.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Callable, Iterable, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.network.addresses import Address, address_at
from ....model.network.core import Network
from ....model.network.forward import MODES, Forward, Nat, PoolAddress
from ....values import PciAddress
from ....xml.views import check_choice
from .texts import check_device, check_text

DRIVERS = ("vfio", "kvm")
LAST_PORT = 65535
# The largest domain, bus, slot and function (PCI Local Bus Specification; Linux counts domains with 32 bits).
PCI_LIMITS = (("domain", 0xFFFFFFFF), ("bus", 0xFF), ("slot", 0x1F), ("function", 7))


def check_forward(network: Network) -> None:
    """Raise XmlError or UnsupportedConfig for what no network can be."""
    forward = network.forward
    if forward is None:
        return
    if forward.mode is not None:
        check_choice(forward, "mode", forward.mode, (*MODES, "none"))
    for rule in RULES:
        rule(network, forward)


def _driver(network: Network, forward: Forward) -> None:
    if forward.driver is not None:
        check_choice(forward, "driver", forward.driver, DRIVERS)
    check_text(forward, "driver", forward.driver_model)
    if forward.managed is not None:
        check_choice(forward, "managed", forward.managed.lower(), ("yes", "no"))


def _devices(network: Network, forward: Forward) -> None:
    check_device(forward, "dev", forward.dev)
    names = []
    for interface in forward.interfaces:
        if interface.dev is None:
            raise XmlError("an <interface> of <forward> has no dev.", line=interface.line)
        check_device(interface, "dev", interface.dev)
        names.append(interface.dev)
    _once(forward, names, "the interface")
    if forward.dev is not None and names and names[0] != forward.dev:
        raise XmlError(
            f"<forward dev='{forward.dev}'> is not the first <interface>, which is '{names[0]}'.", line=forward.line
        )


def _once(forward: Forward, names: Iterable[object], what: str) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise XmlError(f"{what} {name} is listed twice in <forward>.", line=forward.line)
        seen.add(name)


def _functions(network: Network, forward: Forward) -> None:
    if len(forward.functions) > 1:
        raise XmlError("<forward> has more than one <pf>.", line=forward.functions[1].line)
    for function in forward.functions:
        if function.dev is None:
            raise XmlError("<pf> has no dev.", line=function.line)
        check_device(function, "dev", function.dev)


def _addresses(network: Network, forward: Forward) -> None:
    for address in forward.addresses:
        check_choice(address, "type", address.type, ("pci",))
        _check_pci(address)
    _once(forward, (address.pci() for address in forward.addresses), "the PCI device")


def _check_pci(address: PoolAddress) -> None:
    place = address.pci()
    for name, largest in PCI_LIMITS:
        if getattr(place, name) > largest:
            raise XmlError(f"<address {name}='{getattr(place, name):#x}'> is beyond {largest:#x}.", line=address.line)
    if place == PciAddress():
        raise XmlError("an <address> of <forward> names no PCI device.", line=address.line)


def _pool(network: Network, forward: Forward) -> None:
    """One pool, of one sort, that fits the mode."""
    mode, devices = network.mode(), bool(forward.devices())
    kinds = (("pf", forward.functions), ("address", forward.addresses), ("interface", devices))
    given = [tag for tag, found in kinds if found]
    if len(given) > 1:
        both = f"<{given[0]}> and {'dev' if forward.dev is not None else '<' + given[1] + '>'}"
        raise XmlError(f"<forward> has both {both}; its devices are named in one way only.", line=forward.line)
    if mode == "hostdev" and devices:
        raise UnsupportedConfig(
            "a network of mode 'hostdev' names PCI devices, and no network interfaces.",
            line=forward.line,
            hint="Write <address type='pci' .../>, or <pf dev='...'/>.",
        )
    if mode != "hostdev" and forward.addresses:
        raise UnsupportedConfig(
            f"<address> in <forward> is for mode 'hostdev', and not for '{mode}'.", line=forward.addresses[0].line
        )


def _fits_mode(network: Network, forward: Forward) -> None:
    mode, count = network.mode(), len(forward.devices())
    if mode == "open" and count:
        raise XmlError("mode 'open' restricts nothing, so <forward> cannot have a dev.", line=forward.line)
    if network.has_own_bridge() and (count > 1 or forward.functions):
        raise XmlError(f"mode '{mode}' forwards to one device or to any; name one.", line=forward.line)
    if mode == "isolated" and count:
        raise XmlError("a network that is not connected to anything has no dev in <forward>.", line=forward.line)


def _nat(network: Network, forward: Forward) -> None:
    found = forward.element.findall("nat")
    if not found:
        return
    if network.mode() != "nat":
        raise XmlError(f"<nat> is for mode 'nat', and not for '{network.mode()}'.", line=found[0].sourceline)
    if len(found) > 1:
        raise XmlError("<forward> has more than one <nat>.", line=found[1].sourceline)
    _nat_addresses(Nat(found[0]))
    _nat_ports(Nat(found[0]))


def _nat_addresses(nat: Nat) -> None:
    if len(nat.addresses) > 1:
        raise XmlError("<nat> has more than one <address>.", line=nat.addresses[1].line)
    for each in nat.addresses:
        start, end = address_at(each, "start"), address_at(each, "end")
        if not (isinstance(start, IPv4Address) and isinstance(end, IPv4Address)):
            raise XmlError("the <address> of <nat> is a range of IPv4 addresses.", line=each.line)
        complaint = range_complaint(start, end)
        if complaint:
            raise XmlError(f"the <address> of <nat> {complaint}.", line=each.line)


def range_complaint(start: Address, end: Address) -> Optional[str]:
    """What keeps two addresses of one family from being a range; libvirt lets the last 16 bits differ only."""
    if int(end) < int(start):
        return f"ends with {end}, before it begins with {start}"
    if int(start) >> 16 != int(end) >> 16:
        return f"from {start} to {end} is too large: the two may differ in their last 16 bits only"
    return None


def _nat_ports(nat: Nat) -> None:
    if len(nat.ports) > 1:
        raise XmlError("<nat> has more than one <port>.", line=nat.ports[1].line)
    for each in nat.ports:
        if each.start is None or each.end is None:
            raise XmlError("the <port> of <nat> needs start and end.", line=each.line)
        if not each.start <= each.end <= LAST_PORT:
            raise XmlError(
                f"the <port> of <nat> goes from {each.start} to {each.end}; ports go up to {LAST_PORT}.", line=each.line
            )


RULES: Tuple[Callable[[Network, Forward], None], ...] = (
    _driver,
    _devices,
    _functions,
    _addresses,
    _pool,
    _fits_mode,
    _nat,
)
