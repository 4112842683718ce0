# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module network on nodes of the test driver: check mode says what a run does, a second run changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.corral.virt.plugins.modules import network, network_info, vm

Run = Callable[..., "dict[str, Any]"]

NAT = {"name": "lab", "forward": "nat", "ips": [{"dhcp": True}]}


def actions(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result.get("msg")
    return [action["action"] for action in result["actions"]]


def with_guest(run: Run, node: str, name: str = "web", **options: Any) -> None:
    interfaces = [{"network": "lab"}]
    result = run(vm, uri=node, name=name, memory="64MiB", interfaces=interfaces, state="running", **options)
    assert not result.get("failed"), result.get("msg")


def write_fault(node: str) -> None:
    """Break the one network of the node, as a test host can be broken."""
    path = Path(node[len("test://") :])
    fault = '<corral:runtime><corral:fault what="bridge" detail="virbr0 is missing"/></corral:runtime></network>'
    text = path.read_text(encoding="utf-8")
    head, runtime, tail = text.partition("<corral:runtime/>\n  </network>")
    assert runtime
    path.write_text(f"{head}{fault}{tail}", encoding="utf-8")


WAYS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([NAT], ["define"]),
    ([{**NAT, "state": "active"}], ["define", "start"]),
    ([{**NAT, "state": "active", "autostart": True}], ["define", "enable_autostart", "start"]),
    ([{**NAT, "state": "active", "transient": True}], ["create"]),
    ([NAT, {"name": "lab", "state": "active"}], ["start"]),
    ([{**NAT, "state": "active"}, {**NAT, "title": "x"}], ["define", "update"]),
    ([{**NAT, "state": "active"}, {**NAT, "title": "x", "apply": "next_boot"}], ["define"]),
    (
        [{**NAT, "state": "active"}, {**NAT, "mtu": 9000, "title": "x", "apply": "restart"}],
        ["define", "destroy", "start"],
    ),
    ([{**NAT, "state": "active"}, {"name": "lab", "state": "inactive"}], ["destroy"]),
    ([{**NAT, "state": "active"}, {"name": "lab", "state": "absent"}], ["destroy", "undefine"]),
    ([NAT, {**NAT, "state": "absent"}], ["undefine"]),
    ([{"name": "default", "state": "active"}], ["define", "start"]),
    ([{"name": "default"}], ["define"]),
]


@pytest.mark.parametrize(("runs", "expected"), WAYS)
def test_check_mode_says_what_a_run_does_and_a_second_run_changes_nothing(
    run: Run, node: str, runs: list[dict[str, Any]], expected: list[str]
) -> None:
    for options in runs[:-1]:
        actions(run(network, uri=node, **options))
    before = run(network_info, uri=node, xml="live")
    foreseen = run(network, uri=node, check=True, diff=True, **runs[-1])
    assert run(network_info, uri=node, xml="live") == before
    done = run(network, uri=node, diff=True, **runs[-1])
    assert actions(foreseen) == actions(done) == expected
    assert (foreseen["actions"], foreseen["diff"]) == (done["actions"], done["diff"])
    again = run(network, uri=node, diff=True, **runs[-1])
    assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
    assert again["network"] == done["network"]


def test_the_result_shows_the_network(run: Run, node: str) -> None:
    result = run(network, uri=node, state="active", tags=["x"], domain="lab.example", **NAT)
    found = result["network"]
    assert (found["state"], found["forward"], found["bridge"], found["tags"]) == ("active", "nat", "virbr0", ["x"])
    assert found["addresses"] == ["192.168.122.1/24"]
    assert found["dhcp"] == [{"start": "192.168.122.2", "end": "192.168.122.254"}]
    assert found["domain"] == "lab.example"
    assert run(network, uri=node, name="lab", state="absent")["network"] is None


