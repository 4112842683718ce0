# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks for links within a directory of HTML pages that lead nowhere: to no file, or to no place in a page.

    python tools/check_links.py docs/_build

Links to other servers are not followed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What names another file, by the element that does it.
LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "object": "data", "source": "src"}


@dataclass
class Page(HTMLParser):
    """One page: the places in it, and where its links lead."""

    places: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is called and what it refers to."""
        found = {name: value for name, value in attrs if value}
        self.places.update(value for name, value in found.items() if name == "id" or (name, tag) == ("name", "a"))
        if tag in LINKS and LINKS[tag] in found:
            self.links.append(found[LINKS[tag]])


def read(path: Path) -> Page:
    """Return what a page has."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken(top: Path) -> Iterator[str]:
    """Yield a line for each link that leads nowhere."""
    top = top.resolve()
    pages = {path: read(path) for path in sorted(top.rglob("*.html"))}
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            why = _why_broken(top, path, link, pages)
            if why:
                yield f"{path.relative_to(top)}: {link}: {why}"


def _why_broken(top: Path, path: Path, link: str, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return "a file of this machine" if parts.scheme == "file" else ""
    target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
    if not target.is_relative_to(top):
        return "it leaves the site"
    if not target.is_file():
        return "there is no such file"
    place = unquote(parts.fragment)
    # what scripts make of an address is no place in a page
    if place and target in pages and place not in pages[target].places and target.name != "search.html":
        return "there is no such place in the page"
    return ""


def main(top: str) -> int:
    """Say which links are broken; returns the exit code."""
    found = list(broken(Path(top)))
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
