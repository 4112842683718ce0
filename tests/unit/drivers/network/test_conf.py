# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dnsmasq is told: the parts that the golden documents do not show, and that nothing can be smuggled in."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.dnsmasq.conf import (
    DnsmasqPaths,
    Files,
    check_line,
    conf_text,
    files,
    needs_restart,
    quoted,
    reverse_domain,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.dnsmasq.hosts import hosts_text
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Surroundings
from ansible_collections.corral.virt.plugins.module_utils.errors import XmlError
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.model.network.ip import Ip
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import new_element, parse

PATHS = DnsmasqPaths("/s/hosts", "/s/addnhosts")
NAT = "<forward mode='nat'/>"
IP = "<ip address='10.1.2.1' prefix='24'/>"


def network(body: str) -> Network:
    document = parse(f"<network><name>lab</name>{body}</network>")
    return Network(complete(document, Surroundings(), (), kept=None, host_id="host"))


def lines(body: str) -> list[str]:
    return [line for line in conf_text(network(body), PATHS).splitlines() if not line.startswith("#")]


def made(body: str) -> Files:
    found = files(network(body), PATHS)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "body",
    [
        "",
        f"{NAT}<dns enable='no'/>{IP}",
        "<forward mode='bridge'/><bridge name='br0'/>",
    ],
)
def test_a_network_without_services_needs_no_dnsmasq(body: str) -> None:
    assert files(network(body), PATHS) is None


@pytest.mark.parametrize(
    "body",
    [
        f"{NAT}{IP}",
        f"{NAT}<dns enable='no'/><ip address='10.1.2.1' prefix='24'><tftp root='/srv'/></ip>",
        f"{NAT}<dns enable='no'/><ip address='10.1.2.1' prefix='24'><dhcp><range/></dhcp></ip>",
    ],
)
def test_one_service_is_enough(body: str) -> None:
    assert files(network(body), PATHS) is not None


def test_hosts_are_read_again_and_all_else_needs_another_dnsmasq() -> None:
    def with_dhcp(inner: str, rest: str = "") -> Files:
        return made(f"{NAT}{rest}<ip address='10.1.2.1' prefix='24'><dhcp><range/>{inner}</dhcp></ip>")

    before = with_dhcp("")
    assert not needs_restart(before, before)
    reserved = with_dhcp("<host mac='52:54:00:00:00:01' ip='10.1.2.5'/>")
    assert reserved != before
    assert not needs_restart(before, reserved)
    named = with_dhcp("", "<dns><host ip='10.1.2.9'><hostname>a</hostname></host></dns>")
    assert named.addnhosts == "10.1.2.9\ta\n"
    assert not needs_restart(before, named)
    assert needs_restart(before, with_dhcp("", "<dns><forwarder addr='192.0.2.1'/></dns>"))
    assert needs_restart(before, with_dhcp("<bootp file='a'/>"))


def test_the_names_of_one_address_stand_on_one_line() -> None:
    host = "<host ip='10.1.2.9'><hostname>{}</hostname></host>"
    found = made(f"{NAT}<dns>{host.format('a')}{host.format('b')}</dns>{IP}")
    assert found.addnhosts == "10.1.2.9\ta\tb\n"


def test_reserved_addresses_by_client_id() -> None:
    host = "<host id='01:02:03' name='a' ip='10.1.2.5'/>"
    found = network(f"<ip address='10.1.2.1' prefix='24'><dhcp>{host}</dhcp></ip>")
    assert hosts_text(found) == "id:01:02:03,10.1.2.5,a\n"


def test_domains_that_are_forwarded_apart_leave_the_others_to_the_host() -> None:
    found = lines(f"{NAT}<dns><forwarder domain='a.example' addr='192.0.2.1'/></dns>{IP}")
    assert "server=/a.example/192.0.2.1" in found
    assert "no-resolv" not in found


@pytest.mark.parametrize(
    ("attributes", "line"),
    [
        ("", "srv-host=_ldap._tcp"),
        ("domain='a.example' target='.'", "srv-host=_ldap._tcp.a.example"),
        ("target='b'", "srv-host=_ldap._tcp,b"),
        ("target='b' port='389'", "srv-host=_ldap._tcp,b,389"),
        ("target='b' priority='5'", "srv-host=_ldap._tcp,b,1,5"),
        ("target='b' port='389' weight='7'", "srv-host=_ldap._tcp,b,389,0,7"),
    ],
)
def test_fields_of_a_service_count_by_their_place(attributes: str, line: str) -> None:
    assert line in lines(f"{NAT}<dns><srv service='ldap' protocol='tcp' {attributes}/></dns>{IP}")


@pytest.mark.parametrize(
    ("address", "prefix", "domain"),
    [
        ("192.168.122.1", 24, "122.168.192.in-addr.arpa"),
        ("10.1.2.1", 8, "10.in-addr.arpa"),
        ("2001:db8:ac10:fe01::1", 64, "1.0.e.f.0.1.c.a.8.b.d.0.1.0.0.2.ip6.arpa"),
        ("fd00::1", 12, "0.d.f.ip6.arpa"),
    ],
)
def test_reverse_domains(address: str, prefix: int, domain: str) -> None:
    assert reverse_domain(Ip(new_element("ip", address=address, prefix=str(prefix)))) == domain


@pytest.mark.parametrize(("address", "prefix"), [("10.1.2.1", 20), ("10.1.2.1", 32), ("fd00::1", 62)])
def test_reverse_domains_that_end_within_a_label(address: str, prefix: int) -> None:
    with pytest.raises(XmlError, match="multiple of"):
        reverse_domain(Ip(new_element("ip", address=address, prefix=str(prefix))))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/srv/tftp", "/srv/tftp"),
        ("/srv/tftp boot", '"/srv/tftp boot"'),
        ("a,b", '"a,b"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
    ],
)
def test_quoting(text: str, written: str) -> None:
    assert quoted(text) == written


@pytest.mark.parametrize("line", ["a\nb", "a\0", "a\x7f", "x" * 1001, "\u00e9" * 501])
def test_what_would_be_another_line(line: str) -> None:
    with pytest.raises(XmlError, match="cannot be told dnsmasq"):
        check_line(line)
