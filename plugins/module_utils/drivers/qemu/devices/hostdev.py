# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices of the host that are given to a guest: one row a type (PCI, USB, SCSI, vhost-scsi, mediated).

Source of the rules: libvirt's formatdomain, "Host device assignment", and QEMU's docs on vfio and usb-host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Graphics
from ....model.domain.hostdev import Hostdev, HostPlace
from ....model.domain.interface import Interface
from ....values import parse_uuid
from ....xml.views import check_choice
from ..command.address import pci_properties, rom_properties, usb_properties, virtio_driver, virtio_properties
from ..context import Context
from ..kinds import DRIVE, NONE, PCI, PCIE, USB, VIRTIO, Kind
from ..options import Option, properties
from .hostdev_scsi import complete_scsi, meets_disk, scsi_options, scsi_place

Key = Tuple[Any, ...]
RESETS: Dict[str, Tuple[bool, Optional[bool]]] = {
    "off": (False, None),
    "uninitialized": (True, False),
    "on": (True, True),
}
VHOST_SCSI = "/dev/vhost-scsi"


def _host(place: Optional[HostPlace]) -> str:
    if place is None:
        raise AssertionError("place is not there")
    return f"{place.domain or 0:04x}:{place.bus or 0:02x}:{place.slot or 0:02x}.{place.function or 0:x}"


# pci


def _pci_key(device: Hostdev) -> Key:
    return (_host(device.place),)


def _check_pci(device: Hostdev, domain: Domain, context: Context) -> None:
    if device.place is None:
        raise XmlError("a <hostdev type='pci'> needs an <address> in its <source>.", line=device.line)
    if device.backend not in (None, "vfio"):
        raise XmlError(f"<driver name='{device.backend}'/> of <hostdev> is not 'vfio'.", line=device.line)
    if device.write_filtering is not None:
        raise XmlError("QEMU has no writeFiltering of a <hostdev>; remove it.", line=device.line)
    _need(device, "vfio-pci", context)


def _write_pci(device: Hostdev, domain: Domain, context: Context) -> Iterator[Option]:
    if device.address is not None and device.address.type == "unassigned":
        return  # taken from the host, and given to nobody
    own = {
        "driver": "vfio-pci",
        "host": _host(device.place),
        "id": device.id(),
        "bootindex": device.boot_order,
        "failover_pair_id": device.teaming_with if device.teaming == "transient" else None,
    }
    yield Option("-device", properties(own, pci_properties(device, domain), rom_properties(device)))


# usb


def _usb_key(device: Hostdev) -> Key:
    place = device.place
    if place is not None:
        return ("place", place.bus, place.device)
    return ("product", device.vendor, device.product)


def _check_usb(device: Hostdev, domain: Domain, context: Context) -> None:
    if device.place is None and (device.vendor is None or device.product is None):
        raise XmlError(
            "a <hostdev type='usb'> needs <vendor> and <product>, or an <address bus='...' device='...'/>, in its "
            "<source>.",
            line=device.line,
        )
    if device.guest_reset not in (None, *RESETS):
        raise XmlError(f"guestReset='{device.guest_reset}' is not one of {', '.join(RESETS)}.", line=device.line)
    _need(device, "usb-host", context)


def _write_usb(device: Hostdev, domain: Domain, context: Context) -> Iterator[Option]:
    reset, every = RESETS.get(device.guest_reset or "", (None, None))
    own = {
        "driver": "usb-host",
        **_usb_source(device),
        "id": device.id(),
        "bootindex": device.boot_order,
        "guest-reset": reset,
        "guest-resets-all": every,
    }
    yield Option("-device", properties(own, usb_properties(device, domain)))


def _usb_source(device: Hostdev) -> Mapping[str, Any]:
    place = device.place
    if place is not None:
        return {"hostdevice": f"/dev/bus/usb/{place.bus or 0:03d}/{place.device or 0:03d}"}
    return {"vendorid": device.vendor, "productid": device.product}


# scsi


def _scsi_key(device: Hostdev) -> Key:
    place = device.place
    unit = (place.bus, place.target, place.unit) if place is not None else ()
    return (device.protocol, device.source_name, device.adapter, unit)


