# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recorded QMP conversation, answered as if a QEMU had answered.

A recording holds JSON objects one after the other with white space between them: a command, its reply, the next
command, its reply. Each qmp_capabilities begins another run of the binary; by custom the first run is with KVM and the
second with TCG. This is how libvirt records QEMU for its own tests.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ....errors import InvalidArgument, MonitorError, NotFound

Reply = Mapping[str, Any]
Key = Tuple[str, str]

_VISIBLE = re.compile(r"\S")


class RecordingMiss(NotFound):
    """A command that was not asked when the recording was made: the answer is unknown, not no."""


@dataclass(frozen=True)
class Run:
    """The replies of one run of a binary, by command and arguments."""

    replies: Mapping[Key, Reply]

    def execute(self, command: str, arguments: Optional[Mapping[str, Any]] = None) -> Any:
        """Return the recorded answer; raises MonitorError for a recorded error, RecordingMiss where there is none."""
        reply = self.replies.get(_key(command, arguments))
        if reply is None:
            raise RecordingMiss(f"The recording has no {command} with {json.dumps(arguments or {})}.")
        if "error" in reply:
            raise MonitorError(command, reply["error"]["class"], reply["error"]["desc"])
        return reply["return"]


def parse(text: str) -> Tuple[Run, ...]:
    """Return the runs of a recording in their order; raises InvalidArgument when the text is none."""
    runs: List[Dict[Key, Reply]] = []
    for request, reply in _pairs(text):
        if request["execute"] == "qmp_capabilities" or not runs:
            runs.append({})
        runs[-1][_key(request["execute"], request.get("arguments"))] = reply
    if not runs:
        raise InvalidArgument("The recording is empty: it needs at least one command with its reply.")
    return tuple(Run(replies) for replies in runs)


def _key(command: str, arguments: Optional[Mapping[str, Any]]) -> Key:
    return command, json.dumps(arguments or {}, sort_keys=True)


def _pairs(text: str) -> Iterator[Tuple[Mapping[str, Any], Reply]]:
    objects = _objects(text)
    for request in objects:
        reply = next(objects, {})
        if "execute" not in request or not ("return" in reply or "error" in reply):
            raise InvalidArgument(f"The recording does not pair commands with replies near {json.dumps(request)[:80]}.")
        if request.get("id") != reply.get("id"):
            raise InvalidArgument(f"The reply {reply.get('id')} does not belong to the command {request.get('id')}.")
        yield request, reply


def _objects(text: str) -> Iterator[Dict[str, Any]]:
    decoder, at = json.JSONDecoder(), _skip(text, 0)
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError as error:
            raise InvalidArgument(f"The recording is not JSON: {error}.") from error
        if not isinstance(value, dict):
            raise InvalidArgument("The recording must hold JSON objects only.")
        yield value
        at = _skip(text, end)


def _skip(text: str, at: int) -> int:
    found = _VISIBLE.search(text, at)
    return found.start() if found else len(text)
