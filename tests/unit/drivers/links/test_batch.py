# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Batches: one process a program, errors that name the line, and no word that could become two."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.links.batch import (
    Batch,
    apply,
    attempt,
    check_link_name,
    line,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    HostError,
    InvalidArgument,
    MissingProgram,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost


def a_host(*, said: str = "", code: int = 0) -> tuple[FakeHost, list[tuple[tuple[str, ...], bytes]]]:
    """A host whose programs say this, and what they were told."""
    host, told = FakeHost(), []

    def answer(argv: tuple[str, ...], stdin: bytes) -> Completed:
        told.append((argv, stdin))
        return Completed(argv, code, b"", said.encode())

    for program in ("ip", "bridge", "tc"):
        host.add_program(program, answer)
    return host, told


def test_each_program_runs_once_in_order() -> None:
    host, told = a_host()
    apply(host, Batch(ip=("a",), tc=("c",)) + Batch(ip=("b",), bridge=("d",)))
    assert told == [
        (("ip", "-batch", "-"), b"a\nb\n"),
        (("bridge", "-batch", "-"), b"d\n"),
        (("tc", "-batch", "-"), b"c\n"),
    ]


def test_nothing_to_do_runs_nothing() -> None:
    host, told = a_host()
    apply(host, Batch())
    attempt(host, Batch())
    assert not told
    assert not Batch()
    assert Batch(tc=("a",))


def test_an_error_names_the_line_and_later_programs_do_not_run() -> None:
    host, told = a_host(said='Cannot find device "vnet1"\nCommand failed -:2\n', code=1)
    with pytest.raises(HostError) as caught:
        apply(host, Batch(ip=("link set dev vnet0 up", "link set dev vnet1 up"), bridge=("x",)))
    assert caught.value.message == "ip refused 'link set dev vnet1 up': Cannot find device \"vnet1\"."
    assert caught.value.details["refused"] == "link set dev vnet1 up"
    assert len(told) == 1


@pytest.mark.parametrize(
    ("failed", "said", "lacks"),
    [
        ("qdisc add dev a ingress", "Error: Specified qdisc kind is unknown.", "sch_ingress"),
        ("filter add dev a u32 police rate 1kbps", "Error: Failed to load TC action module.", "act_police"),
        ("filter add dev a u32 match u32 0 0", "Error: TC classifier not found.", "cls_u32"),
        ("qdisc add dev a root htb default 1", "Error: Specified qdisc kind is unknown.", "sch_htb"),
        (
            "link set dev a type bridge vlan_filtering 1",
            "RTNETLINK answers: Operation not supported",
            "CONFIG_BRIDGE_VLAN_FILTERING",
        ),
        ("vlan add vid 42 dev a", "RTNETLINK answers: Operation not supported", "CONFIG_BRIDGE_VLAN_FILTERING"),
        ("link add link a name b type macvtap mode vepa", "Error: Unknown device type.", "macvtap"),
        ("link add name b type bridge", "Error: Unknown device type.", "bridges"),
        ("link set dev a type bridge_slave isolated on", "Error: Operation not supported.", "Linux 4.18"),
    ],
)
def test_what_the_kernel_lacks_is_named(failed: str, said: str, lacks: str) -> None:
    host, _told = a_host(said=f"{said}\nWe have an error talking to the kernel\nCommand failed -:1\n", code=1)
    with pytest.raises(UnsupportedConfig) as caught:
        apply(host, Batch(tc=(failed,)))
    assert lacks in caught.value.message
    assert failed in caught.value.message
    assert caught.value.hint


def test_a_refusal_of_another_kind_is_no_lack() -> None:
    host, _told = a_host(said="RTNETLINK answers: File exists\nCommand failed -:1\n", code=1)
    with pytest.raises(HostError, match="File exists"):
        apply(host, Batch(ip=("link add name b type bridge",)))


def test_a_program_that_dies_without_a_word() -> None:
    host, _told = a_host(code=137)
    with pytest.raises(HostError, match="'a; b': it said nothing"):
        apply(host, Batch(ip=("a", "b")))


def test_an_attempt_goes_on_and_never_fails() -> None:
    host, told = a_host(said="Command failed -:1", code=1)
    attempt(host, Batch(tc=("qdisc del dev a root", "qdisc del dev a ingress")))
    assert told == [(("tc", "-force", "-batch", "-"), b"qdisc del dev a root\nqdisc del dev a ingress\n")]


@pytest.mark.parametrize("program", ["ip", "bridge", "tc"])
def test_a_missing_program_names_its_package(program: str) -> None:
    with pytest.raises(MissingProgram, match="iproute"):
        apply(FakeHost(), Batch(**{program: ("x",)}))


@pytest.mark.parametrize("name", ["virbr0", "br-lan.3", "_x", "0", "a" * 15])
def test_names_of_links(name: str) -> None:
    assert check_link_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a" * 16, "a b", "a\nb", "a/b", "a:b", ".", "..", "-a", "a'", 'a"', "a#", "v*", "ü", "a\\", "all", "@s"],
)
def test_names_that_no_link_of_ours_has(name: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot be the name"):
        check_link_name(name)


@pytest.mark.parametrize("word", ["", "a b", "a\nlink delete dev eth0", "'a'", "#", "a;b", "\\", "--x", "ü"])
def test_a_word_is_one_word(word: str) -> None:
    with pytest.raises(InvalidArgument):
        line("link", "set", "dev", word)


def test_words_of_a_line() -> None:
    assert (
        line("address", "add", "fd00::1/64", "at", -14, "broadcast", "+") == "address add fd00::1/64 at -14 broadcast +"
    )
