# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task for many objects: the lists of the modules, run as Ansible runs them, with what the test driver has."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.listed import Many
from ansible_collections.corral.virt.plugins.modules import filter as filter_module
from ansible_collections.corral.virt.plugins.modules import network, pool, secret, vm, vm_info, volume

Run = Callable[..., "dict[str, Any]"]

XML = "<domain type='test'><name>{}</name><memory unit='MiB'>96</memory><os><type>hvm</type></os></domain>"
UUID = "8a8e4c35-6b4b-4d50-8ae0-3a7c5e7d0a01"
BROKEN = {"memory": "64MiB", "disks": [{"path": "/x", "iothread": 9}]}


def actions(result: dict[str, Any]) -> dict[str, list[str]]:
    """What was done with each element."""
    assert not result.get("failed"), result["msg"]
    return {each["name"]: [step["action"] for step in each["actions"]] for each in result["results"]}


def message(result: dict[str, Any]) -> str:
    assert result.get("failed"), result
    return str(result["msg"])


def guests(run: Run, node: str) -> dict[str, dict[str, Any]]:
    return {guest["name"]: guest for guest in run(vm_info, uri=node)["guests"]}


# what stands beside the list


def test_what_stands_beside_the_list_is_for_all_that_do_not_say_it_themselves(run: Run, node: str) -> None:
    wanted = [{"name": "a"}, {"name": "b", "memory": "32MiB", "state": "paused"}, {"name": "c", "autostart": False}]
    result = run(vm, uri=node, state="running", memory="64MiB", autostart=True, guests=wanted)
    assert sorted(actions(result)["a"]) == ["define", "enable_autostart", "start"]
    found = guests(run, node)
    assert {name: (guest["state"], guest["memory_mib"], guest["autostart"]) for name, guest in found.items()} == {
        "a": ("running", 64, True),
        "b": ("paused", 32, True),
        "c": ("running", 64, False),
    }


def test_null_takes_away_what_stands_beside_the_list(run: Run, node: str) -> None:
    wait = {"console": "corral-guest: up"}
    wanted = [{"name": "a"}, {"name": "b", "state": None, "wait_for": None}]
    result = run(vm, uri=node, memory="64MiB", state="running", wait_for=wait, guests=wanted)
    assert actions(result) == {"a": ["define", "start"], "b": ["define"]}


def test_a_definition_in_xml_is_described_by_nothing_else(run: Run, node: str) -> None:
    wanted = [{"name": "a"}, {"xml": XML.format("b")}]
    run(vm, uri=node, state="running", memory="64MiB", title="like all others", guests=wanted)
    found = guests(run, node)
    assert [(name, found[name]["memory_mib"], found[name]["title"]) for name in ("a", "b")] == [
        ("a", 64, "like all others"),
        ("b", 96, None),
    ]


def test_an_element_is_what_the_options_of_one_are(run: Run, node: str, tmp_path: Any) -> None:
    """The same options, in a list and alone, lead to the same definition."""
    interfaces = [{"type": "user", "mac": "52:54:00:aa:bb:cc", "boot_order": 1}]
    options = {"memory": "64MiB", "vcpus": 2, "disks": [{"path": "/d"}], "interfaces": interfaces, "uuid": UUID}
    made = []
    for number, told in enumerate(({"name": "web", **options}, {"guests": [{"name": "web", **options}]})):
        uri = f"test://{tmp_path}/{number}.xml"
        assert run(vm, uri=uri, **told)["changed"]
        made.append(run(vm_info, uri=uri, name="web", xml="inactive")["guests"][0]["xml"])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("module", "beside", "several"),
    [
        (vm, {"name": "a"}, {"guests": [{"name": "b"}]}),
        (vm, {"uuid": UUID}, {"guests": [{"name": "b"}]}),
        (vm, {"renamed_from": "a"}, {"guests": [{"name": "b"}]}),
        (network, {"bridge": "virbr7"}, {"networks": [{"name": "b"}]}),
        (pool, {"xml": "<pool/>"}, {"pools": [{"name": "b"}]}),
        (volume, {"upload_from": "/x"}, {"volumes": [{"name": "b", "pool": "a"}]}),
        (secret, {"usage_id": "a", "usage": "vtpm"}, {"secrets": [{"usage": "vtpm", "usage_id": "b"}]}),
        (filter_module, {"name": "a"}, {"nwfilters": [{"name": "b"}]}),
    ],
)
def test_what_names_one_contradicts_the_list(
    run: Run, node: str, module: ModuleType, beside: dict[str, Any], several: dict[str, Any]
) -> None:
    said = message(run(module, uri=node, **beside, **several))
    (option,) = several
    assert f"{next(iter(beside))} cannot be given together with {option}: it says which" in said


