# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin: what it makes of the answers of hosts."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Iterable, Mapping, Optional

import pytest
from ansible.errors import AnsibleError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

from ansible_collections.corral.virt.plugins.inventory import guests as module
from ansible_collections.corral.virt.plugins.plugin_utils.asking import Answers, Question

NAME = "corral.virt.guests"
Inventory = Callable[..., InventoryData]


class Fleet:
    """Two hosts that have a web1 each; hv2 has db1 as well. ``silent`` ones do not answer."""

    silent: tuple[str, ...] = ()
    damaged: tuple[Mapping[str, Any], ...] = ()
    asked: tuple[tuple[list[str], Question], ...] = ()
    reached: Mapping[str, dict[str, Any]] = MappingProxyType({})

    def __init__(self, inventory: Any, loader: Any, path: str) -> None:
        self.inventory = inventory

    def hosts(self, pattern: str) -> list[str]:
        return ["hv1", "hv2"]

    def variables(self, host: str) -> dict[str, Any]:
        return self.reached.get(host, {})

    def ask(self, hosts: Iterable[str], question: Question) -> Answers:
        Fleet.asked += ((list(hosts), question),)
        rows = {"hv1": [row("web1", "192.0.2.1")], "hv2": [row("web1", "192.0.2.2", "2001:db8::2"), row("db1")]}
        said = {"uri": "qemu:///system", "unreadable": list(self.damaged)}
        found = {host: [{**said, "guests": rows[host]}] for host in hosts if host not in self.silent}
        return Answers(found, [(host, "it is off") for host in hosts if host in self.silent])


def row(name: str, *addresses: str) -> dict[str, Any]:
    rest = {"state": "running", "active": True, "tags": ["web"], "title": "{{ 1 + 1 }}", "memory_mib": 512}
    return {"name": name, "uuid": f"uuid-of-{name}", "interfaces": [{"addresses": list(addresses)}], **rest}


@pytest.fixture
def warnings() -> list[str]:
    """What is warned of."""
    return []


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> Inventory:
    """Reads a file of these options; hv1, hv2 and other are in the inventory before."""
    monkeypatch.setattr(module, "Fleet", Fleet)
    monkeypatch.setattr(Fleet, "asked", ())
    path = tmp_path / "corral_guests.yml"

    def read(before: Optional[Iterable[str]] = None, **options: Any) -> InventoryData:
        path.write_text(json.dumps({"plugin": NAME, "hosts": "hv*", **options}))
        data = InventoryData()
        for name in before or ("hv1", "hv2", "other"):
            data.add_host(name)
        plugin = inventory_loader.get(NAME)
        monkeypatch.setattr(plugin.display, "warning", lambda text, **_more: warnings.append(str(text)))
        plugin.parse(data, DataLoader(), str(path))
        if options.get("cache"):
            plugin.update_cache_if_changed()
        data.reconcile_inventory()
        return data

    return read


@pytest.mark.parametrize(
    ("name", "ours"),
    [("corral_guests.yml", True), ("x.corral_guests.yaml", True), ("guests.yml", False), ("corral_guests.json", False)],
)
def test_files_are_known_by_their_names(tmp_path: Path, name: str, ours: bool) -> None:
    (tmp_path / name).write_text("plugin: x")
    assert inventory_loader.get(NAME).verify_file(str(tmp_path / name)) is ours


def test_guests_are_hosts_with_variables(inventory: Inventory, warnings: list[str]) -> None:
    hosts = inventory().hosts
    assert sorted(hosts) == ["db1", "hv1", "hv2", "other", "web1.hv1", "web1.hv2"]
    found = hosts["web1.hv2"].vars
    assert found["corral_host"] == "hv2" and found["corral_state"] == "running" and found["corral_tags"] == ["web"]
    assert found["corral_addresses"] == ["192.0.2.2", "2001:db8::2"] and found["ansible_host"] == "192.0.2.2"
    assert "ansible_connection" not in found and "ansible_host" not in hosts["db1"].vars
    assert len(warnings) == 1 and "web1 of hv1 as web1.hv1, web1 of hv2 as web1.hv2" in warnings[0]


def test_names_groups_and_filters_are_expressions(inventory: Inventory, warnings: list[str]) -> None:
    found = inventory(
        hostname="corral_name ~ '.' ~ corral_host",
        filter="corral_name == 'web1'",
        groups={"small": "corral_memory_mib < 1024"},
        keyed_groups=[{"key": "corral_tags", "prefix": "tag"}],
        compose={"double": "corral_memory_mib * 2"},
        vars_prefix="corral_",
    )
    assert sorted(found.hosts) == ["hv1", "hv2", "other", "web1.hv1", "web1.hv2"] and not warnings
    groups = found.get_groups_dict()
    assert sorted(groups["small"]) == sorted(groups["tag_web"]) == ["web1.hv1", "web1.hv2"]
    assert found.hosts["web1.hv1"].vars["double"] == 1024


@pytest.mark.parametrize("option", ["filter", "hostname"])
def test_an_expression_that_fails_is_an_error(inventory: Inventory, option: str) -> None:
    with pytest.raises(AnsibleError, match=f"{option}: .*for guest web1 of hv1"):
        inventory(**{option: "nothing.of_that_name"})


