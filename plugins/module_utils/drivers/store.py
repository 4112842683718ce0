# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Persistent and live documents on disk, and the locks around them, for one kind of object.

An object is *persistent* when its document is in the configuration directory, and *live* when its status is in the
runtime directory and of this boot. Each file changes in one step, and what takes two files has one that decides:

- start: the live document, then the status (the status decides);
- end: the status, then the live document;
- undefine: the document, then its autostart link (a link without a document means nothing).

So a run that is killed between any two steps leaves the old state or the new one, and its remains are overwritten by
the next run. Reading takes no lock; whoever reads in order to write holds ``lock(name)``, and ``names_lock()`` where
a name or uuid is given to a new object. Documents are bytes here: this file knows nothing of XML.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional

from ..errors import HostError, InvalidArgument, LockBusy
from ..host.api import Host
from ..host.layout import Layout, check_name

if TYPE_CHECKING:
    from .units import Units

_DOCUMENT, _STATUS = ".xml", ".json"


class Store:
    """The documents of one kind: domain, network, pool, secret or nwfilter.

    Calls that take a name raise InvalidArgument when no object can have it, and HostError that names the file.
    """

    def __init__(self, host: Host, layout: Layout, kind: str) -> None:
        self.host = host
        self.layout = layout
        self.kind = kind
        self._prepared = False
        self._units: Optional[Units] = None

    @property
    def units(self) -> Units:
        """The units of systemd that serve these objects, where the host has ours."""
        if self._units is None:
            from .units import Units

            self._units = Units(self.host, self.layout, self.kind)
        return self._units

    # persistent

    def names(self) -> List[str]:
        """Return the sorted names of the persistent objects; what else is in the directory is passed over."""
        return self._listed(self.layout.config_dir(self.kind), _DOCUMENT)

    def config_path(self, name: str) -> str:
        """Return the path of the persistent document, for messages."""
        return self.layout.config_document(self.kind, name)

    def read_config(self, name: str) -> Optional[bytes]:
        """Return the persistent document, or None."""
        return self.host.read(self.config_path(name))

    def write_config(self, name: str, data: bytes) -> None:
        """Keep the persistent document; a new object does not start by itself."""
        self._prepare()
        path = self.config_path(name)
        link = self.layout.autostart_link(self.kind, name)
        if self.host.stat(link) and not self.host.stat(path):
            self._drop_link(name)
        self.host.write(path, data)

    def remove_config(self, name: str) -> bool:
        """Forget the persistent document and that it starts by itself; False when there was none."""
        removed = self.host.remove(self.config_path(name))
        self._drop_link(name)
        return removed

    def autostart(self, name: str) -> bool:
        """Return whether the object starts with the host: by its mark, and by its unit where the host has units."""
        return self.marked(name) and (not self.units.installed or self.units.enabled(name))

    def marked(self, name: str) -> bool:
        """Return whether a persistent object has the mark that it starts with the host."""
        link, path = self.layout.autostart_link(self.kind, name), self.config_path(name)
        return bool(self.host.stat(link) and self.host.stat(path))

    def set_autostart(self, name: str, autostart: bool) -> None:
        """Let a persistent object start with the host, or not."""
        self._prepare()
        if not autostart:
            self._drop_link(name)
            return
        self.host.symlink(self.config_path(name), self.layout.autostart_link(self.kind, name))
        self.units.enable(name, True)

    def _drop_link(self, name: str) -> None:
        """Let an object start with the host no more; the unit goes first, since it would start what has no mark."""
        link = self.layout.autostart_link(self.kind, name)
        if self.host.stat(link) is not None:
            self.units.enable(name, False)
        self.host.remove(link)

    def drop_loose_links(self) -> None:
        """Remove the autostart links that killed runs have left of objects that are gone; one in use is passed over."""
        for name in self._listed(self.layout.autostart_dir(self.kind), _DOCUMENT):
            if self.host.stat(self.config_path(name)) is None:
                with suppress(HostError, LockBusy), self.lock(name, timeout=0):
                    if self.host.stat(self.config_path(name)) is None:
                        self._drop_link(name)

    # live

    def live_names(self) -> List[str]:
        """Return the sorted names of the live objects.

        One whose status cannot be understood is among them, since it may well run: reading it raises HostError.
        """
        return [name for name in self._with_status() if self._may_live(name)]

    def is_live(self, name: str) -> bool:
        """Return whether there is a status of this boot."""
        return self.read_status(name) is not None

    def live_path(self, name: str) -> str:
        """Return the path of the live document, for messages."""
        return self.layout.live_document(self.kind, name)

    def read_live(self, name: str) -> Optional[bytes]:
        """Return the live document, or None when the object is not live."""
        return self.host.read(self.live_path(name)) if self.is_live(name) else None

    def read_status(self, name: str) -> Optional[Dict[str, Any]]:
        """Return the runtime facts of a live object: what was written, and ``boot_id``; None when it is not live."""
        path = self.layout.live_status(self.kind, name)
        status = self._read_json(path)
        return status if status and status.get("boot_id") == self.host.boot_id() else None

    def write_live(self, name: str, data: bytes, status: Optional[Mapping[str, Any]] = None) -> None:
        """Keep the live document, with a status where it is given or there is none yet.

        Both together begin a life: whoever does it over the status of an earlier one calls ``remove_live`` first.
        """
        self._prepare()
        self.host.write(self.live_path(name), data)
        if status is not None or not self.is_live(name):
            self.write_status(name, status or {})

    def write_status(self, name: str, status: Mapping[str, Any]) -> None:
        """Keep the runtime facts, plain JSON values such as id, pid, start, state, reason."""
        self._prepare()
        self._write_json(self.layout.live_status(self.kind, name), {**status, "boot_id": self.host.boot_id()})

    def remove_live(self, name: str) -> bool:
        """Forget the live document and the status; False when there was neither."""
        removed = self.host.remove(self.layout.live_status(self.kind, name))
        return self.host.remove(self.live_path(name)) or removed

    # locks and ids

    @contextmanager
    def lock(self, name: str, *, timeout: float = 30.0) -> Iterator[None]:
        """Hold the lock of one object, persistent or to be; raises LockBusy. Not reentrant.

        The file of the lock goes with the object.
        """
        with self._held(self.layout.lock(self.kind, name), name, timeout):
            yield

    @contextmanager
    def run_lock(self, name: str, *, timeout: float) -> Iterator[None]:
        """Hold off other runs from one object while several calls are made; taken before all other locks."""
        with self._held(self.layout.run_lock(self.kind, name), name, timeout):
            yield

    @contextmanager
    def names_lock(self, *, timeout: float = 30.0) -> Iterator[None]:
        """Hold the lock of all names and uuids of this kind; taken after an object's lock, never before it."""
        self._prepare()
        with self.host.lock(self.layout.names_lock(self.kind), timeout=timeout):
            yield

    def allocate_id(self) -> int:
        """Return a number that no object of this kind has had since the host was booted, from 1."""
        self._prepare()
        path = self.layout.next_id(self.kind)
        with self.host.lock(self.layout.ids_lock(self.kind)):
            allocated = self._next_id(path)
            self._write_json(path, {"boot_id": self.host.boot_id(), "next": allocated + 1})
        return allocated

    # inside

    @contextmanager
    def _held(self, path: str, name: str, timeout: float) -> Iterator[None]:
        """Hold a lock, and remove its file while it is still held when its object is no more.

        Whoever waits for it sees that the file is another one by then, and begins anew (``host.lock``).
        """
        self._prepare()
        with self.host.lock(path, timeout=timeout):
            try:
                yield
            finally:
                with suppress(HostError):
                    if not self._is_known(name):
                        self.host.remove(path)

    def _is_known(self, name: str) -> bool:
        status = self.layout.live_status(self.kind, name)
        return any(self.host.stat(path) is not None for path in (self.config_path(name), status))

    def _prepare(self) -> None:
        if not self._prepared:
            self.layout.prepare(self.host)
            self._prepared = True

    def _listed(self, directory: str, ending: str) -> List[str]:
        names = [entry[: -len(ending)] for entry in self.host.entries(directory) if entry.endswith(ending)]
        return [name for name in names if self._is_name(name)]

    def _is_name(self, name: str) -> bool:
        try:
            return bool(check_name(self.kind, name))
        except InvalidArgument:
            return False

    def _with_status(self) -> List[str]:
        return self._listed(self.layout.live_dir(self.kind), _STATUS)

    def _may_live(self, name: str) -> bool:
        try:
            return self.is_live(name)
        except HostError:
            return True

    def _read_json(self, path: str) -> Optional[Dict[str, Any]]:
        data = self.host.read(path)
        if data is None:
            return None
        try:
            found = json.loads(data.decode("utf-8"))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise HostError(f"{path} is damaged: it holds no JSON object.", hint="Remove it.", path=path)
        return found

    def _write_json(self, path: str, content: Mapping[str, Any]) -> None:
        self.host.write(path, json.dumps(content, sort_keys=True).encode("utf-8") + b"\n")

    def _next_id(self, path: str) -> int:
        try:
            known = self._read_json(path) or {}
        except HostError:
            known = {}
        if known.get("boot_id") == self.host.boot_id() and isinstance(known.get("next"), int):
            return int(known["next"])
        return 1 + max(self._live_ids(), default=0)

    def _live_ids(self) -> List[int]:
        """Return the ids that are in use, for when the file of the next one was lost."""
        ids = []
        for name in self._with_status():
            try:
                ids.append((self.read_status(name) or {}).get("id"))
            except HostError:
                continue
        return [each for each in ids if isinstance(each, int)]
