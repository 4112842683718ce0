# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every call of the test driver, on the default host and on one in a file: both must behave alike."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import HypervisorDriver, contract
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.default import DEFAULT_HOST
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.hypervisor import SimulatedHypervisor
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    InvalidArgument,
    NoSupport,
    NotFound,
    OperationInvalid,
    TimedOut,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
FILE = "/tmp/lab.xml"


def document(name: str = "web", extra: str = "", memory: str = "<memory unit='MiB'>512</memory>") -> Element:
    return parse(f"<domain type='kvm'><name>{name}</name>{memory}{extra}</domain>")


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add_file(FILE, DEFAULT_HOST.encode())
    return host


@pytest.fixture(params=["test:///default", f"test://{FILE}"])
def connection(request: pytest.FixtureRequest, host: FakeHost) -> Connection:
    return open_connection(request.param, host=host)


@pytest.fixture
def guests(connection: Connection) -> HypervisorDriver:
    return connection.hypervisor


def state(guests: HypervisorDriver, name: str) -> Tuple[str, str]:
    found = guests.lookup_domain(name)
    return found.state, found.reason


# the default host


def test_the_default_host_has_one_running_guest(guests: HypervisorDriver) -> None:
    (guest,) = guests.list_domains()
    assert (guest.name, guest.uuid, guest.id, guest.state) == ("test", UUID, 1, "running")
    assert (guest.active, guest.persistent, guest.autostart) == (True, True, False)
    assert guest.runtime == {"memory_kib": 8388608, "vcpus": 2}
    assert guests.domain_xml("test").get("id") == "1"
    assert guests.domain_xml("test", inactive=True).get("id") is None


def test_the_default_host_has_an_active_network_and_pool(connection: Connection) -> None:
    (network,) = connection.network.list_networks()
    assert (network.name, network.active) == ("default", True)
    assert connection.network.lookup_network(network.uuid) == connection.network.lookup_network("default") == network
    assert connection.network.network_xml("default").find("bridge").get("name") == "virbr0"
    (pool,) = connection.storage.list_pools()
    assert (pool.name, pool.active) == ("default-pool", True)
    assert connection.storage.lookup_pool(pool.uuid.replace("-", "").upper()) == pool
    assert connection.storage.pool_xml("default-pool").findtext("target/path") == "/default-pool"


def test_the_default_host_has_an_interface_and_a_device(connection: Connection) -> None:
    assert [each.name for each in connection.interface.list_interfaces()] == ["eth1"]
    assert [each.name for each in connection.node_device.list_node_devices()] == ["computer"]


def test_each_connection_to_the_default_host_begins_anew(host: FakeHost) -> None:
    open_connection("test:///default", host=host).hypervisor.destroy_domain("test")
    assert state(open_connection("test:///default", host=host).hypervisor, "test")[0] == "running"
    assert host.mutations == 0


@pytest.mark.parametrize("reference", ["nobody", "2", "00000000-0000-4000-8000-000000000000"])
def test_unknown_objects_are_not_found(connection: Connection, reference: str) -> None:
    lookups: List[Callable[[str], object]] = [
        connection.hypervisor.lookup_domain,
        connection.network.lookup_network,
        connection.storage.lookup_pool,
    ]
    for lookup in lookups:
        with pytest.raises(NotFound, match=reference):
            lookup(reference)


def test_names_are_exact_everywhere_but_in_lookup(guests: HypervisorDriver) -> None:
    for call in ("domain_xml", "console_log", "start_domain", "undefine_domain", "destroy_domain"):
        with pytest.raises(NotFound):
            getattr(guests, call)(UUID)


@pytest.mark.parametrize("reference", ["test", UUID, UUID.upper().replace("-", ""), "1"])
def test_a_guest_is_looked_up_by_name_uuid_and_id(guests: HypervisorDriver, reference: str) -> None:
    assert guests.lookup_domain(reference).name == "test"


def test_a_name_counts_before_an_id(guests: HypervisorDriver) -> None:
    guests.define_domain(document("1"))
    assert guests.lookup_domain("1").name == "1"


# defining


def test_a_new_guest_is_shut_off_and_complete(guests: HypervisorDriver) -> None:
    made = guests.define_domain(document())
    assert (made.name, made.state, made.id, made.active, made.persistent) == ("web", "shut off", None, False, True)
    stored = guests.domain_xml("web")
    assert stored.get("type") == "test"
    assert [stored.findtext(tag) for tag in ("memory", "currentMemory", "vcpu")] == ["524288", "524288", "1"]
    assert stored.findtext("uuid") == made.uuid
    assert [guest.name for guest in guests.list_domains()] == ["test", "web"]


