# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states of real guests beyond starting and stopping, readiness, what an operator sees, what is refused, crowds.

The modules are run as Ansible runs them on its target, but without Ansible, which takes some seconds for each run on a
busy machine; test_vm.py goes all the way.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from .direct import direct, results

Run = Callable[..., "dict[str, Any]"]

pytestmark = pytest.mark.guest

UP = "corral-guest: up"
# A guest without a system: it is started within half a second, and does nothing.
TINY: dict[str, Any] = {"memory": "16MiB", "machine": "pc"}
OURS = "urn:corral.virt:guest:1"


def only(result: dict[str, Any]) -> dict[str, Any]:
    """The one guest of a vm_info result."""
    assert "guests" in result, result
    (guest,) = result["guests"]
    return dict(guest)


def done(result: dict[str, Any]) -> list[str]:
    """What a run did; it must not have failed."""
    assert not result.get("failed"), result
    return [step["action"] for step in result["actions"]]


def image(path: Path, *more: str) -> str:
    """Make an image of 1 MiB."""
    kind = path.suffix[1:]
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, *more, str(path), "1M"], check=True)
    return str(path)


def end(vm: Run, *names: str) -> None:
    """Remove guests at once."""
    for name in names:
        assert not vm(name=name, state="absent", force=True, timeout=0).get("failed")


def test_a_guest_with_an_agent(vm: Run, vm_info: Run, linux: dict[str, Any], root_dir: Path) -> None:
    """One guest through the states that speak to its system, and what an operator sees of it."""
    wanted = {
        **linux,
        "name": "web",
        "guest_agent": True,
        "interfaces": [{"type": "user"}],
        "graphics": [{"type": "vnc"}],
        "disks": [{"path": image(root_dir / "web.qcow2")}],
    }
    ready = {"agent": True, "timeout": 180}
    assert done(vm(**wanted, state="running", wait_for=ready)) == ["define", "start"]
    assert done(vm(**wanted, state="running", wait_for=ready)) == []
    _look(vm_info, root_dir)
    pid = only(vm_info(name=["web"]))["pid"]
    up = {"console": UP, "timeout": 180}
    assert done(vm(name="web", state="rebooted", wait_for=up)) == ["reboot"]
    assert done(vm(name="web", state="reset", wait_for=up)) == ["reset"]
    again = only(vm_info(name=["web"]))
    assert (again["pid"], again["state"]) == (pid, "running")
    assert again["runtime"]["reboots"] >= 1  # the firmware may reset the machine once more
    assert done(vm(name="web", state="restarted", wait_for=ready)) == ["shutdown", "start"]
    assert only(vm_info(name=["web"]))["pid"] != pid
    assert done(vm(name="web", state="stopped", timeout=120)) == ["shutdown"]
    off = only(vm_info(name=["web"]))
    assert (off["state"], off["reason"], off["uptime"]) == ("shut off", "shutdown", None)
    console = Path(off["console_log"]).read_text(errors="replace")
    assert "power off" in console and "power button" not in console  # it was the agent
    _paste(vm_info, Path(off["console_log"]))
    _rename(vm, vm_info, wanted)
    end(vm, "web2")


def _look(vm_info: Run, root_dir: Path) -> None:
    guest = only(vm_info(name=["web"], gather=["agent", "memory"], screenshot=str(root_dir / "web.png")))
    assert guest["agent"]["interfaces"] and guest["agent_error"] is None
    assert any(address.startswith("10.0.2.") for address in guest["interfaces"][0]["addresses"]), guest
    assert guest["balloon_mib"] == guest["memory_mib"] == 128
    assert guest["rss_mib"] > 20 and guest["cpu_seconds"] > 0.5 and guest["uptime"] >= 1
    assert guest["disks"][0]["size"] == 1024 * 1024
    assert 0 < guest["disks"][0]["allocated"] < 1024 * 1024
    assert guest["graphics"][0]["address"].startswith("127.0.0.1:59")
    assert guest["pending"] == []
    picture = root_dir / "web.png"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_mode & 0o777 == 0o600
    assert tuple(picture.read_bytes()[24:26]) == (8, 2)  # eight bits each of red, green and blue
    cheap = only(vm_info(name=["web"]))
    assert cheap["balloon_mib"] is None and "agent" not in cheap and "command" not in cheap


