# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PCI addresses: both machine types, ports and bridges that are added, addresses that are refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, UnsupportedConfig, XmlError
from ansible_collections.corral.virt.tests.unit.drivers.qemu.passes.small_guest import (
    controllers,
    devices,
    guest,
    place,
    placed,
    qemu,
)

NIC = "<interface type='user'><model type='virtio'/></interface>"
OLD_NIC = "<interface type='user'><model type='rtl8139'/></interface>"
BALLOON = "<memballoon model='virtio'/>"
VIDEO = "<video><model type='vga'/></video>"
PORT = "<controller type='pci' model='pcie-root-port'/>"


def address(bus: int, slot: int, function: int = 0, more: str = "") -> str:
    """An <address> on PCI."""
    return f"<address type='pci' domain='0x0000' bus='{bus:#x}' slot='{slot:#x}' function='{function:#x}'{more}/>"


def nic(bus: int, slot: int, function: int = 0, more: str = "", model: str = "virtio") -> str:
    """A network card at an address."""
    return f"<interface type='user'><model type='{model}'/>{address(bus, slot, function, more)}</interface>"


def test_the_440fx_has_its_ide_and_usb_beside_the_isa_bridge() -> None:
    domain = placed("pc", NIC + VIDEO + BALLOON + "<controller type='ide'/>")
    assert controllers(domain) == ["ide 0 00:01.1", "usb 0 piix3-uhci 00:01.2", "pci 0 pci-root"]
    assert devices(domain, "video", "interface", "memballoon") == [
        "interface 00:03.0",
        "video 00:02.0",
        "memballoon 00:04.0",
    ]


def test_without_video_its_slot_is_for_others() -> None:
    assert devices(placed("pc", NIC + BALLOON), "interface", "memballoon") == [
        "interface 00:02.0",
        "memballoon 00:03.0",
    ]


def test_q35_gives_each_device_a_root_port_and_keeps_one_spare() -> None:
    domain = placed("q35", NIC + VIDEO + BALLOON)
    assert controllers(domain) == [
        "usb 0 qemu-xhci 02:00.0",
        "sata 0 00:1f.2",
        "pci 0 pcie-root",
        "pci 1 pcie-root-port 00:02.0+ chassis=1 target_port=0x10",
        "pci 2 pcie-root-port 00:02.1 chassis=2 target_port=0x11",
        "pci 3 pcie-root-port 00:02.2 chassis=3 target_port=0x12",
        "pci 4 pcie-root-port 00:02.3 chassis=4 target_port=0x13",
    ]
    assert devices(domain, "interface", "video", "memballoon") == [
        "interface 01:00.0",
        "video 00:01.0",
        "memballoon 03:00.0",
    ]


def test_root_ports_fill_a_slot_before_they_take_the_next() -> None:
    domain = placed("q35", NIC * 9)
    ports = [text for text in controllers(domain) if "root-port" in text]
    assert len(ports) == 11  # nine cards, USB, the spare one
    assert ports[7].startswith("pci 8 pcie-root-port 00:01.7")
    assert ports[8].startswith("pci 9 pcie-root-port 00:02.0+ chassis=9 target_port=0x10")


def test_ports_of_the_users_own_get_no_spare_one() -> None:
    domain = placed("q35", PORT * 2 + NIC, context=qemu("qemu-xhci", "nec-usb-xhci", "ich9-usb-ehci1"))
    assert [text.split()[:3] for text in controllers(domain) if "pci" in text] == [
        ["pci", "0", "pcie-root"],
        ["pci", "1", "pcie-root-port"],
        ["pci", "2", "pcie-root-port"],
    ]


def test_conventional_devices_bring_a_bridge_to_q35() -> None:
    domain = placed("q35", OLD_NIC)
    assert controllers(domain)[2:] == [
        "pci 0 pcie-root",
        "pci 1 pcie-root-port 00:01.0+ chassis=1 target_port=0x8",
        "pci 2 pcie-to-pci-bridge 01:00.0",
        "pci 3 pcie-root-port 00:01.1 chassis=3 target_port=0x9",
        "pci 4 pcie-root-port 00:01.2 chassis=4 target_port=0xa",
    ]
    assert devices(domain, "interface") == ["interface 02:01.0"]


