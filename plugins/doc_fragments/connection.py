# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation that every module with a connection shares."""

from __future__ import annotations


class ModuleDocFragment:
    """The connection: which URI is opened, and what the target needs for it."""

    DOCUMENTATION = r"""
options:
  uri:
    description:
      - The connection to open, such as V(qemu:///system), V(qemu:///session) or V(test:///default), or an alias of it
        from the configuration file.
      - Without it the environment variable E(LIBVIRT_DEFAULT_URI) of the target decides, then C(uri_default) of the
        configuration file. If there is neither, root gets V(qemu:///system) and anyone else V(qemu:///session).
      - V(test:///default) is a driver without QEMU whose guests are forgotten when the task ends.
        V(test:///PATH/OF/FILE) keeps them in a file, to try out and to test playbooks.
    type: str
attributes:
  action_group:
    description:
      - Use C(group/corral.virt.all) in C(module_defaults) to set O(uri) for all modules of the collection.
    support: full
    membership:
      - corral.virt.all
requirements:
  - Python 3.9 or newer, with the Python libraries lxml and qemu.qmp
  - QEMU, for V(qemu:) connections
notes:
  - Nothing else is needed on the target, neither libvirtd nor libvirt's Python bindings.
  - When the Python that runs the module lacks a library, the module looks for one on the host that has it. Setting
    C(ansible_python_interpreter) saves that time.
  - The target keeps a compiled copy of the collection's code, so that a task does not carry it each time. It lies in
    C(/var/cache/corral/runtime), or in C(~/.cache/corral/runtime) of the user who runs the module. A copy is told from
    others by its content, and is not used where others could have written it. The variable C(corral_virt_runtime)
    switches that off (V(false)) or names another directory (an absolute path). Without a copy the module does the same
    and takes longer.
  - With C(-vv), and when the connection cannot be opened, the result says under RV(ignore:connection) which drivers
    were asked and what each of them answered.
"""
