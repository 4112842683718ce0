# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of each guarded device: whose it is, and everything that the kernel may have of it.

It is written before the kernel is told anything new, with the old names and the new, and once more with what is there
then. So a run that is killed in between leaves a memo of too much, never of too little, and taking away what is not
there does no harm. It is in the runtime directory and of one boot, as the kernel's table is.
"""

from __future__ import annotations

import json
import posixpath
from typing import Any, Collection, Dict, Mapping, NamedTuple, Optional, Tuple

from ....errors import HostError
from ....host.layout import Layout
from ...api import FilterPort
from ..compile.transaction import Traces
from ..site import Site
from .learn import Addresses


class Guarded(NamedTuple):
    """One guarded device.

    ``filters`` are those that its rules came from, and ``source`` is a digest of them; ``seal`` is a digest of what the
    kernel was to have, ``copied`` one of what was copied from ipsets. ``since`` is when the kernel was first told of
    the device, in seconds since the epoch.
    """

    port: FilterPort
    addresses: Addresses = Addresses()
    traces: Traces = Traces()
    copied: str = ""
    filters: Tuple[str, ...] = ()
    source: str = ""
    seal: str = ""
    since: float = 0.0

    def is_of(self, port: FilterPort) -> bool:
        """Whether this is the very interface, so that what was learnt about it still holds."""
        mine = self.port
        return (mine.guest, mine.mac, mine.network) == (port.guest, port.mac, port.network)


Memo = Dict[str, Guarded]


def read(site: Site, only: Optional[Collection[str]] = None) -> Optional[Memo]:
    """Return what is known of each device by its name; None when nothing is, because it was lost or never there.

    With ``only`` the other devices are left out.
    """
    data = site.host.read(memo_path(site.layout))
    try:
        found = json.loads((data or b"").decode("utf-8"))
        if found["boot_id"] != site.host.boot_id():
            return None
        rows = found["devices"].items()
        return {str(device): _guarded(fields) for device, fields in rows if only is None or device in only}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def write(site: Site, memo: Mapping[str, Guarded]) -> None:
    """Keep it; without a device there is no file. Raises HostError."""
    path = memo_path(site.layout)
    if not memo:
        site.host.remove(path)
        return
    site.layout.prepare(site.host)
    devices = {device: _plain(each) for device, each in memo.items()}
    content = {"boot_id": site.host.boot_id(), "devices": devices}
    site.host.write(path, json.dumps(content, sort_keys=True).encode("utf-8") + b"\n")


def try_write(site: Site, memo: Mapping[str, Guarded]) -> None:
    """Keep it where that can be done: a memo of too much is as good."""
    try:
        write(site, memo)
    except HostError:
        return


def memo_path(layout: Layout) -> str:
    """Return where it is kept; no filter can be called so."""
    return posixpath.join(layout.live_dir("nwfilter"), ".ports.json")


def joined(one: Traces, other: Traces) -> Traces:
    """Return everything that is in one of them, each once."""
    return Traces(
        tuple(dict.fromkeys((*one.chains, *other.chains))),
        tuple(dict.fromkeys((*one.sets, *other.sets))),
        tuple(dict.fromkeys((*one.entrances, *other.entrances))),
    )


def _plain(each: Guarded) -> Dict[str, Any]:
    port, traces = each.port, each.traces
    return {
        "port": [port.device, port.mac, port.guest, port.filter, port.network],
        "parameters": port.parameters,
        "reserved": each.addresses.reserved,
        "leased": each.addresses.leased,
        "chains": traces.chains,
        "sets": traces.sets,
        "entrances": traces.entrances,
        "copied": each.copied,
        "filters": each.filters,
        "source": each.source,
        "seal": each.seal,
        "since": each.since,
    }


def _guarded(fields: Mapping[str, Any]) -> Guarded:
    device, mac, guest, name, network = fields["port"]
    port = FilterPort(str(device), str(mac), str(guest), str(name), _pairs(fields["parameters"]), network)
    addresses = Addresses(_words(fields["reserved"]), _words(fields["leased"]))
    traces = Traces(_words(fields["chains"]), _words(fields["sets"]), _pairs(fields["entrances"]))
    digests = {name: str(fields[name]) for name in ("copied", "source", "seal")}
    filters, since = _words(fields["filters"]), float(fields["since"])
    return Guarded(port, addresses, traces, filters=filters, since=since, **digests)


def _words(row: Any) -> Tuple[str, ...]:
    return tuple(str(each) for each in row)


def _pairs(rows: Any) -> Tuple[Tuple[str, str], ...]:
    return tuple((str(first), str(second)) for first, second in rows)
