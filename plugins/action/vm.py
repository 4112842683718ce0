# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of corral.virt.vm: see plugin_utils/kept_action.py and plugin_utils/seed_texts.py."""

from __future__ import annotations

from typing import Any

from ansible_collections.corral.virt.plugins.plugin_utils.kept_action import KeptAction
from ansible_collections.corral.virt.plugins.plugin_utils.seed_texts import complaint


class ActionModule(KeptAction):
    """Runs the module from the copy of our code on the host, once what the guest is to read has been looked at."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Fail for texts that are no YAML, without sending anything."""
        found = complaint(self._task.args)
        if found:
            return {"failed": True, "changed": False, "msg": found, "error": "InvalidArgument"}
        return dict(super().run(tmp, task_vars))
