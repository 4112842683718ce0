# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role site and the playbooks for hosts that have guests already: report, rolling, drain."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECAP = re.compile(r"^(\S+) +: ok=\d+ +changed=(\d+)", re.MULTILINE)
CHANGED = re.compile(r"^changed: \[", re.MULTILINE)
LOCAL = {
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    **{f"{playbook}_become": False for playbook in ("site", "report", "rolling", "drain")},
}


class Fleet:
    """Hosts that are connections of this machine, and the playbooks of the collection run on them."""

    def __init__(self, folder: Path, **uris: str) -> None:
        names = ("site_uri", "report_uri", "rolling_uri", "drain_uri")
        self.folder = folder
        self.hosts: dict[str, dict[str, Any]] = {host: dict.fromkeys(names, uri) for host, uri in uris.items()}

    def play(self, playbook: str, *words: str, fails: bool = False, **variables: Any) -> str:
        """Run a playbook, and return what it said."""
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": LOCAL}}))
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [program, "-i", inventory, f"playbooks/{playbook}.yml", "-e", json.dumps(variables), *words]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert bool(done.returncode) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def changed(self, playbook: str, *words: str, **variables: Any) -> dict[str, int]:
        """Run a playbook, and return how many tasks changed something, by hosts."""
        said = self.play(playbook, *words, **variables)
        return {host: int(count) for host, count in RECAP.findall(said) if host in self.hosts}

    def report(self, *words: str) -> dict[str, dict[str, Any]]:
        """What the report writes down, by hosts."""
        path = self.folder / "report.json"
        self.said = self.play("report", *words, report_file=str(path))
        whole: dict[str, dict[str, Any]] = json.loads(path.read_text())
        return whole


def flat(said: str) -> str:
    """What was said, however its lines were broken."""
    return " ".join(said.split())


def names(found: list[dict[str, Any]]) -> list[str]:
    """The names of objects."""
    return [each["name"] for each in found]


def declared(folder: Path) -> dict[str, Any]:
    """What a host is to have: a guest on a network and a disk that are not there yet, and more to be removed later."""
    return {
        "site_filters": [
            {"name": "inner", "rules": [{"action": "accept", "direction": "inout"}]},
            {"name": "outer", "filters": ["inner"]},
            {"name": "used", "filters": ["clean-traffic"]},
        ],
        "site_networks": [
            {"name": "default", "forward": "nat", "ips": [{"address": "10.9.0.1/24"}]},
            {"name": "lab", "ips": [{"address": "10.9.1.1/24"}]},
            {"name": "spare", "ips": [{"address": "10.9.2.1/24"}]},
        ],
        "site_pools": [{"name": "images", "target": str(folder / "images")}, {"name": "more", "target": "/srv/more"}],
        "site_volumes": [{"pool": "images", "name": "web1.raw", "format": "raw", "capacity": "1MiB"}],
        "site_guests": [
            {
                "name": "web1",
                "memory": "64MiB",
                "interfaces": [{"network": "lab", "filter": "used"}],
                "disks": [{"pool": "images", "volume": "web1.raw"}],
            },
            {"name": "web2", "memory": "64MiB", "interfaces": [{"network": "spare"}]},
            {"name": "old", "memory": "64MiB", "interfaces": [{"network": "spare", "filter": "outer"}]},
        ],
    }


def test_from_nothing_to_less(tmp_path: Path) -> None:
    """Hosts are made so, left so, purged, looked at, mended guest by guest, drained, and started again."""
    fleet = Fleet(tmp_path, node1=f"test://{tmp_path}/node1.xml", node2=f"test://{tmp_path}/node2.xml")
    less = fleet.hosts["node1"]
    less.update(declared(tmp_path), drain_file=str(tmp_path / "drained.json"))
    fleet.hosts["node2"].update(site_guests=[{"name": "alone", "memory": "64MiB"}])
    checked = fleet.play("site", "--check")
    assert "There is no network named" in checked, checked
    assert not list(tmp_path.glob("node*.xml"))
    assert fleet.changed("site") == {"node1": 5, "node2": 1}
    assert fleet.changed("site") == {"node1": 0, "node2": 0}
    for kind, left in (("filters", 0), ("networks", 0), ("pools", 1), ("guests", 2)):
        less[f"site_{kind}"] = less[f"site_{kind}"][:left]
    for guest in less["site_guests"]:
        guest["memory"] = "128MiB"
    plan = fleet.play("site", "--check", "--limit", "node1", site_purge=True)
    gone, kept = ["guest old", "pool more", "filter outer", "filter inner"], ["network lab", "network spare"]
    for line in (*gone, *kept, "filter used"):
        assert f'"{line}"' in plan, (line, plan)
    assert "network default" not in plan and "guest web" not in plan
    fleet.play("site", "--limit", "node1", site_purge=True)
    found = fleet.report()
    assert names(found["node1"]["guests"]) == ["web1", "web2"]
    assert names(found["node1"]["networks"]) == ["default", "lab", "spare"]
    assert (names(found["node1"]["pools"]), names(found["node1"]["filters"])) == (["images"], ["used"])
    assert names(found["node2"]["guests"]) == ["alone"]
    assert [bool(guest["pending"]) for guest in found["node1"]["guests"]] == [True, True]
    assert "guests: 2, active 2" in fleet.said and "faults: none" in fleet.said, fleet.said
    ill = fleet.play("rolling", fails=True, rolling_wait_for={"host": "127.0.0.1", "port": 1, "timeout": 1})
    assert "TASK [Look again" not in ill and "Look for guests] ***\nok: [node2]" not in ill, ill
    assert "Ill: web1 on node1. Left alone with something pending: web2 on node1." in flat(ill), ill
    assert fleet.changed("rolling") == {"node1": 1, "node2": 0}
    assert fleet.changed("drain", drain_hosts="node1") == {"node1": 2}
    drained = fleet.report("--limit", "node1")
    assert [guest["active"] for guest in drained["node1"]["guests"]] == [False, False]
    assert [guest["pending"] for guest in drained["node1"]["guests"]] == [[], []]
    assert "guest web1: it is to start with the host, and is off" in drained["node1"]["faults"]
    assert fleet.changed("drain", drain_hosts="node1", drain_undo=True) == {"node1": 2}
    assert not (tmp_path / "drained.json").exists()


