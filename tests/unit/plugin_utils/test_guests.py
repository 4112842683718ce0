# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests of hosts as hosts of an inventory."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.plugin_utils.guests import (
    Guest,
    addresses,
    chosen,
    fit_name,
    guests_in,
    in_short,
    read_wanted,
    unique_names,
)


def facts(*found: Any, **more: Any) -> dict[str, Any]:
    return {"name": "web1", "uuid": "u1", "interfaces": [{"addresses": list(found)}, {"addresses": None}], **more}


def test_addresses_that_others_can_reach() -> None:
    rows = [
        "127.0.0.1/8",
        "fe80::1/64",
        "169.254.1.1",
        "::1/128",
        "0.0.0.0",
        "192.0.2.5/24",
        "2001:db8::5",
        "192.0.2.5",
    ]
    assert [str(address) for address in addresses(facts(*rows))] == ["192.0.2.5", "2001:db8::5"]


@pytest.mark.parametrize("nonsense", ["", "host.example.org", "-oProxyCommand=x", "192.0.2.5; rm", None, 5, "1.2.3"])
def test_what_is_no_address_is_none(nonsense: Any) -> None:
    assert addresses(facts(nonsense)) == []


@pytest.mark.parametrize(
    ("wanted", "address"),
    [
        (["ipv4", "ipv6"], "192.0.2.5"),
        (["ipv6", "ipv4"], "2001:db8::5"),
        (["198.51.100.0/24", "ipv4"], "198.51.100.7"),
        (["2001:db8::/32"], "2001:db8::5"),
        (["10.0.0.0/8"], None),
        ([], None),
    ],
)
def test_the_address_that_is_wanted_most(wanted: list[str], address: Optional[str]) -> None:
    found = addresses(facts("192.0.2.5/24", "198.51.100.7/24", "2001:db8::5/64"))
    assert chosen(found, read_wanted(wanted)) == address


@pytest.mark.parametrize("wrong", ["ipv5", "192.0.2.5/24", "eth0", ""])
def test_what_is_neither_a_family_nor_a_subnet(wrong: str) -> None:
    with pytest.raises(ValueError, match="neither ipv4, ipv6 nor a subnet"):
        read_wanted([wrong])


def test_variables() -> None:
    guest = Guest("hv1", "qemu:///system", facts("192.0.2.5/24", state="running", pid=5))
    found = guest.variables("vm_")
    assert found["vm_host"] == "hv1" and found["vm_uri"] == "qemu:///system" and found["vm_state"] == "running"
    assert found["vm_addresses"] == ["192.0.2.5"] and "vm_pid" not in found


def test_what_is_kept_is_what_is_needed() -> None:
    rows = [{"uri": "u", "guests": [facts(pid=5), "nonsense"]}]
    assert in_short(rows) == [{"uri": "u", "guests": [facts()]}]


def test_guests_are_sorted_by_host_and_nonsense_is_none() -> None:
    rows = {
        "b": [{"uri": "u", "guests": [{"name": "x"}, {"name": 5}, 7]}],
        "a": [{"uri": None, "guests": [{"name": "y"}]}],
    }
    assert [(guest.host, guest.uri, guest.facts["name"]) for guest in guests_in(rows)] == [
        ("a", "", "y"),
        ("b", "u", "x"),
    ]


def test_names_that_patterns_take_for_nothing_else() -> None:
    assert [fit_name(name) for name in ("web-1.x_y", "a,b", "x[0]", "!a", "&a", "~a", "a:b", "{{ x }}", "ä", "")] == [
        *("web-1.x_y", "a_b", "x_0_", "_a", "_a", "_a", "a_b", "___x___", "ä", "_")
    ]


def test_names_are_unique() -> None:
    guests = [Guest(host, "", {"name": name, "uuid": uuid}) for host, name, uuid in ROWS]
    names = unique_names(guests, [guest.facts["name"] for guest in guests], {"hv1", "localhost"})
    assert names == ["alone", "same.hv1", "same.hv2", "hv1.hv1", "twice.hv2.u5", "twice.hv2.u6"]


ROWS = [
    ("hv1", "alone", "u1"),
    ("hv1", "same", "u2"),
    ("hv2", "same", "u3"),
    ("hv1", "hv1", "u4"),
    ("hv2", "twice", "u5"),
    ("hv2", "twice", "u6"),
]
