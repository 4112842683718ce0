# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted inside a guest, as values that can be sent to the host on which the guest is.

An order is a mapping with ``uri`` (None for the usual one), ``guest``, ``patience`` (seconds), ``call`` and what that
takes: ``run`` has ``argv``, ``stdin`` and ``timeout``, ``write`` has ``path``, ``data`` and ``append``, ``read`` has
``path``, ``offset`` and ``size``. The answer has ``code``, ``stdout`` and ``stderr``, or ``data`` and ``last``, or
nothing; or else ``error`` with its ``type``, ``message`` and ``hint``. Bytes are texts in base64.

As a program, the file takes an order as JSON from its standard input and writes the answer, as JSON on one line.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from typing import Any, Callable, Dict, Mapping, Optional

from ..drivers.contracts.inside import Inside
from ..errors import CorralError, MissingLibrary
from ..host.api import Host
from .open import open_connection

Values = Dict[str, Any]
# What the driver stack needs beside Python, and what to do without it.
LIBRARY = "lxml"
INSTALL = "Install it for the Python there, or set ansible_python_interpreter for the host to a Python that has it."


def answer(order: Mapping[str, Any], *, host: Optional[Host] = None) -> Values:
    """Do what an order says, on this host; a failure is in the answer."""
    try:
        _look_for_library()
        with open_connection(order["uri"], host=host) as connection:
            name = connection.hypervisor.lookup_domain(order["guest"]).name
            return CALLS[order["call"]](connection.hypervisor.inside(name, patience=order["patience"]), order)
    except CorralError as error:
        return {"error": {"type": type(error).__name__, "message": error.message, "hint": error.hint}}


def _look_for_library() -> None:
    from importlib.util import find_spec

    if find_spec(LIBRARY) is None:
        raise MissingLibrary(LIBRARY, hint=INSTALL)


def _run(inside: Inside, order: Mapping[str, Any]) -> Values:
    ended = inside.run(order["argv"], stdin=b64decode(order["stdin"]), timeout=order["timeout"])
    return {"code": ended.code, "stdout": encoded(ended.stdout), "stderr": encoded(ended.stderr)}


def _write(inside: Inside, order: Mapping[str, Any]) -> Values:
    inside.write(order["path"], b64decode(order["data"]), append=order["append"])
    return {}


def _read(inside: Inside, order: Mapping[str, Any]) -> Values:
    data, last = inside.read(order["path"], offset=order["offset"], size=order["size"])
    return {"data": encoded(data), "last": last}


CALLS: Mapping[str, Callable[[Inside, Mapping[str, Any]], Values]] = {"run": _run, "write": _write, "read": _read}


def encoded(data: bytes) -> str:
    """Bytes as they stand in orders and answers."""
    return b64encode(data).decode("ascii")


def main() -> None:
    """Take an order from the standard input and write the answer."""
    found = answer(json.load(sys.stdin.buffer))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
