# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of a libvirt source tree: nft takes what we make of each of them.

Connection tracking and reject are left out of it, which a kernel may lack for bridges: with them the rules are checked
in a guest (tests/integration/test_filter_rules_own_kernel.py). CORRAL_LIBVIRT_SOURCE names the tree; else it is looked
for beside the checkout.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.transaction import transaction
from ansible_collections.corral.virt.tests.filters.softened import softened
from ansible_collections.corral.virt.tests.integration.namespaces import Namespace, namespace
from ansible_collections.corral.virt.tests.integration.test_filter_rules_own_kernel import DATA, theirs

pytestmark = pytest.mark.root

CASES = sorted(path.stem for path in DATA.glob("*.xml"))


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


@pytest.mark.parametrize("case", CASES)
def test_nft_takes_it(case: str, space: Namespace) -> None:
    [rules] = theirs(case)
    assert any(rules.chains.values())
    space.run("nft", "-c", "-f", "-", stdin=softened(transaction("t", [rules])))
