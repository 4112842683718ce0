# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures as a page of documentation."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from figures import Figure
from place import Place

NOTICE = """<!--
Copyright: (c) 2026, corral.virt contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by `make bench`: change tests/benchmarks/report.py, not this page.
-->
"""

MEANING = """## What they mean

- Every ratio is of one run: both sides ran on the same machine within the same minutes, in turns where a side takes
  less than a minute, and the median counts. The times beside the ratios are those of a machine with other work to do;
  compare ratios, never times of different runs.
- The guest of all of them is nothing but a machine with 32 MiB and a serial console. It has no disk and no kernel, so
  the time is the manager's and QEMU's. It is no measure of how fast a guest boots or runs.
- **The whole task** is what a user waits for, from the moment in which Ansible turns to a task until its result is
  there. Ansible's own part, the same for every module, is in it. In the first task of a play Ansible packs the module
  for the target; it is measured by itself.
- A host keeps a compiled copy of our code (see `corral_virt_runtime` in the documentation of the modules), so a task
  sends a small program, and `ping` an archive of Ansible's. Where it keeps none, or for `virt`, all code travels in
  every task. Sending the copy, once for each version of the collection on a host, takes about two seconds and is not
  counted.
- **Processor time on the target** is of the interpreter and all that it starts, from reading the program to its end,
  Ansible's own part of the module included (which is all that `ping` is). A busy machine disturbs it less than time
  by the clock.
- **By hand** is QEMU with the same arguments, until its monitor has sent its greeting, which it does while it still
  makes the machine; in the line below it, until it has answered its first command. Ours writes the guest's state, holds
  its locks, hands sockets over, asks QEMU what it chose, and lets the guest run.
- **By one process** is without Ansible: our driver, opened once, and libvirt's Python binding with its daemon. The
  daemon has asked QEMU for its capabilities before, and so have we.
- **Linked clones** are images of qcow2 above one image, which is in no pool. Ours writes down of which format each is,
  so that no guest can have QEMU take it for something else, and each is on the disk with its name, or not there.
- **The upload** is of random bytes from the same file system. Ours is a new file beside the old one, which is brought
  to the disk and renamed, so the old bytes stay until the new ones are whole. `virsh vol-upload` writes into the
  volume and does not wait for the disk, nor does `cp`.
- **Nothing to do** is less with community.libvirt: `virt_pool`, `virt_volume` and `virt_net` see whether something of
  that name is there, and ours compares all that the task says. For `secret` it has no counterpart.
- **The filter** of all figures is `clean-traffic` with an address that is known, on an interface at a bridge. Ours
  has all rules of a guest, or of many interfaces at once, taken by the kernel in one transaction; libvirtd runs
  ebtables more than a hundred times for each interface, which here writes to nftables as well.
- **A process that does nothing else** imports what it needs, the making of rules too, as a task does that starts one
  guest; in all other figures about guests by one process that was done before.
- **Packets** are small ones of UDP between ports of one bridge, half of them from the filtered ports and half to them,
  evenly to all. A second is one of processor time of the process that sends, in which the kernel does all that becomes
  of a packet. libvirtd is asked for the rules of each port by itself, without guests.
- `virt` takes two tasks for what `vm` does in one: defining a guest and starting it.
- What none of them tells: what many hosts at once cost the controller, guests with disks and networks, and KVM. With
  KVM QEMU's own part of a start is another, ours is the same.
- libvirtd of a tree runs with its mount namespaces off, which do not work below a chroot; that spares it a little.
"""

LEFT_OUT = """The comparison with community.libvirt was **left out** of this run: no libvirtd answers here, or the
interpreter lacks its Python binding, or the collection is not installed. `tests/benchmarks/libvirt_tree.sh DIR` makes a
tree that has all three, and `make bench LIBVIRT_TREE=DIR` uses it.
"""


@dataclass(frozen=True)
class Section:
    """The figures of a group of benchmarks; ``beside`` is empty when there was no libvirtd."""

    group: str
    title: str
    own: list[Figure]
    beside: list[Figure]


def page(machine: dict[str, str], sections: list[Section]) -> str:
    """The whole page."""
    compared = any(section.beside for section in sections)
    parts = [
        NOTICE,
        "# Benchmarks",
        "`make bench` measures all of this and writes this page.",
        *([] if compared else [LEFT_OUT]),
        *(part for section in sections for part in of_section(section)),
        MEANING,
        "## The machine",
        "\n".join(f"- {name}: {value}" for name, value in machine.items() if value),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def of_section(section: Section) -> list[str]:
    """A group with its tables."""
    parts = [f"## {section.title}", "### Ours", table(section.own)]
    if section.beside:
        parts += ["### Beside community.libvirt with a real libvirtd", table(section.beside)]
    return parts


def table(figures: list[Figure]) -> str:
    """The figures as a table of Markdown."""
    rows = ["| What | Ours | Beside | Ratio | Goal |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*rows, *map(row, figures)])


def row(figure: Figure) -> str:
    """One line of the table."""
    ours, beside = (shown(value, figure.unit) for value in (figure.ours, figure.beside))
    return f"| {figure.what} | {ours} | {beside} | {figure.ratio:.2f} | {figure.goal} |"


def shown(value: float, unit: str) -> str:
    """A value as people read it."""
    if unit != "s":
        return f"{value:.0f} {unit}"
    return f"{1000 * value:.0f} ms" if value < 2 else f"{value:.1f} s"


def machine(place: Place, beside: Place | None) -> dict[str, str]:
    """What the figures depend on."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return {
        "Processors": f"{os.cpu_count()} of {processor.group(1) if processor else 'an unknown kind'}",
        "Memory": f"{int(memory.group(1)) // 1024**2} GiB" if memory else "",
        "Linux": os.uname().release,
        "Load before the run": f"{os.getloadavg()[0]:.1f}",
        "Guests run under": "TCG",
        "Python of the modules": place.version(place.python, "--version"),
        "ansible-core": place.version(f"{place.bin}/ansible", "--version"),
        "QEMU": place.version("qemu-system-x86_64", "--version"),
        "libvirt": beside.version("virsh", "--version") if beside else "",
        "community.libvirt": collection_version(beside) if beside else "",
    }


def collection_version(place: Place) -> str:
    """The version of community.libvirt."""
    words = (f"{place.bin}/ansible-galaxy", "collection", "list", "community.libvirt", "--format", "yaml")
    return place.version(*words)
