# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers: which there are, in which order, what is checked of them, and what QEMU is told."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Iterable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Context
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.controller_pci import PCI_MODELS
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.controller_scsi import SCSI_MODELS
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.controller_usb import USB_MODELS
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.devices.table import DEVICES
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.tests.unit.drivers.qemu.passes.small_guest import (
    controller_options,
    controllers,
    devices,
    placed,
    qemu,
)


def check(domain: Domain, context: Context) -> None:
    """What the validating pass asks of the controllers."""
    for kind in DEVICES:
        for device in kind.of(domain) if kind.tag == "controller" else ():
            kind.check(device, domain, context)


def types(domain: Domain) -> list[str]:
    """The controllers in the order of the document, without their addresses."""
    return [f"{c.type} {c.index}" for c in domain.controllers]


# which and in which order


def test_controllers_are_sorted_by_index_within_their_type() -> None:
    written = "".join(
        f"<controller type='{type_}' index='{index}'/>"
        for type_, index in (("scsi", 1), ("virtio-serial", 0), ("scsi", 0))
    )
    assert types(placed("pc", written))[:3] == ["scsi 0", "scsi 1", "virtio-serial 0"]


def test_an_index_that_is_left_out_is_the_lowest_free_one() -> None:
    written = "<controller type='scsi'/><controller type='scsi' index='0'/><controller type='scsi'/>"
    assert sorted(types(placed("pc", written)))[1:4] == ["scsi 0", "scsi 1", "scsi 2"]


def test_usb_2_companions_without_an_index_stay_together() -> None:
    part = "<controller type='usb' model='ich9-{}'/>"
    group = "".join(part.format(name) for name in ("ehci1", "uhci1", "uhci2", "uhci3"))
    domain = placed("pc", group * 2)
    assert [c.index for c in domain.controllers if c.type == "usb"] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert domain.controllers[1].master_start_port == 0


def test_disks_bring_their_controllers() -> None:
    disk = "<disk type='file' device='disk'><source file='/a'/><target dev='sd{}' bus='scsi'/>{}</disk>"
    place = "<address type='drive' controller='2' bus='0' target='0' unit='0'/>"
    assert [text for text in types(placed("pc", disk.format("a", place))) if "scsi" in text] == [
        "scsi 0",
        "scsi 1",
        "scsi 2",
    ]


def test_smart_cards_bring_a_reader() -> None:
    domain = placed("q35", "<smartcard mode='host'/>" * 2)
    assert "ccid 0" in types(domain)
    slots = [found.get("slot") for found in domain.devices().iterfind("smartcard/address")]
    assert slots == ["0", "1"]


def test_scsi_host_devices_bring_controllers_of_one_model() -> None:
    at = "<address type='drive' controller='1' bus='0' target='0' unit='0'/>"
    device = f"<hostdev mode='subsystem' type='scsi'>{at}</hostdev>"
    domain = placed("pc", "<controller type='scsi' index='1' model='virtio-scsi'/>" + device)
    assert [c.model for c in domain.controllers if c.type == "scsi"] == ["virtio-scsi", "virtio-scsi"]


def test_usb_can_be_switched_off() -> None:
    assert [text for text in controllers(placed("q35", "<controller type='usb' model='none'/>")) if "usb" in text] == [
        "usb 0 none"
    ]


@pytest.mark.parametrize(
    ("type_", "without", "model"),
    [
        ("usb", (), "piix3-uhci"),
        ("scsi", (), "lsilogic"),
        ("scsi", ("lsi53c895a",), "virtio-scsi"),
    ],
)
def test_default_models(type_: str, without: tuple[str, ...], model: str) -> None:
    domain = placed("pc", f"<controller type='{type_}'/>", context=qemu(*without))
    assert [c.model for c in domain.controllers if c.type == type_] == [model]


def test_a_pci_controller_without_a_model_is_what_the_machine_would_add() -> None:
    written = "<controller type='pci' index='0'/><controller type='pci' index='1'/>"
    assert [c.model for c in placed("pc", written).controllers if c.type == "pci"] == ["pci-root", "pci-bridge"]
    assert [c.model for c in placed("q35", written).controllers if c.type == "pci"][:2] == [
        "pcie-root",
        "pcie-root-port",
    ]


# what is refused

