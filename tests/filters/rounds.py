# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rounds of frames for filters that know connections, and what is to be heard of them.

A connection is begun, answered and gone on with; elsewhere the answer comes first, which nobody has asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .apply import MAC, OTHER, Driver
from .build import Fields, build, complete, mark_of
from .connections import ASKING, Connections
from .document import Documents, Rule, Variables, rules
from .frames import exchange, hit_for, misses_for, sendable
from .judge import told
from .oracle import IN, INOUT, OUT, Interface
from .packet import decode

OPPOSITE = {IN: OUT, OUT: IN}
ENDS = {OUT: {"source": MAC, "target": OTHER}, IN: {"source": OTHER, "target": MAC}}
SYN, SYN_ACK, ACK = 0x02, 0x12, 0x10
UNREACHABLE = {4: (1, 3, 3), 6: (58, 1, 4)}  # protocol, type and code of the answer to what is rejected


@dataclass(frozen=True)
class Round:
    """Frames that are sent one after the other in one direction."""

    way: str
    frames: tuple[bytes, ...]


@dataclass(frozen=True)
class Job:
    """A filter with what is sent past it; each has a network of its own, and so connections of its own."""

    name: str
    port: Interface
    rules: str
    rounds: tuple[Round, ...]
    wanted: tuple[frozenset[int], ...] = field(default=())

    def settled(self) -> Job:
        """The same with what the oracle has of it."""
        port = replace(self.port, connections=Connections())
        wanted = [frozenset(mark_of(f) for f in each.frames if port.delivers(each.way, f)) for each in self.rounds]
        return replace(self, wanted=tuple(wanted))


def job_for(
    driver: Driver, recorded: list[str], case: str, documents: Documents, name: str, variables: Variables
) -> Job:
    """The job for a filter: answers that come unasked, and then connections as they should be."""
    port = driver.guard(documents, name, variables)
    text = recorded[-1]
    found = rules(port.documents, name, {"MAC": [port.mac], **variables})
    asked = [(way, fields) for rule in found for way, fields in _asked(rule)]
    rounds = (*_rounds([(OPPOSITE[way], answer(fields)) for way, fields in asked]), *_asking(asked))
    return Job(case, port, text, rounds).settled()


def _asked(rule: Rule) -> Iterator[tuple[str, Fields]]:
    """What begins connections about a rule, with the direction that is the rule's own."""
    way = IN if rule.direction == INOUT else rule.direction
    for fields in (hit_for(rule), *misses_for(rule)):
        if sendable(fields):
            yield way, complete({**ENDS[way], **fields})


def answer(fields: Fields) -> Fields:
    """What comes back."""
    turned = exchange(fields)
    family = 6 if turned["layer"] == "ipv6" else 4
    kind = ASKING.get((family, turned["icmp_type"]), turned["icmp_type"])
    return {**turned, "icmp_type": kind, "flags": SYN_ACK, "sequence": 5000, "acknowledged": 1017}


def next_of(fields: Fields) -> Fields:
    """What follows the answer."""
    return {**fields, "flags": ACK, "sequence": 1017, "acknowledged": 5017}


def _asking(asked: Sequence[tuple[str, Fields]]) -> Iterator[Round]:
    yield from _rounds(asked)
    yield from _rounds([(OPPOSITE[way], answer(fields)) for way, fields in asked])
    yield from _rounds([(way, next_of(fields)) for way, fields in asked])
    yield from _rounds([(OPPOSITE[way], next_of(fields)) for way, fields in asked])


def _rounds(sent: Sequence[tuple[str, Fields]]) -> Iterator[Round]:
    for way in (OUT, IN):
        frames = tuple(build(**fields) for each, fields in sent if each == way and sendable(fields))
        if frames:
            yield Round(way, frames)


def write(jobs: Sequence[Job], path: Path) -> None:
    """Write jobs down for remote.py."""
    path.write_text(json.dumps([_written(job) for job in jobs]))


def _written(job: Job) -> dict[str, Any]:
    rounds = [
        {"way": each.way, "frames": [frame.hex() for frame in each.frames], "awaited": len(wanted)}
        for each, wanted in zip(job.rounds, job.wanted)
    ]
    return {"name": job.name, "rules": job.rules, "rounds": rounds}


def judged(job: Job, found: Sequence[dict[str, Any]]) -> list[str]:
    """Every frame of a job that came and should not have, or did not and should."""
    wrong = [f"refused: {each['refused']}" for each in found if "refused" in each]
    for place, (each, wanted, heard) in enumerate(zip(job.rounds, job.wanted, found)):
        came = {mark_of(bytes.fromhex(frame)) for frame in heard.get("beyond", ())}
        for frame in each.frames:
            mark = mark_of(frame)
            if (mark in came) != (mark in wanted) and not wrong:
                said = "came through" if mark in came else "was dropped"
                wrong.append(f"round {place}, {each.way} {said}: {told(decode(frame))}")
    return wrong


def answers(heard: dict[str, Any]) -> dict[int, tuple[int, int, int]]:
    """What came back for which frame: protocol, type and code of ICMP."""
    found = {}
    for text in heard["back"]:
        packet = decode(bytes.fromhex(text))
        if packet.ip and packet.ip.type is not None and packet.ip.code is not None:
            found[mark_of(bytes.fromhex(text))] = (packet.ip.protocol, packet.ip.type, packet.ip.code)
    return found
