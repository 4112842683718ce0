# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests with very many disks: the work grows as their number does, and not as its square."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import XmlError
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost, document, driver_on

LETTERS = "abcdefghijklmnopqrst"


def disks(number: int, more: str = "") -> str:
    """That many disks on virtio-scsi."""
    names = [f"sd{one}{two}" for one in LETTERS for two in LETTERS][:number]
    rows = (
        f"<disk type='file' device='disk'><source file='/srv/{name}.raw'/><target dev='{name}' bus='scsi'/></disk>"
        for name in names
    )
    return f"<controller type='scsi' model='virtio-scsi'/>{''.join(rows)}{more}"


def calls_to_define(number: int) -> int:
    """How many functions are called to define a guest with so many disks."""
    driver = driver_on(GuestHost())
    driver.define_domain(document("first", disks(2), disk=""))  # what is imported and probed once
    wanted, count = document("a", disks(number), disk=""), 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        driver.define_domain(wanted)
    finally:
        sys.setprofile(before)
    return count


def test_the_work_grows_with_the_number() -> None:
    some, more = calls_to_define(50), calls_to_define(200)
    assert more < 6 * some


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "<disk type='file'><source file='/x'/><target dev='sdab' bus='scsi'/></disk>",
            "two disks with the target 'sdab'",
        ),
        (
            "<disk type='file'><source file='/x'/><target dev='sdzz' bus='scsi'/>"
            "<address type='drive' controller='0' bus='0' target='0' unit='1'/></disk>"
            "<disk type='file'><source file='/y'/><target dev='sdzy' bus='scsi'/>"
            "<address type='drive' controller='0' bus='0' target='0' unit='1'/></disk>",
            "'sdzy' and 'sdzz' have the same drive address: controller='0' bus='0' target='0' unit='1'",
        ),
    ],
)
def test_what_two_of_them_cannot_both_have(more: str, message: str) -> None:
    with pytest.raises(XmlError, match=message):
        driver_on(GuestHost()).define_domain(document("a", disks(30, more), disk=""))
