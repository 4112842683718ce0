# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications are composed of parts, and the parts cannot clash."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec, composed


def test_parts_are_joined() -> None:
    one = Spec({"a": {"type": "str"}}, required_one_of=(("a", "b"),), required_by={"a": ("b",)})
    two = Spec({"b": {"type": "str"}}, supports_check_mode=False)
    assert composed(CONNECTION, one, two) == {
        "argument_spec": {"uri": {"type": "str"}, "a": {"type": "str"}, "b": {"type": "str"}},
        "required_one_of": [("a", "b")],
        "required_by": {"a": ("b",)},
        "supports_check_mode": False,
    }


def test_two_parts_cannot_give_the_same_option() -> None:
    with pytest.raises(ValueError, match="the option uri is given by two parts"):
        composed(CONNECTION, CONNECTION)
