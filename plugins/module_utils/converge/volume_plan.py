# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a volume: what has to be done so that it is as wanted. A pure function, its result a value.

Check mode returns the plan, a real run returns the same plan and does it. Nothing that is in a volume is ever lost
without a word for it: ``force`` to make it anew, ``shrink`` to cut it off, or a state that says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..drivers.api import Volume
from ..errors import InvalidArgument, NotFound, OperationInvalid
from ..model.storage.identity import VOLUME
from ..model.storage.volume import Volume as VolumeView
from ..xml.canonical import without
from ..xml.compare import Change, compare
from ..xml.parse import Element, clone
from .resource.effects import RECREATE, effect_in
from .resource.values import Plan, Step
from .volume_effects import SECRET, STAYS, VOLUME_EFFECTS, comparable
from .volume_options.content import is_same
from .volume_spec import ABSENT, WIPED, VolumeWanted

HINT = "Say what it is to be: give xml, or capacity, image or backing."


@dataclass(frozen=True)
class VolumeNow:
    """A volume as it is: the driver's value, its document, and the active guests that have it open."""

    volume: Volume
    document: Element
    users: tuple[str, ...] = ()


def make_volume_plan(now: Optional[VolumeNow], document: Optional[Element], wanted: VolumeWanted) -> Plan:
    """Return what leads from ``now`` (None: there is none) to what is wanted.

    ``document`` is the completed one, None where only a name is given. Raises NotFound, InvalidArgument for what cannot
    be changed, and OperationInvalid for what a guest has open.
    """
    if wanted.state == ABSENT:
        return Plan() if now is None else _removal(now, wanted)
    if now is None and document is None:
        raise NotFound(f"There is no volume named {wanted.name} in pool {wanted.pool}.", hint=HINT)
    steps = (_making(wanted),) if now is None else _changing(now, document, wanted)
    made = {step.action for step in steps} & {"create"}
    if wanted.state == WIPED and not made:
        _refuse_use(now, "wiped")
        steps = (*steps, Step("wipe", wanted.name, detail=(str(wanted.wipe),)))
    if wanted.upload_from:
        _refuse_use(now, "replaced")
        steps = (*steps, Step("upload", wanted.name, detail=(f"from {wanted.upload_from}",)))
    if wanted.download_to:
        _refuse_use(now, "downloaded")
        steps = (*steps, Step("download", wanted.name, detail=(f"to {wanted.download_to}",)))
    return Plan(steps=steps, state="present", document=document)


def settled(now: VolumeNow, document: Element, wanted: VolumeWanted) -> Element:
    """Return the wanted document with what a made one does not speak of as it is now."""
    copy = clone(document)
    if wanted.whole:
        return copy
    for path in STAYS:
        holder, _slash, _tag = path.rpartition("/")
        parent, there = (copy.find(holder) if holder else copy), now.document.find(path)
        if copy.find(path) is None and parent is not None and there is not None:
            parent.append(clone(there))
    return copy


def differing(now: VolumeNow, document: Element, wanted: VolumeWanted) -> tuple[Change, ...]:
    """Return what a volume has otherwise than it is wanted."""
    before, after = comparable(now.document), comparable(settled(now, document, wanted))
    if before.find(SECRET) is None:
        after = without(after, (SECRET,))  # nobody knows which one it is
    return compare(before, after, VOLUME)


def has_other_contents(now: VolumeNow, wanted: VolumeWanted) -> bool:
    """Whether it is known to have been made from another image than the one that is wanted."""
    had = now.volume.origin
    return wanted.image is not None and had is not None and not is_same(had, wanted.image.origin)


def _removal(now: VolumeNow, wanted: VolumeWanted) -> Plan:
    _refuse_use(now, "absent")
    wipe = (Step("wipe", wanted.name, detail=(wanted.wipe,)),) if wanted.wipe else ()
    return Plan(steps=(*wipe, Step("delete", wanted.name)))


def _making(wanted: VolumeWanted, effect: str = "live") -> Step:
    detail: tuple[str, ...] = ()
    if wanted.image is not None:
        detail = (f"a copy of {wanted.image.place}",)
    elif wanted.backing is not None:
        detail = (f"a layer above {wanted.backing.place}",)
    return Step("create", wanted.name, effect, detail)