def _paste(vm_info: Run, console: Path) -> None:
    """The command line starts the same machine, by a shell and without us."""
    command = only(vm_info(name=["web"], gather=["command"]))["command"]
    console.write_text("")
    # in a session of its own, so that the end of the session is the end of its QEMU
    with subprocess.Popen(["bash", "-c", command], start_new_session=True) as shell:
        try:
            give_up = time.monotonic() + 180
            while UP not in console.read_text(errors="replace"):
                assert shell.poll() is None and time.monotonic() < give_up
                time.sleep(0.2)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)


def _rename(vm: Run, vm_info: Run, wanted: dict[str, Any]) -> None:
    before = only(vm_info(name=["web"]))
    new = {**wanted, "name": "web2", "renamed_from": "web"}
    assert done(vm(name="web", autostart=True)) == ["enable_autostart"]
    assert done(vm(**new)) == ["rename"]
    assert done(vm(**new)) == []
    after = only(vm_info(name=["web", "web2"]))
    for same in ("uuid", "interfaces", "disks"):
        assert before[same] == after[same]
    assert (after["name"], after["autostart"]) == ("web2", True)


def test_a_transient_guest(vm: Run, vm_info: Run) -> None:
    """It is there while it runs; a definition can be given to it, and taken from it."""
    wanted = {**TINY, "name": "job", "transient": True}
    assert done(vm(**wanted, state="paused")) == ["create_paused"]
    assert done(vm(**wanted, state="paused")) == []
    assert done(vm(**wanted, state="running")) == ["resume"]
    first = only(vm_info(name=["job"]))
    assert (first["persistent"], first["state"]) == (False, "running")
    assert done(vm(name="job", state="restarted", force=True, timeout=0)) == ["destroy", "create"]
    second = only(vm_info(name=["job"]))
    assert second["pid"] != first["pid"] and second["uuid"] == first["uuid"]
    assert done(vm(**TINY, name="job")) == ["define"]
    assert only(vm_info(name=["job"]))["persistent"]
    assert done(vm(**wanted, state="running")) == ["undefine"]
    os.kill(second["pid"], signal.SIGKILL)
    while Path(f"/proc/{second['pid']}/fd").exists() and os.listdir(f"/proc/{second['pid']}/fd"):
        time.sleep(0.05)
    assert vm_info(name=["job"])["missing"] == ["job"]
    assert done(vm(name="job", state="absent")) == []


@pytest.mark.parametrize("state", ["present", "stopped"])
def test_a_transient_guest_that_does_not_run_is_refused(vm: Run, state: str) -> None:
    refused = vm(**TINY, name="job", transient=True, state=state)
    assert f"transient and state {state} contradict each other" in refused["msg"]


def test_readiness_and_its_diagnosis(vm: Run, linux: dict[str, Any]) -> None:
    """What did not come is said with the state, the console, QEMU's words and the plight of the agent's channel."""
    linux["cmdline"] += " corral.noagent"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ready = {"console": UP, "port": port, "host": "127.0.0.1", "timeout": 180}
        assert done(vm(**linux, name="r", guest_agent=True, state="running", wait_for=ready)) == ["define", "start"]
    failed = vm(name="r", state="running", wait_for={"agent": True, "timeout": 2})
    assert "The agent of the guest r did not answer within 2 s; the guest is running (booted)." in failed["msg"]
    assert "Nothing in the guest has opened the channel" in failed["msg"]
    assert UP in failed["msg"]
    assert failed["details"]["agent"] == "closed"
    failed = vm(name="r", state="running", wait_for={"port": port, "host": "127.0.0.1", "timeout": 1})
    assert f"127.0.0.1 port {port} took no connection within 1 s" in failed["msg"]
    # without an agent it is the power button that is pressed, and a reboot is a stop and a start
    assert done(vm(name="r", state="rebooted", timeout=120)) == ["shutdown", "start"]
    end(vm, "r")


def test_a_guest_without_the_channel_is_not_waited_for(vm: Run) -> None:
    began = time.monotonic()
    failed = vm(**TINY, name="n", state="running", wait_for={"agent": True, "timeout": 100})
    assert "guest_agent: true" in failed["msg"] and time.monotonic() - began < 60
    end(vm, "n")


