#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about virtual machines."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_info
short_description: Show virtual machines
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Returns what one, several or all virtual machines (guests) of a connection are, and what state they are in.
  - The connection is read-only, so nothing of a guest is ever changed.
  - Without O(gather) and O(screenshot) neither QEMU nor a guest is asked, so it is cheap for many guests, and works
    beside a guest that hangs.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  platform:
    support: full
options:
  name:
    description:
      - The names of the guests to show, one or a list of them; a uuid or the id of a running guest serves as well.
      - Without it all guests are shown. An empty list shows none.
      - A guest that does not exist is not an error; its name is in RV(missing) then.
    type: list
    elements: str
    aliases: [names]
  xml:
    description:
      - Whether to return the definitions as libvirt's domain XML, in C(xml) of each guest. Secrets in it are hidden.
      - V(live) is the one that a running guest has now, V(inactive) the one with which it starts the next time.
    type: str
    choices: [none, live, inactive]
    default: none
  gather:
    description:
      - What to return besides, because it costs more than a look at files.
      - V(memory) asks QEMU how much memory its guest has been left with, for C(balloon_mib). One
        that hangs is not an error; C(memory_error) says so after ten seconds.
      - V(agent) asks the guest agent for the name, the system and the addresses of the guest, for C(agent) and for
        C(addresses) of each interface. An agent that does not answer is not an error; C(agent_error) says why.
      - V(command) returns the command line that the guest would start with in C(command), ready to be pasted into a
        shell. Secrets in it are hidden. The monitors of this collection are left out of it, and the files and sockets
        that QEMU would inherit are opened by the line itself. C(command_error) says why there is none.
      - V(task) returns the guest as a task in C(task), which changes nothing when it is run. It has the options of
        M(corral.virt.vm), or else its O(corral.virt.vm#module:xml) where no options say all of the definition;
        C(task_lacks) has what they miss. In place of each secret it has a variable.
    type: list
    elements: str
    choices: [memory, agent, command, task]
    default: []
  screenshot:
    description:
      - A file on the target to write what the display of the guest shows, as PNG. What was there is replaced, and only
        its owner may read it.
      - It takes one guest, named in O(name), that is active and has a display. In check mode nothing is written.
    type: path
seealso:
  - module: corral.virt.vm
"""

EXAMPLES = r"""
- name: All guests
  corral.virt.vm_info:
  register: found

- name: Say which of them run
  ansible.builtin.debug:
    msg: "{{ found.guests | selectattr('active') | map(attribute='name') }}"

- name: Two guests, one of which may not be there
  corral.virt.vm_info:
    name:
      - web1
      - web2
  register: web

- name: Stop here when one is missing
  ansible.builtin.assert:
    that: web.missing == []

- name: The address of a guest, asked of its agent
  corral.virt.vm_info:
    name: web1
    gather: [agent]
  register: web1

- name: Say it
  ansible.builtin.debug:
    msg: "{{ web1.guests[0].interfaces[0].addresses }}"

- name: What is on its screen, and how would it be started by hand
  corral.virt.vm_info:
    name: web1
    gather: [command]
    screenshot: /root/web1.png

- name: Every guest as the task that describes it
  corral.virt.vm_info:
    gather: [task]
  register: described

- name: Write the tasks into a file on the controller
  ansible.builtin.copy:
    content: "{{ described.guests | map(attribute='task') | select | join('\n') }}"
    dest: "{{ playbook_dir }}/guests-of-{{ inventory_hostname }}.yml"
    mode: "0644"
  delegate_to: localhost

- name: The definition of the guest of the test driver
  corral.virt.vm_info:
    uri: test:///default
    name: test
    xml: inactive
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
guests:
  description: The guests, in the order in which they were asked for; all of them are sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: web1
    uuid:
      description: The uuid.
      type: str
      sample: 7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10
    id:
      description: The id while the guest is active, else V(null).
      type: int
      sample: 1
    state:
      description: The state in libvirt's words, such as V(running), V(paused) or V(shut off).
      type: str
      sample: running
    reason:
      description: How the guest came into this state, such as V(booted), V(user), V(shutdown) or V(crashed).
      type: str
      sample: booted
    active:
      description: Whether the guest runs or is paused.
      type: bool
      sample: true
    persistent:
      description: Whether the guest has a definition that stays when it ends.
      type: bool
      sample: true
    autostart:
      description: Whether the guest starts when the host does.
      type: bool
      sample: false
    pending:
      description: What of its definition a guest that is active gets only when it starts the next time.
      type: list
      elements: str
      sample:
        - "/domain/memory: 2097152 -> 4194304"
    type:
      description: V(kvm) or V(qemu).
      type: str
      sample: kvm
    arch:
      description: The architecture.
      type: str
      sample: x86_64
    machine:
      description: The machine type.
      type: str
      sample: pc-q35-7.2
    uptime:
      description: For how many seconds the guest has been active, V(null) while it is off.
      type: int
      sample: 86400
    memory_mib:
      description: The memory in MiB that the guest can have at most.
      type: int
      sample: 2048
    current_memory_mib:
      description: The memory in MiB that it is to have.
      type: int
      sample: 2048
    balloon_mib:
      description: The memory in MiB that its balloon has left it; V(null) unless O(gather) has V(memory).
      type: int
    rss_mib:
      description: The memory in MiB that its process takes on the host.
      type: int
      sample: 870
    vcpus:
      description: The number of virtual CPUs that the guest can have at most.
      type: int
      sample: 2
    current_vcpus:
      description: The number of virtual CPUs that it has.
      type: int
      sample: 2
    cpu_seconds:
      description: The processor time that its process has taken on the host.
      type: float
      sample: 321.5
    title:
      description: The title, V(null) without one.
      type: str
      sample: Web server
    description:
      description: What the guest is for, V(null) where nothing is said.
      type: str
    tags:
      description: The tags, sorted. Those of other programs are not among them.
      type: list
      elements: str
      sample: [production, web]
    firmware:
      description: V(bios), V(uefi) or V(uefi-secure).
      type: str
      sample: uefi
    cpu:
      description: The CPU model, or V(host-passthrough), V(host-model) or V(maximum).
      type: str
      sample: host-passthrough
    tpm:
      description: The TPM with C(model), C(type) and C(version), V(null) without one.
      type: dict
      sample:
        model: crb
        type: emulator
        version: "2.0"
    video:
      description: The models of the graphics cards.
      type: list
      elements: str
      sample: [virtio]
    watchdog:
      description: The watchdog with C(model) and C(action), V(null) without one.
      type: dict
    filesystems:
      description: The directories that the guest mounts, each with C(tag), C(source), C(type) and C(readonly).
      type: list
      elements: dict
    channels:
      description: The names of the channels to programs in the guest.
      type: list
      elements: str
      sample: [org.qemu.guest_agent.0]
    disks:
      description:
        - The disks, each with C(target), C(bus), C(device), C(path), C(format) and C(readonly).
        - For local images also C(size), what the guest sees, and C(allocated), what the image takes on the host, both
          in bytes.
      type: list
      elements: dict
    interfaces:
      description:
        - The network interfaces, each with C(type), C(source), C(mac), C(model) and the name of its C(filter).
        - Also its C(addresses), with their prefix lengths where those are known, and in C(address_source) who knows
          them. With V(lease) it is the DHCP server of the network, with V(arp) the host has met them; V(agent) is the
          guest's agent, which is asked first, and only when O(gather) has V(agent). V(null) without any.
        - When O(gather) has V(agent), also C(name) in the guest.
      type: list
      elements: dict
    graphics:
      description: The screens, each with C(type), C(listen), C(port) and, once the port is known, C(address) of both.
      type: list
      elements: dict
    console_log:
      description: The file on the target that holds what the guest wrote to its console since it was started.
      type: str
    pid:
      description: The process of QEMU.
      type: int
    agent:
      description:
        - What the guest agent says, C(hostname), C(os) with C(name) and C(kernel), and all C(interfaces) of the guest.
        - V(null) when it does not answer.
      type: dict
      returned: when O(gather) has V(agent)
    agent_error:
      description: Why the guest agent does not answer, V(null) when it does.
      type: str
      returned: when O(gather) has V(agent)
    memory_error:
      description: Why QEMU does not say what the balloon has left the guest, V(null) when it does.
      type: str
      returned: when O(gather) has V(memory)
    command:
      description: The command line that the guest would start with, as one line for a shell.
      type: str
      returned: when O(gather) has V(command)
    command_error:
      description: Why the guest could not start, so that there is no command line, V(null) when there is one.
      type: str
      returned: when O(gather) has V(command)
    task:
      description:
        - The guest as YAML, a list with one task. V(null) for a transient guest.
      type: str
      returned: when O(gather) has V(task)
      sample: |
        - name: The guest web1
          corral.virt.vm:
            name: web1
            uuid: "7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10"
            virt_type: kvm
            machine: pc-q35-7.2
            memory: 2GiB
            vcpus: 2
    task_lacks:
      description: What of the definition no options say, so that the task has it as XML; or why there is no task.
      type: list
      elements: str
      returned: when O(gather) has V(task)
    runtime:
      description: What else the driver knows of the guest at present.
      type: dict
    xml:
      description:
        - The definition that was asked for.
        - V(null) where there is none, such as a live one of a guest that is off.
      type: str
      returned: when O(xml) is V(live) or V(inactive)
unreadable:
  description:
    - Guests that are there and cannot be looked at, such as those whose files are damaged. They are in no other list.
    - Each of them is warned of, too. A guest that O(name) names is an error instead.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: web1
    error:
      description: Why, with the file where it is one.
      type: str
    hint:
      description: What to do about it, V(null) where that is not known.
      type: str
missing:
  description: The names of guests that were asked for and do not exist.
  returned: success
  type: list
  elements: str
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, such as V(UriError) or V(NoConnection).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
details:
  description: Values that belong to the failure.
  returned: on failure
  type: dict
"""

from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job

GUESTS = Spec(
    {
        "name": {"type": "list", "elements": "str", "aliases": ["names"]},
        "xml": {"type": "str", "choices": ["none", "live", "inactive"], "default": "none"},
        "gather": {"type": "list", "elements": "str", "choices": ["memory", "agent", "command", "task"], "default": []},
        "screenshot": {"type": "path"},
    }
)


def work(job: Job) -> dict[str, Any]:
    """Look at the guests."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.look import show_guests

    return show_guests(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, GUESTS, read_only=True)


if __name__ == "__main__":
    main()
