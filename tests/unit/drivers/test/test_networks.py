# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of a test host: their life, what is chosen for them, and the guests that are connected."""

from __future__ import annotations

from typing import Callable, Dict

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import NetworkDriver, contract
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.network import SimulatedNetwork
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    InvalidArgument,
    NotFound,
    OperationInvalid,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.model.network.identity import NETWORK
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

FILE = "/srv/lab.xml"
URI = f"test://{FILE}"
UUID = "dd8fe884-6c02-601e-7551-cca97df1c5df"


def document(name: str = "lab", inner: str = "", *, ip: str = "<ip><dhcp><range/></dhcp></ip>") -> Element:
    return parse(f"<network><name>{name}</name><forward mode='nat'/>{ip}{inner}</network>")


def guest(name: str, network: str = "lab", *, mac: str = "", portgroup: str = "") -> Element:
    source = f"<source network='{network}'{f' portgroup={portgroup!r}' if portgroup else ''}/>"
    address = f"<mac address='{mac}'/>" if mac else ""
    return parse(
        f"<domain><name>{name}</name><memory unit='MiB'>64</memory><devices><interface type='network'>{address}"
        f"{source}</interface></devices></domain>"
    )


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add_directory("/srv")
    return host


@pytest.fixture
def connection(host: FakeHost) -> Connection:
    return open_connection(URI, host=host)


@pytest.fixture
def networks(connection: Connection) -> NetworkDriver:
    return connection.network


# what is kept, and what is chosen


def test_the_default_network_and_its_guest() -> None:
    default = open_connection("test:///default").network
    (network,) = default.list_networks()
    assert (network.name, network.uuid, network.active, network.persistent) == ("default", UUID, True, True)
    assert network == default.lookup_network(UUID)
    assert default.network_guests("default") == ["test"]
    assert [lease.address for lease in default.network_leases("default")] == ["192.168.122.2"]


def test_a_definition_is_complete_and_stays_what_it_was(networks: NetworkDriver) -> None:
    first = networks.define_network(document())
    kept = networks.network_xml("lab")
    assert not first.active
    assert kept.find("bridge").get("name") == "virbr0"
    assert dict(kept.find("ip").attrib) == {"address": "192.168.122.1", "prefix": "24"}
    assert dict(kept.find("ip/dhcp/range").attrib) == {"start": "192.168.122.2", "end": "192.168.122.254"}
    assert compare(kept, networks.normalise_network(document()), NETWORK) == ()
    assert compare(kept, networks.normalise_network(kept), NETWORK) == ()
    assert networks.define_network(document()) == first


def test_bridges_and_subnets_of_two_networks_are_not_the_same(networks: NetworkDriver) -> None:
    for name in ("a", "b", "c"):
        networks.define_network(document(name))
    found = [networks.network_xml(name) for name in "abc"]
    assert [network.find("bridge").get("name") for network in found] == ["virbr0", "virbr1", "virbr2"]
    assert [network.find("ip").get("address") for network in found] == [f"192.168.{n}.1" for n in (122, 123, 124)]
    with pytest.raises(AlreadyExists, match="virbr1 belongs to another network"):
        networks.define_network(parse("<network><name>d</name><bridge name='virbr1'/></network>"))


@pytest.mark.parametrize(
    ("ip", "address", "start", "end"),
    [
        ("<ip family='ipv6'><dhcp><range/></dhcp></ip>", "fd00:c0:0:7a::1", "fd00:c0:0:7a::2", "fd00:c0:0:7a::ffff"),
        ("<ip prefix='28'><dhcp><range/></dhcp></ip>", "192.168.7.161", "192.168.7.162", "192.168.7.174"),
        (
            "<ip address='10.0.0.254' prefix='24'><dhcp><range/></dhcp></ip>",
            "10.0.0.254",
            "10.0.0.1",
            "10.0.0.253",
        ),
    ],
)
def test_the_rest_of_a_subnet_is_given_out(
    networks: NetworkDriver, ip: str, address: str, start: str, end: str
) -> None:
    found = networks.normalise_network(document(ip=ip))
    assert found.find("ip").get("address") == address
    assert dict(found.find("ip/dhcp/range").attrib) == {"start": start, "end": end}


BAD: Dict[str, str] = {
    "<network/>": "has no <name>",
    "<network><name>a/b</name></network>": "a slash",
    "<domain><name>a</name></domain>": "write a <network>",
    "<network><name>a</name><uuid>x</uuid></network>": "is not a uuid",
    "<network><name>a</name><ip address='10.0.0.1' prefix='32'><dhcp><range/></dhcp></ip></network>": "no room",
    "<network><name>a</name><ip prefix='8'/></network>": "no subnet left",
    "<network><name>a</name><mac address='x'/></network>": "is not a MAC address",
}


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_what_is_refused(networks: NetworkDriver, text: str, said: str) -> None:
    for call in (networks.define_network, networks.normalise_network, networks.create_network):
        with pytest.raises(CorralError, match=said):
            call(parse(text))
    assert networks.list_networks() == []


