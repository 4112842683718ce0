# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every domain document of a libvirt source tree that is accepted becomes a task that makes the same definition.

Where options say all of it they are the task, else the document is; see test_laws.py for where the tree is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jinja2
import pytest
import yaml

from ansible_collections.corral.virt.plugins.module_utils.converge.export.task import as_task, exported
from ansible_collections.corral.virt.plugins.module_utils.converge.spec import desired
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.tests.conformance.test_laws import INPUTS, Host, host, read

__all__ = ("host",)  # the fixture


def rendered(value: Any, variables: dict[str, str]) -> Any:
    """What Ansible makes of a value in a playbook."""
    if isinstance(value, dict):
        return {name: rendered(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [rendered(inner, variables) for inner in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    return jinja2.Environment(keep_trailing_newline=True).from_string(value).render(variables)


@pytest.mark.parametrize("case", sorted(INPUTS))
def test_a_task_makes_the_same(host: Host, case: str) -> None:
    try:
        kept = host.define(case, read(case))
    except CorralError:
        return  # refused: nothing is defined

    def differences(options: dict[str, Any]) -> Sequence[str]:
        _name, wanted = desired(options)
        assert wanted is not None
        return [str(change) for change in compare(kept, host.define(case, wanted, kept), DOMAIN)]

    found = exported(kept, differences)
    assert (found.options is None) == bool(found.lacks)
    text = as_task(kept, found)
    assert not any(f"{mark}{secret}{mark}" in text for secret in found.variables.values() for mark in "'\"" if secret)
    options = rendered(yaml.safe_load(text), dict(found.variables))[0]["corral.virt.vm"]
    assert differences(options) == []
