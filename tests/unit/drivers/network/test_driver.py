# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks from their definition to their end, on a host in memory."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.network.default import default_network
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    MissingProgram,
    NotFound,
    OperationDenied,
    OperationFailed,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import (
    CONF6,
    FORWARD,
    Guests,
    NetHost,
    document,
    driver_on,
)


@pytest.fixture
def host() -> NetHost:
    return NetHost()


def test_a_definition_is_kept_and_completed(host: NetHost) -> None:
    driver = driver_on(host)
    defined = driver.define_network(document())
    assert (defined.name, defined.active, defined.persistent, defined.bridge) == ("a", False, True, "virbr7")
    assert driver.network_xml("a").findtext("uuid") == defined.uuid
    again = driver.normalise_network(document())
    assert again.findtext("uuid") == defined.uuid
    assert driver.lookup_network(defined.uuid.upper().replace("-", "")) == defined
    assert driver.network_faults("a") == []
    with pytest.raises(NotFound, match="no network with the name or uuid 'b'"):
        driver.lookup_network("b")


def test_a_start_makes_everything(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document(more="<route address='203.0.113.0' prefix='24' gateway='192.0.2.2'/>"))
    started = driver.start_network("a")
    bridge = host.nodes["virbr7"]
    assert started.active
    assert (bridge.kind, bridge.up, bridge.stp) == ("bridge", True, 1)
    assert host.addresses == [("virbr7", "192.0.2.1/24")]
    assert [(each["dst"], each["gateway"]) for each in host.routes] == [("203.0.113.0/24", "192.0.2.2")]
    assert host.setting(FORWARD["ipv4"]) == "1"
    assert host.setting(FORWARD["ipv6"]) == "0"
    assert host.setting(f"{CONF6}/virbr7/disable_ipv6") == "1"
    assert "virbr7" in host.tables["corral"]
    (server,) = host.servers()
    assert server.command is not None
    assert server.command.argv[1] == "--keep-in-foreground"
    assert started.runtime["dnsmasq"] == server.process.pid
    assert driver.network_faults("a") == []
    with pytest.raises(OperationInvalid, match="already active"):
        driver.start_network("a")


def test_what_dnsmasq_reads_again_can_be_read_by_its_user(host: NetHost) -> None:
    host.users["dnsmasq"] = (999, 999)
    driver = driver_on(host)
    driver.define_network(document(hosts="<host mac='52:54:00:00:00:01' ip='192.0.2.11'/>"))
    driver.start_network("a")
    for path in ("/var/lib/corral/networks/a.hosts", "/var/lib/corral/networks/a.addnhosts"):
        assert host.files[path].mode == 0o644
    assert host.files["/var/lib/corral/networks"].mode == 0o711
    (server,) = host.servers()
    assert server.command is not None
    assert "--user=dnsmasq" in server.command.argv


def test_a_directory_that_dnsmasqs_user_cannot_pass_is_named(host: NetHost) -> None:
    host.users["nobody"] = (65534, 65534)
    host.add_directory("/srv/closed", mode=0o700)
    driver = driver_on(host, Guests(host, Layout.embed("/srv/closed", private=False)))
    driver.define_network(document())
    with pytest.raises(OperationFailed, match="which runs as nobody, cannot get through /srv/closed to its lists"):
        driver.start_network("a")
    assert (host.nodes, host.tables) == ({}, {})
    host.change_mode("/srv/closed", 0o701)
    assert driver.start_network("a").active


