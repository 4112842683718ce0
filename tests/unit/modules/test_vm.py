# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module vm, run as Ansible runs it, with the guests of the test driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect import open as opening
from ansible_collections.corral.virt.plugins.module_utils.converge import entry
from ansible_collections.corral.virt.plugins.modules import vm, vm_info
from ansible_collections.corral.virt.tests.unit.converge.option_rows import EVERYTHING

Run = Callable[..., "dict[str, Any]"]

XML = """
<domain type='test'>
  <name>web</name>
  <memory unit='MiB'>64</memory>
  <os><type>hvm</type></os>
  <devices>
    <disk type='file'><source file='/d'/><target dev='vda' bus='virtio'/></disk>
    <interface type='user'/>
  </devices>
</domain>
"""
OPTIONS = {"name": "web", "memory": "64MiB", "disks": [{"path": "/d"}], "interfaces": [{"type": "user"}]}
STATES = ("present", "running", "paused", "stopped")


def actions(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result.get("msg")
    return [step["action"] for step in result["actions"]]


def message(result: dict[str, Any]) -> str:
    assert result.get("failed"), result
    return str(result["msg"])


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("definition", [{"xml": XML}, OPTIONS], ids=["xml", "options"])
def test_a_second_run_changes_nothing(run: Run, node: str, definition: dict[str, Any], state: str) -> None:
    first = run(vm, uri=node, state=state, autostart=True, **definition)
    second = run(vm, uri=node, state=state, autostart=True, **definition)
    assert first["changed"] and not second["changed"]
    assert second["actions"] == [] and second["pending"] == [] and not second["restart_required"]
    assert first["guest"] == second["guest"]


@pytest.mark.parametrize("definition", [{"xml": XML}, OPTIONS], ids=["xml", "options"])
def test_the_definition_changes_nothing_whatever_the_state(run: Run, node: str, definition: dict[str, Any]) -> None:
    run(vm, uri=node, **definition)
    for state in ("running", "paused", "running", "stopped"):
        assert "define" not in actions(run(vm, uri=node, name="web", state=state))
        assert not run(vm, uri=node, **definition)["changed"]


WALK: tuple[dict[str, Any], ...] = (
    {"xml": XML},
    {"xml": XML, "state": "running", "autostart": True},
    {"name": "web", "state": "paused"},
    {"xml": XML.replace(">64<", ">128<"), "state": "paused"},
    {"xml": XML.replace(">64<", ">128<"), "state": "running", "apply": "restart"},
    {"name": "web", "state": "stopped", "autostart": False},
    {"name": "web", "state": "absent"},
    {"name": "all", **EVERYTHING},
    {"name": "all", **EVERYTHING, "state": "running"},
    {"name": "all", **EVERYTHING, "tags": ["other"], "watchdog": True, "vcpus": 4, "apply": "restart"},
    {"name": "all", "memory": "1GiB", "virt_type": "kvm", "state": "stopped"},
    {"name": "all", "state": "absent"},
)


def test_check_mode_says_what_a_run_does_and_does_nothing(run: Run, node: str) -> None:
    for options in WALK:
        before = run(vm_info, uri=node, xml="inactive")["guests"]
        checked = run(vm, uri=node, check=True, diff=True, **options)
        assert run(vm_info, uri=node, xml="inactive")["guests"] == before
        real = run(vm, uri=node, diff=True, **options)
        assert real["changed"], options
        for key in ("changed", "actions", "pending", "restart_required", "diff"):
            assert checked[key] == real[key]
        again = run(vm, uri=node, check=True, **options)
        assert not again["changed"], again["actions"]


def test_a_password_among_the_options_is_nowhere_in_a_result(run: Run, node: str) -> None:
    other = {"graphics": [{"type": "vnc", "password": "hush-2"}], "spice_agent": False}
    for options in (EVERYTHING, {**EVERYTHING, **other}):
        result = run(vm, uri=node, diff=True, verbosity=3, name="all", **options)
        assert result["changed"] and "hush" not in str(result)


def test_what_vm_says_of_a_guest_is_what_it_was_told(run: Run, node: str) -> None:
    guest = run(vm, uri=node, name="all", **EVERYTHING)["guest"]
    assert (guest["title"], guest["tags"]) == ("Everything", ["all", "test"])
    assert (guest["firmware"], guest["tpm"]["version"]) == ("uefi", "2.0")


def test_check_mode_of_a_new_guest_shows_no_guest(run: Run, node: str) -> None:
    assert run(vm, uri=node, check=True, **OPTIONS)["guest"] is None


@pytest.mark.parametrize("check", [False, True])
def test_the_connection_is_opened_once_and_closed(
    run: Run, node: str, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    opened: list[Any] = []
    real = opening.open_connection

    def counted(*arguments: Any, **named: Any) -> Any:
        opened.append((named, real(*arguments, **named)))
        return opened[-1][1]

    monkeypatch.setattr(opening, "open_connection", counted)
    run(vm, uri=node, state="running", check=check, **OPTIONS)
    run(vm_info, uri=node)
    assert [named["read_only"] for named, _connection in opened] == [check, True]
    assert all(connection.closed for _named, connection in opened)


def test_a_change_of_a_running_guest_waits_for_the_next_boot(run: Run, node: str) -> None:
    run(vm, uri=node, state="running", **OPTIONS)
    changed = run(vm, uri=node, state="running", **OPTIONS, vcpus=2)
    again = run(vm, uri=node, state="running", **OPTIONS, vcpus=2)
    assert changed["actions"] == [
        {"action": "define", "target": "web", "effect": "next_boot", "detail": ["/domain/vcpu: 1 -> 2"]}
    ]
    assert not again["changed"]
    assert changed["restart_required"] and again["restart_required"]
    assert again["pending"] == ["/domain/vcpu: 1 -> 2"]
    assert again["guest"]["vcpus"] == 1
    restarted = run(vm, uri=node, state="running", apply="restart", **OPTIONS, vcpus=2)
    assert actions(restarted) == ["shutdown", "start"]
    assert restarted["guest"]["vcpus"] == 2 and not restarted["restart_required"]


def test_the_identity_is_kept(run: Run, node: str) -> None:
    first = run(vm, uri=node, xml=XML)["guest"]
    second = run(vm, uri=node, xml=XML.replace(">64<", ">96<"))["guest"]
    assert second["memory_mib"] == 96
    assert (first["uuid"], first["interfaces"][0]["mac"]) == (second["uuid"], second["interfaces"][0]["mac"])


def test_removal(run: Run, node: str) -> None:
    run(vm, uri=node, state="running", **OPTIONS)
    removed = run(vm, uri=node, name="web", state="absent")
    assert actions(removed) == ["shutdown", "undefine"]
    assert removed["guest"] is None
    assert not run(vm, uri=node, name="web", state="absent")["changed"]
    assert not run(vm, uri=node, state="absent", **OPTIONS)["changed"]


def test_the_diff_is_canonical_xml(run: Run, node: str) -> None:
    run(vm, uri=node, xml=XML)
    (part,) = run(vm, uri=node, diff=True, xml=XML.replace(">64<", ">96<"))["diff"]
    old, new = part["before"].splitlines(), part["after"].splitlines()
    assert [line.strip() for line in new if line not in old] == [
        '<memory unit="KiB">98304</memory>',
        '<currentMemory unit="KiB">98304</currentMemory>',
    ]
    assert len(old) == len(new)


def test_secrets_are_nowhere_in_a_result(run: Run, node: str) -> None:
    secret = XML.replace("<interface", "<graphics type='vnc' passwd='hush-hush'/><interface")
    for result in (
        run(vm, uri=node, diff=True, verbosity=3, xml=secret),
        run(vm, uri=node, diff=True, xml=secret.replace("hush-hush", "hush-hush-2")),
        run(vm_info, uri=node, xml="inactive"),
    ):
        assert not result.get("failed")
        assert "hush-hush" not in str(result)


@pytest.mark.parametrize(
    "options",
    [{"state": "absent"}, {"name": "another"}, {"state": "stopped", "wait_for": {"console": "x"}}, {"xml": "cut"}],
)
def test_secrets_are_nowhere_in_what_is_refused(run: Run, node: str, options: dict[str, Any]) -> None:
    secret = XML.replace("<interface", "<graphics type='vnc' passwd='hush-hush'/><interface")
    if options.get("xml") == "cut":
        options, secret = {}, secret[:-20]
    assert "hush-hush" not in str(run(vm, **{"uri": node, "xml": secret, **options}))


def test_waiting_for_what_is_there_already(run: Run, node: str) -> None:
    wait_for = {"console": "corral-guest: up", "timeout": 5}
    first = run(vm, uri=node, state="running", wait_for=wait_for, **OPTIONS)
    second = run(vm, uri=node, state="running", wait_for=wait_for, **OPTIONS)
    assert first["changed"] and not second["changed"]


def test_waiting_in_vain_shows_the_console(run: Run, node: str) -> None:
    wait_for = {"console": "no such words", "timeout": 0}
    result = run(vm, uri=node, state="running", wait_for=wait_for, **OPTIONS)
    said = message(result)
    assert "did not show 'no such words' within 0 s; the guest is running (booted)." in said
    assert "last lines are:\ncorral-guest: up" in said
    assert result["details"]["console"] == ["corral-guest: up"]
    assert result["error"] == "OperationFailed"


def test_check_mode_does_not_wait(run: Run, node: str) -> None:
    result = run(vm, uri=node, state="running", wait_for={"console": "never"}, check=True, **OPTIONS)
    assert actions(result) == ["define", "start"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"xml": XML, "memory": "1GiB"}, "xml cannot be given together with memory:"),
        ({"xml": XML, "name": "other"}, "name is 'other' and the xml says 'web'"),
        ({"name": "web", "memory": "512"}, "write 512MiB"),
        ({"name": "web", "vcpus": 2}, "memory is missing"),
        ({"name": "nobody", "state": "running"}, "There is no guest named nobody"),
        ({"name": "web", "memory": "1GiB", "cmdline": "x"}, "missing parameter(s) required by 'cmdline': kernel"),
        ({"state": "running"}, "one of the following is required: name, xml"),
        ({"name": "web", "wait_for": {"console": "x"}}, "wait_for and state present contradict each other"),
        ({"name": "web", "state": "on"}, "value of state must be one of"),
        ({"name": "web", "mem": "1GiB"}, "Unsupported parameters"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_cannot_be_meant(run: Run, node: str, options: dict[str, Any], words: str, check: bool) -> None:
    assert words in message(run(vm, uri=node, check=check, **options))
    assert run(vm_info, uri=node)["guests"] == []


def test_a_uuid_of_another_guest(run: Run, node: str) -> None:
    uuid = run(vm, uri=node, **OPTIONS)["guest"]["uuid"]
    other = XML.replace("<name>web</name>", f"<name>b</name><uuid>{uuid}</uuid>")
    for check in (True, False):
        assert "belongs to the guest web" in message(run(vm, uri=node, check=check, xml=other))


def test_a_uuid_cannot_be_changed(run: Run, node: str) -> None:
    run(vm, uri=node, xml=XML)
    other = XML.replace("<memory", "<uuid>00000000-0000-4000-8000-000000000001</uuid><memory")
    for check in (True, False):
        result = run(vm, uri=node, check=check, xml=other)
        assert result.get("failed") and "uuid" in result["msg"]


def test_a_name_that_is_the_id_of_another_guest(run: Run, node: str) -> None:
    run(vm, uri=node, state="running", **OPTIONS)
    assert not run(vm, uri=node, name="1", state="absent")["changed"]
    assert actions(run(vm, uri=node, name="1", memory="64MiB")) == ["define"]
    assert run(vm, uri=node, name="1", state="stopped")["guest"]["name"] == "1"


def test_a_failure_says_on_which_connection_and_no_more(run: Run, node: str) -> None:
    result = run(vm, uri=node, name="nobody", state="running")
    assert result["error"] == "NotFound" and not result["changed"]
    assert result["uri"] == node and "connection" not in result
    assert result["hint"] in result["msg"]
    asked = run(vm, uri=node, name="nobody", state="running", verbosity=2)["connection"]
    assert asked["uri"] == node and asked["tables"]["hypervisor"][0]["answer"] == "success"


def test_a_connection_that_cannot_be_opened_is_explained(run: Run) -> None:
    result = run(vm, uri="nosuch:///", name="a")
    assert result["error"] in ("NoConnection", "UriError")
    told = result["connection"]
    assert (result["uri"], told["requested"], told["source"]) == ("nosuch:///", "nosuch:///", "argument")
    assert {row["answer"] for row in told["tables"]["hypervisor"]} == {"declined"}
    assert "alias" not in told and "alias" in run(vm, uri="nosuch:///", name="a", verbosity=2)["connection"]


def test_a_failure_after_a_change_is_a_change(run: Run, node: str) -> None:
    wait_for = {"console": "never", "timeout": 0}
    result = run(vm, uri=node, state="running", wait_for=wait_for, **OPTIONS)
    assert result["failed"] and result["changed"]
    assert result["details"]["done"] == ["define", "start"]
    again = run(vm, uri=node, state="running", wait_for=wait_for, **OPTIONS)
    assert again["failed"] and not again["changed"]


def test_the_connection_is_shown_when_asked_for(run: Run, node: str) -> None:
    assert "connection" not in run(vm, uri=node, verbosity=1, **OPTIONS)
    assert run(vm, uri=node, verbosity=2, **OPTIONS)["connection"]["uri"] == node


def test_a_missing_lxml_is_said_with_the_way_to_install_it(
    run: Run, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "_importable", lambda name: False)
    monkeypatch.setattr(entry, "INTERPRETERS", ())
    said = message(run(vm, uri=node, **OPTIONS))
    assert "libraries lxml and qemu.qmp are missing" in said
    assert "python3-lxml" in said and "ansible_python_interpreter" in said


def test_an_interpreter_that_has_the_libraries_is_taken(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible.module_utils.common import respawn

    taken: list[str] = []

    def respawned(path: str) -> None:
        taken.append(path)
        raise SystemExit(0)

    monkeypatch.setattr(entry, "_importable", lambda name: False)
    monkeypatch.setattr(respawn, "probe_interpreters_for_module", lambda paths, modules: f"/there {modules}")
    monkeypatch.setattr(respawn, "respawn_module", respawned)
    module = entry.AnsibleModule
    with pytest.raises(ValueError):
        run(vm, uri=node, **OPTIONS)  # nothing was printed here: the other interpreter would have
    assert taken == ["/there lxml, qemu.qmp"]
    assert module is entry.AnsibleModule


def test_arguments_that_would_not_fit_are_not_handed_over(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible.module_utils.common import respawn

    monkeypatch.setattr(entry, "_importable", lambda name: False)
    monkeypatch.setattr(respawn, "probe_interpreters_for_module", lambda paths, modules: pytest.fail("was probed"))
    large = XML.replace("<memory", f"<description>{'x' * 65536}</description><memory")
    assert "too long to hand them" in message(run(vm, uri=node, xml=large))


def test_without_qmp_alone_the_work_goes_on(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "_importable", lambda name: name == "lxml")
    monkeypatch.setattr(entry, "INTERPRETERS", ("/nowhere/python3",))
    assert run(vm, uri=node, **OPTIONS)["changed"]


def test_a_library_of_a_package_that_is_missing_is_missing() -> None:
    assert entry._importable("json")
    assert not entry._importable("corral_nowhere.at_all")


def test_an_error_of_ours_is_not_hidden(run: Run, node: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(opening, "open_connection", broken)
    with pytest.raises(ZeroDivisionError):
        run(vm, uri=node, **OPTIONS)


TITLED = XML.replace("<memory", "<title>t</title><memory")


@pytest.mark.parametrize("state", ["running", "paused"])
def test_what_can_be_live_is_made_at_once(run: Run, node: str, state: str) -> None:
    run(vm, uri=node, state=state, xml=XML)
    checked = run(vm, uri=node, check=True, state=state, xml=TITLED)
    real = run(vm, uri=node, state=state, xml=TITLED)
    assert [(step["action"], step["effect"]) for step in real["actions"]] == [("define", "live"), ("update", "live")]
    assert checked["actions"] == real["actions"]
    assert real["pending"] == [] and not run(vm, uri=node, state=state, xml=TITLED)["changed"]
    (live,) = run(vm_info, uri=node, xml="live")["guests"]
    assert "<title>t</title>" in live["xml"] and live["pending"] == []


def test_what_waits_is_shown_by_vm_info_and_made_when_it_may_be(run: Run, node: str) -> None:
    run(vm, uri=node, state="running", xml=XML)
    waits = run(vm, uri=node, xml=TITLED, apply="next_boot")
    assert actions(waits) == ["define"] and waits["restart_required"]
    assert run(vm_info, uri=node)["guests"][0]["pending"] == waits["pending"] != []
    assert actions(run(vm, uri=node, name="web", state="running")) == []
    assert actions(run(vm, uri=node, xml=TITLED)) == ["update"]
    assert run(vm_info, uri=node)["guests"][0]["pending"] == []
