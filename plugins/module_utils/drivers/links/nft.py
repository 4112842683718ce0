# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nft(8): the one place that runs it, for the tables of all drivers.

What it reads is a text for ``nft -f -``, which the kernel takes as a whole or not at all; what it lists is JSON
(libnftables-json(5)).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Optional, Tuple

from ...errors import CommandFailed, HostError, MissingProgram
from ...host.api import Completed, Host
from ...host.layout import Layout

_MISSING = "No such file or directory"


def table_name(layout: Layout) -> str:
    """Return the name of our tables: each tree has another, so that two on one host leave each other alone."""
    if layout.runtime == Layout.system().runtime:
        return "corral"
    return "corral_" + hashlib.sha256(layout.runtime.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def put(host: Host, text: str) -> None:
    """Let the kernel take a text as one transaction; raises CommandFailed with nft's words, MissingProgram."""
    done = _run(host, ("nft", "-f", "-"), text)
    if done.code:
        raise _failed(done)


def refusal(host: Host, text: str) -> Optional[str]:
    """Return why the kernel would not take a text, None when it would; nothing is changed. Raises MissingProgram."""
    done = _run(host, ("nft", "-c", "-f", "-"), text)
    return done.stderr.decode("utf-8", "replace") if done.code else None


def listing(host: Host, *what: str) -> Optional[Dict[str, Any]]:
    """Return what ``nft -j list WHAT`` says, None when the kernel has nothing of that name.

    Raises CommandFailed, MissingProgram, and HostError for an nft that knows no JSON.
    """
    done = _run(host, ("nft", "-j", "list", *what))
    if done.code and _MISSING in done.stderr.decode("utf-8", "replace"):
        return None
    if done.code:
        raise _failed(done)
    return as_json(done.stdout)


def as_json(data: bytes) -> Dict[str, Any]:
    """Return the JSON object that these bytes are; raises HostError."""
    try:
        found = json.loads(data.decode("utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HostError("nft did not answer in JSON.", hint="An nft that is built with JSON is needed: nft -V says it.")
    return found


def _run(host: Host, argv: Tuple[str, ...], text: str = "") -> Completed:
    try:
        return host.run(argv, stdin=text.encode("utf-8"), check=False)
    except MissingProgram:
        raise MissingProgram("nft", hint="Install the package nftables.") from None


def _failed(done: Completed) -> CommandFailed:
    return CommandFailed(done.argv, done.code, done.stderr.decode("utf-8", "replace"))