def test_an_end_leaves_nothing_but_leases(host: NetHost) -> None:
    driver = driver_on(host)
    before = {*host.files}
    driver.define_network(document())
    driver.start_network("a")
    host.add_file("/var/lib/corral/networks/a.leases", b"0 52:54:00:00:00:01 192.0.2.11 * *\n")
    driver.destroy_network("a")
    assert (host.nodes, host.addresses, host.tables, host.servers()) == ({}, [], {}, [])
    left = {path for path in {*host.files} - before if host.files[path].kind == "file" and "/proc/" not in path}
    assert left == {
        "/etc/corral/networks/a.xml",
        "/var/lib/corral/networks/a.leases",
        "/var/log/corral/networks/a.log",
    }
    assert [lease.address for lease in driver.network_leases("a")] == ["192.0.2.11"]
    assert host.setting(FORWARD["ipv4"]) == "1"
    with pytest.raises(OperationInvalid, match="not active"):
        driver.destroy_network("a")
    driver.undefine_network("a")
    assert host.stat("/var/lib/corral/networks/a.leases") is None


def test_two_networks_share_the_table(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    driver.define_network(document(name="b", bridge="virbr8", net="198.51.100"))
    driver.start_network("a")
    driver.start_network("b")
    assert "virbr7" in host.tables["corral"]
    assert "virbr8" in host.tables["corral"]
    driver.destroy_network("a")
    assert "virbr7" not in host.tables["corral"]
    assert "virbr8" in host.tables["corral"]
    assert driver.network_faults("b") == []
    assert [found.name for found in driver.list_networks() if found.active] == ["b"]


def test_a_transient_network_goes_with_its_end(host: NetHost) -> None:
    driver = driver_on(host)
    made = driver.create_network(document())
    assert (made.active, made.persistent) == (True, False)
    with pytest.raises(AlreadyExists, match="a network named a already"):
        driver.create_network(document())
    with pytest.raises(OperationInvalid, match="transient"):
        driver.undefine_network("a")
    with pytest.raises(OperationInvalid, match="only a defined network"):
        driver.set_network_autostart("a", True)
    driver.destroy_network("a")
    assert driver.list_networks() == []
    assert [path for path in host.files if "/networks/a." in path] == []


def test_an_undefined_network_goes_on_and_becomes_transient(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    driver.start_network("a")
    driver.set_network_autostart("a", True)
    assert driver.lookup_network("a").autostart
    driver.undefine_network("a")
    found = driver.lookup_network("a")
    assert (found.active, found.persistent, found.autostart) == (True, False, False)
    assert driver.define_network(document()).uuid == found.uuid


def test_what_is_taken_is_refused_with_what_has_it(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    host.add_link("eth7", up=True)
    host.addresses.append(("eth7", "192.0.2.77/25"))
    with pytest.raises(OperationFailed, match=r"192\.0\.2\.77/25, which this host has on eth7"):
        driver.start_network("a")
    assert not driver.lookup_network("a").active
    host.remove_link("eth7")
    host.add_link("virbr7", "bridge")
    with pytest.raises(OperationFailed, match="this host has a bridge of that name"):
        driver.start_network("a")
    assert "virbr7" in host.nodes
    host.remove_link("virbr7")
    assert driver.start_network("a").active


def test_two_networks_of_one_subnet_are_not_active_together(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    driver.start_network("a")
    with pytest.raises(CorralError, match="virbr7"):
        driver.create_network(document(name="b", bridge="virbr8"))


def test_an_uuid_belongs_to_one_network(host: NetHost) -> None:
    driver = driver_on(host)
    uuid = driver.define_network(document()).uuid
    other = document(name="b", bridge="virbr8", net="198.51.100", more=f"<uuid>{uuid}</uuid>")
    with pytest.raises(AlreadyExists, match="belongs to network a"):
        driver.define_network(other)


@pytest.mark.parametrize("program", ["nft", "dnsmasq", "ip"])
def test_a_missing_program_is_named_and_nothing_is_left(host: NetHost, program: str) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    del host.programs[program]
    with pytest.raises(MissingProgram, match=f"program {program} is missing.*Install the package"):
        driver.start_network("a")
    host.programs[program] = f"/usr/bin/{program}"
    assert not driver.lookup_network("a").active
    assert (host.nodes, host.tables, host.servers()) == ({}, {}, [])


def test_a_dnsmasq_that_ends_at_once_is_quoted_with_who_is_in_its_way(host: NetHost) -> None:
    words = b"\ndnsmasq: failed to create listening socket for 192.0.2.1: Address already in use\n"
    listeners = b'udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:* users:(("named",pid=812,fd=5),("named",pid=812,fd=6))\n'
    host.add_program("ss", Completed(("ss",), 0, listeners, b""))
    driver = driver_on(host)
    driver.define_network(document())
    host.dies = words
    with pytest.raises(OperationFailed) as caught:
        driver.start_network("a")
    assert "192.0.2.1: Address already in use." in caught.value.message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("named (process 812) listens on port 53")
    assert host.nodes == {}


def test_a_dnsmasq_that_never_gets_ready_is_ended(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    host.silent = True
    with pytest.raises(OperationFailed, match="did not get ready"):
        driver.start_network("a")
    assert host.servers() == []


def test_ordinary_users_define_and_do_not_start() -> None:
    host = NetHost(euid=1000)
    host.environment = {"HOME": "/home/u"}
    host.add_directory("/home/u", owner=(1000, 1000))
    driver = driver_on(host, Guests(host, Layout.session(host)))
    assert driver.define_network(document()).persistent
    with pytest.raises(OperationDenied, match="cannot be started in a session"):
        driver.start_network("a")


def test_the_default_network(host: NetHost) -> None:
    driver = driver_on(host)
    assert driver.define_network(default_network()).bridge == "virbr0"
    host.add_link("eth0")
    host.addresses.append(("eth0", "192.168.122.50/24"))
    with pytest.raises(OperationFailed, match=r"192\.168\.122\.0/24 of network default clashes with .* on eth0"):
        driver.start_network("default")


def test_a_network_on_a_bridge_of_the_host(host: NetHost) -> None:
    driver = driver_on(host)
    text = "<network><name>a</name><forward mode='bridge'/><bridge name='br0'/></network>"
    driver.define_network(parse(text))
    with pytest.raises(OperationFailed, match="The bridge br0 of this host, which network a uses, is not there"):
        driver.start_network("a")
    assert not driver.lookup_network("a").active
    host.add_link("br0", "veth")
    with pytest.raises(OperationFailed, match="uses br0 as a bridge, and it is none"):
        driver.start_network("a")
    host.nodes["br0"].kind = "bridge"
    assert driver.start_network("a").active
    assert (host.tables, host.servers()) == ({}, [])
    driver.destroy_network("a")
    assert "br0" in host.nodes


def test_ipv6_forwarding_does_not_cost_the_host_its_routes(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document(more="<ip family='ipv6' address='2001:db8:1::1' prefix='64'/>"))
    host.add_link("eth0", up=True)
    host.routes.append({"dst": "default", "gateway": "fe80::1", "dev": "eth0", "protocol": "ra", "pref": "medium"})
    with pytest.raises(OperationFailed, match="cost this host the routes that it learns on eth0"):
        driver.start_network("a")
    assert host.setting(FORWARD["ipv6"]) == "0"
    host.add_file(f"{CONF6}/eth0/accept_ra", b"2\n")
    driver.start_network("a")
    assert host.setting(FORWARD["ipv6"]) == "1"
    assert host.setting(f"{CONF6}/virbr7/disable_ipv6") == "0"


def test_damaged_files_hide_no_other_network(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    host.add_file("/etc/corral/networks/b.xml", b"<network")
    assert [(found.name, found.error is None) for found in driver.list_networks()] == [("a", True), ("b", False)]


def test_a_host_that_was_booted_has_no_active_network(host: NetHost) -> None:
    driver = driver_on(host)
    driver.define_network(document())
    driver.start_network("a")
    host.reboot()
    host.remove_link("virbr7")
    host.tables.clear()
    driver = driver_on(host)
    assert not driver.lookup_network("a").active
    assert driver.start_network("a").active
    assert driver.network_faults("a") == []
