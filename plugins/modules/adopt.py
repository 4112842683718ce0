#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration from libvirt: what a libvirtd has defined is defined here."""

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt
short_description: Take over what libvirt has defined
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Reads the guests, networks, storage pools, secrets and network filters of a libvirtd from its files, or from files
    that C(virsh) has written, and defines them here. libvirtd need not run, and need not be installed any more.
  - Nothing of libvirt's is changed or removed. Images stay where they are, and are used from there.
  - The variables of UEFI and the state of an emulated TPM are copied where they lie in libvirt's own directories. Those
    that are here already stay.
  - Values of secrets are taken where libvirt keeps them in clear. Of one that is encrypted with a key of libvirt's only
    the definition is, and a warning says so.
  - Snapshots and checkpoints are not taken over, and a warning says so for a guest that has any. A guest without a
    definition, which is there only while it runs under libvirtd, is refused.
  - Filters of libvirt's own that mean what those mean that are built in here are passed over.
  - A guest that runs under libvirtd, or that has been saved by it while it ran, is refused with what to do about it.
    Networks and pools can be active there meanwhile; a bridge that libvirtd has keeps a network from being started
    here, with an error that says so.
  - Nothing is started. A second run changes nothing.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Values of secrets are hidden.
  platform:
    support: full
options:
  libvirt:
    description:
      - The directory on the target in which libvirt keeps what is defined. Of one that ends in C(/etc/libvirt) also
        C(/var/lib/libvirt) and C(/run/libvirt) beside it are read, so that it may be a copy, or another disk.
      - The default is C(/etc/libvirt) for root, and C(libvirt) in the user's own configuration for anyone else.
    type: path
  dumps:
    description:
      - A directory on the target with documents that C(virsh) has written, one in each file whose name ends in C(.xml).
        What they are is told by their contents.
      - Write them with C(virsh dumpxml --inactive --security-info), C(net-dumpxml --inactive), C(pool-dumpxml
        --inactive), C(secret-dumpxml) and C(nwfilter-dumpxml). They do not say what starts with the host.
      - It cannot be given together with O(libvirt).
    type: path
  kinds:
    description:
      - What is taken over.
    type: list
    elements: str
    choices: [filters, guests, networks, pools, secrets]
    default: [filters, guests, networks, pools, secrets]
  names:
    description:
      - The names of what is taken over, of whatever kind, where C(*), C(?) and C([...]) stand for characters. A secret
        goes by what it is for, such as V(volume:/images/a.img); a uuid serves as well.
      - Without it everything is taken over. Names that nothing has are in RV(missing).
    type: list
    elements: str
  autostart:
    description:
      - Whether what starts with the host under libvirt does so here. Nothing is kept from starting that starts here
        already.
    type: bool
    default: true
  replace:
    description:
      - Whether what is defined here, and not as libvirt has it, gets libvirt's definition, autostart and value. Without
        it such an object is refused, because it may have been changed here since it was taken over.
    type: bool
    default: false
  ignore_refused:
    description:
      - Whether the module succeeds when objects were refused. They are in RV(results) in any case, and keep no others
        from being taken over.
    type: bool
    default: false
seealso:
  - module: corral.virt.vm
  - module: corral.virt.vm_info
"""

EXAMPLES = r"""
- name: See what would be taken over
  corral.virt.adopt:
  check_mode: true
  register: adoption

- name: Take over everything that libvirt has defined on this host
  corral.virt.adopt:

- name: Take over two guests, with what of their networks and pools is not here yet
  corral.virt.adopt:
    names: [web1, "db*", default]
    kinds: [guests, networks, pools]

- name: Take over the files of a host that is no more
  corral.virt.adopt:
    libvirt: /mnt/old/etc/libvirt
    ignore_refused: true
  register: adoption

- name: Say what was refused, and why
  ansible.builtin.debug:
    msg: "{{ adoption.results | selectattr('result', 'eq', 'refused') | map(attribute='reason') }}"

- name: Take over what virsh has written
  corral.virt.adopt:
    dumps: /root/dumps
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
results:
  description: What has become of each object, in the order in which they were defined.
  returned: always, unless nothing could be read
  type: list
  elements: dict
  contains:
    kind:
      description: One of V(secret), V(filter), V(network), V(pool) and V(guest).
      type: str
    name:
      description: The name; of a secret what it is for.
      type: str
    uuid:
      description: The uuid under libvirt, V(null) where the document has none.
      type: str
    file:
      description: The file that the object was read from.
      type: str
    result:
      description: V(defined), in check mode also where it would be, V(unchanged) or V(refused).
      type: str
    changed:
      description: Whether anything was done.
      type: bool
    failed:
      description: Whether it was refused.
      type: bool
    actions:
      description: What was done, or in check mode would be done, as the object's own module says it, and C(copy).
      type: list
      elements: dict
    notes:
      description: What else there is to know, sentences. Those that somebody has to act on are warnings as well.
      type: list
      elements: str
    reason:
      description: Why it was refused, and what to do.
      type: str
      returned: when it was refused
    error:
      description: The kind of the refusal, such as V(OperationInvalid), V(AlreadyExists) or V(XmlError).
      type: str
      returned: when it was refused
    details:
      description: Values that belong to the refusal.
      type: dict
      returned: when it was refused
  sample:
    - kind: guest
      name: web1
      uuid: 7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10
      file: /etc/libvirt/qemu/web1.xml
      result: defined
      changed: true
      failed: false
      actions:
        - action: define
          target: web1
          effect: live
          detail: []
      notes: []
missing:
  description: The names that were asked for and that nothing has.
  returned: always, unless nothing could be read
  type: list
  elements: str
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, V(ElementsFailed) where objects were refused.
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: when nothing could be read
  type: str
details:
  description: Values that belong to the failure.
  returned: when nothing could be read
  type: dict
"""

from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.adopt_definition import ADOPT
from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job


def work(job: Job) -> dict[str, Any]:
    """Take over what is asked for."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.adopt import adopt

    return adopt(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, ADOPT)


if __name__ == "__main__":
    main()
