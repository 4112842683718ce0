# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules secret and secret_info where nobody keeps secrets: the test driver has none, like libvirt's."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.modules import secret, secret_info

Run = Callable[..., dict[str, Any]]

VALUE = "correct horse battery staple"


@pytest.mark.parametrize("source", [{"value": VALUE}, {"value_base64": b64encode(VALUE.encode()).decode()}])
@pytest.mark.parametrize("check", [False, True])
def test_a_connection_without_secrets_says_so_and_no_value(
    run: Run, node: str, source: dict[str, str], check: bool
) -> None:
    result = run(secret, uri=node, usage="ceph", usage_id=VALUE, check=check, diff=True, verbosity=3, **source)
    assert result["failed"] and result["error"] == "NoSupport"
    assert "no secret driver" in result["msg"]
    assert VALUE not in json.dumps(result) and b64encode(VALUE.encode()).decode() not in json.dumps(result)


def test_looking_where_there_are_none(run: Run, node: str) -> None:
    assert run(secret_info, uri=node)["error"] == "NoSupport"


def test_one_of_the_names_is_needed(run: Run, node: str) -> None:
    assert "uuid, usage, xml" in run(secret, uri=node, value=VALUE)["msg"]
