# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views: reading, writing, taking away, and what none of them declares."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import XmlError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.module_utils.xml.views import (
    INT,
    NATURAL,
    ON_OFF,
    TEXT,
    TRUE_FALSE,
    YES_NO,
    Child,
    Children,
    Field,
    Flag,
    Kind,
    Opaque,
    View,
    check_choice,
    hexadecimal,
    number_of,
    one_of,
    undeclared,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text


class Leaf(View):
    number = Field("@number", NATURAL)
    text = Field(".", TEXT)


class Tree(View):
    """A view with everything, and below it itself."""

    name = Field("name", TEXT)
    count = Field("@count", INT)
    deep = Field("one/two/@three", YES_NO)
    unit = Field("size/@unit", TEXT)
    size = Field("size", NATURAL)
    here = Flag("here")
    there = Flag("far/there")
    leaf = Child("leaf", Leaf)
    leaves = Children("leaves/leaf", Leaf)
    notes = Opaque("notes")


class Chain(View):
    level = Field("@level", NATURAL)


Chain.next = Child("next", Chain)  # type: ignore[attr-defined]


def tree(inner: str = "", **attributes: str) -> Tree:
    given = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return Tree(parse(f"<tree{given}>{inner}</tree>"))


def text(view: View) -> str:
    return "".join(line.strip() for line in to_text(view.element).splitlines())


# reading


def test_reading() -> None:
    found = tree(
        "<name> x </name><one><two three='yes'/></one><here/><leaf number='7'>l</leaf>"
        "<leaves><leaf number='1'/><leaf/></leaves>",
        count="-0x1f",
    )
    assert (found.name, found.count, found.deep, found.here, found.there) == ("x", -31, True, True, False)
    assert found.leaf is not None and (found.leaf.number, found.leaf.text) == (7, "l")
    assert [leaf.number for leaf in found.leaves] == [1, None]


def test_what_is_missing_is_none() -> None:
    found = tree("<name> </name><one/>")
    assert (found.name, found.count, found.deep, found.leaf, found.leaves) == (None, None, None, None, [])


def test_an_empty_attribute_is_there() -> None:
    assert tree("<size unit=''/>").unit == ""


@pytest.mark.parametrize(
    ("kind", "value", "read", "written"),
    [
        (TEXT, "x", "x", "x"),
        (INT, "-5", -5, "-5"),
        (INT, "+5", 5, "5"),
        (INT, "0X1f", 31, "31"),
        (NATURAL, "007", 7, "7"),
        (NATURAL, " 7 ", 7, "7"),
        (ON_OFF, "on", True, "on"),
        (YES_NO, "no", False, "no"),
        (TRUE_FALSE, "true", True, "true"),
        (hexadecimal(4), "31", 31, "0x001f"),
        (hexadecimal(2), "0x1f", 31, "0x1f"),
        (one_of("a", "b"), "b", "b", "b"),
    ],
)
def test_kinds(kind: Kind[Any], value: str, read: Any, written: str) -> None:
    assert kind.read(value) == read and kind.write(read) == written


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(
            (kind, value)
            for kind in (INT, NATURAL)
            for value in ("", "x", "1.5", "0x", "1_0", "1 2", "٣", "0b1", "9" * 5000)
        ),
        (NATURAL, "-1"),
        (ON_OFF, "yes"),
        (ON_OFF, "ON"),
        (YES_NO, "1"),
        (hexadecimal(2), "1f"),
        (one_of("a", "b"), "c"),
    ],
)
def test_values_that_are_refused_say_what_is_wanted(kind: Kind[Any], value: str) -> None:
    class Odd(View):
        field = Field("inner/@field", kind)

    found = Odd(parse(f"<odd>\n<inner field='{value}'/></odd>"))
    with pytest.raises(XmlError) as caught:
        found.field  # noqa: B018
    assert caught.value.message.startswith("line 2: the attribute field of <inner> is '")
    assert caught.value.message.endswith(f"', and must be {kind.says}.")


def test_a_text_that_is_refused() -> None:
    with pytest.raises(XmlError, match=r"^line 1: <size> is 'much', and must be a whole number from 0 on\.$"):
        tree("<size>much</size>").size  # noqa: B018


# writing


def test_writing_makes_the_elements_on_the_way() -> None:
    found = tree()
    found.name, found.count, found.deep, found.there, found.size = "x", 3, False, True, 5
    assert text(found) == (
        '<tree count="3"><name>x</name><one><two three="no"/></one><far><there/></far><size>5</size></tree>'
    )
    found.there = found.here = True
    found.there = True
    assert text(found).count("there") == 1


