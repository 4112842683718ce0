# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identity never drifts: what a document leaves open stays as it was, whatever else is added or taken away."""

from __future__ import annotations

from typing import Dict, List, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost, document, driver_on

MACHINES = ("pc", "q35")


def disk(name: str, bus: str = "virtio") -> str:
    return f"<disk type='file' device='disk'><source file='/{name}'/><target dev='{name}' bus='{bus}'/></disk>"


def net(port: int = 0, mac: str = "", model: str = "virtio") -> str:
    """An interface without identity but the port that it talks to."""
    own = f"<mac address='{mac}'/>" if mac else ""
    source = f"<source address='127.0.0.1' port='{port}'/>" if port else ""
    return f"<interface type='{'client' if port else 'user'}'>{own}{source}<model type='{model}'/></interface>"


def rng(path: str) -> str:
    return f"<rng model='virtio'><backend model='random'>{path}</backend></rng>"


CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.{}'/></channel>"

PARTS: Dict[str, str] = {
    "vda": disk("vda"),
    "vdb": disk("vdb"),
    "sda": disk("sda", "sata"),
    "sdb": disk("sdb", "scsi"),
    "hda": disk("hda", "ide"),
    "net1": net(1001),
    "net2": net(1002, model="e1000"),
    "net3": net(1003),
    "agent0": CHANNEL.format(0),
    "agent1": CHANNEL.format(1),
    "rng1": rng("/dev/random"),
    "rng2": rng("/dev/hwrng"),
    "video": "<video><model type='vga'/></video>",
    "video2": "<video><model type='qxl'/></video>",
    "serial": "<serial type='pty'/>",
    "serial2": "<serial type='pty'/>",
    "watchdog": "<watchdog model='i6300esb' action='reset'/>",
    "tablet": "<input type='tablet' bus='usb'/>",
    "keyboard": "<input type='keyboard' bus='virtio'/>",
    "scsi": "<controller type='scsi' model='virtio-scsi'/>",
    "usb": "<controller type='usb' model='qemu-xhci'/>",
    "ports": "<controller type='virtio-serial' ports='4'/>",
    "balloon": "<memballoon model='virtio'/>",
    "none": "<memballoon model='none'/>",
}
FITS = {"pc": [part for part in PARTS if part != "sda"], "q35": [part for part in PARTS if part != "hda"]}


def guest(parts: List[str], machine: str) -> Element:
    return document(devices="".join(PARTS[part] for part in parts), machine=machine, disk="")


def places(document: Element) -> Dict[str, str]:
    """Where each device is, under a name that does not depend on what else there is."""
    found: Dict[str, str] = {}
    for device in document.findall("devices/*"):
        address = device.find("address")
        if address is not None:
            where = " ".join(
                f"{key}={value}" for key, value in sorted(address.attrib.items()) if key != "multifunction"
            )
            found[_name(device)] = where
    return found


def _name(device: Element) -> str:
    paths = ("target", "source", "model", "backend")
    inner = [device.find(path) for path in paths]
    values = [value for part in inner if part is not None for value in (*part.attrib.values(), part.text or "")]
    skip = ("primary",)
    own = [value for key, value in sorted(device.attrib.items()) if key not in skip]
    return " ".join([str(device.tag), *map(str, own), *(str(value).strip() for value in values if str(value).strip())])


def macs(document: Element) -> Dict[Optional[str], Optional[str]]:
    """The MAC address of each interface, by the port that it talks to."""
    found = document.findall("devices/interface")
    return {
        interface.findall("source")[0].get("port"): interface.findall("mac")[0].get("address") for interface in found
    }


@pytest.fixture(params=MACHINES)
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# uuid and MAC addresses


def test_uuid_is_derived_from_host_and_name(driver: QemuDriver, machine: GuestHost) -> None:
    first = driver.define_domain(document("a", disk="")).uuid
    assert driver.define_domain(document("b", disk="")).uuid != first
    driver.undefine_domain("a")
    assert driver.define_domain(document("a", disk="")).uuid == first
    machine.machine = "f" * 32
    assert driver_on(machine).normalise_domain(document("c", disk="")).findtext("uuid") != first


