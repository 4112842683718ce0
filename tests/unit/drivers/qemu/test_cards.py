# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network cards on the host: what QEMU gets open, what is connected to what before the guest runs, what is left."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, cast

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    OperationFailed,
    OperationInvalid,
    UnsupportedConfig,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Device, Tap
from ansible_collections.corral.virt.plugins.module_utils.host.fake_files import FakeFile
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import (
    DOMAIN,
    persistent_form,
    running_form,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document, driver_on
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_links import LinkedHost, SmallNetworks, connected_on

MAC = "52:54:00:00:00:0a"


@pytest.fixture
def host() -> LinkedHost:
    return LinkedHost()


@pytest.fixture
def driver(host: LinkedHost) -> QemuDriver:
    return connected_on(host)


def card(kind: str, inner: str = "", *, mac: str = MAC, model: str = "virtio") -> str:
    return f"<interface type='{kind}'><mac address='{mac}'/><model type='{model}'/>{inner}</interface>"


BRIDGE = card("bridge", "<source bridge='br0'/>")
DIRECT = card("direct", "<source dev='eth0' mode='bridge'/>")
NETWORK = card("network", "<source network='default'/>")


def start(driver: QemuDriver, *cards: str, name: str = "a") -> Element:
    driver.define_domain(document(name, "".join(cards), disk=""))
    driver.start_domain(name)
    return driver.domain_xml(name)


def interfaces(found: Element) -> List[Element]:
    return found.findall("devices/interface")


def at(element: Element, path: str, name: str) -> Optional[str]:
    found = element.find(path)
    return None if found is None else found.get(name)


def netdevs(host: LinkedHost, name: str = "a") -> List[Dict[str, Any]]:
    command = host.guests[name].process.command
    assert command is not None
    return [json.loads(word) for flag, word in zip(command.argv, command.argv[1:]) if flag == "-netdev"]


def descriptors(host: LinkedHost, name: str = "a") -> List[object]:
    command = host.guests[name].process.command
    assert command is not None
    return [each for each in command.fds if isinstance(each, (Tap, Device))]


# connecting


def test_a_tap_is_on_its_bridge_before_the_guest_runs(host: LinkedHost, driver: QemuDriver) -> None:
    order: List[str] = []
    resume = host._resume
    host._resume = lambda guest, given: (order.append(str(host.link("vnet0").get("master"))), resume(guest, given))[1]  # type: ignore[method-assign]
    live = start(driver, BRIDGE)
    assert order == ["br0"]
    assert at(interfaces(live)[0], "target", "dev") == "vnet0"
    assert descriptors(host) == [Tap("vnet%d")]
    assert netdevs(host) == [{"type": "tap", "fd": "5", "id": "hostnet0"}]
    assert host.link("vnet0")["address"] == "fe" + MAC[2:] and host.link("vnet0")["flags"] == ["UP"]


def test_all_cards_are_connected_by_one_run_of_ip(host: LinkedHost, driver: QemuDriver) -> None:
    macs = [f"52:54:00:00:00:{number:02x}" for number in range(1, 5)]
    start(driver, *(card("bridge", "<source bridge='br0'/>", mac=mac) for mac in macs))
    ((program, text),) = host.batches
    assert program == "ip" and text.count("master br0") == 4


def test_an_interface_of_a_network_says_where_the_network_has_put_it(host: LinkedHost, driver: QemuDriver) -> None:
    live = start(driver, NETWORK, card("network", "<source network='direct'/>", mac="52:54:00:00:00:0b"))
    first, second = interfaces(live)
    assert first.get("type") == second.get("type") == "network"
    assert dict(first.find("source").attrib) == {"network": "default", "bridge": "virbr0"}  # type: ignore[union-attr]
    assert first.find("mtu") is None  # that is the network's
    assert dict(second.find("source").attrib) == {"network": "direct", "dev": "eth0", "mode": "bridge"}  # type: ignore[union-attr]
    assert [at(each, "target", "dev") for each in (first, second)] == ["vnet0", "macvtap0"]
    assert at(first, "alias", "name") == "net0"
    assert "dev vnet0 address fe:54:00:00:00:0a mtu 1400" in host.batches[1][1]
    assert ("bridge", f"fdb replace {MAC} dev vnet0 master static\n") in host.batches
    assert [netdev["fd"] for netdev in netdevs(host)] == ["5", "6"]
    kept = driver.domain_xml("a", inactive=True)
    assert compare(running_form(live, kept), persistent_form(kept), DOMAIN) == ()


def test_what_a_running_guest_shows_can_be_defined_again(driver: QemuDriver) -> None:
    live = start(driver, NETWORK, card("bridge", "<source bridge='br0'/><target dev='mine'/>", mac="52:54:00:00:00:0b"))
    again = driver.normalise_domain(live)
    assert [at(each, "target", "dev") for each in interfaces(again)] == [None, "mine"]
    kept = driver.domain_xml("a", inactive=True)
    assert compare(persistent_form(kept), persistent_form(again), DOMAIN) == ()


def test_several_queues_and_vhost(host: LinkedHost, driver: QemuDriver) -> None:
    host.files["/dev/vhost-net"] = FakeFile("char")
    start(driver, card("bridge", "<source bridge='br0'/><driver name='vhost' queues='3'/>"))
    assert descriptors(host) == [Tap("vnet%d", queues=3), *[Device("/dev/vhost-net")] * 3]
    (netdev,) = netdevs(host)
    assert (netdev["fds"], netdev["vhost"], netdev["vhostfds"]) == ("5:6:7", True, "8:9:10")


def test_a_card_that_is_not_virtio_has_one_queue_and_no_vhost(host: LinkedHost, driver: QemuDriver) -> None:
    host.files["/dev/vhost-net"] = FakeFile("char")
    start(driver, card("bridge", "<source bridge='br0'/><driver name='vhost' queues='3'/>", model="e1000"))
    assert descriptors(host) == [Tap("vnet%d", headers=False)]


def test_vhost_that_is_asked_for_must_be_there(driver: QemuDriver) -> None:
    with pytest.raises(UnsupportedConfig, match="no /dev/vhost-net"):
        start(driver, card("bridge", "<source bridge='br0'/><driver name='vhost'/>"))


def test_limits_are_set_on_the_tap(host: LinkedHost, driver: QemuDriver) -> None:
    limits = "<bandwidth><inbound average='1000' peak='2000' burst='64'/></bandwidth>"
    start(driver, card("bridge", f"<source bridge='br0'/>{limits}"))
    (rules,) = [text for program, text in host.batches if program == "tc"]
    assert "dev vnet0" in rules and "rate 1000kbps ceil 2000kbps burst 64kb" in rules


def test_a_network_is_told_of_what_a_guest_is_guaranteed(driver: QemuDriver) -> None:
    networks = cast(SmallNetworks, driver.site.neighbours.network if driver.site.neighbours else None)
    source = "<source network='default'/>"
    start(driver, card("network", source + "<bandwidth><inbound average='10'/></bandwidth>"), name="b")
    assert networks.renewed == []
    limited = card("network", source + "<bandwidth><inbound average='10' floor='5'/></bandwidth>", mac=MAC[:-1] + "b")
    start(driver, limited)
    assert networks.renewed == ["default"]
    driver.destroy_domain("a")
    assert networks.renewed == ["default", "default"]
    networks.least = False
    with pytest.raises(UnsupportedConfig, match="default cannot guarantee that"):
        driver.start_domain("a")
    assert driver.lookup_domain("a").state == "shut off"


def test_a_tap_that_is_left_alone_runs_its_script(host: LinkedHost, driver: QemuDriver) -> None:
    host.add_program("/opt/up", path="/opt/up")
    host.add_program("/opt/down", path="/opt/down")
    place = "<source><ip address='192.0.2.1' family='ipv4' prefix='24' peer='192.0.2.2'/>"
    route = "<route family='ipv4' address='198.51.100.0' prefix='24' gateway='192.0.2.2' metric='7'/></source>"
    inner = f"{place}{route}<script path='/opt/up'/><downscript path='/opt/down'/><target dev='mine'/>"
    start(driver, card("ethernet", inner))
    text = host.batches[0][1]
    assert "address add 192.0.2.1 peer 192.0.2.2/24 dev mine" in text
    assert "route add 198.51.100.0/24 via 192.0.2.2 dev mine metric 7" in text
    assert ("run", ("/opt/up", "mine")) in host.calls
    driver.destroy_domain("a")
    assert ("run", ("/opt/down", "mine")) in host.calls


def test_a_link_of_somebody_else_is_used_and_left(host: LinkedHost, driver: QemuDriver) -> None:
    host.add_link("mine", "tun")
    start(driver, card("ethernet", "<target dev='mine' managed='no'/>"))
    assert descriptors(host) == [Tap("mine", kind="there")] and host.batches == []
    driver.destroy_domain("a")
    assert "mine" in host.links


def test_a_macvtap_of_somebody_else_is_opened_as_one(host: LinkedHost, driver: QemuDriver) -> None:
    host.add_link("mine", "macvtap")
    start(driver, card("ethernet", "<target dev='mine' managed='no'/>"))
    assert descriptors(host) == [Tap("mine", kind="macvtap")]


# macvtap


def test_a_macvtap_has_the_first_free_name_and_is_removed_at_the_end(host: LinkedHost, driver: QemuDriver) -> None:
    host.add_link("macvtap0", "macvtap")
    live = start(driver, DIRECT)
    assert at(interfaces(live)[0], "target", "dev") == "macvtap1"
    assert host.batches[0] == (
        "ip",
        f"link add link eth0 name macvtap1 address {MAC} type macvtap mode bridge\nlink set dev macvtap1 up\n",
    )
    driver.destroy_domain("a")
    assert "macvtap1" not in host.links and "macvtap0" in host.links


def test_a_macvtap_of_a_guest_that_was_killed_is_removed_by_the_next_run(host: LinkedHost, driver: QemuDriver) -> None:
    start(driver, DIRECT)
    host.end("a")
    assert "macvtap0" in host.links
    driver_on(host)
    assert "macvtap0" not in host.links


def test_a_link_that_has_the_name_by_now_is_not_removed(host: LinkedHost, driver: QemuDriver) -> None:
    start(driver, DIRECT)
    host.rows["macvtap0"]["address"] = "52:54:00:00:00:ff"
    host.end("a")
    driver_on(host)
    assert "macvtap0" in host.links


def test_passthrough_gives_the_device_its_address_back(host: LinkedHost, driver: QemuDriver) -> None:
    host.rows["eth0"]["address"] = "52:54:00:ee:ee:ee"
    start(driver, card("direct", "<source dev='eth0' mode='passthrough'/>"))
    host.rows["macvtap0"]["address"] = host.rows["eth0"]["address"] = MAC
    driver.destroy_domain("a")
    assert host.rows["eth0"]["address"] == "52:54:00:ee:ee:ee" and "macvtap0" not in host.links


def test_a_passthrough_that_was_never_told_its_address_is_removed(host: LinkedHost, driver: QemuDriver) -> None:
    host.rows["eth0"]["address"] = "52:54:00:ee:ee:ee"
    start(driver, card("direct", "<source dev='eth0' mode='passthrough'/>"))
    host.rows["macvtap0"]["address"] = "52:54:00:ee:ee:ee"
    driver.destroy_domain("a")
    assert "macvtap0" not in host.links


def test_a_guest_that_is_trusted_hears_all_groups(host: LinkedHost, driver: QemuDriver) -> None:
    start(driver, DIRECT.replace("type='direct'", "type='direct' trustGuestRxFilters='yes'"))
    assert ("ip", "link set dev macvtap0 allmulticast on\n") in host.batches


# Open vSwitch


def test_a_port_of_open_vswitch_is_taken_away_again(host: LinkedHost, driver: QemuDriver) -> None:
    host.add_program("ovs-vsctl")
    host.add_link("ovs0", "openvswitch")
    port = "<virtualport type='openvswitch'><parameters interfaceid='i' profileid='p'/></virtualport>"
    start(driver, card("bridge", f"<source bridge='ovs0'/>{port}"))
    (made,) = [argv for call, argv in host.calls if call == "run" and argv[0] == "ovs-vsctl"]
    assert made[3:6] == ("--may-exist", "add-port", "ovs0") and host.link("vnet0")["flags"] == ["UP"]
    driver.destroy_domain("a")
    last = [argv for call, argv in host.calls if call == "run" and argv[0] == "ovs-vsctl"][-1]
    assert last[-3:] == ("--if-exists", "del-port", "vnet0")


def test_an_open_vswitch_has_to_be_called_so(host: LinkedHost, driver: QemuDriver) -> None:
    host.add_link("ovs0", "openvswitch")
    with pytest.raises(OperationInvalid, match="ovs0 is one of Open vSwitch") as caught:
        start(driver, card("bridge", "<source bridge='ovs0'/>"))
    assert "virtualport type='openvswitch'" in str(caught.value.hint)


def test_the_links_of_a_guest_that_is_started_anew_are_not_in_its_way(host: LinkedHost, driver: QemuDriver) -> None:
    named = card("bridge", "<source bridge='br0'/><target dev='mine'/>")
    start(driver, named)
    driver.check_start(driver.domain_xml("a", inactive=True))
    driver.destroy_domain("a")
    driver.start_domain("a")
    driver.define_domain(document("b", named.replace("0a'", "0b'"), disk=""))
    with pytest.raises(OperationInvalid, match="a link mine already"):
        driver.check_start(driver.domain_xml("b"))


# what is kept and not read


def test_coalescing_is_told_to_have_no_effect(driver: QemuDriver) -> None:
    more = "<filterref filter='clean-traffic'/><coalesce><rx><frames max='7'/></rx></coalesce>"
    ignored = driver.ignored_parts(document("a", card("bridge", f"<source bridge='br0'/>{more}"), disk=""))
    assert [part.split(" ")[0] for part in ignored] == ["domain/devices/interface/coalesce"]


# what keeps a guest from being started


def test_an_ordinary_user_cannot_make_links(host: LinkedHost) -> None:
    host.identity = (1000, 1000)
    host.environment["XDG_RUNTIME_DIR"] = "/run/user/1000"
    driver = driver_on(host, "qemu:///session")
    driver.define_domain(document("a", BRIDGE, disk=""))
    with pytest.raises(UnsupportedConfig, match="of type bridge needs root") as caught:
        driver.start_domain("a")
    assert "Write type user" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (card("bridge", "<source bridge='nobridge'/>"), "no bridge nobridge"),
        (card("bridge", "<source bridge='eth0'/>"), "eth0 is no bridge"),
        (card("direct", "<source dev='eth7'/>"), "no device eth7"),
        (card("ethernet", "<target dev='eth0'/>"), "a link eth0 already"),
        (card("ethernet", "<target dev='none' managed='no'/>"), "no link none"),
        (card("direct", "<source dev='eth0'/><virtualport type='802.1Qbh'/>"), "802.1Qbh"),
        (card("network", "<source network='off'/>"), "connected to the network off: Network off is not active"),
        (card("network", "<source network='nowhere'/>"), "no network named 'nowhere'"),
        (card("bridge", "<source bridge='br0'/>", mac="fe:54:00:00:00:01"), "begins with fe"),
    ],
)
def test_what_a_card_cannot_be_connected_to(host: LinkedHost, driver: QemuDriver, inner: str, words: str) -> None:
    with pytest.raises(CorralError, match=words):
        start(driver, inner)
    assert not host.guests and driver.lookup_domain("a").state == "shut off"


