#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual machines: definition and state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vm
short_description: Define, start, stop and remove virtual machines
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Makes a virtual machine (a guest) what it is asked to be, its definition as well as its state.
  - The definition comes from libvirt's domain XML (O(xml)), or from options such as O(memory) and O(disks). Either one
    describes the whole guest. What is not said gets the defaults of libvirt, and what was generated for the guest
    before (uuid, MAC and PCI addresses) is kept.
  - A second run with the same options changes nothing, whether the guest runs or not.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
options:
  name:
    description:
      - The name of the guest.
      - Required without O(xml). With it, it must be the name that the XML says.
    type: str
  state:
    description:
      - V(present) makes sure that the guest is defined, and leaves it running or off as it is.
      - V(running) starts it, or lets it run on if it was paused.
      - V(paused) starts it without letting it run, or pauses it.
      - V(stopped) asks it to shut down, as its power button does, and waits until it is off. A paused guest runs on for
        that.
      - V(absent) stops it in the same way and removes its definition. Its disks stay where they are. Options that
        describe the guest are not looked at.
    type: str
    choices: [present, running, paused, stopped, absent]
    default: present
  xml:
    description:
      - The definition as libvirt's domain XML.
      - It cannot be given together with an option that describes a part of the guest, such as O(memory) or O(disks).
    type: str
  memory:
    description:
      - The memory of the guest, a number with its unit, such as V(512MiB) or V(2GiB).
      - V(KiB), V(MiB), V(GiB) and V(K), V(M), V(G) count in steps of 1024, V(KB), V(MB), V(GB) in steps of 1000.
      - A number without a unit is refused, because it would be KiB to some and MiB to others.
      - Required when the guest is described by options.
    type: str
  vcpus:
    description:
      - The number of virtual CPUs.
      - Without it a guest that is described by options has one.
    type: int
  cpu:
    description:
      - V(host-passthrough), V(host-model), V(maximum), or the name of a CPU model such as V(qemu64).
    type: str
  virt_type:
    description:
      - V(kvm) runs the guest on the processor, V(qemu) emulates it.
      - Without it the guest gets KVM where that works, and is emulated elsewhere.
    type: str
    choices: [kvm, qemu]
  arch:
    description:
      - The architecture of the guest, such as V(x86_64). Without it that of the host.
    type: str
  machine:
    description:
      - The machine type, such as V(q35) or V(pc).
    type: str
  kernel:
    description:
      - A kernel file on the target to boot directly, without a boot loader.
    type: path
  initrd:
    description:
      - The initial RAM disk that goes with O(kernel).
    type: path
  cmdline:
    description:
      - The command line of the kernel.
    type: str
  disks:
    description:
      - All disks of the guest, in their order. The files have to exist.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - The image file on the target.
          - May be left out for a V(cdrom) or a V(floppy), which then is empty.
        type: path
      device:
        description:
          - What the guest sees.
        type: str
        choices: [disk, cdrom, floppy]
        default: disk
      format:
        description:
          - How the file is to be read. Without it V(qcow2) for a name that ends in C(.qcow2), else V(raw).
          - The file itself is never asked, because its guest can write into it.
        type: str
        choices: [raw, qcow2]
      bus:
        description:
          - What the disk is attached to. Without it V(virtio) for a disk, V(sata) for a cdrom, V(fdc) for a floppy.
        type: str
        choices: [virtio, sata, scsi, ide, usb, fdc]
      target:
        description:
          - The name of the disk in the definition, such as V(vda). Without it the next free one of the bus.
        type: str
      readonly:
        description:
          - Whether the guest may only read. A cdrom always is read-only.
        type: bool
        default: false
      boot_order:
        description:
          - The place in the order in which the guest tries to boot, counted from 1.
        type: int
      serial:
        description:
          - The serial number that the guest sees.
        type: str
      cache:
        description:
          - How the host caches the image.
        type: str
        choices: [none, writethrough, writeback, directsync, unsafe]
  interfaces:
    description:
      - All network interfaces of the guest, in their order.
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - V(user) lets the guest out through QEMU itself, which needs no rights on the host.
          - Without it V(network) or V(bridge) where that is given, else V(user).
        type: str
        choices: [user, network, bridge]
      network:
        description:
          - The virtual network that it is attached to.
        type: str
      bridge:
        description:
          - The bridge of the host that it is attached to.
        type: str
      mac:
        description:
          - Its MAC address. Without it one is generated, and kept.
        type: str
      model:
        description:
          - The network card that the guest sees.
        type: str
        default: virtio
      boot_order:
        description:
          - The place in the order in which the guest tries to boot, counted from 1.
        type: int
  console:
    description:
      - Whether the guest has a serial console; what it writes there is logged.
      - Without it a guest that is described by options has one.
    type: bool
  guest_agent:
    description:
      - Whether the guest has the channel that the QEMU guest agent listens to.
    type: bool
  graphics:
    description:
      - A screen that can be looked at over the network; without it there is none.
    type: dict
    suboptions:
      type:
        description:
          - The protocol.
        type: str
        choices: [vnc]
        default: vnc
      listen:
        description:
          - The address of the host to listen on.
        type: str
        default: 127.0.0.1
      port:
        description:
          - The TCP port. Without it a free one from 5900 on.
        type: int
  video:
    description:
      - The graphics card of the guest, such as V(virtio), V(vga) or V(none).
    type: str
  rng:
    description:
      - Whether the guest has a random number generator that is fed by the host.
    type: bool
  autostart:
    description:
      - Whether the guest starts when the host does. Without it that is left as it is.
    type: bool
  apply:
    description:
      - What to do about a guest that runs, or is paused, with another definition than the one that is wanted.
      - With V(next_boot) the new definition is kept and comes into force at the next start of the guest. Until then
        RV(restart_required) is true.
      - With V(restart) the guest is shut down and started again at once.
    type: str
    choices: [next_boot, restart]
    default: next_boot
  timeout:
    description:
      - How many seconds a guest has to shut down.
    type: int
    default: 60
  force:
    description:
      - Whether to cut the power of a guest that has not shut down within O(timeout) seconds. With O(timeout=0) it is
        not even asked.
      - Without this the module fails, and the guest is left as it is.
    type: bool
    default: false
  wait_for:
    description:
      - What to wait for when the guest runs, with O(state=running) only. In check mode there is no waiting.
    type: dict
    suboptions:
      console:
        description:
          - A text that the guest writes to its console. What it wrote since it was started counts too, so a guest that
            is up already is not waited for.
        type: str
        required: true
      timeout:
        description:
          - How many seconds to wait at most. Then the module fails, with the last lines of the console.
        type: int
        default: 120