def test_what_is_stored_is_what_normalising_gives(guests: HypervisorDriver) -> None:
    desired = document(extra="<devices><interface type='user'/></devices>")
    normal = guests.normalise_domain(desired)
    guests.define_domain(desired)
    assert to_text(guests.domain_xml("web")) == to_text(normal) == to_text(guests.normalise_domain(normal))


def test_normalising_changes_neither_the_document_nor_the_host(host: FakeHost) -> None:
    guests = open_connection(f"test://{FILE}", host=host, read_only=True).hypervisor
    desired = document()
    before = to_text(desired)
    guests.normalise_domain(desired)
    assert to_text(desired) == before
    assert host.mutations == 0


def test_a_new_definition_keeps_uuid_macs_and_autostart(guests: HypervisorDriver) -> None:
    nic = "<devices><interface type='user'/></devices>"
    first = guests.define_domain(document(extra=f"<uuid>{UUID[:-1]}0</uuid>{nic}"))
    guests.set_domain_autostart("web", True)
    mac = guests.domain_xml("web").find("devices/interface/mac").get("address")
    second = guests.define_domain(document(extra=nic, memory="<memory unit='GiB'>1</memory>"))
    assert (second.uuid, second.autostart) == (first.uuid, True)
    assert guests.domain_xml("web").find("devices/interface/mac").get("address") == mac
    assert guests.domain_xml("web").findtext("memory") == "1048576"


def test_a_name_with_another_uuid_is_taken(guests: HypervisorDriver) -> None:
    for call in (guests.define_domain, guests.normalise_domain):
        with pytest.raises(AlreadyExists, match=f"'test' is there already, with the uuid {UUID}.*Leave the uuid out"):
            call(document("test", extra=f"<uuid>{UUID[:-1]}0</uuid>"))


def test_a_uuid_of_another_guest_is_taken(guests: HypervisorDriver) -> None:
    with pytest.raises(AlreadyExists, match=f"{UUID} belongs to the guest 'test' already"):
        guests.define_domain(document("web", extra=f"<uuid>{UUID}</uuid>"))
    assert len(guests.list_domains()) == 1


def test_a_running_guest_goes_on_with_the_document_it_was_started_with(guests: HypervisorDriver) -> None:
    guests.define_domain(document("test", memory="<memory unit='GiB'>1</memory>"))
    assert guests.domain_xml("test").findtext("memory") == "8388608"
    assert guests.domain_xml("test", inactive=True).findtext("memory") == "1048576"
    assert guests.lookup_domain("test").id == 1
    guests.destroy_domain("test")
    assert guests.domain_xml("test").findtext("memory") == "1048576"


BAD: Dict[str, str] = {
    "<domain><memory>1</memory></domain>": "has no <name>; write one",
    "<domain><name>a/b</name><memory>1</memory></domain>": "must not contain a slash",
    "<domain><name>a</name></domain>": "has no memory; write it as in <memory unit='MiB'>512</memory>",
    "<domain><name>a</name><memory>0</memory></domain>": "has no memory",
    "<domain><name>a</name><memory>much</memory></domain>": "must be a whole number",
    "<domain><name>a</name><memory unit='Zi'>1</memory></domain>": "the unit 'Zi' is not known",
    "<domain><name>a</name><memory>1</memory><vcpu>0</vcpu></domain>": "needs at least 1",
    "<domain><name>a</name><memory>1</memory><vcpu current='3'>2</vcpu></domain>": "more than the number of vCPUs",
    "<domain><name>a</name><uuid>x</uuid><memory>1</memory></domain>": "is not a uuid",
    "<domain><name>a</name><memory>1</memory><devices><interface><mac address='x'/></interface></devices></domain>": (
        "is not a MAC address"
    ),
    "<network><name>a</name></network>": "write a <domain>",
}


@pytest.mark.parametrize(("text", "advice"), BAD.items(), ids=list(BAD.values()))
def test_a_bad_document_is_answered_by_what_to_write(guests: HypervisorDriver, text: str, advice: str) -> None:
    with pytest.raises((XmlError, InvalidArgument)) as caught:
        guests.define_domain(parse(text))
    assert advice in str(caught.value)
    assert len(guests.list_domains()) == 1


# the life of a guest


