# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing a device of the host for a guest: the one that the fewest guests use, or one that nobody uses.

Source of the rules: libvirt's formatnetwork, "Connectivity", and networkAllocatePort.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import List, NamedTuple, Optional, Sequence

from ....errors import OperationFailed
from ....host.api import Host
from ....model.network.core import Network
from ....values import PciAddress
from .guests import Port

_PCI = re.compile(r"([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")


class Function(NamedTuple):
    """A virtual function of a network card: its address, and its network device while it has a driver of the host."""

    address: PciAddress
    device: Optional[str]


def virtual_functions(host: Host, device: str) -> List[Function]:
    """The virtual functions of a card, in their order; none for one that has no such thing."""
    directory = f"/sys/class/net/{device}/device"
    names = [name for name in host.entries(directory) if re.fullmatch(r"virtfn\d+", name)]
    found = []
    for name in sorted(names, key=lambda name: int(name[6:])):
        place = host.resolve(f"{directory}/{name}")
        match = _PCI.fullmatch(posixpath.basename(place))
        if match:
            address = PciAddress(*(int(part, 16) for part in match.groups()))
            found.append(Function(address, next(iter(host.entries(f"{place}/net")), None)))
    return found


def functions(host: Host, network: Network) -> List[Function]:
    """The virtual functions of all cards that the network names as <pf>; raises OperationFailed without any."""
    cards = [function.dev for function in network.forward.functions if function.dev] if network.forward else []
    found = [each for card in cards for each in virtual_functions(host, card)]
    if cards and not found:
        raise OperationFailed(
            f"Network {network.name} gives out virtual functions of {' and '.join(cards)}, which has none.",
            hint=f"Write their number into /sys/class/net/{cards[0]}/device/sriov_numvfs.",
        )
    return found


def choose_device(host: Host, network: Network, ports: Sequence[Port], *, alone: bool) -> str:
    """The device for a macvtap: the least used, or with ``alone`` an unused one; raises OperationFailed."""
    devices = network.devices() or [each.device for each in functions(host, network) if each.device]
    used = Counter(port.device for port in ports)
    free = [device for device in devices if not (alone and used[device])]
    if not free:
        raise _exhausted(network, bool(devices), ports)
    return min(free, key=lambda device: used[device])


def choose_address(host: Host, network: Network, ports: Sequence[Port]) -> PciAddress:
    """The address of a device that no guest has; raises OperationFailed."""
    named = [each.pci() for each in network.forward.addresses] if network.forward else []
    addresses = named or [each.address for each in functions(host, network)]
    used = {port.pci for port in ports}
    free = next((address for address in addresses if address not in used), None)
    if free is None:
        raise _exhausted(network, bool(addresses), ports)
    return free


def _exhausted(network: Network, any_there: bool, ports: Sequence[Port]) -> OperationFailed:
    if not any_there:
        return OperationFailed(
            f"Network {network.name} names no device of the host.", hint="Write <interface dev='...'/> into <forward>."
        )
    guests = ", ".join(sorted({port.guest for port in ports}))
    return OperationFailed(f"All devices of network {network.name} are in use, by {guests}.", hint="Add one to it.")
