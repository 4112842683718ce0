# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other packet filters of this host do to a network, and the command that lets it through each of them.

A packet has to be accepted by every table. We never touch what is not ours, so whatever drops packets of guests is told
to the user: Docker sets the policy of forwarding to drop, firewalld rejects what no zone allows, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from ....host.api import Host
from ....host.layout import Layout
from ....model.network.core import Network
from ...links.nft import table_name
from .foreign import ELSEWHERE, Chain, Packet, Rules, read_rules
from .ruleset import FAMILY
from .state import whole_ruleset

# iptables' program for a family.
_IPTABLES = {"ip": "iptables", "ip6": "ip6tables"}
_FAMILIES = {4: "ip", 6: "ip6"}
# Whether packets within a bridge are filtered, too; the files are there while br_netfilter is loaded.
_BRIDGED = {family: f"/proc/sys/net/bridge/bridge-nf-call-{program}" for family, program in _IPTABLES.items()}
_FORWARDED = ("nat", "route", "open")
_DROPPED = {"drop": "drops", "reject": "rejects"}


class Probe(NamedTuple):
    """A packet that a network cannot do without, and what it is called."""

    packet: Packet
    what: str


@dataclass(frozen=True)
class Owner:
    """Somebody who filters packets: how a table of theirs is known, and how packets are let through it."""

    name: str
    owns: Callable[[str, FrozenSet[str]], bool]
    commands: Callable[[Chain, Packet], str]


def advise(host: Host, layout: Layout, network: Network) -> List[str]:
    """Return what others do to a network at present; nothing where the host has no nft, and so no rules."""
    bridged = [family for family, path in _BRIDGED.items() if (host.read(path) or b"").strip() == b"1"]
    if host.find_program("nft") is None or not (bridged or network.has_own_bridge()):
        return []
    return advice(whole_ruleset(host), network, table_name(layout), bridged=bridged)


def advice(listing: Mapping[str, Any], network: Network, table: str, *, bridged: Sequence[str] = ()) -> List[str]:
    """Return a sentence for each chain of others that keeps the network from working; ``table`` is ours.

    ``listing`` is what ``nft -j list ruleset`` says; rules of the old iptables-legacy are not in it. ``bridged`` are
    the families, ip and ip6, whose packets are filtered even within a bridge: Docker has it so, and that also stops
    networks on a bridge of the host's own.
    """
    if not network.bridge:
        return []
    rules = read_rules(listing, without=(FAMILY, table))
    probes = [*_within(network, bridged), *(_probes(network) if network.has_own_bridge() else ())]
    return [said for chain in rules.chains.values() if chain.hook for said in _about(rules, chain, probes)]


def _within(network: Network, bridged: Sequence[str]) -> Iterator[Probe]:
    for family in bridged:
        bridge = network.bridge or ""
        yield Probe(Packet("forward", family, bridge, bridge, bridge), "what guests send to others on their bridge")


def _probes(network: Network) -> Iterator[Probe]:
    for version in sorted({ip.version() for ip in network.ips}):
        family, bridge = _FAMILIES[version], network.bridge or ""
        if network.mode() in _FORWARDED:
            yield Probe(Packet("forward", family, bridge, bridge), "what guests send to other networks")
            yield _incoming(network, version)
        yield from _served(network, version)


def _incoming(network: Network, version: int) -> Probe:
    """Return the packet that comes in: an answer where the network is translated, else any."""
    nat = network.forward.nat if network.forward else None
    answers = network.mode() == "nat" and (version == 4 or bool(nat and nat.ipv6))
    state, what = ("established", "the answers to guests") if answers else ("new", "what others send to guests")
    bridge = network.bridge or ""
    return Probe(Packet("forward", _FAMILIES[version], bridge, ELSEWHERE, bridge, state), what)