def _check_scsi(device: Hostdev, domain: Domain, context: Context) -> None:
    if device.protocol not in (None, "iscsi"):
        raise XmlError(f"a <hostdev type='scsi'> has no protocol '{device.protocol}', only iscsi.", line=device.line)
    if device.protocol is None and (device.adapter is None or device.place is None):
        raise XmlError("a <hostdev type='scsi'> needs <adapter name='scsi_host...'/> and <address>.", line=device.line)
    if device.protocol == "iscsi" and not (device.source_name and device.hosts):
        raise XmlError("an iSCSI <hostdev> needs a name and a <host> in its <source>.", line=device.line)
    here = [other for other in domain.all(Hostdev) if other.type == "scsi" and scsi_place(other) == scsi_place(device)]
    if meets_disk(device, domain):
        raise XmlError("a disk has the same <address type='drive'> as this <hostdev>; move one.", line=device.line)
    if scsi_place(device) is not None and len(here) > 1:
        raise XmlError("two SCSI <hostdev>s have the same <address type='drive'>; give each its own.", line=device.line)


# scsi_host


def _check_scsi_host(device: Hostdev, domain: Domain, context: Context) -> None:
    if device.protocol != "vhost" or not device.wwpn:
        raise XmlError("a <hostdev type='scsi_host'> has <source protocol='vhost' wwpn='naa...'/>.", line=device.line)
    if device.boot_order is not None:
        raise XmlError("a guest cannot boot from a <hostdev type='scsi_host'>; remove <boot>.", line=device.line)
    _need(device, "vhost-scsi-pci", context)


def _write_scsi_host(device: Hostdev, domain: Domain, context: Context) -> Iterator[Option]:
    descriptor = context.descriptors.get(VHOST_SCSI)
    own = {
        "driver": virtio_driver("vhost-scsi", device.model),
        "wwpn": device.wwpn,
        "vhostfd": None if descriptor is None else str(descriptor),
        "id": device.id(),
    }
    yield Option("-device", properties(own, virtio_properties(device), pci_properties(device, domain)))


# mdev


def _mdev_key(device: Hostdev) -> Key:
    return (device.place.uuid if device.place is not None else None,)


def _check_mdev(device: Hostdev, domain: Domain, context: Context) -> None:
    check_choice(device, "model", device.model, ("vfio-pci",))
    if device.place is None or not device.place.uuid:
        raise XmlError("a <hostdev type='mdev'> needs <address uuid='...'/> in its <source>.", line=device.line)
    parse_uuid(device.place.uuid)
    if device.managed:
        raise XmlError("a <hostdev type='mdev'> cannot be managed; remove managed='yes'.", line=device.line)
    if device.boot_order is not None:
        raise XmlError("a guest cannot boot from a <hostdev type='mdev'>; remove <boot>.", line=device.line)
    if device.display and not domain.all(Graphics):
        raise XmlError("display='on' of <hostdev> needs a <graphics>; add one.", line=device.line)
    if device.ramfb and not device.display:
        raise XmlError("ramfb='on' of <hostdev> needs display='on'.", line=device.line)
    if len([other for other in domain.all(Hostdev) if other.ramfb]) > 1:
        raise XmlError("only one <hostdev> of a guest has ramfb='on'.", line=device.line)
    _need(device, "vfio-pci", context)


def _write_mdev(device: Hostdev, domain: Domain, context: Context) -> Iterator[Option]:
    if device.place is None:
        raise AssertionError("device.place is not there")
    own = {
        "driver": "vfio-pci-nohotplug" if device.ramfb else "vfio-pci",
        "id": device.id(),
        "sysfsdev": f"/sys/bus/mdev/devices/{device.place.uuid}",
        "display": None if device.display is None else "on" if device.display else "off",
        "ramfb": True if device.ramfb else None,
    }
    yield Option("-device", properties(own, pci_properties(device, domain)))


# the rows

Write = Callable[[Hostdev, Domain, Context], Iterator[Option]]
Check = Callable[[Hostdev, Domain, Context], None]


@dataclass(frozen=True)
class Type:
    """A type: how it is written and checked, its bus, and what tells two of them apart."""

    write: Write
    check: Check
    bus: str
    key: Callable[[Hostdev], Key]


