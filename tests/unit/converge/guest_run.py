# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the module vm on a host in memory on which guests run: its options in, its result out."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.definition import DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.guest import converge_guest
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.modules.vm import STATE
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, GuestHost

VALIDATOR = ArgumentSpecValidator({**DEFINITION.options, **STATE.options})
# A guest of options, with the image of the small host.
GUEST: dict[str, Any] = {"name": "a", "memory": "64MiB", "virt_type": "qemu", "disks": [{"path": IMAGE}]}


def converge(host: GuestHost, *, check: bool = False, uri: str = "qemu:///system", **options: Any) -> dict[str, Any]:
    """Run vm once, as a process of its own would: it opens a connection, and what it raises comes out."""
    found = VALIDATOR.validate(options)
    assert found.error_messages == []
    with open_connection(uri, host=host, read_only=check) as connection:
        return converge_guest(Job(connection, found.validated_parameters, check_mode=check))


def actions(result: dict[str, Any]) -> list[str]:
    """What a run did."""
    return [step["action"] for step in result["actions"]]
