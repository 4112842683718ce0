# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets on a real host: guests with encrypted disks and TPMs, and a value that can be seen nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

from .conftest import ROOT

Run = Callable[..., "dict[str, Any]"]

# Ours alone: tests look for them in all processes of the machine, and others run beside.
VALUE = f"{token_hex(4)[:7]} horse battery staple 4711"
ROTATED = f"Tr0ub4dor and 3 of {token_hex(4)}"
PATTERN = "corral-guest-reads-this"
UUID = "f52a81b2-424e-490c-823d-6bd4235bc573"


def encrypted_image(path: Path, kind: str) -> None:
    """Make an encrypted disk of 16 MiB that begins with the pattern, with QEMU's own tools."""
    key = path.with_suffix(".key")
    key.write_text(VALUE)
    key.chmod(0o600)
    secret = ["--object", f"secret,id=s,file={key}"]
    plain = path.with_suffix(".plain")
    plain.write_bytes(PATTERN.encode().ljust(16 << 20, b"\0"))
    options = {
        "luks": ["key-secret=s,iter-time=10"],
        "qcow2": ["encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"],
    }
    create = ["qemu-img", "create", "-q", *secret, "-f", kind, "-o", options[kind][0], str(path), "16M"]
    # QEMU measures how fast it is, and cannot on a processor that is taken away from it
    made = any(subprocess.run(create, check=False).returncode == 0 for _try in range(5))
    assert made, create
    target = {"luks": f"driver=luks,key-secret=s,file.filename={path}"}.get(
        kind, f"driver=qcow2,encrypt.key-secret=s,file.filename={path}"
    )
    source = ["--image-opts", f"driver=raw,file.filename={plain}"]
    subprocess.run(["qemu-img", "convert", "-n", *secret, *source, "--target-image-opts", target], check=True)
    plain.unlink()
    key.unlink()
    assert PATTERN.encode() not in path.read_bytes()


def disk(path: Path, kind: str, name: str, secret: str) -> str:
    format_ = "raw" if kind == "luks" else kind
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='{format_}'/><source file='{path}'>"
        f"<encryption format='luks'><secret type='passphrase' {secret}/></encryption></source>"
        f"<target dev='{name}' bus='virtio'/></disk>"
    )


def guest(linux: dict[str, Any], devices: str, name: str = "sealed") -> str:
    """A guest that boots the test kernel, with these devices."""
    return (
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>160</memory>"
        f"<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{linux['kernel']}</kernel>"
        f"<initrd>{linux['initrd']}</initrd><cmdline>{linux['cmdline']}</cmdline></os><features><acpi/></features>"
        f"<devices><serial type='pty'/><console type='pty'/>{devices}</devices></domain>"
    )


def traces() -> Iterator[tuple[str, bytes]]:
    """What every process of the machine was told."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            for name in ("cmdline", "environ"):
                try:
                    yield f"{process}/{name}", (process / name).read_bytes()
                except OSError:
                    continue


@contextmanager
def watched() -> Iterator[list[str]]:
    """Look at all processes again and again, and list those that were told the value."""
    found: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            found.extend(place for place, data in traces() if holds(data))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def holds(data: bytes) -> bool:
    """Whether one of the values is in there, as it is or in base64."""
    return any(
        needle in data for value in (VALUE, ROTATED) for needle in (value.encode(), b64encode(value.encode())[:-4])
    )


def files(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below the root but the store of values."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink() and "var/lib/corral/secrets" not in str(path):
            yield str(path), path.read_bytes()


def holders(root: Path, *results: Any) -> list[str]:
    """Where the value can be seen."""
    rows = [*traces(), *files(root), ("results", json.dumps(results).encode())]
    return [place for place, data in rows if holds(data)]


def asked(shown: dict[str, Any], command: str, answer: str) -> None:
    """Type a command on the guest's console until its output begins with the answer; what is typed is echoed."""
    (found,) = shown["guests"]
    terminal = parse(found["xml"]).find("devices/serial/source").get("path")
    log, end, turn = Path(found["console_log"]), time.monotonic() + 180, 0
    mark = f"m{time.monotonic_ns()}"
    with open(terminal, "wb", buffering=0) as typed:
        while f"{mark}={answer}" not in log.read_text(errors="replace"):
            assert time.monotonic() < end, f"{command} did not say {answer}:\n{log.read_text(errors='replace')}"
            if turn % 15 == 0:
                typed.write(f"echo {mark}=$({command})\n".encode())
            turn += 1
            time.sleep(0.2)


