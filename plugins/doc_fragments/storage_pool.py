# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a storage pool is: where its storage comes from, and where it is found."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of corral.virt.pool."""

    DOCUMENTATION = r"""
options:
  uuid:
    description:
      - The uuid of the pool. Without it an existing pool keeps its own, and a new one is derived from the host and the
        name. A pool that has another one cannot get it.
    type: str
  tags:
    description:
      - Words for grouping pools. They are kept in the metadata of the definition.
    type: list
    elements: str
  type:
    description:
      - What the storage is. Without it a pool that is described is a V(dir).
      - V(dir) is a directory, V(fs) a file system on a device that is mounted, V(netfs) one of a server (NFS, CIFS,
        GlusterFS).
      - V(logical) is a volume group of LVM, V(disk) a disk whose partitions are the volumes, V(zfs) a pool of ZFS.
      - V(iscsi) is a target whose units the kernel makes disks of, V(iscsi-direct) one that QEMU speaks to by itself,
        V(scsi) the disks of an adapter, V(mpath) the multipath devices of the host.
      - V(rbd) is a pool of Ceph, V(gluster) a volume of GlusterFS, V(vstorage) a Virtuozzo cluster.
    type: str
    choices: [dir, fs, netfs, logical, disk, iscsi, iscsi-direct, scsi, mpath, rbd, gluster, zfs, vstorage]
  source:
    description:
      - Where the storage comes from. A V(dir) needs none; which parts are needed otherwise depends on O(type).
    type: dict
    suboptions:
      host:
        description:
          - The server, its name or address, or a mapping with C(name) and C(port).
        type: raw
      hosts:
        description:
          - Several servers, each like O(source.host).
        type: list
        elements: raw
      device:
        description:
          - The device of V(fs), V(disk) and V(logical), such as V(/dev/disk/by-id/ata-DISK-1), or the name of the iSCSI
            target.
        type: str
      devices:
        description:
          - Several devices, of which a volume group is made.
        type: list
        elements: str
      dir:
        description:
          - The directory that the server exports.
        type: str
      name:
        description:
          - What the storage is called where it is, such as a volume group or a pool of Ceph. Without it, it is called
            like the pool.
        type: str
      format:
        description:
          - The file system of V(fs) and V(netfs), such as V(ext4) or V(nfs), or the partition table of V(disk), such as
            V(gpt). When the pool is built, it is what is made.
        type: str
      adapter:
        description:
          - The adapter of V(scsi), its name such as V(host5), or a mapping.
          - C(name), or C(pci), such as V(0000:00:1f.2), with C(unique_id), names an adapter of SCSI.
          - C(wwnn) and C(wwpn), with C(parent), C(parent_wwnn), C(parent_wwpn), C(parent_fabric_wwn) and C(managed),
            name a virtual one of Fibre Channel.
        type: raw
      initiator:
        description:
          - The name that the host has for an iSCSI target.
        type: str
      auth:
        description:
          - How the host proves who it is, to V(iscsi), V(iscsi-direct) and V(rbd).
        type: dict
        suboptions:
          username:
            description: The name.
            type: str
            required: true
          secret:
            description:
              - The secret that proves it, by its uuid or by the usage_id that it was defined with. Its value is not
                written here.
            type: str
            required: true
      protocol:
        description:
          - The version of NFS, such as V("4.1").
        type: str
      vendor:
        description: Who has made the hardware. It has no effect.
        type: str
      product:
        description: What the hardware is called. It has no effect.
        type: str
  mount_options:
    description:
      - What mount is told beside the usual, for V(fs) and V(netfs), each such as V(noatime) or V(vers=4.2).
      - They are no place for a password, as everybody can read them; for CIFS V(credentials=/PATH/OF/FILE) names a
        file.
    type: list
    elements: str
  rbd_options:
    description:
      - Settings of librbd, for V(rbd).
    type: dict
  target:
    description:
      - The directory that the volumes are found in, as an absolute path of the host. V(dir), V(fs), V(netfs) and
        V(vstorage) need it; the others know theirs.
      - The directories that a system consists of, such as C(/), C(/etc), C(/root), C(/home), C(/var), C(/var/lib) and
        C(/usr), are refused, also where a link leads to one. A directory below, such as C(/root/images), is not.
    type: str
  permissions:
    description:
      - What the target directory is to look like. What is left open stays as it is.
    type: dict
    suboptions:
      mode:
        description: The mode, octal digits in quotes.
        type: raw
      owner:
        description: The number of the user.
        type: int
      group:
        description: The number of the group.
        type: int
      label:
        description: The label for SELinux.
        type: str
  cow:
    description:
      - Whether a file system that copies on each write, such as btrfs, does so for the files of the pool. Off is faster
        for disks. It counts when the pool is built.
    type: bool
"""