def test_an_inactive_network_says_which_task_to_write(driver: QemuDriver) -> None:
    with pytest.raises(OperationInvalid) as caught:
        start(driver, card("network", "<source network='off'/>"))
    assert "corral.virt.network: name: off, state: active" in str(caught.value.hint)


def test_a_guest_on_an_inactive_network_can_be_shown(driver: QemuDriver) -> None:
    driver.define_domain(document("a", card("network", "<source network='off'/>"), disk=""))
    assert '"type":"tap"' in " ".join(driver.domain_argv("a"))
    line = driver.domain_command("a")
    assert '"script":"no"' in line and '"fd"' not in line


@pytest.mark.parametrize("other", [BRIDGE, NETWORK])
def test_a_mac_address_is_once_on_a_network(host: LinkedHost, driver: QemuDriver, other: str) -> None:
    start(driver, other, name="b")
    with pytest.raises(OperationInvalid, match="and so has the active guest b"):
        start(driver, other)
    driver.destroy_domain("b")
    driver.start_domain("a")


def test_a_mac_address_may_be_on_two_networks(driver: QemuDriver) -> None:
    start(driver, NETWORK, name="b")
    start(driver, BRIDGE)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (card("network"), "needs <source network"),
        (card("bridge"), "needs <source bridge"),
        (card("direct"), "needs <source dev"),
        (card("direct", "<source dev='eth0' mode='fast'/>"), "is not one of vepa"),
        (card("bridge", "<source bridge='br0'/><script path='/x'/>"), "only an <interface type='ethernet'>"),
        (card("bridge", "<source bridge='br0'/><target dev='x' managed='no'/>"), "only an <interface type='ethernet'>"),
        (card("ethernet", "<target managed='no'/>"), "needs the dev"),
        (card("ethernet", "<target dev='vnet%d'/>"), None),
        (card("ethernet", "<target dev='a%d'/>"), "cannot be a link's name"),
        (card("ethernet", "<target dev='sixteen-letters!'/>"), "cannot be a link's name"),
        (card("bridge", "<source bridge='../../x'/>"), "cannot be a link's name"),
        (card("bridge", "<source bridge='br0'/><driver queues='257'/>"), "256 queues at most"),
        (card("bridge", "<source bridge='br0'/><vlan><tag id='5000'/></vlan>"), "is no VLAN"),
    ],
)
def test_what_is_refused_in_a_document(driver: QemuDriver, inner: str, words: Optional[str]) -> None:
    if words is None:
        driver.define_domain(document("a", inner, disk=""))
        return
    with pytest.raises(XmlError, match=words):
        driver.define_domain(document("a", inner, disk=""))


