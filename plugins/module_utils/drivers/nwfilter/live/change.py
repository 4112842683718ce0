# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing the kernel's table: one transaction a change, and the memo around it.

Whoever calls holds the lock of all names. The kernel takes a change as a whole or not at all. Where the table cannot be
trusted to be what the memo says, it is made anew with the rules of all active guests, in one transaction as well; that
forgets what was learnt, and nothing is open meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Collection, Mapping, NamedTuple, Optional, Sequence, Tuple

from ....errors import CommandFailed, CorralError, OperationDenied, OperationFailed
from ....host.api import Host
from ...api import FilterPort
from ...links.netfilter import has_table
from ...links.nft import put
from ..compile.transaction import FAMILY, PortRules, expected, removal, traces, transaction
from . import memo as memos
from .guests import active_ports, is_active
from .look import look_at_bases
from .make import Made, Maker, copied
from .memo import Guarded, Memo
from .same import seal
from .scene import Scene

# The kernel's links, as the thread that asks has them.
LINKS = "/proc/thread-self/net/dev"
# Seconds for which a link may still be on its way to be made.
GRACE = 600.0


class Change(NamedTuple):
    """What nft is told, and what is remembered while it is told and after."""

    text: str
    during: Memo
    after: Memo


def guard(scene: Scene, ports: Sequence[FilterPort], maker: Maker) -> None:
    """Let the kernel have the rules for these interfaces; raises what keeps them from it, and nothing has changed.

    Where somebody has been at what all interfaces share, all of them get their rules again.
    """
    check_right(scene.site.host)
    known = memos.read(scene.site)
    wanted = {port.device: port for port in ports}
    if not _is_trusted(scene, known):
        rebuild(scene, wanted, maker)
        return
    before = known or {}
    standing = _maps(before)
    if look_at_bases(scene, standing):
        wanted, standing = {**everybody(scene, before), **wanted}, ()
    made = maker.make_all(wanted.values(), before)
    stale = [device for device in _stale(scene, before) if device not in made]
    try:
        carry_out(scene, change(scene, made, before, stale, standing), before)
    except OperationFailed:  # somebody may have made something else of the table, which is in the way
        rebuild(scene, wanted, maker)


def rebuild(scene: Scene, ports: Mapping[str, FilterPort], maker: Maker, *, but: Collection[str] = ()) -> None:
    """Make the table anew, for all guests and for these interfaces."""
    known = memos.read(scene.site) or {}
    wanted = {**everybody(scene, known), **ports}
    made = maker.make_all((port for device, port in wanted.items() if device not in but), {})
    fresh = change(scene, made, {}, ())
    text = removal(scene.table) + (fresh.text if made else "")
    carry_out(scene, fresh._replace(text=text, during={**known, **fresh.during}), known)


def release(scene: Scene, devices: Sequence[str], guest: Optional[str], maker: Maker) -> None:
    """Take the rules of links away, those of one guest's only where it is given."""
    known = memos.read(scene.site)
    if known is None:
        if has_table(scene.site.host, scene.table):
            rebuild(scene, {}, maker, but=devices)
        return
    gone = {device for device in devices if device in known and guest in (None, known[device].port.guest)}
    gone.update(_stale(scene, known))
    if gone:
        carry_out(scene, change(scene, {}, known, sorted(gone)), known)


def change(
    scene: Scene, made: Mapping[str, Made], before: Memo, gone: Sequence[str], standing: Sequence[str] = ()
) -> Change:
    """Return what gives these devices their rules and takes all from those that are gone. Pure but for the clock.

    ``standing`` are base chains that are as they should be.
    """
    now = scene.site.host.now()
    after = {device: each for device, each in before.items() if device not in gone}
    after.update((device, _guarded(each, before.get(device), now)) for device, each in made.items())
    during = {**before, **{device: _both(after[device], before.get(device)) for device in made}}
    touched = [before[device].traces for device in (*gone, *made) if device in before]
    rules = [_fresh(each, before.get(device)) for device, each in made.items()]
    text = transaction(scene.table, rules, touched, standing=standing)
    return Change(text if after else removal(scene.table), during, after)


def carry_out(scene: Scene, wanted: Change, before: Memo) -> None:
    """Tell nft; raises UnsupportedConfig or OperationFailed for what the kernel refuses, MissingProgram, HostError."""
    if wanted.during != before:
        memos.write(scene.site, wanted.during)
    try:
        put(scene.site.host, wanted.text)
    except CommandFailed as error:
        from .refused import explained

        memos.try_write(scene.site, before)
        raise explained(scene.site.host, FAMILY, wanted.text, error) from error
    except CorralError:
        memos.try_write(scene.site, before)
        raise
    if wanted.after != wanted.during:
        memos.try_write(scene.site, wanted.after)


def check_right(host: Host) -> None:
    """Raise OperationDenied for whoever is not root."""
    if host.euid() != 0:
        raise OperationDenied(
            "The interfaces of guests cannot be filtered in a session: the packet filter of the host is root's.",
            hint="Use qemu:///system with become: true.",
        )


def _is_trusted(scene: Scene, known: Optional[Memo]) -> bool:
    """Whether the table is there just where something is remembered of it."""
    return bool(known) == has_table(scene.site.host, scene.table)


def everybody(scene: Scene, known: Memo) -> Mapping[str, FilterPort]:
    """The guarded interfaces of all active guests, and of those that may be on their way to be active."""
    young = scene.site.host.now() - GRACE
    starting = {device: each.port for device, each in known.items() if each.since > young}
    return {**starting, **active_ports(scene.hypervisor, known)}


def _maps(known: Memo) -> Sequence[str]:
    """The maps that devices have elements of."""
    return sorted({name for each in known.values() for name, _key in each.traces.entrances})


def _guarded(made: Made, before: Optional[Guarded], now: float) -> Guarded:
    since = before.since if before is not None and before.is_of(made.port) else now
    left = traces(made.rules)
    return Guarded(
        replace(made.port, line=None),
        made.addresses,
        left,
        copied=copied(made.rules),
        filters=made.filters,
        source=made.source,
        seal=seal(expected([made.rules]), left),
        since=since,
    )


def _both(after: Guarded, before: Optional[Guarded]) -> Guarded:
    return after if before is None else after._replace(traces=memos.joined(before.traces, after.traces))


def _fresh(made: Made, before: Optional[Guarded]) -> PortRules:
    """The rules, with empty sets where the device has become another interface's, of which nothing was learnt yet."""
    rules = made.rules
    if before is None or before.is_of(made.port):
        return rules
    return rules._replace(sets=tuple(each._replace(renewed=True) for each in rules.sets))


def _stale(scene: Scene, known: Memo) -> Tuple[str, ...]:
    """The devices that are gone with their guests, and that nobody is about to make."""
    links = _links(scene)
    old = scene.site.host.now() - GRACE
    lost = (device for device, each in known.items() if device not in links and each.since < old)
    return tuple(device for device in lost if not is_active(scene.hypervisor, known[device].port.guest))


def _links(scene: Scene) -> Collection[str]:
    """The names of the host's links; each line of the file begins with one and a colon."""
    lines = (scene.site.host.read(LINKS) or b"").decode("utf-8", "replace").splitlines()
    return {line.split(":", 1)[0].strip() for line in lines if ":" in line}