def test_names_and_uuids_that_are_taken(networks: NetworkDriver) -> None:
    networks.define_network(document(inner=f"<uuid>{UUID}</uuid>"))
    with pytest.raises(AlreadyExists, match=f"'lab' is there already, with the uuid {UUID}"):
        networks.define_network(document(inner=f"<uuid>{UUID[:-1]}0</uuid>"))
    with pytest.raises(AlreadyExists, match=f"{UUID} belongs to the network 'lab' already"):
        networks.define_network(document("other", f"<uuid>{UUID}</uuid>"))


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("<network><name>a</name></network><network><name>a</name></network>", "two networks named a"),
        ("<network><name>a</name><mtu size='x'/><mac address='y'/></network>", "cannot be used"),
    ],
)
def test_a_file_with_networks_that_cannot_be(host: FakeHost, inner: str, said: str) -> None:
    host.add_file(FILE, f"<node>{inner}</node>".encode())
    with pytest.raises(XmlError, match=said):
        open_connection(URI, host=host)


# its life


def test_a_network_is_started_and_taken_down(networks: NetworkDriver) -> None:
    networks.define_network(document())
    with pytest.raises(OperationInvalid, match="is not active; start it first"):
        networks.destroy_network("lab")
    assert networks.start_network("lab").active
    with pytest.raises(OperationInvalid, match="is active already"):
        networks.start_network("lab")
    networks.destroy_network("lab")
    assert not networks.lookup_network("lab").active
    networks.undefine_network("lab")
    assert networks.list_networks() == []


def test_another_connection_sees_it(host: FakeHost, networks: NetworkDriver) -> None:
    networks.define_network(document())
    networks.start_network("lab")
    networks.set_network_autostart("lab", True)
    other = open_connection(URI, host=host, read_only=True).network.lookup_network("lab")
    assert (other.active, other.autostart, other.persistent) == (True, True, True)


def test_an_active_network_goes_on_with_the_document_it_was_started_with(networks: NetworkDriver) -> None:
    networks.define_network(document())
    networks.start_network("lab")
    wanted = networks.normalise_network(document(inner="<mtu size='9000'/><title>new</title>"))
    networks.define_network(wanted)
    live, kept = networks.network_xml("lab"), networks.network_xml("lab", inactive=True)
    assert (live.find("mtu"), kept.find("mtu").get("size")) == (None, "9000")
    changes = [change for change in compare(live, kept, NETWORK) if change.place == "title"]
    networks.update_network("lab", wanted, changes)
    live = networks.network_xml("lab")
    assert (live.findtext("title"), live.find("mtu")) == ("new", None)
    networks.destroy_network("lab")
    networks.start_network("lab")
    assert networks.network_xml("lab").find("mtu").get("size") == "9000"


def test_a_transient_network_is_gone_when_it_ends(networks: NetworkDriver) -> None:
    network = networks.create_network(document())
    assert (network.active, network.persistent) == (True, False)
    for refused in (networks.undefine_network, lambda name: networks.set_network_autostart(name, True)):
        with pytest.raises(OperationInvalid, match="is transient"):
            refused("lab")
    with pytest.raises(AlreadyExists, match="start that one"):
        networks.create_network(document())
    networks.destroy_network("lab")
    assert networks.list_networks() == []


def test_an_active_network_without_its_definition_is_transient(networks: NetworkDriver) -> None:
    networks.define_network(document())
    networks.start_network("lab")
    networks.undefine_network("lab")
    assert not networks.lookup_network("lab").persistent
    assert networks.define_network(document()).persistent


def test_a_network_that_is_not_there(networks: NetworkDriver) -> None:
    calls: list[Callable[[str], object]] = [
        networks.lookup_network,
        networks.network_xml,
        networks.network_guests,
        networks.network_leases,
        networks.network_faults,
        networks.start_network,
        networks.destroy_network,
        networks.undefine_network,
        networks.mend_network,
    ]
    for call in calls:
        with pytest.raises(NotFound, match=r"no network .*'nobody'"):
            call("nobody")


