# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real guest goes from one host to another and back, by the playbook drain; the hosts are two trees of a machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.handover import program
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound, OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.plugin_utils.handing import HandOver, Refused

ROOT = Path(__file__).resolve().parents[2]
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "drain_become": False}
SIZE = 3 << 20
OTHER = "<domain type='qemu'><name>web</name><memory>65536</memory><os><type>hvm</type></os></domain>"
STEPS = ["stop", "copy", "define", "start", "undefine", "delete"]


class Two:
    """Two hosts, ``old`` and ``new``, each below a directory, with a network and a pool of the same names."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shared = folder, folder / "shared"
        self.shared.mkdir()
        self.roots = {name: folder / name for name in ("old", "new")}
        for root in self.roots.values():
            root.mkdir(mode=0o755)

    def uri(self, host: str) -> str:
        return f"qemu:///embed?root={self.roots[host]}"

    def module(self, host: str, module: str, *words: str, **options: Any) -> dict[str, Any]:
        program = Path(sys.executable).with_name("ansible")
        arguments = json.dumps({"uri": self.uri(host), **options})
        command = [program, "localhost", "-m", f"corral.virt.{module}", "-a", arguments, *words]
        done = self._run([*command, "-e", json.dumps(LOCAL)])
        result: dict[str, Any] = json.JSONDecoder().raw_decode(done[done.index("{", done.rindex("localhost | ")) :])[0]
        return result

    def drain(self, host: str, to: str, *words: str, **variables: Any) -> str:
        inventory = self.folder / "inventory.json"
        hosts = {name: {"drain_uri": self.uri(name)} for name in self.roots}
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": LOCAL}}))
        given = {"drain_hosts": host, "drain_to": to, "drain_to_uri": self.uri(to), "drain_timeout": 0, **variables}
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [program, "-i", inventory, "playbooks/drain.yml", "-e", json.dumps({"drain_force": True, **given})]
        return self._run([*command, *words])

    def open(self, host: str) -> Connection:
        return open_connection(self.uri(host))

    def guest(self, host: str) -> Domain:
        with self.open(host) as connection:
            return connection.hypervisor.lookup_domain("web")

    def end(self) -> None:
        for status in self.folder.glob("*/run/corral/domains/*.json"):
            pid = json.loads(status.read_text()).get("pid")
            if pid and str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

    def _run(self, command: list[Any]) -> str:
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def two() -> Iterator[Two]:
    with tempfile.TemporaryDirectory(prefix="corral-two-") as name:
        Path(name).chmod(0o755)
        hosts = Two(Path(name))
        yield hosts
        hosts.end()


class Here:
    """Either host, asked in this very process."""

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        return program.answer(json.loads(json.dumps(order)))


def hand_over(two: Two, host: str, to: str, *, check: bool = False, **more: Any) -> dict[str, Any]:
    """What the playbook does for one guest, without Ansible."""
    options = {"name": "web", "to": to, "uri": two.uri(host), "to_uri": two.uri(to), "timeout": 0, "force": True}
    given = {**options, "shared": [], "replace": False, "remove_copied": False, **more}
    return HandOver(Here(), Here(), given, lambda _text: None).run(check=check)


@pytest.mark.root
@pytest.mark.guest
def test_there_and_back(two: Two, linux: dict[str, Any]) -> None:
    boot = {name: linux[name] for name in ("machine", "kernel", "initrd", "cmdline")}
    data = two.shared / "data.raw"
    data.write_bytes(bytes(SIZE))
    two.shared.chmod(0o755)
    for host, root in two.roots.items():
        two.module(host, "pool", name="images", target=str(root / "var/lib/corral/images"), state="active")
    disks = [{"pool": "images", "volume": "web.raw", "format": "raw", "size": "8MiB"}, {"path": str(data)}]
    made = two.module("old", "vm", name="web", memory="64MiB", disks=disks, **boot, autostart=True, state="running")
    image = {host: root / "var/lib/corral/images/web.raw" for host, root in two.roots.items()}
    with image["old"].open("r+b") as file:
        file.seek(5 << 20)
        file.write(b"something")

    # nothing is done before all is well
    with two.open("new") as new:
        new.hypervisor.define_domain(new.hypervisor.normalise_domain(parse(OTHER)))
        with pytest.raises(Refused, match="there is another guest named web"):
            hand_over(two, "old", "new")
        new.hypervisor.undefine_domain("web")
    assert hand_over(two, "old", "new", check=True)["copied"] == [str(image["new"])]
    assert not image["new"].exists() and two.guest("old").active

    said = two.drain("old", "new")
    with pytest.raises(NotFound):
        two.guest("old")
    after = two.guest("new")
    assert (after.active, after.autostart, after.uuid) == (True, True, made["guest"]["uuid"]), said
    assert image["new"].read_bytes() == image["old"].read_bytes()
    assert image["new"].stat().st_blocks * 512 < 8 << 20, "holes stay holes"
    assert not list(two.shared.glob(".corral*")), "no mark is left"
    document = (two.roots["new"] / "etc/corral/domains/web.xml").read_text()
    assert str(data) in document

    # the old host defines it again, as a role would, and does not start it
    with two.open("old") as old:
        old.hypervisor.define_domain(old.hypervisor.normalise_domain(parse(document)))
        with pytest.raises(OperationInvalid, match="was handed over to new"):
            old.hypervisor.start_domain("web")
        with pytest.raises(Refused, match="old has it already"):
            hand_over(two, "new", "old")
        old.hypervisor.undefine_domain("web")

    # it comes back, onto the image that it has left there
    image["new"].write_bytes(b"newer".ljust(8 << 20, b"\0"))
    assert [row["action"] for row in hand_over(two, "new", "old", remove_copied=True)["actions"]] == STEPS
    assert two.guest("old").active
    with pytest.raises(NotFound):
        two.guest("new")
    assert image["old"].read_bytes().startswith(b"newer") and not image["new"].exists() and data.exists()