def rolled(said: str) -> str:
    """What rolling says of its outcome, between the ill and what it left alone."""
    found = re.search(r"Ill: (.*?)\. Left alone with something pending: (.*?)\.(?: |\"|$)", flat(said))
    assert found, said
    return f"{found[1]} / {found[2]}"


def test_some_guests_may_be_ill(tmp_path: Path) -> None:
    """Rolling goes on behind as many ill guests as it may, stops at one more, and fails in the end in any case."""
    fleet = Fleet(tmp_path, **{f"node{number}": f"test://{tmp_path}/node{number}.xml" for number in (1, 2)})
    for memory in ("64MiB", "128MiB"):
        for number, host in enumerate(fleet.hosts.values(), 1):
            host["site_guests"] = [{"name": f"{letter}{number}", "memory": memory} for letter in "ab"]
        fleet.play("site")
    never = {"host": "127.0.0.1", "port": 1, "timeout": 1}
    ill = {"rolling_health": {"a1": never, "b1": never}}
    assert "rolling_max_ill is a number of guests" in flat(fleet.play("rolling", fails=True, rolling_max_ill="few"))
    # one of four may be, and the second is one too many
    assert rolled(fleet.play("rolling", fails=True, rolling_max_ill="25%", **ill)) == (
        "a1 on node1, b1 on node1 / a2 on node2, b2 on node2"
    )
    # those that it left ill count, and a host that is lost ends it for those after it
    lost = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    node2 = fleet.hosts.pop("node2")
    fleet.hosts.update(lost=lost, node2=node2)
    said = fleet.play("rolling", fails=True, rolling_max_ill=2, **ill)
    assert "lost cannot be asked." in flat(said)
    assert rolled(said) == "a1 on node1, b1 on node1 / whatever there is on lost, a2 on node2, b2 on node2"
    # as many as it may: all others have their turn, and it fails all the same
    del fleet.hosts["lost"]
    said = fleet.play("rolling", fails=True, rolling_max_ill=2, **ill)
    assert (rolled(said), len(CHANGED.findall(said))) == ("a1 on node1, b1 on node1 / none", 2)


def test_a_mistyped_variable_is_noticed(tmp_path: Path) -> None:
    """It is a warning, and an error where something would be removed; one's own names are neither."""
    fleet = Fleet(tmp_path, node1=f"test://{tmp_path}/node1.xml")
    host = fleet.hosts["node1"]
    host.update(site_guests=[{"name": "kept", "memory": "64MiB"}], site_name="north", site_location="attic")
    assert "is no variable of this role" not in fleet.play("site", site_purge=True)
    host["site_geusts"] = host.pop("site_guests")
    told = "site_geusts is no variable of this role; did you mean site_guests?"
    said = flat(fleet.play("site"))
    assert said.count(told) == 1 and f"[WARNING]: {told}" in said, said
    assert told in flat(fleet.play("site", fails=True, site_guests=[], site_purge=True))
    assert told in flat(fleet.play("site", "--check", fails=True, site_guests=[], site_purge=True))
    assert names(fleet.report()["node1"]["guests"]) == ["kept"]
    assert told not in fleet.play("site", site_own_variables=["site_geusts"])


