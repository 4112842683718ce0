#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest that goes to another host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hand_over
short_description: Hand a virtual machine over to another host
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Shuts a guest down on the host of the task, brings it to another host of the inventory, starts it there if it ran,
    and removes its definition where it came from. The guest keeps its uuid, its MAC addresses, its UEFI variables and
    the state of its TPM.
  - What the other host lacks is looked at first, for a guest that runs on meanwhile. That are its name and uuid, its
    networks, pools, filters and secrets, firmware, memory, and room for what is copied. A guest with a device of its
    host is refused.
  - Images that both hosts have on the same storage, at the same path, are left where they are. All others are copied,
    with what they stand on, through the controller, and compared by their SHA-256. Holes in them stay holes.
  - Images on the old host stay, unless O(remove_copied) is set. What is an image of nothing any more may be replaced
    when the guest comes back.
  - A run that was ended, in whatever step, is finished by the next one. A guest is never started on two hosts. From
    when the new host may have it, the old one refuses to start it, and says where it is.
  - Until then a failure lets the guest run on where it was.
notes:
  - The hosts do not speak to each other. Data go through the controller at some ten MiB a second.
  - Declare the guest for its new host in the inventory, and not for the old one, where the role
    P(corral.virt.site#role) would define it anew, and could not start it.
  - A guest with C(cloud_init) gets another instance id when its task runs for its new host, so cloud-init does its work
    again at the next boot.
  - Live migration, of a guest that runs on, is something else, and not done.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    support: full
options:
  name:
    description:
      - The name of the guest.
    type: str
    required: true
  to:
    description:
      - The host that takes it, by its name in the inventory. It is reached with its own variables, and becomes the same
        user as the task does.
    type: str
    required: true
  to_uri:
    description:
      - The connection to open on the other host. Without it, it is O(uri).
    type: str
  timeout:
    description:
      - For how many seconds the guest may shut down.
    type: int
    default: 120
  force:
    description:
      - Whether to cut its power when it has not shut down by then. Without it, the guest runs on, and the task fails.
    type: bool
    default: false
  shared:
    description:
      - Devices, files and directories that are the very same on both hosts, at the same path. It is needed for devices,
        such as those of a SAN. Of files it is found out.
    type: list
    elements: str
    default: []
  replace:
    description:
      - Whether files of the other host may be replaced that are in the place of those that are copied. What came there
        by an earlier attempt, or was left there when the guest went away, is replaced in any case.
    type: bool
    default: false
  remove_copied:
    description:
      - Whether to delete, when all is done, what was copied and what only this guest had, on the old host. Base images
        stay, and what another guest uses.
    type: bool
    default: false
seealso:
  - module: corral.virt.vm
"""

EXAMPLES = r"""
- name: Bring a guest to another host
  corral.virt.hand_over:
    name: web1
    to: host2

- name: Its disk is a device that both hosts reach
  corral.virt.hand_over:
    name: db1
    to: host2
    shared: [/dev/mapper/san-db1]

- name: See first whether it could be
  corral.virt.hand_over:
    name: web1
    to: host2
  check_mode: true
"""

RETURN = r"""
uuid:
  description: The uuid of the guest.
  returned: success
  type: str
  sample: 7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10
memory_mib:
  description: How much memory it takes on its new host, 0 for one that is not started there.
  returned: success
  type: int
  sample: 2048
available_mib:
  description: How much memory the other host had left before.
  returned: success
  type: int
  sample: 12000
copied:
  description: What was copied, or would be, as paths of the new host.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/corral/images/web1.qcow2]
shared:
  description: What was not copied, because both hosts have it.
  returned: success
  type: list
  elements: str
  sample: [/srv/nfs/db1.qcow2]
actions:
  description:
    - What was done, or in check mode would be done.
    - C(stop), C(copy), C(define), C(start), C(undefine) or C(delete).
  returned: always
  type: list
  elements: dict
  sample:
    - action: stop
      target: web1
      detail: []
error:
  description: The kind of the failure, such as V(OperationInvalid), V(NotFound) or V(Unreachable).
  returned: on failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.corral.virt.plugins.module_utils.converge.handover.definition import HAND_OVER


def main() -> None:
    """Say that nothing was done: the work is done by the action of this name."""
    module = AnsibleModule(argument_spec=HAND_OVER, supports_check_mode=True)
    module.fail_json(msg="The action of this module was not run, and nothing else speaks to two hosts.")


if __name__ == "__main__":
    main()
