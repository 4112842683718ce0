# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every test run needs: the checkout answers to ansible_collections.corral.virt, and nothing else does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Before anything of the collection is imported. Inside a real ansible_collections tree (ansible-test) both are in
# place already.
if ROOT.parent.parent.name != "ansible_collections":
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT)
    os.environ.setdefault("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))


# Where modules that are run as root keep a copy of the code: not in the machine's own /var/cache.
os.environ.setdefault("CORRAL_VIRT_RUNTIME", str(ROOT / ".cache" / "runtime"))
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".cache" / "hypothesis"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the tests that need root out, and say so, when we are not root."""
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="needs root")
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(skip)
