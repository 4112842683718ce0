# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What vm_info says of a guest as a task: read from its definition, and tried against the drivers of the connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...connect.connection import Connection
from ...drivers.api import Domain
from ...errors import CorralError, OperationInvalid
from ...model.domain.identity import DOMAIN
from ...model.domain.owned import owned_volumes
from ...model.storage.volume import Volume
from ...xml.compare import compare
from ...xml.parse import Element
from ..spec import desired
from .read import Options
from .task import Exported, as_task, exported


def add_task(facts: dict[str, Any], connection: Connection, domain: Domain) -> None:
    """Add the task that makes the definition of a guest, and why it has to be XML where it has to."""
    facts["task"], facts["task_lacks"] = None, []
    if not domain.persistent:
        facts["task_lacks"] = ["The guest is transient, so it has no definition."]
        return
    try:
        kept = connection.hypervisor.domain_xml(domain.name, inactive=True)
    except OperationInvalid as error:
        facts["task_lacks"] = [str(error)]
        return
    found = export_guest(connection, kept)
    more = {"autostart": True} if domain.autostart else {}
    facts.update(task=as_task(kept, found, more), task_lacks=list(found.lacks))


def export_guest(connection: Connection, kept: Element) -> Exported:
    """Return the options of vm that make this definition again on this connection, and change nothing."""

    def differences(options: Options) -> Sequence[str]:
        return _differences(connection, kept, options)

    return exported(kept, differences, _sizes(connection, kept))


def _sizes(connection: Connection, kept: Element) -> dict[tuple[str, str], int]:
    """The sizes of the volumes that were made for the guest, as far as their pools are active."""
    sizes = {}
    for pool, name in owned_volumes(kept):
        try:
            sizes[pool, name] = Volume(connection.storage.volume_xml(pool, name)).capacity or 0
        except CorralError:
            continue
    return sizes


def _differences(connection: Connection, kept: Element, options: Options) -> list[str]:
    _name, document = desired(options)
    if document is None:
        return ["Nothing describes the guest."]
    steps: list[str] = []
    if any(disk.get("pool") for disk in options.get("disks") or ()):
        from ..guest_volumes import made_volumes  # brings the volumes' code along

        made = made_volumes(connection.storage, document, options, kept)
        document, steps = made.document, [f"{step.target}: {step.action}" for step, _done in made.tasks]
    complete = connection.hypervisor.normalise_domain(document)
    return [*steps, *(str(change) for change in compare(kept, complete, DOMAIN))]
