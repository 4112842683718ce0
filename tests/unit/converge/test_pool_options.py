# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each option of a pool writes, what is refused of it, and the laws that hold for all of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.converge.pool_definition import (
    POOL_DEFINING,
    POOL_DEFINITION,
    POOL_TYPES,
    SOURCE,
)
from ansible_collections.corral.virt.plugins.module_utils.converge.pool_effects import POOL_EFFECTS
from ansible_collections.corral.virt.plugins.module_utils.converge.pool_spec import POOL_FAMILIES, desired_pool
from ansible_collections.corral.virt.plugins.module_utils.converge.resource.effects import AT_ONCE
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.live.update import is_live
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete import complete_pool
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.ignored import ignored_pool_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.table import TYPES
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.normalise_pool import NEEDS, normalise_pool
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import POOL
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.converge.pool_rows import POOL_REFUSED, POOL_WRITTEN

ROWS = [options for options, _part in POOL_WRITTEN]


def document(options: dict[str, Any]) -> Element:
    _name, made = desired_pool({"name": "a", **options})
    assert made is not None
    return made


def shown(options: dict[str, Any]) -> str:
    """The document on one line."""
    return "".join(line.strip() for line in to_text(document(options)).splitlines())


@pytest.mark.parametrize(("options", "part"), POOL_WRITTEN)
def test_an_option_writes_its_part(options: dict[str, Any], part: str) -> None:
    assert part in shown(options)


@pytest.mark.parametrize(("options", "said"), POOL_REFUSED)
def test_what_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        document(options)


@pytest.mark.parametrize("options", [{"tags": []}, {"source": {}}, {"mount_options": []}, {"permissions": {}}])
def test_what_is_empty_writes_nothing(options: dict[str, Any]) -> None:
    assert shown(options) == '<pool type="dir"><name>a</name></pool>'


def test_a_name_alone_describes_nothing() -> None:
    assert desired_pool({"name": "a"}) == ("a", None)
    assert desired_pool({"name": "a", "type": "dir"}, describe=False) == ("a", None)


def test_xml_is_all_of_the_pool() -> None:
    name, found = desired_pool({"xml": "<pool type='dir'><name>b</name></pool>"})
    assert (name, found is not None) == ("b", True)
    with pytest.raises(InvalidArgument, match=r"together with type and target: .* all of the pool"):
        desired_pool({"xml": "<pool><name>b</name></pool>", "type": "dir", "target": "/a"})


def test_every_option_belongs_to_a_family_and_is_tried() -> None:
    assert {name for names, _family in POOL_FAMILIES for name in names} == set(POOL_DEFINING)
    assert {name for options in ROWS for name in options} == set(POOL_DEFINING)
    assert {name for options in ROWS for name in options.get("source", {})} == set(SOURCE)


def test_the_types_are_those_of_the_drivers() -> None:
    assert tuple(TYPES) == tuple(NEEDS) == POOL_TYPES


def test_what_is_live_is_what_the_driver_changes() -> None:
    places = [row.place.replace("*", "x") for row in POOL_EFFECTS if row.active in AT_ONCE]
    assert places
    assert [place for place in places if not is_live(place)] == []


@pytest.mark.parametrize("options", ROWS)
def test_the_driver_takes_it_reads_all_of_it_and_a_second_run_changes_nothing(options: dict[str, Any]) -> None:
    assert ignored_pool_parts(document(options)) == []
    first = complete_pool(document(options), [], kept=None, host_id="h")
    again = complete_pool(document(options), [], kept=first, host_id="h")
    assert [str(change) for change in compare(first, again, POOL)] == []


@pytest.mark.parametrize("options", ROWS)
def test_the_test_driver_takes_it_and_a_second_run_changes_nothing(options: dict[str, Any]) -> None:
    first = normalise_pool(document(options), None, [], seed="s")
    assert compare(first, normalise_pool(document(options), first, [], seed="s"), POOL) == ()
    assert compare(first, normalise_pool(first, None, [], seed="s"), POOL) == ()


@pytest.mark.parametrize("options", ROWS)
def test_ansible_hands_it_on_as_it_was_written(options: dict[str, Any]) -> None:
    """Types, choices and defaults of the argument specification agree with what the builders read."""
    found = ArgumentSpecValidator(dict(POOL_DEFINITION.options)).validate({"name": "a", **options})
    assert found.error_messages == []
    assert to_text(document(found.validated_parameters)) == to_text(document(options))
