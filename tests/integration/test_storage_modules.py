# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules pool, volume and secret in plays: directories, a file system and partitions on loop devices.

A play runs in a mount namespace of its own. What is asked for is first checked, then done, then asked for again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT
from .direct import direct
from .direct import results as said_by
from .test_pools import loop_device

pytestmark = [pytest.mark.root]

MIB = 1 << 20
WORDS = b"what was written before"
VALUE = "a value of this test"


class Play:
    """Tasks and what they are to say; nothing is run before all are known, because Ansible takes its time to start."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.uri, self.folder = uri, folder
        self.tasks: list[dict[str, Any]] = []
        self.expected: list[tuple[str, Any]] = []

    def task(self, what: str, said: Any, module: str, **options: Any) -> None:
        """Add a task that is to change something (a list of actions), or to fail with some words."""
        fails = isinstance(said, str)
        self.tasks.append(
            {
                f"corral.virt.{module}": {"uri": self.uri, **options},
                "register": f"r{len(self.tasks)}",
                "check_mode": what == "check",
                **({"failed_when": False} if fails else {}),
            }
        )
        self.expected.append((what, said))

    def state(self, actions: list[str], module: str, **options: Any) -> None:
        """Check, do, and ask again."""
        self.task("check", actions, module, **options)
        self.task("run", actions, module, **options)
        self.task("again", [], module, **options)

    def refused(self, words: str, module: str, **options: Any) -> None:
        """Check and run fail alike."""
        for what in ("check", "run"):
            self.task(what, words, module, **options)

    def act(self) -> list[dict[str, Any]]:
        """Run it all, compare, and return what was said by the tasks that did something."""
        file, said = self.folder / "play.yml", self.folder / "said.json"
        values = ", ".join(task["register"] for task in self.tasks)
        keep = {
            "ansible.builtin.copy": {"dest": str(said), "content": f"{{{{ [{values}] | to_json }}}}"},
            "diff": False,
        }
        file.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [*self.tasks, keep]}]))
        command = ["unshare", "--mount", str(Path(sys.executable).with_name("ansible-playbook")), "--diff", str(file)]
        command += ["-e", f"ansible_python_interpreter={sys.executable}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found: list[dict[str, Any]] = json.loads(said.read_text())
        for task, (_what, wanted), result in zip(self.tasks, self.expected, found):
            assert _is_as(wanted, result), f"{task}: {wanted} expected, and got {json.dumps(result)}"
        return [result for (what, _wanted), result in zip(self.expected, found) if what == "run"]


def _is_as(wanted: Any, result: dict[str, Any]) -> bool:
    if isinstance(wanted, str):
        return "error" in result and wanted in result["msg"]
    actions = [step["action"] for step in result["actions"]]
    return actions == wanted and result["changed"] == bool(wanted) and "diff" in result


@pytest.fixture
def play(root_dir: Path, uri: str) -> Play:
    return Play(uri, root_dir)


@pytest.fixture
def device(root_dir: Path) -> Iterator[str]:
    """An empty block device of 64 MiB whose partitions the kernel shows."""
    with loop_device(root_dir) as name:
        yield name


def test_a_pool_of_files_and_its_volumes(play: Play, root_dir: Path) -> None:
    pool, image = root_dir / "images", root_dir / "image"
    image.write_bytes(WORDS.ljust(4 * MIB, b"."))
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    described = {"name": "p", "type": "dir", "target": str(pool)}
    play.state(["define"], "pool", **described)
    play.state(["build"], "pool", **described, state="built")
    play.state(["start"], "pool", **described, state="active", autostart=False)

    def volume(name: str, actions: list[str], **options: Any) -> None:
        play.state(actions, "volume", pool="p", name=name, **options)

    volume(
        "base", ["create"], image={"path": str(image), "checksum": f"sha256:{digest}", "format": "raw"}, format="qcow2"
    )
    volume("copy", ["create"], image="base", format="raw")
    volume("layer", ["create"], backing="base", format="qcow2", capacity="8MiB")
    volume("layer", ["resize"], capacity="16MiB")
    volume("copy", ["update"], permissions={"mode": "0640"})
    play.refused("Delete those first", "volume", pool="p", name="base", state="wiped")
    play.refused("would be cut off", "volume", pool="p", name="copy", capacity="1MiB")
    play.task("check", "is no checksum", "volume", pool="p", name="x", image={"path": str(image), "checksum": "12"})
    play.task("run", ["wipe"], "volume", pool="p", name="copy", state="wiped")
    play.task("run", ["download"], "volume", pool="p", name="copy", download_to=str(root_dir / "wiped"))
    play.task("run", ["upload"], "volume", pool="p", name="copy", upload_from=str(image))
    volume("layer", ["delete"], state="absent")
    play.state(["destroy"], "pool", name="p", state="inactive")
    play.task("check", "is not active", "volume", pool="p", name="copy", capacity="8MiB")
    play.state(["undefine"], "pool", name="p", state="absent")
    said = play.act()
    made = {each["volume"]["name"]: each["volume"] for each in said if each.get("volume")}
    assert (made["base"]["capacity"], made["base"]["origin"]) == (4 * MIB, f"{image} sha256:{digest}")
    assert made["layer"]["backing"]["path"] == str(pool / "base")
    assert (root_dir / "wiped").read_bytes() == bytes(4 * MIB)
    assert (pool / "copy").read_bytes() == image.read_bytes()
    assert (pool / "copy").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in pool.iterdir()) == ["base", "copy"]


def test_a_file_system_of_its_own(play: Play, device: str, root_dir: Path) -> None:
    target = root_dir / "mounted"
    described = {"name": "f", "type": "fs", "source": {"devices": [device], "format": "ext4"}, "target": str(target)}
    play.refused("nothing of its format", "pool", **described, state="active")
    play.state(["define", "build"], "pool", **described, state="built")
    play.state(["start"], "pool", **described, state="active")
    play.state(["create"], "volume", pool="f", name="v", capacity="4MiB", format="raw")
    play.state(["destroy", "delete", "undefine"], "pool", name="f", state="absent", delete=True)
    play.act()
    assert not target.exists()
    assert subprocess.run(["wipefs", "--no-act", device], check=True, capture_output=True).stdout == b""


def test_partitions(play: Play, device: str, root_dir: Path) -> None:
    image, first, second = root_dir / "image", f"{Path(device).name}p1", f"{Path(device).name}p2"
    image.write_bytes(WORDS.ljust(4 * MIB, b"."))
    described = {"name": "d", "type": "disk", "source": {"devices": [device], "format": "dos"}}
    play.task("run", ["define", "set_value"], "secret", usage="volume", usage_id="one", value=VALUE)
    play.refused("no partition table", "pool", **described, state="active")
    play.state(["define", "build"], "pool", **described, state="built")
    play.state(["start"], "pool", **described, state="active")
    play.state(["create"], "volume", pool="d", name=first, image={"path": str(image), "format": "raw"}, capacity="8MiB")
    sealed = {"pool": "d", "name": second, "encryption": "one"}
    play.state(["create"], "volume", image=first, capacity="8MiB", **sealed)
    play.refused("nothing is free", "volume", pool="d", name=first, capacity="16MiB")
    play.state(["resize"], "volume", pool="d", name=second, capacity="16MiB")
    play.task("check", "was made with the secret one", "volume", **{**sealed, "encryption": "two"})
    play.refused("keeps its size", "volume", pool="d", name=second, capacity="8MiB", shrink=True)
    play.task("run", ["download"], "volume", pool="d", name=first, download_to=str(root_dir / "out"))
    said = play.act()
    assert (root_dir / "out").read_bytes() == image.read_bytes().ljust(8 * MIB, b"\0")
    made = [each["volume"] for each in said if (each.get("volume") or {}).get("name") == second]
    assert made[-1]["encrypted"] and made[-1]["capacity"] == 16 * MIB, made
    key = root_dir / "key"
    key.write_text(VALUE)
    opened = f"driver=luks,key-secret=s,file.filename=/dev/{second}"
    command = ["qemu-img", "convert", "--object", f"secret,id=s,file={key}", "--image-opts", opened]
    subprocess.run([*command, "-O", "raw", str(root_dir / "opened")], check=True)
    assert (root_dir / "opened").read_bytes()[: 4 * MIB] == image.read_bytes()
    play.tasks, play.expected = [], []
    play.state(["delete"], "volume", pool="d", name=second, state="absent")
    play.state(["destroy", "delete", "undefine"], "pool", name="d", state="absent", delete=True)
    play.act()
    assert subprocess.run(["wipefs", "--no-act", device], check=True, capture_output=True).stdout == b""


def test_a_run_that_is_killed_leaves_no_partition(device: str, root_dir: Path, uri: str) -> None:
    image, first = root_dir / "image", f"{Path(device).name}p1"
    image.write_bytes(os.urandom(24 * MIB))
    described = {"name": "d", "type": "disk", "source": {"devices": [device], "format": "gpt"}}
    said_by([direct(uri, "pool", **described, state="built")])
    said_by([direct(uri, "pool", name="d", state="active")])
    wanted: dict[str, Any] = {"pool": "d", "name": first, "image": {"path": str(image), "format": "raw"}}
    run = direct(uri, "volume", **wanted)
    copying = _until_it_copies(device)
    for pid in (run.pid, copying):
        os.kill(pid, signal.SIGKILL)
    run.wait(timeout=120)
    shown = subprocess.run(["parted", "-ms", device, "print"], check=True, capture_output=True, text=True)
    assert len(shown.stdout.splitlines()) == 2, shown.stdout
    (again,) = said_by([direct(uri, "volume", **wanted)])
    assert [step["action"] for step in again["actions"]] == ["create"], again
    assert Path(f"/dev/{first}").read_bytes() == image.read_bytes()


def _until_it_copies(device: str) -> int:
    """The process id of the program that writes to the device."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = place.read_bytes()
            except OSError:
                continue
            if words.startswith(b"qemu-img\0convert") and device.encode() in words:
                return int(place.parent.name)
    raise AssertionError("nothing was copied")


