# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules filter and filter_info on nodes of the test driver: a check says what a run does, the second is quiet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Fault
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.nwfilter import SimulatedFilters
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.plugins.modules import filter as filter_module
from ansible_collections.corral.virt.plugins.modules import filter_info, vm

Run = Callable[..., "dict[str, Any]"]

MAIL = {
    "name": "mail",
    "rules": [{"action": "drop", "direction": "out", "protocol": "tcp", "match": {"dstportstart": 25}}],
}
TAKES_IN = {
    "name": "outer",
    "filters": ["mail", {"name": "clean-traffic", "parameters": {"IP": ["10.0.0.1", "10.0.0.2"]}}],
}
XML = "<filter name='mail' chain='root'><rule action='drop' direction='out'><tcp dstportstart='25'/></rule></filter>"
GUEST = """<domain type='test'><name>{name}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>
  <interface type='bridge'><source bridge='br0'/><filterref filter='{filter}'/></interface></devices></domain>"""

EXAMPLES = [task["corral.virt.filter"] for task in yaml.safe_load(filter_module.EXAMPLES)]
SHOWN = [
    task["corral.virt.filter_info"]
    for task in yaml.safe_load(filter_info.EXAMPLES)
    if "corral.virt.filter_info" in task
]


def actions(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result.get("msg")
    return [action["action"] for action in result["actions"]]


def with_guest(run: Run, node: str, name: str = "web1", uses: str = "mail") -> None:
    result = run(vm, uri=node, xml=GUEST.format(name=name, filter=uses))
    assert not result.get("failed"), result.get("msg")


def write_fault(node: str, name: str = "mail") -> None:
    """Break the rules of a filter's guests, as a test host can be broken."""
    path = Path(node[len("test://") :])
    head, mark, tail = path.read_text(encoding="utf-8").partition(f'<filter name="{name}"')
    inside, end, rest = tail.replace("<corral:runtime/>", "", 1).partition("</filter>")
    fault = '<corral:runtime><corral:fault what="table" detail="It is missing."/></corral:runtime>'
    assert mark and end
    path.write_text(f"{head}{mark}{inside}{fault}{end}{rest}", encoding="utf-8")


WAYS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([MAIL], ["define"]),
    ([{"xml": XML}], ["define"]),
    ([MAIL, {**MAIL, "chain": "root"}], []),
    ([MAIL, {"xml": XML}], []),
    ([{"xml": XML}, {"name": "mail"}], []),
    ([MAIL, {**MAIL, "rules": []}], ["define"]),
    ([MAIL, TAKES_IN], ["define"]),
    ([MAIL, {**MAIL, "state": "absent"}], ["undefine"]),
    ([MAIL, {"xml": XML, "state": "absent"}], ["undefine"]),
    ([{"name": "nobody", "state": "absent"}], []),
    ([{"name": "clean-traffic"}], []),
    ([{"name": "clean-traffic", "filters": ["no-mac-spoofing"]}], ["define"]),
    ([{"name": "no-mac-spoofing", "rules": []}, {"name": "no-mac-spoofing", "state": "absent"}], ["undefine"]),
]


@pytest.mark.parametrize(("runs", "expected"), WAYS)
def test_check_mode_says_what_a_run_does_and_a_second_run_changes_nothing(
    run: Run, node: str, runs: list[dict[str, Any]], expected: list[str]
) -> None:
    for options in runs[:-1]:
        actions(run(filter_module, uri=node, **options))
    before = run(filter_info, uri=node, xml=True)
    foreseen = run(filter_module, uri=node, check=True, diff=True, **runs[-1])
    assert run(filter_info, uri=node, xml=True) == before
    done = run(filter_module, uri=node, diff=True, **runs[-1])
    assert actions(foreseen) == actions(done) == expected
    assert (foreseen["actions"], foreseen["diff"]) == (done["actions"], done["diff"])
    assert done["changed"] is bool(expected)
    if runs[-1]["name" if "name" in runs[-1] else "xml"] != "no-mac-spoofing":
        again = run(filter_module, uri=node, diff=True, **runs[-1])
        assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
        assert again["filter"] == done["filter"]


