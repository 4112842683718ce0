# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that a disk's document names, for the checks: nothing is numbered or looked up yet."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional

from ....errors import XmlError
from ....model.domain.disk import Disk
from ....model.domain.storage import Auth, DataStore, Encryption, Source


class Layer(NamedTuple):
    """One image as the document says it."""

    type: str
    format: str
    source: Source
    auth: Optional[Auth]
    encryption: Optional[Encryption]
    read_only: bool
    cache_size: Optional[int]


def layers(disk: Disk) -> Iterator[Layer]:
    """The images that the document names, from the top down, data files after their image."""
    source = disk.source
    if source is not None and not disk.is_empty():
        type_ = disk.type or "file"
        yield Layer(
            type_, disk.format or "", source, disk.secret_bearer(), disk.encrypted(), disk.read_only, disk.cache_size
        )
        yield from _data(source.data_store, disk.read_only)
    store = disk.backing
    while store is not None and store.type is not None:
        if not store.format or store.source is None:
            raise XmlError("a <backingStore> has a <format> and a <source>, or nothing at all.", line=store.line)
        own = store.source
        yield Layer(store.type, store.format, own, own.auth, own.encryption, True, store.cache_size)
        yield from _data(own.data_store, True)
        store = store.backing


def _data(store: Optional[DataStore], read_only: bool) -> Iterator[Layer]:
    if store is None:
        return
    if store.source is None or store.format != "raw":
        raise XmlError("a <dataStore> has <format type='raw'/> and a <source>.", line=store.line)
    yield Layer(store.type or "file", "raw", store.source, store.source.auth, store.source.encryption, read_only, None)
