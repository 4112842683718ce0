# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks on a real host: what a start would lack, a tree that cannot be written, programs that are not to be run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest

ROOT = Path(__file__).resolve().parents[2]
TINY: dict[str, Any] = {"name": "a", "memory": "16MiB", "machine": "pc", "virt_type": "qemu"}
# The tree, seen by the command alone, cannot be written.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


@pytest.fixture
def vm(uri: str) -> Run:
    """Run corral.virt.vm as Ansible does on its target; returns its result, failed or not."""

    def run(*before: str, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"uri": uri, "_ansible_check_mode": check, **options}})
        module = [sys.executable, "-m", "ansible_collections.corral.virt.plugins.modules.vm"]
        done = subprocess.run(
            [*before, *module], input=arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))

    return run


def files(root: Path) -> set[str]:
    """What lies below a directory, caches and locks aside."""
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(("var/cache/", "run/corral/locks/"))}


def test_a_start_that_cannot_work_is_foreseen(vm: Run, root_dir: Path) -> None:
    before = files(root_dir)
    rows: list[tuple[dict[str, Any], str]] = [
        ({"disks": [{"path": str(root_dir / "no.raw")}]}, "no.raw of guest a does not exist"),
        ({"disks": [{"path": str(root_dir)}]}, "is a directory, and a disk needs a file or a block device"),
        ({"kernel": str(root_dir / "vmlinuz")}, "vmlinuz of guest a does not exist"),
        ({"memory": "900TiB"}, "and the whole host has"),
    ]
    for more, said in rows:
        results = [vm(check=check, **{**TINY, **more}, state="running") for check in (True, False)]
        assert all(result.get("failed") and said in result["msg"] for result in results), results
        assert results[0]["msg"] == results[1]["msg"]
        assert files(root_dir) == before
    assert [step["action"] for step in vm(check=True, **TINY, state="running")["actions"]] == ["define", "start"]
    assert [step["action"] for step in vm(**TINY, state="running")["actions"]] == ["define", "start"]
    assert vm(name="a", state="absent", force=True, timeout=0)["changed"]


def test_what_only_qemu_finds_leaves_a_definition(vm: Run) -> None:
    xml = (
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>a</name>"
        "<memory unit='MiB'>16</memory><os><type machine='pc'>hvm</type></os>"
        "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='no-such-device'/></qemu:commandline></domain>"
    )
    result = vm(xml=xml, state="running")
    assert result["failed"] and result["changed"] and result["details"]["done"] == ["define"]
    assert "'no-such-device' is not a valid device model name. The guest a is defined and is shut off" in result["msg"]
    assert vm(name="a", state="stopped")["guest"]["state"] == "shut off"
    assert vm(name="a", state="absent")["changed"]


@pytest.mark.root
def test_a_check_where_nothing_can_be_written(vm: Run, root_dir: Path) -> None:
    inside = ("unshare", "--mount", "sh", "-c", READ_ONLY, str(root_dir))
    spare = Path(f"/tmp/corral-{os.geteuid()}")
    was_there = spare.exists()
    result = vm(*inside, check=True, **TINY, state="running")
    assert [step["action"] for step in result["actions"]] == ["define", "start"], result
    assert list(root_dir.iterdir()) == []
    refused = vm(*inside, **TINY, state="running")
    assert refused["failed"] and "cannot be written" in refused["msg"] and not refused["changed"]
    if not was_there:
        for path in spare.iterdir():
            path.unlink()
        spare.rmdir()


def test_a_program_of_somebody_else_is_not_run(vm: Run, root_dir: Path) -> None:
    program, mark = root_dir / "qemu", root_dir / "was-run"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    xml = (
        "<domain type='qemu'><name>a</name><memory unit='MiB'>16</memory><os><type machine='pc'>hvm</type></os>"
        f"<devices><emulator>{program}</emulator></devices></domain>"
    )
    for mode, said in ((0o644, "is not executable"), (0o777, "can be written by everybody")):
        program.chmod(mode)
        result = vm(check=True, xml=xml)
        assert result["failed"] and f"The <emulator> {program} {said}, so it is not run." in result["msg"]
    assert not mark.exists()
