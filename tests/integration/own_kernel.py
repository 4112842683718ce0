# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This machine's programs and files below the distribution's own kernel, in a guest: for what this kernel lacks.

The guest sees the machine's files as they are; what it writes vanishes with it, but for the directory of its task
(/run/task there), which is ours. It runs as root, in a network of its own, emulated and so some ten times slower.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / ".cache/guest"
FAST = "cryptomgr.notests rodata=off mitigations=off tsc=reliable no_timer_check"


@dataclass(frozen=True)
class Outcome:
    """What a script did: its exit code (None when it did not come to its end), what it said, and the console."""

    code: int | None
    output: str
    console: str


def run_with_own_kernel(
    task: Path, script: str, *, memory: int = 1024, processors: int = 2, timeout: float = 600
) -> Outcome:
    """Run a shell script in such a guest; ``task`` is an empty directory, ``memory`` in MiB, ``timeout`` in seconds.

    A second processor is for scripts that do two things at a time; where one waits for the other it costs a quarter
    more.
    What the script leaves in /run/task is in ``task`` afterwards.
    """
    (task / "run").write_text(f"cd {str(ROOT)!r}\n{script}")
    command = ["qemu-system-x86_64", "-machine", "q35,sata=off,smbus=off", "-accel", "tcg"]
    command += ["-smp", str(processors), "-m", str(memory)]
    command += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"]
    command += ["-kernel", str(IMAGES / "vmlinuz"), "-initrd", str(IMAGES / "initrd.img")]
    command += ["-append", f"console=ttyS0 quiet panic=-1 {FAST} corral.host corral.quiet"]
    for tag, path in (("host", Path("/")), ("modules", IMAGES / "modules"), ("task", task)):
        rights = "off" if tag == "task" else "on"
        command += ["-fsdev", f"local,id={tag},path={path},security_model=none,multidevs=remap,readonly={rights}"]
        command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    console = _said(command, timeout)
    code, output = task / "code", task / "output"
    return Outcome(
        int(code.read_text()) if code.exists() else None,
        output.read_text(errors="replace") if output.exists() else "",
        console,
    )


def _said(command: list[str], timeout: float) -> str:
    """What a guest wrote to its console until it ended; it is ended when it takes too long."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as guest:
        try:
            said, _none = guest.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            guest.kill()
            said, _none = guest.communicate()
            said += f"\n(ended after {timeout:g} s)".encode()
    return said.decode(errors="replace")
