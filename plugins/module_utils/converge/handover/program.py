# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What either host of a hand-over is asked to do, as values that can be sent to it.

An order is a mapping with ``uri`` (None for the usual one), ``call`` and what that takes; ``looks`` says that nothing
is to be changed. ``run`` names the run that asks: before anything else it sends ``claim`` to both hosts (claims.py).
The answer is what the call returns, or ``error`` with ``type``, ``message`` and ``hint``.

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
from . import claims, giving, taking
from .side import Side, side_of

Values = dict[str, Any]
Call = Callable[[Job, Side], Values]
LOOKING: Mapping[str, Call] = {
    "describe": giving.describe,
    "judge": taking.judge,
    "sized": giving.sized,
    "read": giving.read,
    "digest": taking.digest,
    "mark": giving.mark,
    "unmark": giving.unmark,
}
DOING: Mapping[str, Call] = {
    "note": giving.note,
    "quiet": giving.quiet,
    "stop": giving.stop,
    "resume": giving.resume,
    "forget": giving.forget,
    "delete": giving.delete,
    "begin": taking.begin,
    "write": taking.write,
    "finish": taking.finish,
    "define": taking.define,
    "start": taking.start,
    "withdraw": giving.forget,
}


def answer(order: Mapping[str, Any], *, host: Optional[Host] = None) -> Values:
    """Do what an order says, on this host; a failure is in the answer."""
    try:
        machine = host or LocalHost()
        with open_connection(order["uri"], host=machine, read_only=order["looks"]) as connection:
            return _done(Job(connection, order), side_of(connection, machine))
    except CorralError as error:
        return {"error": {"type": type(error).__name__, "message": error.message, "hint": error.hint}}


def _done(job: Job, side: Side) -> Values:
    """What an order is about; whoever changes something has to be the run that has claimed the guest last."""
    call = job.options["call"]
    if call in LOOKING:
        return LOOKING[call](job, side)
    with claims.held(side, job.options["name"], job.options["run"], claiming=call == "claim"):
        return DOING[call](job, side) if call != "claim" else {}


def main() -> None:
    """Take an order from the standard input and write the answer."""
    found = answer(json.load(sys.stdin.buffer))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
