# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of a host with units share: guests of little weight, and how they are looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jinja2 import Template

from .machine import ROOT

if TYPE_CHECKING:
    from .installed import Installed

NETWORK = {
    "name": "net1",
    "state": "active",
    "autostart": True,
    "xml": "<network><name>net1</name><bridge name='virbr7'/>"
    "<ip address='192.168.77.1' netmask='255.255.255.0'/></network>",
}
# Guests that need no kernel to be looked at: their firmware finds nothing to boot, and waits.
BARE = (
    "<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>{more}"
    "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{devices}</devices></domain>"
)
CARD = "<interface type='network'><source network='net1'/></interface>"
DROP_IN = "/etc/systemd/system/corral-vm@.service.d/50-host.conf"


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def bare(host: Installed, name: str, more: str = "", devices: str = "", **options: Any) -> dict[str, Any]:
    """Let a bare guest be there."""
    text = name.replace("&", "&amp;").replace("<", "&lt;")
    document = BARE.format(name=text, more=more, devices=devices)
    return host.module("vm", **{"name": name, "xml": document, "state": "running", **options})


def gone(host: Installed, *names: str) -> None:
    """Remove guests, whatever they do."""
    host.module("vm", guests=[{"name": name} for name in names], state="absent", force=True, timeout=0)


def fact(host: Installed, name: str) -> dict[str, Any]:
    found: dict[str, Any] = host.module("vm_info", name=name)["guests"][0]
    return found


def escaped(host: Installed, name: str) -> str:
    return host.machine.said("systemd-escape", "--", name)


def shown(host: Installed, unit: str, *names: str) -> dict[str, str]:
    said = host.machine.said("systemctl", "show", "-p", ",".join(names), unit)
    return dict(line.split("=", 1) for line in said.splitlines())


def on_shutdown(host: Installed, choice: str, **seconds: int) -> None:
    """What the role writes."""
    values = {"host_on_shutdown": choice, "host_shutdown_timeout": 60, "host_save_timeout": 60, **seconds}
    text = Template((ROOT / "roles/host/templates/guests.conf.j2").read_text()).render(**values)
    host.machine.write(DROP_IN, text)
    host.machine.run("systemctl", "daemon-reload")


def up(host: Installed, name: str) -> None:
    """Let a guest of the test kernel run until it listens to its power button."""
    host.module("vm", name=name, state="running", wait_for={"console": "guest: up", "timeout": 300})
