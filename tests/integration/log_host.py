# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command on a host whose log is a file: what is sent to syslog or to the journal is written there.

    unshare --mount python3 log_host.py FILE COMMAND [ARGUMENT...]

/dev and /run are the command's own, with the real devices under their names; nothing stays of them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

DEVICES = "/run/devices"
SOCKETS = ("/dev/log", "/run/systemd/journal/socket", "/run/systemd/journal/syslog")
LARGEST = 1 << 20


def own_devices() -> None:
    """Cover /run and /dev."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", "/run"], check=True)
    os.mkdir(DEVICES)
    subprocess.run(["mount", "--rbind", "/dev", DEVICES], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", "/dev"], check=True)
    for name in os.listdir(DEVICES):
        if name != "log":
            os.symlink(f"{DEVICES}/{name}", f"/dev/{name}")


def listen(path: str, log: Path) -> None:
    """Write down what is sent to a socket; long messages come to the journal as a file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    os.chmod(path, 0o666)

    def write() -> None:
        while True:
            data, files, _flags, _address = socket.recv_fds(listener, LARGEST, 4)
            for file in files:
                data += os.pread(file, LARGEST, 0)
                os.close(file)
            with log.open("ab") as target:
                target.write(data + b"\n")

    threading.Thread(target=write, daemon=True).start()


def main(log: str, *command: str) -> int:
    """Run the command and return what it ended with."""
    own_devices()
    for path in SOCKETS:
        listen(path, Path(log))
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
