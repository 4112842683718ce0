# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dnsmasq writes down about the addresses that it gave out."""

from __future__ import annotations

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Lease
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.live.leases import read_leases
from ansible_collections.corral.virt.plugins.module_utils.model.network.addresses import mac_of_duid

DUID = "00:01:00:01:2e:4f:aa:bb:52:54:00:00:00:01"
FILE = f"""\
1700003600 52:54:00:aa:bb:01 192.0.2.11 one 01:52:54:00:aa:bb:01
1700000001 52:54:00:AA:bb:02 192.0.2.12 * *
1699999999 52:54:00:aa:bb:03 192.0.2.13 late *
0 06-52:54:00:aa:bb:04 192.0.2.14 ever *
half a line
duid 00:01:00:01:2e:4f:00:00:52:54:00:99:99:99
1700003700 1234567 2001:db8::11 one {DUID}
1700003800 T1234567 2001:db8::12 * 00:04:01:02
"""


def test_what_has_expired_is_left_out_and_the_latest_is_first() -> None:
    found = read_leases("n", FILE, 1_700_000_000.0)
    assert [lease.address for lease in found] == [
        "192.0.2.14",
        "2001:db8::12",
        "2001:db8::11",
        "192.0.2.11",
        "192.0.2.12",
    ]
    assert found[0] == Lease("n", "52:54:00:aa:bb:04", "192.0.2.14", "ever", None, None)
    assert found[1] == Lease("n", "", "2001:db8::12", None, "00:04:01:02", 1_700_003_800.0)
    assert found[2] == Lease("n", "52:54:00:00:00:01", "2001:db8::11", "one", DUID, 1_700_003_700.0)
    assert found[4].mac == "52:54:00:aa:bb:02"


def test_nothing_is_read_from_an_empty_file() -> None:
    assert read_leases("n", "", 0.0) == []
    assert read_leases("n", "duid 00:01\n", 0.0) == []


def test_the_mac_in_a_duid() -> None:
    assert mac_of_duid("00:03:00:01:52:54:00:00:00:02") == "52:54:00:00:00:02"
    assert mac_of_duid("00:02:00:00:ab:11:01") == ""
