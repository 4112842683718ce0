# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest reads at its first boot: checked, made once, kept to root, gone with the guest, never shown."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
import yaml

from ansible_collections.corral.virt.plugins.module_utils.converge.options.seed import wanted_seed
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, OperationFailed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.plugin_utils.seed_texts import complaint
from ansible_collections.corral.virt.tests.unit.converge.guest_run import GUEST, actions, converge
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import RUNNER, GuestHost, driver_on

SEED = "/var/lib/corral/seeds/a.iso"
IGNITION = "/var/lib/corral/seeds/a.ign"
SECRET = "correct horse"
CLOUD: dict[str, Any] = {"user_data": {"password": SECRET, "users": [{"name": "root"}]}}
OTHER: dict[str, Any] = {"user_data": "#cloud-config\npassword: other\n"}


def files(data: dict[str, Any]) -> dict[str, str]:
    """The files of a volume with these options."""
    seed = wanted_seed({"cloud_init": data})
    assert seed is not None
    return dict(seed.files)


def run(host: GuestHost, check: bool = False, **options: Any) -> dict[str, Any]:
    return converge(host, check=check, **{**GUEST, "cloud_init": CLOUD, **options})


# what is written


def test_a_mapping_becomes_a_cloud_config() -> None:
    data = {"runcmd": ["a: b", "\x7f\u2028 \U0001f600 'x' \"y\" # z"], "n": 1, "on": True, "none": None}
    text = files({"user_data": data, "meta_data": data, "network_config": {"version": 2, **data}})
    assert text["user-data"].startswith("#cloud-config\n")
    assert yaml.safe_load(text["user-data"]) == yaml.safe_load(text["meta-data"]) == data
    assert yaml.safe_load(text["network-config"]) == {"version": 2, **data}