def _served(network: Network, version: int) -> Iterator[Probe]:
    """Yield what guests ask the host itself for."""
    family, bridge = _FAMILIES[version], network.bridge or ""
    if network.dhcp(version):
        port = 67 if version == 4 else 547
        yield Probe(
            Packet("input", family, bridge, bridge, l4proto="udp", dport=port), "guests' requests for an address"
        )
    if network.wants_dns():
        yield Probe(Packet("input", family, bridge, bridge, l4proto="udp", dport=53), "guests' requests for names")


def _about(rules: Rules, chain: Chain, probes: List[Probe]) -> Iterator[str]:
    """Yield the sentence about one base chain: everything that it keeps from the network, and what lets it through."""
    lost: Dict[str, str] = {}
    fates: List[str] = []
    for probe in probes:
        if (
            chain.kind != "filter"
            or chain.hook != probe.packet.hook
            or chain.family not in ("inet", probe.packet.family)
        ):
            continue
        fate = rules.fate(chain, probe.packet)
        if fate in _DROPPED:
            fates.append(_DROPPED[fate])
            lost[probe.what] = _owner(rules, chain).commands(chain, probe.packet)
    if lost:
        yield _sentence(chain, _owner(rules, chain).name, fates[0], lost)


def _passes_by(chain: Chain, packet: Packet) -> bool:
    """Whether the packet comes to the base chain at all."""
    return chain.kind == "filter" and chain.hook == packet.hook and chain.family in ("inet", packet.family)


def _sentence(chain: Chain, owner: str, does: str, lost: Mapping[str, str]) -> str:
    where = f"The chain {chain.name} of the table {chain.family} {chain.table}" + (f" ({owner})" if owner else "")
    commands = "; ".join(dict.fromkeys(lost.values()))
    return f"{where} {does} {' and '.join(lost)}. To let it pass: {commands}"


def _owner(rules: Rules, chain: Chain) -> Owner:
    names = rules.names(chain.family, chain.table)
    return next(owner for owner in OWNERS if owner.owns(chain.table, names))


def _way(packet: Packet) -> Tuple[str, str]:
    """Return the direction in which the bridge stands in a rule, as in and out, with its name."""
    return ("in" if packet.iifname == packet.bridge else "out"), packet.bridge


def _docker(chain: Chain, packet: Packet) -> str:
    if packet.hook != "forward":
        return _iptables(chain, packet)
    way, bridge = _way(packet)
    return f"{_IPTABLES[packet.family]} -I DOCKER-USER -{way[0]} {bridge} -j ACCEPT"


def _ufw(chain: Chain, packet: Packet) -> str:
    way, bridge = _way(packet)
    if packet.hook == "forward":
        return f"ufw route allow {way} on {bridge}"
    return f"ufw allow in on {bridge} to any port {packet.dport} proto {packet.l4proto}"


def _firewalld(chain: Chain, packet: Packet) -> str:
    change = f"--zone=trusted --change-interface={packet.bridge}"
    return f"firewall-cmd {change}; firewall-cmd --permanent {change}"


def _iptables(chain: Chain, packet: Packet) -> str:
    way, bridge = _way(packet)
    port = f" -p {packet.l4proto} --dport {packet.dport}" if packet.dport else ""
    return f"{_IPTABLES[packet.family]} -I {chain.name} -{way[0]} {bridge}{port} -j ACCEPT"


def _nft(chain: Chain, packet: Packet) -> str:
    way, bridge = _way(packet)
    port = f" {packet.l4proto} dport {packet.dport}" if packet.dport else ""
    rule = f'{way[0]}ifname "{bridge}"{port} accept'
    return f"nft 'insert rule {chain.family} {chain.table} {chain.name} {rule}'"


# The first that fits; the last fits always.
OWNERS = (
    Owner("Docker", lambda table, chains: table == "filter" and "DOCKER-USER" in chains, _docker),
    Owner("ufw", lambda table, chains: any(name.startswith(("ufw-", "ufw6-")) for name in chains), _ufw),
    Owner("firewalld", lambda table, chains: table == "firewalld", _firewalld),
    Owner("iptables", lambda table, chains: table == "filter" and bool(chains & {"FORWARD", "INPUT"}), _iptables),
    Owner("", lambda table, chains: True, _nft),
)