def test_guests_take_over_other_hosts_only_when_that_is_wanted(inventory: Inventory) -> None:
    before = ("hv1", "hv2", "db1")
    assert "db1.hv2" in inventory(before).hosts
    merged = inventory(before, merge=True).hosts
    assert "db1.hv2" not in merged and merged["db1"].vars["corral_host"] == "hv2"
    assert "hv1.hv2" in inventory(before, merge=True, hostname="'hv1' if corral_name == 'db1' else corral_name").hosts


def test_which_addresses(inventory: Inventory) -> None:
    assert inventory(use_addresses=["ipv6"]).hosts["web1.hv2"].vars["ansible_host"] == "2001:db8::2"
    assert "ansible_host" not in inventory(use_addresses=["10.0.0.0/8"]).hosts["web1.hv2"].vars
    with pytest.raises(AnsibleError, match="use_addresses: 'x' is neither"):
        inventory(use_addresses=["x"])


def test_a_host_that_is_silent_hides_no_other(
    inventory: Inventory, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fleet, "silent", ("hv1",))
    assert {"web1", "db1"} <= set(inventory().hosts)
    assert warnings == ["Guests of hv1 are missing in the inventory: it is off"]


def test_how_hosts_are_asked(inventory: Inventory) -> None:
    inventory(uris=["a", "b"], ask_agents=True, become=True, timeout=9, forks=3)
    ((hosts, question),) = Fleet.asked
    assert hosts == ["hv1", "hv2"] and question == Question(["a", "b"], agents=True, become=True, timeout=9, forks=3)
    first, second = question.tasks()
    assert first["args"] == {"gather": ["agent"], "uri": "a"} and second["name"] == "1" and first["become"] is True
    assert Question([None]).tasks()[0]["args"] == {"gather": []}


def test_a_guest_that_cannot_be_looked_at_hides_no_other(
    inventory: Inventory, warnings: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is named for each host, also where the answer was kept; of many some are named."""
    damaged = tuple({"name": f"bad{number}", "error": "It is cut.", "hint": "Mend it."} for number in range(10))
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    for rows, shown in (
        (damaged[:1], "bad0 (It is cut. Mend it.)"),
        (damaged, "bad7 (It is cut. Mend it.) and 2 more"),
    ):
        monkeypatch.setattr(Fleet, "damaged", rows)
        for options in ({}, cache, cache):
            warnings.clear()
            assert "db1" in inventory(**options, filter="corral_name == 'db1'").hosts
            assert [text.partition(" are missing")[0] for text in warnings] == ["Guests of hv1", "Guests of hv2"]
            assert all(shown in text for text in warnings) or options
        (tmp_path / "cache").mkdir(exist_ok=True)
        for kept in (tmp_path / "cache").iterdir():
            kept.unlink()


def test_answers_are_kept_and_failures_are_not(
    inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(tmp_path / "cache")}
    monkeypatch.setattr(Fleet, "silent", ("hv1",))
    inventory(None, **kept)
    monkeypatch.setattr(Fleet, "silent", ())
    again = inventory(None, **kept).hosts
    assert {"web1.hv1", "web1.hv2", "db1"} <= set(again)
    assert again["web1.hv2"].vars["corral_addresses"] == ["192.0.2.2", "2001:db8::2"]
    inventory(None, **kept)
    inventory(None, **kept, ask_agents=True)  # which is another question
    asked = [hosts for hosts, _question in Fleet.asked]
    assert asked == [["hv1", "hv2"], ["hv1"], [], ["hv1", "hv2"]]


def test_guests_are_reached_by_their_agents(inventory: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = {"hv1": {"ansible_connection": "ssh", "ansible_user": "admin"}, "hv2": {"ansible_connection": "local"}}
    monkeypatch.setattr(Fleet, "reached", reached)
    hosts = inventory(connection="guest_agent").hosts
    found = hosts["web1.hv1"].vars
    assert found["ansible_connection"] == "corral.virt.guest_agent"
    assert found["ansible_guest_agent_uri"] == "qemu:///system"
    assert found["ansible_guest_agent_guest"] == "uuid-of-web1"
    assert found["ansible_guest_agent_via"] == {
        "ansible_connection": '{{ hostvars["hv1"].ansible_connection }}',
        "ansible_host": '{{ hostvars["hv1"].ansible_host | default("hv1") }}',
        "ansible_user": '{{ hostvars["hv1"].ansible_user }}',
    }
    assert hosts["web1.hv2"].vars["ansible_guest_agent_via"] == {}
    assert inventory(connection="guest_agent", become=True).hosts["db1"].vars["ansible_guest_agent_via"] == {
        "ansible_become": True,
        "ansible_connection": '{{ hostvars["hv2"].ansible_connection }}',
        "ansible_host": '{{ hostvars["hv2"].ansible_host | default("hv2") }}',
    }


def test_what_guests_say_is_no_template(inventory: Inventory) -> None:
    found = inventory(compose={"shown": "corral_title"}).hosts["db1"].vars
    assert found["corral_title"] == found["shown"] == "{{ 1 + 1 }}"


@pytest.mark.parametrize(
    "text", ["{{ 1 }}", "{% raw %}", "{# x #}", "#jinja2: variable_start_string:'[['", "a{{", "x\n{"]
)
def test_what_might_be_a_template_is_marked(text: str) -> None:
    assert module.HARMLESS.fullmatch(text) is None
    assert module.as_data({"a": [text, "plain", 5, None]}) == {"a": [text, "plain", 5, None]}