def test_a_uuid_that_was_given_is_kept(driver: QemuDriver) -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    driver.define_domain(document(more=f"<uuid>{uuid.replace('-', '')}</uuid>", disk=""))
    assert driver.define_domain(document(disk="")).uuid == uuid


def test_macs_follow_the_interfaces(driver: QemuDriver, board: str) -> None:
    driver.define_domain(guest(["net1", "net2", "net3"], board))
    before = macs(driver.domain_xml("a"))
    assert len(set(before.values())) == 3
    driver.define_domain(guest(["net3", "net1"], board))
    assert macs(driver.domain_xml("a")) == {port: before[port] for port in ("1003", "1001")}


def test_macs_of_interfaces_that_are_all_alike_stay_in_order(driver: QemuDriver) -> None:
    driver.define_domain(document(devices=net() * 3, disk=""))
    before = [found.get("address") for found in driver.domain_xml("a").findall("devices/interface/mac")]
    driver.define_domain(document(devices=net() * 4, disk=""))
    after = [found.get("address") for found in driver.domain_xml("a").findall("devices/interface/mac")]
    assert after[:3] == before and len(set(after)) == 4


def test_a_mac_that_the_document_names_is_given_to_nobody_else(driver: QemuDriver) -> None:
    driver.define_domain(document(devices=net(), disk=""))
    mac = driver.domain_xml("a").findall("devices/interface/mac")[0].get("address") or ""
    driver.define_domain(document(devices=net() + net(mac=mac.upper().replace(":", "-")), disk=""))
    after = [found.get("address") for found in driver.domain_xml("a").findall("devices/interface/mac")]
    assert after[1] == mac and after[0] != mac


def test_macs_of_two_guests_differ(driver: QemuDriver) -> None:
    found = [driver.normalise_domain(document(name, net(), disk="")) for name in "ab"]
    assert len({to_text(each.findall("devices/interface/mac")[0]) for each in found}) == 2


# addresses


def kept(driver: QemuDriver, before: List[str], after: List[str], board: str) -> None:
    """What is in both is where it was."""
    driver.define_domain(guest(before, board))
    old = places(driver.domain_xml("a"))
    driver.define_domain(guest(after, board))
    new = places(driver.domain_xml("a"))
    common = old.keys() & new.keys()
    assert {name: new[name] for name in common} == {name: old[name] for name in common}
    assert len(common) >= len(set(before) & set(after) - {"serial", "serial2", "tablet", "none", "video2"})
    assert len(set(new.values())) == len(new)


def test_one_taken_from_the_middle(driver: QemuDriver, board: str) -> None:
    kept(driver, ["vda", "net1", "vdb", "rng1", "agent0"], ["vda", "vdb", "rng1", "agent0"], board)


def test_one_added_in_the_middle(driver: QemuDriver, board: str) -> None:
    kept(driver, ["vda", "rng1"], ["net1", "vda", "vdb", "scsi", "rng1"], board)


def test_what_nobody_wrote_down_stays(driver: QemuDriver, board: str) -> None:
    driver.define_domain(guest(["vda"], board))
    old = places(driver.domain_xml("a"))
    driver.define_domain(guest(["vda", "net1", "sdb", "agent0"], board))
    new = places(driver.domain_xml("a"))
    assert {name for name in old if name.startswith("memballoon")} and old.items() <= new.items()


def test_the_first_of_two_alike_may_go(driver: QemuDriver, board: str) -> None:
    kept(driver, ["rng1", "rng2", "agent0", "agent1"], ["rng2", "agent1"], board)


