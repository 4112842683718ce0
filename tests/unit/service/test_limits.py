# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document lets a guest take of the host, as properties of its unit."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.limits import (
    BY_DEVICE,
    SINGLE,
    cleared,
    still_ignored,
    unit_properties,
)
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document

DEVICE = "<device><path>/dev/vda</path>{}</device>"


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        ("", []),
        ("<cputune/><memtune/><blkiotune/>", []),
        ("<cputune><shares>2048</shares></cputune>", ["CPUWeight=2048"]),
        ("<cputune><shares>262144</shares></cputune>", ["CPUWeight=10000"]),
        ("<cputune><quota>50000</quota></cputune>", ["CPUQuota=100%", "CPUQuotaPeriodSec=100000us"]),
        (
            "<cputune><period>20000</period><quota>5000</quota></cputune>",
            ["CPUQuota=50%", "CPUQuotaPeriodSec=20000us"],
        ),
        (
            "<cputune><global_period>50000</global_period><global_quota>75000</global_quota></cputune>",
            ["CPUQuota=150%", "CPUQuotaPeriodSec=50000us"],
        ),
        (
            "<cputune><quota>90000</quota><global_quota>60000</global_quota></cputune>",
            ["CPUQuota=60%", "CPUQuotaPeriodSec=100000us"],
        ),
        ("<cputune><quota>-1</quota><global_quota>0</global_quota></cputune>", []),
        ("<cputune><quota>1</quota></cputune>", ["CPUQuota=1%", "CPUQuotaPeriodSec=100000us"]),
        ("<memtune><hard_limit unit='GiB'>1</hard_limit></memtune>", ["MemoryMax=1048576K"]),
        (
            "<memtune><hard_limit>2000</hard_limit><soft_limit>1000</soft_limit>"
            "<swap_hard_limit>2500</swap_hard_limit></memtune>",
            ["MemoryHigh=1000K", "MemoryMax=2000K", "MemorySwapMax=500K"],
        ),
        ("<blkiotune><weight>800</weight></blkiotune>", ["IOWeight=800"]),
        (
            f"<blkiotune>{DEVICE.format('<weight>300</weight><read_bytes_sec>1000</read_bytes_sec>')}"
            f"{DEVICE.format('<write_iops_sec>7</write_iops_sec>')}</blkiotune>",
            ["IODeviceWeight=/dev/vda 300", "IOReadBandwidthMax=/dev/vda 1000", "IOWriteIOPSMax=/dev/vda 7"],
        ),
    ],
)
def test_properties(inside: str, wanted: list[str]) -> None:
    found = unit_properties(document(more=f"<vcpu>2</vcpu>{inside}"))
    assert [f"{name}={value}" for name, value in found] == wanted
    assert {name for name, _value in found} <= {name for name, _value in cleared()}


def test_all_is_taken_back() -> None:
    assert cleared() == [(name, "") for name in (*SINGLE, *BY_DEVICE.values())]


def test_what_no_unit_can_do_is_still_said() -> None:
    found = still_ignored(
        document(
            more="<cputune><shares>1</shares><emulator_quota>5</emulator_quota></cputune>"
            "<memtune><min_guarantee>5</min_guarantee></memtune>"
        )
    )
    assert found == {
        "domain/cputune": ["domain/cputune/emulator_quota (line 1)"],
        "domain/memtune": ["domain/memtune/min_guarantee (line 1)"],
    }
