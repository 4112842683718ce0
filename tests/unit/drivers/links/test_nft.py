# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nft is run in one place: what it is told, and what becomes of its failures."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links.nft import (
    as_json,
    listing,
    put,
    refusal,
    table_name,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import CommandFailed, HostError, MissingProgram
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout


def host_with(code: int = 0, out: bytes = b"", err: bytes = b"") -> FakeHost:
    """A host whose nft answers so."""
    host = FakeHost()
    host.add_program("nft", Completed(("nft",), code, out, err))
    return host


def test_a_text_goes_in_as_a_whole() -> None:
    host = host_with()
    put(host, "add table bridge t\n")
    assert refusal(host, "add table bridge t\n") is None
    assert [argv for call, argv in host.calls if call == "run"] == [("nft", "-f", "-"), ("nft", "-c", "-f", "-")]


def test_a_refusal_keeps_the_words_of_nft() -> None:
    host = host_with(1, err=b"Error: no\n")
    with pytest.raises(CommandFailed, match="Error: no"):
        put(host, "x")
    assert refusal(host, "x") == "Error: no\n"
    with pytest.raises(CommandFailed):
        listing(host, "ruleset")


def test_a_listing_is_json_and_what_is_missing_is_none() -> None:
    assert listing(host_with(out=b'{"nftables": []}'), "ruleset") == {"nftables": []}
    assert listing(host_with(1, err=b"Error: No such file or directory\n"), "table", "bridge", "t") is None
    for data in (b"", b"[]", b"{", b"\xff"):
        with pytest.raises(HostError, match="JSON"):
            as_json(data)


def test_without_nft_the_package_is_named() -> None:
    for call in (put, refusal, listing):
        with pytest.raises(MissingProgram) as caught:
            call(FakeHost(), "x")
        assert caught.value.hint == "Install the package nftables."


def test_each_tree_has_a_table_of_its_own() -> None:
    names = {table_name(layout) for layout in (Layout.system(), Layout.embed("/a"), Layout.embed("/b"))}
    assert len(names) == 3
    assert table_name(Layout.system()) == "corral"
