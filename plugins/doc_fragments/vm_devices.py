# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say which devices a guest has."""

from __future__ import annotations


class ModuleDocFragment:
    """Disks, networks, ports, screens, and the small devices."""

    DOCUMENTATION = r"""
options:
  disks:
    description:
      - All disks of the guest, in their order. What O(disks[].path) names has to exist when the guest starts.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - The image file on the target, or a block device, whose path begins with C(/dev/).
          - May be left out for a V(cdrom) or a V(floppy), which then is empty.
        type: path
      pool:
        description:
          - The storage pool that the disk's volume is in. It has to be active when the guest starts.
        type: str
      volume:
        description:
          - The name of the volume in O(disks[].pool).
          - One that is made may go without a name, and then is named after the guest and the disk, such as V(web1-vda).
            It keeps that name.
        type: str
      size:
        description:
          - How large the volume is, with the unit. It is made where it is not there, and grown where it is smaller,
            also while the guest runs; a volume is never made smaller.
          - Without it one that is made is as large as its O(disks[].image) or O(disks[].backing).
          - What was made for the guest is marked as its own, see O(storage). A volume that was there before is not.
        type: str
      image:
        description:
          - What the volume is made from, which is copied, as with the module M(corral.virt.volume); the name of another
            volume, or a mapping with C(volume) and C(pool), C(path), or C(url) and C(checksum).
        type: raw
      backing:
        description:
          - What the volume is a layer above, as with the module M(corral.virt.volume); the name of another volume, or a
            mapping with C(volume) and C(pool), or C(path) and C(format).
        type: raw
      device:
        description:
          - What the guest sees.
        type: str
        choices: [disk, cdrom, floppy]
        default: disk
      format:
        description:
          - How the file is to be read. Without it V(qcow2) for a name that ends in C(.qcow2), else V(raw). Of a volume
            the pool knows it; one that is made gets this one.
          - The file itself is never asked, because its guest can write into it.
        type: str
        choices: [raw, qcow2]
      encryption:
        description:
          - The secret that opens an image that is encrypted by LUKS. Its uuid or the usage_id that it was defined with
            (M(corral.virt.secret), usage V(volume)), or a mapping with C(secret), and C(format), which is V(luks).
          - A volume that is made for the disk is encrypted with it. How is said by C(cipher) (such as V(aes-256)),
            C(mode), C(hash), C(ivgen) and C(ivgen_hash), as with the module M(corral.virt.volume).
          - Without it the disk of a volume has the secret that the volume was made with. Another one is refused.
        type: raw
      bus:
        description:
          - What the disk is attached to. Without it V(virtio) for a disk, V(sata) for a cdrom, V(fdc) for a floppy.
          - Disks on V(scsi) share controllers of the model C(virtio-scsi).
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
      shareable:
        description:
          - Whether other guests may use the same image at the same time.
          - Guests that write can share a V(raw) one only, and have to agree among themselves.
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
      wwn:
        description:
          - The world wide name that the guest sees, 16 hexadecimal digits, on the buses V(scsi) and V(ide).
        type: str
      cache:
        description:
          - How the host caches the image.
        type: str
        choices: [none, writethrough, writeback, directsync, unsafe]
      io:
        description:
          - How QEMU reads and writes. V(native) needs O(disks[].cache=none) or O(disks[].cache=directsync).
        type: str
        choices: [threads, native, io_uring]
      discard:
        description:
          - Whether blocks that the guest gives up are taken out of the image (V(unmap)).
        type: str
        choices: [ignore, unmap]
      detect_zeroes:
        description:
          - Whether zeroes that the guest writes are written as holes, or with V(unmap) given up.
        type: str
        choices: ["off", "on", unmap]
      iothread:
        description:
          - The number of the thread that serves the disk, from 1 to O(iothreads), on the bus V(virtio).
        type: int
      iotune:
        description:
          - Limits. Bytes are written with their unit, such as V(50MiB). A total excludes its parts.
          - Names with C(_max) are what a burst may reach.
        type: dict
        suboptions:
          total_bytes_sec:
            description: Bytes a second, read and written.
            type: str
          read_bytes_sec:
            description: Bytes a second that are read.
            type: str
          write_bytes_sec:
            description: Bytes a second that are written.
            type: str
          total_iops_sec:
            description: Requests a second.
            type: int
          read_iops_sec:
            description: Requests a second that read.
            type: int
          write_iops_sec:
            description: Requests a second that write.
            type: int
          total_bytes_sec_max:
            description: Bytes a second in a burst, read and written.
            type: str
          read_bytes_sec_max:
            description: Bytes a second that are read in a burst.
            type: str
          write_bytes_sec_max:
            description: Bytes a second that are written in a burst.
            type: str
          total_iops_sec_max:
            description: Requests a second in a burst.
            type: int
          read_iops_sec_max:
            description: Requests a second that read in a burst.
            type: int
          write_iops_sec_max:
            description: Requests a second that write in a burst.
            type: int
          burst_seconds:
            description: How many seconds a burst may last, one without it.
            type: int
          group_name:
            description: A name for a group of disks that share the limits.
            type: str
  cloud_init:
    description:
      - What cloud-init finds in the guest when it boots, on a read-only disk of its own (NoCloud, with the label
        C(cidata)), which also Windows reads (cloudbase-init).
      - It is made from what is given here, again only when that changes, and deleted with the guest. It can be read by
        root, and while the guest runs by the user that QEMU runs as.
      - Texts in YAML are parsed before anything is sent to the target. Another content is a new instance to cloud-init,
        which then does again what it does once for each; it finds it at the next start of the guest, not after a
        reboot.
      - Everything in it is hidden in what Ansible returns, logs and repeats, and never shown in a difference.
    type: dict
    suboptions:
      user_data:
        description:
          - What the user wants. A mapping becomes C(#cloud-config); a text begins with C(#cloud-config), C(#!) or
            another line by which cloud-init knows it.
        type: raw
      meta_data:
        description:
          - What the guest is, such as C(local-hostname), as a mapping or as a text in YAML.
          - Without C(instance-id) it gets one that stays the same for as long as O(cloud_init) does.
        type: raw
      network_config:
        description:
          - The network, in version 1 or 2 of cloud-init's own form, as a mapping or as a text in YAML.
          - Without it cloud-init asks for an address by DHCP.
        type: raw
      vendor_data:
        description:
          - What O(cloud_init.user_data) can overrule, in the same form.
        type: raw
  ignition:
    description:
      - The configuration that Ignition finds in the guest at its first boot, as a mapping or as a text in JSON (by
        fw_cfg, under the name C(opt/com.coreos/config)). It cannot go with O(cloud_init).
      - It is kept and hidden as O(cloud_init) is.
    type: raw
  filesystems:
    description:
      - Directories of the target that the guest mounts.
    type: list
    elements: dict
    suboptions:
      source:
        description:
          - The directory.
        type: path
        required: true
      tag:
        description:
          - The name by which the guest mounts it.
        type: str
        required: true
      type:
        description:
          - V(virtiofs) is fast, needs virtiofsd on the target, and shares the guest's memory with it.
          - V(9p) needs nothing but QEMU.
        type: str
        choices: [virtiofs, 9p]
        default: virtiofs
      access:
        description:
          - Whose rights files get, of V(9p) only. Without it V(passthrough).
        type: str
        choices: [passthrough, mapped, squash]
      readonly:
        description:
          - Whether the guest may only read.
        type: bool
        default: false
  interfaces:
    description:
      - All network interfaces of the guest, in their order.
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - V(user) lets the guest out through QEMU itself, which needs no rights on the host. All others need root.
          - V(ethernet) is a tap device of the host that is attached to nothing.
          - Without it that of O(interfaces[].network), O(interfaces[].bridge) and O(interfaces[].direct) which is
            given, else V(user).
        type: str
        choices: [user, network, bridge, direct, ethernet]
      network:
        description:
          - The virtual network that it is attached to, which has to be active when the guest starts.
        type: str
      portgroup:
        description:
          - The group of settings of O(interfaces[].network) that it gets. Without it the network's default one.
        type: str
      bridge:
        description:
          - The bridge of the host that it is attached to.
        type: str
      direct:
        description:
          - A device of the host that it shares, without a bridge (macvtap). The host itself cannot be reached through
            it.
        type: dict
        suboptions:
          dev:
            description:
              - The device, such as V(eth0).
            type: str
            required: true
          mode:
            description:
              - With V(bridge) guests on the same device reach each other, with V(vepa) through the switch outside if at
                all, with V(private) never. V(passthrough) gives the device to this guest alone.
            type: str
            choices: [bridge, vepa, private, passthrough]
            default: bridge
      mac:
        description:
          - Its MAC address. Without it one is generated, and kept.
        type: str
      model:
        description:
          - The network card that the guest sees.
        type: str
        default: virtio
      mtu:
        description:
          - The size of the largest packet in bytes. Without it that of the network or bridge. A V(virtio) card tells it
            to the guest.
        type: int
      link:
        description:
          - Whether the cable is plugged in. Without it it is.
        type: str
        choices: [up, down]
      vlan:
        description:
          - The VLAN that the guest is in, a number from 1 to 4094, or a list of several, which it tells apart itself.
          - It needs a bridge that tells VLANs apart.
          - "Or a mapping. C(tags) is one or several of these numbers, C(trunk=true) lets the guest tag its packets
            where there is only one, C(native) is the one of packets without a tag, and C(native_mode) says whether
            those leave V(tagged) or V(untagged)."
        type: raw
      bandwidth:
        description:
          - The limits of the guest. Without it those of the portgroup.
        type: dict
        suboptions:
          inbound:
            description:
              - What goes to the guest.
            type: dict
            suboptions: &rate
              average:
                description:
                  - How much goes through in a second, as a size with its unit, such as V(10MB). It is rounded up to
                    whole kilobytes of 1000 bytes.
                type: str
                required: true
              peak:
                description:
                  - How much goes through in a second for a moment.
                type: str
              burst:
                description:
                  - How much may go through at the peak, as a size with its unit, such as V(256KiB).
                type: str
          outbound:
            description:
              - What comes from the guest.
            type: dict
            suboptions: *rate
      queues:
        description:
          - How many pairs of queues a V(virtio) card has, so that several processors can send and receive. Without it
            one.
        type: int
      vhost:
        description:
          - Whether the kernel carries the packets of a V(virtio) card, past QEMU. V(true) needs C(/dev/vhost-net).
          - Without it the kernel does under KVM, where it can.
        type: bool
      target:
        description:
          - What its end on the host is called. Without it a name is chosen at each start, V(vnet0) or V(macvtap0) and
            so on; names that begin like these are never kept.
        type: str
      managed:
        description:
          - V(false) uses the tap or macvtap device O(interfaces[].target) that is there, and leaves it there, with
            O(interfaces[].type=ethernet).
        type: bool
      isolated:
        description:
          - Whether it cannot reach other isolated guests on its network or bridge, but only what is not isolated, such
            as the host. Without it as the network says.
        type: bool
      filter:
        description:
          - What it may send and receive, by a network filter. See M(corral.virt.filter).
          - The name of the filter, such as V(clean-traffic), or a mapping with C(name) and C(parameters). These are
            values of the filter's variables by their names, each a text or a list of texts, such as C(IP) for the
            addresses that the guest may use.
          - C(MAC) is known. Without C(IP) the addresses are those that the network has reserved or lent, else what
            C(CTRL_IP_LEARNING) says, V(any), V(dhcp) or V(none).
          - The rules are in place before anybody can reach the guest. A change takes effect at once, and rules that
            somebody has flushed or edited are put back by the next run.
          - With O(interfaces[].network) or O(interfaces[].bridge), where that is a Linux bridge, and with
            O(interfaces[].type=ethernet) when its link is attached to one. What passes no bridge is not filtered.
        type: raw
      trust_guest_rx_filters:
        description:
          - Whether the guest may receive what is sent to any multicast group, so that it chooses itself, on a device of
            the host (macvtap).
        type: bool
      boot_order:
        description:
          - The place in the order in which the guest tries to boot, counted from 1.
        type: int
  console:
    description:
      - Whether the guest has a serial console; what it writes there is logged. It is the first serial port.
      - Without it a guest that is described by options has one.
    type: bool
  serials:
    description:
      - Serial ports beside the one of O(console).
    type: list
    elements: dict
    suboptions: &port
      type: &type
        description:
          - What is behind the port on the target.
          - V(pty) is a terminal that the kernel names. V(file), V(pipe), V(dev) and V(unix) need a path, V(tcp) a port.
            With V(none) what the guest writes is lost.
          - Without it V(pty).
        type: str
        choices: &types [pty, file, unix, tcp, dev, pipe, none]
      path: &path
        description:
          - The file, the pipe (without the endings C(.in) and C(.out)), the device or the socket.
        type: path
      host: &host
        description:
          - The address of V(tcp). Without it V(127.0.0.1).
        type: str
      port: &number
        description:
          - The port of V(tcp).
        type: int
      listen: &listen
        description:
          - Whether QEMU listens on the socket (V(tcp) and V(unix)), or connects to it when the guest starts.
        type: bool
        default: true
      model:
        description:
          - The device that the guest sees. Without it V(isa-serial), of which there can be four.
        type: str
        choices: [isa-serial, pci-serial, usb-serial]
  parallels:
    description:
      - Parallel ports.
    type: list
    elements: dict
    suboptions:
      type: *type
      path: *path
      host: *host
      port: *number
      listen: *listen
  guest_agent:
    description:
      - Whether the guest has the channel that the QEMU guest agent listens to.
    type: bool
  spice_agent:
    description:
      - Whether the guest has the channel that the SPICE agent listens to, for the clipboard and the size of the screen.
      - Without it a guest with a screen of the type V(spice) has it.
    type: bool
  channels:
    description:
      - Further channels to programs in the guest, which find them under C(/dev/virtio-ports/NAME).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the channel, such as V(org.example.port.0).
        type: str
        required: true
      type:
        description:
          - What is behind the channel on the target, as with O(serials[].type).
          - Without it V(unix), which here needs no path; the socket is in the directory of the guest then.
        type: str
        choices: *types
      path: *path
      host: *host
      port: *number
      listen: *listen
  graphics:
    description:
      - Screens that can be looked at over the network, one of each type; without it there is none.
      - They show what is on a graphics card, see O(video).
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - The protocol.
        type: str
        choices: [vnc, spice]
        default: vnc
      listen:
        description:
          - The address of the host to listen on, the path of a socket, or V(none).
          - QEMU makes the socket, so the user that it runs as has to have the right to write to that directory.
        type: str
        default: 127.0.0.1
      port:
        description:
          - The TCP port. Without it a free one from 5900 on.
        type: int
      tls_port:
        description:
          - The TCP port for encrypted connections, of V(spice) only.
        type: int
      websocket:
        description:
          - The TCP port for browsers, of V(vnc) only; V(-1) for a free one.
        type: int
      password:
        description:
          - The password that is asked for; eight characters at most with V(vnc). It is never shown.
        type: str
      keymap:
        description:
          - The keyboard of whoever looks at it, such as V(de). Without it the viewer decides, which is better.
        type: str
  video:
    description:
      - The graphics card of the guest, such as V(virtio), V(vga), V(qxl), V(bochs) or V(none).
      - "Or a mapping. C(model) is one of these, C(memory) its memory with the unit, C(heads) how many monitors there
        can be, C(resolution) the one that it begins with, such as V(1280x1024), and C(accel3d) whether V(virtio) draws
        in three dimensions."
      - Without it a guest with O(graphics) has one.
    type: raw
  sound:
    description:
      - The sound card of the guest.
    type: str
    choices: [ich9, ich6, ac97, es1370, sb16, usb, virtio, pcspk]
  inputs:
    description:
      - Keyboards and pointers beside those that a PC has. With O(graphics) a V(tablet) keeps the pointer where the
        mouse of the viewer is.
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - What it is.
        type: str
        choices: [tablet, keyboard, mouse]
        required: true
      bus:
        description:
          - What it is attached to. Without it V(usb).
        type: str
        choices: [usb, virtio, ps2]
  tpm:
    description:
      - V(true) gives the guest an emulated TPM 2.0, which needs swtpm on the target; V(false) none.
      - "Or a mapping. C(model) is V(crb) or V(tis), C(version) V(2.0) or V(1.2) in quotes, C(device) a TPM of the
        target to hand over, such as V(/dev/tpm0)."
    type: raw
  rng:
    description:
      - Whether the guest has a random number generator that is fed by the host.
    type: bool
  balloon:
    description:
      - Whether the guest has a memory balloon, through which its memory can be changed while it runs.
      - Without it it has one.
    type: bool
  watchdog:
    description:
      - V(true) gives the guest a watchdog that resets it; or the model, V(i6300esb), V(ib700) or V(itco).
      - "Or a mapping. C(model) is one of these, C(action) what it does: V(reset), V(poweroff), V(shutdown), V(pause),
        V(none), V(inject-nmi) or V(dump)."
    type: raw
  panic:
    description:
      - Whether the guest has a device through which its kernel can say that it crashed, see O(on_crash).
    type: bool
  vsock:
    description:
      - V(true) gives the guest sockets to the host under a number that is free when it starts.
      - Or the number itself, V(3) or more.
    type: raw
"""