seealso:
  - module: corral.virt.vm_info
"""

EXAMPLES = r"""
- name: A guest with a disk and the default network of QEMU, running and started with the host
  corral.virt.vm:
    name: web1
    memory: 2GiB
    vcpus: 2
    machine: q35
    disks:
      - path: /var/lib/corral/images/web1.qcow2
    interfaces:
      - type: user
    guest_agent: true
    state: running
    autostart: true

- name: An installation from a cdrom that is removed after it
  corral.virt.vm:
    name: installer
    memory: 4GiB
    disks:
      - path: /var/lib/corral/images/new.qcow2
        boot_order: 2
      - path: /srv/iso/debian.iso
        device: cdrom
        boot_order: 1
    graphics:
      listen: 127.0.0.1
    state: running

- name: A kernel of its own, and wait until it is up
  corral.virt.vm:
    name: kernel-test
    memory: 256MiB
    kernel: /srv/kernel/vmlinuz
    initrd: /srv/kernel/initrd.img
    cmdline: console=ttyS0 panic=-1
    state: running
    wait_for:
      console: "login:"
      timeout: 60

- name: A definition in libvirt's own words
  corral.virt.vm:
    xml: "{{ lookup('ansible.builtin.template', 'db1.xml.j2') }}"
    state: running
    apply: restart

- name: A tiny guest of the test driver, in a file, without QEMU
  corral.virt.vm:
    uri: test:///tmp/node.xml
    xml: |
      <domain type='test'>
        <name>tiny</name>
        <memory unit='MiB'>64</memory>
        <os><type>hvm</type></os>
      </domain>
    state: running

- name: Pause it
  corral.virt.vm:
    uri: test:///tmp/node.xml
    name: tiny
    state: paused

- name: Shut a guest down, and cut its power after two minutes
  corral.virt.vm:
    name: web1
    state: stopped
    timeout: 120
    force: true

