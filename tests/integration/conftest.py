# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real guests in a tree of files of their own, driven by our modules: alone, in Ansible, or by its command line.

Every guest lives below a temporary root (``qemu:///embed?root=...``), so nothing of the machine's own is touched, and
whatever a test leaves running is ended by its process id.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .direct import direct, results
from .namespaces import Namespace, join, namespace

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / ".cache/guest/vmlinuz"
INITRD = ROOT / ".cache/guest/initrd.img"
UP = "corral-guest: up"
KEY_OF_HOST = Path("/var/lib/systemd/credential.secret")
CMDLINE = "console=ttyS0 quiet panic=-1 cryptomgr.notests rodata=off mitigations=off tsc=reliable no_timer_check"

Run = Callable[..., "dict[str, Any]"]


@pytest.fixture(autouse=True, scope="session")
def as_it_was() -> Iterator[None]:
    """The key of the host stays what it was: none, where systemd-creds had not made one before.

    Test processes that run side by side share the key, so the last of them takes it away. The note that there was none
    outlives tests that are killed.
    """
    note, turn = (ROOT / ".cache" / name for name in ("no-key-of-host", "no-key-of-host.turn"))
    note.parent.mkdir(exist_ok=True)
    with note.open("ab") as users, turn.open("ab") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not KEY_OF_HOST.exists():
            note.write_text("The key of the host is there for tests only.\n")
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(alone, fcntl.LOCK_UN)
        yield
        fcntl.flock(alone, fcntl.LOCK_EX)
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if note.stat().st_size:
                KEY_OF_HOST.unlink(missing_ok=True)
                note.write_bytes(b"")


@pytest.fixture
def root_dir() -> Iterator[Path]:
    """The root of a host of one's own, which QEMU's user may pass through; its guests end with the test."""
    with tempfile.TemporaryDirectory(prefix="corral-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        for status in path.glob("run/corral/domains/*.json"):
            _end(json.loads(status.read_text()))


def _end(status: Any) -> None:
    """End the QEMU that a status file speaks of, if it still is that very process."""
    pid = status.get("pid") if isinstance(status, dict) else None
    if not pid:
        return
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if int(fields[19]) == status.get("start"):
            os.kill(pid, signal.SIGKILL)
    except (OSError, IndexError):
        return


@pytest.fixture
def uri(root_dir: Path) -> str:
    """The connection of that host."""
    return f"qemu:///embed?root={root_dir}"


@pytest.fixture
def vm(quick: Run) -> Run:
    """Run corral.virt.vm; returns its result, failed or not."""
    return quick


@pytest.fixture
def vm_info(quick: Run) -> Run:
    """Run corral.virt.vm_info."""
    return partial(quick, "vm_info")


@pytest.fixture
def ansible_vm(localhost: Any, uri: str) -> Run:
    """Run corral.virt.vm through Ansible."""
    return through(localhost, "corral.virt.vm", uri)


@pytest.fixture
def ansible_vm_info(localhost: Any, uri: str) -> Run:
    """Run corral.virt.vm_info through Ansible."""
    return through(localhost, "corral.virt.vm_info", uri)


def through(host: Any, module: str, uri: str) -> Run:
    """What runs a module through Ansible, in our own process."""

    def run(**options: Any) -> dict[str, Any]:
        options = {"uri": uri, "ansible_python_interpreter": sys.executable, **options}
        interpreter = options.pop("ansible_python_interpreter")
        host.options["variable_manager"].extra_vars["ansible_python_interpreter"] = interpreter
        return dict(getattr(host, module)(**options).contacted["localhost"])

    return run


@pytest.fixture
def netns() -> Iterator[Namespace]:
    """A host of one's own to the kernel's network; ``cli`` runs in it where a test asks for both."""
    with namespace() as made:
        yield made


@pytest.fixture
def outside(netns: Namespace) -> Iterator[Namespace]:
    """Another host that the first reaches as 198.51.100.2 and 2001:db8:ffff::2, by its device uplink."""
    with namespace() as made:
        join(netns, "uplink", made, "eth0")
        for space, device, number in ((netns, "uplink", 1), (made, "eth0", 2)):
            space.run("ip", "addr", "add", f"198.51.100.{number}/24", "dev", device)
            space.run("ip", "addr", "add", f"2001:db8:ffff::{number}/64", "dev", device, "nodad")
        yield made


@pytest.fixture
def cli(request: pytest.FixtureRequest, uri: str) -> Run:
    """Run a module through the command line of Ansible, with --check and --diff where they are asked for."""
    inside = request.getfixturevalue("netns").argv() if "netns" in request.fixturenames else []

    def run(module: str = "vm", *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        flags = [flag for flag, wanted in (("--check", check), ("--diff", diff)) if wanted]
        command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-m", f"corral.virt.{module}"]
        command = [*command, "-a", json.dumps({"uri": uri, **options}), *flags]
        environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            [*inside, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        start = done.stdout.rfind("localhost | ")
        assert start >= 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{", start) :])
        if done.stdout[start:].split("=>", 1)[0].endswith("FAILED! "):
            result["failed"] = True
        if diff:
            result["shown"] = done.stdout[:start]
        return result

    return run


@pytest.fixture
def quick(request: pytest.FixtureRequest, uri: str) -> Run:
    """Run a module as ``cli`` does, but without Ansible around it, which takes ten times as long."""
    inside = request.getfixturevalue("netns").argv() if "netns" in request.fixturenames else []

    def run(module: str = "vm", *, check: bool = False, diff: bool = True, **options: Any) -> dict[str, Any]:
        return results([direct(uri, module, check=check, inside=inside, _ansible_diff=diff, **options)])[0]

    return run


@pytest.fixture
def linux() -> dict[str, Any]:
    """Options of a guest that boots the test guest's kernel."""
    return {
        "memory": "128MiB",
        "machine": "q35",
        "kernel": str(KERNEL),
        "initrd": str(INITRD),
        "cmdline": CMDLINE,
        "timeout": 60,
    }


@pytest.fixture
def up() -> dict[str, Any]:
    """What to wait for until the test guest is up; emulated on a busy machine that takes its time."""
    return {"console": UP, "timeout": 300}
