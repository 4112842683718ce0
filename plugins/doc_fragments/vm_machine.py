# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say what machine a guest is."""

from __future__ import annotations


class ModuleDocFragment:
    """Name and tags, memory and processors, firmware and booting."""

    DOCUMENTATION = r"""
options:
  title:
    description:
      - A short title for people, in one line.
    type: str
  description:
    description:
      - What the guest is for, in as many lines as it takes.
    type: str
  tags:
    description:
      - "Words to group guests by, of letters, digits and any of C(. _ : = / + -). Their order means nothing."
      - They are kept in the metadata of the definition, and are in RV(guest) and in the result of
        M(corral.virt.vm_info).
    type: list
    elements: str
  uuid:
    description:
      - The uuid of the guest. Without it a new guest gets one, and keeps it.
      - That of an existing guest cannot be changed.
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
      - The machine type, such as V(q35), V(pc), or one with a version such as V(pc-q35-7.2).
      - Without it an x86 guest is a V(q35). The version that V(q35) stands for when the guest is defined first is kept.
    type: str
  emulator:
    description:
      - The QEMU that runs the guest, as a path on the target. Without it that of the architecture.
    type: path
  memory:
    description:
      - The memory of the guest, a number with its unit, such as V(512MiB) or V(2GiB).
      - V(KiB), V(MiB), V(GiB) and V(K), V(M), V(G) count in steps of 1024, V(KB), V(MB), V(GB) in steps of 1000.
      - A number without a unit is refused, because it would be KiB to some and MiB to others.
      - "Or a mapping, in which sizes are written in the same way. C(size) is the memory that the guest has."
      - C(maximum) is the most that it can be given while it runs, through the balloon. Without it that is C(size).
      - C(hotplug_limit) is the most that it can have with memory modules that are plugged in, and C(slots) how many of
        them there can be, V(16) without it. Without C(hotplug_limit) none can.
      - "C(hugepages) takes the memory from huge pages of the host: V(true) for those of the default size, or a size
        such as V(1GiB)."
      - C(shared) lets other processes of the host read it, which O(filesystems) of the type V(virtiofs) see to
        themselves. C(locked) keeps it from being swapped out. With C(merge=false) its pages are never merged with equal
        ones of other guests.
      - Required when the guest is described by options.
    type: raw
  vcpus:
    description:
      - The number of virtual CPUs. Without it a guest that is described by options has one.
      - "Or a mapping. C(count) is the number that the guest has, and C(maximum) the number up to which it can be given
        more while it runs; without it that is C(count)."
      - C(sockets), C(dies), C(cores) and C(threads) lay them out. What is not said follows from the number, and the
        number from them, so four C(cores) of two C(threads) are eight CPUs in one socket. Without any of them each CPU
        is a socket of its own, and some systems use two sockets only.
    type: raw
  cpu:
    description:
      - The CPU model that the guest sees.
      - "V(host) is the most that the host can give: the host's own processor under KVM (V(host-passthrough), or
        V(maximum) where O(virt_type) is left open, which is the same under KVM), all that QEMU can emulate elsewhere."
      - V(host-model) is the named model next to the host's processor, so that the guest can move to similar hosts.
      - Any other word is the name of a model of QEMU, such as V(qemu64) or V(Skylake-Client).
      - "Or a mapping. C(model) is one of the words above. C(features) maps names of features to V(true) or V(false), or
        to one of V(force), V(require), V(optional), V(disable) and V(forbid)."
      - C(migratable=false) gives the models of the host features with which the guest cannot move.
      - Without it the guest gets QEMU's default model, which runs everywhere and lacks much.
    type: raw
  numa:
    description:
      - NUMA cells, counted from 0. Their memory has to be that of the guest (O(memory)) together.
    type: list
    elements: dict
    suboptions:
      cpus:
        description:
          - The CPUs of the cell, such as V(0-3) or V(0,2).
        type: str
        required: true
      memory:
        description:
          - The memory of the cell with its unit.
        type: str
        required: true
  iothreads:
    description:
      - How many threads there are to serve disks by, see O(disks[].iothread).
    type: int
  hyperv:
    description:
      - Whether the guest sees what Windows expects of a hypervisor, the set that QEMU recommends.
      - C(relaxed), C(vapic), C(spinlocks), C(vpindex), C(runtime), C(synic), C(stimer), C(frequencies), C(tlbflush),
        C(ipi), and the timer V(hypervclock). They work under KVM only.
    type: bool
  clock:
    description:
      - What the clock of the machine shows when the guest starts. Windows expects V(localtime).
      - Without it V(utc).
    type: str
    choices: [utc, localtime]
  timers:
    description:
      - The timers of the machine that are to be other than they are by themselves.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Which timer.
        type: str
        choices: [rtc, pit, hpet, tsc, kvmclock, hypervclock]
        required: true
      present:
        description:
          - Whether the guest has it.
        type: bool
      tick_policy:
        description:
          - What happens to ticks that the guest missed.
        type: str
        choices: [delay, catchup, merge, discard]
      track:
        description:
          - What the timer follows.
        type: str
        choices: [guest, wall, realtime]
      frequency:
        description:
          - The frequency in Hz, of V(tsc) only.
        type: int
  firmware:
    description:
      - V(bios) is what a PC always had. V(uefi) boots every loader, V(uefi-secure) only signed ones (secure boot, with
        the keys of the vendor enrolled).
      - Which files these are is read from the firmware descriptors of the host. The variables of the firmware get a
        file of their own for the guest.
      - "Or a mapping. C(type) is one of the words above, V(uefi) without it. C(loader) is the image of the firmware, if
        it is to be a certain one, C(nvram_template) the file that the variables are made from, C(nvram) the file that
        they are kept in, C(format) the format of both, V(raw) or V(qcow2). All are paths on the target."
      - Without it V(bios).
    type: raw
  boot:
    description:
      - What the firmware boots. Without it the first disk, or what O(disks[].boot_order) and
        O(interfaces[].boot_order) say.
    type: dict
    suboptions:
      order:
        description:
          - The kinds of devices to try, in this order. It cannot be given together with a C(boot_order) of a device.
        type: list
        elements: str
        choices: [disk, cdrom, network, floppy]
      menu:
        description:
          - Whether the firmware offers a menu.
        type: bool
      menu_timeout:
        description:
          - How many seconds the menu is offered, 65 at most.
        type: int
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
  on_poweroff:
    description:
      - What happens when the guest shuts down by itself. Without it V(destroy), which means that it is off then.
      - V(restart) takes the units of the role P(corral.virt.host#role). A guest that is shut down by a task, or by its
        unit, stays off.
    type: str
    choices: [destroy, restart, preserve]
  on_reboot:
    description:
      - What happens when the guest reboots. Without it V(restart).
    type: str
    choices: [restart, destroy, preserve]
  on_crash:
    description:
      - What happens when the guest crashes. V(preserve) keeps it to be looked at. Without it V(destroy).
      - V(restart) takes the units of the role P(corral.virt.host#role). It also holds for a QEMU that was killed. A
        guest that ends five times in a minute is not started again.
      - The guest has to be able to say that it crashed, see O(panic).
    type: str
    choices: [destroy, restart, preserve, coredump-destroy, coredump-restart]
  smbios:
    description:
      - What the guest reads in its SMBIOS tables. Each of the blocks maps names to texts.
    type: dict
    suboptions:
      bios:
        description:
          - Any of C(vendor), C(version), C(date) and C(release).
        type: dict
      system:
        description:
          - Any of C(manufacturer), C(product), C(version), C(serial), C(sku) and C(family).
        type: dict
      board:
        description:
          - Any of C(manufacturer), C(product), C(version), C(serial), C(asset) and C(location).
        type: dict
      chassis:
        description:
          - Any of C(manufacturer), C(version), C(serial), C(asset) and C(sku).
        type: dict
      oem_strings:
        description:
          - Strings for whoever looks for them, such as systemd credentials.
        type: list
        elements: str
  fw_cfg:
    description:
      - Values that the guest finds under C(/sys/firmware/qemu_fw_cfg/by_name), such as an Ignition configuration.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name, which begins with C(opt/), such as V(opt/com.coreos/config).
        type: str
        required: true
      value:
        description:
          - The value as a text. Either it or O(fw_cfg[].file) has to be given.
        type: str
      file:
        description:
          - A file on the target that holds the value.
        type: path
  qemu_commandline:
    description:
      - Arguments for QEMU's command line, each an entry of its own, that stand for what no option says.
      - Nothing checks them, and they may collide with what the definition writes.
    type: list
    elements: str
"""
