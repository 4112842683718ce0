#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: definitions and values."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Define, set and remove secrets
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Keeps the passphrases and keys that guests and pools are opened with, such as those of encrypted disks, of Ceph and
    iSCSI servers, and of the state of an emulated TPM. Definitions of guests and pools name a secret by its uuid or
    usage, and never hold its value.
  - A value is kept in a file that only root can read. It is encrypted with the key of the host where C(systemd-creds)
    can do that; RV(protection) says whether.
  - A value is compared without being shown. It is not in results or differences, on no command line and in no log.
    Whoever gives it should keep it in a vault.
  - What no option says is left as it is. A second run with the same options changes nothing.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
  - corral.virt.many
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - A value is shown as V((secret\)), or V((secret, changed\)).
  platform:
    support: full
options:
  uuid:
    description:
      - The uuid of the secret. One of O(uuid), O(usage) and O(xml) is required.
      - Without it, it is that of the secret with this O(usage) and O(usage_id). A new one is made from these, so that
        it is the same each time on one host.
    type: str
  usage:
    description:
      - What the secret is for. It needs O(usage_id), and no two secrets are for the same.
      - V(volume) is the passphrase of an encrypted volume or disk; V(ceph) and V(iscsi) are for the users of such
        servers, V(iscsi) also for those of web servers; V(tls) is the passphrase of a private key, V(vtpm) that of the
        state of an emulated TPM.
    type: str
    choices: [volume, ceph, iscsi, tls, vtpm]
  usage_id:
    description:
      - For which volume (its path), user, target or purpose.
    type: str
  xml:
    description:
      - The definition as libvirt's secret XML. The value is not part of it.
      - It cannot be given together with O(uuid), O(usage), O(usage_id), O(description), O(private) or O(ephemeral).
    type: str
  secrets:
    description:
      - Several secrets in one task, in place of O(uuid), O(usage) or O(xml). An element takes the options that this
        module has for one secret, all of them but O(uri).
      - What stands beside the list, such as O(usage), O(private) or O(state), holds for each secret that does not say
        it itself.
      - O(uuid), O(usage_id) and O(xml) name one secret, so they cannot stand beside the list.
    type: list
    elements: dict
  state:
    description:
      - V(present) makes sure that the secret is defined, and has the value that is given.
      - V(absent) removes it with its value. A secret that does not exist is no error.
      - A secret that volumes, guests or pools need is not removed without O(force). Guests that run have opened their
        disks already, and would go on, but could not be started again.
    type: str
    choices: [present, absent]
    default: present
  description:
    description:
      - What people want to know of it. It is no place for the value.
    type: str
  private:
    description:
      - Whether the value is for guests and pools alone, and shown through no connection. A private secret cannot cease
        to be that.
    type: bool
  ephemeral:
    description:
      - Whether the secret is in the runtime directory only, which is memory, and ends when the host goes down.
      - One that holds the only key of something encrypted does not become so without O(force), unless the run gives the
        value as well.
    type: bool
  value:
    description:
      - The value, a text.
      - At most one of O(value), O(value_base64), O(value_file) and O(generate) can be given. Without any, the value is
        left as it is.
      - Another value than the secret has is refused without O(force) while it is the key of an encrypted volume, of a
        disk of a guest or of the state of a TPM, since nothing else opens these. Passwords for servers (Ceph, iSCSI)
        can be changed at any time, as they are on the server.
    type: str
  value_base64:
    description:
      - The value in base64, such as a key of Ceph, which is stored decoded.
    type: str
  value_file:
    description:
      - The absolute path of a file on the target host that holds the value. All of it counts, also a line break at its
        end.
    type: path
  generate:
    description:
      - How many random letters and digits (from 16 to 4096) become the value where the secret has none. One that it has
        is kept.
    type: int
  force:
    description:
      - Whether to change or remove a value that something needs. What was encrypted with it cannot be opened any more
        without that value. A warning names what needed it.
      - A value that cannot be read any more, because its file is damaged or the key of the host is another, is replaced
        with it, too.
      - A volume needs the secret that it was made with, also while its pool is not active. One that somebody else has
        encrypted needs the secret whose O(usage_id) is its path, or the pool and the volume with a slash between.
      - Guests count whether they run or not. A guest or a pool whose files are damaged may need any secret. What lies
        in no pool and is in no definition is not looked for.
    type: bool
    default: false
seealso:
  - module: corral.virt.secret_info
  - module: corral.virt.vm