def test_a_fault_that_is_written_into_the_file_is_found_and_mended(host: FakeHost, networks: NetworkDriver) -> None:
    networks.define_network(document())
    networks.start_network("lab")
    networks.set_network_autostart("lab", True)
    text = host.files[FILE].data.decode()
    fault = "<corral:fault what='bridge' detail='it is missing'/></corral:runtime>"
    host.add_file(FILE, text.replace('autostart="yes"/>', f'autostart="yes">{fault}').encode())
    (found,) = networks.network_faults("lab")
    assert (found.what, found.detail) == ("bridge", "it is missing")
    networks.mend_network("lab")
    assert networks.network_faults("lab") == []
    assert networks.lookup_network("lab").autostart


def test_looking_changes_nothing(host: FakeHost, networks: NetworkDriver) -> None:
    networks.define_network(document())
    before = host.mutations
    wanted = document()
    text = to_text(wanted)
    networks.normalise_network(wanted)
    networks.network_guests("lab")
    assert (host.mutations, to_text(wanted)) == (before, text)


def test_every_call_of_the_contract_is_served() -> None:
    served = {call for call in contract(NetworkDriver) if call in vars(SimulatedNetwork)}
    assert set(contract(NetworkDriver)) - served == {
        "check_network",
        "check_mend",
        "ignored_network_parts",
        "network_advice",
        "exclusive",
        "renew_limits",
    }


# guests on it


def test_fifty_guests_on_one_network(connection: Connection) -> None:
    connection.network.define_network(document())
    connection.network.start_network("lab")
    names = [f"guest{number:02}" for number in range(50)]
    for name in names:
        connection.hypervisor.define_domain(guest(name))
        connection.hypervisor.start_domain(name)
    assert connection.network.network_guests("lab") == names
    leases = connection.network.network_leases("lab")
    assert [lease.hostname for lease in leases] == names
    assert len({lease.address for lease in leases}) == len({lease.mac for lease in leases}) == 50
    for name in names[:25]:
        connection.hypervisor.destroy_domain(name)
    assert connection.network.network_guests("lab") == names[25:]
    connection.network.destroy_network("lab")
    assert len(connection.network.network_guests("lab")) == 25
    assert connection.network.network_leases("lab") == []


def test_a_reserved_address_is_given_to_its_guest_only(connection: Connection) -> None:
    host = "<host mac='52:54:00:00:00:09' ip='10.0.0.2'/>"
    ip = f"<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.3'/>{host}</dhcp></ip>"
    connection.network.create_network(document(ip=ip))
    for name, mac in (("a", ""), ("b", "52:54:00:00:00:09"), ("c", "")):
        connection.hypervisor.create_domain(guest(name, mac=mac))
    leases = {lease.hostname: lease.address for lease in connection.network.network_leases("lab")}
    assert leases == {"a": "10.0.0.3", "b": "10.0.0.2"}


def test_a_guest_does_not_start_on_a_network_that_cannot_take_it(connection: Connection) -> None:
    guests = connection.hypervisor
    guests.define_domain(guest("web"))

    def refused(said: str, kind: type[CorralError]) -> None:
        wanted = guests.domain_xml("web")
        for call in (lambda: guests.start_domain("web"), lambda: guests.check_start(wanted)):
            with pytest.raises(kind, match=said):
                call()
        assert not guests.lookup_domain("web").active

    refused("no network named 'lab'", NotFound)
    connection.network.define_network(document(inner="<portgroup name='staff'/>"))
    refused("'lab' is not active", OperationInvalid)
    connection.network.start_network("lab")
    guests.define_domain(guest("web", portgroup="visitors"))
    refused("'lab' has no portgroup named 'visitors'", NotFound)
    guests.define_domain(guest("web", portgroup="staff"))
    assert guests.start_domain("web").active
    with pytest.raises(NotFound, match="no network named 'gone'"):
        guests.create_domain(guest("other", "gone"))
    assert [found.name for found in guests.list_domains()] == ["web"]


def test_what_an_interface_really_is(networks: NetworkDriver) -> None:
    inner = (
        "<vlan><tag id='7'/></vlan><bandwidth><inbound average='9'/></bandwidth><port isolated='yes'/>"
        "<portgroup name='staff'><vlan><tag id='8'/></vlan><bandwidth><inbound average='1'/></bandwidth></portgroup>"
    )
    networks.create_network(document(inner=inner))
    plain, staff = (
        networks.actual_interface(guest("a", portgroup=group).find("devices/interface")) for group in ("", "staff")
    )
    assert plain.find("source").get("bridge") == "virbr0"
    assert (plain.find("vlan/tag").get("id"), plain.find("bandwidth")) == ("7", None)
    assert (staff.find("vlan/tag").get("id"), staff.find("bandwidth/inbound").get("average")) == ("8", "1")
    assert staff.find("port").get("isolated") == "yes"
    with pytest.raises(InvalidArgument):
        networks.define_network(parse("<network><name>.</name></network>"))
