# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values: sizes, sets of CPUs, MAC and PCI addresses, uuids."""

from __future__ import annotations

import uuid
from typing import Callable, FrozenSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.values import (
    LARGEST,
    UNITS,
    PciAddress,
    Uri,
    derived_mac,
    derived_uuid,
    format_cpuset,
    kib_up,
    parse_cpuset,
    parse_mac,
    parse_pci,
    parse_size,
    parse_uuid,
    same_uuid,
    scale,
)

NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1", 1),
        ("1k", 1024),
        ("1 KiB", 1024),
        ("1KB", 1000),
        (" 2GiB ", 2 << 30),
        ("2G", 2 << 30),
        ("1.5GiB", 3 << 29),
        ("0.5 b", 0),
        ("4.000000000000000000 TiB", 4 << 40),
        ("0.1MB", 100_000),
        ("7EiB", 7 << 60),
        ("9223372036854775807", LARGEST),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_a_size_without_a_unit_takes_the_default() -> None:
    assert parse_size("64", default_unit="MiB") == 64 << 20
    assert scale(64, "") == 64 << 10  # as in libvirt's memory elements


@pytest.mark.parametrize(
    "text",
    ["", " ", "MiB", "-1", "+1", "1,5G", "1.", ".5G", "1e3", "1_000", "0x10", "٣", "9" * 5000, "1." + "9" * 5000],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^memory: .* is not a size; write a number and a unit"):
        parse_size(text, what="memory")


@pytest.mark.parametrize(
    ("text", "why"),
    [("1 XiB", "the unit 'XiB' is not known"), ("8EiB", "beyond what can be counted"), ("1 yard", "unit 'yard'")],
)
def test_sizes_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        parse_size(text)


@given(st.integers(0, 1 << 20), st.sampled_from(sorted(unit for unit in UNITS if unit)))
def test_every_unit_in_any_case(number: int, unit: str) -> None:
    if number * UNITS[unit] <= LARGEST:
        assert parse_size(f"{number}{unit.upper()}") == parse_size(f"{number} {unit}") == number * UNITS[unit]


@pytest.mark.parametrize(("size", "kib"), [(0, 0), (1, 1), (1023, 1), (1024, 1), (1025, 2)])
def test_kib_are_rounded_up(size: int, kib: int) -> None:
    assert kib_up(size) == kib


# sets of CPUs


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", {0}), ("0-3,^2,8", {0, 1, 3, 8}), (" 1 , 2 ", {1, 2}), ("^1,0-2", {0, 2}), ("^1", set()), ("3,3,3-3", {3})],
)
def test_cpusets(text: str, numbers: FrozenSet[int]) -> None:
    assert parse_cpuset(text) == numbers


@pytest.mark.parametrize("text", ["", ",", "a", "1-", "-1", "3-1", "1,,2", "0-99999", "9" * 5000, "1 2", "٣"])
def test_what_is_no_cpuset(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^cpuset: "):
        parse_cpuset(text)


@given(st.frozensets(st.integers(0, 300)))
def test_a_cpuset_is_read_as_it_was_written(numbers: FrozenSet[int]) -> None:
    text = format_cpuset(numbers)
    assert (parse_cpuset(text) if text else frozenset()) == numbers


def test_a_cpuset_is_written_as_short_as_can_be() -> None:
    assert format_cpuset([8, 1, 0, 3, 2, 2]) == "0-3,8"


# addresses and uuids


@pytest.mark.parametrize("text", ["52:54:00:AB:0c:01", "52-54-00-ab-0C-01", " 52:54:0:ab:c:1 "])
def test_macs(text: str) -> None:
    assert parse_mac(text) == "52:54:00:ab:0c:01"


@pytest.mark.parametrize(
    "text", ["", "52:54:00:ab:0c", "52:54:00:ab:0c:01:02", "52:54:00:ab:0c:1g", "525400ab0c01", "::::: "]
)
def test_what_is_no_mac(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a MAC address; write six hexadecimal bytes"):
        parse_mac(text)


def test_pci_addresses() -> None:
    assert str(PciAddress(0, 0, 0x1F, 2)) == "0000:00:1f.2"
    assert sorted([PciAddress(0, 1), PciAddress(0, 0, 2)]) == [PciAddress(0, 0, 2), PciAddress(0, 1)]


@given(st.uuids())
def test_uuids_in_any_form(found: uuid.UUID) -> None:
    for text in (str(found), found.hex, str(found).upper(), f" {found}\n", "-".join(found.hex)):
        assert parse_uuid(text) == str(found)


@pytest.mark.parametrize(
    "text",
    ["", "1", "g" * 32, "0" * 31, "0" * 33, "+" + "0" * 31, "0x" + "0" * 30, "{" + "0" * 32 + "}", "1_" + "0" * 30],
)
def test_what_is_no_uuid(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a uuid; write 32 hexadecimal digits"):
        parse_uuid(text)


@given(NAMES, NAMES)
def test_what_is_derived_depends_on_the_names_only(first: list[str], second: list[str]) -> None:
    assert derived_uuid(*first) == derived_uuid(*first) == parse_uuid(derived_uuid(*first))
    assert (derived_uuid(*first) == derived_uuid(*second)) == (first == second)
    assert parse_mac(derived_mac(*first)) == derived_mac(*first) == derived_mac(*first)
    assert derived_mac(*first).startswith("52:54:00:")


def test_the_last_of_several_parameters_counts() -> None:
    uri = Uri("qemu", params=(("root", "/a"), ("x", ""), ("root", "/b")))
    assert (uri.param("root"), uri.param("x"), uri.param("y")) == ("/b", "", None)


def test_reading_pci_addresses() -> None:
    assert str(parse_pci("0000:01:1f.7")) == str(parse_pci("1:1F.7")) == "0000:01:1f.7"
    for text in ("01:20.0", "01:00.8", "00000:01:00.0", "x"):
        with pytest.raises(InvalidArgument, match="is no PCI address"):
            parse_pci(text)


@pytest.mark.parametrize(("read", "text"), [(parse_mac, "41135040010"), (parse_pci, "70.1")])
def test_what_yaml_has_taken_for_a_number(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(InvalidArgument, match="Write it in quotes: without them YAML takes"):
        read(text)


def test_a_uuid_is_known_in_any_form_and_a_name_is_none() -> None:
    known = "6c5b2f10-0f6a-4f0e-9f2d-1d6a3c1b7e55"
    assert same_uuid(known, known) and same_uuid(known.upper().replace("-", ""), known)
    assert not same_uuid("web", known) and not same_uuid(known, "") and not same_uuid("", "")
