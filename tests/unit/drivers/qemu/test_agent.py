# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of the guest agent: what it sends, and that nothing a guest answers can hold it or break it."""

from __future__ import annotations

import json
from typing import Any, Callable, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest import agent as module
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.agent import (
    AgentError,
    agent_opened,
    agent_socket,
    describe,
    open_agent,
    reachable,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.journal import events
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    HostError,
    MonitorClosed,
    OperationFailed,
    TimedOut,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.fake_stream import FakeStream
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

PATH = "/run/agent"
NETWORK = [
    {"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [{"ip-address": "127.0.0.1", "prefix": 8}]},
    {
        "name": "eth0",
        "hardware-address": "52:54:00:00:00:01",
        "ip-addresses": [
            {"ip-address": "fe80::1", "prefix": 64, "ip-address-type": "ipv6"},
            {"ip-address": "2001:db8::5", "prefix": 64, "ip-address-type": "ipv6"},
            {"ip-address": "192.0.2.5", "prefix": 24, "ip-address-type": "ipv4"},
        ],
    },
    {"name": "eth1"},
]


def agent(answers: dict[str, Any], **more: Any) -> Callable[[bytes], bytes]:
    """An agent that answers from a table; a text is an error, and a command that is not there is unknown."""

    def answer(sent: bytes) -> bytes:
        request = json.loads(sent.lstrip(b"\xff"))
        name = request["execute"]
        if name == "guest-sync-delimited":
            return b"\xff" + json.dumps({"return": request["arguments"]["id"]}).encode() + b"\n"
        found = answers.get(name, f"The command {name} has not been found")
        if found is None:
            return b""
        row = {"error": {"class": "GenericError", "desc": found}} if isinstance(found, str) else {"return": found}
        return json.dumps(row).encode() + b"\n"

    return answer


def host_with(answer: Callable[[bytes], bytes], before: bytes = b"") -> FakeHost:
    host = FakeHost()
    host.add_stream(PATH, FakeStream(answer, before))
    return host


def test_a_session_begins_with_the_delimiter() -> None:
    host = host_with(agent({"guest-ping": {}}))
    assert open_agent(host, PATH).execute("guest-ping") == {}
    first, second = host.streams[PATH].sent
    assert first.startswith(b'\xff{"execute": "guest-sync-delimited"')
    assert second == b'{"execute": "guest-ping"}\n'


@pytest.mark.parametrize(
    "before",
    [
        b'{"return": {}}\n',
        b'\xff{"return": 12345}\n',
        b"\x00garbage\n\xff\xff\xff\n",
        b"\xff" + b"[" * 5000 + b"\n",
        b"\xff\xc3\x28\n",
        b'\xff[1, "x"]\nnull\n',
    ],
)
def test_what_an_earlier_session_left_is_taken_away(before: bytes) -> None:
    host = host_with(agent({"guest-ping": {"a": 1}}), before)
    assert open_agent(host, PATH).execute("guest-ping") == {"a": 1}


def test_a_guest_that_never_answers_is_given_up() -> None:
    host = host_with(lambda sent: b"")
    before = host.uptime
    with pytest.raises(TimedOut):
        open_agent(host, PATH, timeout=3)
    assert host.uptime - before == pytest.approx(3)
    assert host.streams[PATH].closed


class Slow:
    """An agent that answers late: ``heard`` is what it does with each request, in turn, and then with all others."""

    def __init__(self, *heard: str) -> None:
        self.heard = list(heard)
        self.kept = b""
        self.answer = agent({"guest-ping": {"a": 1}})

    def __call__(self, sent: bytes) -> bytes:
        todo = self.heard.pop(0) if self.heard else "answer"
        if todo == "lose":
            return b""
        self.kept += self.answer(sent)
        if todo == "keep":
            return b""
        said, self.kept = self.kept, b""
        return said


@pytest.mark.parametrize(
    ("heard", "greetings"),
    [((), 1), (("lose",), 2), (("lose", "lose"), 3), (("keep",), 2), (("keep", "keep"), 3), (("lose", "keep"), 3)],
)
def test_an_agent_that_is_restarted_is_asked_again(heard: tuple[str, ...], greetings: int) -> None:
    """What it took with it is said again, and what it says twice is not taken for the answer to something else."""
    host = host_with(Slow(*heard))
    began = host.monotonic()
    session = open_agent(host, PATH, timeout=30)
    assert len(host.streams[PATH].sent) == greetings
    assert session.execute("guest-ping") == {"a": 1}
    assert host.monotonic() - began < 10


class LateStream(FakeStream):
    """A connection to an agent whose answers take ``delay`` seconds each."""

    def __init__(self, delay: float) -> None:
        super().__init__(agent({"guest-ping": {"a": 1}}))
        self.delay = delay
        self.coming: list[tuple[float, bytes]] = []

    def send(self, data: bytes, *, timeout: float) -> None:
        assert self.host
        self.sent.append(data)
        self.coming.append((self.host.monotonic() + self.delay, self.answer(data)))

    def receive(self, *, timeout: float) -> bytes:
        assert self.host
        due, said = self.coming[0] if self.coming else (float("inf"), b"")
        left = due - self.host.monotonic()
        self.host.sleep(max(min(left, timeout), 0))
        if left > timeout:
            raise TimedOut("The stream did not answer in time.")
        del self.coming[0]
        return said


@pytest.mark.parametrize("delay", [0, 1.9, 2.1, 4.5, 5.9, 6.1, 9])
def test_an_agent_that_is_slow_is_waited_for(delay: float) -> None:
    """When it has answered once, it is not asked again; and all answers are gone before the next question."""
    host = FakeHost()
    host.add_stream(PATH, stream := LateStream(delay))
    began = host.monotonic()
    session = open_agent(host, PATH, timeout=30)
    assert host.monotonic() - began <= 2 * delay
    assert session.execute("guest-ping", timeout=30) == {"a": 1}
    assert not stream.coming


def test_a_guest_that_talks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1000)
    host = host_with(lambda sent: b"x" * 3000)
    with pytest.raises(OperationFailed, match="does not speak its language"):
        open_agent(host, PATH)


def test_nobody_listens_and_somebody_who_hangs_up() -> None:
    with pytest.raises(HostError):
        open_agent(FakeHost(), PATH)
    host = host_with(lambda sent: b"")
    host.streams[PATH].gone = True
    with pytest.raises(MonitorClosed):
        open_agent(host, PATH)


def test_an_error_of_the_agent_keeps_its_words() -> None:
    session = open_agent(host_with(agent({"guest-shutdown": "not allowed"})), PATH)
    with pytest.raises(AgentError, match="The guest agent refused guest-shutdown: not allowed"):
        session.shutdown("powerdown")


def test_no_answer_to_a_shutdown_is_the_good_answer() -> None:
    host = host_with(agent({"guest-shutdown": None}))
    open_agent(host, PATH).shutdown("reboot")
    assert json.loads(host.streams[PATH].sent[-1])["arguments"] == {"mode": "reboot"}


def test_what_a_guest_says_of_itself() -> None:
    answers = {
        "guest-get-host-name": {"host-name": "web1"},
        "guest-get-osinfo": {"pretty-name": "Debian", "kernel-release": "6.1"},
        "guest-network-get-interfaces": NETWORK,
    }
    said = describe(open_agent(host_with(agent(answers)), PATH))
    assert (said["hostname"], said["os"]) == ("web1", {"name": "Debian", "kernel": "6.1"})
    assert [row["name"] for row in said["interfaces"]] == ["lo", "eth0", "eth1"]
    assert said["interfaces"][1]["addresses"] == ["fe80::1/64", "2001:db8::5/64", "192.0.2.5/24"]
    assert list(reachable(said["interfaces"])) == ["192.0.2.5", "2001:db8::5"]


@pytest.mark.parametrize("nonsense", [[], {}, 7, [1, None], [{"ip-addresses": 3}], [{"ip-addresses": ["x", {}]}]])
def test_nonsense_is_nothing(nonsense: Any) -> None:
    table = dict.fromkeys(("guest-get-host-name", "guest-get-osinfo", "guest-network-get-interfaces"), nonsense)
    said = describe(open_agent(host_with(agent(table)), PATH))
    assert said["hostname"] is None
    assert all(row["addresses"] == [] for row in said["interfaces"])


def test_an_agent_that_knows_no_command() -> None:
    said = describe(open_agent(host_with(agent({})), PATH))
    assert said == {"hostname": None, "os": {"name": None, "kernel": None}, "interfaces": []}


def domain(source: str = "", name: str = "org.qemu.guest_agent.0") -> Domain:
    channel = f"<channel type='unix'>{source}<target type='virtio' name='{name}'/><alias name='channel0'/></channel>"
    return Domain(parse(f"<domain><devices>{channel}</devices></domain>"))


def test_where_the_channel_is() -> None:
    assert agent_socket(domain(), "/d") == "/d/channel-org.qemu.guest_agent-c473757c"
    assert agent_socket(domain("<source mode='bind' path='/x/s'/>"), "/d") == "/x/s"
    assert agent_socket(domain(name="other"), "/d") is None


@pytest.mark.parametrize(("states", "opened"), [([], False), ([True], True), ([True, False], False)])
def test_whether_the_guest_has_opened_it(states: list[bool], opened: bool) -> None:
    rows = [{"event": "VSERPORT_CHANGE", "data": {"id": "channel0", "open": state}} for state in states]
    rows.append({"event": "VSERPORT_CHANGE", "data": {"id": "channel1", "open": True}})
    journal = list(events(b"".join(json.dumps(row).encode() + b"\n" for row in rows)))
    found: Optional[bool] = agent_opened(domain(), journal)
    assert found is opened
    assert agent_opened(domain(name="other"), journal) is None
