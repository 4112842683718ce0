# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents from strangers: nothing in them opens a file, asks the network, or eats the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.errors import MissingLibrary, XmlError
from ansible_collections.corral.virt.plugins.module_utils.xml import parse as module
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import (
    MAX_BYTES,
    MAX_DEPTH,
    add,
    clone,
    new_element,
    parse,
    parse_bytes,
    remains,
    tidy,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><lolz>&c;</lolz>'
)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://192.0.2.1/x"> %x;]><a/>',
        "<?xml version='1.0'?>\n<!DOCTYPE a>\n<a/>",
        LAUGHS,
    ],
)
def test_a_doctype_is_refused(text: str) -> None:
    with pytest.raises(XmlError, match=r"the document has a DOCTYPE; documents with entities are not read\. Remove"):
        parse(text)


@pytest.mark.parametrize("text", ["<a>&x;</a>", "<a b='&x;'/>"])
def test_an_entity_without_a_doctype_is_refused(text: str) -> None:
    with pytest.raises(XmlError, match="not well-formed XML: Entity 'x' not defined"):
        parse(text)


def test_the_entities_of_xml_itself_are_read() -> None:
    assert parse("<a b='&quot;&#65;'>&lt;&amp;&gt;&#x42;</a>").text == "<&>B"


def test_includes_are_not_followed() -> None:
    found = parse('<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/></a>')
    assert "root:" not in to_text(found)


def test_a_large_document_is_refused() -> None:
    assert parse(f"<a>{'x' * (MAX_BYTES - 7)}</a>").tag == "a"
    for text in (f"<a>{'x' * (5 << 20)}</a>", f"<a>{'é' * (MAX_BYTES // 2)}</a>"):
        with pytest.raises(XmlError, match=f"bytes; at most {MAX_BYTES} are read"):
            parse(text)


def test_a_deep_document_is_refused() -> None:
    assert parse("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH).tag == "a"
    for depth in (MAX_DEPTH + 1, 1000, 100_000):
        with pytest.raises(XmlError):
            parse("<a>" * depth + "</a>" * depth)


def test_a_nul_is_refused() -> None:
    with pytest.raises(XmlError, match="the network holds a NUL byte"):
        parse("<a>\0</a>", what="network")


@pytest.mark.parametrize("text", ["<a>\x01</a>", "<a>&#0;</a>", "<a>&#1;</a>", "<a>\ud800</a>", "<a>\uffff</a>"])
def test_characters_that_xml_has_not(text: str) -> None:
    with pytest.raises(XmlError, match="not well-formed"):
        parse(text)


@pytest.mark.parametrize(
    "text", ["", " \n", "hello", "<a>", "<a></b>", "<a/><b/>", "<a b=c/>", "<a b='1' b='2'/>", "<a:b/>x"]
)
def test_what_is_not_xml(text: str) -> None:
    with pytest.raises(XmlError, match="the pool is not well-formed XML") as caught:
        parse(text, what="pool")
    assert caught.value.message.endswith(".")


def test_the_line_of_a_mistake_is_said() -> None:
    with pytest.raises(XmlError, match=r"^line 4: .*c line 3 and a") as caught:
        parse("<a>\n<b/>\n<c>\n</a>")
    assert caught.value.line == 4


def test_another_root_is_refused() -> None:
    with pytest.raises(XmlError, match="line 2: the document begins with <network>, and <domain> was expected"):
        parse("<!-- x -->\n<network/>", root="domain")


def test_an_error_is_one_line() -> None:
    with pytest.raises(XmlError) as caught:
        parse("<a\nb/>")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-16", "iso-8859-1", "utf-7", "EBCDIC-CP-US", "no-such-thing"])
@pytest.mark.parametrize(
    "declaration", ["<?xml version='1.0' encoding='{}'?>", "<?xml\nversion='1.0'\tencoding='{}' ?>\n"]
)
def test_a_declared_encoding_means_nothing(declaration: str, encoding: str) -> None:
    assert parse(declaration.format(encoding) + "<a>ä€😀</a>").text == "ä€😀"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse("\ufeff<?xml version='1.0' encoding='utf-8'?><a/>").tag == "a"


def test_the_declaration_keeps_the_count_of_lines() -> None:
    assert parse("<?xml version='1.0'\n?>\n<a>\n<b/></a>").findall("b")[0].sourceline == 4


def test_comments_instructions_and_blank_text_are_left_out() -> None:
    found = parse("<?go away?><a> <!-- x --> <b/> <?php ?> <c>x<!-- y -->z</c></a>")
    assert to_text(found) == "<a>\n  <b/>\n  <c>xz</c>\n</a>\n"


def test_foreign_namespaces_are_kept() -> None:
    text = '<a xmlns:q="urn:q"><q:b q:c="1"/></a>'
    assert to_text(parse(text)) == '<a xmlns:q="urn:q">\n  <q:b q:c="1"/>\n</a>\n'
    assert to_text(tidy(parse('<a xmlns:q="urn:q"/>'))) == "<a/>\n"


def test_a_host_without_lxml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "etree", None)
    with pytest.raises(MissingLibrary, match=r"The Python library lxml is missing on this host\. Install"):
        parse("<a/>")
    with pytest.raises(MissingLibrary):
        new_element("a")