def test_a_place_that_the_document_names_is_free_for_it(driver: QemuDriver, board: str) -> None:
    driver.define_domain(guest(["vda", "vdb"], board))
    old = driver.domain_xml("a").findall("devices/disk/address")[0]
    short = f"<address type='pci' bus='{int(old.get('bus') or '', 16)}' slot='{int(old.get('slot') or '', 16)}'/>"
    moved = PARTS["vdb"].replace("</disk>", f"{short}</disk>")
    driver.define_domain(document(devices=PARTS["vda"] + moved, machine=board, disk=""))
    first, second = driver.domain_xml("a").findall("devices/disk/address")
    assert dict(second.attrib) == dict(old.attrib) and dict(first.attrib) != dict(old.attrib)


def test_a_disk_that_changes_its_bus_leaves_its_address(driver: QemuDriver) -> None:
    for bus, kind in (("virtio", "pci"), ("sata", "drive"), ("virtio", "pci")):
        driver.define_domain(document(devices=disk("sda", bus), disk=""))
        assert [found.get("type") for found in driver.domain_xml("a").findall("devices/disk/address")] == [kind]


def test_addresses_of_another_chipset_are_forgotten(driver: QemuDriver) -> None:
    parts = ["vda", "net1", "video"]
    fresh = {board: to_text(driver.normalise_domain(guest(parts, board))) for board in MACHINES}
    driver.define_domain(guest(parts, "pc"))
    driver.define_domain(guest(parts, "q35"))
    found = driver.domain_xml("a")
    assert places(found) == places(driver.normalise_domain(guest(parts, "q35")))
    assert to_text(found) == fresh["q35"]


def test_spare_ports_stay(driver: QemuDriver) -> None:
    driver.define_domain(guest(["vda", "vdb", "net1"], "q35"))
    ports = len(driver.domain_xml("a").findall("devices/controller[@type='pci']"))
    driver.define_domain(guest(["vda"], "q35"))
    assert len(driver.domain_xml("a").findall("devices/controller[@type='pci']")) == ports


def test_a_transient_guest_is_kept_too(driver: QemuDriver) -> None:
    driver.define_domain(guest(["net1", "rng1"], "q35"))
    old = driver.domain_xml("a")
    driver.start_domain("a")
    driver.undefine_domain("a")
    driver.define_domain(guest(["rng1", "net1"], "q35"))
    assert places(driver.domain_xml("a", inactive=True)) == places(old)
    assert macs(driver.domain_xml("a", inactive=True)) == macs(old)
    assert driver.domain_xml("a", inactive=True).find("devices/*/alias") is None


# laws


@pytest.fixture(scope="module")
def still() -> QemuDriver:
    """A driver on a host where nothing is changed but the one guest."""
    return driver_on(GuestHost())


def chosen(board: str) -> st.SearchStrategy[List[str]]:
    """Parts that go together: one balloon, and no second video card before the first."""
    parts = st.lists(st.sampled_from(FITS[board]), unique=True, max_size=10)
    return parts.filter(
        lambda found: (
            not {"balloon", "none"} <= set(found)
            and ("video2" not in found or "video" in found[: found.index("video2")])
        )
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_second_normalise_equals_the_first(still: QemuDriver, data: st.DataObject) -> None:
    board = data.draw(st.sampled_from(MACHINES))
    parts = data.draw(chosen(board))
    first = still.normalise_domain(guest(parts, board))
    assert to_text(still.normalise_domain(first)) == to_text(first)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_same_document_again_changes_nothing(still: QemuDriver, data: st.DataObject) -> None:
    board = data.draw(st.sampled_from(MACHINES))
    parts = data.draw(chosen(board))
    still.define_domain(guest(parts, board))
    first = to_text(still.domain_xml("a"))
    still.define_domain(guest(parts, board))
    assert to_text(still.domain_xml("a")) == first
    still.undefine_domain("a")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_leaves_the_others_where_they_are(still: QemuDriver, data: st.DataObject) -> None:
    board = data.draw(st.sampled_from(MACHINES))
    alike = {"serial", "serial2", "video", "video2", "none"}  # which of them is which depends on the others
    before = [part for part in data.draw(chosen(board)) if part not in alike]
    after = [part for part in data.draw(chosen(board)) if part not in alike]
    try:
        kept(still, before, after, board)
    finally:
        still.undefine_domain("a")
