#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about storage pools."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pool_info
short_description: Show storage pools
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Returns what one, several or all storage pools of a connection are, what state they are in, how much room they have,
    which guests use them, and what of an active pool does not work.
  - The connection is read-only, so nothing of a pool is ever changed.
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
      - The names of the pools to show, one or a list of them; a uuid serves as well.
      - Without it all pools are shown. An empty list shows none.
      - A pool that does not exist is not an error; its name is in RV(missing) then.
    type: list
    elements: str
    aliases: [names]
  xml:
    description:
      - Whether to return the definitions as libvirt's pool XML, in C(xml) of each pool.
      - V(live) is the one that an active pool has now, V(inactive) the one with which it starts the next time.
    type: str
    choices: [none, live, inactive]
    default: none
seealso:
  - module: corral.virt.pool
  - module: corral.virt.volume_info
"""

EXAMPLES = r"""
- name: All pools
  corral.virt.pool_info:
  register: found

- name: Stop here when one of them does not work
  ansible.builtin.assert:
    that: found.pools | map(attribute='faults') | flatten == []

- name: One pool
  corral.virt.pool_info:
    name: images
  register: images

- name: Stop here when there is no room for another guest
  ansible.builtin.assert:
    that: images.pools[0].available > 20 * 1024 ** 3

- name: The definition of the pool of the test driver
  corral.virt.pool_info:
    uri: test:///default
    name: default-pool
    xml: inactive
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
pools:
  description: The pools, in the order in which they were asked for; all of them are sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: images
    uuid:
      description: The uuid.
      type: str
      sample: 7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10
    state:
      description: V(active) or V(inactive).
      type: str
      sample: active
    active:
      description: Whether the pool is active.
      type: bool
      sample: true
    persistent:
      description: Whether the pool has a definition that stays when it is let go.
      type: bool
      sample: true
    autostart:
      description: Whether the pool starts when the host does.
      type: bool
      sample: false
    built:
      description: Whether what the pool lies on is there.
      type: bool
      sample: true
    pending:
      description: What of its definition an active pool gets only when it is started again.
      type: list
      elements: str
    guests:
      description: The names of the active guests that use a volume of the pool.
      type: list
      elements: str
      sample: [web1]
    faults:
      description:
        - What an active pool lacks to work, each with C(what), a word such as V(mount), and C(detail), a sentence.
          M(corral.virt.pool) mends it.
      type: list
      elements: dict
    capacity:
      description: How much fits into an active pool, in bytes. V(null) of an inactive one.
      type: int
      sample: 107374182400
    allocation:
      description: How much of it is taken, in bytes. V(null) of an inactive one.
      type: int
      sample: 53687091200
    available:
      description: How much of it is free, in bytes. V(null) of an inactive one.
      type: int
      sample: 53687091200
    volumes:
      description: How many volumes an active pool has. V(null) of an inactive one.
      type: int
      sample: 4
    type:
      description: What the storage is, such as V(dir) or V(logical).
      type: str
      sample: dir
    tags:
      description: The tags, sorted. Those of other programs are not among them.
      type: list
      elements: str
    target:
      description: The directory that the volumes are found in, V(null) where there is none.
      type: str
      sample: /srv/images
    format:
      description: The file system or partition table, V(null) where there is none.
      type: str
    hosts:
      description: The servers.
      type: list
      elements: str
    devices:
      description: The devices, or the name of the iSCSI target.
      type: list
      elements: str
    source_dir:
      description: The directory that the server exports, V(null) where there is none.
      type: str
    source_name:
      description: What the storage is called where it is, V(null) where nothing is said.
      type: str
    xml:
      description:
        - The definition that was asked for.
        - V(null) where there is none, such as a live one of a pool that is inactive.
      type: str
      returned: when O(xml) is V(live) or V(inactive)
unreadable:
  description:
    - Pools that are there and cannot be looked at, such as those whose files are damaged. They are in no other list.
    - Each of them is warned of, too. A pool that O(name) names is an error instead.
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
  description: The names of pools that were asked for and do not exist.
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

POOLS = Spec(
    {
        "name": {"type": "list", "elements": "str", "aliases": ["names"]},
        "xml": {"type": "str", "choices": ["none", "live", "inactive"], "default": "none"},
    }
)


def work(job: Job) -> dict[str, Any]:
    """Look at the pools."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.pool_look import show_pools

    return show_pools(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, POOLS, read_only=True)


if __name__ == "__main__":
    main()
