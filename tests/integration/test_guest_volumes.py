# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real guests whose disks are volumes: made, grown while they run, deleted with them and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest


@pytest.fixture
def pool(cli: Run, root_dir: Path) -> Path:
    """The directory of a pool named p, in which is a base image."""
    path = root_dir / "pool"
    made = cli("pool", name="p", type="dir", target=str(path), state="active")
    assert made.get("changed"), made
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path / "base.qcow2"), "24M"], check=True)
    return path


def actions(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result
    return [step["action"] for step in result["actions"]]


def test_volumes_of_a_guest(
    vm: Run, vm_info: Run, cli: Run, linux: dict[str, Any], up: dict[str, Any], root_dir: Path, pool: Path
) -> None:
    disks: list[dict[str, Any]] = [
        {"pool": "p", "backing": {"path": str(pool / "base.qcow2"), "format": "qcow2"}, "format": "qcow2"},
        {"pool": "p", "volume": "data", "size": "16MiB"},
    ]
    wanted = {**linux, "name": "v1", "disks": disks}
    checked = cli(check=True, **wanted, state="running")
    assert actions(checked) == ["define", "create_volume", "create_volume", "start"]
    assert not (pool / "v1-vda").exists()
    first = vm(**wanted, state="running", wait_for=up)
    assert actions(first) == actions(checked)
    (guest,) = vm_info(name="v1")["guests"]
    said = Path(guest["console_log"]).read_text(errors="replace")
    assert f"block vda type=disk size={24 << 20}" in said and f"block vdb type=disk size={16 << 20}" in said, said
    again = vm(**wanted, state="running")
    assert not again["changed"] and not again["pending"], again
    wanted["disks"] = [disks[0], {**disks[1], "size": "32MiB"}]
    grown = vm(**wanted, state="running")
    assert actions(grown) == ["resize_volume"]
    assert (pool / "data").stat().st_size == 32 << 20
    assert not vm(**wanted, state="running")["changed"]
    gone = vm(name="v1", state="absent", storage="owned", timeout=0, force=True)
    assert actions(gone) == ["destroy", "undefine"], gone
    assert sorted(path.name for path in pool.iterdir()) == ["base.qcow2"]


def test_a_volume_that_was_there_is_never_deleted(vm: Run, pool: Path) -> None:
    disks = [{"pool": "p", "volume": "base.qcow2", "size": "24MiB", "format": "qcow2"}]
    assert actions(vm(name="v2", memory="64MiB", disks=disks)) == ["define"]
    vm(name="v2", state="absent", storage="owned")
    assert (pool / "base.qcow2").exists()
