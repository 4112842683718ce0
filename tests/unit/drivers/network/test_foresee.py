# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a network from being kept or started is said before the first step, by a check as by a run."""

from __future__ import annotations

import json
from typing import Any, Optional, cast

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.network import converge_network
from ansible_collections.corral.virt.plugins.module_utils.converge.network_look import show_networks
from ansible_collections.corral.virt.plugins.module_utils.drivers.network.driver import BridgeDriver
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, OperationFailed
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import Guests, NetHost, document, driver_on


class Open:
    """A connection, as far as converge looks at it."""

    def __init__(self, network: BridgeDriver) -> None:
        self.network = network


@pytest.fixture
def host() -> NetHost:
    return NetHost()


def run(
    host: NetHost, *, check: bool = False, state: str = "active", guests: Optional[Guests] = None, **options: Any
) -> dict[str, Any]:
    """Run the module's work on one network."""
    job = Job(
        cast(Any, Open(driver_on(host, guests, read_only=check))),
        {"state": state, "apply": "live", "force": False, **options},
        check_mode=check,
    )
    return converge_network(job)


def actions(result: dict[str, Any]) -> list[str]:
    return [step["action"] for step in result["actions"]]


def xml(**more: Any) -> str:
    return to_text(document(**more))


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("state", ["present", "active"])
def test_an_address_of_the_host_is_refused_before_anything_is_kept(host: NetHost, state: str, check: bool) -> None:
    host.add_link("eth0")
    host.addresses.append(("eth0", "192.0.2.200/25"))
    with pytest.raises(OperationFailed, match=r"clashes with 192\.0\.2\.200/25, which this host has on eth0"):
        run(host, xml=xml(), state=state, check=check)
    assert driver_on(host).list_networks() == []


@pytest.mark.parametrize("check", [True, False])
def test_a_route_of_the_host_is_refused(host: NetHost, check: bool) -> None:
    host.add_link("eth0")
    host.routes.append({"dst": "203.0.113.0/24", "gateway": "198.51.100.1", "dev": "eth0"})
    route = "<route address='203.0.113.0' prefix='24' gateway='192.0.2.2'/>"
    with pytest.raises(
        OperationFailed, match=r"clashes with this host's route to 203\.0\.113\.0/24 by 198\.51\.100\.1"
    ):
        run(host, xml=xml(more=route), state="present", check=check)


def test_what_is_not_described_anew_is_left_alone(host: NetHost) -> None:
    run(host, xml=xml(), state="present")
    host.add_link("eth0")
    host.addresses.append(("eth0", "192.0.2.200/25"))
    assert not run(host, xml=xml(), state="present")["changed"]
    assert actions(run(host, name="a", state="absent")) == ["undefine"]


def test_what_the_network_has_itself_does_not_count_for_another_start(host: NetHost) -> None:
    run(host, xml=xml())
    other = xml(bridge="virbr9", more="<mac address='52:54:00:00:00:99'/>")
    for check in (True, False):
        done = run(host, xml=other, apply="restart", check=check)
        assert actions(done) == ["define", "destroy", "start"]
    assert list(host.nodes) == ["virbr9"]


def test_a_start_that_is_known_to_fail_takes_nothing_down(host: NetHost) -> None:
    run(host, xml=xml())
    run(host, xml=xml(name="b", bridge="virbr8", net="198.51.100"))
    with pytest.raises(OperationFailed, match=r"clashes with 198\.51\.100\.1/24, which this host has on virbr8"):
        run(host, xml=xml(net="198.51.100"), apply="restart")
    assert run(host, xml=xml())["actions"] == []
    assert "virbr7" in host.nodes


@pytest.mark.parametrize("check", [True, False])
def test_a_bridge_of_the_host_that_is_missing(host: NetHost, check: bool) -> None:
    text = "<network><name>a</name><forward mode='bridge'/><bridge name='br0'/></network>"
    with pytest.raises(OperationFailed, match="The bridge br0 of this host, which network a uses, is not there"):
        run(host, xml=text, check=check)
    run(host, xml=text, state="present")
    host.add_link("br0", "bridge")
    assert actions(run(host, xml=text, check=check)) == ["start"]


@pytest.mark.parametrize("check", [True, False])
def test_a_directory_for_tftp_is_looked_at(host: NetHost, check: bool) -> None:
    host.users["dnsmasq"] = (999, 999)
    text = xml().replace("<dhcp>", "<tftp root='/srv/boot'/><dhcp>")
    with pytest.raises(OperationFailed, match="The directory /srv/boot, from which network a serves files by TFTP"):
        run(host, xml=text, check=check)
    host.add_directory("/srv/boot", mode=0o711)
    with pytest.raises(OperationFailed, match="runs as dnsmasq, cannot get through /srv/boot to the files for TFTP"):
        run(host, xml=text, check=check)
    host.change_mode("/srv/boot", 0o755)
    assert actions(run(host, xml=text, check=check)) == ["define", "start"]


