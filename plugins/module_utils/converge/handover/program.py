# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What either host of a hand-over is asked to do, as values that can be sent to it.

An order is a mapping with ``uri`` (None for the usual one), ``call`` and what that takes; ``looks`` says that nothing
is to be changed. The answer is what the call returns, or ``error`` with ``type``, ``message`` and ``hint``.

As a program, the file takes an order as JSON from its standard input and writes the answer, as JSON on one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ...connect.open import open_connection
from ...errors import CorralError
from ...host.api import Host
from ...host.local import LocalHost
from ..job import Job
from . import giving, taking
from .side import Side, side_of

Values = dict[str, Any]
Call = Callable[[Job, Side], Values]
CALLS: Mapping[str, Call] = {
    "describe": giving.describe,
    "note": giving.note,
    "quiet": giving.quiet,
    "stop": giving.stop,
    "mark": giving.mark,
    "unmark": giving.unmark,
    "sized": giving.sized,
    "read": giving.read,
    "resume": giving.resume,
    "forget": giving.forget,
    "delete": giving.delete,
    "judge": taking.judge,
    "begin": taking.begin,
    "write": taking.write,
    "finish": taking.finish,
    "digest": taking.digest,
    "define": taking.define,
    "start": taking.start,
    "withdraw": giving.forget,
}


def answer(order: Mapping[str, Any], *, host: Optional[Host] = None) -> Values:
    """Do what an order says, on this host; a failure is in the answer."""
    try:
        machine = host or LocalHost()
        with open_connection(order["uri"], host=machine, read_only=order["looks"]) as connection:
            return CALLS[order["call"]](Job(connection, order), side_of(connection, machine))
    except CorralError as error:
        return {"error": {"type": type(error).__name__, "message": error.message, "hint": error.hint}}


def main() -> None:
    """Take an order from the standard input and write the answer."""
    found = answer(json.load(sys.stdin.buffer))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
