# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a fleet, over SSH from a controller: bare machines, hosts with guests, accidents, and the end.

The tests are its steps, in their order; where one fails, those after it do as well. story.py says how big the fleet is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import FLEET
from .controller import Done
from .packages import repository
from .story import BARE, GUESTS, SECRET, Fleet, Host, declared, fleet

OURS = ("/etc/corral", "/run/corral", "/usr/lib/corral", "/usr/libexec/corral", "/var/log/corral", "/var/cache/corral")
NAMES = [f"web{number}" for number in range(1, GUESTS + 1)]
IMAGES = sorted(["data.qcow2", *(f"{name}.qcow2" for name in NAMES)])
SITE = "corral.virt.site : "
SPARE = {"site_networks": "spare-network", "site_pools": "spare-pool", "site_filters": "spare-filter"}
AWAY: dict[str, Any] = {
    "host_state": "absent",
    "host_end_guests": True,
    "host_end_timeout": 120,
    "host_keep": ["images"],
}


@pytest.fixture(scope="module")
def story(tree: Callable[[str], Path], suite: str) -> Iterator[Fleet]:
    """The fleet, for all of these tests."""
    with fleet(tree, suite, FLEET / f"debs{suite}/cache/archives") as whole:
        yield whole


def results(done: Done, task: str, host: Host) -> dict[str, bool]:
    """Which elements of a task with a list changed on a host."""
    return {row["name"]: row["changed"] for row in done.results(task)[host.name]["results"]}


@pytest.mark.large
def test_a_check_says_what_would_be_done(story: Fleet, tree: Callable[[str], Path]) -> None:
    check = story.controller.play("bootstrap", "--check", host_wheels=story.wheels)
    assert all(check.changed.values())
    for host in story.hosts:
        assert host.lacking(*OURS) == list(OURS)
    if BARE:
        packages = check.message("Say which packages would be installed")
        repository(tree(f"base{story.suite}"), FLEET / f"debs{story.suite}", [*packages, "python3-apt"])


def test_machines_become_hosts(story: Fleet) -> None:
    done = story.controller.play("bootstrap", host_wheels=story.wheels)
    assert all(done.changed.values())
    for host in story.hosts:
        assert host.active("corral.target", "corral-guests", "corral-network@default", "corral-pool@default")


def test_and_stay_hosts(story: Fleet) -> None:
    again = story.controller.play("bootstrap")
    assert (again.changed, again.changing()) == (story.quiet, [])


@pytest.mark.large
def test_a_check_says_so_too(story: Fleet) -> None:
    checked = story.controller.play("bootstrap", "--check")
    assert (checked.changed, checked.changing()) == (story.quiet, [])


def test_they_get_what_the_inventory_says(story: Fleet) -> None:
    story.say(declared(GUESTS))
    done = story.controller.play("site", "-v")
    kinds = ("Secrets", "Network filters", "Networks", "Storage pools", "Volumes", "Guests")
    assert done.changing() == [SITE + kind for kind in kinds]
    assert SECRET not in done.text
    for host in story.hosts:
        assert results(done, "Guests", host) == dict.fromkeys(NAMES, True)
        assert sorted(host.pids()) == NAMES
        assert sorted(path.name for path in host.machine.path("/srv/images").iterdir()) == IMAGES


def test_and_keep_it(story: Fleet) -> None:
    before = [host.pids() for host in story.hosts]
    again = story.controller.play("site")
    assert (again.changed, again.changing()) == (story.quiet, [])
    assert [host.pids() for host in story.hosts] == before


@pytest.mark.large
def test_a_check_finds_nothing_to_do(story: Fleet) -> None:
    checked = story.controller.play("site", "--check", "--diff")
    assert (checked.changed, checked.changing()) == (story.quiet, [])