NODE = "<controller type='pci' index='1' model='{}'><target><node>3</node></target></controller>"
TARGET = "<controller type='pci' index='1' model='pci-bridge'><target {}/></controller>"
REFUSED: list[tuple[str, str, tuple[str, ...], str]] = [
    ("pc", "<controller type='pci' index='256' model='pci-bridge'/>", (), "is above 255"),
    ("pc", "<controller type='pci' index='1' model='pci-root'/>", (), "the PCI root has 0"),
    ("pc", NODE.format("pci-expander-bus"), (), "names the NUMA node 3"),
    ("pc", NODE.format("pci-bridge"), (), "has no <node>"),
    ("pc", TARGET.format("chassisNr='0'"), (), "must be from 1 to 255"),
    ("pc", TARGET.format("busNr='3'"), (), "has no busNr"),
    ("pc", TARGET.format("hotplug='on'"), (), "has no hotplug"),
    (
        "pc",
        "<controller type='pci' index='1' model='pci-bridge'><model name='x'/></controller>",
        (),
        "write one of pci-bridge",
    ),
    ("pc", "<controller type='pci' index='0' model='pci-root'><model name='x'/></controller>", (), "remove <model>"),
    ("pc", "<controller type='pci' index='1' model='pci-bridge'/>", ("pci-bridge",), "has no device 'pci-bridge'"),
    (
        "pc",
        "<controller type='pci' index='1' model='pci-bridge'><pcihole64>1</pcihole64></controller>",
        (),
        "belongs to the PCI root",
    ),
    (
        "pc",
        "<controller type='pci' index='0' model='pci-root'><target hotplug='off'/></controller>",
        ("PIIX4_PM",),
        "cannot switch",
    ),
    (
        "pc",
        "<controller type='pci' index='0' model='pci-root'><address type='pci' slot='3'/></controller>",
        (),
        "the pci-root has no address",
    ),
    (
        "q35",
        "<controller type='pci' index='1' model='pci-bridge'><address type='pci' bus='1' slot='1'/></controller>",
        (),
        "sits below itself",
    ),
    ("q35", "<controller type='ide' index='0'/>", (), "has no IDE"),
    ("pc", "<controller type='ide' index='1'/>", (), "has one IDE controller"),
    ("pc", "<controller type='sata' index='0'/>", ("ich9-ahci",), "has no SATA controller"),
    (
        "pc",
        "<controller type='scsi' model='lsilogic'><driver queues='2'/></controller>",
        (),
        "belongs to a virtio-scsi controller",
    ),
    ("pc", "<controller type='scsi' model='vmpvscsi'/>", ("pvscsi",), "has no SCSI controller 'vmpvscsi'"),
    (
        "pc",
        "<controller type='scsi' model='virtio-scsi'><driver iothread='1'/></controller>",
        (),
        "uses the I/O thread 1",
    ),
    ("pc", "<controller type='usb' model='qemu-xhci' ports='16'/>", (), "up to 15 ports"),
    ("pc", "<controller type='usb' model='pci-ohci'/>", ("pci-ohci",), "has no USB controller 'pci-ohci'"),
    ("pc", "<controller type='usb' model='ich9-uhci1'/>", (), "has no master"),
    ("pc", "<controller type='usb' model='qusb2'/>", (), "QEMU has no USB controller 'qusb2'"),
    ("pc", "<controller type='scsi' model='buslogic'/>", (), "QEMU has no SCSI controller 'buslogic'"),
    ("pc", "<controller type='virtio-serial' model='x'/>", (), "no virtio-serial controller 'x'"),
    ("pc", "<controller type='xenbus'/>", (), "<controller type='xenbus'> is not one of"),
]


@pytest.mark.parametrize(("machine", "written", "without", "said"), REFUSED, ids=[row[3] for row in REFUSED])
def test_refused(machine: str, written: str, without: tuple[str, ...], said: str) -> None:
    context = qemu(*without)
    with pytest.raises(CorralError, match=re.escape(said)):
        check(placed(machine, written, context=context), context)


# what QEMU is told


def options(machine: str, written: str, **more: Any) -> list[str]:
    """The controllers' arguments of a guest that passes the checks, those of the defaults left out."""
    domain = placed(machine, written, **more)
    check(domain, qemu())
    return [text for text in controller_options(domain) if '"driver":"piix3-usb-uhci"' not in text]


