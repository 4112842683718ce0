# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback plugin that writes down how long each task took on its host, one JSON row a line."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: notification
short_description: Seconds of each task, for benchmarks
description: Writes the name and the seconds of each task to the file that CORRAL_BENCHMARK_TIMES names.
"""


class CallbackModule(CallbackBase):
    """From the moment in which Ansible turns to a task until its result is there."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.begin = 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self.begin = time.perf_counter()

    def v2_runner_on_ok(self, result: Any) -> None:
        row = (result.task_name, time.perf_counter() - self.begin)
        with open(os.environ["CORRAL_BENCHMARK_TIMES"], "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
