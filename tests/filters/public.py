# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of libvirt's own tests, where there is a source tree of it; elsewhere there are none.

CORRAL_LIBVIRT_SOURCE names the tree; else it is looked for beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
DATA = SOURCE / "tests" / "nwfilterxml2firewalldata"
# The variables that libvirt's test gives to its filters.
PUBLIC_VARIABLES = {
    "A": ["1.1.1.1", "2.2.2.2", "3.3.3.3", "3.3.3.3"],
    "B": ["80", "90", "80", "80"],
    "C": ["1080", "1090", "1100", "1110"],
    "IPSETNAME": ["tck_test"],
}


def _text_of(path: Path) -> str:
    """A filter named as its file, and with senders that are no groups: no bridge forwards what these send."""
    root = etree.fromstring(path.read_text().replace("'1:2:3:4:5:6'", "'2:2:3:4:5:6'"))
    root.set("name", path.stem)
    for uuid in root.findall("uuid"):
        root.remove(uuid)
    return str(etree.tostring(root, encoding="unicode"))


# What refers to other filters than its own has no meaning by itself.
PUBLIC = {path.stem: _text_of(path) for path in sorted(DATA.glob("*.xml")) if "filterref" not in path.read_text()}
