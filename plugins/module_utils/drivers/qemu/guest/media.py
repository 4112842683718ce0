# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another medium in a drive of a guest that runs, or none.

The new image is handed to QEMU's user and opened first, so that a file that is no good leaves the drive as it was.
Then the tray is opened, the media change places, and the old image is closed and given back. Commands are those of
QEMU's qapi/block.json.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ....errors import CorralError, MonitorError, OperationFailed, OperationInvalid
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.identity import DOMAIN
from ....xml.canonical import without
from ....xml.compare import Steps, at
from ....xml.parse import Element, clone
from ....xml.write import to_text
from ..command.blockdev import chain_options
from ..context import Context
from ..devices.disk_live import disk_secrets, numbered, prepare_disks
from ..devices.disk_write import drive_node, filters
from ..images import top_image
from ..options import Option
from .handed import borrowed_elsewhere, handed, keep_handed
from .images import check_images, give_back, hand_over, images, to_hand
from .observe import drives
from .sharing import check_free
from .stop import in_use_elsewhere

if TYPE_CHECKING:
    from .live import Changes, Work

# How long a guest may take to let go of a medium that it has locked; it is asked for that.
UNLOCK_TIMEOUT = 5.0
MOVED = "DEVICE_TRAY_MOVED"
NODE = re.compile(r"libvirt-(\d+)-")
ADDS = {"-blockdev": "blockdev-add", "-object": "object-add"}
DELETES = {"-blockdev": ("blockdev-del", "node-name"), "-object": ("object-del", "id")}


@dataclass(frozen=True)
class Medium:
    """What a drive has, or is to have: the document, the nodes that QEMU needs for it, and the uppermost of them."""

    document: Element
    steps: Steps
    options: Tuple[Option, ...] = ()
    node: Optional[str] = None

    @property
    def disk(self) -> Disk:
        """The drive in the document."""
        return _drive(self.document, self.steps)


def change_medium(work: Work, changes: Changes) -> None:
    """Put in what the wanted document says, and close the tray; raises OperationFailed when the guest keeps it shut."""
    steps = changes[0].steps[:2]
    before, draft = work.document, work.draft(changes)
    there = _nodes(work)
    _number(draft, before, steps, there)
    alone = _alone(draft, steps)
    check_images(Domain(alone), work.site.host)
    context = work.site.start_context(alone)
    prepare_disks(Domain(draft), context)
    context = _with_secrets(work, context, _alone(before, steps), _alone(draft, steps))
    old, new = _medium(before, steps, context), _medium(draft, steps, context)
    _borrow(work, alone)
    try:
        with _key_told(work, draft, steps, context):
            added = _add(work, new, there)
        try:
            _swap(work, new)
        except CorralError:
            _delete(work, added)
            raise
        _delete(work, [option for option in old.options if _name(option) not in map(_name, new.options)])
    finally:
        _return(work, old.document, new.document)


@contextmanager
def _key_told(work: Work, draft: Element, steps: Steps, context: Context) -> Iterator[None]:
    """Say which secret has the wrong value; QEMU's answer about an image does not."""
    try:
        yield
    except MonitorError as error:
        from .wrong_key import wrong_key

        alone = Domain(_alone(draft, steps))
        ids = " ".join(need.id for need in disk_secrets(alone, context))
        told = wrong_key(f"{error.description} {ids}", alone, context, whose="The")
        if told is None:
            raise
        raise told from error


def _drive(document: Element, steps: Steps) -> Disk:
    found = at(document, steps, DOMAIN)
    if found is None:
        raise OperationInvalid(f"The guest that runs has no drive {steps[-1][1]}.")
    return Disk(found)


def _number(draft: Element, before: Element, steps: Steps, there: Set[str]) -> None:
    """The medium that was in the drive before keeps its numbers, and its nodes; another gets a number of its own.

    A number is free that neither the document nor a node of QEMU has: a node may have outlived its medium.
    """
    new, old = _drive(draft, steps), _drive(before, steps)
    for stale in list(new.element.findall("backingStore")):
        new.element.remove(stale)
    if _same(new, old) and new.source is not None and old.source is not None:
        new.element.replace(new.source.element, clone(old.source.element))
        new.element.extend(clone(store) for store in old.element.findall("backingStore"))
        return
    for element in numbered(new):
        element.attrib.pop("index", "")
    if new.source is not None and not new.is_empty():
        named = {match.group(1) for match in map(NODE.match, there) if match}
        written = {element.get("index") for element in before.iter("source", "backingStore", "dataStore")}
        new.source.index = 1 + max(int(number) for number in {"0", *named, *written} if number)


def _nodes(work: Work) -> Set[str]:
    """The names of all block nodes that QEMU has."""
    rows = work.monitor().execute("query-named-block-nodes", {"flat": True})
    return {str(row.get("node-name")) for row in rows}


def _same(one: Disk, other: Disk) -> bool:
    texts = []
    for disk in (one, other):
        plain = without(disk.element, ("source/@index",))
        parts = [plain.get("type"), disk.format, *(to_text(source) for source in plain.findall("source"))]
        texts.append(parts)
    return texts[0] == texts[1]


