# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes the documentation: links that lead nowhere are found, and what a terminal shows becomes a picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools.check_links import broken
from tools.pictures.terminal import COLOURS, PLAIN, Style, lines, picture, plain, wrapped

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("b.html", ""),
        ("b.html#there", ""),
        ("sub/c.html#named", ""),
        ("#here", ""),
        ("https://example.org/nothing", ""),
        ("d.html", "there is no such file"),
        ("b.html#gone", "there is no such place in the page"),
        ("#gone", "there is no such place in the page"),
        ("../outside.html", "it leaves the site"),
        ("/b.html", "it leaves the site"),
        ("file:///etc/passwd", "a file of this machine"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, why: str) -> None:
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (tmp_path / "outside.html").write_text("outside")
    (site / "a.html").write_text(f'<p id="here"><a href="{link}">a</a></p>')
    (site / "b.html").write_text('<h1 id="there">b</h1>')
    (site / "sub/c.html").write_text('<a name="named">c</a><img src="../a.html">')
    assert list(broken(site)) == ([f"a.html: {link}: {why}"] if why else [])


def test_colours_and_bold_of_a_terminal_are_understood() -> None:
    (line, second) = lines("plain \x1b[0;32mok\x1b[0m \x1b[1;31mbad\x1b[0m\r\n\x1b[0;95mon")
    assert plain(line) == "plain ok bad"
    assert [(span.text, span.style) for span in line] == [
        ("plain ", Style()),
        ("ok", Style(COLOURS[32])),
        (" ", Style()),
        ("bad", Style(COLOURS[31], bold=True)),
    ]
    assert second[0].style.colour == COLOURS[95] != PLAIN


def test_a_long_line_is_wrapped_as_by_a_terminal() -> None:
    (line,) = lines("\x1b[32mabcdef\x1b[0mgh")
    assert [plain(piece) for piece in wrapped(line, 3)] == ["abc", "def", "gh"]
    assert [plain(piece) for piece in wrapped([], 3)] == [""]


def test_a_picture_has_the_words_at_their_places() -> None:
    drawn = ElementTree.fromstring(picture(lines("a  <b> & c\n\n\x1b[31md"), "It's <it>", 20))
    assert drawn.findtext(f"{SVG}title") == "It's <it>"
    texts = drawn.findall(f".//{SVG}text")
    assert [text.text for text in texts] == ["a", "<b> & c", "d"]
    assert [float(text.get("x", "")) for text in texts] == [16, 40, 16]
    assert texts[2].get("fill") == COLOURS[31]