def test_a_text_stays_as_it_is_and_what_is_missing_is_empty() -> None:
    assert files({"user_data": "#!/bin/sh\ntrue"}) == {"user-data": "#!/bin/sh\ntrue", "meta-data": ""}
    assert files({"vendor_data": "#cloud-config\n{}"})["vendor-data"] == "#cloud-config\n{}"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"user_data": f"password: {SECRET}"}, "user_data: its first line does not say"),
        ({"user_data": [SECRET]}, "user_data: it is neither a text nor a mapping"),
        ({"user_data": f"#cloud-config\n{SECRET}\0"}, "user_data"),
        ({"user_data": {"a": float("nan")}}, "user_data: it holds a value that cannot be written"),
        ({"vendor_data": SECRET}, "vendor_data: its first line does not say"),
        ({"meta_data": "{" + SECRET}, "meta_data: it is no JSON"),
        ({"network_config": {"ethernets": SECRET}}, "network_config: it has no version"),
        ({"network_config": {"version": SECRET}}, "network_config: its version is neither 1 nor 2"),
        ({"user_data": "#!" + "x" * (8 << 20)}, "cloud_init: it takes more than 8 MiB"),
    ],
)
def test_what_makes_no_sense_is_refused_without_repeating_it(data: dict[str, Any], words: str) -> None:
    host = GuestHost()
    before = deepcopy(host.files)
    with pytest.raises(InvalidArgument, match=words) as caught:
        run(host, cloud_init=data)
    assert SECRET not in str(caught.value)
    assert {path for path in host.files if "seeds/" in path} == {path for path in before if "seeds/" in path}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", "ignition: it is no JSON"),
        ("[]", "ignition: it is no JSON"),
        ({"storage": {}}, "does not say its version"),
        ({"ignition": {"version": 3}}, "does not say its version"),
        (7, "neither a text nor a mapping"),
    ],
)
def test_ignition_has_to_be_one(value: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        wanted_seed({"ignition": value})
    with pytest.raises(InvalidArgument, match="contradict each other"):
        wanted_seed({"ignition": {"ignition": {"version": "3.4.0"}}, "cloud_init": {}})


@pytest.mark.parametrize(
    ("cloud", "words"),
    [
        ({"user_data": f"#cloud-config\na: [{SECRET}\nb: c"}, "cloud_init.user_data: it is no YAML, see its line 3."),
        ({"user_data": "#cloud-config\n- a"}, "cloud_init.user_data: it is YAML, but no mapping"),
        ({"meta_data": "a: b: c"}, "cloud_init.meta_data: it is no YAML"),
        ({"network_config": "ethernets: {}"}, "cloud_init.network_config: it has no version"),
    ],
)
def test_the_action_parses_what_is_yaml(cloud: dict[str, Any], words: str) -> None:
    for arguments, where in (
        ({"cloud_init": cloud}, ""),
        ({"guests": [{"name": "a"}, {"name": "b", "cloud_init": cloud}]}, "guests[2]."),
    ):
        found = complaint(arguments)
        assert found is not None and found.startswith(where + words) and SECRET not in found


@pytest.mark.parametrize(
    "cloud",
    [
        {"user_data": "#!/bin/sh\n: {"},
        {"user_data": "#cloud-config\n"},
        {"user_data": {"a": 1}, "network_config": "network: {version: 2}"},
        "{{ nothing }}",
        None,
    ],
)
def test_the_action_leaves_the_rest_alone(cloud: Any) -> None:
    assert complaint({"cloud_init": cloud}) is None
    assert complaint({"guests": [{"cloud_init": cloud}, "{{ nothing }}", None]}) is None
    assert complaint({"guests": "{{ guests }}"}) is None


# its life


def test_it_is_made_once_and_kept_to_root() -> None:
    host = GuestHost()
    checked = run(host, check=True)
    assert actions(checked) == ["define", "write_seed"] and SEED not in host.files
    first = run(host)
    assert actions(first) == ["define", "write_seed"]
    kept = host.files[SEED]
    assert (kept.mode, kept.owner) == (0o600, (0, 0)) and SECRET.encode() in kept.data
    assert host.files["/var/lib/corral/seeds"].mode & 0o066 == 0
    assert not run(host)["changed"] and not run(host, check=True)["changed"]
    said = json.dumps([first, checked]) + host.files["/etc/corral/domains/a.xml"].data.decode()
    assert SECRET not in said


def test_it_is_qemus_while_the_guest_runs() -> None:
    host = GuestHost()
    run(host, state="running")
    assert (host.files[SEED].owner, host.files[SEED].mode) == (RUNNER, 0o600)
    assert not run(host, state="running")["changed"]
    run(host, state="stopped", timeout=0, force=True)
    assert host.files[SEED].owner == (0, 0)


def test_another_content_waits_for_the_next_start() -> None:
    host = GuestHost()
    run(host, state="running")
    before = host.files[SEED].data
    checked, changed = run(host, check=True, cloud_init=OTHER), run(host, cloud_init=OTHER)
    assert checked["actions"] == changed["actions"]
    assert [(step["action"], step["effect"]) for step in changed["actions"]] == [
        ("define", "next_boot"),
        ("write_seed", "next_boot"),
    ]
    assert len(changed["pending"]) == 1 and changed["restart_required"]
    assert host.files[SEED].data != before and host.files[SEED].owner == (0, 0)
    again = run(host, cloud_init=OTHER)
    assert not again["changed"] and again["restart_required"]
    restarted = run(host, cloud_init=OTHER, apply="restart", timeout=0, force=True)
    assert actions(restarted) == ["destroy", "start"] and not restarted["pending"]
    assert host.files[SEED].owner == RUNNER


def test_what_was_removed_by_hand_is_made_again() -> None:
    host = GuestHost()
    run(host)
    host.remove(SEED)
    with pytest.raises(OperationFailed, match="does not exist"):
        driver_on(host).start_domain("a")
    assert actions(run(host)) == ["write_seed"]
    assert driver_on(host).start_domain("a").active


def test_it_goes_with_the_guest_and_with_the_option() -> None:
    host = GuestHost()
    run(host)
    assert actions(run(host, cloud_init=None)) == ["define"]
    assert SEED not in host.files and "seed" not in host.files["/etc/corral/domains/a.xml"].data.decode()
    run(host, state="running")
    gone = converge(host, name="a", state="absent", timeout=0, force=True)
    assert gone["actions"][-1]["detail"] == [f"deletes {SEED}"]
    assert SEED not in host.files


def test_ignition_is_a_file_that_qemu_passes_on() -> None:
    host = GuestHost()
    wanted = {"ignition": {"version": "3.4.0"}, "passwd": {"users": [{"passwordHash": SECRET}]}}
    run(host, cloud_init=None, ignition=wanted, fw_cfg=[{"name": "opt/a", "value": "b"}], state="running")
    assert json.loads(host.files[IGNITION].data) == wanted
    assert (host.files[IGNITION].owner, host.files[IGNITION].mode) == (RUNNER, 0o600)
    argv = " ".join(host.guests["a"].process.command.argv)  # type: ignore[union-attr]
    assert f"name=opt/com.coreos/config,file={IGNITION}" in argv and SECRET not in argv
    run(host, timeout=0, force=True, state="stopped")
    assert IGNITION not in host.files and SEED in host.files


def test_a_transient_guest_leaves_nothing() -> None:
    host = GuestHost()
    made = run(host, state="running", transient=True)
    assert actions(made) == ["write_seed", "create"]
    assert not run(host, state="running", transient=True)["changed"]
    converge(host, name="a", state="absent", timeout=0, force=True)
    assert SEED not in host.files


def test_it_follows_a_new_name_and_the_instance_stays() -> None:
    host = GuestHost()
    run(host)
    before = host.files[SEED].data
    renamed = run(host, name="b", renamed_from="a")
    assert actions(renamed) == ["rename"]
    assert SEED not in host.files and host.files["/var/lib/corral/seeds/b.iso"].data == before
    assert not run(host, name="b", renamed_from="a")["changed"]


def test_an_instance_id_of_the_users_own() -> None:
    host = GuestHost()
    for meta, said in (
        ({"instance-id": "mine"}, b'"instance-id": "mine"'),
        ("local-hostname: x", b"instance-id: iid-"),
        ("instance-id: mine\n", b"instance-id: mine"),
        ('{"local-hostname": "x"}', b'"instance-id": "iid-'),
    ):
        run(host, cloud_init={**CLOUD, "meta_data": meta})
        data = host.files[SEED].data
        assert said in data and data.count(b"instance-id") == 1


def test_other_guests_and_hosts_have_other_instances() -> None:
    host, other = GuestHost(), GuestHost()
    run(host)
    run(host, name="b", disks=[])
    other.add_file("/etc/machine-id", b"0123456789abcdef0123456789abcdef\n")
    seeds = {host.files[SEED].data, host.files["/var/lib/corral/seeds/b.iso"].data}
    assert len(seeds) == 2


def test_a_run_that_is_killed_anywhere_is_completed_by_the_next() -> None:
    prepared = GuestHost()
    run(prepared)
    number, left = 0, True
    while left:
        number += 1
        host = deepcopy(prepared)
        host.kill_at(number)
        with suppress(Killed):
            run(host, state="running", cloud_init=OTHER)
            left = False
        host.revive()
        run(host, state="running", cloud_init=OTHER)
        assert not run(host, state="running", cloud_init=OTHER)["changed"]
        assert host.files[SEED].owner == RUNNER and SECRET.encode() not in host.files[SEED].data
    assert number > 10


def test_the_test_driver_takes_it() -> None:
    host = GuestHost()
    uri = "test:///tmp/lab.xml"
    assert actions(run(host, uri=uri)) == ["define", "write_seed"]
    assert not run(host, uri=uri)["changed"]
    assert actions(run(host, uri=uri, cloud_init=OTHER)) == ["define", "write_seed"]
    assert not run(host, uri=uri, cloud_init=OTHER, name="b", renamed_from="a")["actions"][1:]
    assert not run(host, uri=uri, cloud_init=OTHER, name="b")["changed"]
