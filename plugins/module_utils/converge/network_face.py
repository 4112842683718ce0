# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network driver under the names that all kinds of objects share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ContextManager

from ..drivers.api import Expected, Fault, NetworkDriver, Summary
from ..xml.compare import Change
from ..xml.parse import Element
from .network_effects import NETWORK_NATURE


class NetworkFace:
    """What ``resource.face.Face`` asks for. ``stays`` says that a network is taken down only to be started again."""

    nature = NETWORK_NATURE
    hint = "Say what it is to be: give xml, or forward, ips and the rest."

    def __init__(self, driver: NetworkDriver, *, stays: bool = False) -> None:
        self.driver = driver
        self.stays = stays

    def list(self) -> Sequence[Summary]:
        """All networks."""
        return self.driver.list_networks()

    def lookup(self, reference: str) -> Summary:
        """The network of a name or uuid."""
        return self.driver.lookup_network(reference)

    def xml(self, name: str, *, inactive: bool = False) -> Element:
        """The document."""
        return self.driver.network_xml(name, inactive=inactive)

    def normalise(self, document: Element) -> Element:
        """The document as it would be kept."""
        return self.driver.normalise_network(document)

    def check(self, document: Element, *, start: bool) -> None:
        """What the host has in its place."""
        self.driver.check_network(document, start=start)

    def expect(self, name: str, expected: Expected) -> None:
        """Let what follows in a check reckon with it."""
        self.driver.expect_network(name, expected)

    def ignored_parts(self, document: Element) -> Sequence[str]:
        """What of it has no effect."""
        return self.driver.ignored_network_parts(document)

    def faults(self, name: str) -> Sequence[Fault]:
        """What an active network lacks."""
        return self.driver.network_faults(name)

    def check_mend(self, name: str) -> None:
        """What cannot be put right."""
        self.driver.check_mend(name)

    def users(self, name: str) -> Sequence[str]:
        """The guests that are connected."""
        return self.driver.network_guests(name)

    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs away."""
        return self.driver.exclusive(name, timeout=timeout)

    def define(self, document: Element) -> Summary:
        """Keep the document."""
        return self.driver.define_network(document)

    def undefine(self, name: str) -> None:
        """Forget the document."""
        self.driver.undefine_network(name)

    def create(self, document: Element) -> Summary:
        """Start a transient network."""
        return self.driver.create_network(document)

    def start(self, name: str) -> Summary:
        """Start the network."""
        return self.driver.start_network(name)

    def destroy(self, name: str) -> None:
        """Take the network down."""
        self.driver.destroy_network(name, again=self.stays)

    def update(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Change the network while it is active."""
        self.driver.update_network(name, wanted, changes)

    def mend(self, name: str) -> None:
        """Put right what is broken."""
        self.driver.mend_network(name)

    def set_autostart(self, name: str, autostart: bool) -> None:
        """Keep whether it starts with the host."""
        self.driver.set_network_autostart(name, autostart)