def test_the_result_and_the_difference_show_the_filter(run: Run, node: str) -> None:
    result = run(filter_module, uri=node, diff=True, **MAIL)
    uuid = result["filter"].pop("uuid")
    assert result["filter"] == {
        "name": "mail",
        "builtin": False,
        "chain": "root",
        "priority": 0,
        "filters": [],
        "rules": 1,
        "users": [],
        "faults": [],
    }
    (part,) = result["diff"]
    assert part["before"] == "" and f"<uuid>{uuid}</uuid>" in part["after"]
    rules = [{**MAIL["rules"][0], "unless": {"dstipaddr": "192.0.2.25"}}]  # type: ignore[index]
    result = run(filter_module, uri=node, diff=True, name="mail", rules=rules)
    assert result["actions"][0]["detail"] == [
        "/filter/rule/tcp[1]/@dstipaddr: new: 192.0.2.25",
        "/filter/rule/tcp[1]/@dstportstart: gone: 25",
        "/filter/rule/tcp[1]/@match: new: no",
        '/filter/rule/tcp[2]: new: <tcp dstportstart="25"/>',
    ]
    assert result["filter"]["uuid"] == uuid


def test_options_say_what_xml_says(run: Run, node: str) -> None:
    rules = [
        {"action": "accept", "direction": "in", "priority": -5, "statematch": False, "protocol": "tcp",
         "comment": "web", "match": {"dstportstart": 80, "state": ["NEW", "ESTABLISHED"]},
         "unless": {"srcipaddr": "$BAD"}},
        {"action": "return", "direction": "out", "protocol": "arp", "match": {"gratuitous": True}},
        {"action": "continue", "direction": "out", "protocol": "arp", "unless": {"opcode": "Request"}},
        {"action": "drop", "direction": "inout", "priority": 1000},
    ]  # fmt: skip
    run(filter_module, uri=node, name="a", chain="arp-x", priority=-450, rules=rules, filters=TAKES_IN["filters"])
    (found,) = run(filter_info, uri=node, name="a", xml=True)["filters"]
    assert found["xml"].splitlines() == [
        '<filter name="a" chain="arp-x" priority="-450">',
        f"  <uuid>{found['uuid']}</uuid>",
        '  <filterref filter="mail"/>',
        '  <filterref filter="clean-traffic">',
        '    <parameter name="IP" value="10.0.0.1"/>',
        '    <parameter name="IP" value="10.0.0.2"/>',
        "  </filterref>",
        '  <rule action="accept" direction="in" priority="-5" statematch="false">',
        '    <tcp match="no" srcipaddr="$BAD"/>',
        '    <tcp state="NEW,ESTABLISHED" dstportstart="80" comment="web"/>',
        "  </rule>",
        '  <rule action="return" direction="out" priority="500">',
        '    <arp gratuitous="true"/>',
        "  </rule>",
        '  <rule action="continue" direction="out" priority="500">',
        '    <arp match="no" opcode="Request"/>',
        "  </rule>",
        '  <rule action="drop" direction="inout" priority="1000"/>',
        "</filter>",
    ]
    assert not run(filter_module, uri=node, xml=found["xml"])["changed"]


