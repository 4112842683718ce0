# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine with systemd as its first process, in systemd-nspawn, on an overlay of a tree that tree.sh has made.

It has a network namespace, a mount namespace and control groups of its own, and goes with the process that started
it, however that ends. What it writes is below one temporary directory, which goes with it; what a test run leaves
that is killed (that directory, and empty control groups) goes with the next machine of anybody.

    with machine(tree, "one") as one:
        one.run("systemctl", "is-active", "ssh")
        one.reboot()

As a program it gives a shell in one: ``python tests/fleet/machine.py TREE [WORDS...]``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 90.0
DEVICES = ("/dev/net/tun", "/dev/kvm", "/dev/vhost-net", "/dev/fuse")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = (f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0")
PR_SET_PDEATHSIG = 1
# Of everything that a machine has outside of itself; then comes the process that it belongs to.
PREFIX = "corral-fleet-"
HIERARCHIES = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")

# Run in mount, network and IPC namespaces of its own: puts the overlay together and boots it for as long as it wants to
# be booted again, which is what 133 says. When this ends, nspawn shuts the machine down. The hierarchies of control
# groups are joined below a group of its own, so that machines do not meet there.
SUPERVISOR = r"""
set -eu
tree=$1 place=$2 name=$3
shift 3
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$place/upper,workdir=$place/work" "$place/root"
for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  [ -f "$hierarchy/cgroup.procs" ] || continue
  mkdir -p "$hierarchy/$name"
  echo $$ >"$hierarchy/$name/cgroup.procs"
done
ip link set lo up
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_LOG_LEVEL=warning
while :; do
  code=0
  setpriv --pdeathsig TERM systemd-nspawn -q -b --register=no --keep-unit --machine="$name" --directory="$place/root" \
    --network-namespace-path=/proc/self/ns/net --capability=all --console=pipe --link-journal=no --resolv-conf=off \
    --timezone=off "$@" </dev/null >>"$place/console" 2>&1 &
  echo $! >"$place/nspawn"
  wait $! 2>/dev/null || code=$?
  rm -f "$place/nspawn"
  [ "$code" = 133 ] || exit "$code"
done
"""

PROGRAMS = ("systemd-nspawn", "nsenter", "unshare", "setpriv", "ip", "ssh")
# Whether that can work.
PROBE = r"""
set -e
mkdir lower upper work root
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
ip link add probe type bridge
for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  [ ! -f "$hierarchy/cgroup.procs" ] || test -w "$hierarchy/cgroup.procs"
done
"""


@dataclass(frozen=True)
class Wire:
    """An Ethernet link of a machine: ``address`` with its prefix is that of ``host0`` inside.

    Its other end is in the network namespace of the process ``beside``, else of the caller, as ``vf-NAME``: on
    ``bridge`` where one is named, else with the address ``outside``.
    """

    address: str
    bridge: str = ""
    outside: str = ""
    beside: int = 0


class MachineError(Exception):
    """A machine did not come up, or a program in it failed; has what it said."""


@dataclass
class Machine:
    """One machine: ``place`` is its directory, ``supervisor`` holds it, ``pid`` its first process or 0."""

    name: str
    place: Path
    supervisor: subprocess.Popen[bytes]
    wire: Optional[Wire] = None
    pid: int = field(default=0)

    def run(
        self, *words: str, stdin: str = "", check: bool = True, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in it as root; MachineError with all that it said when it fails and ``check`` is set."""
        command = ["nsenter", "-t", str(self.pid), "-a", "--", "env", "-i", "-C", "/root", *ENVIRONMENT, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode:
            raise MachineError(f"{self.name}: {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def said(self, *words: str, check: bool = True) -> str:
        """What a program in it printed, without the spaces around."""
        return self.run(*words, check=check).stdout.strip()

    def path(self, inside: str) -> Path:
        """The path by which we reach a file of it, while it runs."""
        return Path(f"/proc/{self.pid}/root", inside.lstrip("/"))

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Write a file in it, and make the directories that it takes."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def copy(self, source: Path, path: str) -> None:
        """Copy a file or a directory into it."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)

    def wait(self, condition: Callable[[], bool], what: str, timeout: float = START_TIMEOUT) -> None:
        """Wait until something holds; MachineError that says what did not."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise MachineError(f"{self.name}: {what}: not within {timeout:g} s\n{self.console()[-4000:]}")
            time.sleep(0.1)

    def console(self) -> str:
        """What it wrote to its console."""
        path = self.place / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    def reboot(self) -> None:
        """Reboot it in the orderly way, and wait until it is up again."""
        before = self.pid
        self.run("systemctl", "reboot", check=False)
        self.wait(lambda: not _alive(before), "it goes down", timeout=180)
        self.wait_up()

    def power_off(self) -> None:
        """Shut it down in the orderly way; it is not started again."""
        before = self.pid
        self.run("systemctl", "poweroff", check=False)
        self.wait(lambda: not _alive(before), "it goes down", timeout=180)
        self.pid = 0

    def wait_up(self) -> None:
        """Wait until systemd has started all that it was to start."""
        self.wait(self._has_booted, "it boots")
        self._connect()
        self.wait(lambda: self.state() in ("running", "degraded"), "it comes up")

    def state(self) -> str:
        """What systemd says of all of it: running, degraded (something failed), starting."""
        return self.said("systemctl", "is-system-running", check=False)

    def stop(self) -> None:
        """End it at once, as a power cut does."""
        # without its first process it is over, and nspawn clears up; what is stuck is ended from the inside out
        for pid in (self.pid, self._nspawn, self.supervisor.pid):
            found = pid if isinstance(pid, int) else pid()
            if found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.supervisor.wait(10)
                return

    def _nspawn(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((self.place / "nspawn").read_text())
        return 0

    def _has_booted(self) -> bool:
        if self.supervisor.poll() is not None:
            raise MachineError(f"{self.name} ended with {self.supervisor.returncode}\n{self.console()[-4000:]}")
        nspawn = self._nspawn()
        with contextlib.suppress(OSError):
            for pid in Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split() if nspawn else ():
                if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                    self.pid = int(pid)
                    # it answers
                    return self.run("systemctl", "is-system-running", check=False).stdout.strip() not in ("", "offline")
        return False

    def _connect(self) -> None:
        """Give it its wire; one that is there already, because it was rebooted, stays."""
        if self.wire is None or not self.run("ip", "link", "show", "host0", check=False).returncode:
            return
        outside, beside = f"vf-{self.name}"[:15], self.wire.beside or os.getpid()
        inside = str(self.supervisor.pid)
        _ip(beside, "link", "add", outside, "type", "veth", "peer", "name", "host0", "netns", inside)
        if self.wire.bridge:
            _ip(beside, "link", "set", outside, "master", self.wire.bridge)
        if self.wire.outside:
            _ip(beside, "addr", "add", self.wire.outside, "dev", outside)
        _ip(beside, "link", "set", outside, "up")
        self.run("ip", "addr", "add", self.wire.address, "dev", "host0")
        self.run("ip", "link", "set", "host0", "up")


def _ip(beside: int, *words: str) -> None:
    subprocess.run(["nsenter", f"--net=/proc/{beside}/ns/net", "ip", *words], check=True, capture_output=True)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def why_not() -> str:
    """Why no machine can run here, "" when it can."""
    if os.geteuid():
        return "machines need root"
    missing = [
        name for name in ("systemd-nspawn", "nsenter", "unshare", "setpriv", "ip", "ssh") if not shutil.which(name)
    ]
    if missing:
        return f"machines need {' and '.join(missing)}"
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-probe-") as place:
        command = ["unshare", "--mount", "--net", "--ipc", "sh", "-c", PROBE]
        probed = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    return (
        f"machines need namespaces, overlays, bridges and control groups: {probed.stderr}" if probed.returncode else ""
    )


@contextlib.contextmanager
def machine(
    tree: Path, name: str, *, wire: Optional[Wire] = None, arguments: tuple[str, ...] = (), place: Optional[Path] = None
) -> Iterator[Machine]:
    """A machine that is up; ``arguments`` are more words for systemd-nspawn, such as ``--bind-ro=DIR``.

    ``name`` is its host name too. What is left of it afterwards is nothing.
    """
    with starting(tree, name, wire=wire, arguments=arguments, place=place) as one:
        one.wait_up()
        yield one


@contextlib.contextmanager
def starting(
    tree: Path, name: str, *, wire: Optional[Wire] = None, arguments: tuple[str, ...] = (), place: Optional[Path] = None
) -> Iterator[Machine]:
    """A machine that is on its way up, so that several can be so at a time; it ends with the thread that started it."""
    tidy()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-{name}-", dir=place) as directory:
        spot = Path(directory)
        for part in ("upper", "work", "root"):
            (spot / part).mkdir()
        (spot / "upper").chmod(0o755)
        _make_own(spot / "upper", name)
        group = f"{PREFIX}{os.getpid()}-{name}"
        binds = [f"--bind={device}" for device in DEVICES if os.path.exists(device)]
        words = [str(tree.resolve()), directory, group, f"--hostname={name}", *binds, *arguments]
        one = Machine(name, spot, _supervised(words), wire)
        try:
            yield one
        finally:
            one.stop()
            _forget(group)


def tidy() -> None:
    """Remove what processes have left that are no more: they were killed, and could not."""
    for hierarchy in HIERARCHIES:
        for group in Path(hierarchy).glob(f"{PREFIX}*"):
            if _is_left(group) and not any(procs.read_text() for procs in group.rglob("cgroup.procs")):
                _forget(group.name)
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        group = directory.name.rpartition("-")[0]
        if _is_left(directory) and not any(Path(hierarchy, group).exists() for hierarchy in HIERARCHIES):
            shutil.rmtree(directory, ignore_errors=True)


def _is_left(path: Path) -> bool:
    pid = path.name.removeprefix(PREFIX).partition("-")[0]
    return pid.isdigit() and not _alive(int(pid))


def _make_own(upper: Path, name: str) -> None:
    """What tells copies of a tree apart, as far as systemd does not make it up by itself."""
    (upper / "etc").mkdir()
    (upper / "etc/hostname").write_text(f"{name}\n")


def _supervised(words: list[str]) -> subprocess.Popen[bytes]:
    command = ["unshare", "--mount", "--net", "--ipc", "bash", "-c", SUPERVISOR, "supervisor", *words]
    return subprocess.Popen(command, start_new_session=True, preexec_fn=go_with_us())


def go_with_us() -> Callable[[], None]:
    """What a child does first, so that it is killed when the thread ends that started it."""
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _forget(group: str) -> None:
    """Remove the control groups, deepest first, and what nspawn keeps for each machine."""
    for hierarchy in HIERARCHIES:
        top = Path(hierarchy, group)
        below = sorted(top.rglob("*/"), reverse=True) if top.exists() else []
        for directory in (*(path for path in below if path.is_dir()), top):
            _remove_empty(directory)
    for kept in ("propagate", "unix-export"):
        _remove_empty(Path("/run/systemd/nspawn", kept, group))


def _remove_empty(directory: Path) -> None:
    for _turn in range(50):
        try:
            directory.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)  # its processes are on their way out


def main(tree: str, *words: str) -> None:
    """A shell, or what is named, in a machine of its own."""
    with machine(Path(tree), "shell") as one:
        subprocess.run(["nsenter", "-t", str(one.pid), "-a", "--", *(words or ("bash", "-l"))], check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
