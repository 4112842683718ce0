# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of corral.virt.hand_over: it speaks to both hosts, and what is copied goes through the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.corral.virt.plugins.module_utils.converge.entry import INTERPRETERS
from ansible_collections.corral.virt.plugins.module_utils.converge.handover import program
from ansible_collections.corral.virt.plugins.module_utils.converge.handover.definition import HAND_OVER
from ansible_collections.corral.virt.plugins.plugin_utils.handing import HandOver, Refused
from ansible_collections.corral.virt.plugins.plugin_utils.ways import There

PROGRAM = program.__name__
display = Display()


class ActionModule(ActionBase):  # type: ignore[misc]
    """Hands one guest over."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Do it from the task's host to another one of the inventory."""
        result = dict(super().run(tmp, task_vars))
        _unused, options = self.validate_argument_spec(argument_spec=HAND_OVER)
        variables = task_vars or {}
        give = There(self._own(variables), self._play_context, INTERPRETERS, PROGRAM, self._connection)
        take = There(self._others(variables, options["to"]), self._play_context, INTERPRETERS, PROGRAM)
        work = HandOver(give, take, options, lambda text: display.vv(text, host=options["to"]))
        try:
            return {**result, **work.run(check=bool(self._task.check_mode))}
        except (Refused, AnsibleConnectionFailure) as error:
            kind = getattr(error, "error", "Unreachable")
            done = work.actions
            return {**result, "failed": True, "msg": str(error), "error": kind, "changed": bool(done), "actions": done}
        finally:
            take.close()

    def _own(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        names = ("ansible_python_interpreter", "corral_virt_runtime")
        return {name: self._templar.template(variables[name]) for name in names if name in variables}

    def _others(self, variables: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The variables with which the other host is reached: its own, and what the task has told Ansible besides."""
        hosts = variables.get("hostvars") or {}
        if name not in hosts:
            raise AnsibleActionFail(f"to: there is no host named {name} in the inventory.")
        if name == variables.get("inventory_hostname"):
            raise AnsibleActionFail(f"to: {name} is the host that the guest is on.")
        found = hosts[name]
        wanted = [key for key in found if key.startswith("ansible_") and key not in ("ansible_facts", "ansible_local")]
        own = {key: found[key] for key in (*wanted, "inventory_hostname", "corral_virt_runtime") if key in found}
        return {**self._raised(), **own}

    def _raised(self) -> dict[str, Any]:
        """How the task becomes another user, for a host that does not say it otherwise."""
        context, plugin = self._play_context, self._connection.become
        told = {"ansible_password": context.password} if context.password else {}
        if plugin is None:
            return told
        words = {"method": plugin.name, "user": plugin.get_option("become_user"), "password": context.become_pass}
        told["ansible_become"] = True
        return {**told, **{f"ansible_become_{key}": value for key, value in words.items() if value}}