def test_what_a_run_refuses_a_check_refuses_before_anything_is_kept(play: Play, device: str, root_dir: Path) -> None:
    subprocess.run(["mkfs", "-t", "ext4", "-q", device], check=True)
    source = {"devices": [device]}
    described: list[dict[str, Any]] = [
        {"name": "d", "type": "disk", "source": {**source, "format": "dos"}},
        {"name": "d", "type": "fs", "source": {**source, "format": "xfs"}, "target": str(root_dir / "m")},
        {"name": "d", "type": "logical", "source": {**source, "name": "corral-test"}},
    ]
    for pool in described[: 3 if shutil.which("vgs") else 2]:
        play.refused("holds ext4 already", "pool", **pool, state="built")
        play.refused("There is no pool named", "pool", name="d", state="active")
    play.refused("no partition table of the format 'dos'; it holds ext4", "pool", **described[0], state="active")
    play.state(["define", "build", "start"], "pool", **described[0], state="active", build=True, overwrite=True)
    first, second = f"{Path(device).name}p1", f"{Path(device).name}p2"
    for name, size, words in (
        ("foo", "8MiB", "cannot be named 'foo'"),
        (second, "8MiB", f"is {first}, not {second}"),
        (first, "80MiB", "no free space of"),
    ):
        play.refused(words, "volume", pool="d", name=name, capacity=size)
    play.state(["create"], "volume", pool="d", name=first, capacity="8MiB")
    play.refused("no free space of", "volume", pool="d", name=second, capacity="80MiB")
    play.state(["define", "build", "start"], "pool", name="f", target=str(root_dir / "files"), state="active")
    play.refused("There is no image /none.xz on this host", "volume", pool="f", name="v", image="/none.xz")
    play.refused("nothing says how large", "volume", pool="f", name="v", format="qcow2")
    play.refused("/var/lib is a directory of the host itself", "pool", name="h", target="/var/lib")
    play.state(["create"], "volume", pool="f", name="v", capacity="4MiB", format="raw")
    play.task("run", ["delete", "create"], "volume", pool="f", name="v", format="qcow2", force=True)
    play.act()
    (root_dir / "files" / "hole.img").write_bytes(bytes(5 * MIB + 1))
    play.tasks, play.expected = [], []
    play.refused("are no whole sectors of 512", "pool", name="f", state="absent", delete=True)
    play.act()