def test_what_comes_with_the_machine_is_not_written() -> None:
    assert options("pc", "<controller type='ide'/>") == []
    assert options("q35", "<controller type='usb' model='none'/>") == []


def test_a_root_port() -> None:
    port = "<controller type='pci' index='1' model='pcie-root-port'><target chassis='9' hotplug='off'/></controller>"
    assert options("q35", "<controller type='usb' model='none'/>" + port) == [
        '{"driver":"pcie-root-port","id":"pci.1","port":8,"chassis":9,"hotplug":false,"bus":"pcie.0","addr":"0x1"}'
    ]


def test_the_pci_hole_and_the_hotplug_of_the_root() -> None:
    root = "<controller type='pci' index='0' model='{}'>{}<pcihole64 unit='MiB'>2</pcihole64></controller>"
    assert options("pc", root.format("pci-root", "<target hotplug='off'/>")) == [
        "i440FX-pcihost.pci-hole64-size=2048K",
        "PIIX4_PM.acpi-root-pci-hotplug=off",
    ]
    domain = placed("q35", root.format("pcie-root", "") + "<controller type='usb' model='none'/>")
    assert controller_options(domain) == ["q35-pcihost.pci-hole64-size=2048K"]


def test_virtio_scsi_with_its_options() -> None:
    driver = "<driver queues='2' cmd_per_lun='3' max_sectors='4' ioeventfd='on' iothread='1' packed='on'/>"
    written = f"<controller type='scsi' model='virtio-scsi'>{driver}</controller>"
    assert options("pc", written, more="<iothreads>1</iothreads>") == [
        '{"driver":"virtio-scsi-pci","id":"scsi0","iothread":"iothread1","num_queues":2,"cmd_per_lun":3,"max_sectors":4,'
        '"ioeventfd":true,"packed":true,"bus":"pci.0","addr":"0x2"}'
    ]


def test_virtio_scsi_spread_over_iothreads() -> None:
    threads = (
        "<iothreads><iothread id='2'><queue id='0'/></iothread><iothread id='3'><queue id='1'/></iothread></iothreads>"
    )
    written = f"<controller type='scsi' model='virtio-scsi'><driver queues='2'>{threads}</driver></controller>"
    ids = "<iothreads>2</iothreads><iothreadids><iothread id='2'/><iothread id='3'/></iothreadids>"
    assert (
        '"iothread-vq-mapping":[{"iothread":"iothread2","vqs":[0]},{"iothread":"iothread3","vqs":[1]}]'
        in options("pc", written, more=ids)[0]
    )


def test_usb_2_companions_name_their_master() -> None:
    part = "<controller type='usb' index='0' model='ich9-{}'/>"
    written = part.format("ehci1") + part.format("uhci2")
    assert options("pc", written) == [
        '{"driver":"ich9-usb-ehci1","id":"usb","bus":"pci.0","addr":"0x2.0x7"}',
        '{"driver":"ich9-usb-uhci2","masterbus":"usb.0","firstport":2,"bus":"pci.0","addr":"0x2.0x1"}',
    ]


def test_virtio_serial_with_its_ports() -> None:
    written = "<controller type='virtio-serial' model='virtio-non-transitional' ports='4' vectors='2'/>"
    assert options("pc", written) == [
        '{"driver":"virtio-serial-pci-non-transitional","id":"virtio-serial0","max_ports":4,"vectors":2,"bus":"pci.0",'
        '"addr":"0x2"}'
    ]


def test_a_second_sata_controller_and_a_card_reader() -> None:
    written = (
        "<controller type='sata' index='1'/><smartcard mode='host'/><controller type='usb' model='nec-xhci' ports='5'/>"
    )
    found = options("pc", written)
    assert '{"driver":"nec-usb-xhci","p2":5,"p3":5,"id":"usb","bus":"pci.0","addr":"0x3"}' in found
    assert found[-1] == '{"driver":"usb-ccid","id":"ccid0","bus":"usb.0","port":"1"}'
    assert any('"driver":"ahci","id":"sata1"' in text for text in found)