def test_an_old_qemu_gets_a_dmi_bridge_instead() -> None:
    domain = placed("q35", OLD_NIC, context=qemu("pcie-pci-bridge"))
    assert controllers(domain)[2:5] == [
        "pci 0 pcie-root",
        "pci 1 dmi-to-pci-bridge 00:1e.0",
        "pci 2 pci-bridge 01:00.0 chassis_nr=2",
    ]
    assert devices(domain, "interface") == ["interface 02:01.0"]


def test_transitional_virtio_sits_on_conventional_pci() -> None:
    old = "<interface type='user'><model type='virtio-transitional'/></interface>"
    new = "<interface type='user'><model type='virtio-non-transitional'/></interface>"
    assert devices(placed("q35", old + new), "interface") == ["interface 02:01.0", "interface 03:00.0"]


def test_a_full_bus_gets_a_bridge_whose_slot_was_kept() -> None:
    domain = placed("pc", NIC * 40)
    bridges = [text for text in controllers(domain) if "bridge" in text]
    assert bridges == ["pci 1 pci-bridge 00:02.0 chassis_nr=1"]
    found = devices(domain, "interface")
    assert (found[0], found[28], found[29], found[39]) == (
        "interface 00:03.0",
        "interface 00:1f.0",
        "interface 01:01.0",
        "interface 01:0b.0",
    )


def test_buses_up_to_the_one_that_an_address_names_are_added() -> None:
    domain = placed("pc", nic(2, 1))
    assert controllers(domain)[1:] == [
        "pci 0 pci-root",
        "pci 1 pci-bridge 00:02.0 chassis_nr=1",
        "pci 2 pci-bridge 00:03.0 chassis_nr=2",
    ]


def test_a_bus_that_the_indexes_skip_is_added() -> None:
    domain = placed("pc", "<controller type='pci' index='2' model='pci-bridge'/>")
    assert [text.split()[1] for text in controllers(domain) if "bridge" in text] == ["1", "2"]


def test_ich9_usb_has_its_usual_slot_on_q35() -> None:
    usb2 = "".join(
        f"<controller type='usb' index='0' model='ich9-{name}'/>" for name in ("ehci1", "uhci1", "uhci2", "uhci3")
    )
    assert controllers(placed("q35", usb2))[:4] == [
        "usb 0 ich9-ehci1 00:1d.7",
        "usb 0 ich9-uhci1 00:1d.0+",
        "usb 0 ich9-uhci2 00:1d.1",
        "usb 0 ich9-uhci3 00:1d.2",
    ]


def test_ich9_usb_shares_a_slot_on_the_440fx() -> None:
    usb2 = "".join(
        f"<controller type='usb' index='0' model='ich9-{name}'/>" for name in ("ehci1", "uhci1", "uhci2", "uhci3")
    )
    assert controllers(placed("pc", NIC + usb2))[:4] == [
        "usb 0 ich9-ehci1 00:03.7",
        "usb 0 ich9-uhci1 00:03.0+",
        "usb 0 ich9-uhci2 00:03.1",
        "usb 0 ich9-uhci3 00:03.2",
    ]


def test_q35_without_xhci_falls_back_to_usb_2_with_its_companions() -> None:
    domain = placed("q35", context=qemu("qemu-xhci", "nec-usb-xhci"))
    assert [text for text in controllers(domain) if text.startswith("usb")] == [
        "usb 0 ich9-ehci1 00:1d.7",
        "usb 0 ich9-uhci1 00:1d.0+",
        "usb 0 ich9-uhci2 00:1d.1",
        "usb 0 ich9-uhci3 00:1d.2",
    ]


def test_function_0_says_that_there_are_more() -> None:
    domain = placed("pc", nic(0, 5) + nic(0, 5, 1))
    assert devices(domain, "interface") == ["interface 00:05.0+", "interface 00:05.1"]


