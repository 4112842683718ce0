# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends frames through a filtered port both ways and says where they did not go as the oracle has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..integration.namespaces import Namespace, inside, namespace
from .build import mark_of
from .oracle import IN, OUT, Interface
from .packet import Packet, decode
from .wire import Wire, put, run_here, set_up


@contextmanager
def bridge() -> Iterator[tuple[Namespace, Wire]]:
    """A bridge in a namespace of its own, with both sockets on it."""
    with namespace() as space:
        with inside(space):
            set_up(run_here, put)
            wire = Wire()
        try:
            yield space, wire
        finally:
            wire.close()


def differences(wire: Wire, port: Interface, frames: Sequence[bytes], ways: Sequence[str] = (OUT, IN)) -> list[str]:
    """Every frame that came and should not have, or did not and should; none when filter and oracle agree."""
    found = []
    for way in ways:
        wanted = {mark_of(frame) for frame in frames if port.delivers(way, frame)}
        heard = wire.send(way, frames, len(wanted))
        came = {mark_of(frame): frame for frame in heard.beyond}
        for frame in frames:
            mark = mark_of(frame)
            if (mark in came) != (mark in wanted):
                found.append(f"{way} {'came through' if mark in came else 'was dropped'}: {told(decode(frame))}")
            elif mark in came and came[mark].rstrip(b"\0") != frame.rstrip(b"\0"):  # bridges take padding away
                found.append(f"{way} changed: {frame.hex()} to {came[mark].hex()}")
        found += [f"{way}: {mark} came from elsewhere" for mark in came.keys() - {mark_of(frame) for frame in frames}]
    return found


def told(packet: Packet) -> str:
    """A frame in few words: what it says of itself, without what it has not."""
    tags = "".join(f" tag {kind:#x}/{number}" for kind, number in packet.tags)
    parts = [part for part in (packet.arp, packet.ip, packet.bpdu) if part is not None]
    inside = {key: value for part in parts for key, value in vars(part).items() if value not in (None, b"", ())}
    for key in ("source", "target", "source_ip", "target_ip"):
        if key in inside:
            inside[key] = str(ipaddress.ip_address(inside[key]))
    inside.pop("body", None)
    return f"{packet.source:012x} to {packet.target:012x}{tags} {packet.inner:#06x} {inside}"
