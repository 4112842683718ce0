# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recorded conversations."""

from __future__ import annotations

import json

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.replies import RecordingMiss, parse
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, MonitorError


def test_each_qmp_capabilities_begins_a_run(small_recording: str) -> None:
    kvm, tcg = parse(small_recording)
    assert kvm.execute("query-kvm") == {"present": True, "enabled": True}
    assert tcg.execute("query-kvm") == {"present": True, "enabled": False}


def test_answer_depends_on_the_arguments(small_recording: str) -> None:
    run = parse(small_recording)[0]
    assert {row["name"] for row in run.execute("device-list-properties", {"typename": "virtio-blk-pci"})} == {
        "queue-size",
        "drive",
    }
    model = {"props": {"migratable": False}, "name": "host"}  # the order of the keys does not matter
    assert run.execute("query-cpu-model-expansion", {"model": model, "type": "static"})["model"]["props"]["invtsc"]


def test_recorded_error_is_raised(small_recording: str) -> None:
    with pytest.raises(MonitorError, match="SEV is not enabled in KVM") as caught:
        parse(small_recording)[0].execute("query-sev-capabilities")
    assert caught.value.error_class == "GenericError"


def test_what_was_not_asked_is_a_miss_and_no_monitor_error(small_recording: str) -> None:
    with pytest.raises(RecordingMiss, match="qom-list") as caught:
        parse(small_recording)[0].execute("qom-list", {"path": "/"})
    assert not isinstance(caught.value, MonitorError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("  \n\n ", "empty"),
        ("{", "not JSON"),
        ("[]", "objects only"),
        ('{"execute": "query-kvm", "id": "1"}', "pair"),
        ('{"return": {}, "id": "1"} {"execute": "query-kvm", "id": "1"}', "pair"),
        ('{"execute": "query-kvm", "id": "1"} {"execute": "query-kvm", "id": "2"}', "pair"),
        ('{"execute": "query-kvm", "id": "1"} {"return": {}, "id": "2"}', "belong"),
    ],
)
def test_what_is_no_recording_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        parse(text)


def test_white_space_between_objects_does_not_matter() -> None:
    request, reply = {"execute": "query-status", "id": "1"}, {"id": "1", "return": {"running": True}}
    run = parse(f"\n{json.dumps(request)}{json.dumps(reply)}\t\n")[0]
    assert run.execute("query-status") == {"running": True}