def test_a_value_is_kept_encrypted_and_seen_nowhere(root_dir: Path, cli: Run) -> None:
    wanted = {"usage": "ceph", "usage_id": "client.admin secret", "value": VALUE, "private": True}
    would = cli("secret", check=True, diff=True, **wanted)
    assert would["changed"] and would["secret"] is None, would
    made = cli("secret", diff=True, **wanted)
    assert made["changed"] and made["secret"]["has_value"], made
    again = [cli("secret", check=check, diff=True, **wanted) for check in (True, False)]
    assert not any(result["changed"] for result in again), again
    rotated = cli("secret", diff=True, **{**wanted, "value": "another value, and a long one"})
    back = cli("secret", diff=True, **wanted)
    assert rotated["actions"][0]["detail"] == ["value: (secret) -> (secret, changed)"]
    info = cli("secret_info", xml=True)
    assert "secret" not in info["secrets"][0]["xml"].replace("<secret", "").replace("</secret", "").replace(
        "admin secret", ""
    )
    assert holders(root_dir, would, made, again, rotated, back, info) == []
    kept = list((root_dir / "var/lib/corral/secrets").iterdir())
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]
    if os.geteuid() == 0 and "systemd-creds" in made["protection"]:
        assert VALUE.encode() not in kept[0].read_bytes() and b64encode(VALUE.encode()) not in kept[0].read_bytes()
    gone = cli("secret", usage="ceph", usage_id="client.admin secret", state="absent")
    assert gone["secret"] is None and not list((root_dir / "var/lib/corral/secrets").iterdir())


@pytest.mark.guest
def test_a_guest_reads_encrypted_disks(
    root_dir: Path, cli: Run, quick: Run, linux: dict[str, Any], up: dict[str, Any]
) -> None:
    images = root_dir / "images"
    images.mkdir()
    raw, qcow2 = images / "a.img", images / "b.qcow2"
    encrypted_image(raw, "luks")
    encrypted_image(qcow2, "qcow2")
    devices = disk(raw, "luks", "vda", f"usage='{raw}'") + disk(qcow2, "qcow2", "vdb", f"uuid='{UUID}'")
    xml = guest(linux, devices)

    failed = quick("vm", check=True, xml=xml, state="running")
    assert failed["failed"] and "there is no secret with the usage" in failed["msg"], failed
    results = [quick("secret", diff=True, usage="volume", usage_id=str(raw), value=VALUE, private=True)]
    failed = quick("vm", xml=xml, state="running")
    assert failed["failed"] and f"there is no secret with the uuid '{UUID}'" in failed["msg"], failed
    results += [quick("secret", uuid=UUID, usage="volume", usage_id="second")]
    failed = quick("vm", check=True, xml=xml, state="running")
    assert failed["failed"] and "has no value" in failed["msg"], failed
    results += [quick("secret", uuid=UUID, usage="volume", usage_id="second", value=VALUE)]

    results += [quick("vm", check=True, diff=True, xml=xml, state="running")]
    results += [cli("vm", diff=True, xml=xml, state="running", wait_for=up)]
    assert not results[-1].get("failed"), results[-1]["msg"]
    results += [quick("vm", diff=True, xml=xml, state="running"), quick("vm_info", name="sealed", xml="live")]
    assert not results[-2]["changed"]
    both = f"$(head -c {len(PATTERN)} /dev/vda)+$(head -c {len(PATTERN)} /dev/vdb)"
    asked(results[-1], f"echo {both}", f"{PATTERN}+{PATTERN}")
    key = next(root_dir.glob("run/corral/guests/*/master-key.aes"))
    assert (key.stat().st_uid, key.stat().st_mode & 0o777) == (os.geteuid(), 0o400)
    assert holders(root_dir, *results) == []
    results += [quick("vm", name="sealed", state="absent", force=True, timeout=0)]
    assert holders(root_dir, *results) == []


