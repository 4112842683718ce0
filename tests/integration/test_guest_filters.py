# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest behind a network filter as an operator has it: its packets, and modules run as by Ansible."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.tests.integration.namespaces import Namespace
from ansible_collections.corral.virt.tests.integration.test_network_life import (
    MAC,
    NAT,
    SERVER,
    Run,
    Server,
    done,
    good,
)

pytestmark = [pytest.mark.guest, pytest.mark.root]

NO_TICKS = {
    "action": "drop",
    "direction": "out",
    "protocol": "tcp",
    "match": {"dstipaddr": SERVER, "dstportstart": 9000},
}


@pytest.fixture
def server(outside: Namespace) -> Iterator[Server]:
    made = Server(outside)
    yield made
    made.close()


def own(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"name": "web", "filters": [{"name": "clean-traffic"}], "rules": list(rules)}


def silent(server: Server) -> bool:
    """Whether no more lines come, once what was on its way has arrived."""
    while server.ticks_on(1):
        pass
    return not server.ticks_on(3)


def test_a_guest_behind_a_filter(
    netns: Namespace, server: Server, cli: Run, quick: Run, root_dir: Path, linux: dict[str, Any]
) -> None:
    """It works with its own address; rules come, change, are put back and go while one connection stands."""
    before = netns.state()
    good(quick("network", **NAT, state="active"))
    (bridge,) = netns.json("ip", "-j", "-d", "link", "show", "type", "bridge")
    assert bridge["linkinfo"]["info_data"]["no_linklocal_learn"] == 1  # or LLDP under other addresses draws packets
    linux["cmdline"] += f" corral.net=dhcp corral.tick={SERVER}:9000"
    card = {"network": "lan", "mac": MAC, "filter": {"name": "clean-traffic"}}
    guest = {**linux, "name": "web", "interfaces": [card]}

    # a filter that is not there keeps the guest from starting, and check mode says so
    wrong = {**guest, "interfaces": [{**card, "filter": {"name": "no-such"}}]}
    for check in (True, False):
        refused = quick(**wrong, state="running", check=check)
        assert refused["failed"] and "no-such" in refused["msg"]

    found = good(cli(**guest, state="running", wait_for={"address": True, "timeout": 180}))
    assert found["address"]["address"] == "192.0.2.5"
    assert found["guest"]["interfaces"][0]["filter"] == "clean-traffic"
    assert server.ticks_on(180)
    assert "192.0.2.5" in netns.run("nft", "list", "ruleset", "bridge")

    # nothing to do; a flushed table; rules of one's own, given, in force and changed while the guest runs
    assert done(quick(**guest, state="running")) == []
    netns.run("nft", "flush", "ruleset")
    assert done(quick("network", **NAT, state="active")) == ["mend"]
    assert done(quick(**guest, state="running", check=True)) == ["mend"]
    assert done(quick(**guest, state="running")) == ["mend"]
    assert done(quick(**guest, state="running")) == []
    assert server.ticks_on()
    assert done(quick("filter", **own())) == ["define"]
    guest["interfaces"] = [{**card, "filter": {"name": "web"}}]
    assert done(quick(**guest, state="running")) == ["define", "update"]
    assert server.ticks_on()
    assert done(cli("filter", **own(NO_TICKS))) == ["define"]
    assert silent(server)
    assert done(quick("filter", **own())) == ["define"]
    assert server.ticks_on()
    assert len(server.peers) == 1  # it is one connection, from beginning to end

    # who is used stays; what has ended leaves nothing, also where nobody was told of its end
    kept = quick("filter", name="web", state="absent")
    assert kept["failed"] and "the guest web" in kept["msg"]
    status = json.loads((root_dir / "run/corral/domains/web.json").read_text())
    os.kill(status["pid"], signal.SIGKILL)
    good(quick("filter", name="web"))
    assert netns.run("nft", "list", "ruleset", "bridge") == ""
    good(quick("vm", name="web", state="absent", force=True, timeout=0))
    assert done(quick("filter", name="web", state="absent")) == ["undefine"]
    good(quick("network", name="lan", state="absent"))
    assert {**netns.state(), "settings": None} == {**before, "settings": None}
