# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network filters of a test host: what is kept, who uses them, and those that are there from the start."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import (
    Fault,
    Filter,
    FilterPort,
    NwfilterDriver,
    User,
    contract,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.nwfilter import SimulatedFilters
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    NotFound,
    OperationDenied,
    OperationInvalid,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.model.nwfilter.identity import FILTER
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

FILE = "/srv/lab.xml"
UUID = "7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10"


def document(name: str = "a", inside: str = "<rule action='drop' direction='in'/>") -> Element:
    return parse(f"<filter name='{name}'>{inside}</filter>")


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add_directory("/srv")
    return host


@pytest.fixture
def connection(host: FakeHost) -> Connection:
    return open_connection(f"test://{FILE}", host=host)


@pytest.fixture
def filters(connection: Connection) -> NwfilterDriver:
    return connection.nwfilter


def test_every_call_of_the_contract_is_served() -> None:
    served = {name for name in contract(NwfilterDriver) if name in vars(SimulatedFilters)}
    # locks, faults of single interfaces and their end have nothing to do here
    assert set(contract(NwfilterDriver)) - served == {"exclusive", "port_faults", "release_ports"}


def test_a_definition_is_complete_and_stays_what_it_was(filters: NwfilterDriver) -> None:
    first = filters.define_nwfilter(document())
    kept = filters.nwfilter_xml("a")
    assert first == filters.lookup_nwfilter("a") == filters.lookup_nwfilter(first.uuid.upper())
    assert first == Filter("a", kept.findtext("uuid") or "", "root")
    assert kept.find("rule").get("priority") == "500"
    assert compare(kept, filters.normalise_nwfilter(document()), FILTER) == ()
    assert filters.define_nwfilter(kept) == first
    assert filters.define_nwfilter(document(inside="")).uuid == first.uuid
    assert len(filters.nwfilter_xml("a")) == 1


def test_the_built_in_filters_are_there(filters: NwfilterDriver) -> None:
    found = filters.list_nwfilters()
    assert len(found) == 24 and all(each.builtin for each in found)
    assert filters.lookup_nwfilter("no-arp-mac-spoofing").priority == -520
    assert filters.nwfilter_users("no-arp-mac-spoofing") == [User("filter", "no-arp-spoofing")]
    with pytest.raises(OperationInvalid, match="built in"):
        filters.undefine_nwfilter("allow-arp")


def test_one_that_is_defined_counts_in_place_of_a_built_in_one(filters: NwfilterDriver) -> None:
    before = filters.lookup_nwfilter("allow-arp")
    mine = filters.define_nwfilter(document("allow-arp"))
    assert (mine.uuid, mine.builtin, mine.chain) == (before.uuid, False, "root")
    filters.undefine_nwfilter("allow-arp")
    assert filters.lookup_nwfilter("allow-arp") == before
    with_uuid = filters.define_nwfilter(document("clean-traffic", f"<uuid>{UUID}</uuid>"))
    assert with_uuid.uuid == UUID
    filters.define_nwfilter(document("u", "<filterref filter='clean-traffic'/>"))
    filters.undefine_nwfilter("clean-traffic")


def test_uuids_belong_to_one_filter(filters: NwfilterDriver) -> None:
    filters.define_nwfilter(document("a", f"<uuid>{UUID}</uuid>"))
    with pytest.raises(AlreadyExists, match="belongs to filter a"):
        filters.define_nwfilter(document("b", f"<uuid>{UUID}</uuid>"))
    with pytest.raises(AlreadyExists, match="exists with the uuid"):
        filters.define_nwfilter(document("a", f"<uuid>{UUID.replace('7f', '8f')}</uuid>"))


def test_what_is_used_stays(connection: Connection) -> None:
    filters = connection.nwfilter
    filters.define_nwfilter(document())
    filters.define_nwfilter(document("b", "<filterref filter='a'/>"))
    connection.hypervisor.define_domain(
        parse(
            "<domain><name>web</name><memory unit='MiB'>64</memory><devices><interface type='bridge'>"
            "<source bridge='br0'/><filterref filter='a'/></interface></devices></domain>"
        )
    )
    assert filters.nwfilter_users("a") == [User("filter", "b"), User("guest", "web")]
    with pytest.raises(OperationInvalid, match="used by filter b, guest web"):
        filters.undefine_nwfilter("a")
    filters.undefine_nwfilter("b")
    connection.hypervisor.undefine_domain("web")
    filters.undefine_nwfilter("a")
    for call in (filters.nwfilter_xml, filters.lookup_nwfilter, filters.nwfilter_users):
        with pytest.raises(NotFound):
            call("a")


def test_loops_are_refused(filters: NwfilterDriver) -> None:
    filters.define_nwfilter(document("a", "<filterref filter='b'/>"))
    for call in (filters.check_nwfilter, filters.define_nwfilter):
        with pytest.raises(XmlError, match="b -> a -> b"):
            call(document("b", "<filterref filter='a'/>"))


def test_faults_are_what_the_document_says(host: FakeHost, filters: NwfilterDriver) -> None:
    fault = "<corral:runtime><corral:fault what='table' detail='It is missing.'/></corral:runtime>"
    text = f"<node xmlns:corral='urn:corral-virt:test'><filter name='a'>{fault}</filter><filter name='.'/></node>"
    host.add_file(FILE, text.encode())
    assert filters.nwfilter_faults("a") == [Fault("table", "It is missing.")]
    assert len(filters.nwfilter_xml("a")) == 1 and len(filters.list_nwfilters()) == 25
    filters.mend_nwfilter("a")
    assert filters.nwfilter_faults("a") == []
    filters.mend_nwfilter("allow-arp")
    assert filters.nwfilter_faults("allow-arp") == []


def test_interfaces_need_filters_that_are_there(filters: NwfilterDriver) -> None:
    port = FilterPort("vnet0", "52:54:00:00:00:01", "web", "clean-traffic")
    filters.check_ports([port])
    filters.guard_ports([port])
    with pytest.raises(NotFound, match="'gone'"):
        filters.guard_ports([FilterPort("vnet0", "52:54:00:00:00:01", "web", "gone")])


def test_a_check_changes_nothing(host: FakeHost) -> None:
    filters = open_connection(f"test://{FILE}", host=host, read_only=True).nwfilter
    assert to_text(filters.normalise_nwfilter(document())).startswith('<filter name="a" chain="root">')
    with pytest.raises(OperationDenied):
        filters.define_nwfilter(document())