- name: Remove a guest; its disks stay
  corral.virt.vm:
    name: web1
    state: absent
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
actions:
  description: What was done, or in check mode what would be done, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of V(define), V(undefine), V(start), V(start_paused), V(resume), V(suspend), V(shutdown), V(await_end),
          V(destroy), V(enable_autostart) and V(disable_autostart).
      type: str
    target:
      description: The name of the guest.
      type: str
    effect:
      description: When it comes into force, V(live) or V(next_boot).
      type: str
    detail:
      description: What it is about, such as the differences between the old definition and the new one.
      type: list
      elements: str
  sample:
    - action: define
      target: web1
      effect: next_boot
      detail:
        - "/domain/vcpu: 1 -> 2"
pending:
  description: What of its definition the guest gets only when it starts the next time.
  returned: success
  type: list
  elements: str
  sample:
    - "/domain/vcpu: 1 -> 2"
restart_required:
  description: Whether something is pending.
  returned: success
  type: bool
guest:
  description:
    - The guest as it is after the run, in check mode as it is now, with the values that M(corral.virt.vm_info) has in
      RV(corral.virt.vm_info#module:guests).
    - V(null) when there is no such guest.
  returned: success
  type: dict
  sample:
    name: web1
    state: running
    memory_mib: 2048
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: on failure, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, such as V(InvalidArgument), V(NoConnection) or V(TimedOut).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
details:
  description: Values that belong to the failure, such as the last lines of the console.
  returned: on failure
  type: dict
"""

from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job

DISK = {
    "path": {"type": "path"},
    "device": {"type": "str", "choices": ["disk", "cdrom", "floppy"], "default": "disk"},
    "format": {"type": "str", "choices": ["raw", "qcow2"]},
    "bus": {"type": "str", "choices": ["virtio", "sata", "scsi", "ide", "usb", "fdc"]},
    "target": {"type": "str"},
    "readonly": {"type": "bool", "default": False},
    "boot_order": {"type": "int"},
    "serial": {"type": "str"},
    "cache": {"type": "str", "choices": ["none", "writethrough", "writeback", "directsync", "unsafe"]},
}
INTERFACE = {
    "type": {"type": "str", "choices": ["user", "network", "bridge"]},
    "network": {"type": "str"},
    "bridge": {"type": "str"},
    "mac": {"type": "str"},
    "model": {"type": "str", "default": "virtio"},
    "boot_order": {"type": "int"},
}
GRAPHICS = {
    "type": {"type": "str", "choices": ["vnc"], "default": "vnc"},
    "listen": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int"},
}
# What a guest is; converge.spec.DEFINING names the same options.
DEFINITION = Spec(
    {
        "name": {"type": "str"},
        "xml": {"type": "str"},
        "memory": {"type": "str"},
        "vcpus": {"type": "int"},
        "cpu": {"type": "str"},
        "virt_type": {"type": "str", "choices": ["kvm", "qemu"]},
        "arch": {"type": "str"},
        "machine": {"type": "str"},
        "kernel": {"type": "path"},
        "initrd": {"type": "path"},
        "cmdline": {"type": "str"},
        "disks": {"type": "list", "elements": "dict", "options": DISK},
        "interfaces": {"type": "list", "elements": "dict", "options": INTERFACE},
        "console": {"type": "bool"},
        "guest_agent": {"type": "bool"},
        "graphics": {"type": "dict", "options": GRAPHICS},
        "video": {"type": "str"},
        "rng": {"type": "bool"},
    },
    required_one_of=(("name", "xml"),),
    required_by={"initrd": ("kernel",), "cmdline": ("kernel",)},
)
STATE = Spec(
    {
        "state": {
            "type": "str",
            "choices": ["present", "running", "paused", "stopped", "absent"],
            "default": "present",
        },
        "autostart": {"type": "bool"},
        "apply": {"type": "str", "choices": ["next_boot", "restart"], "default": "next_boot"},
        "timeout": {"type": "int", "default": 60},
        "force": {"type": "bool", "default": False},
        "wait_for": {
            "type": "dict",
            "options": {
                "console": {"type": "str", "required": True},
                "timeout": {"type": "int", "default": 120},
            },
        },
    }
)


def work(job: Job) -> dict[str, Any]:
    """Bring the guest to what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.guest import converge_guest

    return converge_guest(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, DEFINITION, STATE)


if __name__ == "__main__":
    main()
