# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links that take what some kernels lack: VLAN tags told apart by a bridge, and limits of what guests send."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.corral.virt.tests.integration.own_kernel import run_with_own_kernel

pytestmark = [pytest.mark.guest, pytest.mark.root]

PORTS = {5: 42, 6: 42, 7: 43}  # the number of a guest, and the VLAN that it is in

PROGRAM = f"""
import json, os, socket, subprocess
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.bandwidth import Bandwidth, Rate, limit_lines
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.batch import apply
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.bridge import Address, Bridge, bring_up
from ansible_collections.corral.virt.plugins.module_utils.drivers.links.port import Port, Vlan, attach_lines
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import look
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

host = LocalHost()
addresses = (Address("10.77.1.1", 24),)
bridge = Bridge("virbr0", mac="52:54:00:00:00:01", stp=False, addresses=addresses, vlan_filtering=True)
bring_up(host, bridge, look(host))


def sh(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


for number, tag in {PORTS!r}.items():
    sh("ip", "netns", "add", f"g{{number}}")
    mac = f"52:54:00:00:01:{{number:02x}}"
    sh("ip", "link", "add", f"vnet{{number}}", "type", "veth", "peer", "name", "eth0", "netns", f"g{{number}}")
    inside = ("ip", "-n", f"g{{number}}")
    sh(*inside, "link", "set", "eth0", "address", mac, "up")
    sh(*inside, "address", "add", f"10.77.1.{{number}}/24", "dev", "eth0")
    apply(host, attach_lines([Port(f"vnet{{number}}", "virbr0", mac, vlan=Vlan((tag,)))], look(host)))


def meets(one, other, tries=1):
    knock = "import socket, sys; s = socket.socket(); s.settimeout(5); sys.exit(s.connect_ex((sys.argv[1], 9)) != 111)"
    words = ["ip", "netns", "exec", f"g{{one}}", "python3", "-c", knock, f"10.77.1.{{other}}"]
    return any(subprocess.run(words).returncode == 0 for _try in range(tries))


apply(host, limit_lines("vnet5", Bandwidth(None, Rate(100))))
found = {{
    "same": meets(5, 6, tries=5),
    "other": meets(5, 7),
    "tags": sh("bridge", "-j", "vlan", "show", "dev", "vnet5"),
    "police": sh("tc", "filter", "show", "dev", "vnet5", "ingress") + sh("tc", "qdisc", "show", "dev", "vnet5"),
}}
open("/run/task/found", "w").write(json.dumps(found))
"""


def test_vlans_are_told_apart_and_guests_are_limited(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run_with_own_kernel(tmp_path, "PYTHONPATH=. exec .venv/bin/python /run/task/program.py", timeout=600)
    assert done.code == 0, done
    found = json.loads((tmp_path / "found").read_text())
    assert found["same"] and not found["other"]
    [row] = json.loads(found["tags"])
    assert [(vlan["vlan"], sorted(vlan["flags"])) for vlan in row["vlans"]] == [(42, ["Egress Untagged", "PVID"])]
    assert "police" in found["police"], found["police"]