# failing


def test_a_tap_that_cannot_be_connected_ends_the_start(host: LinkedHost, driver: QemuDriver) -> None:
    spawned = host._start

    def lose(started: Any) -> None:
        spawned(started)
        host.links.pop("br0", None)
        host.rows.pop("br0", None)
        host._line = lambda words: "Device does not exist" if "master" in words else ""  # type: ignore[method-assign]

    driver.define_domain(document("a", BRIDGE, disk=""))
    driver.version()
    host.on_spawn = lose
    with pytest.raises(HostError, match="refused 'link set dev vnet0 master br0'"):
        driver.start_domain("a")
    assert not host.guests and "vnet0" not in host.links
    assert driver.lookup_domain("a").state == "shut off"


def test_a_qemu_that_ends_leaves_no_macvtap(host: LinkedHost, driver: QemuDriver) -> None:
    host.dies = b"no\n"
    driver.define_domain(document("a", DIRECT, disk=""))
    with pytest.raises(OperationFailed):
        driver.start_domain("a")
    assert "macvtap0" not in host.links


def test_the_cable_of_a_running_guest_is_pulled(host: LinkedHost, driver: QemuDriver) -> None:
    start(driver, BRIDGE)
    host.guests["a"].monitor.answers["set_link"] = {}
    before, wanted = driver.domain_xml("a"), driver.domain_xml("a")
    found = interfaces(wanted)[0]
    found.append(found.makeelement("link", {"state": "down"}))
    driver.update_domain("a", wanted, compare(before, wanted, DOMAIN))
    assert ("ip", "link set dev vnet0 down\n") in host.batches
    assert at(interfaces(driver.domain_xml("a"))[0], "link", "state") == "down"
