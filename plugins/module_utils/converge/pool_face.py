# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A storage driver's pools under the names that all kinds of objects share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ContextManager

from ..drivers.api import Expected, Fault, StorageDriver, Summary
from ..xml.compare import Change
from ..xml.parse import Element
from .pool_effects import POOL_NATURE


class PoolFace:
    """What ``resource.face.Face`` asks for, and what only pools have."""

    nature = POOL_NATURE
    hint = "Say what it is to be: give xml, or type, target, source and the rest."

    def __init__(self, driver: StorageDriver) -> None:
        self.driver = driver

    def list(self) -> Sequence[Summary]:
        """All pools."""
        return self.driver.list_pools()

    def lookup(self, reference: str) -> Summary:
        """The pool of a name or uuid."""
        return self.driver.lookup_pool(reference)

    def xml(self, name: str, *, inactive: bool = False) -> Element:
        """The document."""
        return self.driver.pool_xml(name, inactive=inactive)

    def normalise(self, document: Element) -> Element:
        """The document as it would be kept."""
        return self.driver.normalise_pool(document)

    def check(self, document: Element, *, start: bool) -> None:
        """Raise what would keep it from being started."""
        self.driver.check_pool(document, start=start)

    def expect(self, name: str, expected: Expected) -> None:
        """Let what follows in a check reckon with it."""
        self.driver.expect_pool(name, expected)

    def ignored_parts(self, document: Element) -> Sequence[str]:
        """What of it has no effect."""
        return self.driver.ignored_pool_parts(document)

    def faults(self, name: str) -> Sequence[Fault]:
        """What an active pool lacks."""
        return self.driver.pool_faults(name)

    def check_mend(self, name: str) -> None:
        """Nothing: what keeps a pool from working shows when it is made active again."""

    def users(self, name: str) -> Sequence[str]:
        """The guests that use its volumes."""
        return self.driver.pool_guests(name)

    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs away."""
        return self.driver.exclusive(name, timeout=timeout)

    def define(self, document: Element) -> Summary:
        """Keep the document."""
        return self.driver.define_pool(document)

    def undefine(self, name: str) -> None:
        """Forget the document."""
        self.driver.undefine_pool(name)

    def create(self, document: Element) -> Summary:
        """Start a transient pool."""
        return self.driver.create_pool(document)

    def start(self, name: str) -> Summary:
        """Start the pool."""
        return self.driver.start_pool(name)

    def destroy(self, name: str) -> None:
        """Let the pool go."""
        self.driver.destroy_pool(name)

    def update(self, name: str, wanted: Element, changes: Sequence[Change]) -> None:
        """Change the pool while it is active."""
        self.driver.update_pool(name, wanted, changes)

    def mend(self, name: str) -> None:
        """Put right what is broken."""
        self.driver.mend_pool(name)

    def set_autostart(self, name: str, autostart: bool) -> None:
        """Keep whether it starts with the host."""
        self.driver.set_pool_autostart(name, autostart)

    # what only pools have

    def is_built(self, name: str) -> bool:
        """Whether what the pool lies on is there."""
        return self.driver.pool_is_built(name)

    def check_build(self, document: Element, *, overwrite: bool) -> None:
        """Raise what would keep it from being built."""
        self.driver.check_pool_build(document, overwrite=overwrite)

    def deleted_with(self, name: str) -> Sequence[str]:
        """What goes with the pool's data."""
        return self.driver.check_pool_deletion(name)

    def build(self, name: str, *, overwrite: bool) -> None:
        """Make what the pool lies on."""
        self.driver.build_pool(name, overwrite=overwrite)

    def refresh(self, name: str) -> Summary:
        """Look at the pool again."""
        return self.driver.refresh_pool(name)

    def delete(self, name: str) -> None:
        """Delete what the pool lies on."""
        self.driver.delete_pool(name)
