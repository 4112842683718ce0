# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking for a text in a log that grows: what is new is read, and it is read once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest import readiness
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.readiness import CHUNK, MOST, Search
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost

LOG = "/var/log/console.log"


class Counting(FakeHost):
    """Knows how much was read."""

    def __init__(self) -> None:
        super().__init__()
        self.got = 0
        self.add_file(LOG)

    def read(self, path: str, **given: Any) -> Any:
        found = super().read(path, **given)
        self.got += len(found or b"")
        return found

    def say(self, data: bytes) -> None:
        self.files[LOG] = replace(self.files[LOG], data=self.files[LOG].data + data)


@pytest.fixture
def host() -> Counting:
    """A host with an empty log."""
    return Counting()


@given(
    st.lists(st.binary(max_size=8), max_size=8), st.binary(min_size=1, max_size=4), st.integers(0, 8), st.integers(1, 5)
)
def test_it_finds_what_there_is(parts: List[bytes], wanted: bytes, since: int, chunk: int) -> None:
    host, before = Counting(), readiness.CHUNK
    host.say(b"-" * since)
    search, said = Search(host, LOG, wanted, since), b""
    readiness.CHUNK = chunk  # type: ignore[misc]
    try:
        for part in parts:
            host.say(part)
            said += part
            assert search.found() == (wanted in said)
    finally:
        readiness.CHUNK = before  # type: ignore[misc]
    assert host.got <= len(said)


def test_nothing_is_read_twice(host: Counting) -> None:
    search = Search(host, LOG, b"up")
    for _turn in range(100):
        host.say(b"a line\n" * 1000)
        assert not search.found()
    assert host.got == len(host.files[LOG].data)


def test_what_stood_there_before_does_not_count(host: Counting) -> None:
    host.say(b"up\n")
    search = Search(host, LOG, b"up", 3)
    assert not search.found()
    host.say(b"u")
    assert not search.found()
    host.say(b"p\n")
    assert search.found() and search.found()


def test_a_log_that_was_cut_is_read_from_its_beginning(host: Counting) -> None:
    host.say(b"a line\n" * 100)
    search = Search(host, LOG, b"up", 0)
    assert not search.found()
    host.add_file(LOG, b"truncated\nup\n")
    assert search.found()


def test_a_flood_holds_nobody_up(host: Counting) -> None:
    host.say(bytes(2 * MOST) + b"up")
    search = Search(host, LOG, b"up")
    assert not search.found() and host.got == MOST
    assert not search.found()
    assert search.found() and host.got == 2 * MOST + 2
    assert CHUNK < MOST


def test_there_is_no_log_yet(host: Counting) -> None:
    host.remove(LOG)
    search = Search(host, LOG, b"up")
    assert not search.found()
    host.add_file(LOG, b"up")
    assert search.found()


def test_the_empty_text_is_there_at_once(host: Counting) -> None:
    assert Search(host, LOG, b"").found()
