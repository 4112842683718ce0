# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What machines and programs say, shown to people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.values import last_lines


@pytest.mark.parametrize(
    ("said", "count", "lines"),
    [
        (b"", 5, []),
        (b"\r\n", 5, []),
        (b"one\r\ntwo\nthree", 2, ["two", "three"]),
        (b"one\n\n", 5, ["one"]),
        (b"login: \x1b[31mred\x1b[0m\a", 5, [r"login: \x1b[31mred\x1b[0m\x07"]),
        (b"over\rwritten\x0b\x85\tby", 5, ["over\\rwritten\\x0b\ufffd\tby"]),
        ("\u202egnp.exe\u2028".encode(), 5, [r"\u202egnp.exe\u2028"]),
        (b"x" * 201, 5, ["x" * 197 + "..."]),
        (b"x" * 200, 5, ["x" * 200]),
        (b"\0" * 500, 5, [(r"\x00" * 50)[:197] + "..."]),
    ],
)
def test_the_last_lines_that_a_machine_said(said: bytes, count: int, lines: list[str]) -> None:
    assert last_lines(said, count) == lines


@given(st.binary(max_size=2000), st.integers(1, 30))
def test_what_is_shown_moves_no_cursor(said: bytes, count: int) -> None:
    found = last_lines(said, count)
    assert len(found) <= count
    assert all(len(line) <= 200 and line.replace("\t", "").isprintable() for line in found)
