# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is chosen where the user leaves it open, what stays, and what would clash with the host."""

from __future__ import annotations

from typing import Optional, Sequence

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.clashes import clashes
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import (
    HostAddress,
    HostRoute,
    Link,
    Surroundings,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

BARE = Surroundings()
NAT = "<forward mode='nat'/>"
OPEN = f"{NAT}<ip><dhcp><range/></dhcp></ip>"
UUID = "11111111-2222-3333-4444-555555555555"


def define(
    body: str,
    surroundings: Surroundings = BARE,
    known: Sequence[Network] = (),
    *,
    name: str = "lab",
    kept: Optional[Network] = None,
    host_id: str = "host",
) -> Network:
    document = parse(f"<network><name>{name}</name>{body}</network>")
    others: list[Element] = [network.element for network in known]
    before = None if kept is None else kept.element
    return Network(complete(document, surroundings, others, kept=before, host_id=host_id))


def host(
    *addresses: tuple[str, str], links: Sequence[str] = (), routes: Sequence[tuple[str, str]] = ()
) -> Surroundings:
    """A host with addresses (as ADDRESS/PREFIX on a link), links, and routes that lead to a link."""
    given = tuple(HostAddress(link, text.split("/")[0], int(text.split("/")[1])) for text, link in addresses)
    ways = tuple(HostRoute(destination, link) for destination, link in routes)
    return Surroundings(tuple(Link(name, kind="bridge") for name in links), given, ways)


def subnets(network: Network) -> list[str]:
    return [str(ip.interface()) for ip in network.ips]


# --- identity -----------------------------------------------------------------------------------------------------


def test_identity_is_derived_from_the_host_and_the_name() -> None:
    one, again, elsewhere = define(OPEN), define(OPEN), define(OPEN, host_id="other")
    assert (one.uuid, one.mac) == (again.uuid, again.mac)
    assert one.uuid != elsewhere.uuid
    assert one.mac != elsewhere.mac
    assert (one.mac or "").startswith("52:54:00:")


def test_identity_stays() -> None:
    kept = define(f"<uuid>{UUID}</uuid><bridge name='virbr7'/><mac address='52:54:00:00:00:07'/>")
    found = define(OPEN, kept=kept)
    assert (found.uuid, found.bridge, found.mac) == (UUID, "virbr7", "52:54:00:00:00:07")


def test_the_mac_address_of_another_network_is_not_taken() -> None:
    taken = define(f"<mac address='{define(OPEN).mac}'/>{OPEN}", name="other")
    assert define(OPEN, known=[taken]).mac not in (None, taken.mac)


def test_another_uuid_for_the_same_name() -> None:
    with pytest.raises(AlreadyExists, match="exists with the uuid"):
        define(f"<uuid>{UUID}</uuid>{OPEN}", kept=define(OPEN))


def test_the_uuid_of_another_network() -> None:
    with pytest.raises(AlreadyExists, match="belongs to network other"):
        define(f"<uuid>{UUID}</uuid>{OPEN}", known=[define(f"<uuid>{UUID}</uuid>{OPEN}", name="other")])


def test_a_network_on_a_bridge_that_is_there_is_given_nothing() -> None:
    found = define("<forward mode='bridge'/><bridge name='br0'/>", host(links=["br0"]))
    assert (found.bridge, found.mac, found.ips) == ("br0", None, [])


# --- bridges ------------------------------------------------------------------------------------------------------


def test_the_first_free_bridge_name() -> None:
    other = define("<bridge name='virbr1'/>", name="other")
    assert define(OPEN, host(links=["virbr0"]), [other]).bridge == "virbr2"


def test_a_template_of_the_user() -> None:
    assert define(f"<bridge name='lab%d'/>{OPEN}", host(links=["lab0"])).bridge == "lab1"


def test_a_kept_name_counts_where_it_fits() -> None:
    kept = define("<bridge name='virbr5'/>")
    assert define(OPEN, host(links=["virbr5"]), kept=kept).bridge == "virbr5"
    assert define(f"<bridge name='virbr%d'/>{OPEN}", kept=kept).bridge == "virbr5"
    assert define(f"<bridge name='lab%d'/>{OPEN}", kept=kept).bridge == "lab0"
    other = define("<bridge name='virbr5'/>", name="other")
    assert define(OPEN, known=[other], kept=kept).bridge == "virbr0"


def test_a_bridge_of_another_network_or_of_the_host() -> None:
    other = define("<bridge name='br1'/>", name="other")
    with pytest.raises(AlreadyExists, match="br1 belongs to network other"):
        define("<bridge name='br1'/>", known=[other])
    with pytest.raises(AlreadyExists, match="this host has a bridge named so"):
        define("<bridge name='br1'/>", host(links=["br1"]))
    assert define("<bridge name='br1'/>", host(links=["br1"]), kept=other).bridge == "br1"


def test_all_names_are_taken() -> None:
    links = [f"virbr{number}" for number in range(256)]
    with pytest.raises(UnsupportedConfig, match="virbr0 on are taken"):
        define(OPEN, host(links=links))


def test_a_template_never_makes_a_name_that_is_too_long() -> None:
    links = [f"abcdefghijklmn{number}" for number in range(10)]
    with pytest.raises(UnsupportedConfig, match="are taken"):
        define("<bridge name='abcdefghijklmn%d'/>", host(links=links))


# --- subnets ------------------------------------------------------------------------------------------------------


def test_no_ip_means_no_addresses() -> None:
    assert define("").ips == []


def test_the_usual_subnet() -> None:
    found = define(OPEN)
    assert subnets(found) == ["192.168.122.1/24"]
    assert [(each.start, each.end) for each in found.ips[0].ranges] == [("192.168.122.2", "192.168.122.254")]


def test_what_is_taken_is_passed_by() -> None:
    around = host(
        ("192.168.122.1/24", "virbr9"),
        ("192.168.124.130/25", "eth0"),
        routes=[("192.168.125.64/26", "eth0"), ("0.0.0.0/0", "eth0"), ("128.0.0.0/1", "tun0")],
    )
    other = define(f"{NAT}<ip address='192.168.123.1' prefix='24'/>", name="other")
    assert subnets(define(OPEN, around, [other])) == ["192.168.126.1/24"]


def test_a_route_of_another_network_is_taken() -> None:
    other = define(
        f"{NAT}<ip address='10.0.0.1' prefix='24'/><route address='192.168.122.0' prefix='24' gateway='10.0.0.9'/>",
        name="other",
    )
    assert subnets(define(OPEN, known=[other])) == ["192.168.123.1/24"]


def test_other_pools_when_one_is_full() -> None:
    assert subnets(define(OPEN, host(("192.168.0.1/16", "eth0")))) == ["172.30.0.1/24"]
    full = host(("192.168.0.1/16", "eth0"), ("172.16.0.1/12", "eth1"), ("10.0.0.1/8", "eth2"))
    with pytest.raises(UnsupportedConfig, match="no subnet with a prefix of 24 is free"):
        define(OPEN, full)


def test_a_prefix_or_netmask_of_the_user() -> None:
    assert subnets(define(f"{NAT}<ip prefix='28'/><ip prefix='12'/>")) == ["192.168.122.1/28", "172.16.0.1/12"]
    found = define(f"{NAT}<ip netmask='255.255.254.0'/>").ips[0]
    assert (found.address, found.netmask, found.prefix) == ("192.168.122.1", "255.255.254.0", None)


def test_two_open_subnets_are_two() -> None:
    assert subnets(define(f"{NAT}<ip/><ip/>")) == ["192.168.122.1/24", "192.168.123.1/24"]


def test_one_beside_a_subnet_of_the_same_document() -> None:
    body = f"{NAT}<ip address='192.168.122.9' prefix='30'/><ip/>"
    assert subnets(define(body)) == ["192.168.122.9/30", "192.168.123.1/24"]


def test_ipv6_is_unique_and_local() -> None:
    body = "<ip family='ipv6'><dhcp><range/></dhcp></ip>"
    found, again = define(body), define(body)
    text = subnets(found)[0]
    assert text == subnets(again)[0]
    assert text.startswith("fd")
    assert text.endswith("::1/64")
    assert text != subnets(define(body, name="other"))[0]
    base = text[: -len("1/64")]
    assert [(each.start, each.end) for each in found.ips[0].ranges] == [(f"{base}2", f"{base}ffff")]
    beside = define(body, host((text, "eth0")))
    assert subnets(beside)[0] not in (text, "")


def test_a_subnet_stays() -> None:
    kept = define(OPEN, host(("192.168.122.1/24", "eth0")))
    assert subnets(kept) == ["192.168.123.1/24"]
    assert subnets(define(OPEN, kept=kept)) == ["192.168.123.1/24"]
    active = host(("192.168.123.1/24", kept.bridge or ""), links=[kept.bridge or ""])
    assert subnets(define(OPEN, active, kept=kept)) == ["192.168.123.1/24"]
    assert subnets(define(f"{NAT}<ip prefix='25'/>", active, kept=kept)) == ["192.168.122.1/25"]


def test_a_subnet_that_is_needed_otherwise_does_not_stay() -> None:
    kept = define(OPEN)
    body = f"{NAT}<ip address='192.168.122.1' prefix='24'/><ip/>"
    assert subnets(define(body, kept=kept)) == ["192.168.122.1/24", "192.168.123.1/24"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.1/24", ("10.1.2.2", "10.1.2.254")),
        ("10.1.2.254/24", ("10.1.2.1", "10.1.2.253")),
        ("10.1.2.200/24", ("10.1.2.1", "10.1.2.199")),
        ("10.1.0.1/12", ("10.1.0.2", "10.1.255.255")),
        ("10.1.2.1/30", ("10.1.2.2", "10.1.2.2")),
    ],
)
def test_a_range_that_is_left_open(address: str, expected: tuple[str, str]) -> None:
    host_part, prefix = address.split("/")
    found = define(f"<ip address='{host_part}' prefix='{prefix}'><dhcp><range/></dhcp></ip>").ips[0].ranges[0]
    assert (found.start, found.end) == expected


