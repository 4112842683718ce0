# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the qemu driver; imported inside, since pytest reads this file before the collection can be imported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterable

import pytest

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

Golden = Callable[[str, Iterable[str]], None]


@pytest.fixture
def machine() -> GuestHost:
    """A host on which guests run."""
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

    return GuestHost()


@pytest.fixture
def driver(machine: GuestHost) -> QemuDriver:
    """The qemu driver of that host's system."""
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import driver_on

    return driver_on(machine)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare lines with golden/NAME.txt beside the test; CORRAL_REGENERATE=1 writes the file anew instead."""

    def check(name: str, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        path = Path(request.path).parent / "golden" / f"{name}.txt"
        if os.environ.get("CORRAL_REGENERATE"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