@pytest.mark.root
@pytest.mark.guest
def test_real_guests(tmp_path: Path, root_dir: Path, uri: str, linux: dict[str, Any]) -> None:
    """A secret, a filter, a pool, a volume and guests, which are real; no value is said, and no image removed."""
    fleet = Fleet(tmp_path, embed=uri)
    host = fleet.hosts["embed"]
    options = {**{name: linux[name] for name in ("machine", "kernel", "initrd", "cmdline")}, "memory": "64MiB"}
    disk = {"disks": [{"pool": "images", "volume": "a.raw"}]}
    host.update(
        site_secrets=[{"usage": "volume", "usage_id": name, "value": "hush-hush-1"} for name in ("a", "b")],
        site_filters=[{"name": "mine", "filters": ["clean-traffic"]}],
        site_pools=[{"name": "images", "target": str(root_dir / "images")}],
        site_volumes=[{"pool": "images", "name": "a.raw", "format": "raw", "capacity": "1MiB"}],
        site_guests=[{"name": "a", **options, **disk}, {"name": "b", **options, "state": "paused"}],
        drain_file=str(tmp_path / "drained.json"),
    )
    said = fleet.play("site", "--check", "-vv")
    assert "hush-hush-1" not in said and '"a":' in said, said
    said = fleet.play("site", "-vv")
    assert "hush-hush-1" not in said, said
    assert fleet.changed("drain", drain_hosts="embed", drain_timeout=0, drain_force=True) == {"embed": 2}
    assert fleet.changed("drain", drain_hosts="embed", drain_timeout=0, drain_force=True) == {"embed": 0}
    assert fleet.changed("drain", drain_hosts="embed", drain_undo=True) == {"embed": 2}
    assert fleet.changed("site") == {"embed": 0}
    host.update(site_secrets=[], site_filters=[], site_pools=[], site_volumes=[], site_guests=[])
    spared = {"site_purge_also": ["secrets"], "site_purge_keep": {"secrets": ["volume:a"]}}
    fleet.play("site", site_purge=True, site_purge_force=True, site_timeout=0, **spared)
    found = fleet.report()["embed"]
    assert [found[kind] for kind in ("guests", "pools", "filters")] == [[], [], []]
    assert (root_dir / "images/a.raw").exists()
    (kept,) = (root_dir / "etc/corral/secrets").glob("*.xml")
    assert "<volume>a</volume>" in kept.read_text()


def test_secrets_are_purged_behind_what_needs_them(tmp_path: Path, root_dir: Path, uri: str) -> None:
    """The key of a volume that stays is kept, and named; those of what goes, go; a check says the same as a run."""
    fleet = Fleet(tmp_path, embed=uri)
    host = fleet.hosts["embed"]
    disk = {"path": str(root_dir / "g.img"), "format": "raw", "encryption": "g"}
    names = ("idle", "goes", "stays", "g")
    host.update(
        site_secrets=[{"usage": "volume", "usage_id": name, "value": "hush-hush-1"} for name in names],
        site_pools=[{"name": name, "target": str(root_dir / name)} for name in ("goes", "stays")],
        site_volumes=[
            {"pool": name, "name": "v", "format": "raw", "capacity": "1MiB", "encryption": name}
            for name in ("goes", "stays")
        ],
        site_guests=[{"name": "g", "memory": "64MiB", "disks": [disk], "state": "present"}],
    )
    fleet.play("site")
    # one that is declared absent goes behind its guest, which is declared so as well
    guests = {"site_guests": [{"name": "g", "state": "absent"}]}
    secrets = {"site_secrets": [*host["site_secrets"], {"usage": "volume", "usage_id": "g", "state": "absent"}]}
    del secrets["site_secrets"][-2]
    assert fleet.changed("site", **guests, **secrets) == {"embed": 2}
    host.update(site_secrets=[], site_pools=[], site_volumes=[], site_guests=[])
    purge = {"site_purge": True, "site_purge_also": ["secrets"], "site_purge_keep": {"pools": ["stays"]}}
    for words in ("--check",), ():
        said = flat(fleet.play("site", *words, **purge))
        assert "secret volume:stays, which is needed by volume v of pool stays" in said, said
        gone = [name for name in names if f'"secret volume:{name}"' in said]
        assert gone == ["idle", "goes"], said
    (kept,) = (root_dir / "etc/corral/secrets").glob("*.xml")
    assert "<volume>stays</volume>" in kept.read_text()
    assert fleet.changed("site", **purge) == {"embed": 0}


def test_what_is_misunderstood_and_who_cannot_be_asked(tmp_path: Path) -> None:
    """A list with nothing behind its name purges nothing; a host that is lost keeps no report from being written."""
    fleet = Fleet(tmp_path, node1=f"test://{tmp_path}/node1.xml")
    fleet.hosts["node1"].update(site_guests=[{"name": "kept", "memory": "64MiB"}])
    fleet.play("site")
    fleet.hosts["node1"].update(site_guests=None, site_purge_keep={"networks": "lan"})
    said = fleet.play("site", fails=True, site_purge=True)
    assert "site_guests has no value; site_purge_keep.networks is no list" in said, said
    fleet.hosts["lost"] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    path = tmp_path / "report.json"
    fleet.play("report", fails=True, report_file=str(path))
    whole = json.loads(path.read_text())
    assert whole["lost"] is None and names(whole["node1"]["guests"]) == ["kept"]
    assert "drain_hosts has to be given" in fleet.play("drain", fails=True)
    assert "The inventory has no host node7" in fleet.play("drain", fails=True, drain_hosts="node7")
