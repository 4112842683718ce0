# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink's envelope: the kernel is asked for links, which it tells everybody; what else it says is played."""

from __future__ import annotations

import errno
import struct
from typing import List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, OperationDenied
from ansible_collections.corral.virt.plugins.module_utils.host import local_netlink
from ansible_collections.corral.virt.plugins.module_utils.host.api import Question
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

ROUTE, GET_LINK = 0, 18  # NETLINK_ROUTE, RTM_GETLINK; struct ifinfomsg is 16 bytes
LINK = struct.Struct("=BxHiII")


def message(kind: int, data: bytes, *, number: int = 256, flags: int = 0) -> bytes:
    """One message of the kernel's."""
    return struct.pack("=IHHII", 16 + len(data), kind, flags, number, 0) + data + b"\0" * (-len(data) % 4)


def error(number: int) -> bytes:
    """The last message of an answer."""
    return message(2, struct.pack("=i", -number))


class Played:
    """A socket on which these packets come."""

    def __init__(self, *packets: bytes) -> None:
        self.packets = list(packets)
        self.sent: List[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def recv(self, size: int) -> bytes:
        return self.packets.pop(0)


def answered(*packets: bytes) -> object:
    """What becomes of an answer."""
    return local_netlink._answered(Played(*packets), 1, Question(5, b"", every=True))  # type: ignore[arg-type]


def test_the_kernel_answers() -> None:
    every = Question(GET_LINK, LINK.pack(0, 0, 0, 0, 0), every=True)
    first = Question(GET_LINK, LINK.pack(0, 0, 1, 0, 0))
    all_links, loopback = LocalHost().netlink(ROUTE, [every, first])
    assert loopback[0][4:8] == struct.pack("=i", 1)
    assert b"lo\0" in loopback[0]
    assert any(b"lo\0" in link for link in all_links)


def test_what_the_kernel_does_not_know_is_an_error() -> None:
    with pytest.raises(HostError, match="did not answer"):
        LocalHost().netlink(ROUTE, [Question(GET_LINK, LINK.pack(0, 0, 2**30, 0, 0))])


def test_answers_of_several_messages_and_packets() -> None:
    packets = message(9, b"one!") + message(9, b"two"), message(9, b"x", number=7), message(3, b"\0\0\0\0")
    assert answered(*packets) == (b"one!", b"two")


def test_what_is_not_there_is_no_answer() -> None:
    assert answered(error(errno.ENOENT)) == ()


def test_an_answer_that_a_change_came_between_is_asked_for_again() -> None:
    broken = message(9, b"old", flags=0x10) + message(3, b"\0\0\0\0")
    whole = message(9, b"new", number=257) + message(3, b"\0\0\0\0", number=257)
    assert answered(broken, whole) == (b"new",)
    with pytest.raises(OSError, match="busy"):
        answered(*(message(2, struct.pack("=i", -errno.EINTR), number=256 + n) for n in range(20)))


def test_others_than_root_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(local_netlink, "_answered", refuse)
    with pytest.raises(OperationDenied):
        LocalHost().netlink(ROUTE, [Question(GET_LINK, b"")])


@pytest.mark.parametrize("data", [b"", b"\1", b"\0" * 16, b"\4\0\0\0" * 4])
def test_nonsense_ends(data: bytes) -> None:
    assert list(local_netlink._split(data)) == []
