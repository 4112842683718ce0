# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at all objects of a kind: one that cannot be looked at hides no other, and is named with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, Optional, Protocol, TypeVar

from ..errors import CorralError, sentence
from .job import MOST_WARNINGS, Job


class Looked(Protocol):
    """What a driver lists (``drivers.listing``)."""

    @property
    def name(self) -> str: ...

    @property
    def error(self) -> Optional[CorralError]: ...


T = TypeVar("T", bound=Looked)
# What says of an object how it is, None for one that has gone while we looked.
Show = Callable[[T], Optional["dict[str, Any]"]]


class Unreadable(list["dict[str, Any]"]):
    """The objects of one kind that are there and cannot be looked at: rows of ``name``, ``error`` and ``hint``."""

    def __init__(self, job: Job, word: str) -> None:
        super().__init__()
        self._job = job
        self._word = word

    def add(self, name: str, error: CorralError) -> None:
        """Name one, also in a warning; many are not named one by one there."""
        self.append({"name": name, "error": error.message, "hint": error.hint})
        if len(self) <= MOST_WARNINGS:
            said = f"{sentence(error.message)} {error.hint or ''}".strip()
            self._job.warn(f"{self._word} {name} is left out, since it cannot be looked at: {said}")
        elif len(self) == MOST_WARNINGS + 1:
            self._job.warn("There are more like that, all of which are in the result under unreadable.")

    def shown(self, objects: Iterable[T], show: Show[T]) -> list[dict[str, Any]]:
        """What ``show`` says of those that can be looked at."""
        found = (self._shown(each, show) for each in objects)
        return [facts for facts in found if facts is not None]

    def _shown(self, each: T, show: Show[T]) -> Optional[dict[str, Any]]:
        try:
            if each.error is not None:
                raise each.error
            return show(each)
        except CorralError as error:
            self.add(each.name, error)
        return None
