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
  - Before a guest is started, what it needs of the host is looked at (images, also those in use by other guests,
    kernel, firmware, memory), in check mode too. What is missing ends the run before anything is changed. A check also
    misses what an earlier task would have made, unless that task has C(check_mode=false).
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
  - corral.virt.many
  - corral.virt.vm_changes
  - corral.virt.vm_machine
  - corral.virt.vm_devices
  - corral.virt.vm_waiting
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
  guests:
    description:
      - Several guests in one task, in place of O(name) or O(xml). An element takes the options that this module has for
        one guest, all of them but O(uri).
      - What stands beside the list, such as O(state), O(memory) or O(wait_for), holds for each guest that does not say
        it itself.
      - O(name), O(xml), O(uuid) and O(renamed_from) name one guest, so they cannot stand beside the list.
      - Guests that share a volume or an image that one of them makes, and one that takes the name that another gives
        up, are worked on in the order of the list.
    type: list
    elements: dict
  state:
    description:
      - V(present) makes sure that the guest is defined, and leaves it running or off as it is.
      - V(running) starts it, or lets it run on if it was paused.
      - V(paused) starts it without letting it run, or pauses it.
      - V(stopped) asks it to shut down, by its guest agent where that listens, else by its power button, and waits
        until it is off. A paused guest runs on for that.
      - V(restarted) stops it in the same way and starts it again, in each run and whether something is pending or not,
        as M(ansible.builtin.service) does. The guest then has all of its definition. One that is off is started.
      - V(rebooted) asks it to reboot, in each run, and waits until it does. The machine stays the one that it is, so
        what is pending stays pending. Only the guest agent can be asked that; a guest in which none listens is
        restarted. One that is off is started.
      - V(reset) presses its reset button, in each run; the guest is not asked. One that is off is started.
      - V(absent) stops it as V(stopped) does and removes its definition. What could stand in the way is looked at
        before anything is done. Its disks stay where they are unless O(storage) says otherwise. Options that describe
        the guest are not looked at. A guest that does not exist is no error.
      - Each state has been reached when the module returns, or it fails.
    type: str
    choices: [present, running, paused, stopped, restarted, rebooted, reset, absent]
    default: present
  xml:
    description:
      - The definition as libvirt's domain XML.
      - It cannot be given together with an option that describes a part of the guest, such as O(memory) or O(disks).
    type: str
seealso:
  - module: corral.virt.vm_info
"""

EXAMPLES = r"""
- name: A guest with a disk and the default network of QEMU, running and started with the host
  corral.virt.vm:
    name: web1
    title: Web server
    tags: [web, production]
    memory: 2GiB
    vcpus: 2
    cpu: host
    disks:
      - path: /var/lib/corral/images/web1.qcow2
        discard: unmap
    interfaces:
      - type: user
    guest_agent: true
    rng: true
    state: running
    autostart: true

- name: Several guests in one task, each like the others but for what it says itself
  corral.virt.vm:
    state: running
    autostart: true
    memory: 1GiB
    interfaces:
      - type: user
    guests:
      - name: front1
      - name: front2
      - name: back1
        memory: 4GiB
        vcpus: 4
      - name: front0
        state: absent

- name: Shut down several guests, no more than two at a time
  corral.virt.vm:
    state: stopped
    parallel: 2
    guests:
      - name: front1
      - name: front2

- name: An installation from a cdrom, looked at over VNC
  corral.virt.vm:
    name: installer
    memory: 4GiB
    firmware: uefi
    disks:
      - path: /var/lib/corral/images/new.qcow2
        boot_order: 2
      - path: /srv/iso/debian.iso
        device: cdrom
        boot_order: 1
    graphics:
      - type: vnc
        password: "{{ vnc_password }}"
    video: virtio
    inputs:
      - type: tablet
    state: running

- name: A Windows desktop, with secure boot and a TPM
  corral.virt.vm:
    name: desktop1
    memory: 8GiB
    vcpus:
      cores: 4
      threads: 2
    cpu:
      model: host
      features:
        vmx: false
    firmware: uefi-secure
    tpm: true
    hyperv: true
    clock: localtime
    disks:
      - path: /dev/vg0/desktop1
        cache: none
        io: native
      - path: /srv/iso/virtio-win.iso
        device: cdrom
    interfaces:
      - model: e1000e
    graphics:
      - type: spice
    video: qxl
    sound: ich9
    inputs:
      - type: tablet
    watchdog: true

