# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to a monitor's schema."""

from __future__ import annotations

import json
from typing import Any, List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.replies import parse
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.schema import Schema


@pytest.fixture
def schema(tcg_recording: str) -> Schema:
    return Schema.of(parse(tcg_recording)[0].execute("query-qmp-schema"))


@pytest.mark.parametrize(
    "path",
    [
        "blockdev-add",
        "blockdev-add/arg-type",
        "blockdev-add/arg-type/driver",
        "blockdev-add/arg-type/driver/^file",
        "blockdev-add/arg-type/+file",
        "blockdev-add/arg-type/+file/!dynamic-auto-read-only",
        "blockdev-add/arg-type/+file/aio/^io_uring",
        "blockdev-add/arg-type/+file/aio/^io_uring/!unstable",
        "blockdev-add/arg-type/+file/*aio",
        "blockdev-add/arg-type/+file/backing/+string",
        "blockdev-add/arg-type/+file/backing/+object/driver",
        "blockdev-add/arg-type/*node-name",
        "blockdev-add/arg-type/node-name/!deprecated",
        "query-block/ret-type/node-name",
        "query-block/ret-type/+file/aio",
        "device_add/!json-cli-hotplug",
        "SHUTDOWN/arg-type/guest",
    ],
)
def test_path_that_exists(schema: Schema, path: str) -> None:
    assert schema.has(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "blockdev-del",
        "10",
        "10/driver",
        "blockdev-add/driver",
        "blockdev-add/ret",
        "blockdev-add/arg-type/file",
        "blockdev-add/arg-type/driver/^nbd",
        "blockdev-add/arg-type/driver/file",
        "blockdev-add/arg-type/+nbd",
        "blockdev-add/arg-type/+file/^aio",
        "blockdev-add/arg-type/+file/aio/^native",
        "blockdev-add/arg-type/+file/aio/^threads/!unstable",
        "blockdev-add/arg-type/*driver",
        "blockdev-add/arg-type/+file/backing/+number",
        "blockdev-add/arg-type/node-name/further",
        "blockdev-add/!json-cli-hotplug",
        "device_add/!",
        "SHUTDOWN/ret-type",
    ],
)
def test_path_that_does_not_exist(schema: Schema, path: str) -> None:
    assert not schema.has(path)


def test_enumeration_of_an_old_qemu_has_values_only() -> None:
    entities: List[Any] = [
        {"name": "set", "meta-type": "command", "arg-type": "1", "ret-type": "2"},
        {"name": "1", "meta-type": "object", "members": [{"name": "to", "type": "2"}]},
        {"name": "2", "meta-type": "enum", "values": ["on"]},
    ]
    assert Schema.of(entities).has("set/arg-type/to/^on")


def test_names_by_meta_type(schema: Schema) -> None:
    assert schema.names("event") == ["SHUTDOWN"]
    assert "device_add" in schema.names("command")


def test_known_answers_need_no_parsing() -> None:
    known = Schema(b"not a schema", {"blockdev-add/arg-type/+nvme": True, "device_add/!json-cli-hotplug": False})
    assert known.has("blockdev-add/arg-type/+nvme")
    assert not known.has("device_add/!json-cli-hotplug")


def test_empty_schema_has_nothing() -> None:
    assert Schema() == Schema.of(json.loads("[]"))
    assert not Schema().has("query-version")
