#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage pools: definition, storage and state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pool
short_description: Define, build, start, stop and remove storage pools
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Makes a storage pool what it is asked to be, its definition as well as its state and the storage that it lies on.
  - The definition comes from libvirt's pool XML (O(xml)), or from options such as O(type), O(target) and O(source).
    Either one describes the whole pool. The uuid that it had before is kept.
  - An active pool is one that works. When something of it is missing on the host, such as a mount, a run finds that and
    mends it, whatever else it is asked for.
  - Nothing that holds data is ever formatted without O(overwrite=true), and nothing is deleted without O(delete=true).
  - A second run with the same options changes nothing, but for O(state=refreshed).
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
  - corral.virt.many
  - corral.virt.storage_pool
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
      - The name of the pool.
      - Required without O(xml). With it, it must be the name that the XML says.
      - The pool V(default) need not be described. Where there is none, it becomes the directory
        C(/var/lib/corral/images) of the connection.
    type: str
  pools:
    description:
      - Several pools in one task, in place of O(name) or O(xml). An element takes the options that this module has for
        one pool, all of them but O(uri).
      - What stands beside the list, such as O(state) or O(type), holds for each pool that does not say it itself.
      - O(name), O(xml) and O(uuid) name one pool, so they cannot stand beside the list.
    type: list
    elements: dict
  state:
    description:
      - V(present) makes sure that the pool is defined, and leaves it active or inactive as it is.
      - V(built) also makes what it lies on where that is missing, such as a directory, a file system, a partition table
        or a volume group.
      - V(active) starts it, and builds it first where O(build) says so.
      - V(refreshed) makes it active, and looks again at its volumes and its room in each run.
      - V(inactive) lets it go, so that it is unmounted or logged out. Its data stays.
      - V(absent) lets it go and removes its definition. Its data stays without O(delete). Options that describe the
        pool are not looked at. A pool that does not exist is no error.
      - A pool that active guests use is not let go or removed without O(force).
    type: str
    choices: [present, built, active, refreshed, inactive, absent]
    default: present
  build:
    description:
      - Whether a pool that is to be started is built where what it lies on is missing.
      - Without it a V(dir) is, as that takes no more than a directory, and no device is formatted. Mount points are
        made in any case.
    type: bool
  overwrite:
    description:
      - Whether building may format a device that holds something else, which is lost then. A device that holds what the
        pool is to lie on is never formatted. It goes with O(state=built) or O(build=true).
      - Without it a device that holds something else is refused before the pool is defined, in check mode too.
    type: bool
    default: false
  delete:
    description:
      - Whether the data of the pool is deleted with it, its volumes and what they lie on. It goes with O(state=absent).
      - A directory is not deleted when there is something in it that is no volume.
    type: bool
    default: false
  xml:
    description:
      - The definition as libvirt's pool XML.
      - It cannot be given together with an option that describes a part of the pool, such as O(type) or O(target).
    type: str
  autostart:
    description:
      - Whether the pool starts when the host does. Without it that is left as it is.
      - With the units of the role P(corral.virt.host#role) systemd starts it then, before the guests. A host without
        them, and every connection but C(qemu:///system), keeps this and does not act on it.
    type: bool
  apply:
    description:
      - What to do about an active pool with another definition than the one that is wanted.
      - With V(live) it gets at once what no volume notices, which are O(permissions), O(tags), O(cow) and the like. The
        rest comes into force when it is started again. Until then RV(pending) lists the rest, and RV(restart_required)
        is true.
      - With V(next_boot) the active pool is left alone, and all of the new definition waits for its next start.
      - With V(restart) it is let go and started again at once, unless it can get all of it without.
      - A run that does not describe the pool leaves alone what is pending from earlier runs, unless this is V(restart).
    type: str
    choices: [live, next_boot, restart]
    default: live
  force:
    description:
      - Whether to let go or remove a pool that active guests use. What they have open stays open as long as the kernel
        lets it.
    type: bool
    default: false
seealso:
  - module: corral.virt.pool_info
  - module: corral.virt.volume
  - module: corral.virt.vm
"""

EXAMPLES = r"""
- name: The usual pool, active and started with the host
  corral.virt.pool:
    name: default
    state: active
    autostart: true

- name: Several pools in one task
  corral.virt.pool:
    type: dir
    state: active
    autostart: true
    pools:
      - name: disks
        target: /srv/disks
      - name: media
        target: /srv/media

- name: A directory, which is made where it is missing
  corral.virt.pool:
    name: images
    target: /srv/images
    permissions:
      mode: "0711"
    tags: [fast]
    state: active

- name: A file system of its own on a disk that is empty
  corral.virt.pool:
    name: bulk
    type: fs
    source:
      device: /dev/disk/by-id/ata-DISK-1
      format: ext4
    mount_options: [noatime]
    target: /srv/bulk
    state: active
    build: true

- name: A volume group on two disks, whatever is on them
  corral.virt.pool:
    name: vg-guests
    type: logical
    source:
      devices: [/dev/sdx, /dev/sdy]
    state: built
    overwrite: true

- name: A directory of a server
  corral.virt.pool:
    name: isos
    type: netfs
    source:
      host: nfs.example
      dir: /export/isos
      format: nfs
      protocol: "4.1"
    target: /srv/isos
    state: active

- name: The units of an iSCSI target that asks who we are
  corral.virt.pool:
    name: san
    type: iscsi
    source:
      host:
        name: san.example
        port: 3260
      device: iqn.2026-01.example:disks
      auth:
        username: host1
        secret: host1 at san.example
    state: active

- name: A pool of Ceph
  corral.virt.pool:
    name: ceph
    type: rbd
    source:
      hosts: [mon1.example, mon2.example]
      name: guests
      auth:
        username: libvirt
        secret: 6f3a1c52-9d3b-4a0e-8a55-5d7c3f1f0c11
    rbd_options:
      client_mount_timeout: 30

- name: A definition in libvirt's own words
  corral.virt.pool:
    xml: "{{ lookup('ansible.builtin.template', 'pool.xml.j2') }}"
    state: active
    apply: restart

- name: Look again at what others have put there
  corral.virt.pool:
    name: images
    state: refreshed

- name: Let a pool go
  corral.virt.pool:
    name: isos
    state: inactive

- name: Remove a pool with all of its volumes
  corral.virt.pool:
    name: images
    state: absent
    delete: true
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
actions:
  description: What was done, or in check mode what would be done, in this order.
  returned: success, with O(pools) in each element of RV(results)
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of V(define), V(undefine), V(build), V(refresh), V(mend), V(update), V(create), V(start), V(destroy),
          V(delete), V(enable_autostart) and V(disable_autostart).
      type: str
    target:
      description: The name of the pool.
      type: str
    effect:
      description: When it comes into force, V(live) or, when the pool is started again, V(next_boot).
      type: str
    detail:
      description:
        - What it is about, such as the differences between the old definition and the new one, what is missing on the
          host, or what is deleted.
      type: list
      elements: str
  sample:
    - action: build
      target: images
      effect: live
      detail: []
pending:
  description: What of its definition the pool gets only when it is started again.
  returned: success, with O(pools) in each element of RV(results)
  type: list
  elements: str
  sample:
    - "/pool/target/path: /srv/old -> /srv/new"
restart_required:
  description: Whether something is pending.
  returned: success, with O(pools) in each element of RV(results)
  type: bool
cut_off:
  description:
    - The active guests that lose the pool by what is done, or, when something is pending, that would lose it for a
      moment by a restart.
  returned: success, with O(pools) in each element of RV(results)
  type: list
  elements: str
  sample: [web1]
pool:
  description:
    - The pool as it is after the run, in check mode as it is now, with the values that M(corral.virt.pool_info) has in
      RV(corral.virt.pool_info#module:pools).
    - V(null) when there is no such pool.
  returned: success, with O(pools) in each element of RV(results)
  type: dict
  sample:
    name: images
    state: active
    target: /srv/images
    available: 53687091200
results:
  description:
    - What became of each element of O(pools), in the order of the list.
    - Beside these an element has the values that the module returns for one pool, such as RV(actions) and
      RV(pool). What C(--diff) shows is beside the list, for all of them.
  returned: with O(pools)
  type: list
  elements: dict
  contains:
    name:
      description: The name of the pool.
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
    - name: images
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
  description: Values that belong to the failure, such as the names of the guests that use the pool.
  returned: on failure
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many, names_of
from ansible_collections.corral.virt.plugins.module_utils.converge.pool_definition import POOL_DEFINING, POOL_DEFINITION

STATES = ["present", "built", "active", "refreshed", "inactive", "absent"]
STATE = Spec(
    {
        "state": {"type": "str", "choices": STATES, "default": "present"},
        "build": {"type": "bool"},
        "overwrite": {"type": "bool", "default": False},
        "delete": {"type": "bool", "default": False},
        "autostart": {"type": "bool"},
        "apply": {"type": "str", "choices": ["live", "next_boot", "restart"], "default": "live"},
        "force": {"type": "bool", "default": False},
    }
)


def names(options: Mapping[str, Any]) -> Iterable[str]:
    """The name of an element, and its uuid where it says one."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.pool_spec import desired_pool

    name, document = desired_pool(options, describe=bool(options.get("xml")))
    return names_of(options, name, document)


POOLS = Many(
    "pools",
    "pool",
    single=("name", "xml", "uuid"),
    defining=POOL_DEFINING,
    names=names,
)


def work(job: Job) -> dict[str, Any]:
    """Bring the pool to what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.pool import converge_pool

    return converge_pool(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, POOL_DEFINITION, STATE, many=POOLS)


if __name__ == "__main__":
    main()
