# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation run, one after the other, on a node of the test driver."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import yaml

from ansible_collections.corral.virt.plugins.modules import vm

Run = Callable[..., "dict[str, Any]"]

EXAMPLES = [task["corral.virt.vm"] for task in yaml.safe_load(vm.EXAMPLES)]
DESCRIBED = [options for options in EXAMPLES if "memory" in options]
# What the test driver's guests write to their console.
CONSOLE = "corral-guest: up"
XML = "<domain type='test'><name>{}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>"


def fitting(options: dict[str, Any], node: str) -> dict[str, Any]:
    """The options, with what a template would say, on our node."""
    found = {**options, "uri": node}
    if "lookup(" in str(found.get("xml")):
        found["xml"] = XML.format("db1")
    if "console" in (found.get("wait_for") or {}):
        found["wait_for"] = {**found["wait_for"], "console": CONSOLE}
    elif "wait_for" in found:
        del found["wait_for"]  # the test driver's guests have no network and no agent
    return found


def test_there_are_some() -> None:
    assert len(DESCRIBED) >= 5


def test_the_examples_run(run: Run, node: str) -> None:
    for options in EXAMPLES:
        result = run(vm, **fitting(options, node))
        assert not result.get("failed"), (options, result["msg"])


@pytest.mark.parametrize("options", DESCRIBED, ids=lambda options: str(options["name"]))
def test_a_second_run_of_an_example_changes_nothing(run: Run, node: str, options: dict[str, Any]) -> None:
    assert run(vm, **fitting(options, node))["changed"]
    assert not run(vm, **fitting(options, node))["changed"]
