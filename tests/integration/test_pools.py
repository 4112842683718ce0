# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools on real file systems: a directory, and an ext4 on a loop device in a mount namespace of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.root]

ASK = Path(__file__).with_name("ask_pools.py")
SIZE = 64 << 20
QCOW2 = (
    "<volume><name>{name}</name><capacity unit='MiB'>8</capacity><target><format type='qcow2'/></target>{more}</volume>"
)


@pytest.fixture
def root() -> Iterator[Path]:
    """A tree of files of its own, through which QEMU's user can pass."""
    with tempfile.TemporaryDirectory(prefix="corral-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def loop_device(root: Path, name: str = "disk") -> Iterator[str]:
    """An empty block device."""
    file = root / name
    with file.open("wb") as data:
        data.truncate(SIZE)
    done = subprocess.run(["losetup", "--find", "--show", str(file)], check=True, capture_output=True, text=True)
    try:
        yield done.stdout.strip()
    finally:
        subprocess.run(["losetup", "--detach", done.stdout.strip()], check=True)


class Place:
    """A mount namespace that lives as long as the test; what is mounted in it vanishes with it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self.process.stdout is not None:
            self.process.stdout.readline()

    def run(self, *argv: str) -> str:
        """Run a program in it."""
        inside = ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", *argv]
        done = subprocess.run(inside, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, *steps: list[Any]) -> list[Any]:
        """Do some steps with a new connection."""
        task = self.root / "task.json"
        task.write_text(json.dumps(steps))
        found = json.loads(self.run(sys.executable, str(ASK), f"qemu:///embed?root={self.root}", str(task)))
        assert isinstance(found, list)
        return found

    def one(self, *step: Any) -> Any:
        """Do one step that succeeds."""
        answer = self.ask(list(step))[0]
        assert not (isinstance(answer, dict) and answer.get("error")), answer
        return answer

    def refused(self, *step: Any) -> str:
        """Do one step that fails, and return what it said."""
        answer = self.ask(list(step))[0]
        assert isinstance(answer, dict) and answer.get("error"), answer
        return str(answer["error"])

    def close(self) -> None:
        """Let it go."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(timeout=10)


@pytest.fixture
def place(root: Path) -> Iterator[Place]:
    made = Place(root)
    try:
        yield made
    finally:
        made.close()


def test_a_directory(place: Place, root: Path) -> None:
    (root / "pools").mkdir()
    path = root / "pools" / "a"
    permissions = "<permissions><mode>0751</mode><owner>0</owner><group>12</group></permissions>"
    target = f"<target><path>{path}</path>{permissions}</target>"
    pool = f"<pool type='dir'><name>a</name>{target}</pool>"
    assert place.one("define_pool", pool)["active"] is False
    assert "Build the pool first" in place.refused("start_pool", "a")
    place.one("build_pool", "a")
    place.one("build_pool", "a")
    found = place.one("start_pool", "a")
    assert found["active"] and found["capacity"] == found["allocation"] + found["available"] > 0
    assert (path.stat().st_mode & 0o777, path.stat().st_gid) == (0o751, 12)
    # volumes
    base = place.one("create_volume", "a", QCOW2.format(name="base", more=""))
    assert (base["format"], base["capacity"], base["path"]) == ("qcow2", 8 << 20, str(path / "base"))
    more = f"<backingStore><path>{path / 'base'}</path><format type='qcow2'/></backingStore>"
    place.one("create_volume", "a", QCOW2.format(name="top", more=more))
    copy = QCOW2.format(name="copy", more="").replace("<capacity unit='MiB'>8</capacity>", "")
    made = place.one("create_volume", "a", copy, {"content": {"volume": ["a", "base"], "origin": "a/base"}})
    assert (made["capacity"], made["origin"]) == (8 << 20, "a/base")
    assert [each["name"] for each in place.one("list_volumes", "a")] == ["base", "copy", "top"]
    assert place.one("volume_by_path", str(path / "top"))["backing"] == str(path / "base")
    assert "top stand on it" in place.refused("delete_volume", "a", "base")
    place.one("resize_volume", "a", "copy", 16 << 20)
    assert place.one("lookup_volume", "a", "copy")["capacity"] == 16 << 20
    # what is wrong is found and mended
    path.chmod(0o700)
    assert [fault["what"] for fault in place.one("pool_faults", "a")] == ["permissions"]
    place.one("mend_pool", "a")
    assert path.stat().st_mode & 0o777 == 0o751
    assert place.one("pool_faults", "a") == []
    # a foreign file, a directory, and a link out of the pool keep the pool from being deleted
    place.one("destroy_pool", "a")
    for foreign in ("notes.txt", "folder", "link"):
        if foreign == "folder":
            (path / foreign).mkdir()
        elif foreign == "link":
            (path / foreign).symlink_to("/etc/hostname")
        else:
            (path / foreign).write_text("mine")
        assert foreign in place.refused("check_pool_deletion", "a")
        assert foreign in place.refused("delete_pool", "a")
        assert (path / "base").exists()
        (path / foreign).rmdir() if foreign == "folder" else (path / foreign).unlink()
    (path / ".corral-left.part").write_text("")
    assert "holds .corral-left.part" in place.refused("delete_pool", "a")  # of another host, it seems
    (path / ".corral-left.part").unlink()
    place.one("delete_pool", "a")
    assert not path.exists()
    place.one("undefine_pool", "a")
    assert place.one("list_pools") == []


def test_a_file_system_on_a_device(place: Place, root: Path) -> None:
    path = root / "mounted"
    with loop_device(root) as device:
        pool = (
            f"<pool type='fs'><name>f</name><source><device path='{device}'/><format type='ext4'/></source>"
            f"<target><path>{path}</path></target></pool>"
        )
        place.one("define_pool", pool)
        assert place.one("pool_is_built", "f") is False
        place.one("build_pool", "f")
        assert place.one("pool_is_built", "f") is True
        uuid = place.run("blkid", "-p", "-s", "UUID", "-o", "value", device)
        place.one("build_pool", "f")  # what is there is not formatted again
        assert place.run("blkid", "-p", "-s", "UUID", "-o", "value", device) == uuid
        found = place.one("start_pool", "f")
        assert 0 < found["capacity"] < SIZE
        place.one("create_volume", "f", QCOW2.format(name="v", more=""))
        assert not (path / "v").exists()  # in the namespace only
        assert "v" in place.run("ls", str(path))
        # refused: the device in another pool, a pool in it, one on the mounted device
        other = pool.replace("<name>f<", "<name>g<").replace(str(path), f"{root}/elsewhere")
        assert "has the source of pool" in place.refused("define_pool", other)
        inner = f"<pool type='dir'><name>h</name><target><path>{path}/inner</path></target></pool>"
        assert "overlap" in place.refused("define_pool", inner)
        disk = f"<pool type='disk'><name>d</name><source><device path='{device}'/></source></pool>"
        assert "has the source" in place.refused("define_pool", disk)
        # unmounted behind our back
        place.run("umount", str(path))
        assert [fault["what"] for fault in place.one("pool_faults", "f")] == ["mount"]
        place.one("mend_pool", "f")
        assert [each["name"] for each in place.one("list_volumes", "f")] == ["v"]
        # a new file system only where that is said, and never while it is in use
        assert "active" in place.refused("build_pool", "f", {"overwrite": True})
        place.one("destroy_pool", "f")
        assert str(path) not in place.run("cat", "/proc/self/mountinfo")
        place.run("mount", device, "/mnt")
        assert "is mounted on /mnt" in place.refused("build_pool", "f", {"overwrite": True})
        place.run("umount", "/mnt")
        place.one("build_pool", "f", {"overwrite": True})
        assert place.run("blkid", "-p", "-s", "UUID", "-o", "value", device) != uuid
        # its data goes, and nobody else's
        place.one("start_pool", "f")
        place.run("sh", "-c", f"echo mine >{path}/notes.txt")
        place.one("destroy_pool", "f")
        assert "notes.txt" in place.refused("delete_pool", "f")
        assert place.one("pool_is_built", "f") is True
        place.one("start_pool", "f")
        place.run("rm", f"{path}/notes.txt")
        place.one("create_volume", "f", QCOW2.format(name="v", more=""))
        place.one("destroy_pool", "f")
        place.one("delete_pool", "f")
        assert not path.exists()
        assert place.run("wipefs", "--no-act", device) == ""
        place.one("undefine_pool", "f")


def test_a_mounted_device_and_a_stranger_s_data_are_refused(place: Place, root: Path) -> None:
    with loop_device(root) as device:
        place.run("mkfs.ext4", "-q", device)
        pool = f"<pool type='disk'><name>d</name><source><device path='{device}'/><format type='gpt'/></source></pool>"
        place.run("mount", device, "/mnt")
        assert "is mounted on /mnt" in place.refused("define_pool", pool)
        group = f"<pool type='logical'><name>l</name><source><device path='{device}'/></source></pool>"
        assert "is mounted on /mnt" in place.refused("define_pool", group)
        place.run("umount", "/mnt")
        place.one("define_pool", pool)
        assert "holds ext4 already" in place.refused("build_pool", "d")
        assert "has no partition table" in place.refused("start_pool", "d")
        place.one("undefine_pool", "d")


def test_system_directories(place: Place) -> None:
    for path in ("/", "/etc", "/usr", "/home", "/var/lib"):
        pool = f"<pool type='dir'><name>a</name><target><path>{path}</path></target></pool>"
        assert "a directory of the host itself" in place.refused("define_pool", pool)
    place.one("define_pool", "<pool type='dir'><name>a</name><target><path>/mnt</path></target></pool>")
    assert "never removed" in place.refused("check_pool_deletion", "a")
    assert "never removed" in place.refused("delete_pool", "a")
