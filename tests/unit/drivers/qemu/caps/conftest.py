# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the small QEMU; imported inside, since pytest reads this file before the collection can be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import SmallHost


@pytest.fixture
def host() -> SmallHost:
    """A host with the small QEMU and without /dev/kvm."""
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import SmallHost

    return SmallHost()


@pytest.fixture
def small_recording() -> str:
    """The small QEMU's answers under KVM and under TCG."""
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import recorded

    return recorded("kvm", "tcg")


@pytest.fixture
def tcg_recording() -> str:
    """The small QEMU's answers under TCG only."""
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import recorded

    return recorded("tcg")
