# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real libvirtd to compare with: in a tree of its own, or the one of this machine."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Optional

from place import ROOT, Place, here

# What of a tree is ours: its virtual environment, and where the checkout is copied to.
TREE_BIN = "/opt/ansible/bin"
TREE_CHECKOUT = "/opt/corral"
# Seconds in which libvirtd must answer; it asks every QEMU binary at its first start.
PATIENCE = 120

# All of it is in namespaces, the network's too, so that nothing is left on the host, whatever happens.
# Without a network nobody may wait for a name server. There is no /dev/kvm: where it opens and does not work, or its
# group has another number, libvirtd asks QEMU anew for its capabilities at every call, which is no fair comparison.
DAEMONS = """
set -e
cd /
mount --rbind {tree} {tree}
mount -t proc proc {tree}/proc
mount --rbind /sys {tree}/sys
mount -t tmpfs -o mode=755 tmpfs {tree}/dev
for node in null zero full random urandom tty; do touch {tree}/dev/$node; mount --bind /dev/$node {tree}/dev/$node; done
mkdir {tree}/dev/pts {tree}/dev/shm {tree}/dev/net
touch {tree}/dev/net/tun
mount --bind /dev/net/tun {tree}/dev/net/tun
mount -t devpts -o newinstance,ptmxmode=666,gid=5,mode=620 devpts {tree}/dev/pts
mount --bind /dev/shm {tree}/dev/shm
ln -s pts/ptmx {tree}/dev/ptmx
ln -s /proc/self/fd {tree}/dev/fd
mount -t tmpfs tmpfs {tree}/run
ip link set lo up
echo "127.0.0.1 localhost $(hostname)" >{tree}/etc/hosts
: >{tree}/etc/resolv.conf
chroot {tree} /usr/sbin/virtlogd & log=$!
chroot {tree} /usr/sbin/libvirtd & virt=$!
trap 'kill $virt; wait $virt || true; kill $log; wait $log || true' TERM
wait
"""


# QEMU outlives libvirtd, so what a run that was broken off has left is ended before it.
END_GUESTS = """
export LIBVIRT_DEFAULT_URI=qemu:///system
for name in $(virsh -q list --name); do virsh -q destroy "$name"; done
for name in $(virsh -q list --all --name); do virsh -q undefine "$name"; done
"""


@contextlib.contextmanager
def libvirtd(tree: Optional[Path]) -> Iterator[Optional[Place]]:
    """Where libvirtd answers and community.libvirt is installed; None when there is no such place."""
    if tree is None:
        yield of_this_machine()
        return
    with daemons(tree) as enter:
        place = Place(TREE_CHECKOUT, TREE_BIN, f"{TREE_BIN}/python", (*enter, "chroot", str(tree)), tree)
        copy_checkout(tree)
        await_libvirtd(place)
        try:
            yield place
        finally:
            place.run("sh", "-c", END_GUESTS)


def of_this_machine() -> Optional[Place]:
    """This machine with an interpreter that has libvirt's binding and our libraries, where libvirtd answers."""
    for python in (here().python, "/usr/bin/python3"):
        place = replace(here(), python=python)
        with contextlib.suppress(SystemExit):
            place.run(python, "-c", "import lxml, libvirt; libvirt.open('qemu:///system')")
            place.run(f"{place.bin}/ansible-doc", "-t", "module", "community.libvirt.virt", ANSIBLE_CONFIG="/dev/null")
            return place
    return None


@contextlib.contextmanager
def daemons(tree: Path) -> Iterator[tuple[str, ...]]:
    """Run libvirtd and virtlogd of a tree; yields what enters their namespaces."""
    script = DAEMONS.format(tree=shlex.quote(str(tree)))
    with tempfile.TemporaryFile() as log:
        words = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script]
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            yield ("nsenter", "-t", str(process.pid), "--mount", "--net")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def await_libvirtd(place: Place) -> None:
    """Wait until libvirtd has asked its QEMU what it can do, which it does once."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            place.run("virsh", "-q", "-c", "qemu:///system", "domcapabilities", "--virttype", "qemu")
            return
        except SystemExit:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def copy_checkout(tree: Path) -> None:
    """Put a copy of the checkout into the tree, of what git knows and what is new."""
    target = tree / TREE_CHECKOUT.lstrip("/")
    shutil.rmtree(target, ignore_errors=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0"):
        source, copy = ROOT / name, target / name
        if name and os.path.lexists(source):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