def test_a_guest_is_started_paused_resumed_and_shut_down(guests: HypervisorDriver, host: FakeHost) -> None:
    guests.define_domain(document())
    started = guests.start_domain("web")
    assert (started.id, started.state, started.reason) == (2, "running", "booted")
    assert started.runtime["started"] == host.clock
    assert guests.domain_xml("web").get("id") == "2"
    guests.suspend_domain("web")
    assert state(guests, "web") == ("paused", "user")
    guests.resume_domain("web")
    assert state(guests, "web") == ("running", "unpaused")
    guests.shutdown_domain("web")
    ended = guests.lookup_domain("web")
    assert (ended.id, ended.state, ended.reason, ended.active) == (None, "shut off", "shutdown", False)
    assert "started" not in ended.runtime
    assert guests.start_domain("web").id == 3, "an id is never given out twice"


def test_a_guest_can_be_started_paused(guests: HypervisorDriver) -> None:
    guests.define_domain(document())
    assert (guests.start_domain("web", paused=True).state, state(guests, "web")[1]) == ("paused", "starting up")
    assert guests.console_log("web") == b""
    guests.resume_domain("web")
    assert b"corral-guest: up" in guests.console_log("web")


def test_destroying_ends_running_and_paused_guests(guests: HypervisorDriver) -> None:
    guests.suspend_domain("test")
    guests.destroy_domain("test")
    assert state(guests, "test") == ("shut off", "destroyed")


