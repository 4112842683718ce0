# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module vm_info: one, several, all guests, and nothing is changed."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect import open as opening
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound, TimedOut
from ansible_collections.corral.virt.plugins.modules import vm, vm_info

Run = Callable[..., "dict[str, Any]"]


@pytest.fixture
def three(run: Run, node: str) -> str:
    """Three guests, one of which runs."""
    for name in ("c", "a", "b"):
        run(vm, uri=node, name=name, memory="64MiB", state="running" if name == "b" else "present")
    return node


def names(result: dict[str, Any]) -> list[str]:
    return [guest["name"] for guest in result["guests"]]


def test_the_guest_of_the_default_node(run: Run) -> None:
    result = run(vm_info, uri="test:///default")
    (guest,) = result["guests"]
    assert (guest["name"], guest["state"], guest["active"], guest["id"]) == ("test", "running", True, 1)
    assert (guest["memory_mib"], guest["vcpus"]) == (8192, 2)
    assert result["uri"] == "test:///default"
    assert not result["changed"]


def test_all_guests_are_sorted(run: Run, three: str) -> None:
    assert names(run(vm_info, uri=three)) == ["a", "b", "c"]


def test_one_and_several(run: Run, three: str) -> None:
    assert names(run(vm_info, uri=three, name="b")) == ["b"]
    assert names(run(vm_info, uri=three, name=["c", "a"])) == ["c", "a"]
    assert names(run(vm_info, uri=three, names=["c", "c"])) == ["c"]
    assert names(run(vm_info, uri=three, name=[])) == []


def test_by_uuid_and_id(run: Run, three: str) -> None:
    (guest,) = run(vm_info, uri=three, name="b")["guests"]
    assert names(run(vm_info, uri=three, name=[guest["uuid"]])) == ["b"]
    assert names(run(vm_info, uri=three, name=[guest["id"]])) == ["b"]


def test_guests_that_do_not_exist_are_listed(run: Run, three: str) -> None:
    result = run(vm_info, uri=three, name=["nobody", "a", "no one"])
    assert names(result) == ["a"]
    assert result["missing"] == ["nobody", "no one"]
    assert not result.get("failed")


def test_xml_live_and_inactive(run: Run, three: str) -> None:
    run(vm, uri=three, name="b", memory="64MiB", vcpus=2)
    live = {guest["name"]: guest["xml"] for guest in run(vm_info, uri=three, xml="live")["guests"]}
    kept = {guest["name"]: guest["xml"] for guest in run(vm_info, uri=three, xml="inactive")["guests"]}
    assert live["a"] is None
    assert ">1</vcpu>" in live["b"] and ">2</vcpu>" in kept["b"]
    assert "<name>a</name>" in kept["a"]
    assert "xml" not in run(vm_info, uri=three)["guests"][0]


def test_a_guest_that_goes_while_we_look_is_left_out(run: Run, three: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = opening.open_connection

    def opened(*arguments: Any, **named: Any) -> Any:
        connection = real(*arguments, **named)
        driver = connection._drivers["hypervisor"]
        look = driver.domain_xml

        def domain_xml(name: str, **options: Any) -> Any:
            if name == "a":
                raise NotFound("it has gone")
            return look(name, **options)

        driver.domain_xml = domain_xml
        return connection

    monkeypatch.setattr(opening, "open_connection", opened)
    assert names(run(vm_info, uri=three)) == ["b", "c"]


def test_one_that_does_not_answer_hides_no_other(run: Run, three: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = opening.open_connection

    def opened(*arguments: Any, **named: Any) -> Any:
        connection = real(*arguments, **named)
        driver = connection._drivers["hypervisor"]

        def domain_figures(name: str, *, balloon: bool = False) -> dict[str, Any]:
            if balloon:
                raise TimedOut(f"Guest {name} hangs.")
            return {"rss_mib": 7}

        driver.domain_figures = domain_figures
        return connection

    monkeypatch.setattr(opening, "open_connection", opened)
    off, hung, _other = run(vm_info, uri=three, gather=["memory", "command"])["guests"]
    assert (hung["memory_error"], hung["balloon_mib"], hung["rss_mib"]) == ("Guest b hangs.", None, 7)
    assert (off["memory_error"], off["balloon_mib"]) == (None, None)
    assert hung["command"] is None and "domain_command" in hung["command_error"]