"""

EXAMPLES = r"""
- name: The passphrase of an encrypted disk
  corral.virt.secret:
    usage: volume
    usage_id: /var/lib/corral/images/web1.img
    value: "{{ vault_web1_disk }}"
    private: true

- name: Several passphrases in one task
  corral.virt.secret:
    usage: volume
    private: true
    secrets:
      - usage_id: db1-data
        value: "{{ vault_db1 }}"
      - usage_id: db2-data
        value: "{{ vault_db2 }}"

- name: A passphrase that nobody needs to know
  corral.virt.secret:
    usage: vtpm
    usage_id: web1
    generate: 32
    private: true

- name: The key of a user of Ceph
  corral.virt.secret:
    uuid: f52a81b2-424e-490c-823d-6bd4235bc573
    usage: ceph
    usage_id: client.admin
    description: The disks of the lab
    value_base64: "{{ vault_ceph_key }}"

- name: A password that is gone when the host goes down
  corral.virt.secret:
    usage: iscsi
    usage_id: iqn.2026-01.example.com:lab
    ephemeral: true
    value: "{{ vault_iscsi_password }}"

- name: A definition in libvirt's own words
  corral.virt.secret:
    xml: |
      <secret ephemeral='no' private='yes'>
        <description>The key of the migration's certificate</description>
        <usage type='tls'>
          <name>migration</name>
        </usage>
      </secret>
    generate: 40

- name: Remove it
  corral.virt.secret:
    usage: tls
    usage_id: migration
    state: absent

- name: Give a secret back the value that its volume was made with, after it was given a wrong one
  corral.virt.secret:
    usage: volume
    usage_id: db3-data
    value: "{{ vault_db3 }}"
    private: true
    force: true
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
actions:
  description: What was done, or in check mode what would be done, in this order.
  returned: success, with O(secrets) in each element of RV(results)
  type: list
  elements: dict
  contains:
    action:
      description: One of V(define), V(set_value) and V(undefine).
      type: str
    target:
      description: What the secret is for, or its uuid.
      type: str
    effect:
      description: Always V(live). A guest that runs has opened its disks with the value that there was.
      type: str
    detail:
      description: The differences. A value is hidden.
      type: list
      elements: str
  sample:
    - action: set_value
      target: vtpm:web1
      effect: live
      detail: ["value: new: (secret)"]
secret:
  description:
    - The secret as it is after the run, in check mode as it is now, with the values that
      M(corral.virt.secret_info) has in RV(corral.virt.secret_info#module:secrets).
    - V(null) when there is no such secret.
  returned: success, with O(secrets) in each element of RV(results)
  type: dict
  sample:
    uuid: f52a81b2-424e-490c-823d-6bd4235bc573
    usage: ceph
    usage_id: client.admin
    has_value: true
protection:
  description: How values are kept on this host, a sentence.
  returned: success, with O(secrets) in each element of RV(results)
  type: str
  sample: Values are kept in files that only root can read, encrypted with the key of this host (systemd-creds).
results:
  description:
    - What became of each element of O(secrets), in the order of the list.
    - Beside these an element has the values that the module returns for one secret, such as RV(actions) and
      RV(secret). What C(--diff) shows is beside the list, for all of them.
  returned: with O(secrets)
  type: list
  elements: dict
  contains:
    name:
      description: What the secret is for, or its uuid.
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
    - name: ceph:client.admin
      changed: true
      failed: false
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, such as V(InvalidArgument), V(NoSupport) or V(AlreadyExists).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
details:
  description: Values that belong to the failure, such as the C(users) that need the value.
  returned: on failure
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_definition import (
    SECRET_DEFINING,
    SECRET_DEFINITION,
)

STATE = Spec(
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "force": {"type": "bool", "default": False},
    }
)


def names(options: Mapping[str, Any]) -> Iterable[str]:
    """What an element is for, and its uuid."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.secret_spec import named

    uuid, purpose, _document = named(options)
    return [name for name in (purpose, uuid) if name]


SECRETS = Many(
    "secrets",
    "secret",
    single=("uuid", "usage_id", "xml"),
    defining=SECRET_DEFINING,
    names=names,
)


def work(job: Job) -> dict[str, Any]:
    """Bring the secret to what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.secret import converge_secret

    return converge_secret(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, SECRET_DEFINITION, STATE, many=SECRETS)


if __name__ == "__main__":
    main()
