# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest reads at its first boot, read by a real guest; and who else can read it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest
SECRET = f"correct horse {token_hex(8)}"  # ours alone: it is looked for in all processes of the machine
CLOUD = {
    "user_data": {"password": SECRET, "runcmd": ["true"]},
    "meta_data": {"local-hostname": "web1"},
    "network_config": "version: 2\nethernets: {}\n",
}


def lines(vm_info: Run, name: str) -> list[str]:
    """What the guest said of its volume."""
    (guest,) = vm_info(name=name)["guests"]
    text = Path(guest["console_log"]).read_text(errors="replace")
    return [line.strip().removeprefix("corral-guest: ") for line in text.splitlines() if "corral-guest: cidata" in line]


def end(vm: Run, name: str) -> dict[str, Any]:
    return vm(name=name, state="absent", timeout=0, force=True)


def test_a_guest_finds_its_seed(
    vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any], root_dir: Path
) -> None:
    wanted = {**linux, "name": "s1", "cloud_init": CLOUD, "cmdline": f"{linux['cmdline']} corral.cidata"}
    first = vm(**wanted, state="running", wait_for=up)
    assert first["changed"], first
    said = lines(vm_info, "s1")
    assert "cidata user-data #cloud-config" in said, said
    assert f'cidata user-data "password": "{SECRET}",' in said, said
    assert 'cidata meta-data "local-hostname": "web1"' in said, said
    assert any(line.startswith('cidata meta-data "instance-id": "iid-') for line in said), said
    assert "cidata network-config version: 2" in said, said
    assert not vm(**wanted, state="running")["changed"]
    changed = vm(**{**wanted, "cloud_init": {"user_data": "#!/bin/sh\necho other\n"}}, state="running")
    assert changed["restart_required"], changed
    restarted = vm(
        **{**wanted, "cloud_init": {"user_data": "#!/bin/sh\necho other\n"}, "timeout": 0},
        state="running",
        apply="restart",
        force=True,
        wait_for=up,
    )
    assert "cidata user-data echo other" in lines(vm_info, "s1"), restarted
    seed = root_dir / "var/lib/corral/seeds/s1.iso"
    assert seed.stat().st_mode & 0o777 == 0o600
    end(vm, "s1")
    assert not seed.exists()


def test_the_names_for_windows_are_there_too(vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any]) -> None:
    wanted = {**linux, "name": "s2", "cloud_init": CLOUD, "cmdline": f"{linux['cmdline']} corral.cidata=norock"}
    vm(**wanted, state="running", transient=True, wait_for=up)
    assert "cidata user-data #cloud-config" in lines(vm_info, "s2")
    end(vm, "s2")


def test_a_guest_finds_its_ignition(vm: Run, vm_info: Run, linux: dict[str, Any], up: dict[str, Any]) -> None:
    wanted = {**linux, "name": "s3", "ignition": {"ignition": {"version": "3.4.0"}}}
    vm(**wanted | {"cmdline": f"{linux['cmdline']} corral.ignition"}, state="running", wait_for=up)
    (guest,) = vm_info(name="s3")["guests"]
    assert 'corral-guest: ignition "version": "3.4.0"' in Path(guest["console_log"]).read_text(errors="replace")
    end(vm, "s3")


def test_nothing_that_is_said_has_the_content(cli: Run, linux: dict[str, Any], root_dir: Path) -> None:
    """Results with the repeated options, differences, processes, definitions; "root" is no secret in all of them."""
    wanted = {**linux, "name": "s4", "cloud_init": {**CLOUD, "vendor_data": {"users": ["root", 1]}}, "title": "root 1"}
    said = [cli(check=True, diff=True, **wanted), cli(diff=True, **wanted, state="paused"), cli(**wanted, xml="<a/>")]
    assert said[1]["guest"]["title"] == "root 1", said[1]
    assert said[2]["failed"]
    texts = [
        json.dumps(said),
        subprocess.run(["ps", "-axww", "-o", "args"], capture_output=True, text=True, check=True).stdout,
    ]
    texts += [
        path.read_text(errors="replace") for path in root_dir.rglob("*") if path.is_file() and "seeds" not in path.parts
    ]
    assert not [text for text in texts if SECRET in text]
    refused = cli(**linux, name="s5", cloud_init={"user_data": f"#cloud-config\npassword: [{SECRET}"})
    assert refused["failed"] and "line" in refused["msg"] and SECRET not in json.dumps(refused)
    cli(name="s4", state="absent", timeout=0, force=True)