- name: A guest that sends with its own addresses only, and that answers nobody but on two ports
  corral.virt.vm:
    name: tenant1
    memory: 1GiB
    disks:
      - path: /var/lib/corral/images/tenant1.qcow2
    interfaces:
      - network: default
        filter:
          name: clean-traffic
          parameters:
            IP: 192.168.122.77
    state: running

- name: A router between a virtual network, a bridge of the host, and a device of the host
  corral.virt.vm:
    name: router1
    memory: 1GiB
    vcpus: 2
    disks:
      - path: /var/lib/corral/images/router1.qcow2
    interfaces:
      - network: default
        bandwidth:
          inbound:
            average: 10MB
      - bridge: br0
        vlan: 42
        queues: 2
      - direct:
          dev: eth1
          mode: bridge
    state: running
    wait_for:
      address: true

- name: A database server that can grow while it runs, with fast disks and limits
  corral.virt.vm:
    name: db1
    memory:
      size: 8GiB
      maximum: 16GiB
      hugepages: 2MiB
    vcpus:
      count: 4
      maximum: 8
    iothreads: 2
    disks:
      - path: /var/lib/corral/images/db1.raw
        iothread: 1
        cache: none
        io: io_uring
        serial: db1-system
      - path: /var/lib/corral/images/db1-data.raw
        iothread: 2
        iotune:
          total_iops_sec: 2000
          total_bytes_sec: 200MiB
    on_crash: restart
    panic: true
    smbios:
      system:
        manufacturer: Example
        serial: DB-0001

- name: A guest with a data disk that is encrypted with a secret (usage volume, usage_id vault1-data)
  corral.virt.vm:
    name: vault1
    memory: 2GiB
    disks:
      - path: /var/lib/corral/images/vault1.qcow2
      - pool: default
        size: 10GiB
        format: qcow2
        encryption: vault1-data

- name: A cloud image with its user, its packages and a fixed address
  corral.virt.vm:
    name: web2
    memory: 2GiB
    disks:
      - pool: default
        backing: debian-12.qcow2
        format: qcow2
        size: 20GiB
      - pool: default
        volume: web2-data
        size: 100GiB
    interfaces:
      - network: default
    cloud_init:
      user_data:
        users:
          - name: admin
            sudo: ALL=(ALL) NOPASSWD:ALL
            ssh_authorized_keys:
              - "{{ admin_key }}"
        packages: [nginx]
      meta_data:
        local-hostname: web2
      network_config:
        version: 2
        ethernets:
          all:
            match:
              name: "en*"
            addresses: [192.168.122.20/24]
            gateway4: 192.168.122.1
    state: running

- name: Fedora CoreOS, which reads a configuration of Ignition
  corral.virt.vm:
    name: coreos1
    memory: 2GiB
    disks:
      - path: /var/lib/corral/images/coreos1.qcow2
    interfaces:
      - network: default
    ignition:
      ignition:
        version: 3.4.0
      passwd:
        users:
          - name: core
            sshAuthorizedKeys:
              - "{{ admin_key }}"
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

- name: Restart it, and go on when one can log in
  corral.virt.vm:
    name: web1
    state: restarted
    wait_for:
      port: 22
      host: 192.0.2.10

- name: Reboot it, and go on when its agent answers
  corral.virt.vm:
    name: web1
    state: rebooted
    wait_for:
      agent: true

- name: A guest for one job, gone when it ends
  corral.virt.vm:
    name: job-17
    memory: 1GiB
    disks:
      - path: /srv/images/job.qcow2
    transient: true
    state: running

- name: Give a guest another name
  corral.virt.vm:
    name: web1
    renamed_from: www1

- name: Remove a guest and the images that were made for it
  corral.virt.vm:
    name: job-16
    state: absent
    storage: owned

- name: Remove a guest; its disks stay
  corral.virt.vm:
    name: web1
    state: absent
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: always
  type: str
  sample: qemu:///system
