# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Golden documents: documents/NAME.xml as a user writes it, and beside it what is stored and what dnsmasq is told.

After a change that is meant, CORRAL_REGENERATE=1 writes the expectations anew; look at the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.dnsmasq.conf import DnsmasqPaths, files
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.ignored import ignored_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Surroundings
from ansible_collections.corral.virt.plugins.module_utils.model.network.core import Network
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

FOLDER = Path(__file__).parent / "documents"
CASES = sorted(path.stem for path in FOLDER.glob("*.xml") if not path.stem.endswith(".stored"))
PATHS = DnsmasqPaths("/state/hosts", "/state/addnhosts", "/state/leases")
IGNORED = {"full": ["network/bridge/@zone", "network/domain/@register"]}


def stored(case: str) -> Element:
    document = parse((FOLDER / f"{case}.xml").read_text(encoding="utf-8"))
    return complete(document, Surroundings(), (), kept=None, host_id="host")


def agree(text: str, path: Path) -> None:
    """Compare a text with a file; a text without lines has no file."""
    if os.environ.get("CORRAL_REGENERATE"):
        path.unlink(missing_ok=True)
        if text:
            path.write_text(text, encoding="utf-8")
    assert text == (path.read_text(encoding="utf-8") if path.exists() else "")


@pytest.mark.parametrize("case", CASES)
def test_what_is_stored(case: str) -> None:
    agree(to_text(stored(case)), FOLDER / f"{case}.stored.xml")


@pytest.mark.parametrize("case", CASES)
def test_what_dnsmasq_is_told(case: str) -> None:
    found = files(Network(stored(case)), PATHS)
    for name in ("conf", "hosts", "addnhosts"):
        agree("" if found is None else getattr(found, name), FOLDER / f"{case}.{name}")


@pytest.mark.parametrize("case", CASES)
def test_completing_it_again_changes_nothing(case: str) -> None:
    first = stored(case)
    for kept in (None, first):
        again = complete(first, Surroundings(), (), kept=kept, host_id="host")
        assert to_text(again) == to_text(first)


@pytest.mark.parametrize("case", CASES)
def test_everything_is_read_but_what_is_told(case: str) -> None:
    told = [part.partition(" ")[0] for part in ignored_parts(stored(case))]
    assert told == IGNORED.get(case, [])