def test_a_qemu_that_hangs(vm: Run, vm_info: Run) -> None:
    """Nobody waits for ever: the error names the process, looking still works, and force ends it."""
    assert done(vm(**TINY, name="h", state="running")) == ["define", "start"]
    pid = only(vm_info(name=["h"]))["pid"]
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    failed = vm(name="h", state="paused")
    assert time.monotonic() - began < 60
    assert f"its process is {pid}, and it is stopped by a signal" in failed["msg"], failed
    assert failed["error"] == "TimedOut"
    assert only(vm_info(name=["h"]))["state"] == "running"
    assert done(vm(**TINY, name="h", state="stopped", force=True, timeout=0)) == ["destroy"]
    assert only(vm_info(name=["h"]))["pid"] is None
    end(vm, "h")


@contextmanager
def held(path: str) -> Iterator[None]:
    """Let another program have an image open."""
    with subprocess.Popen(["qemu-io", "-f", "raw", "-c", "sleep 600000", path], stdout=subprocess.DEVNULL) as holder:
        try:
            while f":{os.stat(path).st_ino} " not in Path("/proc/locks").read_text():
                assert holder.poll() is None
                time.sleep(0.05)
            yield
        finally:
            holder.kill()


def test_an_image_in_use(vm: Run, root_dir: Path) -> None:
    """Two running guests never write to one image; the refusal names the other guest."""
    path = image(root_dir / "shared.raw")
    link = root_dir / "link.raw"
    link.symlink_to(path)
    assert done(vm(**TINY, name="one", disks=[{"path": path}], state="paused")) == ["define", "start_paused"]
    for other in (path, str(link)):
        refused = vm(**TINY, name="two", disks=[{"path": other}], state="paused")
        assert f"The image {other} of guest two is in use by the guest one" in refused["msg"], refused
    end(vm, "one", "two")
    for name in ("one", "two"):
        assert done(vm(**TINY, name=name, disks=[{"path": path, "readonly": True}], state="paused"))
    end(vm, "one", "two")
    with held(path):
        refused = vm(**TINY, name="one", disks=[{"path": path}], state="paused")
        assert f"its image {path} is in use by another program" in refused["msg"], refused
    end(vm, "one")


def document(name: str, *disks: str, owned: tuple[str, ...] = ()) -> str:
    """A tiny guest whose metadata says which images were made for it."""
    marks = "".join(f"<corral:image path='{path}'/>" for path in owned)
    return (
        f"<domain><name>{name}</name><memory unit='MiB'>16</memory><os><type machine='pc'>hvm</type></os>"
        f"<metadata><corral:guest xmlns:corral='{OURS}'>{marks}</corral:guest></metadata>"
        f"<devices>{''.join(disks)}</devices></domain>"
    )


def disk(path: str, target: str, more: str = "") -> str:
    """A disk of a document."""
    kind = Path(path).suffix[1:]
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='{kind}'/><source file='{path}'/>"
        f"<target dev='{target}' bus='virtio'/>{more}</disk>"
    )


def test_what_goes_with_a_guest(vm: Run, vm_info: Run, root_dir: Path) -> None:
    """Only marked images that nobody else needs are deleted; all is looked at before anything is done."""
    paths = {name: image(root_dir / f"{name}.qcow2") for name in ("mine", "plain", "fixed")}
    over = image(root_dir / "over.qcow2", "-b", paths["mine"], "-F", "qcow2")
    mine = document(
        "a",
        *(disk(paths["mine"], "vda"), disk(paths["plain"], "vdb"), disk(paths["fixed"], "vdc", "<readonly/>")),
        owned=(paths["mine"], paths["fixed"], "/etc/passwd"),
    )
    assert done(vm(xml=mine, state="paused")) == ["define", "start_paused"]
    assert done(vm(xml=document("b", disk(over, "vda")))) == ["define"]
    for check in (True, False):
        refused = vm(check=check, name="a", state="absent", storage="owned", force=True, timeout=0)
        assert f"its image {paths['mine']} is also used by the guest b" in refused["msg"], refused
    assert only(vm_info(name=["a"]))["state"] == "paused"  # nothing was done, it was not even stopped
    end(vm, "b")
    subprocess.run(["qemu-img", "snapshot", "-U", "-l", paths["mine"]], check=True)
    announced = vm(check=True, name="a", state="absent", storage="owned", force=True, timeout=0)
    assert announced["actions"][-1]["detail"] == [f"deletes {paths['mine']}"]
    assert done(vm(name="a", state="absent", storage="owned", force=True, timeout=0)) == ["destroy", "undefine"]
    assert [Path(path).exists() for path in paths.values()] == [False, True, True]
    assert Path("/etc/passwd").exists() and Path(over).exists()
    assert done(vm(name="a", state="absent", storage="owned")) == []


