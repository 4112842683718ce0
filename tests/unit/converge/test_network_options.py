# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each option of a network writes, what is refused of it, and the laws that hold for all of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.converge.network_definition import (
    NETWORK_DEFINING,
    NETWORK_DEFINITION,
)
from ansible_collections.corral.virt.plugins.module_utils.converge.network_spec import NETWORK_FAMILIES, desired_network
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.complete import complete
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.passes.ignored import ignored_parts
from ansible_collections.corral.virt.plugins.module_utils.drivers.surroundings import Surroundings
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.normalise_network import normalise_network
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, XmlError
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.model.tags import read_tags
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.converge.network_rows import NETWORK_REFUSED, NETWORK_WRITTEN

ALONE = Surroundings((), (), ())
ROWS = [options for options, _part in NETWORK_WRITTEN]


def document(options: dict[str, Any]) -> Element:
    _name, made = desired_network({"name": "a", **options})
    assert made is not None
    return made


def shown(options: dict[str, Any]) -> str:
    """The document on one line."""
    return "".join(line.strip() for line in to_text(document(options)).splitlines())


@pytest.mark.parametrize(("options", "part"), NETWORK_WRITTEN)
def test_an_option_writes_its_part(options: dict[str, Any], part: str) -> None:
    assert part in shown(options)


@pytest.mark.parametrize(("options", "said"), NETWORK_REFUSED)
def test_what_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        document(options)


@pytest.mark.parametrize("options", [*({name: []} for name in ("ips", "routes", "portgroups", "tags")), {"dns": {}}])
def test_what_is_empty_writes_nothing(options: dict[str, Any]) -> None:
    assert shown(options) == "<network><name>a</name></network>"


def test_a_name_alone_describes_nothing() -> None:
    assert desired_network({"name": "a"}) == ("a", None)
    assert desired_network({"name": "a", "mtu": 1400}, describe=False) == ("a", None)


def test_xml_is_all_of_the_network() -> None:
    name, found = desired_network({"xml": "<network><name>b</name></network>"})
    assert name == "b"
    assert found is not None
    with pytest.raises(InvalidArgument, match=r"together with forward and mtu: .* all of the network"):
        desired_network({"xml": "<network><name>b</name></network>", "forward": "nat", "mtu": 1400})
    with pytest.raises(InvalidArgument, match="name is 'a' and the xml says 'b'"):
        desired_network({"name": "a", "xml": "<network><name>b</name></network>"})
    with pytest.raises(XmlError, match="begins with <domain>, and <network> was expected"):
        desired_network({"xml": "<domain><name>b</name></domain>"})
    with pytest.raises(InvalidArgument, match="a slash"):
        desired_network({"name": "a/b", "mtu": 1400})


def test_tags_can_be_read_back() -> None:
    assert read_tags(document({"tags": ["b", "a"]})) == ["a", "b"]


def test_every_option_belongs_to_a_family_and_is_tried() -> None:
    assert {name for names, _family in NETWORK_FAMILIES for name in names} == set(NETWORK_DEFINING)
    assert {name for options in ROWS for name in options} == set(NETWORK_DEFINING)


@pytest.mark.parametrize("options", ROWS)
def test_the_driver_takes_it_reads_all_of_it_and_a_second_run_changes_nothing(options: dict[str, Any]) -> None:
    assert ignored_parts(document(options)) == []
    first = complete(document(options), ALONE, [], kept=None, host_id="h")
    again = complete(document(options), ALONE, [], kept=first, host_id="h")
    assert [str(change) for change in compare(first, again, NETWORK)] == []


@pytest.mark.parametrize("options", ROWS)
def test_the_test_driver_takes_it_and_a_second_run_changes_nothing(options: dict[str, Any]) -> None:
    first = normalise_network(document(options), None, [], seed="s")
    assert compare(first, normalise_network(document(options), first, [], seed="s"), NETWORK) == ()
    assert compare(first, normalise_network(first, None, [], seed="s"), NETWORK) == ()


@pytest.mark.parametrize("options", ROWS)
def test_ansible_hands_it_on_as_it_was_written(options: dict[str, Any]) -> None:
    """Types, choices and defaults of the argument specification agree with what the builders read."""
    found = ArgumentSpecValidator(dict(NETWORK_DEFINITION.options)).validate({"name": "a", **options})
    assert found.error_messages == []
    assert to_text(document(found.validated_parameters)) == to_text(document(options))