def test_how_many_at_a_time_goes_with_a_list_and_is_at_least_one(run: Run, node: str) -> None:
    assert "guests" in message(run(vm, uri=node, name="a", memory="64MiB", parallel=2))
    assert "parallel: 0 is no number" in message(run(vm, uri=node, guests=[{"name": "a"}], parallel=0))
    assert guests(run, node) == {}


# what is wrong with the task


def test_all_that_is_wrong_with_the_elements_is_said_and_nothing_is_done(run: Run, node: str) -> None:
    wanted: list[dict[str, Any]] = [
        {"name": "fine", "memory": "64MiB"},
        {"name": "a", "memroy": "64MiB"},
        {"name": "b", "disks": [{"pfad": "/x"}]},
        {"memory": "64MiB"},
        {"name": "c", "state": "on fire"},
        {"xml": "<domain"},
        {"name": ".d"},
        {"name": "e", "initrd": "/x"},
    ]
    result = run(vm, uri=node, guests=wanted)
    said = message(result)
    assert said.startswith("Nothing was done, because 7 things in guests cannot be meant:")
    for words in (
        "guests[2] (a): there is no option memroy.",
        "guests[3] (b): there is no option disks.pfad.",
        "guests[4]: one of the following is required: name, xml",
        "guests[5] (c): value of state must be one of",
        "guests[6]: ",
        "guests[7] (.d): ",
        "guests[8] (e): missing parameter(s) required by 'initrd': kernel",
    ):
        assert words in said
    assert len(result["details"]["wrong"]) == 7
    assert guests(run, node) == {}


@pytest.mark.parametrize(
    ("module", "several", "said"),
    [
        (
            vm,
            {"guests": [{"name": "a"}, {"name": "b"}, {"name": "a"}]},
            "guests[1] and guests[3] are both the guest a.",
        ),
        (vm, {"guests": [{"name": "a"}, {"xml": XML.format("a")}]}, "are both the guest a."),
        (
            volume,
            {"pool": "p", "volumes": [{"name": "a"}, {"name": "a", "pool": "q"}, {"name": "a"}]},
            "volumes[1] and volumes[3] are both the volume p/a.",
        ),
        (secret, {"usage": "vtpm", "secrets": [{"usage_id": "a"}, {"usage_id": " a "}]}, "are both the secret vtpm:a."),
        (filter_module, {"nwfilters": [{"name": "a"}, {"xml": "<filter name='a'/>"}]}, "are both the filter a."),
        (network, {"networks": [{"name": "a"}, {"name": "a"}]}, "are both the network a."),
        (pool, {"pools": [{"name": "a"}, {"name": "a"}]}, "are both the pool a."),
    ],
)
def test_two_of_one_name_are_refused(
    run: Run, node: str, module: ModuleType, several: dict[str, Any], said: str
) -> None:
    assert said in message(run(module, uri=node, **several))


NETWORK_XML = "<network><name>{}</name><uuid>{}</uuid></network>"


