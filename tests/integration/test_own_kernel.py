# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guest that stands for this machine: it has its files, and a kernel in which nothing is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.corral.virt.tests.integration.own_kernel import run_with_own_kernel

pytestmark = [pytest.mark.guest, pytest.mark.root]

SCRIPT = """
set -e
ip link add bridge0 type bridge vlan_filtering 1
ip link add spare0 type dummy
tc qdisc add dev spare0 ingress
tc filter add dev spare0 parent ffff: protocol all matchall action police rate 1mbit burst 10k drop
nft 'add table bridge t; add chain bridge t c { type filter hook forward priority 0; };
     add rule bridge t c ct state established accept'
test -e CONTRIBUTING.md
echo "was here" >/run/task/note
touch /usr/bin/corral-was-here
exit 7
"""


def test_it_has_our_files_and_its_own_kernel_and_leaves_nothing(tmp_path: Path) -> None:
    done = run_with_own_kernel(tmp_path, SCRIPT)
    assert done.code == 7, done
    assert (tmp_path / "note").read_text() == "was here\n"
    assert not Path("/usr/bin/corral-was-here").exists()
