# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of opening a connection, one after the other; they are written out in docs/connections.md.

1. which URI it is: the name, LIBVIRT_DEFAULT_URI, uri_default, probing; aliases; a URI that does not parse
2. the walk over the hypervisor drivers: SUCCESS, DECLINED, ERROR, nobody
3. probing
4. the walks over the other kinds, and empty slots
5. what is not local
6. read-only connections

Beside the real test driver stand small ones that are made here, so that every answer can be given.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.connect.tables import TABLES, Row
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import (
    CONTRACTS,
    Answer,
    Declined,
    Domain,
    HypervisorDriver,
    NetworkDriver,
    Request,
    Success,
    Summary,
    mutates,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.open import open_hypervisor
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    InvalidArgument,
    NoConnection,
    NoSupport,
    OperationDenied,
    UnsupportedConfig,
    UriError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.values import Uri

CONFIG = "/etc/corral/corral.conf"


class FakeHypervisor(HypervisorDriver):
    """Has one guest, and counts what is changed."""

    name = "fake"

    def __init__(self) -> None:
        self.started: List[str] = []
        self.closed = 0

    def list_domains(self) -> List[Domain]:
        return [Domain("g", "u", active=False)]

    @mutates
    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        self.started.append(name)
        return Domain(name, "u", active=True)

    def close(self) -> None:
        self.closed += 1


class FakeNetwork(NetworkDriver):
    name = "fakenet"

    def list_networks(self) -> List[Summary]:
        return [Summary("n", "u", active=True)]


class Driver:
    """A row that gives one answer, and the requests that it was asked."""

    def __init__(self, name: str, answer: Callable[[Request], Answer], schemes: Tuple[str, ...] = ()) -> None:
        self.asked: List[Request] = []
        self.answer = answer
        self.row = Row(name, self.open, schemes or (name,), f"{name}:///system")

    def open(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.answer(request)


def taking(name: str = "fake", uri: Optional[Uri] = None) -> Driver:
    return Driver(name, lambda request: Success(FakeHypervisor(), uri))


def declining(name: str, reason: str = "it has no mind to") -> Driver:
    return Driver(name, lambda request: Declined(reason))


def failing(name: str, error: CorralError) -> Driver:
    def fail(request: Request) -> Answer:
        raise error

    return Driver(name, fail)


def tables(*hypervisors: Driver, network: Tuple[Driver, ...] = ()) -> Dict[str, Tuple[Row, ...]]:
    filled = {"hypervisor": tuple(driver.row for driver in hypervisors), "network": tuple(d.row for d in network)}
    return {kind.kind: filled.get(kind.kind, ()) for kind in CONTRACTS}


def real() -> Driver:
    return Driver("test", open_hypervisor)


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


# 1. which URI


def test_rule_1_a_name_counts_before_everything_else(host: FakeHost) -> None:
    host.environment["LIBVIRT_DEFAULT_URI"] = "fake:///env"
    host.add_file(CONFIG, b'uri_default = "fake:///config"')
    connection = open_connection("fake:///name", host=host, tables=tables(taking()))
    assert connection.uri == "fake:///name"
    assert connection.explain()["source"] == "argument"


@pytest.mark.parametrize("name", [None, ""])
def test_rule_1_environment_default(host: FakeHost, name: Optional[str]) -> None:
    host.environment["LIBVIRT_DEFAULT_URI"] = "fake:///env"
    host.add_file(CONFIG, b'uri_default = "fake:///config"')
    connection = open_connection(name, host=host, tables=tables(taking()))
    assert connection.uri == "fake:///env"
    assert connection.explain()["source"] == "environment"


@pytest.mark.parametrize("environment", [{}, {"LIBVIRT_DEFAULT_URI": ""}])
def test_rule_1_configured_default(host: FakeHost, environment: Dict[str, str]) -> None:
    host.environment.update(environment)
    host.add_file(CONFIG, b'uri_default = "fake:///config"')
    driver = taking()
    connection = open_connection(host=host, tables=tables(driver))
    assert connection.uri == "fake:///config"
    assert driver.asked[0].uri == Uri("fake", path="/config")
    assert (connection.explain()["source"], connection.explain()["config"]) == ("config", CONFIG)


@pytest.mark.parametrize("source", ["argument", "environment", "config"])
def test_rule_1_aliases_are_expanded_wherever_the_name_comes_from(host: FakeHost, source: str) -> None:
    default = b'uri_default = "lab"\n' if source == "config" else b""
    host.add_file(CONFIG, default + b'uri_aliases = ["other=fake:///o", "lab=fake:///l?x=1"]')
    if source == "environment":
        host.environment["LIBVIRT_DEFAULT_URI"] = "lab"
    connection = open_connection("lab" if source == "argument" else None, host=host, tables=tables(taking()))
    assert connection.uri == "fake:///l?x=1"
    explained = connection.explain()
    assert (explained["source"], explained["alias"], explained["requested"]) == (source, "lab", "lab")


def test_rule_1_a_name_that_is_no_alias_is_an_error_that_names_the_file(host: FakeHost) -> None:
    driver = taking()
    with pytest.raises(UriError, match=r"'lab' is neither a URI nor an alias in /etc/corral/corral.conf; write"):
        open_connection("lab", host=host, tables=tables(driver))
    assert not driver.asked


def test_rule_1_a_bad_alias_entry_is_an_error(host: FakeHost) -> None:
    host.add_file(CONFIG, b'uri_aliases = [\n"lab=fake:///l",\n"broken"]')
    with pytest.raises(InvalidArgument, match=r"corral.conf, line 1: 'broken' in uri_aliases is not an alias"):
        open_connection("lab", host=host, tables=tables(taking()))


def test_rule_1_a_full_uri_needs_no_configuration_file(host: FakeHost) -> None:
    host.add_file(CONFIG, b"broken")
    assert open_connection("fake:///x", host=host, tables=tables(taking())).uri == "fake:///x"
    assert ("read", CONFIG) not in host.calls


def test_rule_1_a_uri_that_does_not_parse_is_an_error_before_any_driver_is_asked(host: FakeHost) -> None:
    driver = taking()
    with pytest.raises(UriError, match="did you mean fake:///system"):
        open_connection("fake://system", host=host, tables=tables(driver))
    assert not driver.asked


def test_rule_1_the_error_says_where_a_bad_uri_stands(host: FakeHost) -> None:
    host.environment["LIBVIRT_DEFAULT_URI"] = "qemu:system"
    with pytest.raises(UriError, match=r"^LIBVIRT_DEFAULT_URI: .* did you mean qemu:///system\?"):
        open_connection(host=host, tables=tables(taking()))
    host.environment["LIBVIRT_DEFAULT_URI"] = ""
    host.add_file(CONFIG, b'uri_default = "qemu:system"')
    with pytest.raises(UriError, match=r"^uri_default in /etc/corral/corral.conf: "):
        open_connection(host=host, tables=tables(taking()))


# 2. the hypervisor table


def test_rule_2_the_first_success_takes_the_slot(host: FakeHost) -> None:
    first, second, third = declining("first"), taking("second"), taking("third")
    connection = open_connection("fake:///x", host=host, tables=tables(first, second, third))
    assert connection.hypervisor.list_domains()[0].name == "g"
    assert [len(driver.asked) for driver in (first, second, third)] == [1, 1, 0]
    assert connection.explain()["tables"]["hypervisor"] == [
        {"driver": "first", "answer": "declined", "reason": "it has no mind to"},
        {"driver": "second", "answer": "success"},
    ]


def test_rule_2_an_error_ends_the_walk_and_is_what_the_user_sees(host: FakeHost) -> None:
    error, last = UnsupportedConfig("There is no QEMU here; install one."), taking("last")
    walk = tables(declining("first"), failing("second", error), last)
    with pytest.raises(UnsupportedConfig) as caught:
        open_connection("fake:///x", host=host, tables=walk)
    assert caught.value is error
    assert not last.asked
    rows = caught.value.details["connection"]["tables"]["hypervisor"]
    assert [row["answer"] for row in rows] == ["declined", "error"]
    assert rows[1]["reason"] == "There is no QEMU here; install one."


def test_rule_2_all_declined_lists_every_driver_and_why(host: FakeHost) -> None:
    walk = tables(declining("one", "it is tired."), declining("two", "it is away"))
    with pytest.raises(NoConnection) as caught:
        open_connection("fake:///x", host=host, tables=walk)
    assert "No driver takes fake:///x (one declined: it is tired; two declined: it is away)." in str(caught.value)
    assert caught.value.details["connection"]["requested"] == "fake:///x"


ADVICE = {
    "kemu:///system": "Did you mean qemu:///system?",
    "qeum:///system?a=b%26": "Did you mean qemu:///system?a=b%26?",
    "tset://": "Did you mean test:///system?",
    "kvm:///system": "Did you mean qemu:///system?",
    "lxc:///": "There is no LXC driver in corral.virt yet; it has qemu and test.",
    "xen+ssh://h/system": "There is no Xen driver in corral.virt yet; it has qemu and test.",
    "vbox:///session": "There is no VirtualBox driver in corral.virt yet",
    "esx://h/?no_verify=1": "There is no VMware ESX driver in corral.virt yet",
    "bhyve:///system": "There is no bhyve driver in corral.virt yet",
    "http://example.com/": "Write qemu:///system, qemu:///session or test:///default.",
}


@pytest.mark.parametrize(("uri", "advice"), ADVICE.items(), ids=list(ADVICE))
def test_rule_2_an_unknown_scheme_is_answered_by_what_to_write(host: FakeHost, uri: str, advice: str) -> None:
    with pytest.raises(NoConnection) as caught:
        open_connection(uri, host=host, tables=tables(declining("test"), declining("qemu")))
    assert advice in (caught.value.hint or "")


@pytest.mark.parametrize("uri", ["kemu:///system", "lxc:///system", "http://example.com/"])
def test_rule_2_with_the_real_tables_every_driver_says_why_it_declined(host: FakeHost, uri: str) -> None:
    with pytest.raises(NoConnection) as caught:
        open_connection(uri, host=host)
    scheme = uri.split(":")[0]
    assert f"test declined: it serves test:// URIs, not {scheme}://; qemu declined: " in caught.value.message
    assert [row["driver"] for row in caught.value.details["connection"]["tables"]["hypervisor"]] == ["test", "qemu"]


def test_rule_2_with_the_real_tables_the_qemu_driver_ends_the_walk_at_a_bad_path(host: FakeHost) -> None:
    host.add_program("qemu-system-x86_64")
    with pytest.raises(UriError, match=r"'/sytem'.*qemu:///system"):
        open_connection("qemu:///sytem", host=host)


# 3. probing


def test_rule_3_without_a_uri_the_drivers_are_probed(host: FakeHost) -> None:
    prober = taking("qemu", Uri("qemu", path="/system"))
    connection = open_connection(host=host, tables=tables(real(), prober))
    assert prober.asked[0].uri is None
    assert connection.uri == "qemu:///system"
    explained = connection.explain()
    assert (explained["source"], explained["requested"]) == ("probe", None)


def test_rule_3_the_driver_that_was_found_sets_the_uri_for_the_other_kinds(host: FakeHost) -> None:
    network = Driver("net", lambda request: Success(FakeNetwork()))
    walk = tables(taking("qemu", Uri("qemu", path="/session")), network=(network,))
    open_connection(host=host, tables=walk)
    assert network.asked[0].uri == Uri("qemu", path="/session")


def test_rule_3_a_host_without_any_hypervisor_is_told_what_is_missing(host: FakeHost) -> None:
    with pytest.raises(NoConnection) as caught:
        open_connection(host=host)
    said = str(caught.value)
    assert said.startswith("No driver was found that can run here (test declined: ")
    assert "qemu declined: The program qemu-system-x86_64 is missing" in said
    assert said.endswith("Mend what is missing, or write test:///default to try things without a hypervisor.")


@pytest.mark.parametrize(("euid", "uri"), [(0, "qemu:///system"), (1000, "qemu:///session")])
def test_rule_3_probing_takes_qemu_for_root_and_for_a_user(euid: int, uri: str) -> None:
    machine = FakeHost(euid=euid)
    machine.add_program("qemu-system-x86_64")
    connection = open_connection(host=machine, read_only=True)
    assert connection.uri == uri
    assert connection.hypervisor.name == "qemu"
    assert connection.network.name == "network"


def test_rule_3_the_test_driver_is_never_probed_for(host: FakeHost) -> None:
    with pytest.raises(NoConnection, match=r"No driver was found that can run here \(test declined: it is opened by"):
        open_connection(host=host, tables=tables(real()))


# 4. the other tables


def test_rule_4_the_other_tables_are_walked_with_the_hypervisor_driver(host: FakeHost) -> None:
    first = declining("first")
    second = Driver("second", lambda request: Success(FakeNetwork()))
    third = Driver("third", lambda request: Success(FakeNetwork()))
    walk = tables(taking(), network=(first, second, third))
    connection = open_connection("fake:///x", host=host, read_only=True, auth={"user": "me"}, tables=walk)
    assert connection.network.list_networks()[0].name == "n"
    assert not third.asked
    (request,) = second.asked
    assert isinstance(request.hypervisor, FakeHypervisor)
    assert (request.uri, request.read_only, request.auth) == (Uri("fake", path="/x"), True, {"user": "me"})


def test_rule_4_declined_leaves_the_slot_empty_and_a_call_names_itself_and_the_uri(host: FakeHost) -> None:
    walk = tables(taking(), network=(declining("first"),))
    connection = open_connection("fake:///x", host=host, tables=walk)
    assert not connection.network
    with pytest.raises(NoSupport, match=r"^fake:///x has no network driver, so there is no list_networks\.$"):
        connection.network.list_networks()
    assert connection.explain()["tables"]["network"] == [
        {"driver": "first", "answer": "declined", "reason": "it has no mind to"}
    ]


def test_rule_4_an_empty_table_is_an_empty_slot(host: FakeHost) -> None:
    connection = open_connection("fake:///x", host=host, tables=tables(taking()))
    with pytest.raises(NoSupport, match="no secret driver"):
        connection.secret.list_secrets()


def test_rule_4_an_error_of_another_kind_ends_the_walk_too(host: FakeHost) -> None:
    walk = tables(taking(), network=(failing("net", UnsupportedConfig("No nft; install it.")),))
    with pytest.raises(UnsupportedConfig, match="No nft; install it"):
        open_connection("fake:///x", host=host, tables=walk)


def test_rule_4_every_kind_of_driver_has_a_table_and_a_slot(host: FakeHost) -> None:
    assert list(TABLES) == [kind.kind for kind in CONTRACTS]
    connection = open_connection("test:///default", host=host)
    slots = ("hypervisor", "network", "interface", "storage", "node_device", "secret", "nwfilter")
    assert [bool(getattr(connection, slot)) for slot in slots] == [True, True, True, True, True, False, True]


def test_rule_4_the_test_driver_serves_no_other_hypervisors_networks(host: FakeHost) -> None:
    connection = open_connection("fake:///x", host=host, tables={**TABLES, "hypervisor": (taking().row,)})
    assert [bool(slot) for slot in (connection.network, connection.storage, connection.interface)] == [False] * 3
    reasons = connection.explain()["tables"]["network"]
    assert [(row["driver"], row["answer"]) for row in reasons] == [("test", "declined"), ("network", "declined")]
    assert reasons[0]["reason"] == "it goes with the test hypervisor driver only"
    assert reasons[1]["reason"] == "it serves the guests of the qemu driver, and the hypervisor driver is fake"


# 5. what is not local


@pytest.mark.parametrize("uri", ["test://h/default", "test+ssh://me@h/default", "test+unix:///default"])
def test_rule_5_a_server_or_a_transport_is_left_to_a_remote_driver(host: FakeHost, uri: str) -> None:
    with pytest.raises(NoConnection) as caught:
        open_connection(uri, host=host, tables=tables(real()))
    assert "test declined: it serves this host only" in caught.value.message
    assert (
        caught.value.hint == "Remote URIs are not served yet: let Ansible reach that host, and write test:///default."
    )


def test_rule_5_a_foreign_scheme_is_declined(host: FakeHost) -> None:
    connection = open_connection("fake:///x", host=host, tables=tables(real(), taking()))
    assert connection.explain()["tables"]["hypervisor"][0] == {
        "driver": "test",
        "answer": "declined",
        "reason": "it serves test:// URIs, not fake://",
    }


# 6. read-only


def test_rule_6_a_read_only_connection_refuses_every_changing_call(host: FakeHost) -> None:
    connection = open_connection("test:///default", host=host, read_only=True)
    changing = [name for name in dir(connection.hypervisor) if name.endswith("_domain") and name not in READING]
    assert {"define_domain", "undefine_domain", "start_domain", "destroy_domain"} <= set(changing)
    for name in [*changing, "set_domain_autostart"]:
        with pytest.raises(OperationDenied, match=f"test:///default is read-only, and {name} changes something"):
            getattr(connection.hypervisor, name)("test")
    assert connection.hypervisor.lookup_domain("test").state == "running"


READING = {"lookup_domain", "normalise_domain", "observe_domain", "saved_domain", "wait_domain"}


def test_rule_6_the_driver_is_never_reached(host: FakeHost) -> None:
    driver = FakeHypervisor()
    walk = tables(Driver("fake", lambda request: Success(driver)))
    with pytest.raises(OperationDenied):
        open_connection("fake:///x", host=host, read_only=True, tables=walk).hypervisor.start_domain("g")
    assert driver.started == []
    open_connection("fake:///x", host=host, tables=walk).hypervisor.start_domain("g")
    assert driver.started == ["g"]


def test_rule_6_what_is_missing_is_told_before_what_is_forbidden(host: FakeHost) -> None:
    walk = tables(Driver("net", lambda request: Declined("")), network=())
    walk["hypervisor"] = (taking().row,)
    connection = open_connection("fake:///x", host=host, read_only=True, tables=walk)
    with pytest.raises(NoSupport):
        connection.nwfilter.list_nwfilters()


# settling


@pytest.mark.parametrize("read_only", [False, True])
def test_what_died_is_cleaned_up_once_all_drivers_have_met(host: FakeHost, read_only: bool) -> None:
    """A guest that has ended leaves rules with the driver of another slot, which then knows who else needs its own."""
    told: List[str] = []
    hypervisor, network = FakeHypervisor(), FakeNetwork()
    for driver in (hypervisor, network):
        driver.meet = lambda neighbours, name=driver.name: told.append(f"{name} meets")  # type: ignore[method-assign,misc]
        driver.settle = lambda name=driver.name: told.append(f"{name} settles")  # type: ignore[method-assign,misc]
    walk = tables(
        Driver("fake", lambda request: Success(hypervisor)),
        network=(Driver("net", lambda request: Success(network)),),
    )
    open_connection("fake:///x", host=host, read_only=read_only, tables=walk)
    assert told[:2] == ["fake meets", "fakenet meets"]
    assert told[2:] == ([] if read_only else ["fake settles", "fakenet settles"])


# explaining and closing


def test_a_connection_explains_itself_in_plain_values(host: FakeHost) -> None:
    import json

    explained = open_connection("test:///default", host=host, read_only=True).explain()
    assert json.loads(json.dumps(explained)) == explained
    assert explained["uri"] == "test:///default"
    assert explained["read_only"] is True
    assert explained["drivers"]["hypervisor"] == {"name": "test", "state": "memory"}
    assert [row["answer"] for row in explained["tables"]["secret"]] == ["declined"]


def test_a_connection_closes_its_drivers_once_and_serves_no_more(host: FakeHost) -> None:
    driver = FakeHypervisor()
    walk = tables(Driver("fake", lambda request: Success(driver)))
    with open_connection("fake:///x", host=host, tables=walk) as connection:
        assert connection.hypervisor.list_domains()
    connection.close()
    assert driver.closed == 1
    with pytest.raises(CorralError, match=r"The connection to fake:///x is closed; open it again"):
        connection.hypervisor.list_domains()
