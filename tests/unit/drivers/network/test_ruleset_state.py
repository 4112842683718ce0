# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our table in the kernel: applied at once, and each kind of drift is found. nft is played by a small kernel here."""

from __future__ import annotations

import json
from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.firewall.state import (
    apply_ruleset,
    drift,
    memo_path,
    remove_ruleset,
    whole_ruleset,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CommandFailed,
    HostError,
    MissingProgram,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

LAYOUT = Layout.system()
NETWORK = Network(
    parse(
        "<network><name>default</name><bridge name='virbr0'/><forward mode='nat'/>"
        "<ip address='192.168.122.1' netmask='255.255.255.0'/></network>"
    )
)
OTHER = Network(parse("<network><name>other</name><bridge name='virbr1'/></network>"))


class Kernel:
    """What nft says and does, as far as our table goes: each rule gets a number, and a counter where it has one."""

    def __init__(self) -> None:
        self.host = FakeHost()
        self.host.add_program("nft", self.answer)
        self.rows: Optional[list[dict[str, Any]]] = None
        self.texts: list[str] = []
        self.refuses = ""
        self.handle = 0
        LAYOUT.prepare(self.host)

    def answer(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        if argv == ("nft", "-f", "-"):
            return self.take(argv, stdin.decode())
        if self.rows is None:
            return Completed(argv, 1, b"", b"Error: No such file or directory\nlist table inet corral\n")
        return Completed(argv, 0, json.dumps({"nftables": [{"metainfo": {}}, *self.rows]}).encode(), b"")

    def take(self, argv: tuple[str, ...], text: str) -> Completed:
        if self.refuses:
            return Completed(argv, 1, b"", self.refuses.encode())
        self.texts.append(text)
        rules = [each for each in text.splitlines() if each.startswith("\t\t") and not each.endswith(("{", "}"))]
        elements = {"set": {"name": "s", "elem": ["virbr1", {"concat": ["virbr0", "virbr0"]}]}}
        self.rows = [*(self.row(rule) for rule in rules), elements] if "chain" in text else None
        return Completed(argv, 0, b"", b"")

    def row(self, rule: str) -> dict[str, Any]:
        self.handle += 1
        return {"rule": {"handle": self.handle, "chain": "c", "expr": [{"counter": {"packets": self.handle}}, rule]}}


@pytest.fixture
def kernel() -> Kernel:
    """A kernel with the filter of one network."""
    made = Kernel()
    apply_ruleset(made.host, LAYOUT, [NETWORK])
    return made


def drifted(kernel: Kernel, *networks: Network) -> str:
    """What is wrong."""
    return drift(kernel.host, LAYOUT, networks or (NETWORK,)) or ""


def test_what_was_put_there_is_there(kernel: Kernel) -> None:
    assert drifted(kernel) == ""
    assert len(kernel.texts) == 1


def test_numbers_and_counters_are_no_drift(kernel: Kernel) -> None:
    assert kernel.rows
    for row in kernel.rows[:-1]:
        row["rule"]["handle"] += 100
        row["rule"]["expr"][0]["counter"]["packets"] += 100
    assert drifted(kernel) == ""


def test_the_order_within_a_set_is_no_drift(kernel: Kernel) -> None:
    assert kernel.rows
    kernel.rows[-1]["set"]["elem"].reverse()
    assert drifted(kernel) == ""
    kernel.rows[-1]["set"]["elem"].pop()
    assert "was edited" in drifted(kernel)


def test_a_deleted_table(kernel: Kernel) -> None:
    kernel.rows = None
    assert drifted(kernel) == "The table inet corral is missing."


def test_a_flushed_table(kernel: Kernel) -> None:
    kernel.rows = [{"chain": {"name": "forward"}}]
    assert "was flushed" in drifted(kernel)


def test_an_edited_table(kernel: Kernel) -> None:
    assert kernel.rows
    del kernel.rows[1]
    kernel.rows.append(kernel.row("accept"))
    kernel.rows.append(kernel.row("drop"))
    assert drifted(kernel) == "The table inet corral was edited: 1 of its parts are missing, 2 are not ours."


def test_rules_in_another_order(kernel: Kernel) -> None:
    assert kernel.rows
    kernel.rows.reverse()
    assert "another order" in drifted(kernel)


def test_other_networks_than_the_table_has(kernel: Kernel) -> None:
    assert "other networks" in drifted(kernel, NETWORK, OTHER)
    assert "other networks" in drifted(kernel, OTHER)
    apply_ruleset(kernel.host, LAYOUT, [NETWORK, OTHER])
    assert drifted(kernel, OTHER, NETWORK) == ""


@pytest.mark.parametrize("memo", [b"", b"{", b"[]", b'{"text": 5}'])
def test_a_lost_or_damaged_memo_is_drift_and_no_error(kernel: Kernel, memo: bytes) -> None:
    kernel.host.write(memo_path(LAYOUT), memo)
    assert drifted(kernel)
    kernel.host.remove(memo_path(LAYOUT))
    assert drifted(kernel)


def test_nothing_is_left_when_the_last_network_ends(kernel: Kernel) -> None:
    assert "no network needs it" in (drift(kernel.host, LAYOUT, []) or "")
    remove_ruleset(kernel.host, LAYOUT)
    assert kernel.texts[-1] == "add table inet corral\ndelete table inet corral\n"
    assert drift(kernel.host, LAYOUT, []) is None
    assert kernel.host.stat(memo_path(LAYOUT)) is None


def test_a_run_that_is_killed_leaves_what_the_next_one_finds(kernel: Kernel) -> None:
    kernel.host.fail_at(3, HostError("the disk is full"))
    with pytest.raises(HostError):
        apply_ruleset(kernel.host, LAYOUT, [NETWORK, OTHER])
    assert drifted(kernel, NETWORK, OTHER)
    apply_ruleset(kernel.host, LAYOUT, [NETWORK, OTHER])
    assert drifted(kernel, NETWORK, OTHER) == ""


@pytest.mark.parametrize(
    "said", ["Error: Could not process rule: Operation not supported\n", "No such file or directory"]
)
def test_what_the_kernel_lacks(kernel: Kernel, said: str) -> None:
    kernel.refuses = said
    with pytest.raises(UnsupportedConfig, match="kernel of this host lacks") as caught:
        apply_ruleset(kernel.host, LAYOUT, [NETWORK])
    assert "nft_masq" in (caught.value.hint or "")


def test_another_refusal_is_nfts_own_word(kernel: Kernel) -> None:
    kernel.refuses = "Error: Operation not permitted (you must be root)"
    with pytest.raises(CommandFailed, match="you must be root"):
        apply_ruleset(kernel.host, LAYOUT, [NETWORK])


def test_without_nft() -> None:
    for call in (lambda: apply_ruleset(FakeHost(), LAYOUT, [NETWORK]), lambda: whole_ruleset(FakeHost())):
        with pytest.raises(MissingProgram, match="nftables"):
            call()


def test_an_nft_without_json() -> None:
    host = FakeHost()
    host.add_program("nft", Completed(("nft",), 0, b"table inet x {\n}\n", b""))
    with pytest.raises(HostError, match="did not answer in JSON"):
        whole_ruleset(host)