def test_taking_away_leaves_no_empty_elements() -> None:
    found = tree("<name>x</name><one><two three='yes'/></one><far><there/></far>", count="1")
    found.name = found.count = found.deep = None
    assert text(found) == "<tree><far><there/></far></tree>"
    found.deep = found.name = None
    found.here = False
    assert text(found) == "<tree><far><there/></far></tree>"


def test_taking_away_leaves_what_others_have_there() -> None:
    found = tree("<size unit='KiB'>5</size><one><two three='yes' four='4'/></one><far><there/><x/></far>")
    found.size = found.deep = None
    found.there = False
    assert text(found) == '<tree><size unit="KiB"/><one><two four="4"/></one><far><x/></far></tree>'
    found.unit = None
    assert "size" not in text(found)


def test_the_element_of_the_view_itself_stays() -> None:
    leaf = tree("<leaf number='1'>x</leaf>").leaf
    assert leaf is not None
    leaf.number = leaf.text = None
    assert text(leaf) == "<leaf/>"


@pytest.mark.parametrize("value", ["\0", "a\x01b", "\ud800"])
def test_what_no_document_can_hold(value: str) -> None:
    for change in ("name", "unit"):
        with pytest.raises(XmlError, match="no document can hold these characters"):
            setattr(tree(), change, value)


def test_views_of_one_element_are_equal() -> None:
    found = tree("<leaf/>")
    assert found.leaf == found.leaf and len({found.leaf, found.leaf}) == 1
    assert found.leaf != Leaf(parse("<leaf/>")) and found.leaf != "leaf"
    assert repr(tree(count="1")) == "<Tree {'count': '1'}>"


def test_lines() -> None:
    found = Tree(parse("<tree>\n<name/>\n<one>\n<two/></one></tree>"))
    assert (found.line, found.line_at("name"), found.line_at("one/two"), found.line_at("gone")) == (1, 2, 4, 1)


def test_choices() -> None:
    check_choice(tree(count="a"), "count", "a", ("a", "b"))
    with pytest.raises(XmlError, match=r"^line 1: <tree> has no count; write one of a, b\.$"):
        check_choice(tree(), "count", None, ("a", "b"))
    with pytest.raises(XmlError, match=r"^line 1: <tree count='c'> is not one of a, b\.$"):
        check_choice(tree(), "count", "c", iter(("a", "b")))


def test_numbers_whose_meaning_depends() -> None:
    assert number_of(tree(), "count", "0x10") == 16
    for value in (None, "", "-1", "x"):
        with pytest.raises(
            XmlError, match=r"^line 1: the count of <tree> is .*, and must be a whole number from 0 on\.$"
        ):
            number_of(tree(), "count", value)


# what nobody declares


def test_undeclared() -> None:
    found = Tree(
        parse(
            "<tree count='1' colour='red'>\n<name lang='de'/>\n<one><two three='no'><four/></two></one>\n"
            "<here/><leaf number='1' x='2'/><leaves><leaf><twig/></leaf><branch/></leaves>\n"
            "<notes any='1'><thing/></notes><size unit='b'>1</size></tree>"
        )
    )
    assert undeclared(found) == [
        ("tree/@colour", 1),
        ("tree/name/@lang", 2),
        ("tree/one/two/four", 3),
        ("tree/leaf/@x", 4),
        ("tree/leaves/leaf/twig", 4),
        ("tree/leaves/branch", 4),
    ]


def test_everything_declared() -> None:
    assert (
        undeclared(tree("<name/><one><two three='x'/></one><here/><far><there/></far><leaves><leaf/></leaves>")) == []
    )


def test_a_view_that_holds_itself() -> None:
    deep = "<chain level='0'>" + "<next level='1'>" * 40 + "<oops/>" + "</next>" * 40 + "</chain>"
    assert undeclared(Chain(parse(deep))) == [("chain/" + "next/" * 40 + "oops", 1)]


def test_what_is_not_declared_stays() -> None:
    found = tree("<odd><x/></odd>", colour="red")
    found.name, found.deep = "x", True
    found.name = found.deep = None
    assert text(found) == '<tree colour="red"><odd><x/></odd></tree>'


def test_a_declaration_knows_its_view() -> None:
    assert {name for name, _item in Leaf.declared()} == {"number", "text"}
    assert isinstance(Tree.name, Field) and isinstance(Tree.here, Flag)
    assert isinstance(Tree.leaf, Child) and isinstance(Tree.leaves, Children)
