# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network lacks on the host to work as its live document says: a comparison of values, and nothing else.

One function for each part of a network; ``mend.py`` has a row for each word that they use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ....host.api import Process
from ....model.network.core import Network
from ...api import Fault
from ...links.bridge import bridge_faults, bridge_of, kernel_settings
from ...surroundings import Link, Surroundings
from ..dnsmasq.conf import Files
from ..ports.guests import Port
from .server import digests
from .status import Status

# The modes in which the host passes packets on between the network and others.
FORWARDED = ("nat", "route", "open")
FORWARDING = {4: "/proc/sys/net/ipv4/ip_forward", 6: "/proc/sys/net/ipv6/conf/all/forwarding"}


class Setting(NamedTuple):
    """A value of the kernel's: the word of the fault that it is a part of, its file, and what it has to be."""

    word: str
    path: str
    value: str

    @property
    def name(self) -> str:
        """The setting as sysctl writes it, with slashes."""
        return self.path[len("/proc/sys/") :]


@dataclass(frozen=True)
class Seen:
    """What was found on the host. ``settings`` are by file, None where the kernel has none.

    ``files`` is what dnsmasq has to be given, None where it is not wanted; ``on_disk`` whether that is in place.
    ``server`` is the dnsmasq that runs. ``ruleset`` and ``bandwidth`` are sentences about what is wrong with them.
    ``lost`` are the interfaces of active guests that are not on the network's bridge.
    """

    surroundings: Surroundings
    status: Status = field(default_factory=Status)
    settings: Mapping[str, Optional[str]] = field(default_factory=dict)
    files: Optional[Files] = None
    on_disk: bool = True
    server: Optional[Process] = None
    ruleset: Optional[str] = None
    bandwidth: Optional[str] = None
    lost: Tuple[Port, ...] = ()

    def bridge(self, network: Network) -> Optional[Link]:
        """The network's bridge, or what has its name."""
        return self.surroundings.link(network.bridge or "")


Look = Callable[[Network, Seen], Iterator[Fault]]


def settings(network: Network) -> List[Setting]:
    """The kernel's settings that a network with a bridge of its own needs: of the bridge, and of the whole host."""
    found = [Setting("ipv6", path, value) for path, value in kernel_settings(bridge_of(network))]
    versions = sorted({ip.version() for ip in network.ips}) if network.mode() in FORWARDED else []
    return [*found, *(Setting("forwarding", FORWARDING[version], "1") for version in versions)]


def observe(network: Network, seen: Seen) -> List[Fault]:
    """Return everything that is wrong, in the order in which it is put right.

    Without its bridge a network has nothing of all that is on the bridge, which is not listed then.
    """
    looks = OWN if network.has_own_bridge() else FOREIGN
    return [fault for look in looks for fault in look(network, seen)]


def _device(network: Network, seen: Seen) -> Iterator[Fault]:
    """What the network uses of the host, and cannot make."""
    bridge = network.bridge
    if bridge and seen.bridge(network) is None:
        yield Fault("device", f"The bridge {bridge} of this host, which network {network.name} uses, is not there.")
    elif bridge and not _is_switch(network, seen):
        yield Fault("device", f"Network {network.name} uses {bridge} as a bridge, and it is none.")
    devices = [] if bridge else [dev for dev in network.devices() if seen.surroundings.link(dev) is None]
    if devices and len(devices) == len(network.devices()):
        yield Fault("device", f"Network {network.name} uses {' and '.join(devices)}, and this host has no such device.")


def _is_switch(network: Network, seen: Seen) -> bool:
    """Whether it is a Linux bridge, or one of Open vSwitch where the network says so."""
    link, port = seen.bridge(network), network.virtualport
    kinds = ("bridge", "openvswitch") if port is not None and port.type == "openvswitch" else ("bridge",)
    return link is not None and link.kind in kinds


def _stranger(network: Network, seen: Seen) -> Iterator[Fault]:
    """A bridge with another MAC address is ours only if it is the one that dnsmasq bound to."""
    link, known = seen.bridge(network), seen.status.index
    if link is None or link.kind != "bridge" or not known or link.index == known:
        return
    if (link.mac or "").lower() != (network.mac or "").lower():
        yield Fault(
            "device",
            f"The bridge {link.name}, with the MAC address {link.mac}, is somebody else's: that of network"
            f" {network.name} is gone, and had {network.mac}.",
        )


def _bridge(network: Network, seen: Seen) -> Iterator[Fault]:
    yield from bridge_faults(bridge_of(network), seen.surroundings)


def _on_bridge(look: Callable[[Network, Seen, Link], Iterator[Fault]]) -> Look:
    """A look at what only a bridge that is there can have."""

    def looked(network: Network, seen: Seen) -> Iterator[Fault]:
        link = seen.bridge(network)
        if link is not None and link.kind == "bridge":
            yield from look(network, seen, link)

    return looked


def _settings(network: Network, seen: Seen) -> Iterator[Fault]:
    link = seen.bridge(network)
    foreign = link is not None and link.kind != "bridge"  # its settings are none of ours
    for setting in settings(network):
        if foreign and setting.word == "ipv6":
            continue
        now = seen.settings.get(setting.path)
        if now is not None and now != setting.value:
            yield Fault(setting.word, f"{setting.name} is {now}, and has to be {setting.value}.")


@_on_bridge
def _dnsmasq(network: Network, seen: Seen, link: Link) -> Iterator[Fault]:
    if seen.files is None:
        if seen.server is not None:
            yield Fault("dnsmasq", f"A dnsmasq (process {seen.server.pid}) runs that the network does not want.")
    elif seen.server is None:
        yield Fault("dnsmasq", "dnsmasq does not run.")
    elif seen.status.process != seen.server or seen.status.index != link.index:
        yield Fault(
            "dnsmasq", f"dnsmasq (process {seen.server.pid}) serves a bridge {link.name} that was there before."
        )


def _configuration(network: Network, seen: Seen) -> Iterator[Fault]:
    if seen.files is None:
        return
    given = digests(seen.files)
    if not seen.on_disk:
        yield Fault("configuration", "The files of dnsmasq are not what they have to be.")
    elif seen.server is not None and (given.conf, given.hosts) != (seen.status.conf, seen.status.hosts):
        yield Fault("configuration", "dnsmasq has read another configuration.")


def _ruleset(network: Network, seen: Seen) -> Iterator[Fault]:
    if seen.ruleset:
        yield Fault("ruleset", seen.ruleset)


@_on_bridge
def _bandwidth(network: Network, seen: Seen, link: Link) -> Iterator[Fault]:
    if seen.bandwidth:
        yield Fault("bandwidth", seen.bandwidth)


@_on_bridge
def _ports(network: Network, seen: Seen, link: Link) -> Iterator[Fault]:
    for port in seen.lost:
        yield Fault("ports", f"Guest {port.guest} is cut off: its {port.target} is not on the bridge {link.name}.")


# In the order in which things are put right: an address needs the bridge, dnsmasq needs the address.
OWN: Tuple[Look, ...] = (_stranger, _bridge, _settings, _ruleset, _configuration, _dnsmasq, _bandwidth, _ports)
FOREIGN: Tuple[Look, ...] = (_device, _bandwidth, _ports)