DROP = {"action": "drop", "direction": "in"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "a", "xml": XML}, "name is 'a' and the xml says 'mail'"),
    ({"xml": "<filter/>"}, "The xml has no name"),
    ({"xml": XML, "chain": "arp"}, "xml cannot be given together with chain"),
    ({"xml": XML.replace("tcp", "tpc")}, "line 1: <rule> has no <tpc> in it. Did you mean tcp?"),
    ({"name": "a/b", "rules": []}, "must not contain a slash"),
    ({"name": "a", "chain": "ip"}, "<filter chain='ip'> is no chain"),
    ({"name": "a", "chain": "arp", "priority": 2000}, "is not from -1000 to 1000"),
    ({"name": "a", "uuid": "12"}, "'12' is not a uuid"),
    ({"name": "a", "filters": ["a"]}, "filter a refers to itself"),
    ({"name": "a", "filters": [{"parameters": {}}]}, "filters[1] names no filter"),
    ({"name": "a", "filters": [{"name": "b", "values": {}}]}, "filters[1]: values is none of its fields"),
    ({"name": "a", "filters": [{"name": "b", "parameters": {"I P": 1}}]}, "filters[1]: <parameter name='I P'> is not"),
    ({"name": "a", "filters": [{"name": "b", "parameters": {"IP": None}}]}, "filters[1].parameters.IP has no value"),
    ({"name": "a", "filters": [{"name": "b", "parameters": "IP"}]}, "filters[1].parameters: 'IP' is no mapping"),
    ({"name": "a", "rules": [{"action": "drop"}]}, "direction"),
    ({"name": "a", "rules": [{**DROP, "comment": "x"}]}, "rules[1]: comment goes with a protocol"),
    (
        {"name": "a", "rules": [DROP, {**DROP, "protocol": "tpc"}]},
        "rules[2]: there is no protocol 'tpc'. Did you mean tcp?",
    ),
    (
        {"name": "a", "rules": [{**DROP, "protocol": "tcp", "match": {"dstport": 1}}]},
        "rules[1]: <tcp> has no attribute dstport. Did you mean dstportstart?",
    ),
    (
        {"name": "a", "rules": [{**DROP, "protocol": "tcp", "match": {"dstportstart": 70000}}]},
        "rules[1]: <tcp dstportstart='70000'> is not a number from 0 to 65535",
    ),
    ({"name": "a", "rules": [{**DROP, "protocol": "tcp", "match": {"match": "no"}}]}, "'match' is nothing that"),
    ({"name": "a", "rules": [{**DROP, "protocol": "tcp", "match": {"a b": 1}}]}, "'a b' is nothing that"),
    (
        {"name": "a", "rules": [{**DROP, "protocol": "tcp", "match": {"dscp": 1}, "unless": {"dscp": 2}}]},
        "rules[1]: dscp is in match and in unless",
    ),
    (
        {"name": "a", "rules": [{**DROP, "protocol": "tcp", "match": {"dscp": None}}]},
        "rules[1].match.dscp has no value",
    ),
    (
        {"name": "a", "rules": [{**DROP, "protocol": "mac", "match": {"srcmacaddr": 40935876840}}]},
        "Write it in quotes",
    ),
    ({"name": "a", "rules": [{**DROP, "priority": 1001}]}, "rules[1]: <rule priority='1001'> is not from"),
    ({"name": "a\x07", "rules": []}, "control characters"),
    ({"name": "a", "rules": [{**DROP, "protocol": "tcp", "comment": "\x07"}]}, "rules[1].comment holds the character"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
@pytest.mark.parametrize("check", [True, False])
def test_what_is_refused_names_its_place(
    run: Run, node: str, options: dict[str, Any], message: str, check: bool
) -> None:
    result = run(filter_module, uri=node, check=check, **options)
    assert result["failed"] and message in result["msg"], result["msg"]
    assert not Path(node[len("test://") :]).exists()


def test_neither_a_filter_nor_a_definition(run: Run, node: str) -> None:
    result = run(filter_module, uri=node, name="mail")
    assert (result["error"], result["changed"]) == ("NotFound", False)
    assert "give xml, or rules and filters" in result["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_what_is_used_is_not_removed_and_its_users_are_named(run: Run, node: str, check: bool) -> None:
    run(filter_module, uri=node, **MAIL)
    run(filter_module, uri=node, **TAKES_IN)
    for name in ("web1", "db1"):
        with_guest(run, node, name)
    result = run(filter_module, uri=node, name="mail", state="absent", check=check)
    assert (result["error"], result["changed"]) == ("OperationInvalid", False)
    assert result["msg"].startswith(
        "The filter mail is used by the guests db1, web1 and the filter outer, and cannot be absent."
    )
    assert {"kind": "filter", "name": "outer"} in result["details"]["users"]
    (found,) = run(filter_info, uri=node, name="mail")["filters"]
    assert [user["name"] for user in found["users"]] == ["outer", "db1", "web1"]


@pytest.mark.parametrize("check", [True, False])
def test_built_in_filters_stay_and_a_warning_says_so(
    run: Run, node: str, check: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda module, text: said.append(text))
    result = run(filter_module, uri=node, name="clean-traffic", state="absent", check=check)
    assert result["changed"] is False and result["filter"]["builtin"] is True
    assert any("clean-traffic is built in and stays" in text for text in said)


def test_a_definition_under_the_name_of_a_built_in_filter_gives_way_to_it(run: Run, node: str) -> None:
    before = run(filter_info, uri=node, name="no-mac-spoofing", xml=True)["filters"]
    own = run(filter_module, uri=node, name="no-mac-spoofing", rules=[])
    assert own["filter"]["builtin"] is False and own["filter"]["uuid"] == before[0]["uuid"]
    gone = run(filter_module, uri=node, name="no-mac-spoofing", state="absent")
    assert gone["actions"][0]["detail"] == ["the built-in filter is there again"]
    assert run(filter_info, uri=node, name="no-mac-spoofing", xml=True)["filters"] == before


def test_what_is_broken_is_mended_and_said(run: Run, node: str) -> None:
    for options in ({"name": "mail"}, MAIL):
        run(filter_module, uri=node, **MAIL)
        write_fault(node)
        (found,) = run(filter_info, uri=node, name="mail")["filters"]
        assert found["faults"] == [{"what": "table", "detail": "It is missing."}]
        foreseen = run(filter_module, uri=node, check=True, diff=True, **options)
        done = run(filter_module, uri=node, diff=True, **options)
        assert actions(foreseen) == actions(done) == ["mend"]
        assert done["actions"][0]["detail"] == ["table: It is missing."]
        assert done["diff"] == foreseen["diff"] and "table: It is missing." in done["diff"][0]["before"]
        assert done["filter"]["faults"] == []
        assert not run(filter_module, uri=node, **options)["changed"]


def test_a_new_definition_leaves_nothing_to_mend(run: Run, node: str) -> None:
    run(filter_module, uri=node, **MAIL)
    write_fault(node)
    assert actions(run(filter_module, uri=node, name="mail", rules=[])) == ["define"]
    assert not run(filter_module, uri=node, name="mail", rules=[])["changed"]


def test_a_loop_is_named_with_its_way(run: Run, node: str) -> None:
    run(filter_module, uri=node, name="a", filters=["b"])
    run(filter_module, uri=node, name="b", filters=["c"])
    for check in (True, False):
        result = run(filter_module, uri=node, name="c", filters=["a"], check=check)
        assert "c -> a -> b -> c" in result["msg"] and result["details"]["loop"] == ["c", "a", "b", "c"]


def test_a_uuid_of_another_is_refused(run: Run, node: str) -> None:
    uuid = run(filter_module, uri=node, **MAIL)["filter"]["uuid"]
    result = run(filter_module, uri=node, name="b", uuid=uuid, rules=[], check=True)
    assert result["error"] == "AlreadyExists" and "belongs to filter mail" in result["msg"]


def test_what_has_no_effect_is_said(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda module, text: said.append(text))
    run(filter_module, uri=node, name="a", priority=5, filters=["b", "clean-traffic", "c"])
    assert said == [
        "Filter a: filter/@priority, which the root chain has no use for, has no effect.",
        "Filter a refers to b and c: until that is defined, no guest can use a.",
    ]


def test_facts_of_those_that_are_asked_for(run: Run, node: str) -> None:
    run(filter_module, uri=node, **MAIL)
    every = run(filter_info, uri=node)["filters"]
    assert [found["name"] for found in every] == sorted(found["name"] for found in every) and len(every) == 25
    assert [found["name"] for found in run(filter_info, uri=node, builtin=False)["filters"]] == ["mail"]
    assert len(run(filter_info, uri=node, builtin=True)["filters"]) == 24
    uuid = run(filter_info, uri=node, name="mail")["filters"][0]["uuid"]
    result = run(filter_info, uri=node, name=[uuid, "gone", "mail", "allow-arp"], xml=True)
    assert [found["name"] for found in result["filters"]] == ["mail", "allow-arp"]
    assert result["missing"] == ["gone"] and "<arp" not in result["filters"][1]["xml"]
    assert run(filter_info, uri=node, name=[])["filters"] == []
    (found,) = run(filter_info, uri=node, name="no-mac-spoofing")["filters"]
    assert (found["chain"], found["priority"], found["rules"]) == ("mac", -800, 2)
    assert [user["name"] for user in found["users"]] == ["clean-traffic", "clean-traffic-gateway"]


def test_one_that_cannot_be_looked_at_hides_no_other(run: Run, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def faults(_driver: SimulatedFilters, name: str) -> list[Fault]:
        if name == "allow-arp":
            raise HostError("The packet filter says nothing.", hint="Ask it.")
        return []

    monkeypatch.setattr(SimulatedFilters, "nwfilter_faults", faults)
    found = run(filter_info, uri=node)
    assert found["unreadable"] == [{"name": "allow-arp", "error": "The packet filter says nothing.", "hint": "Ask it."}]
    assert len(found["filters"]) == 23
    assert run(filter_info, uri=node, name="allow-arp")["error"] == "HostError"


def _steps(result: dict[str, Any]) -> list[Any]:
    return [each["actions"] for each in result.get("results", [result])]


def test_the_examples_run_and_a_second_run_is_quiet(run: Run, node: str) -> None:
    assert len(EXAMPLES) >= 8
    for options in EXAMPLES:
        foreseen = run(filter_module, uri=node, check=True, **options)
        done = run(filter_module, uri=node, **options)
        assert not done.get("failed"), (options, done["msg"])
        assert _steps(foreseen) == _steps(done)
        assert not run(filter_module, uri=node, **options)["changed"]
    for options in SHOWN:
        result = run(filter_info, uri=node, **options)
        assert not result.get("failed"), (options, result["msg"])
