# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Completing documents: the same input gives the same output, and the output is left as it is."""

from __future__ import annotations

from typing import List, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.drivers.test.normalise import normalise
from ansible_collections.corral.virt.plugins.module_utils.values import derived_uuid
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

PLAIN = "<domain><name>a</name><memory>1024</memory>{}</domain>"


def complete(text: str, existing: Optional[Element] = None) -> Element:
    return normalise(parse(text), existing, seed="lab")


def macs(document: Element) -> List[str]:
    return [str(mac.get("address")) for mac in document.findall("devices/interface/mac")]


def nics(*given: str) -> str:
    inner = "".join(f"<interface>{f'<mac address={mac!r}/>' if mac else ''}</interface>" for mac in given)
    return PLAIN.format(f"<devices>{inner}</devices>")


def test_the_whole_of_a_small_document() -> None:
    assert to_text(complete("<domain type='kvm' id='5'><memory unit='b'>1025</memory><name> a </name></domain>")) == (
        '<domain type="test">\n'
        "  <name>a</name>\n"
        f"  <uuid>{derived_uuid('domain', 'lab', 'a')}</uuid>\n"
        '  <memory unit="KiB">2</memory>\n'
        '  <currentMemory unit="KiB">2</currentMemory>\n'
        '  <vcpu placement="static">1</vcpu>\n'
        "  <os>\n"
        "    <type>hvm</type>\n"
        "  </os>\n"
        '  <clock offset="utc"/>\n'
        "  <on_poweroff>destroy</on_poweroff>\n"
        "  <on_reboot>restart</on_reboot>\n"
        "  <on_crash>destroy</on_crash>\n"
        "  <devices/>\n"
        "</domain>\n"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<memory unit='GiB'>2</memory>", ("2097152", "2097152")),
        ("<memory>2048</memory><currentMemory unit='MiB'>1</currentMemory>", ("2048", "1024")),
        ("<memory>2048</memory><currentMemory unit='MiB'>3</currentMemory>", ("2048", "2048")),
        ("<cpu><numa><cell memory='1' unit='MiB'/><cell memory='512'/></numa></cpu>", ("1536", "1536")),
    ],
)
def test_memory_is_in_kib_and_the_current_one_is_no_more(given: str, expected: object) -> None:
    done = complete(f"<domain><name>a</name>{given}</domain>")
    assert (done.findtext("memory"), done.findtext("currentMemory")) == expected


def test_macs_that_are_missing_are_derived_and_differ() -> None:
    first, second = macs(complete(nics("", "")))
    assert first != second
    assert [first, second] == macs(complete(nics("", "")))
    assert all(mac.startswith("52:54:00:") for mac in (first, second))


def test_macs_are_kept_from_what_exists() -> None:
    existing = complete(nics("52:54:00:00:00:01", "52:54:00:00:00:02"))
    assert macs(complete(nics("", ""), existing)) == ["52:54:00:00:00:01", "52:54:00:00:00:02"]


def test_a_kept_mac_never_comes_twice() -> None:
    existing = complete(nics("52:54:00:00:00:01"))
    found = macs(complete(nics("", "52:54:00:00:00:01"), existing))
    assert found[1] == "52:54:00:00:00:01"
    assert found[0] != found[1]


def test_a_derived_mac_that_is_taken_gives_way() -> None:
    derived = macs(complete(nics("")))[0]
    found = macs(complete(nics("", derived)))
    assert len(set(found)) == 2


def test_macs_and_uuids_are_written_in_one_form() -> None:
    uuid = "<uuid>4DEA22B31D52D8F32516782E98AB3FA0</uuid>"
    done = complete(nics("52-54-0-AB-CD-1").replace("<memory>", f"{uuid}<memory>"))
    assert macs(done) == ["52:54:00:ab:cd:01"]
    assert done.findtext("uuid") == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def test_what_nobody_knows_is_kept() -> None:
    done = complete(PLAIN.format("<q:x xmlns:q='urn:q' a='1'><y>  z </y></q:x><metadata><n/></metadata>"))
    text = to_text(done)
    assert '<q:x xmlns:q="urn:q" a="1">' in text
    assert "<y>  z </y>" in text


# A busy machine is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PARTS = st.lists(
    st.sampled_from(
        [
            "<vcpu>3</vcpu>",
            "<currentMemory>512</currentMemory>",
            "<description>x</description>",
            "<on_crash>preserve</on_crash>",
            "<clock offset='localtime'/>",
            "<os><type arch='x86_64'>hvm</type><boot dev='cdrom'/></os>",
            "<devices><interface type='user'/><disk/><interface><mac address='52:54:00:0:0:1'/></interface></devices>",
            "<features><acpi/></features>",
        ]
    ),
    unique=True,
)


@PATIENT
@given(PARTS)
def test_completing_what_is_complete_changes_nothing(parts: List[str]) -> None:
    once = complete(PLAIN.format("".join(parts)))
    assert to_text(normalise(once, once, seed="lab")) == to_text(normalise(once, None, seed="other")) == to_text(once)