@pytest.mark.parametrize(
    ("module", "wanted"),
    [
        (vm, {"guests": [{"name": "a", "memory": "64MiB", "uuid": UUID.upper()}, {"xml": XML.format("b")}]}),
        (network, {"networks": [{"xml": NETWORK_XML.format(name, UUID)} for name in ("a", "b")]}),
    ],
)
def test_two_of_one_uuid_are_refused_however_it_is_written(
    run: Run, node: str, module: ModuleType, wanted: dict[str, Any]
) -> None:
    (option,) = wanted
    if module is vm:
        wanted[option][1]["xml"] = wanted[option][1]["xml"].replace("<memory", f"<uuid>{UUID}</uuid><memory")
    assert f"{option}[1] and {option}[2] are both the" in message(run(module, uri=node, **wanted))


def test_a_uuid_that_is_none_is_said_for_its_element(run: Run, node: str) -> None:
    said = message(run(vm, uri=node, memory="64MiB", guests=[{"name": "a", "uuid": "7"}, {"name": "b"}]))
    assert "guests[1] (a): '7' is not a uuid" in said


def test_the_pool_of_a_volume_is_needed_somewhere(run: Run, node: str) -> None:
    assert "pool" in message(run(volume, uri=node, name="a"))
    assert "volumes[1] (a): missing required arguments: pool" in message(run(volume, uri=node, volumes=[{"name": "a"}]))


def test_an_empty_list_is_nothing_to_do(run: Run, node: str) -> None:
    result = run(vm, uri=node, guests=[])
    assert (result["changed"], result["results"]) == (False, [])


# results


def test_one_that_fails_does_not_hide_the_others(run: Run, node: str) -> None:
    wanted = [{"name": "a"}, {"name": "b", **BROKEN}, {"name": "c"}, {"name": "d", **BROKEN}]
    result = run(vm, uri=node, memory="64MiB", state="running", guests=wanted)
    said = message(result)
    assert said.startswith("2 of 4 guests failed.\nb: ") and "\nd: " in said
    assert result["changed"]
    assert [(each["name"], each["failed"], each["changed"]) for each in result["results"]] == [
        ("a", False, True),
        ("b", True, False),
        ("c", False, True),
        ("d", True, False),
    ]
    assert result["results"][1]["msg"] in said
    assert result["results"][1]["error"]
    assert set(guests(run, node)) == {"a", "c"}


def test_a_step_that_was_done_before_an_error_is_a_change(run: Run, node: str) -> None:
    interface = {"type": "network", "network": "gone"}
    run(vm, uri=node, name="a", memory="64MiB", state="running")
    wanted = [{"name": "a", "memory": "64MiB", "interfaces": [interface], "state": "running", "apply": "restart"}]
    result = run(vm, uri=node, guests=wanted)
    assert message(result)
    assert result["changed"] is bool(result["results"][0]["details"].get("done"))


def test_results_are_in_the_order_of_the_list_whoever_is_faster(run: Run, node: str) -> None:
    names = [f"g{number:02}" for number in (7, 3, 9, 1, 12, 4, 0, 8)]
    result = run(vm, uri=node, memory="64MiB", state="running", parallel=8, guests=[{"name": name} for name in names])
    assert list(actions(result)) == names
    found = guests(run, node)
    assert sorted(guest["id"] for guest in found.values()) == list(range(1, 9))
    assert len({guest["uuid"] for guest in found.values()}) == 8


WALK: tuple[dict[str, Any], ...] = (
    {"memory": "64MiB", "guests": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
    {"memory": "64MiB", "guests": [{"name": "a", "state": "running"}, {"name": "b"}]},
    {"state": "running", "guests": [{"name": "a", "memory": "128MiB"}, {"name": "b"}, {"name": "c"}]},
    {"state": "running", "apply": "restart", "guests": [{"name": "a"}, {"name": "b"}]},
    {"state": "absent", "guests": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}]},
)


@pytest.mark.parametrize("parallel", [1, 4])
def test_check_mode_says_what_a_run_does_and_a_second_run_does_nothing(run: Run, node: str, parallel: int) -> None:
    for options in WALK:
        before = run(vm_info, uri=node, xml="inactive")["guests"]
        checked = run(vm, uri=node, check=True, diff=True, parallel=parallel, **options)
        assert run(vm_info, uri=node, xml="inactive")["guests"] == before
        real = run(vm, uri=node, diff=True, parallel=parallel, **options)
        assert real["changed"] and actions(checked) == actions(real)
        assert checked["diff"] == real["diff"]
        again = run(vm, uri=node, diff=True, parallel=parallel, **options)
        assert not again["changed"] and again["diff"] == []


