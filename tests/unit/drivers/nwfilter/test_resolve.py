# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tree of filters of an interface as one list of rules, with the variables that each sees."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile import resolve
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.resolve import flatten
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound, XmlError

from .small_filters import MAC, filters, port

RULE = "<rule action='drop' direction='out'/>"


def tree(*texts: str, **lists: str) -> list[tuple[str, int]]:
    """The rules of the interface as filter and number."""
    found = flatten(port("top", **lists), filters(*texts))
    return [(each.template.filter, each.template.number) for each in found]


def test_rules_of_a_reference_stand_in_its_place() -> None:
    top = f"<filter name='top'>{RULE}<filterref filter='a'/>{RULE}<filterref filter='b'/></filter>"
    a = f"<filter name='a'><filterref filter='b'/>{RULE}</filter>"
    assert tree(top, a, f"<filter name='b'>{RULE}</filter>") == [
        ("top", 1),
        ("b", 1),
        ("a", 1),
        ("top", 2),
        ("b", 1),
    ]


def test_what_is_given_nearer_to_the_guest_goes_before_what_a_reference_says() -> None:
    given = "<parameter name='{0}' value='{1}'/>"
    values = f"{given.format('A', 'top')}{given.format('B', 'top')}"
    top = f"<filter name='top'><filterref filter='a'>{values}</filterref></filter>"
    a = (
        "<filter name='a'><filterref filter='b'>"
        f"{given.format('B', 'a')}{given.format('C', 'a')}{given.format('C', 'a2')}</filterref></filter>"
    )
    [found] = flatten(port("top", A="guest"), filters(top, a, f"<filter name='b'>{RULE}</filter>"))
    assert found.variables == {"A": ("guest",), "B": ("top",), "C": ("a", "a2"), "MAC": (MAC,)}


def test_what_a_reference_gives_is_not_seen_beside_it() -> None:
    inner = "<filterref filter='a'><parameter name='A' value='1'/></filterref>"
    found = flatten(
        port("top"), filters(f"<filter name='top'>{inner}{RULE}</filter>", f"<filter name='a'>{RULE}</filter>")
    )
    assert ["A" in each.variables for each in found] == [True, False]


def test_the_mac_address_can_be_given() -> None:
    [found] = flatten(port("top", MAC="52:54:00:00:00:02"), filters(f"<filter name='top'>{RULE}</filter>"))
    assert found.variables["MAC"] == ("52:54:00:00:00:02",)


def test_a_missing_filter_names_guest_interface_and_who_refers_to_it() -> None:
    with pytest.raises(NotFound) as caught:
        tree("<filter name='top'><filterref filter='a'/></filter>", "<filter name='a'><filterref filter='b'/></filter>")
    assert (
        caught.value.message
        == "guest web, interface vnet0: there is no network filter b, which the filter a refers to."
    )
    with pytest.raises(NotFound, match=r"there is no network filter top\."):
        tree("<filter name='a'/>")


def test_a_circle_is_refused() -> None:
    texts = [
        f"<filter name='{a}'><filterref filter='{b}'/></filter>" for a, b in (("top", "a"), ("a", "b"), ("b", "a"))
    ]
    with pytest.raises(XmlError, match="refer to each other in a circle: a refers to b refers to a"):
        tree(*texts)


def test_filters_that_multiply_each_other_end_somewhere() -> None:
    texts = [f"<filter name='f{n}'>{f'<filterref filter={chr(39)}f{n + 1}{chr(39)}/>' * 9}</filter>" for n in range(9)]
    top = "<filter name='top'><filterref filter='f0'/></filter>"
    with pytest.raises(XmlError, match="takes in more than 1000 filters or 10000 rules") as caught:
        tree(top, *texts, f"<filter name='f9'>{RULE}</filter>")
    assert "guest web, interface vnet0" in caught.value.message
    assert resolve.MOST_FILTERS == 1000


@pytest.mark.parametrize("others", [99, 100, 5000])
def test_filters_go_so_deep_and_no_deeper(others: int) -> None:
    """Depth is said and never runs out of Python's own."""
    texts = [f"<filter name='f{each}'><filterref filter='f{each + 1}'/></filter>" for each in range(1, others)]
    texts.append(f"<filter name='f{others}'>{RULE}</filter>")
    top = "<filter name='top'><filterref filter='f1'/></filter>"
    if others < resolve.DEEPEST:
        assert len(tree(top, *texts)) == 1
        return
    with pytest.raises(XmlError, match="more than 100 deep"):
        tree(top, *texts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<filter name='top' chain='arp; x'/>", "chain='arp; x'"),
        ("<filter name='top' chain='x'/>", "chain='x'"),
        ("<filter name='top'><rule action='accept; x' direction='in'/></filter>", "action='accept; x'"),
        ("<filter name='top'><rule action='accept' direction='x'/></filter>", "direction='x'"),
        ("<filter name='top'><rule/></filter>", "action='None'"),
    ],
)
def test_a_definition_that_was_edited_by_hand_is_no_way_to_other_words_of_nft(text: str, said: str) -> None:
    with pytest.raises(XmlError, match="line 1: The network filter top has ") as caught:
        tree(text)
    assert said in caught.value.message