def test_an_image_with_snapshots_is_kept(vm: Run, root_dir: Path) -> None:
    path = image(root_dir / "s.qcow2")
    subprocess.run(["qemu-img", "snapshot", "-c", "before", path], check=True)
    assert done(vm(xml=document("s", disk(path, "vda"), owned=(path,)))) == ["define"]
    refused = vm(name="s", state="absent", storage="owned")
    assert f"its image {path} holds 1 snapshot" in refused["msg"], refused
    assert Path(path).exists()
    assert done(vm(name="s", state="absent")) == ["undefine"]
    assert Path(path).exists()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({**TINY, "name": "a/b"}, "a name must not contain a slash"),
    ({**TINY, "name": "x" * 300}, "a name takes at most 200 bytes"),
    ({**TINY, "name": "a\0b"}, "a name must not contain control characters"),
    ({"memory": "900TiB", "name": "big", "state": "running"}, "and the whole host has"),
    ({"memory": "16MiB", "machine": "pc-q35-99.9", "name": "new"}, "pc-q35-99.9"),
    ({**TINY, "name": "a", "renamed_from": "b", "state": "absent"}, "contradict each other"),
    ({**TINY, "name": "a", "state": "running", "wait_for": {"timeout": 3}}, "required: console, agent"),
]


def test_what_is_refused_leaves_nothing(uri: str, vm: Run, vm_info: Run, root_dir: Path) -> None:
    """One clear sentence each, in check mode the same, and nothing half done."""
    for options, words in REFUSED:
        found = results([direct(uri, **options, **more) for more in ({}, {"check": True})])
        assert all(result.get("failed") and words in result["msg"] for result in found), (options, found)
    assert vm_info()["guests"] == []
    assert not list((root_dir / "run/corral/guests").glob("*"))
    uuid = vm(**TINY, name="first")["guest"]["uuid"]
    other = document("second").replace("<memory", f"<uuid>{uuid}</uuid><memory", 1)
    assert f"The uuid {uuid} belongs to the guest first" in vm(xml=other)["msg"]
    end(vm, "first")


def test_twenty_runs_on_one_guest(uri: str, vm: Run, vm_info: Run) -> None:
    """Each sees what the one before it did: one of them changes something, and none fails."""
    wanted = {**TINY, "name": "one", "state": "paused"}
    found = results([direct(uri, **wanted) for _number in range(20)])
    assert not [result for result in found if result.get("failed")], found
    assert sum(result["changed"] for result in found) == 1
    assert len({result["guest"]["pid"] for result in found}) == 1
    away = results([direct(uri, name="one", state="absent", force=True, timeout=0) for _number in range(20)])
    assert not [result for result in away if result.get("failed")], away
    assert sum(result["changed"] for result in away) == 1
    assert vm_info()["guests"] == []


def test_twenty_runs_on_twenty_guests(uri: str, vm: Run, vm_info: Run) -> None:
    """All of them run in the end, each with identity of its own, and go again."""
    names = [f"g{number}" for number in range(20)]
    found = results([direct(uri, **TINY, name=name, state="paused") for name in names])
    assert [done(result) for result in found] == [["define", "start_paused"]] * 20, found
    guests = vm_info()["guests"]
    for key in ("uuid", "pid", "id"):
        assert len({guest[key] for guest in guests}) == 20
    assert {guest["state"] for guest in guests} == {"paused"}
    gone = results([direct(uri, name=name, state="absent", force=True, timeout=0) for name in names])
    assert all(done(result) == ["destroy", "undefine"] for result in gone)
    assert vm_info()["guests"] == []