def test_the_difference_is_that_of_all(run: Run, node: str) -> None:
    result = run(vm, uri=node, diff=True, memory="64MiB", guests=[{"name": "b"}, {"name": "a"}])
    assert [part["after_header"] for part in result["diff"]][::2] == ["b (definition)", "a (definition)"]
    assert all("diff" not in each for each in result["results"])


# secrets


def test_no_secret_of_an_element_is_in_a_result_and_nothing_else_is_missing(run: Run, node: str) -> None:
    texts = {"user_data": "#cloud-config\npassword: hush-6\nroot: 1\n"}
    wanted: list[dict[str, Any]] = [
        {"name": "root", "graphics": [{"type": "vnc", "password": "hush-1"}]},
        {"name": "b", "cloud_init": texts},
        {"name": "c", "ignition": {"passwd": "hush-2", "one": 1}},
        {"xml": XML.format("d").replace("</os>", "</os><devices><graphics type='vnc' passwd='hush-3'/></devices>")},
    ]
    beside = {"memory": "64MiB", "graphics": [{"type": "vnc", "password": "hush-4"}]}
    for checking in (True, False):
        result = run(vm, uri=node, check=checking, diff=True, verbosity=3, **beside, guests=wanted)
        assert result["changed"], result
        assert "hush" not in json.dumps(result)
        assert [each["name"] for each in result["results"]] == ["root", "b", "c", "d"]
        told = result["invocation"]["module_args"]["guests"]
        assert [told[1]["cloud_init"], told[2]["ignition"]] == ["(hidden)", "(hidden)"]
        assert told[0]["name"] == "root" and told[0]["graphics"][0]["type"] == "vnc"


def test_no_secret_is_in_the_refusal_of_a_list(run: Run, node: str) -> None:
    wanted = [{"name": "a", "graphics": [{"type": "nothing", "password": "hush-1"}], "xml": "<x passwd='hush-2'"}]
    result = run(vm, uri=node, verbosity=3, guests=wanted)
    assert "guests[1] (a): value of type must be one of" in message(result)
    assert "hush" not in json.dumps(result)


def test_values_of_secrets_are_in_no_result(run: Run, node: str) -> None:
    wanted = [{"usage_id": "a", "value": "hush-1"}, {"usage_id": "b", "value_base64": "aHVzaC0y"}]
    result = run(secret, uri=node, diff=True, verbosity=3, usage="vtpm", private=True, secrets=wanted)
    assert [each["name"] for each in result["results"]] == ["vtpm:a", "vtpm:b"]
    assert message(result).count("has no secret driver") == 2  # the test driver has none
    assert "hush" not in json.dumps(result) and "aHVzaC0y" not in json.dumps(result)


# dependencies, and the other modules


def test_a_name_that_one_gives_up_can_be_taken_by_a_later_one(run: Run, node: str) -> None:
    run(vm, uri=node, name="blue", memory="64MiB", title="first")
    wanted = [{"name": "old", "renamed_from": "blue"}, {"name": "blue", "memory": "96MiB", "uuid": UUID}]
    result = run(vm, uri=node, parallel=8, guests=wanted)
    assert actions(result)["old"] == ["rename"]
    assert {name: guest["title"] for name, guest in guests(run, node).items()} == {"old": "first", "blue": None}


LAYERS: dict[str, Any] = {
    "pool": "images",
    "format": "qcow2",
    "volumes": [
        {"name": "golden", "capacity": "3GiB"},
        {"name": "layer", "backing": "golden"},
        {"name": "by-path", "backing": {"path": "/srv/images/golden"}},
        {"name": "copy", "image": "golden"},
        {"name": "above", "backing": "layer", "capacity": "5GiB"},
    ],
}


