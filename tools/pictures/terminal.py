# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program wrote to a terminal, as a picture: SVG with text that can be selected, on a dark ground of its own.

Only colours and bold are understood (ECMA-48, SGR), which is all that Ansible uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

COLUMN, LINE, SIZE = 8.0, 18.0, 13.3  # pixels: a character, a line, the font
MARGIN, BAR = 16.0, 34.0
GROUND, EDGE, PLAIN = "#1c2128", "#545d68", "#d6dde5"
# The colours that SGR 30 to 37 and 90 to 97 stand for; each is legible on the ground.
COLOURS = dict(zip(range(30, 38), ("#8b949e", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", PLAIN)))
COLOURS.update({colour + 60: value for colour, value in COLOURS.items()})
LIGHTS = ("#ff5f57", "#febc2e", "#28c840")
FONTS = "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b[()][A-Z0-9]|\r")


@dataclass(frozen=True)
class Style:
    """How characters look."""

    colour: str = PLAIN
    bold: bool = False


@dataclass(frozen=True)
class Span:
    """Characters of one style in a line."""

    text: str
    style: Style


Line = list[Span]


def lines(said: str) -> list[Line]:
    """Return what was written, line by line."""
    found, style = [], Style()
    for text in _OTHER.sub("", said).expandtabs(8).split("\n"):
        spans, start = [], 0
        for match in _SGR.finditer(text):
            spans.append(Span(text[start : match.start()], style))
            style, start = _changed(style, match[1]), match.end()
        spans.append(Span(text[start:], style))
        found.append([span for span in spans if span.text])
    return found


def _changed(style: Style, codes: str) -> Style:
    for code in (int(code or 0) for code in codes.split(";")):
        if code == 0:
            style = Style()
        elif code in (1, 22):
            style = replace(style, bold=code == 1)
        elif code in COLOURS:
            style = replace(style, colour=COLOURS[code])
        elif code == 39:
            style = replace(style, colour=PLAIN)
    return style


def plain(line: Line) -> str:
    """Return the text of a line."""
    return "".join(span.text for span in line)


def wrapped(line: Line, columns: int) -> Iterator[Line]:
    """Yield a line in pieces that fit, as a terminal shows it."""
    piece, room = [], columns
    for span in line:
        text = span.text
        while len(text) > room:
            piece.append(Span(text[:room], span.style))
            yield piece
            piece, text, room = [], text[room:], columns
        if text:
            piece.append(Span(text, span.style))
            room -= len(text)
    yield piece


def picture(content: list[Line], title: str, columns: int) -> str:
    """Return the picture; ``title`` says what is in it, for those who do not see it."""
    shown = [piece for line in content for piece in wrapped(line, columns)]
    width, height = columns * COLUMN + 2 * MARGIN, len(shown) * LINE + BAR + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f'<rect x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8" fill="{GROUND}" stroke="{EDGE}"/>',
        *(f'<circle cx="{MARGIN + 4 + 18 * n:g}" cy="18" r="5.5" fill="{light}"/>' for n, light in enumerate(LIGHTS)),
        f'<g font-family="{FONTS}" font-size="{SIZE:g}" fill="{PLAIN}">',
        *(text for number, line in enumerate(shown) for text in _texts(line, BAR + LINE * (number + 0.75))),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _texts(line: Line, y: float) -> Iterator[str]:
    """Yield the words of a line at their places; where there is more than one space between them, renderers differ."""
    column = 0
    for span in line:
        look = f' fill="{span.style.colour}"' * (span.style.colour != PLAIN) + ' font-weight="bold"' * span.style.bold
        for match in re.finditer(r"\S+(?: \S+)*", span.text):
            text, x = match[0], MARGIN + COLUMN * (column + match.start())
            place = f'x="{x:g}" y="{y:g}" textLength="{COLUMN * len(text):g}"'
            yield f"<text {place}{look}>{escape(text, quote=False)}</text>"
        column += len(span.text)