def test_function_0_may_say_no() -> None:
    domain = placed("pc", nic(0, 5, more=" multifunction='off'") + nic(0, 5, 1))
    assert devices(domain, "interface") == ["interface 00:05.0-", "interface 00:05.1"]


def test_addresses_are_written_in_full() -> None:
    domain = placed("pc", "<interface type='user'><model type='e1000'/><address type='pci' slot='9'/></interface>")
    found = domain.devices().find("interface/address")
    assert found is not None
    assert dict(found.attrib) == {"type": "pci", "slot": "0x09", "domain": "0x0000", "bus": "0x00", "function": "0x0"}


def test_an_empty_address_asks_for_one() -> None:
    domain = placed("pc", "<interface type='user'><model type='e1000'/><address type='pci'/></interface>")
    assert devices(domain, "interface") == ["interface 00:02.0"]


def test_an_expander_bus_gets_a_number_below_the_others() -> None:
    cells = "<cpu><numa><cell id='0' cpus='0' memory='1'/></numa></cpu>"
    pxb = "<controller type='pci' model='pcie-expander-bus'><target><node>0</node></target></controller>"
    domain = placed("q35", pxb * 2 + PORT + nic(3, 0), more=cells)
    assert [text for text in controllers(domain) if text.startswith("pci")] == [
        "pci 0 pcie-root",
        "pci 1 pcie-expander-bus 00:01.0 bus_nr=254",
        "pci 2 pcie-expander-bus 00:02.0 bus_nr=252",
        "pci 3 pcie-root-port 00:03.0+ chassis=3 target_port=0x18",
        "pci 4 pcie-root-port 00:03.1 chassis=4 target_port=0x19",
    ]


REFUSED = [
    ("pc", nic(0, 5) + nic(0, 5), "0000:00:05.0 is used twice"),
    ("pc", nic(0, 1), "0000:00:01.0 is used twice"),
    ("pc", nic(0, 0x20), "slot of a PCI address is 0x20"),
    ("pc", nic(0x100, 1), "bus of a PCI address is 0x100"),
    ("pc", nic(0, 5, 8), "function of a PCI address is 0x8"),
    ("q35", PORT + nic(1, 1), "needs slot 0x0"),
    ("q35", nic(0, 0x1F, 2), "0000:00:1f.2 is used twice"),
    (
        "pc",
        f"<controller type='ide'>{address(0, 7)}</controller>",
        "first ide controller of this machine is at 0000:00:01.1",
    ),
    (
        "q35",
        f"<controller type='sata'>{address(0, 7)}</controller>",
        "first sata controller of this machine is at 0000:00:1f.2",
    ),
    (
        "q35",
        PORT + f"<controller type='pci' index='2' model='pcie-expander-bus'>{address(1, 0)}</controller>",
        "needs a controller that takes a pcie-expander-bus, and bus 1 is a pcie-root-port",
    ),
    (
        "q35",
        "<controller type='pci' model='pcie-switch-downstream-port' index='1'/>",
        "there is no free bus for a pcie-switch-downstream-port",
    ),
    (
        "q35",
        "<controller type='pci' index='0' model='pci-root'/>",
        "is a pci-root, and the machine q35 has a pcie-root",
    ),
    (
        "pc",
        f"<controller type='pci' index='1' model='pci-bridge'>{address(2, 1)}</controller>"
        "<controller type='pci' index='2' model='pci-bridge'/>",
        "has to be higher than its bus",
    ),
    (
        "pc",
        f"<controller type='pci' index='1' model='pci-bridge'>{address(2, 1)}</controller>",
        "no free bus for a pci-bridge",
    ),
    ("isapc", NIC, "no PCI bus"),
    ("isapc", nic(0, 3), "no PCI bus"),
    ("pc", "<controller type='pci' index='1' model='nonsense'/>", "write one of pci-root"),
    ("pc", "<controller type='scsi' index='-1' model='lsilogic'/>", "index -1 is below 0"),
    ("pc", "<controller type='scsi' index='0'/>" * 2, "two scsi controllers with the index 0"),
    ("pc", "<controller type='usb' model='none'/><controller type='usb' model='ehci'/>", "switches USB off"),
]


