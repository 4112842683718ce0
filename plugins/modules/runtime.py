#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copy of the collection's code that a host keeps for its units."""

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime
short_description: Install the code that the units of a host run
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Puts a copy of the code of this collection below C(/usr/lib/corral) of the target, with the program
    C(/usr/lib/corral/launch) that starts and stops guests, networks and pools without Ansible. The units of systemd
    that the role P(corral.virt.host#role) installs run it.
  - The copy is named by the digest of its files. It is replaced when the controller has other code, and when a file of
    it was changed, added or removed. The copy before it is kept, because a launcher may still run from it.
  - It takes nothing on the target but Python; the libraries are looked for when the program is run.
  - Modules do not use this copy. They bring their own code with them.
extends_documentation_fragment:
  - corral.virt.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
options:
  state:
    description:
      - V(present) makes sure that the copy is there and is that of the controller.
      - V(absent) removes C(/usr/lib/corral). Units that run the program are to be removed first.
    type: str
    choices: [present, absent]
    default: present
  python:
    description:
      - The interpreter that the program runs with, which has lxml and qemu.qmp. A full path.
    type: str
    default: /usr/libexec/corral/python
  digest:
    description:
      - What the copy is to be. It is filled in on the controller; a task need not give it.
    type: str
  version:
    description:
      - The version of the collection. It is filled in on the controller; a task need not give it.
    type: str
  archive:
    description:
      - A file on the target with the code. It is sent when it is needed; a task need not give it.
    type: path
"""

EXAMPLES = r"""
- name: The code that the units run, as this controller has it
  corral.virt.runtime:

- name: With another interpreter
  corral.virt.runtime:
    python: /opt/python3.12/bin/python3

- name: Nothing of it
  corral.virt.runtime:
    state: absent
"""

RETURN = r"""
digest:
  description: The digest of the copy that is used, V(null) where there is none.
  returned: success
  type: str
  sample: 4b6a1a0d7b8c1f3c2a5d9e0b6f7a8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7
version:
  description: The version of the collection that it is of, V(null) where there is none.
  returned: success
  type: str
  sample: 0.1.0
path:
  description: The program that units run.
  returned: success
  type: str
  sample: /usr/lib/corral/launch
error:
  description: The kind of the failure, such as V(HostError).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.corral.virt.plugins.module_utils.converge import runtime
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.host.api import Host
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost

SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "python": {"type": "str", "default": "/usr/libexec/corral/python"},
    "digest": {"type": "str"},
    "version": {"type": "str"},
    "archive": {"type": "path"},
}
# The answer that makes the action send the code.
SEND = {"changed": False, "send": True}


def absent(host: Host, check_mode: bool) -> dict[str, Any]:
    """Remove it."""
    there = runtime.look(host)
    changed = host.stat(runtime.ROOT) is not None if check_mode else runtime.remove(host)
    return _result(changed, there, None)


def present(host: Host, options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Install it, or answer that the code is needed."""
    goal = runtime.wanted(options["digest"], options["version"], options["python"])
    there = runtime.look(host)
    needed = runtime.lacks_sources(there, goal)
    if not check_mode and there != goal:
        if needed and not options["archive"]:
            return SEND
        archive = host.read(options["archive"]) or b"" if needed else b""
        sources = runtime.unpacked(archive, goal.digest) if needed else None
        runtime.install(host, there, goal, options["python"], sources)
    return _result(there != goal, there, goal)


def _result(changed: bool, before: runtime.Runtime, after: runtime.Runtime | None) -> dict[str, Any]:
    shown = {
        "before_header": runtime.ROOT,
        "after_header": runtime.ROOT,
        "before": runtime.shown(before),
        "after": runtime.shown(after),
    }
    now = after or runtime.Runtime()
    said = {"digest": now.digest or None, "version": now.version or None, "path": runtime.LAUNCH}
    return {"changed": changed, "diff": shown, **said}


def main() -> None:
    """Run the module."""
    together = [("digest", "version")]
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True, required_together=together)
    options, host = module.params, LocalHost()
    if options["state"] == "present" and not options["digest"]:
        module.fail_json(msg="The action of this module was not run, so there is no code to install.")
    try:
        if options["state"] == "absent":
            result = absent(host, module.check_mode)
        else:
            result = present(host, options, module.check_mode)
    except CorralError as error:
        module.fail_json(msg=str(error), error=type(error).__name__, hint=error.hint)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