def _alone(document: Element, steps: Steps) -> Element:
    """The guest with this disk only: what is asked of the host is asked for its images."""
    copy = clone(document)
    kept = _drive(copy, steps).element
    for disk in copy.findall("devices/disk"):
        if disk is not kept:
            copy.find("devices").remove(disk)  # type: ignore[union-attr]
    return copy


def _with_secrets(work: Work, context: Context, before: Element, draft: Element) -> Context:
    """The context with what the new medium is opened with; of the old one only the names count."""
    past, needs = disk_secrets(Domain(before), context), disk_secrets(Domain(draft), context)
    if not past and not needs:
        return context
    from .secrets import sealed_later, stand_ins

    return replace(context, secrets={**stand_ins(past), **sealed_later(work.site, needs, context, work.monitor())})


def _medium(document: Element, steps: Steps, context: Context) -> Medium:
    disk = _drive(document, steps)
    image = top_image(disk, context)
    if image is None:
        return Medium(document, steps)
    options = (*chain_options(image, context), *filters(disk, image))
    return Medium(document, steps, tuple(options), drive_node(disk, image))


# whose the images are


def _borrow(work: Work, alone: Element) -> None:
    """Hand the images over that QEMU's user cannot use, written down first."""
    site = work.site
    with site.store.names_lock():
        check_free(site, work.name, alone)
        if site.runner is None:
            return
        rows = to_hand(Domain(alone), site.host, site.runner, borrowed_elsewhere(site, work.name))
        known = handed(site, work.name)
        fresh = tuple(row for row in rows if row[0] not in {path for path, _uid, _gid in known})
        if fresh:
            keep_handed(site, work.name, (*known, *fresh))
    hand_over(tuple(rows), site.host, site.runner)


def _return(work: Work, *documents: Element) -> None:
    """Give back the images of these documents that the guest, as it is now, has no more."""
    site, known = work.site, handed(work.site, work.name)
    touched = set().union(*(_paths(work, document) for document in documents))
    gone = touched - _paths(work, work.document)
    rows = tuple(row for row in known if row[0] in gone)
    if not rows:
        return
    with site.store.names_lock():
        give_back(rows, site.host, site.runner, in_use_elsewhere(site, work.name))
    keep_handed(site, work.name, tuple(row for row in known if row not in rows))


def _paths(work: Work, document: Element) -> Set[str]:
    return {work.site.host.resolve(image.path) for image in images(Domain(document))}


# what QEMU is told


def _add(work: Work, medium: Medium, there: Set[str]) -> List[Option]:
    """Open the images; those that are open already stay. What was opened is closed again when the rest fails."""
    added: List[Option] = []
    if medium.node is None or medium.node in there:
        return added
    try:
        for option in medium.options:
            if _name(option) not in there:
                work.monitor().execute(ADDS[option.flag], _value(option))
                added.append(option)
    except CorralError:
        _delete(work, added)
        raise
    return added


def _delete(work: Work, options: Sequence[Option]) -> None:
    """Close images, the uppermost first; one that QEMU holds on to is no harm."""
    for option in reversed(options):
        command, key = DELETES[option.flag]
        with suppress(MonitorError):
            work.monitor().execute(command, {key: _name(option)})


def _value(option: Option) -> Mapping[str, Any]:
    if not isinstance(option.value, dict):
        raise OperationInvalid(f"An image that needs {option.flag} cannot be opened while the guest runs.")
    return option.value


def _name(option: Option) -> str:
    value = _value(option)
    return str(value.get("node-name") or value.get("id"))


def _swap(work: Work, new: Medium) -> None:
    monitor, drive = work.monitor(), new.disk.id()
    row = _row(work, drive)
    inserted = row.get("inserted")
    if (inserted or {}).get("node-name") != new.node:
        if "tray_open" in row:
            _open(work, drive)
        if inserted is not None:
            monitor.execute("blockdev-remove-medium", {"id": drive})
        work.keep(_emptied(work.document, new))
        if new.node is not None:
            monitor.execute("blockdev-insert-medium", {"id": drive, "node-name": new.node})
    work.keep(new.document)
    if "tray_open" in row and new.disk.tray == "open":
        _open(work, drive)
    elif "tray_open" in row:
        monitor.execute("blockdev-close-tray", {"id": drive})


def _row(work: Work, drive: str) -> Mapping[str, Any]:
    row = drives(work.monitor()).get(drive)
    if row is None:
        raise OperationFailed(f"QEMU has no drive {drive}.")
    return row


def _emptied(document: Element, new: Medium) -> Element:
    """The live document while nothing is in the drive."""
    copy = clone(document)
    disk = _drive(copy, new.steps)
    for tag in ("source", "backingStore"):
        for element in list(disk.element.findall(tag)):
            disk.element.remove(element)
    disk.type = "file"
    return copy


def _open(work: Work, drive: str) -> None:
    """Open the tray; a guest that has locked it is asked to let go, and gets some seconds for that."""
    monitor = work.monitor()
    if _row(work, drive).get("tray_open"):
        return
    monitor.execute("blockdev-open-tray", {"id": drive, "force": work.force})
    while not _row(work, drive).get("tray_open"):
        if monitor.wait_event((MOVED,), timeout=UNLOCK_TIMEOUT) is None:
            raise OperationFailed(
                f"The guest has locked the medium in the drive {drive}, and did not let go of it.",
                hint="Unmount it in the guest, or set force: true to take it out all the same.",
            )
