# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemd in memory with our units: what it runs is the launcher itself, on the same host in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.corral.virt.plugins.module_utils.drivers.units import BOOTED, VARIABLE
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.service.launcher import main
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

UNITS = Path(__file__).resolve().parents[3] / "roles/host/files"
HOME = "/etc/systemd/system"


class SmallSystemd:
    """What systemctl does to our units. ``states`` are those that are not inactive, ``later`` jobs that wait."""

    def __init__(self, host: GuestHost) -> None:
        self.host = host
        self.states: dict[str, str] = {}
        self.properties: dict[str, list[str]] = {}
        self.later: list[str] = []
        self.asked: list[tuple[str, ...]] = []
        self.deaf = False  # whether the launcher cannot be run at all
        self.tired = False  # whether it has seen a unit start too often
        self.stopping = False  # whether the host goes down
        host.add_directory(BOOTED)
        for unit in UNITS.glob("corral*"):
            host.add_file(f"{HOME}/{unit.name}", unit.read_bytes())
        host.add_program("systemctl", self.answer)
        host.add_program("systemd-cat")
        qemu = host.on_spawn
        host.on_spawn = lambda one: None if one.command and one.command.argv[0] == "systemd-cat" else qemu(one)

    def answer(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        """Do what systemctl is asked to."""
        words = [word for word in argv[1:] if word not in ("--no-ask-password", "--quiet")]
        self.asked.append(tuple(words))
        self.notice()
        if words[0] == "--no-block":
            self.later.append(words[2])
            return Completed(argv, 0, b"", b"")
        if words[0] == "is-system-running":
            return Completed(argv, int(self.stopping), b"stopping\n" if self.stopping else b"running\n", b"")
        if words[0] == "show":
            return Completed(argv, 0, self._shown(words[2]), b"")
        verb, unit = words[0], words[2] if words[1] == "--runtime" else words[1]
        code: int = getattr(self, f"_{verb.replace('-', '_')}")(unit, words[3:])
        return Completed(argv, code, b"", b"Job for it failed.\nSee the journal." if code else b"")

    def _shown(self, unit: str) -> bytes:
        job = "7" if unit in self.later else ""
        return f"ActiveState={self.states.get(unit, 'inactive')}\nJob={job}\n".encode()

    def notice(self) -> None:
        """See which guests have ended."""
        for unit in [unit for unit, state in self.states.items() if state == "active"]:
            pid = self.main_pid(unit)
            if pid is not None and self.host.process(pid) is None:
                self.states[unit] = "failed"
                self._launch("ended", unit)

    def go_on(self) -> None:
        """Do the jobs that wait for a unit to end."""
        self.notice()
        while self.later:
            self._start(self.later.pop(0), [])

    def main_pid(self, unit: str) -> int | None:
        """The process of a guest's unit."""
        data = self.host.read(f"/run/corral/units/{unit[len('corral-') : -len('.service')]}.pid")
        return int(data) if data else None

    # what systemctl is asked

    def _start(self, unit: str, _words: list[str]) -> int:
        if self.states.get(unit) == "active":
            return 0
        if self.tired:
            return 1
        code = 1 if self.deaf else self._launch("start", unit)
        self.states[unit] = "failed" if code else "active"
        if code and unit.startswith("corral-vm@"):
            self._launch("ended", unit)
        return code

    def _stop(self, unit: str, _words: list[str]) -> int:
        if self.states.pop(unit, "") != "active":
            return 0
        code = self._launch("stop", unit)
        if unit.startswith("corral-vm@"):
            self._launch("ended", unit)
        return code

    def _reload(self, unit: str, _words: list[str]) -> int:
        return self._launch("reload", unit)

    def _is_active(self, unit: str, _words: list[str]) -> int:
        return 0 if self.states.get(unit) == "active" else 3

    def _reset_failed(self, unit: str, _words: list[str]) -> int:
        self.tired = False
        if self.states.get(unit) == "failed":
            del self.states[unit]
        return 0

    def _set_property(self, unit: str, words: list[str]) -> int:
        self.properties[unit] = words
        self.host.add_directory(f"/run/systemd/system.control/{unit}.d")
        return 0

    def _launch(self, verb: str, unit: str) -> int:
        word, _at, instance = unit[len("corral-") : -len(".service")].partition("@")
        with self._inside(unit):
            return main([verb, word, instance], self.host)

    @contextmanager
    def _inside(self, unit: str) -> Iterator[None]:
        before = dict(self.host.environment)
        self.host.environment.update({VARIABLE: unit, "CORRAL_STOP_SECONDS": "20"})
        try:
            yield
        finally:
            self.host.environment = before
