# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What secret can be told of a secret, as Ansible's argument specification.

No option has a default here: what is not given is left as it is.
"""

from __future__ import annotations

from .argspec import Spec

USAGES = ["volume", "ceph", "iscsi", "tls", "vtpm"]

SECRET_DEFINITION = Spec(
    {
        "uuid": {"type": "str"},
        "usage": {"type": "str", "choices": USAGES},
        "usage_id": {"type": "str"},
        "xml": {"type": "str"},
        "description": {"type": "str"},
        "private": {"type": "bool"},
        "ephemeral": {"type": "bool"},
        # the value
        "value": {"type": "str", "no_log": True},
        "value_base64": {"type": "str", "no_log": True},
        "value_file": {"type": "path"},
        "generate": {"type": "int"},
    },
    required_one_of=(("uuid", "usage", "xml"),),
    required_by={"usage_id": ("usage",)},
)
# The options that a document says too: with ``xml`` they contradict it.
SECRET_DEFINING: tuple[str, ...] = ("uuid", "usage", "usage_id", "description", "private", "ephemeral")
# Where a value comes from: one of them at most.
SECRET_SOURCES: tuple[str, ...] = ("value", "value_base64", "value_file", "generate")