@pytest.mark.parametrize("parallel", [None, 8])
def test_a_volume_stands_on_an_earlier_one_of_the_list(run: Run, node: str, parallel: Any) -> None:
    run(pool, uri=node, name="images", type="dir", target="/srv/images", state="active")
    options = {**LAYERS, "parallel": parallel}
    checked = run(volume, uri=node, check=True, diff=True, **options)
    real = run(volume, uri=node, diff=True, **options)
    found = {each["volume"]["name"]: each["volume"] for each in real["results"]}
    assert actions(checked) == actions(real) == {name: ["create"] for name in actions(real)}
    assert checked["diff"] == real["diff"]
    assert found["layer"]["backing"] == {"path": "/srv/images/golden", "format": "qcow2"}
    assert [found[name]["capacity"] >> 30 for name in ("layer", "copy", "above")] == [3, 3, 5]
    assert not run(volume, uri=node, **options)["changed"]


FETCHED: dict[str, Any] = {"url": "https://example.org/a.qcow2", "checksum": f"sha256:{'0' * 64}"}


@pytest.mark.parametrize("module", [volume, vm])
def test_what_stands_on_an_image_that_is_still_to_come_is_foreseen(run: Run, node: str, module: ModuleType) -> None:
    run(pool, uri=node, name="images", type="dir", target="/srv/images", state="active")
    wanted: list[dict[str, Any]] = [
        {"name": "golden", "image": FETCHED, "format": "qcow2"},
        {"name": "layer", "backing": "golden", "format": "qcow2"},
        {"name": "above", "backing": "layer", "format": "qcow2"},
        {"name": "copy", "image": "golden"},
        {"name": "larger", "backing": "golden", "format": "qcow2", "capacity": "9GiB"},
    ]
    options: dict[str, Any] = {"pool": "images", "volumes": wanted}
    if module is vm:
        disks = [
            {**{k: v for k, v in each.items() if k not in ("name", "capacity")}, "volume": each["name"]}
            for each in wanted
        ]
        guests = [{"name": f"g{disk['volume']}", "disks": [{**disk, "pool": "images"}]} for disk in disks]
        options = {"memory": "64MiB", "state": "running", "guests": guests}
    checked = run(module, uri=node, check=True, **options)
    assert actions(checked) == actions(run(module, uri=node, **options))
    assert not run(module, uri=node, **options)["changed"]


def test_a_volume_that_comes_later_is_not_there_yet(run: Run, node: str) -> None:
    run(pool, uri=node, name="images", type="dir", target="/srv/images", state="active")
    backwards = {**LAYERS, "volumes": list(reversed(LAYERS["volumes"][:2]))}
    for checking in (True, False):
        result = run(volume, uri=node, check=checking, **backwards)
        assert message(result).startswith("1 of 2 volumes failed.\nimages/layer: ")


GROWN: tuple[dict[str, Any], ...] = (
    # a layer above a volume of another guest, one that only uses it, and a copy
    {"name": "base", "disks": [{"pool": "images", "volume": "golden", "size": "3GiB", "format": "qcow2"}]},
    {"name": "layer", "disks": [{"pool": "images", "backing": "golden", "format": "qcow2"}]},
    {"name": "user", "disks": [{"pool": "images", "volume": "golden", "shareable": True}]},
    {"name": "copy", "disks": [{"pool": "images", "image": "golden"}]},
    {"name": "above", "disks": [{"pool": "images", "backing": "layer-vda", "format": "qcow2"}]},
    {"name": "same", "disks": [{"pool": "images", "volume": "golden", "size": "3GiB", "format": "qcow2"}]},
)