WRONG = {
    "start_domain": ("test", "is running; it can be started only when it is shut off or crashed"),
    "resume_domain": ("test", "is running; it can be resumed only when it is paused"),
    "shutdown_domain": ("off", "is shut off; it can be shut down only when it is running"),
    "destroy_domain": ("off", "is shut off; it can be destroyed only when it is"),
    "suspend_domain": ("off", "is shut off; it can be paused only when it is running"),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_call_in_the_wrong_state_says_which_state_it_needs(guests: HypervisorDriver, call: str) -> None:
    guests.define_domain(document("off"))
    name, said = WRONG[call]
    with pytest.raises(OperationInvalid) as caught:
        getattr(guests, call)(name)
    assert said in str(caught.value)


def test_undefining_forgets_a_guest_that_is_off(guests: HypervisorDriver) -> None:
    guests.destroy_domain("test")
    guests.undefine_domain("test")
    assert guests.list_domains() == []


def test_undefining_makes_a_running_guest_transient(guests: HypervisorDriver) -> None:
    guests.define_domain(document("test", memory="<memory unit='GiB'>1</memory>"))
    guests.set_domain_autostart("test", True)
    guests.undefine_domain("test")
    guest = guests.lookup_domain("test")
    assert (guest.persistent, guest.active, guest.autostart) == (False, True, False)
    assert guests.domain_xml("test").findtext("memory") == "8388608"
    for call in ("undefine_domain", "set_domain_autostart"):
        with pytest.raises(OperationInvalid, match="transient"):
            getattr(guests, call)("test", *([True] if call.startswith("set") else []))
    guests.destroy_domain("test")
    assert guests.list_domains() == []


def test_a_transient_guest_becomes_persistent_again_when_it_is_defined(guests: HypervisorDriver) -> None:
    guests.undefine_domain("test")
    guests.define_domain(document("test"))
    assert guests.lookup_domain("test").persistent
    guests.destroy_domain("test")
    assert guests.domain_xml("test").findtext("memory") == "524288"


def test_autostart_is_kept_and_taken_away(guests: HypervisorDriver) -> None:
    for wanted in (True, True, False, False):
        guests.set_domain_autostart("test", wanted)
        assert guests.lookup_domain("test").autostart is wanted


# the console, and waiting


def test_the_console_greets_while_the_guest_runs(guests: HypervisorDriver) -> None:
    assert guests.console_log("test") == b"corral-guest: up\n"
    assert guests.console_log("test", size=3) == b"up\n"
    assert guests.console_log("test", size=0) == b""
    guests.shutdown_domain("test")
    assert guests.console_log("test") == b"corral-guest: up\ncorral-guest: down\n"


def test_waiting_for_the_console(guests: HypervisorDriver, host: FakeHost) -> None:
    before = host.uptime
    assert guests.wait_console("test", "corral-guest: up", timeout=5)
    assert host.uptime == before
    assert not guests.wait_console("test", "login:", timeout=5)
    assert host.uptime >= before + 5
    guests.destroy_domain("test")
    ended = host.uptime
    assert not guests.wait_console("test", "login:", timeout=5), "a guest that has ended says no more"
    assert host.uptime == ended


def test_waiting_for_a_state(guests: HypervisorDriver, host: FakeHost) -> None:
    assert guests.wait_domain("test", ["running"], timeout=5).id == 1
    with pytest.raises(TimedOut, match="'test' is still running after 5 seconds"):
        guests.wait_domain("test", ["shut off"], timeout=5)
    with pytest.raises(NotFound):
        guests.wait_domain("nobody", ["shut off"], timeout=5)


def test_another_run_brings_the_guest_there_while_we_wait(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = open_connection(f"test://{FILE}", host=host).hypervisor
    theirs = open_connection(f"test://{FILE}", host=host).hypervisor
    theirs.undefine_domain("test")
    slept: List[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        theirs.destroy_domain("test")

    monkeypatch.setattr(host, "sleep", sleep)
    gone = ours.wait_domain("test", ["shut off"], timeout=5)
    assert (gone.name, gone.uuid, gone.state, gone.persistent) == ("test", UUID, "shut off", False)
    assert len(slept) == 1


# what it does not do


@pytest.mark.parametrize("call", ["domain_argv", "layout"])
def test_there_is_no_command_line_and_no_layout(guests: HypervisorDriver, call: str) -> None:
    with pytest.raises(NoSupport, match=f"The test driver has no {call}"):
        getattr(guests, call)(*(["test"] if call == "domain_argv" else []))


def test_every_other_call_of_the_contract_is_served() -> None:
    """What a simulated guest ignores is nothing to warn of: the contract's own empty answer serves."""
    served = {call for call in contract(HypervisorDriver) if call in vars(SimulatedHypervisor)}
    empty = {"ignored_parts", "outdated_parts", "domain_figures", "domain_log", "saved_domain", "domain_remains"}
    empty |= {
        "domain_faults",
        "guard_links",
        "mend_domain",
        "settle_domain",
        "exclusive",
        "observe_domain",
        "explain_addresses",
        "explain_hang",
        "renamed_document",
    }
    without = {"domain_argv", "domain_command", "layout", "save_screenshot", "wait_agent", "wait_port", "agent_info"}
    without |= {"resize_disk", "inside", "save_domain", "forget_saved", "secrets_used"}
    assert set(contract(HypervisorDriver)) - served == empty | without


def test_a_guest_is_renamed_when_it_is_off(guests: HypervisorDriver) -> None:
    with pytest.raises(OperationInvalid, match="only one that is off can be renamed"):
        guests.rename_domain("test", "other")
    guests.destroy_domain("test")
    guests.check_rename("test", "other")
    assert guests.rename_domain("test", "other").uuid == UUID
    assert [found.name for found in guests.list_domains()] == ["other"]
    guests.define_domain(
        parse("<domain type='test'><name>b</name><memory>65536</memory><os><type>hvm</type></os></domain>")
    )
    with pytest.raises(AlreadyExists, match="there is a guest 'other' already"):
        guests.rename_domain("b", "other")


def test_a_transient_guest_lives_as_long_as_it_runs(guests: HypervisorDriver) -> None:
    document = parse("<domain type='test'><name>t</name><memory>65536</memory><os><type>hvm</type></os></domain>")
    made = guests.create_domain(document)
    assert (made.state, made.persistent) == ("running", False)
    assert made.id is not None
    with pytest.raises(AlreadyExists):
        guests.create_domain(document)
    guests.destroy_domain("t")
    with pytest.raises(NotFound):
        guests.lookup_domain("t")


def test_reset_and_reboot_leave_a_guest_where_it_was(guests: HypervisorDriver) -> None:
    guests.reboot_domain("test", timeout=1)
    guests.reset_domain("test")
    assert guests.lookup_domain("test").state == "running"
    guests.suspend_domain("test")
    guests.reset_domain("test")
    assert guests.lookup_domain("test").state == "paused"
    with pytest.raises(OperationInvalid, match="rebooted only when it is running"):
        guests.reboot_domain("test", timeout=1)


def test_what_stood_on_the_console_before_does_not_count(guests: HypervisorDriver) -> None:
    size = guests.console_size("test")
    assert guests.wait_console("test", "up", timeout=0)
    assert not guests.wait_console("test", "up", timeout=0, since=size)


def test_the_version_is_plain(guests: HypervisorDriver) -> None:
    assert guests.version() == {"hypervisor": "TEST", "version": "0.0.2"}
