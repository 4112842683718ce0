# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a real libvirtd, in namespaces on an overlay of a tree that tests/benchmarks/libvirt_tree.sh has made."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .machine import ROOT

PATH = "/opt/ansible/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CHECKOUT = "/opt/corral-checkout"
PATIENCE = 60.0
# In a mount namespace of its own, so that the overlay goes with it.
OVERLAY = """
mount -t overlay overlay -o lowerdir={tree},upperdir={place}/upper,workdir={place}/work {place}/root
mkdir -p {place}/root{checkout}
mount --bind -o ro {source} {place}/root{checkout}
"""


@dataclass(frozen=True)
class LibvirtHost:
    """``pid`` is the process whose namespaces it has, ``root`` what is its ``/`` there."""

    pid: int
    root: Path

    def run(self, *words: str, check: bool = True, stdin: str = "") -> str:
        """Run a program there; returns what it printed."""
        enter = ["nsenter", "-t", str(self.pid), "--mount", "--net", "chroot", str(self.root)]
        settings = [f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "LIBVIRT_DEFAULT_URI=qemu:///system"]
        settings += [f"ANSIBLE_CONFIG={CHECKOUT}/ansible.cfg", "ANSIBLE_LOCALHOST_WARNING=false"]
        command = [*enter, "env", "-i", "-C", CHECKOUT, *settings, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=300)
        assert not check or done.returncode == 0, f"{words}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def module(self, name: str, /, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run one of our modules there, as Ansible does on its target; returns its result."""
        arguments = {"ANSIBLE_MODULE_ARGS": {**options, "_ansible_check_mode": check, "_ansible_diff": True}}
        program = f"ansible_collections.corral.virt.plugins.modules.{name}"
        words = ("/opt/ansible/bin/python", "-B", "-m", program)
        return dict(json.loads(self.run(*words, check=False, stdin=json.dumps(arguments))))


@contextlib.contextmanager
def libvirt_host(tree: Path) -> Iterator[LibvirtHost]:
    """Run the daemons of a tree, of which nothing is changed."""
    with tempfile.TemporaryDirectory(prefix="corral-libvirt-") as place, tempfile.TemporaryFile() as log:
        for name in ("upper", "work", "root"):
            (Path(place) / name).mkdir()
        names = {"tree": shlex.quote(str(tree)), "source": shlex.quote(str(ROOT)), "checkout": CHECKOUT}
        script = "set -e\n" + OVERLAY.format(place=place, **names) + _daemons().format(tree=f"{place}/root")
        words = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script]
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            host = LibvirtHost(process.pid, Path(place) / "root")
            _await(host, process)
            yield host
            for name in host.run("virsh", "-q", "list", "--name").split():
                host.run("virsh", "-q", "destroy", name)
        finally:
            _end_guests(f"{place}/root")
            process.send_signal(signal.SIGTERM)
            process.wait()


def _daemons() -> str:
    """The lines that the benchmarks start libvirtd with."""
    benchmarks = ROOT / "tests/benchmarks"
    sys.path.insert(0, str(benchmarks))
    try:
        return str(runpy.run_path(str(benchmarks / "libvirtd.py"))["DAEMONS"])
    finally:
        sys.path.remove(str(benchmarks))


def _await(host: LibvirtHost, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(AssertionError):
            host.run("virsh", "-q", "domcapabilities", "--virttype", "qemu")
            return
        time.sleep(0.5)
    raise AssertionError("libvirtd does not answer")


def _end_guests(root: str) -> None:
    """End the QEMUs of this tree, libvirt's and ours, which outlive who started them."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "root") == root and "qemu-system" in _words(entry):
                os.kill(int(entry.name), signal.SIGKILL)


def _words(entry: Path) -> str:
    return (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0", 1)[0]
