# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose QEMU writes its memory to a file and reads it again, and notices memory that does not fit its disk."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, Mapping, Optional

from ansible_collections.corral.virt.plugins.module_utils.errors import MonitorError
from ansible_collections.corral.virt.plugins.module_utils.host.api import Read
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeProcess
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import Guest, GuestHost


class SavingHost(GuestHost):
    """``turns`` is how often a guest has run and changed its disk, which its memory knows as well.

    ``blocked`` is why QEMU refuses to write its memory, ``fault`` why that fails, ``slow`` that it takes for ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turns: Dict[str, int] = {}
        self.memory: Dict[str, Optional[int]] = {}
        self.blocked = ""
        self.fault = ""
        self.slow = False
        self.release = {"major": 9, "minor": 0, "micro": 1}
        self.migration: Dict[str, Any] = {}
        self.add_program("sync")

    def _listen(self, started: FakeProcess) -> None:
        super()._listen(started)
        assert started.command is not None
        monitor = self.monitors.get(started.command.fds[0].path)
        if monitor is not None:
            monitor.answers["query-version"] = {"qemu": self.release, "package": ""}

    def _run(self, started: FakeProcess) -> None:
        super()._run(started)
        assert started.command is not None
        guest = next(found for found in self.guests.values() if found.process is started)
        waits = "-incoming" in started.command.argv
        self.memory[guest.name] = None if waits else self.turns.get(guest.name, 0)
        self.migration = {}
        guest.monitor.answers.update(
            {
                "query-status": partial(self._status, guest),
                "getfd": {},
                "add-fd": {},
                "migrate-set-parameters": {},
                "migrate": partial(self._write, guest),
                "migrate-incoming": partial(self._read, guest),
                "query-migrate": self._migration,
                "migrate_cancel": self._cancel,
            }
        )

    def _status(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        return {"running": guest.running}

    def _resume(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        if not guest.running:
            assert self.memory[guest.name] == self.turns.get(guest.name, 0), (
                "this memory and this disk do not belong together"
            )
            self.turns[guest.name] = self.turns.get(guest.name, 0) + 1
            self.memory[guest.name] = self.turns[guest.name]
        return super()._resume(guest, given)

    def _write(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        if self.blocked:
            raise MonitorError("migrate", "GenericError", self.blocked)
        assert not guest.running
        command, told = next(row for row in reversed(guest.monitor.commands) if row[0] in ("getfd", "add-fd"))
        places = {"getfd": f"fd:{told.get('fdname')}", "add-fd": f"file:/dev/fdset/{told.get('fdset-id')}"}
        assert given["uri"] == places[command]
        self.add_file(guest.monitor.lent, str(self.memory[guest.name]).encode(), mode=0o600)
        status = {"status": "active"} if self.slow else {"status": "completed"}
        self.migration = {"status": "failed", "error-desc": self.fault} if self.fault else status
        return {}

    def _read(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        assert guest.process.command is not None
        argv, place = guest.process.command.argv, str(given["uri"])
        if place.startswith("file:/dev/fdset/"):
            begin = f"set={place.rpartition('/')[2]},fd="
            place = next(word for word in argv if word.startswith(begin))[len(begin) - len("fd=") :].split(",")[0]
        number = int(place[len("fd:") :])
        inherited = guest.process.command.fds[number - 3]
        assert isinstance(inherited, Read)
        self.memory[guest.name] = int(self.read(inherited.path) or b"-1")
        self.migration = {"status": "completed"}
        return {}

    def _migration(self, given: Mapping[str, Any]) -> Dict[str, Any]:
        return dict(self.migration)

    def _cancel(self, given: Mapping[str, Any]) -> Dict[str, Any]:
        if self.migration.get("status") == "active":
            self.migration = {"status": "cancelled"}
        return {}
