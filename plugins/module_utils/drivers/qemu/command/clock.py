# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real-time clock and the timers of the chipset."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Iterator, Optional

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.cpu import Clock
from ..context import Context
from ..options import Option, properties

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def clock_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-rtc, and the policies of the interval timer."""
    clock, rtc = domain.clock, domain.timer("rtc")
    track = {"guest": "vm", "realtime": "rt"}.get((rtc.track if rtc else None) or "")
    slew = "slew" if rtc and rtc.tick_policy == "catchup" else None
    yield Option("-rtc", properties({"base": _base(clock, context), "clock": track, "driftfix": slew}))
    pit = domain.timer("pit")
    has_pit = domain.is_kvm() or context.caps.has_device("kvm-pit")
    if pit is not None and pit.tick_policy in ("delay", "discard") and has_pit:
        yield Option("-global", f"kvm-pit.lost_tick_policy={pit.tick_policy}")


def _base(clock: Optional[Clock], context: Context) -> str:
    offset = clock.offset if clock else "utc"
    if clock is None or offset == "utc":
        return "utc"
    if offset in ("localtime", "timezone"):  # QEMU is started in that time zone
        return "localtime"
    if offset == "absolute":
        return _moment(clock.start or 0, clock)
    if offset == "variable" and clock.basis == "localtime":
        local = datetime.fromtimestamp(context.now, tz=timezone.utc).astimezone()
        zone = local.utcoffset() or timedelta()
        return _moment(int(context.now + zone.total_seconds()) + _adjustment(clock), clock)
    if offset == "variable":
        return _moment(int(context.now) + _adjustment(clock), clock)
    return "utc"


def _adjustment(clock: Clock) -> int:
    text = clock.adjustment or "0"
    return int(text) if text.lstrip("+-").isdigit() else 0


def _moment(seconds: int, clock: Clock) -> str:
    try:
        return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError):
        raise XmlError(f"<clock> says {seconds} seconds, and no calendar goes so far.", line=clock.line) from None
