#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage volumes: making, changing and deleting them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume
short_description: Make, resize, fill, wipe and delete storage volumes
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Makes a volume of an active storage pool what it is asked to be. A new one is empty, a copy of an image or of
    another volume (O(image)), or a layer above one (O(backing)).
  - A volume is seen under its name only when it is whole, also when a run is killed, a download breaks off or the file
    system is full. A partition is filled while its room is still free, and then made, so a killed run leaves none.
  - The size, the format, the image below, the contents (by what they were made from) and the permissions of a volume
    that is there are compared with what is asked for. Options that are not given are left as they are. Size and
    permissions are changed in place; what cannot be changed is refused, unless O(force) says that the volume may be
    made anew.
  - A second run with the same options changes nothing, but for O(state=wiped), O(upload_from) and O(download_to).
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
  - corral.virt.many
  - corral.virt.storage_volume
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
options:
  pool:
    description:
      - The name of the pool, which has to be active.
      - Required, beside O(volumes) or in its elements.
    type: str
  name:
    description:
      - The name of the volume, one part of a path.
      - That of a partition is the one that the kernel will give it, such as V(sdb1), the next number.
      - Required without O(xml). With it, it must be the name that the XML says.
    type: str
  volumes:
    description:
      - Several volumes in one task, in place of O(name) or O(xml). An element takes the options that this module has
        for one volume, all of them but O(uri).
      - What stands beside the list, such as O(pool), O(format) or O(state), holds for each volume that does not say it
        itself.
      - O(name), O(xml), O(upload_from) and O(download_to) name one volume, so they cannot stand beside the list.
      - A volume may stand on one that comes before it in the list, or be a copy of it.
    type: list
    elements: dict
  state:
    description:
      - V(present) makes sure that the volume is there and as it is described.
      - V(wiped) also overwrites what is in a volume that was there, in each run. It is an empty volume then.
      - V(absent) deletes it. Options that describe the volume are not looked at. A volume that does not exist is no
        error.
      - A volume that an active guest has open, or that another volume is a layer above, is neither wiped nor deleted.
    type: str
    choices: [present, wiped, absent]
    default: present
  xml:
    description:
      - The volume as libvirt's volume XML.
      - It cannot be given together with an option that describes a part of the volume, such as O(capacity) or
        O(format). It can with O(image) and O(preallocation), which no XML says.
    type: str
  shrink:
    description:
      - Whether a volume that is larger than O(capacity) is cut off. What is beyond is lost.
    type: bool
    default: false
  force:
    description:
      - Whether a volume that cannot become what is asked for, such as one with another format or other contents, is
        deleted and made anew. What was in it is lost. An image from a URL is fetched before.
    type: bool
    default: false
  wipe:
    description:
      - How a volume is overwritten, with O(state=wiped), or before it is deleted with O(state=absent).
      - V(zero) writes zeros, V(trim) gives the room back, and the others are patterns of the program C(scrub).
      - With O(state=wiped) it is V(zero) where it is not given. With O(state=absent) nothing is overwritten without it.
    type: str
    choices: [zero, trim, nnsa, dod, bsi, gutmann, schneier, pfitzner7, pfitzner33, random]
  upload_from:
    description:
      - A file of the host whose bytes replace those of the volume, in each run. For a volume that is to be made from an
        image once, there is O(image).
    type: str
  download_to:
    description:
      - A file of the host that the bytes of the volume are copied into, in each run, after all else was done.
    type: str
seealso:
  - module: corral.virt.volume_info
  - module: corral.virt.pool
  - module: corral.virt.vm
"""

EXAMPLES = r"""
- name: An empty disk
  corral.virt.volume:
    pool: images
    name: data.qcow2
    capacity: 20GiB
    format: qcow2

- name: An image and the layers above it, in one task
  corral.virt.volume:
    pool: images
    format: qcow2
    volumes:
      - name: golden.qcow2
        capacity: 10GiB
      - name: node1.qcow2
        backing: golden.qcow2
      - name: node2.qcow2
        backing: golden.qcow2

- name: Make it larger
  corral.virt.volume:
    pool: images
    name: data.qcow2
    capacity: 30GiB

- name: A cloud image, fetched once for the host and checked
  corral.virt.volume:
    pool: images
    name: debian-12.qcow2
    format: qcow2
    image:
      url: https://cloud.example/debian-12-generic-amd64.qcow2
      checksum: sha256:5d0e0ba2a0f9b9a4f7f0a5e1f2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5

- name: A disk that only keeps what differs from it, of another size
  corral.virt.volume:
    pool: images
    name: web1.qcow2
    capacity: 40GiB
    format: qcow2
    backing: debian-12.qcow2