HOST_BRIDGE = "<network><name>a</name><forward mode='bridge'/><bridge name='eth0'/></network>"
MACVTAP = "<network><name>a</name><forward mode='bridge'><interface dev='eth0'/></forward></network>"


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("text", "words"), [(HOST_BRIDGE, "The bridge eth0 of this host"), (MACVTAP, "uses eth0, and")]
)
def test_a_device_that_an_active_network_has_lost(host: NetHost, text: str, words: str, check: bool) -> None:
    """A check says what a run would say, and neither does a thing before."""
    host.add_link("eth0", "bridge")
    run(host, xml=text)
    host.remove_link("eth0")
    titled = text.replace("</name>", "</name><title>new</title>")
    with pytest.raises(OperationFailed, match=words) as said:
        run(host, xml=titled, check=check)
    assert "apply: restart" in (said.value.hint or "")
    assert driver_on(host).network_xml("a", inactive=True).find("title") is None
    assert actions(run(host, xml=xml(bridge="virbr9"), apply="restart", check=check)) == ["define", "destroy", "start"]


@pytest.mark.parametrize("check", [True, False])
def test_a_directory_for_tftp_that_has_gone_is_told_when_dnsmasq_is_mended(host: NetHost, check: bool) -> None:
    host.add_directory("/srv/boot")
    text = xml().replace("<dhcp>", "<tftp root='/srv/boot'/><dhcp>")
    run(host, xml=text)
    del host.files["/srv/boot"]
    host.end_process(host.servers()[0].process.pid)
    with pytest.raises(OperationFailed, match="/srv/boot"):
        run(host, xml=text, check=check)


def test_a_bridge_of_somebody_else_is_not_taken_over(host: NetHost) -> None:
    run(host, xml=xml())
    host.remove_link("virbr7")
    host.add_link("eth0")
    host.add_link("virbr7", "bridge", mac="02:00:00:00:00:77")
    for check in (True, False):
        with pytest.raises(OperationFailed, match=r"virbr7, with the MAC address 02:.*, is somebody else's") as said:
            run(host, xml=xml(), check=check)
    assert said.value.hint == "Rename or remove it, and run this again."
    assert host.nodes["virbr7"].mac == "02:00:00:00:00:77"
    assert host.addresses == []
    host.remove_link("virbr7")
    assert actions(run(host, xml=xml())) == ["mend"]


def test_another_address_of_our_own_bridge_is_mended(host: NetHost) -> None:
    mac = run(host, xml=xml())["network"]["mac"]
    host.nodes["virbr7"].mac = "02:00:00:00:00:77"
    assert actions(run(host, xml=xml())) == ["mend"]
    assert host.nodes["virbr7"].mac == mac


def test_the_default_network_takes_another_bridge_where_its_own_is_taken(host: NetHost) -> None:
    run(host, xml=xml(bridge="virbr0"))
    found = run(host, name="default")["network"]
    assert (found["bridge"], found["addresses"]) == ("virbr1", ["192.168.122.1/24"])
    assert not run(host, name="default")["changed"]


def test_a_damaged_network_hides_no_other(host: NetHost) -> None:
    run(host, xml=xml())
    host.add_file("/etc/corral/networks/b.xml", b"<network")
    job = Job(cast(Any, Open(driver_on(host, read_only=True))), {})
    found = show_networks(job)
    assert [(row["name"], row["state"]) for row in found["networks"]] == [("a", "active")]
    (damaged,) = found["unreadable"]
    assert damaged["name"] == "b" and "/etc/corral/networks/b.xml is not well-formed" in damaged["error"]
    with pytest.raises(CorralError, match="not well-formed"):
        show_networks(Job(job.connection, {"name": ["b"]}))


def test_a_live_document_that_is_damaged_or_lost_is_no_dead_end(host: NetHost) -> None:
    run(host, xml=xml())
    host.add_file("/run/corral/networks/a.xml", b"<network")
    with pytest.raises(CorralError, match="not well-formed") as said:
        run(host, xml=xml())
    assert said.value.hint == "Remove /run/corral/networks/a.json, and start the network a again."
    for lost in ("/run/corral/networks/a.json", "/run/corral/networks/a.xml"):
        host.remove(lost)
        assert actions(run(host, xml=xml())) == ["start"]
        assert run(host, xml=xml())["actions"] == []
    assert len(host.servers()) == 1


def test_a_network_whose_uplink_is_missing_says_so(host: NetHost) -> None:
    text = xml().replace("mode='nat'", "mode='nat' dev='eth0'").replace('mode="nat"', 'mode="nat" dev="eth0"')
    run(host, xml=text)
    advice = driver_on(host, read_only=True).network_advice
    assert advice("a") == ["Network a forwards to the device eth0 only, which is not there."]
    host.add_link("eth0")
    assert advice("a") == ["Network a forwards to the device eth0 only, which is down."]
    host.nodes["eth0"].up = True
    assert advice("a") == []


def test_what_is_dropped_within_a_bridge_is_told_too(host: NetHost) -> None:
    """Also of a network on a bridge of the host, as soon as br_netfilter is loaded."""
    host.add_link("br0", "bridge")
    run(host, xml="<network><name>a</name><forward mode='bridge'/><bridge name='br0'/></network>")
    host.add_file("/proc/sys/net/bridge/bridge-nf-call-iptables", b"1\n")
    chain = {"family": "ip", "table": "filter", "name": "FORWARD", "type": "filter", "hook": "forward", "prio": 0}
    rows = [{"table": {"family": "ip", "name": "filter"}}, {"chain": {**chain, "policy": "drop"}}]
    host.add_program("nft", Completed(("nft",), 0, json.dumps({"nftables": rows}).encode(), b""))
    (said,) = driver_on(host, read_only=True).network_advice("a")
    assert said.startswith("The chain FORWARD of the table ip filter (iptables) drops what guests send to others on")
