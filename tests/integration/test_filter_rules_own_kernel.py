# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters below a kernel that tracks connections on bridges and answers there: all that we make is taken as it is.

The rules are those of a libvirt source tree where there is one, of filters at random, and the golden texts that need
such a kernel. Each text is applied twice, listed, and replaced by the next one; one boot does for all.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ansible_collections.corral.virt.plugins.module_utils.drivers.contracts.nwfilter import FilterPort
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.expand import Known
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.ruleset import port_rules
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.compile.transaction import (
    PortRules,
    expected,
    found,
    traces,
    transaction,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.integration.own_kernel import ROOT, run_with_own_kernel
from ansible_collections.corral.virt.tests.integration.test_filter_fuzz import LEARNING, compiled, documents
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.small_filters import filters
from ansible_collections.corral.virt.tests.unit.drivers.nwfilter.test_filter_ruleset import CASES

pytestmark = [pytest.mark.guest, pytest.mark.root]

SOURCE = Path(os.environ.get("CORRAL_LIBVIRT_SOURCE") or ROOT.parent / "shared" / "conformance" / "libvirt-11.3")
DATA = SOURCE / "tests" / "nwfilterxml2firewalldata"
# What libvirt's test gives to its filters.
PARAMETERS = (
    *(("A", value) for value in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "3.3.3.3")),
    *(("B", value) for value in ("80", "90", "80", "80")),
    *(("C", value) for value in ("1080", "1090", "1100", "1110")),
    ("IPSETNAME", "tck_test"),
)
KNOWN = Known(ipsets={"tck_test": "create tck_test hash:net family inet\nadd tck_test 192.0.2.0/24\n"})
AT_RANDOM = 120
NEEDING = ("nested", "reject", "counted")
SCRIPT = """
for text in /run/task/*.nft; do
  name=${text%.nft}
  { nft -f "$text" && nft -f "$text" && nft -j list table bridge t >"$name.json"; } 2>"$name.said"
done
nft delete table bridge t
"""


def theirs(case: str = "*") -> list[PortRules]:
    """What the filters of libvirt's tests come to, or one of them, each for an interface of its own."""
    made = []
    for number, path in enumerate(sorted(DATA.glob(f"{case}.xml"))):
        text = path.read_text(encoding="utf-8")
        name, mac = parse(text).get("name") or "", f"52:54:00:00:02:{number:02x}"
        made.append(port_rules(FilterPort(f"tap{number}", mac, path.stem, name, PARAMETERS), filters(text), KNOWN))
    return made


def at_random() -> list[PortRules]:
    """What some filters come to, the same ones each time."""
    made: list[PortRules] = []

    @settings(
        max_examples=AT_RANDOM,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(document=documents(), learning=LEARNING)
    def make(document: str, learning: tuple[tuple[str, str], ...]) -> None:
        rules = compiled(document, len(made), learning)
        if isinstance(rules, PortRules):
            made.append(rules)

    make()
    return made


def test_all_rules_are_taken_as_they_are(tmp_path: Path) -> None:
    cases = {"many": [*theirs(), *at_random()], **{name: CASES[name]() for name in NEEDING}}
    before: list[PortRules] = []
    for number, (name, rules) in enumerate(cases.items()):
        text = transaction("t", rules, [traces(each) for each in before])
        (tmp_path / f"{number}-{name}.nft").write_text(text, encoding="utf-8")
        before = rules
    done = run_with_own_kernel(tmp_path, SCRIPT)
    assert done.code == 0, done
    assert not {path.stem: said for path in tmp_path.glob("*.said") if (said := path.read_text())}
    for number, (name, rules) in enumerate(cases.items()):
        here = found(json.loads((tmp_path / f"{number}-{name}.json").read_text()))
        meant = expected(rules)
        assert {key: here.chains.get(key) for key in meant.chains} == meant.chains, name
        assert {key: here.maps.get(key) for key in meant.maps} == meant.maps, name
        assert set(here.sets) == set(meant.sets), name
