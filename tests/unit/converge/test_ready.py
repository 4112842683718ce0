# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the address of a guest: what answers is returned, and why nothing did is in the message."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.figures import add_addresses
from ansible_collections.corral.virt.plugins.module_utils.converge.ready import wait_until_ready
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain, GuestAddress, HypervisorDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, OperationFailed
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

MAC = "52:54:00:00:00:0a"
WHY = "The interface 52:54:00:00:00:0a on the network n: that network is not active."


class Guests(HypervisorDriver):
    """One guest that runs; ``known`` are its addresses, ``waited`` what was waited for."""

    name = "small"

    hangs: tuple[str, ...] = ()

    def __init__(self, *known: GuestAddress, kind: str = "network", agent: Optional[bool] = None) -> None:
        self.known, self.kind, self.agent = list(known), kind, agent
        self.waited: list[str] = []

    def lookup_domain(self, reference: str) -> Domain:
        return Domain("a", "u", True, state="running", reason="booted", runtime={"agent": self.agent})

    def domain_xml(self, name: str, *, inactive: bool = False) -> Element:
        return parse(f"<domain><devices><interface type='{self.kind}'/></devices></domain>")

    def domain_addresses(self, name: str, *, agent: bool = False) -> list[GuestAddress]:
        return self.known

    def wait_address(self, name: str, *, timeout: float) -> list[GuestAddress]:
        self.waited.append("address")
        return self.known

    def wait_port(self, name: str, port: int, *, address: Optional[str] = None, timeout: float) -> bool:
        self.waited.append("port")
        return bool(self.known or address)

    def explain_addresses(self, name: str) -> list[str]:
        return [WHY]

    def explain_hang(self, name: str) -> list[str]:
        return list(self.hangs)

    def console_log(self, name: str, *, size: int = 16384) -> bytes:
        return b""


def wait(guests: Guests, **wanted: Any) -> dict[str, Any]:
    return wait_until_ready(guests, "a", {"timeout": 1, **wanted})


def test_what_answered_is_returned() -> None:
    guests = Guests(GuestAddress(MAC, "192.0.2.7", "lease"), GuestAddress(MAC, "2001:db8::7", "lease"))
    assert wait(guests, address=True, port=22) == {"address": {"address": "192.0.2.7", "mac": MAC, "source": "lease"}}
    assert guests.waited == ["address", "port"]
    assert wait(guests, port=22) == {} and wait_until_ready(guests, "a", None) == {}


@pytest.mark.parametrize("wanted", [{"address": True}, {"port": 22}])
def test_why_nothing_answered_is_said(wanted: dict[str, Any]) -> None:
    with pytest.raises(OperationFailed, match="that network is not active") as caught:
        wait(Guests(), **wanted)
    assert caught.value.details["addresses"] == [WHY]


def test_that_the_guest_hangs_is_said() -> None:
    guests = Guests()
    guests.hangs = ("It is stopped.", "Let it go on.")
    with pytest.raises(OperationFailed, match=r"the guest is running \(booted\)\. It is stopped\. Let it go on\. "):
        wait(guests, port=22)


def test_a_port_at_a_given_address_is_not_about_addresses() -> None:
    with pytest.raises(OperationFailed) as caught:
        wait(_Closed(), port=22, host="192.0.2.9")
    assert "not active" not in caught.value.message


class _Closed(Guests):
    def wait_port(self, name: str, port: int, *, address: Optional[str] = None, timeout: float) -> bool:
        return False


@pytest.mark.parametrize("wanted", [{"address": True}, {"port": 22}])
def test_where_nobody_can_know_an_address_none_is_waited_for(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="no interface that the host can see"):
        wait(Guests(kind="user"), **wanted)
    for known in (Guests(kind="user", agent=False), Guests(GuestAddress(MAC, "192.0.2.7", "lease"), kind="user")):
        known.known = known.known or [GuestAddress(MAC, "192.0.2.8", "agent", 24)]
        wait(known, **wanted)


def test_facts_have_the_addresses_of_each_interface() -> None:
    guests = Guests(GuestAddress(MAC.upper(), "192.0.2.7", "agent", 24), GuestAddress("52:54:00:00:00:0b", "x", "arp"))
    facts: dict[str, Any] = {"interfaces": [{"mac": MAC}, {"mac": "52:54:00:00:00:0c"}]}
    add_addresses(facts, guests, guests.lookup_domain("a"))
    assert facts["interfaces"] == [
        {"mac": MAC, "addresses": ["192.0.2.7/24"], "address_source": "agent"},
        {"mac": "52:54:00:00:00:0c", "addresses": [], "address_source": None},
    ]