# --- clashes ------------------------------------------------------------------------------------------------------

LAB = (
    f"<bridge name='br-lab'/>{NAT}<ip address='10.1.2.1' prefix='24'/>"
    "<ip family='ipv6' address='fd00:1::1' prefix='64'/>"
    "<route address='10.9.0.0' prefix='16' gateway='10.1.2.9'/>"
)


@pytest.mark.parametrize(
    ("around", "words"),
    [
        (host(("10.1.2.77/24", "eth0")), "clashes with 10.1.2.77/24, which this host has on eth0"),
        (host(("10.0.0.5/8", "eth0")), "10.1.2.0/24 of network lab clashes with 10.0.0.5/8"),
        (host(("10.1.2.130/32", "lo")), "10.1.2.130/32"),
        (host(("fd00:1::5/128", "eth0")), "fd00:1::/64"),
        (host(("10.9.3.1/24", "eth0")), "The route to 10.9.0.0/16 of network lab clashes with 10.9.3.1/24"),
        (host(routes=[("10.1.2.0/24", "tun0")]), "this host's route to 10.1.2.0/24 on tun0"),
        (host(routes=[("10.1.2.128/25", "tun0")]), "this host's route to 10.1.2.128/25"),
        (host(routes=[("10.9.0.0/16", "tun0")]), "The route to 10.9.0.0/16"),
    ],
)
def test_clashes_are_said(around: Surroundings, words: str) -> None:
    assert words in (clashes(define(LAB), around) or "")


@pytest.mark.parametrize(
    "around",
    [
        BARE,
        host(("10.1.2.1/24", "br-lab"), ("fd00:1::1/64", "br-lab"), routes=[("10.1.2.0/24", "br-lab")]),
        host(("192.168.1.5/24", "eth0"), ("fd00:2::5/64", "eth0"), routes=[("0.0.0.0/0", "eth0"), ("::/0", "eth0")]),
        host(routes=[("10.0.0.0/8", "tun0"), ("10.9.1.0/24", "tun0"), ("10.9.0.0/16", "br-lab")]),
    ],
)
def test_no_clash(around: Surroundings) -> None:
    assert clashes(define(LAB), around) is None


def test_a_bridge_that_is_there_clashes_with_nothing() -> None:
    found = define("<forward mode='bridge'/><bridge name='br0'/>")
    assert clashes(found, host(("10.1.2.77/24", "br0"))) is None