- name: A whole copy of a volume of another pool
  corral.virt.volume:
    pool: bulk
    name: web2.img
    format: raw
    image:
      pool: images
      volume: debian-12.qcow2

- name: A packed image that lies on the host
  corral.virt.volume:
    pool: images
    name: appliance.img
    image: /srv/appliance.img.xz

- name: A disk for a database, with all of its room taken at once
  corral.virt.volume:
    pool: images
    name: db.qcow2
    capacity: 10GiB
    format: qcow2
    cluster_size: 2MiB
    preallocation: falloc
    permissions:
      mode: "0600"
      owner: 64055

- name: An encrypted disk, whose secret was defined with corral.virt.secret (usage volume, and its path as usage_id)
  corral.virt.volume:
    pool: images
    name: vault.img
    capacity: 5GiB
    format: raw
    encryption: /srv/images/vault.img

- name: A copy of it, which is encrypted with the same secret because no other one is named
  corral.virt.volume:
    pool: images
    name: vault-copy.img
    image: vault.img

- name: A volume in libvirt's own words
  corral.virt.volume:
    pool: images
    xml: "{{ lookup('ansible.builtin.template', 'volume.xml.j2') }}"

- name: Save what is in a volume
  corral.virt.volume:
    pool: images
    name: data.qcow2
    download_to: /srv/backup/data.qcow2

- name: Overwrite what is in it
  corral.virt.volume:
    pool: images
    name: data.qcow2
    state: wiped

- name: Delete a volume
  corral.virt.volume:
    pool: images
    name: data.qcow2
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
  returned: success, with O(volumes) in each element of RV(results)
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of V(create), V(resize), V(update), V(wipe), V(upload), V(download) and V(delete).
      type: str
    target:
      description: The name of the volume.
      type: str
    effect:
      description: V(live), or V(recreate) where the volume is deleted and made anew.
      type: str
    detail:
      description: What it is about, such as what differs, or what the volume is made from.
      type: list
      elements: str
  sample:
    - action: resize
      target: data.qcow2
      effect: live
      detail:
        - "/volume/capacity: 21474836480 -> 32212254720"
volume:
  description:
    - The volume as it is after the run, in check mode as it is now, with the values that M(corral.virt.volume_info) has
      in RV(corral.virt.volume_info#module:volumes).
    - V(null) when there is no such volume.
  returned: success, with O(volumes) in each element of RV(results)
  type: dict
  sample:
    pool: images
    name: data.qcow2
    path: /srv/images/data.qcow2
    format: qcow2
    capacity: 32212254720
results:
  description:
    - What became of each element of O(volumes), in the order of the list.
    - Beside these an element has the values that the module returns for one volume, such as RV(actions) and
      RV(volume). What C(--diff) shows is beside the list, for all of them.
  returned: with O(volumes)
  type: list
  elements: dict
  contains:
    name:
      description: The pool and the name of the volume.
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
    - name: images/data.qcow2
      changed: true
      failed: false
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, such as V(InvalidArgument), V(OperationInvalid) or V(AlreadyExists).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
details:
  description: Values that belong to the failure, such as the names of the guests that have the volume open.
  returned: on failure
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many
from ansible_collections.corral.virt.plugins.module_utils.converge.many_ties import volume_makes, volume_uses
from ansible_collections.corral.virt.plugins.module_utils.converge.volume_definition import (
    ALGORITHMS,
    VOLUME_DEFINING,
    VOLUME_DEFINITION,
)

STATE = Spec(
    {
        "state": {"type": "str", "choices": ["present", "wiped", "absent"], "default": "present"},
        "shrink": {"type": "bool", "default": False},
        "force": {"type": "bool", "default": False},
        "wipe": {"type": "str", "choices": list(ALGORITHMS)},
        "upload_from": {"type": "str"},
        "download_to": {"type": "str"},
    }
)


def names(options: Mapping[str, Any]) -> Iterable[str]:
    """The pool and the name of an element."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.volume_spec import desired_volume

    return (f"{options['pool']}/{desired_volume(options, describe=False)[0]}",)


VOLUMES = Many(
    "volumes",
    "volume",
    single=("name", "xml", "upload_from", "download_to"),
    defining=VOLUME_DEFINING,
    names=names,
    makes=volume_makes,
    uses=volume_uses,
)


def work(job: Job) -> dict[str, Any]:
    """Bring the volume to what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.volume import converge_volume

    return converge_volume(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, VOLUME_DEFINITION, STATE, many=VOLUMES)


if __name__ == "__main__":
    main()
