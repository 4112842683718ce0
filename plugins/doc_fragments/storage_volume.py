# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a storage volume is: its size, its format, what it is made from and stands on."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of corral.virt.volume."""

    DOCUMENTATION = r"""
options:
  capacity:
    description:
      - The size that a guest sees, with a unit, such as V(20GiB).
      - Without it a new volume is as large as O(image) or O(backing), and one that is there stays as it is. One that is
        made anew (O(force)), and from neither, is as large as the old one.
      - A volume that is smaller grows, also while a guest has it open as its disk. One that is below the disk of a
        running guest keeps its size. One that is larger is refused without O(shrink).
      - A partition (of a pool of the type V(disk)) grows into what is free directly behind it. Where another one begins
        there, or too little is free, that is said and nothing is changed. It is never made smaller.
      - Of an encrypted volume it is what a guest sees. The header is beside it.
    type: str
  allocation:
    description:
      - What of it is taken on the host at once, with a unit. V(0B) lets a raw volume grow as it is written to. Without
        it all of a raw volume is taken. It counts when the volume is made.
    type: str
  permissions:
    description:
      - Who may read and write the volume. What is left open stays as it is; a new one is for root alone. While a guest
        runs, its volumes belong to the user that QEMU runs as.
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
        description: The label for SELinux. It is set when the volume is made or its other permissions change.
        type: str
  format:
    description:
      - The format of the image, for pools of files. Without it a new volume has that of O(image), or V(raw).
    type: str
    choices: [raw, qcow2, iso, qcow, qed, vmdk, vdi, vpc]
  backing:
    description:
      - The image that the volume is a layer above (a linked clone), for formats such as V(qcow2). The name of a volume
        of the same pool, an absolute path, or a mapping with C(volume) and C(pool), or C(path) and C(format).
      - The format of an image that is no volume of an active pool has to be said, as it is never guessed.
    type: raw
  encryption:
    description:
      - Encrypts the volume by LUKS. The secret that opens it, by its uuid or by the usage_id that it was defined with,
        or a mapping with C(secret), C(cipher) (such as V(aes-256)), C(mode), C(hash), C(ivgen), C(ivgen_hash) and
        C(format), which is V(luks).
      - Which secret a volume was made with is kept with it. It is what opens the volume where it is resized or copied,
        and where a guest gets it. Another secret is refused without O(force), because it would not open what is there.
      - The secret of a volume that somebody else has made is found by the usage V(volume) with the path of the volume.
      - A copy of an encrypted volume is encrypted with the same secret, unless this names another. A layer above an
        encrypted volume is refused.
    type: raw
  compat:
    description:
      - The version of the qcow2 format, in quotes.
    type: str
    choices: ["0.10", "1.1"]
  cluster_size:
    description:
      - The size of a cluster of a qcow2 image, with a unit, such as V(64KiB).
    type: str
  lazy_refcounts:
    description:
      - Whether a qcow2 image counts references late, which is faster and takes a repair after a crash of the host.
    type: bool
  extended_l2:
    description:
      - Whether the clusters of a qcow2 image have parts of their own.
    type: bool
  nocow:
    description:
      - Whether a file system that copies on each write does not do so for this volume. It counts when the volume is
        made.
    type: bool
  image:
    description:
      - What a new volume is filled with. The name of a volume of the same pool (a whole copy), an absolute path of the
        host, a URL, or a mapping.
      - The mapping has C(volume) and C(pool), or C(path), or C(url); and C(format) of the image, which is read from it
        otherwise, and C(checksum), V(sha256:DIGEST) or V(sha256:URL) of a list of digests, of the file or of what the
        server sends.
      - What has a URL, a checksum, or a name that ends in V(.gz), V(.xz), V(.bz2) or V(.zst) goes through a cache of
        the host, which is shared by all runs, and is unpacked there.
      - In check mode a file of the host has to be there and to be readable. No server is asked.
      - What a volume was made from is kept with it. Another image, by its checksum where both have one of a kind, by
        its place otherwise, is refused without O(force). An image of the same place that has changed there is no other
        one.
    type: raw
  preallocation:
    description:
      - What of the image is taken on the host when it is made, as C(qemu-img) has it. It counts when the volume is
        made.
    type: str
    choices: ["off", metadata, falloc, full]
"""