actions:
  description: What was done, or in check mode what would be done, in this order.
  returned: success, with O(guests) in each element of RV(results)
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of V(rename), V(define), V(update), V(undefine), V(create), V(create_paused), V(start), V(start_paused),
          V(resume), V(suspend), V(reboot), V(reset), V(shutdown), V(await_end), V(destroy), V(enable_autostart) and
          V(disable_autostart).
      type: str
    target:
      description: The name of the guest.
      type: str
    effect:
      description: When it comes into force, V(live), V(hotplug) or V(next_boot); the first two are at once.
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
  returned: success, with O(guests) in each element of RV(results)
  type: list
  elements: str
  sample:
    - "/domain/vcpu: 1 -> 2"
restart_required:
  description: Whether something is pending.
  returned: success, with O(guests) in each element of RV(results)
  type: bool
guest:
  description:
    - The guest as it is after the run, in check mode as it is now, with the values that M(corral.virt.vm_info) has in
      RV(corral.virt.vm_info#module:guests).
    - V(null) when there is no such guest.
  returned: success, with O(guests) in each element of RV(results)
  type: dict
  sample:
    name: web1
    state: running
    memory_mib: 2048
address:
  description: The address of the guest that was waited for.
  returned: with O(wait_for.address), not in check mode
  type: dict
  contains:
    address:
      description: The address, without its prefix length.
      type: str
      sample: 192.168.122.17
    mac:
      description: The MAC address of the interface that has it.
      type: str
      sample: 52:54:00:12:34:56
    source:
      description: Who knew it, V(agent), V(lease) or V(arp).
      type: str
      sample: lease
results:
  description:
    - What became of each element of O(guests), in the order of the list.
    - Beside these an element has the values that the module returns for one guest, such as RV(actions) and
      RV(guest). What C(--diff) shows is beside the list, for all of them.
  returned: with O(guests)
  type: list
  elements: dict
  contains:
    name:
      description: The name of the guest.
      type: str
    changed:
      description: Whether something was done, or in check mode would be done, also before a failure.
      type: bool
    failed:
      description: Whether the element could not become what it is asked to be.
      type: bool
    msg:
      description: What went wrong, and what to do about it.
      returned: on failure of the element
      type: str
    error:
      description: The kind of the failure.
      returned: on failure of the element
      type: str
    hint:
      description: What to do about the failure, which is a part of the message too.
      returned: on failure of the element
      type: str
    details:
      description: Values that belong to the failure, as for one that is no element.
      returned: on failure of the element
      type: dict
  sample:
    - name: web1
      changed: true
      failed: false
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
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
  description:
    - Values that belong to the failure, such as the last lines of the console.
    - When a step could not be done, C(failed) is its action, and C(done) are those that were done before it.
  returned: on failure
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.definition import DEFINING, DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many, names_of
from ansible_collections.corral.virt.plugins.module_utils.converge.many_ties import guest_makes, guest_uses

STATE = Spec(
    {
        "state": {
            "type": "str",
            "choices": ["present", "running", "paused", "stopped", "restarted", "rebooted", "reset", "absent"],
            "default": "present",
        },
        "renamed_from": {"type": "str"},
        "transient": {"type": "bool", "default": False},
        "storage": {"type": "str", "choices": ["keep", "owned"], "default": "keep"},
        "autostart": {"type": "bool"},
        "apply": {"type": "str", "choices": ["live", "next_boot", "restart"], "default": "live"},
        "timeout": {"type": "int", "default": 60},
        "force": {"type": "bool", "default": False},
        "wait_for": {
            "type": "dict",
            "options": {
                "console": {"type": "str"},
                "agent": {"type": "bool"},
                "address": {"type": "bool"},
                "port": {"type": "int"},
                "host": {"type": "str"},
                "timeout": {"type": "int", "default": 120},
            },
            "required_one_of": [("console", "agent", "address", "port")],
            "required_by": {"host": ("port",)},
        },
    }
)


def names(options: Mapping[str, Any]) -> Iterable[str]:
    """The name of an element, and its uuid where it says one."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.spec import desired

    name, document = desired(options, describe=bool(options.get("xml")))
    return names_of(options, name, document)


GUESTS = Many(
    "guests",
    "guest",
    single=("name", "xml", "uuid", "renamed_from"),
    defining=DEFINING,
    names=names,
    makes=guest_makes,
    uses=guest_uses,
    parallel=8,
)


def work(job: Job) -> dict[str, Any]:
    """Bring the guest to what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.guest import converge_guest

    return converge_guest(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, DEFINITION, STATE, many=GUESTS)


if __name__ == "__main__":
    main()
