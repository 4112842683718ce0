# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks and guests on them as an operator has them: real guests, a server on another host."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.tests.integration.namespaces import Namespace, inside

Run = Callable[..., "dict[str, Any]"]

pytestmark = [pytest.mark.guest, pytest.mark.root]

MAC = "52:54:00:00:00:0a"
SERVER = "198.51.100.2"
NAT: dict[str, Any] = {
    "name": "lan",
    "forward": {"mode": "nat", "ports": "40000-40999", "ipv6": True},
    "ips": [
        {
            "address": "192.0.2.1/24",
            "ranges": [{"start": "192.0.2.100", "end": "192.0.2.200"}],
            "hosts": [{"mac": MAC, "name": "web", "address": "192.0.2.5"}],
        },
        {"address": "2001:db8:1::1/64", "hosts": [{"id": f"00:03:00:01:{MAC}", "address": "2001:db8:1::5"}]},
    ],
    "dns": {"hosts": [{"address": "192.0.2.77", "names": ["record.example"]}]},
}
ISOLATED: dict[str, Any] = {"name": "alone", "ips": [{"address": "203.0.113.1/24", "dhcp": True}]}


class Server:
    """Listens in a namespace: answers who asks for a page, and counts the lines that keep coming."""

    def __init__(self, where: Namespace) -> None:
        self.peers: list[tuple[str, int]] = []
        self.ticks = 0
        self.ticked = threading.Condition()
        with inside(where):
            self.listening = [socket.create_server((SERVER, port)) for port in (8080, 9000)]
        for listener, serve in zip(self.listening, (self._page, self._count)):
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                client, peer = listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    def _page(self, client: socket.socket) -> None:
        with client:
            asked = b""
            while b"\r\n\r\n" not in asked and (data := client.recv(4096)):
                asked += data
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello from outside\n")

    def _count(self, client: socket.socket) -> None:
        with client:
            while data := client.recv(4096):
                with self.ticked:
                    self.ticks += data.count(b"\n")
                    self.ticked.notify_all()

    def ticks_on(self, seconds: float = 60) -> bool:
        """Whether lines still come over the connection that was made first."""
        with self.ticked:
            goal = self.ticks + 3
            return self.ticked.wait_for(lambda: self.ticks >= goal, timeout=seconds)

    def close(self) -> None:
        for listener in self.listening:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def server(outside: Namespace) -> Iterator[Server]:
    made = Server(outside)
    yield made
    made.close()


def good(result: dict[str, Any]) -> dict[str, Any]:
    assert not result.get("failed"), result.get("msg")
    return result


def done(result: dict[str, Any]) -> list[str]:
    return [step["action"] for step in good(result)["actions"]]


def console(quick: Run, name: str) -> str:
    (found,) = good(quick("vm_info", name=name))["guests"]
    return Path(found["console_log"]).read_text(errors="replace")


def test_a_guest_on_a_network_of_ours(
    netns: Namespace, server: Server, cli: Run, quick: Run, linux: dict[str, Any]
) -> None:
    """It has its reserved addresses, finds names, reaches the outside as we say, and keeps its connection."""
    before = netns.state()
    assert done(quick("network", **NAT, state="active")) == ["define", "start"]
    words = f"corral.resolve=record.example corral.fetch={SERVER}:8080 corral.tick={SERVER}:9000"
    linux["cmdline"] += f" corral.net=dhcp {words}"
    guest = {**linux, "name": "web", "interfaces": [{"network": "lan", "mac": MAC}]}
    found = good(cli(**guest, state="running", wait_for={"address": True, "timeout": 180}))
    assert found["address"]["address"] == "192.0.2.5" and found["address"]["source"] == "lease"

    assert server.ticks_on(180)
    said = console(quick, "web")
    assert "net eth0 192.0.2.5/24 gw 192.0.2.1" in said
    assert "resolve record.example 192.0.2.77" in said
    assert f"fetch {SERVER}:8080 hello from outside" in said
    assert {address for address, _port in server.peers} == {"198.51.100.1"}
    assert all(40000 <= port <= 40999 for _address, port in server.peers)
    first = len(server.peers)

    # nothing to do; a live change; a broken ruleset; a bridge that is gone; another start of the network
    assert done(quick("network", **NAT, state="active")) == []
    more = {**NAT, "dns": {"hosts": [*NAT["dns"]["hosts"], {"address": "192.0.2.78", "names": ["later.example"]}]}}
    assert done(quick("network", **more, state="active")) == ["define", "update"]
    assert server.ticks_on()
    netns.run("nft", "flush", "ruleset")
    assert done(quick("network", **more, state="active")) == ["mend"]
    assert server.ticks_on()
    netns.run("ip", "link", "del", good(quick("network", **more, state="active"))["network"]["bridge"])
    assert done(quick("network", **more, state="active", check=True)) == ["mend"]
    assert done(quick("network", **more, state="active")) == ["mend"]
    assert server.ticks_on()
    other = {**more, "mtu": 1400}
    waits = good(quick("network", **other, state="active"))
    assert waits["restart_required"] and waits["pending"] and waits["cut_off"] == ["web"]
    assert {"destroy", "start"} <= set(done(quick("network", **other, state="active", apply="restart")))
    assert server.ticks_on()
    assert len(server.peers) == first  # it is one connection, from beginning to end
    (network,) = good(quick("network_info", name="lan"))["networks"]
    assert "2001:db8:1::5" in [row["address"] for row in network["leases"]]

    refused = quick("network", name="lan", state="absent")
    assert refused["failed"] and "web" in refused["msg"]
    good(quick(name="web", state="absent", force=True, timeout=0))
    assert done(quick("network", name="lan", state="absent")) == ["destroy", "undefine"]
    after = netns.state()
    assert {**after, "settings": None} == {**before, "settings": None}


def test_a_guest_on_an_isolated_network(netns: Namespace, server: Server, quick: Run, linux: dict[str, Any]) -> None:
    """It has an address, and reaches nobody but its like."""
    good(quick("network", **ISOLATED, state="active"))
    linux["cmdline"] += f" corral.fetch={SERVER}:8080"
    guest = {**linux, "name": "lone", "interfaces": [{"network": "alone"}]}
    good(quick(**guest, state="running", wait_for={"console": f"fetch {SERVER}:8080", "timeout": 240}))
    assert f"fetch {SERVER}:8080 -" in console(quick, "lone")
    assert not server.peers
