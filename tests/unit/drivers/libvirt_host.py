# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a libvirtd leaves on a host: its documents of what is defined, and of what is active."""

from __future__ import annotations

from typing import Optional

from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost

RUN, ETC, LIB = "/run/libvirt", "/etc/libvirt", "/var/lib/libvirt"
UUID = "7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10"
HEADER = """<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:
  virsh edit x
or other application using the libvirt API.
-->

"""


def runs_there(
    host: FakeHost, name: str = "a", *, uuid: str = UUID, pid: int = 4242, disk: str = "", words: Optional[bytes] = None
) -> None:
    """Let a guest run under libvirtd; ``words`` is the command line that its process has in truth."""
    source = f"<disk type='file' device='disk'><source file='{disk}'/><target dev='vda'/></disk>" if disk else ""
    host.add_file(
        f"{RUN}/qemu/{name}.xml",
        (
            f"{HEADER}<domstatus state='running' reason='booted' pid='{pid}'><domain type='qemu' id='1'>"
            f"<name>{name}</name><uuid>{uuid}</uuid><devices>{source}</devices></domain></domstatus>"
        ).encode(),
    )
    host.add_file(f"{RUN}/qemu/{name}.pid", b"%d\n" % pid)
    host.add_process(pid, 7)
    said = f"/usr/bin/qemu-system-x86_64\0-name\0guest={name}\0-uuid\0{uuid}\0".encode() if words is None else words
    host.add_file(f"/proc/{pid}/cmdline", said)


def network_there(host: FakeHost, name: str = "default", *, bridge: str = "virbr0") -> None:
    """Let a network be active under libvirtd."""
    host.add_file(
        f"{RUN}/network/{name}.xml",
        f"{HEADER}<networkstatus><class_id bitmap='0-2'/><network><name>{name}</name><bridge name='{bridge}'/>"
        "</network></networkstatus>".encode(),
    )
