#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about storage volumes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_info
short_description: Show storage volumes
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Returns what one, several or all volumes of active storage pools are, where they are, how large, and which guests
    have them open.
  - The connection is read-only, so nothing of a volume is ever changed.
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
  pool:
    description:
      - The pool to look into, its name or uuid. It has to be there and active.
      - Without it all active pools are looked into.
    type: str
  name:
    description:
      - The names of the volumes to show, one or a list of them.
      - Without it all volumes are shown. An empty list shows none.
      - A volume that does not exist is not an error; its name is in RV(missing) then.
    type: list
    elements: str
    aliases: [names]
  xml:
    description:
      - Whether to return libvirt's volume XML, in C(xml) of each volume.
    type: bool
    default: false
seealso:
  - module: corral.virt.volume
  - module: corral.virt.pool_info
"""

EXAMPLES = r"""
- name: All volumes of a pool
  corral.virt.volume_info:
    pool: images
  register: found

- name: The volumes that no guest has open
  ansible.builtin.debug:
    msg: "{{ found.volumes | rejectattr('guests') | map(attribute='path') }}"

- name: One volume, wherever it is
  corral.virt.volume_info:
    name: web1.qcow2
    xml: true
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
volumes:
  description: The volumes, by pool; all of one pool are sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    pool:
      description: The name of the pool.
      type: str
      sample: images
    name:
      description: The name.
      type: str
      sample: web1.qcow2
    key:
      description: What names the volume on this host.
      type: str
      sample: /srv/images/web1.qcow2
    path:
      description: What a disk of a guest has as its source.
      type: str
      sample: /srv/images/web1.qcow2
    type:
      description: V(file), V(block), V(dir), V(network) or V(netdir).
      type: str
      sample: file
    format:
      description: The format of the image, V(null) where it has none.
      type: str
      sample: qcow2
    capacity:
      description: The size that a guest sees, in bytes.
      type: int
      sample: 42949672960
    allocation:
      description: What it takes on the host, in bytes.
      type: int
      sample: 1310720
    origin:
      description:
        - What it was made from, with its checksum where one was given. V(null) for a volume that was empty, that others
          have made, or that was wiped or uploaded to.
      type: str
      sample: https://cloud.example/debian-12-generic-amd64.qcow2
    guests:
      description: The names of the active guests that have it, or a layer above it, open.
      type: list
      elements: str
      sample: [web1]
    backing:
      description: The image that it is a layer above, with C(path) and C(format). V(null) where there is none.
      type: dict
      sample:
        path: /srv/images/debian-12.qcow2
        format: qcow2
    encrypted:
      description: Whether it is encrypted.
      type: bool
      sample: false
    permissions:
      description: C(mode), C(owner), C(group) and C(label). V(null) where the pool has none.
      type: dict
      sample:
        mode: "0600"
        owner: 0
        group: 0
        label: null
    compat:
      description: The version of the qcow2 format, V(null) for other formats.
      type: str
      sample: "1.1"
    cluster_size:
      description: The size of a cluster in bytes, V(null) for other formats than qcow2.
      type: int
      sample: 65536
    features:
      description: V(lazy_refcounts) and V(extended_l2), as far as it has them.
      type: list
      elements: str
    xml:
      description: The volume as libvirt's XML.
      type: str
      returned: when O(xml) is true
unreadable:
  description:
    - Pools whose volumes cannot be listed, such as those whose own files are damaged.
    - Each of them is warned of, too. A pool that O(pool) names is an error instead.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: images
    error:
      description: Why, with the file where it is one.
      type: str
    hint:
      description: What to do about it, V(null) where that is not known.
      type: str
missing:
  description: The names of volumes that were asked for and do not exist.
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

VOLUMES = Spec(
    {
        "pool": {"type": "str"},
        "name": {"type": "list", "elements": "str", "aliases": ["names"]},
        "xml": {"type": "bool", "default": False},
    }
)


def work(job: Job) -> dict[str, Any]:
    """Look at the volumes."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.volume_look import show_volumes

    return show_volumes(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, VOLUMES, read_only=True)


if __name__ == "__main__":
    main()