# making and writing


def test_bytes_that_are_no_text_are_refused_by_their_line() -> None:
    with pytest.raises(XmlError, match=r"^line 2: the definition of it is not UTF-8 text\.$"):
        parse_bytes(b"<a>\n\xff</a>", root="a", what="definition of it")
    assert parse_bytes("<a>é</a>".encode(), root="a", what="definition").text == "é"


@pytest.mark.parametrize(
    ("data", "uuid"),
    [
        (b"<pool><uuid>1</uuid><target><pa", "1"),
        (b"<pool>\0<uuid>1</uuid>", "1"),
        (b"<pool><uuid>1</uuid>\xff\xfe<", "1"),
        (b"<?xml version='1.0' encoding='utf-16'?><pool><uuid>1</uuid>", "1"),
        (b"<!DOCTYPE pool [<!ENTITY e 'x'>]><pool><uuid>1</uuid>&e;</pool>", "1"),
        (b"<pool><name>&undefined;</name><uuid>1</uuid></pool>", "1"),
    ],
)
def test_what_is_left_of_a_document_can_be_looked_at(data: bytes, uuid: str) -> None:
    found = remains(data, root="pool")
    assert found is not None and found.findtext("uuid") == uuid


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x02",
        b"<network><uuid>1</uuid>",
        b"<!DOCTYPE a [<!ENTITY b ']'><!ENTITY c '&b;&b;'>]><pool uuid='&c;'/>",
        b"<pool>" + b"<a>" * 60,
        b"uuid 1",
        b"<!DOCTYPE" * 400_000,  # at once
    ],
    ids=lambda data: repr(data[:40]),
)
def test_of_others_nothing_is_left(data: bytes) -> None:
    assert remains(data, root="pool") is None


@given(st.binary(max_size=200), st.integers(0, 60))
def test_remains_are_looked_for_in_anything(noise: bytes, place: int) -> None:
    whole = b"<pool><uuid>1</uuid><target><path>/x</path></target></pool>"
    found = remains(whole[:place] + noise + whole[place:], root="pool")
    assert found is None or found.tag == "pool"


def test_elements_are_made() -> None:
    top = new_element("a", class_="x")
    add(top, "b", id="1").text = "t"
    assert to_text(top) == '<a class="x">\n  <b id="1">t</b>\n</a>\n'


def test_a_copy_stands_alone() -> None:
    top = parse("<a><b><c/></b></a>")
    copy = clone(top[0])
    copy.set("x", "1")
    assert copy.getparent() is None and top[0].get("x") is None


def test_writing_leaves_the_element_as_it_is() -> None:
    top = parse("<a><b><c/></b><d/></a>")
    assert to_text(top[0]) == "<b>\n  <c/>\n</b>\n"
    assert [element.tail for element in top.iter()] == [None] * 4


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=20
)


@given(TEXT, TEXT)
def test_what_is_written_is_read(text: str, value: str) -> None:
    top = new_element("a", b=value)
    top.text = text
    found = parse(to_text(top))
    assert found.get("b") == value
    assert (found.text or "").strip() == text.strip()
    assert to_text(parse(to_text(found))) == to_text(found)
