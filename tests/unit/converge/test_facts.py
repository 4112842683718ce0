# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts are plain values, and a document that lacks something still gives the others."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.facts import guest_facts, shown_xml
from ansible_collections.corral.virt.plugins.module_utils.converge.spec import desired
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
        "pending": [],
        "type": "kvm",
        "arch": "x86_64",
        "machine": "pc-q35-7.2",
        "memory_mib": 2048,
        "current_memory_mib": 2048,
        "vcpus": 4,
        "current_vcpus": 4,
        "disks": [
            {"target": "sda", "bus": "sata", "device": "cdrom", "path": None, "format": "raw", "readonly": True},
            {"target": "vda", "bus": "virtio", "device": "disk", "path": "/dev/x", "format": None, "readonly": False},
        ],
        "interfaces": [
            {"type": "bridge", "source": "br0", "mac": "52:54:00:00:00:01", "model": "e1000", "filter": None}
        ],
        "graphics": [
            {"type": "vnc", "listen": "::1", "port": None, "address": None},
            {"type": "vnc", "listen": "127.0.0.1", "port": 5901, "address": "127.0.0.1:5901"},
        ],
        "title": None,
        "description": None,
        "tags": [],
        "firmware": "bios",
        "cpu": None,
        "tpm": None,
        "video": [],
        "watchdog": None,
        "filesystems": [],
        "channels": [],
    }


def test_what_options_say_is_said_in_their_words() -> None:
    _name, document = desired(
        {
            "name": "a",
            "memory": "1GiB",
            "title": "Web",
            "description": "It serves.",
            "tags": ["b", "a"],
            "firmware": "uefi-secure",
            "cpu": "qemu64",
            "tpm": True,
            "video": "virtio",
            "watchdog": True,
            "filesystems": [
                {"source": "/srv", "tag": "srv", "readonly": True},
                {"source": "/a", "tag": "b", "type": "9p"},
            ],
            "guest_agent": True,
        }
    )
    facts = guest_facts(DOMAIN, document)
    assert {name: facts[name] for name in ("title", "description", "tags", "firmware", "cpu")} == {
        "title": "Web",
        "description": "It serves.",
        "tags": ["a", "b"],
        "firmware": "uefi-secure",
        "cpu": "qemu64",
    }
    assert facts["tpm"] == {"model": "crb", "type": "emulator", "version": "2.0"}
    assert (facts["video"], facts["channels"]) == (["virtio"], ["org.qemu.guest_agent.0"])
    assert facts["watchdog"] == {"model": "i6300esb", "action": "reset"}
    assert facts["filesystems"] == [
        {"tag": "srv", "source": "/srv", "type": "virtiofs", "readonly": True},
        {"tag": "b", "source": "/a", "type": "9p", "readonly": False},
    ]


@pytest.mark.parametrize(
    ("system", "firmware"),
    [
        ("<os firmware='efi'/>", "uefi"),
        ("<os firmware='efi'><firmware><feature enabled='no' name='enrolled-keys'/></firmware></os>", "uefi"),
        ("<os firmware='efi'><firmware><feature enabled='yes' name='enrolled-keys'/></firmware></os>", "uefi-secure"),
        ("<os><loader type='pflash'/></os>", "uefi"),
        ("<os><loader type='pflash' secure='yes'/></os>", "uefi-secure"),
        ("<os><loader type='rom'/></os>", "bios"),
    ],
)
def test_firmware(system: str, firmware: str) -> None:
    assert guest_facts(DOMAIN, parse(f"<domain>{system}</domain>"))["firmware"] == firmware


def test_a_mode_is_a_cpu_too() -> None:
    assert guest_facts(DOMAIN, parse("<domain><cpu mode='host-model'/></domain>"))["cpu"] == "host-model"


@pytest.mark.parametrize(
    ("memory", "mib"), [("<memory>1048576</memory>", 1024), ("<memory>x</memory>", None), ("", None)]
)
def test_memory(memory: str, mib: int) -> None:
    assert guest_facts(DOMAIN, parse(f"<domain>{memory}</domain>"))["memory_mib"] == mib


def test_without_a_document() -> None:
    assert "vcpus" not in guest_facts(DOMAIN, None)


def test_shown_xml_has_no_secrets() -> None:
    assert "hush" not in shown_xml(parse(XML))


def test_what_waits_for_the_next_start_is_said_of_a_guest_that_runs() -> None:
    kept = parse(XML)
    kept.find("vcpu").text = "6"
    assert guest_facts(DOMAIN, parse(XML), kept)["pending"] == ["/domain/vcpu: 4 -> 6"]
    assert guest_facts(replace(DOMAIN, active=False), parse(XML), kept)["pending"] == []