def test_a_name_of_the_users_own_is_not_taken_for_the_machines_bus() -> None:
    root = "<controller type='pci' index='0' model='pcie-root'><alias name='ua-root'/></controller>"
    port = "<controller type='pci' index='1' model='pcie-root-port'/><controller type='usb' model='none'/>"
    assert '"bus":"pcie.0"' in options("q35", root + port)[0]


def test_devices_stand_below_what_they_plug_into() -> None:
    written = "<controller type='scsi' model='virtio-scsi'/><controller type='pci' model='pcie-root-port'/>"
    drivers = [text.split('"')[3] for text in options("q35", written)]
    assert drivers.index("pcie-root-port") < drivers.index("virtio-scsi-pci")


def test_a_bus_is_written_before_what_plugs_into_it_whatever_the_indexes() -> None:
    written = "<controller type='usb' model='none'/><controller type='pci' index='1' model='pcie-to-pci-bridge'/>"
    found = options("q35", written)
    assert [text.split('"')[7] for text in found] == ["pci.2", "pci.1"]


def test_nested_hubs_are_written_from_the_outside_in() -> None:
    hub = "<hub type='usb'><address type='usb' bus='0' port='{}'/></hub>"
    domain = placed("pc", hub.format("1.1") + hub.format("1"))
    row = next(kind for kind in DEVICES if kind.tag == "hub")
    assert [device.address.port for device in row.of(domain)] == ["1", "1.1"]


# every row of the tables


def qemu_with(types: Iterable[str]) -> Context:
    """A QEMU that has these besides."""
    return Context(dataclasses.replace(qemu().caps, types=qemu().caps.types | frozenset(types)))


@pytest.mark.parametrize("model", sorted(SCSI_MODELS))
def test_every_scsi_model_is_written(model: str) -> None:
    context = qemu_with(row.type for row in SCSI_MODELS.values())
    domain = placed("q35", f"<controller type='scsi' model='{model}'/>", context=context)
    check(domain, context)
    assert any(f'"driver":"{SCSI_MODELS[model].device}"' in text for text in controller_options(domain, context))


@pytest.mark.parametrize("model", sorted(USB_MODELS))
def test_every_usb_model_is_written(model: str) -> None:
    context = qemu_with(row.device for row in USB_MODELS.values())
    master = "<controller type='usb' model='ich9-ehci1'/>" if USB_MODELS[model].first_port is not None else ""
    domain = placed("pc", master + f"<controller type='usb' model='{model}'/>", context=context)
    check(domain, context)
    assert any(f'"driver":"{USB_MODELS[model].device}"' in text for text in controller_options(domain, context))


PARENTS = {
    "pcie-switch-upstream-port": "<controller type='pci' index='1' model='pcie-root-port'/>",
    "pcie-switch-downstream-port": "<controller type='pci' index='1' model='pcie-root-port'/>"
    "<controller type='pci' index='2' model='pcie-switch-upstream-port'/>",
    "pci-bridge": "<controller type='pci' index='1' model='dmi-to-pci-bridge'/>",
}


@pytest.mark.parametrize("model", [name for name, row in PCI_MODELS.items() if row.devices])
def test_every_pci_model_is_written(model: str) -> None:
    machine = "pc" if model == "pci-expander-bus" else "q35"
    written = PARENTS.get(model, "") + f"<controller type='pci' model='{model}'/>"
    domain = placed(machine, written)
    check(domain, qemu())
    assert any(f'"driver":"{PCI_MODELS[model].devices[0]}"' in text for text in controller_options(domain))


def test_a_switch_is_numbered_like_its_slots() -> None:
    written = (
        PARENTS["pcie-switch-downstream-port"]
        + "<controller type='pci' model='pcie-switch-downstream-port'/>" * 2
        + "<controller type='usb' model='none'/>"
    )
    assert [text for text in controllers(placed("q35", written)) if "downstream" in text] == [
        "pci 3 pcie-switch-downstream-port 02:00.0 chassis=3 target_port=0x0",
        "pci 4 pcie-switch-downstream-port 02:01.0 chassis=4 target_port=0x1",
    ]


def test_a_device_of_a_kind_that_nobody_knows_keeps_its_address_to_itself() -> None:
    strange = "<gadget><address type='pci' bus='0' slot='2'/></gadget>"
    assert devices(placed("pc", strange + "<memballoon model='virtio'/>"), "memballoon") == ["memballoon 00:03.0"]
