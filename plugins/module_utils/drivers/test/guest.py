# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One guest of the <node> document: its definition, and the facts about it that are no part of the definition.

State and transience are kept where libvirt's own test driver looks for them, so that it can open our files:
``<test:runstate>`` (a number of libvirt's virDomainState; running where it is missing) and ``<test:transient/>``. The
rest stands in ``<corral:runtime id= reason= autostart= started=>``. It also holds the live <domain> of a guest
that was defined anew while it ran.
"""

from __future__ import annotations

from typing import Dict, Optional

from ...errors import XmlError
from ...model.domain.core import Domain as DomainView
from ...xml.parse import Element, parse
from ...xml.views import View
from ..api import ACTIVE_STATES, Domain
from .kept import LIBVIRT, Kept, Runtime

RUNSTATE = f"{{{LIBVIRT}}}runstate"
TRANSIENT = f"{{{LIBVIRT}}}transient"

# libvirt's virDomainState: the number of each state, and the state of each number; "no state" and "blocked" (0 and 2)
# are states that only some hypervisors tell from running.
NUMBERS = {"running": 1, "paused": 3, "in shutdown": 4, "shut off": 5, "crashed": 6, "pmsuspended": 7}
STATES = {0: "running", 2: "running", **{number: state for state, number in NUMBERS.items()}}


class Guest(Kept):
    """A lens over one <domain> of the node document; writing changes the document."""

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self.view = DomainView(element)

    @property
    def name(self) -> str:
        return self.view.name or ""

    @property
    def uuid(self) -> str:
        return self.view.uuid or ""

    @property
    def state(self) -> str:
        """libvirt's word for the state."""
        found = self.element.find(RUNSTATE)
        return "running" if found is None else STATES[int(found.text or "")]

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_STATES

    @property
    def persistent(self) -> bool:
        return self.element.find(TRANSIENT) is None

    def set_state(self, state: str, reason: str) -> None:
        """Enter a state; one that is not active ends the run and drops the live document."""
        found = self.element.find(RUNSTATE)
        if found is None:
            found = parse(f"<test:runstate xmlns:test='{LIBVIRT}'/>")
            self.element.append(found)
        found.text = str(NUMBERS[state])
        self.facts().reason = reason
        if state not in ACTIVE_STATES:
            self.end_of_run()

    def make_transient(self) -> None:
        """Forget the definition of a guest that runs: what runs is now all there is."""
        self.keep_running()
        self.element.append(parse(f"<test:transient xmlns:test='{LIBVIRT}'/>"))

    def make_persistent(self, definition: Element) -> None:
        """Take a definition; a guest that runs goes on with the document that it was started with."""
        self.redefine(definition)
        transient = self.element.find(TRANSIENT)
        if transient is not None:
            self.element.remove(transient)

    def summary(self) -> Domain:
        """The guest as a list shows it."""
        facts = self.runtime
        return Domain(
            name=self.name,
            uuid=self.uuid,
            active=self.active,
            persistent=self.persistent,
            autostart=bool(facts.autostart),
            id=facts.id if self.active else None,
            state=self.state,
            reason=facts.reason or "unknown",
            runtime=self._figures(facts),
        )

    def _figures(self, facts: Runtime) -> Dict[str, object]:
        figures: Dict[str, object] = {"memory_kib": self.view.memory, "vcpus": self.view.vcpus}
        if facts.started is not None:
            figures["started"] = float(facts.started)
        return figures

    def check_state(self, what: str) -> None:
        """Raise XmlError unless the state in the document is one of libvirt's; ``what`` names the file."""
        found = self.element.find(RUNSTATE)
        if found is not None and not _is_state(found.text):
            raise XmlError(
                f"the {what} gives the guest {self.name} the runstate {found.text!r}; it must be a number from 0 to "
                f"{max(STATES)}.",
                line=View(found).line,
            )


def _is_state(text: Optional[str]) -> bool:
    return bool(text) and str(text).isdecimal() and int(str(text)) in STATES
