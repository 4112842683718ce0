# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of the qemu driver about guests that are saved, and go on from there."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ...errors import CorralError, OperationFailed, OperationInvalid
from ...host.api import Process
from ..api import Domain, Saved
from .driver import QemuDriver
from .guest.presence import startable
from .guest.stop import clean_up, kill

# What a guest is that can be saved: one that is on its way somewhere else, or has crashed, cannot.
SAVABLE = ("running", "paused")
SAVED = "saved"


class SavingDriver(QemuDriver):
    """The guests of one tree of files."""

    def saved_domain(self, name: str) -> Optional[Saved]:
        if not self._is_saved(name) or self._runs(name):
            return None
        from .guest.saved import read_saved

        kept = read_saved(self.site, name)
        return None if kept is None else kept.saved

    def save_domain(self, name: str, *, timeout: float, resume: bool = False) -> Domain:
        from .guest.saved import save

        with self._locked(name):
            found = self._describe(name)
            if found.state not in SAVABLE:
                raise OperationInvalid(f"Guest {name} is {found.state}, and cannot be saved.")
            save(self.site, name, timeout=timeout, resume=resume)
        return self._describe(name)

    def forget_saved(self, name: str) -> None:
        from .guest.saved import forget_saved

        with self._locked(name):
            forget_saved(self.site, name)

    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        if not self._is_saved(name):
            return super().start_domain(name, paused=paused)
        with self._locked(name):
            startable(self.site, name)
            self._restore(name, paused=paused)
            self._reach(name, "paused" if paused else "running")
        return self._describe(name)

    def resume_domain(self, name: str) -> None:
        if self._is_saved(name):  # of a run that was killed before it could end the guest
            self.forget_saved(name)
        super().resume_domain(name)

    def _restore(self, name: str, *, paused: bool) -> None:
        """Let a saved guest go on; the caller holds its lock. Where that fails it stays saved."""
        from .guest.launch import check_room, prepare, start
        from .guest.saved import let_go_on, not_restored, read_saved, saved_document

        path = self.layout().saved_state(name)
        kept = read_saved(self.site, name)
        if kept is None:
            raise OperationInvalid(f"Guest {name} is not saved any more.")
        plan = prepare(self.site, name, saved_document(kept, path), saved=path)
        check_room(self.site, plan)
        try:
            start(self.site, plan, paused=True)
        except OperationFailed as error:
            raise not_restored(name, error) from error
        try:
            let_go_on(self.site, name, paused=paused)
        except CorralError:
            status = self._status(name)
            kill(self.host, Process(status.pid, status.start))
            clean_up(self.site, name, status, reason=SAVED)
            raise

    def _is_saved(self, name: str) -> bool:
        return self.host.stat(self.layout().saved_facts(name)) is not None

    def _describe(self, name: str) -> Domain:
        found = super()._describe(name)
        return found if found.active or not self._is_saved(name) else replace(found, reason=SAVED)