def test_the_default_network_is_what_libvirt_has(run: Run, node: str) -> None:
    found = run(network, uri=node, name="default", state="active")["network"]
    assert (found["addresses"], found["bridge"]) == (["192.168.122.1/24"], "virbr0")
    assert run(network, uri=node, name="default", title="mine", ips=[{"address": "10.0.0.1/24"}])["changed"]
    assert run(network, uri=node, name="default")["network"]["addresses"] == ["192.168.122.1/24"]
    assert actions(run(network, uri=node, name="default", state="absent")) == ["destroy", "undefine"]
    assert actions(run(network, uri=node, name="default", state="absent")) == []


def test_what_guests_use_is_not_taken_down(run: Run, node: str) -> None:
    run(network, uri=node, state="active", **NAT)
    for name in ("web", "db"):
        with_guest(run, node, name)
    for state in ("inactive", "absent"):
        result = run(network, uri=node, name="lab", state=state)
        assert (result["failed"], result["error"], result["changed"]) == (True, "OperationInvalid", False)
        assert result["msg"].startswith(f"The network lab is used by the guests web, db, and cannot be {state}.")
        assert result["details"]["guests"] == ["web", "db"]
    result = run(network, uri=node, name="lab", state="absent", force=True)
    assert actions(result) == ["destroy", "undefine"]
    assert result["cut_off"] == ["web", "db"]
    assert result["actions"][0]["detail"] == ["cuts off web, db"]


def test_what_needs_a_restart_waits_and_says_whom_it_cuts_off(run: Run, node: str) -> None:
    run(network, uri=node, state="active", **NAT)
    with_guest(run, node)
    for changed in (True, False):
        result = run(network, uri=node, **NAT, mtu=9000)
        assert (result["changed"], result["restart_required"], result["cut_off"]) == (changed, True, ["web"])
        (waits,) = result["pending"]
        assert waits.startswith("/network/mtu")
    assert result["network"]["pending"] == result["pending"]
    result = run(network, uri=node, **NAT, mtu=9000, apply="restart")
    assert actions(result) == ["destroy", "start"]
    assert result["actions"][1]["detail"] == ["connects web again"]
    assert (result["restart_required"], result["network"]["mtu"], result["cut_off"]) == (False, 9000, ["web"])
    result = run(network, uri=node, **NAT, mtu=9000, apply="restart")
    assert (result["changed"], result["cut_off"]) == (False, [])


def test_a_live_change_cuts_nobody_off(run: Run, node: str) -> None:
    run(network, uri=node, state="active", **NAT)
    with_guest(run, node)
    result = run(network, uri=node, **NAT, dns={"hosts": [{"address": "192.168.122.9", "names": ["x"]}]})
    assert (actions(result), result["cut_off"], result["pending"]) == (["define", "update"], [], [])
    assert not run(network, uri=node, name="lab")["changed"]


@pytest.mark.parametrize("state", ["present", "active"])
def test_a_broken_network_is_mended(run: Run, node: str, state: str) -> None:
    run(network, uri=node, state="active", **NAT)
    write_fault(node)
    (found,) = run(network_info, uri=node)["networks"]
    assert found["faults"] == [{"what": "bridge", "detail": "virbr0 is missing"}]
    for check in (True, False):
        result = run(network, uri=node, name="lab", state=state, check=check)
        assert actions(result) == ["mend"]
        assert result["actions"][0]["detail"] == ["bridge: virbr0 is missing"]
    assert result["network"]["faults"] == []
    assert not run(network, uri=node, name="lab", state=state)["changed"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "lab"}, "There is no network named lab, so it cannot be present. Say what it is to be"),
        ({"name": "lab", "state": "active"}, "give xml, or forward, ips and the rest"),
        ({}, "one of the following is required: name, xml"),
        ({"name": "a/b", "forward": "nat"}, "a slash"),
        ({**NAT, "transient": True}, "transient and state present contradict each other"),
        ({**NAT, "transient": True, "state": "active", "autostart": True}, "transient and autostart contradict"),
        ({**NAT, "xml": "<network/>"}, "xml cannot be given together with forward and ips"),
        ({"xml": "<network><name>a</name>"}, "not well-formed"),
        ({"name": "lab", "forward": "sideways"}, "'sideways' is not known"),
        ({"name": "lab", "ips": [{"adress": "x"}]}, "Unsupported parameters"),
    ],
)
def test_what_is_refused(run: Run, node: str, options: dict[str, Any], said: str) -> None:
    result = run(network, uri=node, **options)
    assert result["failed"]
    assert said in result["msg"]
    assert run(network_info, uri=node)["networks"] == []