def test_what_breaks_is_mended_and_nothing_else(story: Fleet) -> None:
    broken, others = story.hosts[0], story.hosts[1:]
    rules, before, server = broken.rules(), broken.pids(), broken.server()
    elsewhere = [host.pids() for host in others]
    broken.machine.run("kill", "-9", before["web1"], server)
    broken.machine.run("nft", "flush", "ruleset")
    broken.machine.wait(lambda: not broken.active("corral-vm@web1"), "the end of a guest is seen")
    done = story.controller.play("site", "-v")
    assert done.changed == {**story.quiet, broken.name: 3}
    assert done.changing(broken.name) == [SITE + kind for kind in ("Network filters", "Networks", "Guests")]
    assert results(done, "Networks", broken)["lab"]
    assert results(done, "Guests", broken) == {name: name == "web1" for name in NAMES}
    after = broken.pids()
    assert after.pop("web1") != before.pop("web1")
    assert after == before
    assert broken.server() != server
    assert [host.pids() for host in others] == elsewhere
    assert broken.rules() == rules


def test_a_host_is_back_after_a_reboot(story: Fleet) -> None:
    host = story.hosts[-1]
    rules = host.rules()
    host.machine.run("sh", "-c", "rm /var/log/corral/consoles/*")
    host.machine.reboot()
    failed = host.machine.said("systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "corral*")
    assert failed == ""
    networks = [f"corral-network@{name}" for name in ("default", "lab", "spare\\x2dnetwork")]
    pools = [f"corral-pool@{name}" for name in ("default", "images", "spare\\x2dpool")]
    assert host.active(*networks, *pools, *(f"corral-vm@{name}" for name in NAMES))
    for name in NAMES:
        host.machine.wait(lambda guest=name: host.leased(guest), f"{name} has an address again")
    assert host.rules() == rules
    again = story.controller.play("site")
    assert (again.changed, again.changing()) == (story.quiet, [])


@pytest.mark.large
def test_what_is_no_longer_declared_is_removed_and_nothing_else(story: Fleet) -> None:
    gone = NAMES[1:][-1:]
    less: dict[str, Any] = declared(GUESTS - len(gone))
    for kind, name in SPARE.items():
        less[kind] = [row for row in less[kind] if row["name"] != name]
    story.say(less)
    before = [host.pids() for host in story.hosts]
    shown = [f"guest {name}" for name in gone]
    shown += ["network spare-network", "pool spare-pool", "filter spare-filter"]
    check = story.controller.play("site", "--check", "--diff", site_purge=True)
    assert {host: result["msg"] for host, result in check.results("Say what is removed").items()} == {
        host.name: shown for host in story.hosts
    }
    assert [host.pids() for host in story.hosts] == before
    story.controller.play("site", site_purge=True)
    for host, pids in zip(story.hosts, before):
        assert host.pids() == {name: pid for name, pid in pids.items() if name not in gone}
        assert host.defined("networks") == ["default", "lab"]
        assert host.defined("pools") == ["default", "images"]
        assert host.defined("nwfilters") == ["house"]
        assert sorted(path.name for path in host.machine.path("/srv/images").iterdir()) == IMAGES
    again = story.controller.play("site", site_purge=True)
    assert (again.changed, again.changing()) == (story.quiet, [])


def test_nothing_is_left_but_images(story: Fleet) -> None:
    story.controller.play("bootstrap", **AWAY)
    for host in story.hosts:
        assert host.lacking(*OURS, "/var/lib/corral") == [*OURS, "/var/lib/corral"]
        assert sorted(path.name for path in host.machine.path("/srv/images").iterdir()) == IMAGES
        said = host.machine.said
        assert said("sh", "-c", "ls /etc/systemd/system /run/systemd/system | grep corral", check=False) == ""
        assert said("systemctl", "list-units", "--all", "--plain", "--no-legend", "corral*") == ""
        assert said("nft", "list", "ruleset") == ""
        assert "virbr" not in said("ip", "link")
        assert said("pgrep", "-l", "qemu|dnsmasq", check=False) == ""
        assert host.machine.run("getent", "passwd", "corral-qemu", check=False).returncode == 2


@pytest.mark.large
def test_and_nothing_to_remove(story: Fleet) -> None:
    again = story.controller.play("bootstrap", **AWAY)
    assert (again.changed, again.changing()) == (story.quiet, [])
