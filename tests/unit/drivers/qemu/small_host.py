# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small QEMU as one that runs guests: it keeps the journal, obeys its monitor and opens its images as its user."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from ansible_collections.corral.virt.plugins.module_utils.connect.uri import parse_uri
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Request, Success
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.images import Runner
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.open import open_driver
from ansible_collections.corral.virt.plugins.module_utils.host.api import Process
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeProcess
from ansible_collections.corral.virt.plugins.module_utils.host.fake_monitor import FakeMonitor
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import SCHEMA, SmallHost

RUNNER = (64055, 108)
IMAGE = "/var/lib/corral/images/a.raw"
DEVICES = (
    "virtio-blk-pci virtio-net-pci virtio-scsi-pci virtio-rng-pci virtio-serial-pci virtio-balloon-pci rtl8139 e1000 "
    "e1000e VGA cirrus-vga qxl qxl-vga virtio-vga virtio-gpu-pci bochs-display qemu-xhci piix3-usb-uhci ich9-ahci "
    "ich9-usb-ehci1 ich9-usb-uhci1 pcie-root-port pcie-pci-bridge pci-bridge usb-tablet usb-kbd usb-mouse i6300esb "
    "virtio-net-pci-transitional virtio-net-pci-non-transitional lsi53c895a lsi virtio-blk-device isa-serial"
).split()
COMMANDS = ("query-vnc", "set_password")


@dataclass
class Guest:
    """One QEMU that runs: where it writes, and whether its guest obeys the power button."""

    name: str
    directory: str
    process: FakeProcess
    monitor: FakeMonitor
    obeys: bool = True
    running: bool = False


