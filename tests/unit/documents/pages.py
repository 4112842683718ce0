# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written for people: the pages, and what of them a machine can read (examples, commands, quoted words)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md"), *ROOT.glob("docs/docsite/**/*.rst")]
)
GUIDES = [path for path in PAGES if path.suffix == ".rst"]


class Block(NamedTuple):
    """A block of code: where it stands, in what language, and its text."""

    path: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of code of a page; those of Markdown that are only indented are commands."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from _markdown(path, text)
    else:
        yield from _restructured(path, text)


def _markdown(path: Path, text: str) -> Iterator[Block]:
    for match in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```", text, re.M | re.S):
        yield Block(path, _line(text, match.start()), match[2], textwrap.dedent(match[3]))
    for match in re.finditer(r"(?:^    [^\s].*\n)+", text, re.M):
        yield Block(path, _line(text, match.start()), "console", textwrap.dedent(match[0]))


def _restructured(path: Path, text: str) -> Iterator[Block]:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        match = re.fullmatch(r"( *)\.\. code-block:: (\S+)", line)
        if match:
            yield Block(
                path, number + 1, match[2], textwrap.dedent("\n".join(_indented(lines[number + 1 :], len(match[1]))))
            )


def _indented(lines: list[str], depth: int) -> Iterator[str]:
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            return
        yield line


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def literals(path: Path) -> Iterator[str]:
    """Yield what a page of reStructuredText quotes as it is, each on one line."""
    for match in re.finditer(r"``(.+?)``", path.read_text(encoding="utf-8"), re.S):
        yield " ".join(match[1].split())


def commands(path: Path) -> Iterator[str]:
    """Yield the commands of a page, without their prompts and what they say."""
    for block in blocks(path):
        if block.language in ("console", "bash"):
            for line in block.text.splitlines():
                command = line.removeprefix("$ ").partition("    #")[0].strip()
                if re.match(r"ansible(-\w+)? ", command):
                    yield command
