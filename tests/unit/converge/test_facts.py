# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts are plain values, and a document that lacks something still gives the others."""

from __future__ import annotations

import json

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.facts import guest_facts, shown_xml
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

DOMAIN = Domain("a", "u", True, id=3, state="running", reason="booted", runtime={"pid": 7, "log": "/l"})
XML = """
<domain type='kvm'>
  <memory unit='GiB'>2</memory><vcpu>4</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <disk type='file' device='cdrom'><driver type='raw'/><target dev='sda' bus='sata'/><readonly/></disk>
    <disk type='block'><source dev='/dev/x'/><target dev='vda' bus='virtio'/></disk>
    <interface type='bridge'><source bridge='br0'/><mac address='52:54:00:00:00:01'/><model type='e1000'/></interface>
    <graphics type='vnc' port='-1' passwd='hush'><listen type='address' address='::1'/></graphics>
    <graphics type='vnc' port='5901' listen='127.0.0.1'/>
  </devices>
</domain>
"""


def test_everything() -> None:
    facts = guest_facts(DOMAIN, parse(XML))
    assert facts == json.loads(json.dumps(facts))
    runtime = facts.pop("runtime")
    assert runtime == {"pid": 7, "log": "/l"}
    assert facts == {
        "name": "a",
        "uuid": "u",
        "id": 3,
        "state": "running",
        "reason": "booted",
        "active": True,
        "persistent": True,
        "autostart": False,
        "pid": 7,
        "console_log": None,
        "type": "kvm",
        "arch": "x86_64",
        "machine": "pc-q35-7.2",
        "memory_mib": 2048,
        "vcpus": 4,
        "disks": [
            {"target": "sda", "bus": "sata", "device": "cdrom", "path": None, "format": "raw", "readonly": True},
            {"target": "vda", "bus": "virtio", "device": "disk", "path": "/dev/x", "format": None, "readonly": False},
        ],
        "interfaces": [{"type": "bridge", "source": "br0", "mac": "52:54:00:00:00:01", "model": "e1000"}],
        "graphics": [
            {"type": "vnc", "listen": "::1", "port": None},
            {"type": "vnc", "listen": "127.0.0.1", "port": 5901},
        ],
    }


@pytest.mark.parametrize(
    ("memory", "mib"), [("<memory>1048576</memory>", 1024), ("<memory>x</memory>", None), ("", None)]
)
def test_memory(memory: str, mib: int) -> None:
    assert guest_facts(DOMAIN, parse(f"<domain>{memory}</domain>"))["memory_mib"] == mib


def test_without_a_document() -> None:
    assert "vcpus" not in guest_facts(DOMAIN, None)


def test_shown_xml_has_no_secrets() -> None:
    assert "hush" not in shown_xml(parse(XML))