@pytest.mark.parametrize("state", ["present", "running"])
def test_the_disk_of_a_guest_stands_on_that_of_an_earlier_one(run: Run, node: str, state: str) -> None:
    run(pool, uri=node, name="images", type="dir", target="/srv/images", state="active")
    options = {"memory": "64MiB", "state": state, "parallel": 8, "guests": list(GROWN)}
    checked = run(vm, uri=node, check=True, diff=True, **options)
    real = run(vm, uri=node, diff=True, **options)
    assert actions(checked) == actions(real)
    assert actions(real)["above"][:2] == ["define", "create_volume"]
    assert actions(real)["same"][:2] == (["define"] if state == "present" else ["define", "start"])
    assert checked["diff"] == real["diff"]
    assert not run(vm, uri=node, **options)["changed"]


def test_subnets_and_bridges_that_are_open_are_foreseen_one_after_the_other(run: Run, node: str) -> None:
    wanted = [{"name": "front", "forward": "nat"}, {"name": "back"}, {"name": "side", "ips": []}]
    options = {"state": "active", "ips": [{"family": "ipv4"}, {"family": "ipv6"}], "networks": wanted}
    checked = run(network, uri=node, check=True, diff=True, **options)
    real = run(network, uri=node, diff=True, **options)
    assert actions(checked) == actions(real) and checked["diff"] == real["diff"]
    assert not run(network, uri=node, **options)["changed"]
    # what is removed gives up its bridge to a later one, in a check as in a run
    swapped = {"networks": [{"name": "front", "state": "absent"}, {"name": "heir", "bridge": "virbr0"}]}
    bridge = run(network, uri=node, check=True, **swapped)
    assert actions(bridge) == actions(run(network, uri=node, **swapped))


def test_two_pools_on_one_source_are_refused_in_a_check_too(run: Run, node: str) -> None:
    wanted = [{"name": "a"}, {"name": "b"}]
    for checking in (True, False):
        result = run(pool, uri=node, check=checking, type="dir", target="/srv/x", state="active", pools=wanted)
        assert message(result).startswith("1 of 2 pools failed.\nb: The pool a has the directory /srv/x already.")
    moved = [{"name": "a", "state": "absent"}, {"name": "b", "type": "dir", "target": "/srv/x"}]
    checked = run(pool, uri=node, check=True, pools=moved)
    assert actions(checked) == actions(run(pool, uri=node, pools=moved))


def test_networks_and_pools_in_one_task_each(run: Run, node: str) -> None:
    networks = [{"name": "front", "forward": "nat"}, {"name": "back"}, {"name": "old", "state": "absent"}]
    for module, several in (
        (network, {"state": "active", "ips": [{"family": "ipv4"}], "networks": networks}),
        (pool, {"type": "dir", "state": "active", "pools": [{"name": n, "target": f"/srv/{n}"} for n in ("a", "b")]}),
    ):
        first = run(module, uri=node, autostart=True, **several)
        assert actions(first) and first["changed"]
        assert not run(module, uri=node, autostart=True, **several)["changed"]


def test_a_filter_may_refer_to_an_earlier_one_of_the_list(run: Run, node: str) -> None:
    rule = {"action": "drop", "direction": "out", "protocol": "tcp", "match": {"dstportstart": 25}}
    wanted = [{"name": "no-mail", "rules": [rule]}, {"name": "office", "filters": ["clean-traffic", "no-mail"]}]
    for checking in (True, False):
        result = run(filter_module, uri=node, check=checking, nwfilters=wanted)
        assert actions(result) == {"no-mail": ["define"], "office": ["define"]}
        assert not [text for text in result.get("warnings", []) if "no-mail" in text]
    assert not run(filter_module, uri=node, nwfilters=wanted)["changed"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (vm, "GUESTS"),
        (network, "NETWORKS"),
        (pool, "POOLS"),
        (volume, "VOLUMES"),
        (secret, "SECRETS"),
        (filter_module, "FILTERS"),
    ],
)
def test_a_row_names_options_of_its_module(module: ModuleType, name: str) -> None:
    many: Many = getattr(module, name)
    options = {**module.STATE.options}
    for part in vars(module).values():
        options.update(getattr(part, "options", {}) if type(part).__name__ == "Spec" else {})
    assert set(many.single) | set(many.defining) <= set(options)
    assert many.option not in options