TYPES: Dict[str, Type] = {
    "pci": Type(_write_pci, _check_pci, PCIE, _pci_key),
    "usb": Type(_write_usb, _check_usb, USB, _usb_key),
    "scsi": Type(scsi_options, _check_scsi, DRIVE, _scsi_key),
    "scsi_host": Type(_write_scsi_host, _check_scsi_host, VIRTIO, lambda device: (device.wwpn,)),
    "mdev": Type(_write_mdev, _check_mdev, PCIE, _mdev_key),
}


def _need(device: Hostdev, name: str, context: Context) -> None:
    if not context.caps.has_device(name):
        raise UnsupportedConfig(
            f"{context.caps.binary} has no '{name}'.", line=device.line, hint="Remove the <hostdev>."
        )


def _complete(device: Hostdev, domain: Domain, context: Context) -> None:
    if device.managed is None:
        device.managed = False
    if device.mode is None:
        device.mode = "subsystem"
    if device.type == "scsi":
        complete_scsi(device, domain)
    place = device.place
    if device.type == "pci" and place is not None:
        for name, width in (("domain", 4), ("bus", 2), ("slot", 2), ("function", 1)):
            place.element.set(name, f"0x{getattr(place, name) or 0:0{width}x}")


def _bus(device: Hostdev, domain: Domain, context: Context) -> str:
    row = TYPES.get(device.type or "")
    if row is None or (device.address is not None and device.address.type == "unassigned"):
        return NONE
    return PCI if device.model == "virtio-transitional" else row.bus


def _check(device: Hostdev, domain: Domain, context: Context) -> None:
    if device.mode != "subsystem":
        raise UnsupportedConfig(
            f"QEMU has no <hostdev mode='{device.mode}'>.", line=device.line, hint="Write mode='subsystem'."
        )
    check_choice(device, "type", device.type, TYPES)
    row = TYPES[device.type or ""]
    row.check(device, domain, context)
    same = [other for other in domain.all(Hostdev) if other.type == device.type and row.key(other) == row.key(device)]
    if len(same) > 1:
        raise XmlError("two <hostdev>s name the same device of the host; remove one.", line=device.line)


def _write(device: Hostdev, domain: Domain, context: Context) -> Iterator[Option]:
    yield from TYPES[device.type or ""].write(device, domain, context)


def _cards(domain: Domain) -> List[Interface]:
    return [interface for interface in domain.all(Interface) if interface.type == "hostdev"]


def _alias(device: Hostdev, index: int, domain: Domain) -> str:
    return f"hostdev{index + len(_cards(domain))}"


HOSTDEV = Kind(Hostdev, _write, complete=_complete, check=_check, bus=_bus, alias=_alias)


# network cards of the host


def _card_place(interface: Interface) -> Optional[HostPlace]:
    found = interface.element.find("source/address")
    return None if found is None else HostPlace(found)


def _complete_card(interface: Interface, domain: Domain, context: Context) -> None:
    if interface.mac is not None:
        interface.mac = interface.mac.lower()
    place = _card_place(interface)
    if place is not None:
        for name, width in (("domain", 4), ("bus", 2), ("slot", 2), ("function", 1)):
            place.element.set(name, f"0x{getattr(place, name) or 0:0{width}x}")


def _check_card(interface: Interface, domain: Domain, context: Context) -> None:
    place = _card_place(interface)
    if place is None or place.type != "pci":
        raise XmlError(
            "an <interface type='hostdev'> needs <source><address type='pci' .../></source>.", line=interface.line
        )
    if not context.caps.has_device("vfio-pci"):
        raise UnsupportedConfig(f"{context.caps.binary} has no 'vfio-pci'.", line=interface.line)


def _write_card(interface: Interface, domain: Domain, context: Context) -> Iterator[Option]:
    teaming = interface.element.find("teaming")
    own = {
        "driver": "vfio-pci",
        "host": _host(_card_place(interface)),
        "id": interface.id(),
        "bootindex": interface.boot_order,
        "failover_pair_id": None if teaming is None else teaming.get("persistent"),
    }
    yield Option("-device", properties(own, pci_properties(interface, domain), rom_properties(interface)))


HOST_INTERFACE = Kind(
    Interface,
    _write_card,
    complete=_complete_card,
    check=_check_card,
    bus=lambda interface, domain, context: PCIE,
    alias=lambda interface, index, domain: f"hostdev{index}",
    part=lambda interface: interface.type == "hostdev",
)