@pytest.mark.parametrize(
    ("machine", "written", "said"), REFUSED, ids=[said[:40] for _machine, _written, said in REFUSED]
)
def test_refused(machine: str, written: str, said: str) -> None:
    with pytest.raises(XmlError, match=re.escape(said)):
        placed(machine, written)


def test_another_domain_is_refused() -> None:
    with pytest.raises(XmlError, match="PCI domain 0"):
        placed("pc", nic(0, 5).replace("domain='0x0000'", "domain='0x0001'"))


def test_expanders_need_their_machine() -> None:
    with pytest.raises(UnsupportedConfig, match="needs the machine 'q35'"):
        placed("pc", "<controller type='pci' model='pcie-expander-bus' index='1'/>")
    with pytest.raises(UnsupportedConfig, match="needs a 440FX machine"):
        placed("q35", "<controller type='pci' model='pci-expander-bus' index='1'/>")


GUESTS = [
    ("pc", NIC * 40 + VIDEO + BALLOON),
    ("pc", nic(2, 1) + "<controller type='scsi' index='5'/><controller type='scsi'/>"),
    ("q35", NIC * 9 + OLD_NIC + VIDEO * 2 + BALLOON),
    ("q35", PORT * 3 + NIC * 5),
    ("q35", "<controller type='usb' model='ich9-uhci2'/><controller type='usb' model='ich9-ehci1'/>"),
    ("q35", "<controller type='pci' model='dmi-to-pci-bridge'/><controller type='pci' model='pci-bridge'/>" + OLD_NIC),
]


@pytest.mark.parametrize(("machine", "written"), GUESTS)
def test_a_second_run_changes_nothing(machine: str, written: str) -> None:
    domain = place(guest(machine, written), qemu())
    once = etree.tostring(domain.element)
    assert etree.tostring(place(domain, qemu()).element) == once


@pytest.mark.parametrize(("machine", "written"), GUESTS)
def test_no_two_devices_share_an_address(machine: str, written: str) -> None:
    domain = placed(machine, written)
    found = [tuple(sorted(e.items())) for e in domain.devices().iter("address") if e.get("type") == "pci"]
    assert len(found) == len(set(found))


def test_a_new_device_leaves_the_others_where_they_are() -> None:
    domain = placed("q35", NIC * 3 + BALLOON)
    before = devices(domain, "interface", "memballoon")
    domain.devices().insert(0, guest("q35", NIC).devices()[0])
    place(domain, qemu())
    assert devices(domain, "interface", "memballoon") == ["interface 06:00.0", *before]
    assert "pci 7" not in " ".join(controllers(domain))


PIECES = st.sampled_from(
    [
        NIC,
        OLD_NIC,
        BALLOON,
        VIDEO,
        PORT,
        nic(0, 9),
        nic(0, 9, 1),
        nic(3, 0),
        "<controller type='scsi'/>",
        "<controller type='scsi' model='virtio-scsi'/>",
        "<controller type='usb' model='ich9-ehci1'/><controller type='usb' model='ich9-uhci1'/>",
        "<controller type='pci' model='dmi-to-pci-bridge'/>",
        "<controller type='pci' model='pcie-to-pci-bridge'/>",
        "<channel type='pty'><target type='virtio' name='a'/></channel>",
    ]
)


@settings(deadline=None, max_examples=60)
@given(machine=st.sampled_from(["pc", "q35"]), pieces=st.lists(PIECES, max_size=40))
def test_any_guest_is_refused_or_settled(machine: str, pieces: list[str]) -> None:
    """Whatever is put together: it is refused in our words, or nothing is used twice and a second run adds nothing."""
    domain = guest(machine, "".join(pieces))
    try:
        place(domain, qemu())
    except CorralError:
        return
    found = [tuple(sorted(e.items())) for e in domain.devices().iter("address") if e.get("type") == "pci"]
    places = [tuple(pair for pair in one if pair[0] != "multifunction") for one in found]
    assert len(places) == len(set(places))
    once = etree.tostring(domain.element)
    assert etree.tostring(place(domain, qemu()).element) == once
