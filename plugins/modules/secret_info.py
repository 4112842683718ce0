#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_info
short_description: Show secrets without their values
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Returns what one, several or all secrets of a connection are for, and whether they have a value.
  - The connection is read-only, so nothing is ever changed, and no value is ever read.
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
  uuid:
    description:
      - The uuids of the secrets to show, one or a list of them. Without it all secrets are shown.
      - A secret that does not exist is not an error; its uuid is in RV(missing) then.
    type: list
    elements: str
    aliases: [uuids]
  usage:
    description:
      - Show only secrets that are for this.
    type: str
    choices: [volume, ceph, iscsi, tls, vtpm]
  usage_id:
    description:
      - Show only the secret for this volume, user, target or purpose. It needs O(usage).
    type: str
  xml:
    description:
      - Whether to return the definitions as libvirt's secret XML, in C(xml) of each secret.
    type: bool
    default: false
  users:
    description:
      - Whether to look what needs each secret, in C(users). For that all guests, pools and volumes are looked at.
    type: bool
    default: false
seealso:
  - module: corral.virt.secret
"""

EXAMPLES = r"""
- name: All secrets
  corral.virt.secret_info:
  register: found

- name: Stop here when values are not encrypted, or one is missing
  ansible.builtin.assert:
    that:
      - "'systemd-creds' in found.protection"
      - found.secrets | rejectattr('has_value') | list == []

- name: The secret of one disk
  corral.virt.secret_info:
    usage: volume
    usage_id: /var/lib/corral/images/web1.img

- name: What would be lost with the secrets of disks
  corral.virt.secret_info:
    usage: volume
    users: true

- name: A definition
  corral.virt.secret_info:
    uuid: f52a81b2-424e-490c-823d-6bd4235bc573
    xml: true
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
secrets:
  description: The secrets, in the order in which they were asked for; all of them are sorted by uuid.
  returned: success
  type: list
  elements: dict
  contains:
    uuid:
      description: The uuid.
      type: str
      sample: f52a81b2-424e-490c-823d-6bd4235bc573
    usage:
      description: What it is for, V(null) for nothing in particular.
      type: str
      sample: ceph
    usage_id:
      description: For which volume, user, target or purpose.
      type: str
      sample: client.admin
    private:
      description: Whether the value is for guests and pools alone.
      type: bool
    ephemeral:
      description: Whether it ends when the host goes down.
      type: bool
    has_value:
      description: Whether it has a value.
      type: bool
      sample: true
    description:
      description: What people want to know of it, V(null) where nothing is said.
      type: str
    xml:
      description: The definition.
      returned: with O(xml=true)
      type: str
    users:
      description:
        - What needs the value. One with damaged files may need any secret, and is in all of these lists.
      returned: with O(users=true)
      type: list
      elements: dict
      contains:
        kind:
          description: V(volume), V(guest) or V(pool).
          type: str
        name:
          description: The name of the volume, guest or pool.
          type: str
        pool:
          description: The pool of a volume, else V(null).
          type: str
        usage:
          description: What the value is needed for, such as V(volume); V(null) where it cannot be told.
          type: str
      sample:
        - kind: volume
          name: web1.img
          pool: default
          usage: volume
unreadable:
  description:
    - Secrets that are there and cannot be looked at, such as those whose files are damaged. They are in no other list.
    - Each of them is warned of, too. A secret that O(uuid) names is an error instead.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The uuid.
      type: str
      sample: f52a81b2-424e-490c-823d-6bd4235bc573
    error:
      description: Why, with the file where it is one.
      type: str
    hint:
      description: What to do about it, V(null) where that is not known.
      type: str
missing:
  description: The uuids of secrets that were asked for and do not exist.
  returned: success
  type: list
  elements: str
protection:
  description: How values are kept on this host, a sentence.
  returned: success
  type: str
  sample: Values are kept in files that only root can read, and are not encrypted.
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

SECRETS = Spec(
    {
        "uuid": {"type": "list", "elements": "str", "aliases": ["uuids"]},
        "usage": {"type": "str", "choices": ["volume", "ceph", "iscsi", "tls", "vtpm"]},
        "usage_id": {"type": "str"},
        "xml": {"type": "bool", "default": False},
        "users": {"type": "bool", "default": False},
    }
)


def work(job: Job) -> dict[str, Any]:
    """Look at the secrets."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.secret_look import show_secrets

    return show_secrets(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, SECRETS, read_only=True)


if __name__ == "__main__":
    main()