def _changing(now: VolumeNow, document: Optional[Element], wanted: VolumeWanted) -> tuple[Step, ...]:
    if document is None:
        return ()
    changes = differing(now, document, wanted)
    anew = tuple(change for change in changes if effect_in(VOLUME_EFFECTS, change, active=False) == RECREATE)
    other = has_other_contents(now, wanted)
    if anew or other:
        return _made_anew(now, anew, document, wanted)
    steps: list[Step] = []
    capacity = next((change for change in changes if change.place == "capacity"), None)
    if capacity is not None:
        _check_shrinking(now, VolumeView(document).size() or 0, wanted)
        steps.append(Step("resize", wanted.name, detail=(str(capacity),)))
    rest = tuple(str(change) for change in changes if change is not capacity)
    if rest:
        steps.append(Step("update", wanted.name, detail=rest))
    return tuple(steps)


def _made_anew(now: VolumeNow, anew: tuple[Change, ...], document: Element, wanted: VolumeWanted) -> tuple[Step, ...]:
    """What cannot be changed takes another volume, and the word that the old one may go."""
    if not wanted.force:
        what = _difference(now, anew, document, wanted)
        raise InvalidArgument(
            f"The volume {wanted.name} of pool {wanted.pool} {what}.",
            hint="Leave it as it is, give the volume another name, or set force: true to make it anew and lose what is"
            " in it.",
        )
    _refuse_use(now, "made anew")
    reasons = tuple(str(change) for change in anew)
    if has_other_contents(now, wanted):
        reasons += (f"it was made from {now.volume.origin}",)
    return Step("delete", wanted.name, RECREATE, reasons), _making(wanted, RECREATE)


def _difference(now: VolumeNow, anew: tuple[Change, ...], document: Element, wanted: VolumeWanted) -> str:
    if not anew:
        asked = "" if wanted.image is None else wanted.image.origin
        return f"was made from {now.volume.origin}, and its contents cannot become those of {asked}"
    if any(change.place.startswith(SECRET) for change in anew):
        return _secrets(now, document)
    change = anew[0]
    name = NAMES.get(change.place.rpartition("/@")[0] or change.place, change.place)
    if change.before is None:
        return f"was made without {name}, and cannot get {change.after}"
    if change.after is None:
        return f"has the {name} {change.before}, and cannot lose it"
    return f"has the {name} {change.before}, and cannot get {change.after}"


def _secrets(now: VolumeNow, document: Element) -> str:
    had, asked = (_secret(each) for each in (now.document, document))
    return f"was made with the secret {had}, and cannot be opened by {asked}"


def _secret(document: Element) -> str:
    use = document.find(SECRET)
    return "none" if use is None else f"{use.get('uuid') or use.get('usage')}"


# What the options call the places of a document.
NAMES = {
    "target/format": "format",
    "backingStore": "backing",
    "backingStore/path": "backing",
    "backingStore/format": "backing.format",
    "target/encryption": "encryption",
    "target/compat": "compat",
    "target/clusterSize": "cluster_size",
    "target/features": "features",
    "target/features/lazy_refcounts": "lazy_refcounts",
    "target/features/extended_l2": "extended_l2",
}


def _check_shrinking(now: VolumeNow, size: int, wanted: VolumeWanted) -> None:
    if size >= now.volume.capacity:
        return
    if not wanted.shrink:
        raise InvalidArgument(
            f"The volume {wanted.name} of pool {wanted.pool} has {now.volume.capacity} bytes, and with {size} what is"
            " beyond would be cut off.",
            hint="Shrink the file systems in it first, then set shrink: true.",
        )
    _refuse_use(now, "made smaller")


def _refuse_use(now: Optional[VolumeNow], what: str) -> None:
    if now is None or not now.users:
        return
    one = len(now.users) == 1
    raise OperationInvalid(
        f"The volume {now.volume.name} of pool {now.volume.pool} is open in the guest{'' if one else 's'}"
        f" {', '.join(now.users)}, and cannot be {what}.",
        hint=f"Stop {'it' if one else 'them'} first.",
        guests=list(now.users),
    )
