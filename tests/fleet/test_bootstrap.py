# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role host on a bare Debian, which has none of our libraries and no QEMU: there, kept there, and away again.

Over SSH, from a controller with a home directory of its own. It takes a few minutes, as the packages are real ones.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import FLEET
from .controller import Controller
from .machine import ROOT, Machine, Wire, machine
from .packages import PLACE, SOURCE, repository

INSIDE, OUTSIDE = "10.213.9.2", "10.213.9.1"
OURS = ("/etc/corral", "/run/corral", "/usr/lib/corral", "/usr/libexec/corral", "/var/log/corral", "/var/cache/corral")
LIBRARIES = "import lxml.etree, qemu.qmp"
PYTHON = "/usr/libexec/corral/python"
ROLE = "corral.virt.host : "
SETTING = "net.ipv4.conf.all.log_martians"
GUEST = f"""\
- hosts: all
  gather_facts: false
  vars: {{ansible_python_interpreter: {PYTHON}}}
  tasks:
    - name: A guest
      corral.virt.vm:
        name: one
        memory: 128MiB
        virt_type: qemu
        kernel: /opt/guest/vmlinuz
        initrd: /opt/guest/initrd.img
        cmdline: console=ttyS0 quiet panic=-1
        interfaces: [{{network: default}}]
        disks: [{{pool: default, volume: one.qcow2, size: 64MiB}}]
        state: running
"""


@pytest.fixture(scope="module")
def wheels() -> Path:
    """A directory with what pip is to install on a host that reaches no index."""
    place = FLEET / "wheels"
    pinned = (ROOT / "requirements/run.txt").read_text().splitlines()
    wanted = next(line for line in pinned if line.lower().startswith(("qemu.qmp==", "qemu-qmp==")))
    pip = [ROOT / ".venv/bin/python", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place]
    subprocess.run([*pip, wanted.split()[0]], check=True)
    return place


@pytest.fixture(scope="module")
def bare(tree: Callable[[str], Path], suite: str) -> Iterator[Machine]:
    """The machine; its packages are put where it sees them when it is known which it lacks."""
    archives = FLEET / f"debs{suite}/cache/archives"
    archives.mkdir(parents=True, exist_ok=True)
    binds = (f"--bind-ro={archives}:{PLACE}", f"--bind-ro={ROOT / '.cache/guest'}:/opt/guest")
    wire = Wire(f"{INSIDE}/24", outside=f"{OUTSIDE}/24")
    with machine(tree(f"base{suite}"), "bare", wire=wire, arguments=binds) as one:
        one.write("/etc/apt/sources.list", SOURCE)
        yield one


def there(one: Machine, *paths: str) -> list[str]:
    return [path for path in paths if one.path(path).exists()]


def test_a_bare_machine_becomes_a_host_and_is_bare_again(
    bare: Machine, tree: Callable[[str], Path], suite: str, wheels: Path, tmp_path: Path
) -> None:
    controller = Controller(tmp_path)
    controller.meet(bare, INSIDE)
    wanted = {"host_wheels": str(wheels), "host_sysctl": {SETTING: 1}}

    # a check says it all, and does nothing
    check = controller.play("bootstrap", "--check", "--diff", **wanted)
    packages = check.message("Say which packages would be installed")
    assert {"qemu-system-x86", "nftables", "dnsmasq-base", "python3-lxml", "ovmf"} <= set(packages)
    assert check.message("Say what would be made") == ["the network default", "the pool default"]
    announced = (
        "Make the virtual environment",
        "The user that guests run as",
        "The code that the units run",
        "The units",
    )
    assert {ROLE + task for task in announced} <= set(check.changing())
    assert there(bare, *OURS, "/var/lib/corral", "/usr/bin/qemu-img", "/etc/sysctl.d/60-corral.conf") == []

    # then it is done, once
    repository(tree(f"base{suite}"), FLEET / f"debs{suite}", [*packages, "python3-apt"])
    assert controller.play("bootstrap", **wanted).changed["bare"] > 0
    again = controller.play("bootstrap", **wanted)
    assert (again.changed["bare"], again.changing()) == (0, [])
    bare.run(PYTHON, "-c", LIBRARIES)
    assert bare.said("sysctl", "-n", SETTING) == "1"
    assert bare.said("systemctl", "is-enabled", "corral.target", "corral-guests.service") == "enabled\nenabled"
    assert bare.said("systemctl", "is-active", "corral-network@default", "corral-pool@default") == "active\nactive"
    assert "corral-qemu" in bare.said("getent", "passwd", "corral-qemu")

    # what somebody breaks is mended
    copy = Path(bare.said("readlink", "-f", "/usr/lib/corral/runtime/current"))
    errors = copy / "ansible_collections/corral/virt/plugins/module_utils/errors.py"
    bare.run("sh", "-c", f"echo broken >>{errors}; rm -r /usr/libexec/corral/venv/lib/python3*/site-packages/qemu")
    mended = controller.play("bootstrap", **wanted)
    assert {ROLE + "Install the libraries", ROLE + "The code that the units run"} <= set(mended.changing())
    assert "broken" not in bare.path(str(errors)).read_text()

    # it is a host: a guest runs, and has an address
    playbook = tmp_path / "guest.yml"
    playbook.write_text(GUEST)
    assert controller.play(str(playbook)).changed["bare"] == 1
    assert bare.said("systemctl", "is-active", "corral-vm@one") == "active"
    console = bare.path("/var/log/corral/consoles/one.log")
    bare.wait(lambda: console.exists() and "net eth0 192.168.122." in console.read_text(), "the guest has an address")

    # nothing is taken away below a guest that runs
    refused = controller.play("bootstrap", fails=True, host_state="absent")
    assert "These guests run: one." in refused.text
    assert bare.said("systemctl", "is-active", "corral-vm@one") == "active"

    # and then all of it, but the images
    away = {"host_state": "absent", "host_end_guests": True, "host_end_timeout": 5}
    checked = controller.play("bootstrap", "--check", **away)
    assert controller.play("bootstrap", **away).changing() == checked.changing()
    assert controller.play("bootstrap", **away).changing() == []
    assert there(bare, *OURS, "/etc/sysctl.d/60-corral.conf") == []
    assert bare.said("find", "/var/lib/corral", "-printf", "%P %u\n") == "root\nimages root\nimages/one.qcow2 root"
    assert bare.said("sh", "-c", "ls /etc/systemd/system /run/systemd/system | grep corral", check=False) == ""
    assert bare.said("systemctl", "list-units", "--all", "--no-legend", "corral*") == ""
    assert bare.said("nft", "list", "ruleset") == ""
    assert "virbr" not in bare.said("ip", "link")
    assert bare.run("getent", "passwd", "corral-qemu", check=False).returncode == 2
