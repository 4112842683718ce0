# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of all our modules: Ansible's own, which sends a short program where the host has a copy of our code.

A host without a copy answers that it has none, and is sent one. A host that can keep none, and whoever wants to look
into Ansible's archive, gets Ansible's own way. So what a module does never depends on this; only its time does.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Optional

from ansible import constants as C  # noqa: N812 (everybody calls it so)
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.corral.virt.plugins.module_utils.host.local_runtime import ABSENT, REPLY

from . import runtime

# Switches all of this off (no), or says in which directory of a host copies are kept; the environment of the
# controller says it for all hosts.
VARIABLE, ENVIRONMENT = "corral_virt_runtime", "CORRAL_VIRT_RUNTIME"
MODULES = "ansible_collections.corral.virt.plugins.modules"
# Any small module: Ansible finds the interpreter for it, and says how a program is wrapped up for the connection.
SMALL = "ansible.builtin.ping"


class KeptAction(NormalAction):  # type: ignore[misc]
    """Runs the module of the task's name from the copy on the host."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._place: Optional[str] = None
        self._sending: Optional[bool] = None  # None: Ansible's own way; else whether the sources go with the program

    def _execute_module(self, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        """Run the module by the shortest way that the host allows."""
        self._place = self._wanted_place(keywords.get("task_vars") or {})
        for sending in (False, True) if self._place is not None else ():
            self._sending = sending
            result: dict[str, Any] = super()._execute_module(*arguments, **keywords)
            if REPLY not in result:
                return result
            if result[REPLY] != ABSENT:
                break
        self._sending = None
        return dict(super()._execute_module(*arguments, **keywords))

    def _wanted_place(self, variables: dict[str, Any]) -> Optional[str]:
        """The directory for copies, "" for the usual one, None for Ansible's own way."""
        wanted = self._templar.template(variables.get(VARIABLE, os.environ.get(ENVIRONMENT, True)))
        if isinstance(wanted, str) and wanted.startswith("/"):
            place: Optional[str] = str(wanted)
        else:
            try:
                place = "" if boolean(wanted) else None
            except TypeError as error:
                raise AnsibleActionFail(f"{VARIABLE} is neither yes or no nor an absolute path: {wanted!r}.") from error
        windows = ".ps1" in self._connection.module_implementation_preferences
        return None if self._task.async_val or windows or _is_looked_into(variables) else place

    def _configure_module(self, module_name: str, module_args: Any, task_vars: Any) -> Any:
        """As Ansible does, with our program in place of its archive."""
        if self._sending is None:
            return super()._configure_module(module_name, module_args, task_vars)
        built = super()._configure_module(SMALL, {}, task_vars)
        path = str(runtime.module_path(module_name))
        if len(built) == 2:  # ansible-core 2.19 and newer
            text = self._program(module_name, module_args, built[0].shebang, built[0].serialization_profile)
            return dataclasses.replace(built[0], b_module_data=text), path
        style, shebang = built[:2]
        return style, shebang, self._program(module_name, module_args, shebang, "legacy"), path

    def _program(self, name: str, args: Any, shebang: str, profile: str) -> bytes:
        order = {
            "module": f"{MODULES}.{runtime.module_path(name).stem}",
            "params": _encoded({"ANSIBLE_MODULE_ARGS": args}, profile),
            "profile": profile,
            "digest": runtime.digest(),
            "place": self._place or "",
        }
        return f"{shebang}\n{runtime.program(order, with_sources=bool(self._sending))}".encode()


def _is_looked_into(variables: dict[str, Any]) -> bool:
    """Whether somebody debugs modules, measures tests or limits open files: what Ansible's wrapper is made for."""
    hooks = ("_ANSIBLE_ANSIBALLZ_", "_ANSIBLE_COVERAGE_")
    limit = C.config.get_config_value("PYTHON_MODULE_RLIMIT_NOFILE", variables=variables)
    return bool(C.DEFAULT_KEEP_REMOTE_FILES or limit) or any(name.startswith(hooks) for name in os.environ)


def _encoded(params: Any, profile: str) -> str:
    """The arguments as Ansible writes them for a module."""
    try:
        from ansible.module_utils.common.json import Direction, get_module_encoder
    except ImportError:  # ansible-core before 2.19
        from ansible.module_utils.common.json import AnsibleJSONEncoder

        return json.dumps(params, cls=AnsibleJSONEncoder, vault_to_text=True)
    return json.dumps(params, cls=get_module_encoder(profile, Direction.CONTROLLER_TO_MODULE))
