# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose disk is really full: one small file system holds all that is ours, and something else has filled it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .direct import direct, results
from .test_states import TINY, done, only

pytestmark = [pytest.mark.guest, pytest.mark.root]

OTHER = {"memory": "24MiB", "machine": "pc"}


@pytest.fixture
def small() -> Iterator[Path]:
    """A root on a file system of 4 MiB; it goes with the test, and so do its guests."""
    with tempfile.TemporaryDirectory(prefix="corral-") as name:
        path = Path(name)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", name], check=True)
        try:
            yield path
        finally:
            for status in path.glob("run/corral/domains/*.json"):
                with suppress(ValueError, KeyError):
                    if json.loads(status.read_text()).get("pid"):
                        uri = f"qemu:///embed?root={path}"
                        results([direct(uri, name=status.stem, state="absent", force=True, timeout=0)])
            subprocess.run(["umount", "--lazy", name], check=True)


def fill(root: Path) -> Path:
    """Fill it to the last byte."""
    path = root / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return path


def test_a_full_disk(small: Path) -> None:
    def vm(**options: Any) -> dict[str, Any]:
        return results([direct(f"qemu:///embed?root={small}", **options)])[0]

    def state() -> str:
        return str(only(results([direct(f"qemu:///embed?root={small}", "vm_info", name="f")])[0])["state"])

    assert done(vm(name="f", state="running", **TINY)) == ["define", "start"]
    filler = fill(small)
    # what takes room fails, says where, and leaves what was there
    for options in ({**OTHER, "name": "f"}, {**TINY, "name": "g", "state": "running"}):
        failed = vm(**options)
        assert failed.get("failed") and "No space left on device" in failed["msg"], failed
        assert str(small) in failed["msg"]
    assert state() == "running"
    assert sorted(path.name for path in (small / "etc/corral/domains").glob("*.xml")) == ["f.xml"]
    # what makes room works
    assert done(vm(name="f", state="stopped", force=True, timeout=0)) == ["destroy"]
    assert state() == "shut off"
    fill(small)
    failed = vm(name="f", state="running", **TINY)
    assert failed.get("failed") and "No space left on device" in failed["msg"], failed
    assert state() == "shut off"
    fill(small)
    assert done(vm(name="f", state="absent")) == ["undefine"]
    assert list((small / "run/corral/guests").iterdir()) == []
    # and with room all is well
    filler.unlink()
    assert done(vm(name="f", state="running", **TINY)) == ["define", "start"]
    assert done(vm(name="f", state="absent", force=True, timeout=0))[-1:] == ["undefine"]
