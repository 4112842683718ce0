# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to the kernel over netlink(7), which answers in microseconds where a program takes milliseconds.

What questions and answers mean is not known here: this is the envelope only.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Iterator, List, Sequence, Tuple

from ..errors import HostError, OperationDenied
from .api import Question

# struct nlmsghdr of linux/netlink.h: length, type, flags, number, port; every message is padded to four bytes.
_HEADER = struct.Struct("=IHHII")
_ERROR = struct.Struct("=i")
_ERROR_TYPE, _DONE_TYPE = 2, 3
_REQUEST, _ACK, _DUMP, _INTERRUPTED = 0x1, 0x4, 0x300, 0x10
_RECEIVED = 1 << 17  # more than the kernel puts into one answer
_TIMEOUT = 10.0
_TRIES = 10


def ask(bus: int, questions: Sequence[Question]) -> List[Tuple[bytes, ...]]:
    """Return the answers to each question; see ``Host.netlink``."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, bus) as link:
            link.settimeout(_TIMEOUT)
            link.bind((0, 0))
            return [_answered(link, number, each) for number, each in enumerate(questions, 1)]
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise OperationDenied("The kernel tells root only what was asked of it over netlink.") from None
        raise HostError(f"The kernel did not answer over netlink: {error}.") from None


def _answered(link: socket.socket, number: int, question: Question) -> Tuple[bytes, ...]:
    """Return what a question is answered; one that a change has come between is asked again."""
    for attempt in range(_TRIES):
        try:
            return tuple(_messages(link, (number << 8) + attempt, question))
        except InterruptedError:
            continue
        except OSError as error:
            if error.errno == errno.ENOENT:
                return ()
            raise
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _messages(link: socket.socket, number: int, question: Question) -> Iterator[bytes]:
    flags = _REQUEST | (_DUMP if question.every else _ACK)
    link.send(_HEADER.pack(_HEADER.size + len(question.data), question.kind, flags, number, 0) + question.data)
    interrupted = False
    while True:
        for kind, found, its, body in _split(link.recv(_RECEIVED)):
            if its != number:
                continue  # what is left of an answer that was given up
            interrupted = interrupted or bool(found & _INTERRUPTED)
            if kind in (_DONE_TYPE, _ERROR_TYPE):
                _check(body, interrupted)
                return
            yield body


def _check(body: bytes, interrupted: bool) -> None:
    """Raise what the last message of an answer says; zero is success."""
    code = -_ERROR.unpack_from(body)[0] if len(body) >= _ERROR.size else 0
    if interrupted and not code:
        code = errno.EINTR
    if code:
        raise OSError(code, os.strerror(code))


def _split(data: bytes) -> Iterator[Tuple[int, int, int, bytes]]:
    """Yield type, flags, number and content of each message."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, number, _port = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, flags, number, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3
