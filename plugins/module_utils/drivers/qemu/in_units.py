# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The qemu driver on a host where systemd may have our units: there a guest lives in its unit.

A guest is started by its unit, from wherever that is asked for. It is ended directly; its unit notices, and whoever
ended the guest waits for it. Where the host has no units everything is as it is in ``driver``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Iterator, List, Sequence

from ...host.layout import check_name
from ...model.domain.core import Domain as DomainView
from ...xml.parse import Element
from ...xml.write import to_text
from ..api import Domain
from .guest.policy import DESTROY, after_end, restarts
from .guest.presence import check_new, startable
from .guest.stop import reconcile
from .saving import SavingDriver

OFF = "shut off"
# Seconds that a guest which starts again by itself may take for that.
RESTART_TIMEOUT = 60.0


class UnitDriver(SavingDriver):
    """The guests of the system's tree."""

    def ignored_parts(self, document: Element) -> List[str]:
        parts = super().ignored_parts(document)
        if not parts or not self.store.units.installed:
            return parts
        from .guest.limits import still_ignored

        rest = still_ignored(document)
        return [each for part in parts for each in rest.get(part.partition(" (line")[0], [part])]

    @contextmanager
    def exclusive(self, name: str, *, timeout: float) -> Iterator[None]:
        with super().exclusive(name, timeout=timeout):
            self._await_restart(name)
            yield

    def create_domain(self, document: Element, *, paused: bool = False) -> Domain:
        name = check_name("domain", DomainView(document).name or "")
        if not self.store.units.serves(name):
            self._limit(name, document)
            return super().create_domain(document, paused=paused)
        with self.store.lock(name):
            reconcile(self.site, name)
            check_new(self.site, name)
        self.store.units.start(name, lambda: self._runs(name), paused=paused, document=to_text(document))
        return self._describe(name)

    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        document = self.site.require(name)
        if not self.store.units.serves(name):
            self._limit(name, document)
            return super().start_domain(name, paused=paused)
        with self._locked(name):
            startable(self.site, name)
        self.store.units.start(name, lambda: self._runs(name), paused=paused)
        return self._describe(name)

    def shutdown_domain(self, name: str, *, again: bool = False) -> None:
        self._leave(name)
        super().shutdown_domain(name, again=again)

    def destroy_domain(self, name: str) -> None:
        super().destroy_domain(name)
        self.store.units.settle(name)

    def wait_domain(self, name: str, states: Sequence[str], *, timeout: float) -> Domain:
        off = OFF in states and not self.site.read_only
        if off:
            self._leave(name)
        found = super().wait_domain(name, states, timeout=timeout)
        if off and not found.active:
            self.store.units.settle(name)
        return found

    def settle_domain(self, name: str) -> str:
        with self.store.lock(name):
            reconcile(self.site, name)
            document, status = self.site.persistent(name), self.site.status(name)
            if document is None or status is None or not status.clean:
                return DESTROY
            self.store.write_status(name, replace(status, leaving=True).to_plain())  # an end is answered once
            return after_end(DomainView(document), status)

    def _await_restart(self, name: str) -> None:
        """A guest that is about to be started again by its unit is not off: whoever wants to know waits for that."""
        if not self.store.units.serves(name) or self._runs(name):
            return
        document, status = self.site.persistent(name), self.site.status(name)
        if document is not None and status is not None and restarts(DomainView(document)):
            self.store.units.await_rest(name, lambda: self._runs(name), timeout=RESTART_TIMEOUT)

    def _leave(self, name: str) -> None:
        """Write down that the guest is to end, so that its unit does not start it again."""
        if not self.store.units.installed:
            return
        with self.store.lock(name):
            status = self.site.status(name)
            if status is not None and status.ended is None and not status.leaving:
                self.store.write_status(name, replace(status, leaving=True).to_plain())

    def _limit(self, name: str, document: Element) -> None:
        """In the guest's own unit: let systemd hold it to what the document allows it, and to nothing else."""
        units = self.store.units
        if not units.installed:
            return
        from .guest.limits import cleared, unit_properties

        wanted = unit_properties(document)
        if wanted or units.has_properties(name):
            units.set_properties(name, [*cleared(), *wanted])
