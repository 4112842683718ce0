# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of a libvirt source tree, by what they do to real frames: those pass that an oracle says should.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.corral.virt.tests.filters.apply import Host, guarded
from ansible_collections.corral.virt.tests.filters.proof import prove
from ansible_collections.corral.virt.tests.filters.public import PUBLIC, PUBLIC_VARIABLES

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with guarded() as made:
        yield made


@pytest.mark.parametrize("case", PUBLIC)
def test_frames_pass_as_the_filter_means(case: str, host: Host) -> None:
    prove(host, {case: PUBLIC[case]}, case, PUBLIC_VARIABLES)
