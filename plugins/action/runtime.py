# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of corral.virt.runtime: says what code this controller has, and sends it where the host asks for it.

It does not run the module from the host's copy (plugin_utils/kept_action.py), which would be there again after its
removal.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812 (everybody calls it so)
from ansible.plugins.action import ActionBase

from ansible_collections.corral.virt.plugins.plugin_utils import runtime

MODULE = "corral.virt.runtime"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module, a second time with the code when it answers that it needs it."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Look first, so that a host that has the code is sent none."""
        result = dict(super().run(tmp, task_vars))
        sources = runtime.launcher_sources()
        args = {**self._task.args, "digest": runtime.digest_of(sources), "version": runtime.version()}
        answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        if answer.pop("send", False):
            args["archive"] = self._sent(runtime.packed(sources))
            answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        return {**result, **answer}

    def _sent(self, archive: bytes) -> str:
        """Put the archive on the host, into the directory that goes with the task."""
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        remote = str(self._connection._shell.join_path(self._connection._shell.tmpdir, "runtime.zip"))
        with tempfile.NamedTemporaryFile(dir=C.DEFAULT_LOCAL_TMP) as local:
            Path(local.name).write_bytes(archive)
            self._transfer_file(local.name, remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote), execute=False)
        return remote
