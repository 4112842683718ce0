# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with swtpm and virtiofsd: they listen on the socket that they inherit, and end like real ones.

swtpm ends when it is told to, or when QEMU hangs up; virtiofsd when whoever has connected hangs up.
"""

from __future__ import annotations

import posixpath
from functools import partial
from typing import Dict, Tuple

from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeProcess
from ansible_collections.corral.virt.plugins.module_utils.host.fake_files import FakeFile
from ansible_collections.corral.virt.plugins.module_utils.host.fake_stream import FakeStream
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import MACHINES, SCHEMA
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import (
    COMMANDS,
    DEVICES,
    RUNNER,
    GuestHost,
    document,
)

FIRMWARE = "/usr/share/qemu/firmware/60-plain.json"
CODE, VARIABLES = "/usr/share/OVMF/CODE.fd", "/usr/share/OVMF/VARS.fd"
DESCRIPTOR = """{"interface-types": ["uefi"], "targets": [{"architecture": "x86_64", "machines": ["q35", "pc-q35-*"]}],
"mapping": {"device": "flash", "executable": {"filename": "%s", "format": "raw"},
"nvram-template": {"filename": "%s", "format": "raw"}}, "features": []}"""

TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
SHARE = "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv/share'/><target dir='share'/></filesystem>"
SHARED = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
TPM_COMMANDS = ("query-tpm-models", "query-tpm-types")
UEFI = "<features><acpi/></features>"


class HangsUp(FakeStream):
    """A connection to a helper that ends it, when it is told the farewell or when it is closed."""

    def __init__(self, host: HelperHost, pid: int, farewell: bytes) -> None:
        super().__init__(self._hear)
        self.server, self.pid, self.farewell = host, pid, farewell

    def _hear(self, sent: bytes) -> bytes:
        if sent == self.farewell:
            self.server.end_process(self.pid)
        return bytes(4)

    def close(self) -> None:
        super().close()
        if not self.farewell:
            self.server.end_process(self.pid)


class HelperHost(GuestHost):
    """The host; ``stubborn`` helpers do not end with their QEMU, ``setups`` counts the TPMs that were made."""

    def __init__(self) -> None:
        super().__init__()
        self.add_program("swtpm")
        self.add_program("swtpm_setup", partial(self._setup))
        self.add_program("swtpm_localca")
        self.add_program("virtiofsd", Completed((), 0, b'{"type": "fs"}', b""), path="/usr/lib/qemu/virtiofsd")
        self.add_directory("/srv/share")
        self.add_file(FIRMWARE, (DESCRIPTOR % (CODE, VARIABLES)).encode())
        self.add_file(CODE, b"code")
        self.add_file(VARIABLES, b"empty")
        self.stubborn = False
        self.setups = 0
        self.sockets: Dict[int, str] = {}

    # what helpers do

    def _start(self, started: FakeProcess) -> None:
        assert started.command is not None
        program = posixpath.basename(started.command.argv[0])
        if program not in ("swtpm", "virtiofsd"):
            super()._start(started)
            return
        socket = started.command.fds[0].path
        self.sockets[started.process.pid] = socket
        farewell = b"\0\0\0\3" if program == "swtpm" else b""
        self.add_stream(socket, HangsUp(self, started.process.pid, farewell))

    def _listen(self, started: FakeProcess) -> None:
        super()._listen(started)
        assert started.command is not None
        monitor = self.monitors.get(started.command.fds[0].path)
        if monitor is not None:
            monitor.answers["qom-list-types"] = [
                {"name": name} for name in (*DEVICES, "vhost-user-fs-pci", "tpm-crb", "memory-backend-memfd")
            ]
            monitor.answers["query-tpm-models"] = ["tpm-tis", "tpm-crb"]
            monitor.answers["query-tpm-types"] = ["emulator"]
            monitor.answers["query-machines"] = [{**row, "default-ram-id": "pc.ram"} for row in MACHINES]
            names = (*COMMANDS, *TPM_COMMANDS)
            more = ({"name": name, "meta-type": "command", "arg-type": "0"} for name in names)
            monitor.answers["query-qmp-schema"] = [*SCHEMA, *more]

    def _setup(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        if "--tpm-state" in argv and "--reconfigure" not in argv:
            self.setups += 1
            directory = argv[argv.index("--tpm-state") + 1]
            name = "tpm2-00.permall" if "--tpm2" in argv else "tpm-00.permall"
            self.files[f"{directory}/{name}"] = FakeFile("file", b"keys %d" % self.setups, 0o640, RUNNER)
        return Completed(argv, 0, b"", b"")

    def end_process(self, pid: int) -> None:
        mine = [guest.directory for guest in self.guests.values() if guest.process.process.pid == pid]
        super().end_process(pid)
        socket = self.sockets.pop(pid, None)
        if socket is not None:
            self.streams.pop(socket, None)
        for other, path in list(self.sockets.items()):
            if not self.stubborn and posixpath.dirname(path) in mine:
                self.end_process(other)

    def reboot(self, boot: str = "00000000-0000-4000-8000-000000000002") -> None:
        super().reboot(boot)
        self.sockets = {}

    # looking

    def beside(self) -> Dict[str, int]:
        """The helpers that run: their sockets, with their processes."""
        return {path: pid for pid, path in self.sockets.items()}


def served(name: str = "a", *, devices: str = TPM + SHARE, more: str = SHARED + UEFI) -> Element:
    """A guest with UEFI, a TPM and a directory of the host."""
    found = document(name, devices, more=more, disk="")
    holder = found.find("os")
    assert holder is not None
    holder.set("firmware", "efi")
    return found