def test_identities_that_are_taken(run: Run, node: str) -> None:
    first = run(network, uri=node, **NAT)["network"]
    for check in (True, False):
        result = run(network, uri=node, check=check, name="other", uuid=first["uuid"])
        assert result["msg"].startswith(f"The uuid {first['uuid']} belongs to the network lab;")
    result = run(network, uri=node, **NAT, uuid="00000000-0000-4000-8000-000000000001")
    assert result["error"] == "AlreadyExists"


def test_a_name_that_is_the_uuid_of_another(run: Run, node: str) -> None:
    first = run(network, uri=node, **NAT)["network"]
    assert actions(run(network, uri=node, name=first["uuid"], state="absent")) == []
    assert len(run(network_info, uri=node)["networks"]) == 1


def test_what_has_no_effect_is_said(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda module, text: said.append(text))
    from ansible_collections.corral.virt.plugins.module_utils.drivers.test.network import SimulatedNetwork

    monkeypatch.setattr(SimulatedNetwork, "ignored_network_parts", lambda driver, document: ["network/x (line 1)"])
    monkeypatch.setattr(SimulatedNetwork, "network_advice", lambda driver, name: ["Somebody drops packets."])
    run(network, uri=node, state="active", **NAT)
    assert said == [
        "network/x (line 1) is kept in the definition, and has no effect: this driver does not read it.",
        "Somebody drops packets.",
    ]
    assert run(network_info, uri=node)["networks"][0]["advice"] == ["Somebody drops packets."]


def test_a_start_that_fails_says_what_was_done(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.test.network import SimulatedNetwork
    from ansible_collections.corral.virt.plugins.module_utils.errors import OperationFailed

    def refuse(driver: SimulatedNetwork, name: str) -> None:
        raise OperationFailed("The bridge cannot be made.")

    monkeypatch.setattr(SimulatedNetwork, "start_network", refuse)
    result = run(network, uri=node, state="active", **NAT)
    assert (result["failed"], result["changed"], result["details"]["done"]) == (True, True, ["define"])
    assert "the network is inactive" in result["msg"]


# network_info


def test_info_of_all_of_some_and_of_none(run: Run, node: str) -> None:
    for name in ("c", "a"):
        run(network, uri=node, **{**NAT, "name": name})
    everything = run(network_info, uri=node)["networks"]
    assert [found["name"] for found in everything] == ["a", "c"]
    result = run(network_info, uri=node, name=["c", "nobody", everything[1]["uuid"]])
    assert ([found["name"] for found in result["networks"]], result["missing"]) == (["c"], ["nobody"])
    assert run(network_info, uri=node, name=[])["networks"] == []


def test_info_shows_guests_leases_and_documents(run: Run, node: str) -> None:
    run(network, uri=node, state="active", **NAT)
    with_guest(run, node)
    run(network, uri=node, **NAT, mtu=9000)
    (found,) = run(network_info, uri=node, xml="live")["networks"]
    (lease,) = found["leases"]
    assert (found["guests"], lease["address"], lease["hostname"]) == (["web"], "192.168.122.2", "web")
    assert "9000" not in found["xml"]
    (found,) = run(network_info, uri=node, name="lab", xml="inactive")["networks"]
    assert "9000" in found["xml"]
    assert len(found["pending"]) == 1
    run(network, uri=node, **{**NAT, "name": "off"})
    assert run(network_info, uri=node, name="off", xml="live")["networks"][0]["xml"] is None


def test_info_documents_what_it_returns(run: Run, node: str) -> None:
    import yaml

    run(network, uri=node, **NAT)
    (found,) = run(network_info, uri=node, xml="inactive")["networks"]
    documented = yaml.safe_load(network_info.RETURN)["networks"]["contains"]
    assert set(found) == set(documented)
    assert set(found) - set(run(network, uri=node, **NAT)["network"]) == {"xml", "advice"}
