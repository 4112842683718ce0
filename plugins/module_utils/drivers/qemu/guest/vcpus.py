# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual CPUs of a guest that runs: the places that there are, plugging into them, and taking out.

The source of the places is QEMU's query-hotpluggable-cpus (qapi/machine.json). They are counted in the order of their
topology, so that the n-th place is the n-th CPU of the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional

from ....errors import OperationFailed
from ....host.api import Monitor
from ....model.domain.core import Domain

TOPOLOGY = ("node-id", "drawer-id", "book-id", "socket-id", "die-id", "cluster-id", "core-id", "thread-id")
# Linux needs a moment to move everything off a CPU.
UNPLUG_TIMEOUT = 15.0
NEWS = ("DEVICE_DELETED", "ACPI_DEVICE_OST", "DEVICE_UNPLUG_GUEST_ERROR")
# ACPI's _OST for an ejection (source 3): a failure, and from 0x80 on what keeps the guest from it; 0x84 means "wait".
EJECTION, FAILED = 3, (1, 2, 0x80, 0x81, 0x82, 0x83)
PERIPHERAL = "/machine/peripheral/"


@dataclass(frozen=True)
class Place:
    """A place for CPUs: ``path`` of the object that is plugged in, ``count`` CPUs in one piece."""

    driver: str
    props: Mapping[str, Any]
    count: int = 1
    path: Optional[str] = None


def places(monitor: Monitor) -> List[Place]:
    """Every place, in the order of the CPUs' numbers."""
    rows = [
        Place(row["type"], row["props"], row.get("vcpus-count", 1), row.get("qom-path"))
        for row in monitor.execute("query-hotpluggable-cpus")
    ]
    return sorted(rows, key=lambda place: [place.props.get(name, 0) for name in TOPOLOGY])


def plugged(monitor: Monitor) -> int:
    """How many CPUs the guest has."""
    return sum(place.count for place in places(monitor) if place.path)


def set_vcpus(monitor: Monitor, wanted: int) -> None:
    """Plug CPUs in or take them out until there are so many; raises OperationFailed when the guest keeps one."""
    rows = places(monitor)
    number = sum(place.count for place in rows if place.path)
    for index, place in enumerate(rows):
        if number < wanted and not place.path:
            _plug(monitor, place, index * place.count)
            number += place.count
    for place in reversed(rows):
        if number > wanted and place.path:
            _unplug(monitor, place)
            number -= place.count


def plug_listed(domain: Domain, monitor: Monitor) -> None:
    """Plug in the CPUs of a <vcpus> list that are enabled and can be taken out: those are not on the command line."""
    listed = [vcpu for vcpu in domain.vcpu_list if vcpu.enabled and vcpu.hotpluggable]
    if not listed:
        return
    rows = places(monitor)
    for vcpu in sorted(listed, key=lambda vcpu: (vcpu.order or 0, vcpu.id or 0)):
        index = (vcpu.id or 0) // rows[0].count
        if not rows[index].path:
            _plug(monitor, rows[index], vcpu.id or 0)


def _plug(monitor: Monitor, place: Place, number: int) -> None:
    monitor.execute("device_add", {"driver": place.driver, "id": f"vcpu{number}", **place.props})


def _unplug(monitor: Monitor, place: Place) -> None:
    """Ask the guest to give a CPU back, and wait until it has; QEMU does not say so of every CPU, but of its parts."""
    path = place.path or ""
    name = path[len(PERIPHERAL) :] if path.startswith(PERIPHERAL) else path
    monitor.execute("device_del", {"id": name})
    while any(other.path == path for other in places(monitor)):
        event = monitor.wait_event(NEWS, timeout=UNPLUG_TIMEOUT)
        if event is None:
            raise OperationFailed(
                f"The guest did not give the CPU {name} back within {UNPLUG_TIMEOUT:g} seconds.",
                hint="Its system may not be up yet, or cannot do without that CPU.",
            )
        if _refuses(event, name):
            raise OperationFailed(f"The guest does not give the CPU {name} back.", hint="It cannot do without it.")


def _refuses(event: Mapping[str, Any], name: str) -> bool:
    if event["event"] == "DEVICE_UNPLUG_GUEST_ERROR":
        return str(event["data"].get("device") or event["data"].get("path")) == name
    said = event["data"].get("info", {})
    return said.get("device") == name and said.get("source") == EJECTION and said.get("status") in FAILED
