# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes that a run would have made by now: in a check, an element of a list may stand on an earlier one.

The storage driver knows what is on the host. Here it is asked through a face that also knows what a check expects to
be there; nothing else about a volume that is not there is asked.
"""

from __future__ import annotations

import posixpath
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, List, Optional

from ..drivers.api import Content, StorageDriver, Volume
from ..errors import NotFound
from ..model.storage.order import VOLUME_ORDER, order_children
from ..model.storage.parts import set_bytes
from ..model.storage.volume import Volume as VolumeView
from ..xml.parse import Element, clone
from .job import Job

# The calls that are answered here.
OWN = (
    "lookup_volume",
    "volume_xml",
    "volume_guests",
    "volume_by_path",
    "normalise_volume",
    "check_new_volume",
)


@dataclass(frozen=True)
class ExpectedVolume:
    """A volume that an earlier element of the list would make, and its complete document."""

    volume: Volume
    document: Element


def expect_volume(job: Job, pool: str, document: Element) -> None:
    """Let later elements of a list find in a check the volume that is made by this complete document."""
    if job.expected is not None:
        found = _volume(job.connection.storage, pool, document)
        job.expected[pool, found.name] = ExpectedVolume(found, document)


def expected_places(expected: Mapping[Hashable, Any]) -> frozenset[tuple[str, str]]:
    """Return the pool and name of each expected volume."""
    return frozenset((volume.pool, volume.name) for volume in _volumes_in(expected))


def _volumes_in(expected: Mapping[Hashable, Any]) -> List[Volume]:
    return [each.volume for each in tuple(expected.values()) if isinstance(each, ExpectedVolume)]


def _volume(driver: StorageDriver, pool: str, document: Element) -> Volume:
    view = VolumeView(document)
    path = posixpath.join(driver.pool_xml(pool).findtext("target/path") or "", view.name or "")
    return Volume(pool, view.name or "", key=path, path=path, format=view.given().format, capacity=view.size() or 0)


class ExpectingStorage(StorageDriver):
    """The calls about volumes that another volume is made from or stands on; all others are the driver's own."""

    def __init__(self, driver: StorageDriver, expected: Mapping[Hashable, Any]) -> None:
        self._driver, self._expected = driver, expected

    def __getattribute__(self, call: str) -> Any:
        own = call.startswith("_") or call in OWN
        return object.__getattribute__(self, call) if own else getattr(self._driver, call)

    def lookup_volume(self, pool: str, name: str) -> Volume:
        """The volume that is there, or is expected to be."""
        try:
            return self._driver.lookup_volume(pool, name)
        except NotFound:
            found = self._found(pool, name)
            if found is None:
                raise
            return found.volume

    def volume_xml(self, pool: str, name: str) -> Element:
        """Its document."""
        try:
            return self._driver.volume_xml(pool, name)
        except NotFound:
            found = self._found(pool, name)
            if found is None:
                raise
            return clone(found.document)

    def volume_guests(self, pool: str, name: str) -> List[str]:
        """The guests that have it open: none yet, where it is expected."""
        return [] if self._found(pool, name) is not None else self._driver.volume_guests(pool, name)

    def volume_by_path(self, path: str) -> Volume:
        """The same, by its path."""
        try:
            return self._driver.volume_by_path(path)
        except NotFound:
            for volume in self._volumes():
                if volume.path == path:
                    return volume
            raise

    def normalise_volume(self, pool: str, document: Element, *, content: Optional[Content] = None) -> Element:
        """The complete document; a copy is as large as what it is made from, and of that format."""
        source = self._source(content)
        if source is None:
            return self._driver.normalise_volume(pool, document, content=content)
        document = clone(document)
        view = VolumeView(document)
        if document.find("capacity") is None:
            set_bytes(view, "capacity", source.capacity)
        if view.given().format is None and source.format is not None:
            view.need_target().format = source.format
        order_children(document, VOLUME_ORDER)
        return self._driver.normalise_volume(pool, document)

    def check_new_volume(
        self,
        pool: str,
        document: Element,
        *,
        content: Optional[Content] = None,
        preallocation: Optional[str] = None,
        beside: Sequence[Element] = (),
    ) -> None:
        """Look at the contents as far as they are there, and at an image below only where it is."""
        source = self._source(content)
        if source is not None and not source.capacity:
            return  # it is fetched in a run only, and nobody knows before what it is
        if source is not None:
            document, content = self.normalise_volume(pool, document, content=content), None
        if not self._stands_on_expected(document):
            beside = (*self._made(pool), *beside)
            self._driver.check_new_volume(pool, document, content=content, preallocation=preallocation, beside=beside)

    def _made(self, pool: str) -> List[Element]:
        """The documents of the volumes that are expected in a pool, in their order."""
        found = [each for each in tuple(self._expected.values()) if isinstance(each, ExpectedVolume)]
        return [clone(each.document) for each in found if each.volume.pool == pool]

    def _source(self, content: Optional[Content]) -> Optional[Volume]:
        """The expected volume that is to be copied, None for one that is there."""
        found = None if content is None or content.volume is None else self._found(*content.volume)
        return None if found is None else found.volume

    def _stands_on_expected(self, document: Element) -> bool:
        below = VolumeView(document).backing_path()
        return any(volume.path == below for volume in self._volumes())

    def _found(self, pool: str, name: str) -> Optional[ExpectedVolume]:
        return self._expected.get((pool, name))

    def _volumes(self) -> List[Volume]:
        return _volumes_in(self._expected)