@pytest.mark.guest
def test_volumes_that_are_made_encrypted_for_a_guest(
    root_dir: Path, quick: Run, cli: Run, linux: dict[str, Any], up: dict[str, Any]
) -> None:
    images, plain = root_dir / "images", root_dir / "plain"
    plain.write_bytes(PATTERN.encode().ljust(8 << 20, b"\0"))
    results = [quick("secret", usage="volume", usage_id="vault", value=VALUE, private=True)]
    results += [quick("secret", usage="volume", usage_id="other", value="something else")]
    results += [quick("pool", name="p", type="dir", target=str(images), state="active")]
    sealed = {"format": "luks", "secret": "vault"}
    disk = {"pool": "p", "image": {"path": str(plain), "format": "raw"}, "format": "raw"}
    wanted = {**linux, "name": "sealed", "state": "running"}
    would = quick(check=True, disks=[{**disk, "encryption": sealed}], **wanted)
    first = cli(diff=True, disks=[{**disk, "encryption": sealed}], wait_for=up, **wanted)
    assert not first.get("failed"), first["msg"]
    assert first["actions"] == would["actions"]
    assert [step["action"] for step in first["actions"]] == ["define", "create_volume", "start"]
    again = quick(disks=[disk], **wanted)
    assert not again["changed"] and not again["pending"], again
    shown = quick("vm_info", name="sealed", xml="live")
    written = PATTERN[::-1]
    asked(shown, f"head -c {len(PATTERN)} /dev/vda; echo {written} >/dev/vda; sync", PATTERN)

    grown = quick(disks=[{**disk, "size": "16MiB"}], **wanted)
    assert [step["action"] for step in grown["actions"]] == ["resize_volume"], grown
    asked(shown, "cat /sys/block/vda/size", str((16 << 20) // 512))
    refused = quick(disks=[{**disk, "encryption": "other"}], **wanted)
    assert refused["failed"] and "was made with the secret vault, and cannot be opened by other" in refused["msg"]
    results += [would, first, again, shown, grown, refused]
    assert holders(root_dir, *results) == []

    results += [quick(name="sealed", state="stopped", force=True, timeout=0)]
    results += [quick("volume", pool="p", name="sealed-vda", capacity="24MiB")]
    assert results[-1]["changed"] and results[-1]["volume"]["encrypted"], results[-1]
    (image,) = images.iterdir()
    assert not any(word.encode() in image.read_bytes() for word in (PATTERN, written))
    assert opened(image, root_dir).startswith(written.encode())
    results += [quick(name="sealed", state="absent", storage="owned")]
    assert list(images.iterdir()) == [] and holders(root_dir, *results) == []


def opened(image: Path, beside: Path) -> bytes:
    """What begins an encrypted raw image, as QEMU's own tools read it with the value."""
    key, target = beside / "opener", beside / "opened"
    key.write_text(VALUE)
    source = f"driver=luks,key-secret=s,file.filename={image}"
    command = ["qemu-img", "convert", "--object", f"secret,id=s,file={key}", "--image-opts", source, "-O", "raw"]
    subprocess.run([*command, str(target)], check=True)
    key.unlink()
    with target.open("rb") as file:
        return file.read(512)


def test_a_key_is_not_destroyed_without_a_word(root_dir: Path, quick: Run) -> None:
    """What a secret opens keeps its value and the secret, until force says otherwise; then QEMU's words are told."""
    vault = {"usage": "volume", "usage_id": "vault"}
    made = {"pool": "p", "name": "v", "format": "qcow2"}
    results = [quick("secret", **vault, value=VALUE, private=True)]
    results += [quick("pool", name="p", type="dir", target=str(root_dir / "images"), state="active")]
    results += [quick("volume", **made, capacity="4MiB", encryption="vault")]
    assert results[-1]["changed"], results[-1]
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("active", {"value": ROTATED, "check": True}),
        ("active", {"value": ROTATED}),
        ("active", {"ephemeral": True}),
        ("inactive", {"state": "absent", "check": True}),
        ("inactive", {"state": "absent"}),
    ]
    for pool_state, options in attempts:
        quick("pool", name="p", state=pool_state)
        refused = quick("secret", **vault, **options)
        assert refused["failed"] and "is needed by volume v of pool p, and cannot" in refused["msg"], refused
        results.append(refused)
    same = quick("secret", **vault, value=VALUE)
    assert not same["changed"] and "failed" not in same, same
    quick("pool", name="p", state="active")
    assert quick("volume", **made, capacity="8MiB")["changed"]
    disks = [{"pool": "p", "volume": "v"}]
    results += [quick("vm", name="g", memory="64MiB", disks=disks)]
    assert "guest g, volume v of pool p" in quick("secret", **vault, state="absent")["msg"]

    results += [quick("secret", **vault, value=ROTATED, force=True)]
    assert results[-1]["changed"] and not results[-1].get("failed"), results[-1]
    wrong = "cannot be opened with the value of the secret volume:vault: it was encrypted with another"
    results += [quick("volume", **made, capacity="12MiB")]
    assert f"Volume v of pool p {wrong}" in results[-1]["msg"], results[-1]
    results += [quick("vm", name="g", state="running")]
    assert f"Guest g did not start: its disk vda (volume v of pool p) {wrong}" in results[-1]["msg"], results[-1]
    results += [quick("vm", name="h", memory="64MiB", disks=[{"device": "cdrom"}], state="paused")]
    medium = {"device": "cdrom", "path": str(root_dir / "images/v"), "format": "qcow2", "encryption": "vault"}
    results += [quick("vm", name="h", memory="64MiB", disks=[medium], state="paused")]
    assert f"({root_dir}/images/v) {wrong}" in results[-1]["msg"], results[-1]

    results += [quick("secret", **vault, value=VALUE, force=True)]
    results += [quick("volume", **made, capacity="12MiB"), quick("vm", name="g", state="paused")]
    assert all(result["changed"] and not result.get("failed") for result in results[-2:]), results[-2:]
    assert holders(root_dir, *results) == []
    for name in "g", "h":
        quick("vm", name=name, state="absent", force=True, timeout=0)
    quick("volume", pool="p", name="v", state="absent")
    gone = quick("secret", **vault, state="absent")
    assert gone["changed"] and not gone.get("failed") and not gone.get("warnings"), gone


@pytest.mark.guest
@pytest.mark.root
def test_no_log_and_no_output_says_the_value(root_dir: Path, uri: str, tmp_path: Path) -> None:
    """A play as people run it, with all that Ansible can say, successes and failures, and everything that is logged."""
    play, log, home = tmp_path / "play.yml", tmp_path / "log", tmp_path / "home"
    home.mkdir()
    vault = {"usage": "volume", "usage_id": "vault"}

    def step(module: str, **options: Any) -> dict[str, Any]:
        return {f"corral.virt.{module}": {"uri": uri, **options}}

    anyway = {"failed_when": False}
    tasks: list[dict[str, Any]] = [
        step("secret", **vault, value=VALUE, private=True),
        step("pool", name="p", type="dir", target=str(root_dir / "images"), state="active"),
        step("volume", pool="p", name="v", capacity="4MiB", encryption="vault"),
        step("vm", name="g", memory="32MiB", disks=[{"pool": "p", "volume": "v"}], state="running"),
        {**step("secret", **vault, value=ROTATED), **anyway, "register": "rotated"},
        step("secret", **vault, value=ROTATED, force=True),
        step("secret_info", xml=True, users=True),
        step("vm_info", xml="live"),
        {**step("vm", name="g", state="restarted", force=True, timeout=0), **anyway, "register": "restarted"},
        {**step("volume", pool="p", name="v", capacity="8MiB"), **anyway, "register": "resized"},
        {**step("secret", usage="volume", value=VALUE), **anyway, "register": "unnamed"},
        {
            "ansible.builtin.assert": {
                "that": [f"{each}.error is defined" for each in ("rotated", "restarted", "resized", "unnamed")]
            }
        },
        step("vm", name="g", state="absent", force=True, timeout=0),
    ]
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    play.chmod(0o600)
    command = ["unshare", "--mount", sys.executable, str(Path(__file__).with_name("log_host.py")), str(log)]
    command += [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "--diff", str(play)]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    environment = {**os.environ, "HOME": str(home), "ANSIBLE_NOCOLOR": "1"}
    with watched() as seen:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    logged = log.read_bytes()
    assert logged.count(b"Invoked with") >= len(tasks) - 1, logged
    assert b"usage_id=vault" in logged and "usage_id" in done.stdout
    assert not holds(logged) and not holds((done.stdout + done.stderr).encode())
    assert seen == [] and holders(root_dir) == []
    assert [place for place, data in files(home) if holds(data)] == []


@pytest.mark.guest
def test_an_encrypted_medium_is_put_into_a_guest_that_runs(
    root_dir: Path, quick: Run, linux: dict[str, Any], up: dict[str, Any]
) -> None:
    image = root_dir / "medium.img"
    encrypted_image(image, "luks")
    drive = "<disk type='file' device='cdrom'>{}<target dev='sda' bus='sata'/><readonly/></disk>"
    source = (
        f"<driver name='qemu' type='raw'/><source file='{image}'><encryption format='luks'>"
        f"<secret type='passphrase' uuid='{UUID}'/></encryption></source>"
    )
    full, empty = guest(linux, drive.format(source)), guest(linux, drive.format(""))
    results = [quick("vm", xml=empty, state="running", wait_for=up)]
    failed = quick("vm", xml=full)
    assert failed["failed"] and f"there is no secret with the uuid '{UUID}'" in failed["msg"], failed
    results += [quick("secret", uuid=UUID, usage="volume", usage_id="medium", value=VALUE)]
    for _turn in range(2):
        results += [quick("vm", xml=full, diff=True), quick("vm_info", name="sealed", xml="live")]
        assert results[-2]["changed"] and not results[-2]["restart_required"], results[-2]
        asked(results[-1], f"head -c {len(PATTERN)} /dev/sr0", PATTERN)
        results += [quick("vm", xml=full), quick("secret", uuid=UUID, state="absent"), quick("vm", xml=empty)]
        assert not results[-3]["changed"] and results[-1]["changed"], results[-1]
        results += [quick("secret", uuid=UUID, usage="volume", usage_id="medium", value=VALUE)]
    assert holders(root_dir, *results) == []
    quick("vm", name="sealed", state="absent", force=True, timeout=0)


@pytest.mark.guest
def test_a_tpm_whose_state_is_encrypted(root_dir: Path, quick: Run, linux: dict[str, Any], up: dict[str, Any]) -> None:
    made = quick("secret", uuid=UUID, usage="vtpm", usage_id="sealed", value=VALUE[:32], private=True)
    tpm = f"<tpm model='tpm-crb'><backend type='emulator' version='2.0'><encryption secret='{UUID}'/></backend></tpm>"
    xml = guest(linux, tpm)
    results = [quick("vm", xml=xml, state="running", wait_for=up)]
    assert not results[-1].get("failed"), results[-1]["msg"]
    state = next(root_dir.glob("var/lib/corral/tpm/*/tpm2-00.permall"))
    assert int.from_bytes(state.read_bytes()[4:6], "big") & 1, "swtpm has not marked the state as encrypted"
    assert not list(root_dir.glob("run/corral/guests/*/tpm.key"))
    for _turn in range(2):  # it is read again by the next start
        results += [quick("vm", name="sealed", state="stopped", force=True, timeout=1)]
        results += [quick("vm", name="sealed", state="running", wait_for=up)]
        assert not results[-1].get("failed"), results[-1]["msg"]
    assert holders(root_dir, made, *results) == []
    quick("vm", name="sealed", state="stopped", force=True, timeout=1)
    refused = quick("secret", uuid=UUID, value="not what it was")
    assert refused["failed"] and "is needed by guest sealed" in refused["msg"], refused
    changed = quick("secret", uuid=UUID, value="not what it was", force=True)
    failed = quick("vm", name="sealed", state="running")
    assert changed["changed"] and failed["failed"] and state.exists(), failed
    quick("vm", name="sealed", state="absent", force=True, timeout=0)