class GuestHost(SmallHost):
    """A host on which guests run. ``dies`` are the words of a QEMU that ends as soon as it is started."""

    def __init__(self) -> None:
        super().__init__()
        self.users["libvirt-qemu"] = RUNNER
        self.dies: Optional[bytes] = None
        self.guests: Dict[str, Guest] = {}
        # what the monitor of a guest that is started answers beside the rest
        self.more: Callable[[FakeMonitor], Mapping[str, Any]] = lambda monitor: {}
        self.add_directory("/var/lib/corral/images", mode=0o711)
        self.add_file(IMAGE, b"disk")

    # starting

    def _start(self, started: FakeProcess) -> None:
        assert started.command is not None
        if "-name" not in started.command.argv:
            super()._start(started)
            return
        log = self.files.get(started.command.log)
        words = self.dies if self.dies is not None else self._refusal(started)
        self.add_file(started.command.log, (log.data if log else b"") + words, mode=0o640)
        if words:
            self.end_process(started.process.pid)
        else:
            self._run(started)

    def _listen(self, started: FakeProcess) -> None:
        super()._listen(started)
        assert started.command is not None
        monitor = self.monitors.get(started.command.fds[0].path)
        if monitor is not None:
            monitor.answers["qom-list-types"] = [{"name": name} for name in DEVICES]
            more = ({"name": name, "meta-type": "command", "arg-type": "0"} for name in COMMANDS)
            monitor.answers["query-qmp-schema"] = [*SCHEMA, *more]

    def _refusal(self, started: FakeProcess) -> bytes:
        """What QEMU says when its user cannot open an image or a kernel."""
        assert started.command is not None
        user = Runner("qemu", *(started.command.user or self.identity), groups=started.command.groups)
        for path in opened(list(started.command.argv)):
            found = self.stat(self.resolve(path))
            if found is None or not (user.uid == 0 or user.may(found, 4)):
                return b"2026-01-01T00:00:00.5Z qemu-system-x86_64: Could not open '%s'\n" % path.encode()
        return b""

    def _run(self, started: FakeProcess) -> None:
        assert started.command is not None
        argv = started.command.argv
        name = argv[argv.index("-name") + 1].split(",")[0].partition("=")[2]
        socket = started.command.fds[0].path
        guest = Guest(name, posixpath.dirname(socket), started, FakeMonitor())
        self.guests[name] = guest
        guest.monitor.answers = {
            "cont": partial(self._resume, guest),
            "stop": partial(self._stop, guest),
            "quit": partial(self._quit, guest),
            "system_powerdown": partial(self._press, guest),
            "query-chardev": [{"label": "charserial0", "filename": "pty:/dev/pts/7"}],
            "query-vnc": {"enabled": True, "service": "5901"},
            "set_password": {},
            "expire_password": {},
        }
        guest.monitor.answers.update(self.more(guest.monitor))
        self.add_monitor(socket, guest.monitor)

    # what QEMU does

    def journal(self, name: str, event: str, **data: Any) -> None:
        """Let QEMU write an event down."""
        path = f"{self.guests[name].directory}/journal"
        row = json.dumps({"timestamp": {"seconds": 1, "microseconds": 0}, "event": event, "data": data})
        self.files[path] = replace(self.files[path], data=self.files[path].data + row.encode() + b"\n")

    def end(self, name: str, reason: str = "") -> None:
        """Let a guest's QEMU end, with a SHUTDOWN event when there is a reason, else without a word (kill -9)."""
        if reason:
            self.journal(name, "SHUTDOWN", guest=reason.startswith("guest"), reason=reason)
        self.end_process(self.guests[name].process.process.pid)

    def end_process(self, pid: int) -> None:
        super().end_process(pid)
        for name, guest in list(self.guests.items()):
            if guest.process.process.pid == pid:
                guest.monitor.gone = True
                self.monitors = {path: found for path, found in self.monitors.items() if found is not guest.monitor}
                self.guests = {key: found for key, found in self.guests.items() if key != name}

    def reboot(self, boot: str = "00000000-0000-4000-8000-000000000002") -> None:
        super().reboot(boot)
        self.guests = {}

    def signal(self, process: Process, name: str) -> bool:
        guest = next((found for found in self.guests.values() if found.process.process == process), None)
        before = self.mutations
        if guest is not None and name == "SIGTERM" and "SIGTERM" not in guest.process.ignores and not self._due(before):
            self.journal(guest.name, "SHUTDOWN", guest=False, reason="host-signal")
        return super().signal(process, name)

    def _due(self, mutations: int) -> bool:
        return self._fault is not None and mutations + 1 >= self._fault[0]

    def _resume(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        if not guest.running:
            guest.running = True
            self.journal(guest.name, "RESUME")
        return {}

    def _stop(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        if guest.running:
            guest.running = False
            self.journal(guest.name, "STOP")
        return {}

    def _quit(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        self.end(guest.name, "host-qmp-quit")
        return {}

    def _press(self, guest: Guest, given: Mapping[str, Any]) -> Dict[str, Any]:
        self.journal(guest.name, "POWERDOWN")
        if guest.obeys:
            self.end(guest.name, "guest-shutdown")
        return {}

    # looking

    def owner(self, path: str) -> Any:
        """The (uid, gid) of a file."""
        return self.files[path].owner

    def below(self, directory: str) -> List[str]:
        """What is in a directory and below it, without the directories."""
        return sorted(p for p, node in self.files.items() if p.startswith(directory + "/") and node.kind != "directory")


def opened(argv: List[str]) -> Iterator[str]:
    """The files that a QEMU with these arguments opens by itself."""
    for flag, value in zip(argv, argv[1:]):
        if flag in ("-kernel", "-initrd", "-dtb"):
            yield value
        if flag == "-blockdev" and "filename" in json.loads(value):
            yield json.loads(value)["filename"]


def driver_on(host: GuestHost, uri: str = "qemu:///system", *, read_only: bool = False) -> QemuDriver:
    """The qemu driver as a new run opens it."""
    answer = open_driver(Request(parse_uri(uri), host, read_only))
    assert isinstance(answer, Success) and isinstance(answer.driver, QemuDriver)
    if not read_only:
        answer.driver.settle()
    return answer.driver


def document(name: str = "a", devices: str = "", *, more: str = "", machine: str = "q35", disk: str = IMAGE) -> Element:
    """A small guest with one disk, as a user writes it."""
    target = f"<disk type='file' device='disk'><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>"
    return parse(
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>{more}"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os>"
        f"<devices>{target if disk else ''}{devices}</devices></domain>",
        root="domain",
    )
