# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serial and parallel ports, consoles and channels.

Source of the rules: libvirt's formatdomain, "Consoles, serial, parallel & channel devices".
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Tuple

from ....errors import UnsupportedConfig
from ....model.domain.chardev import Channel, CharacterDevice, Console, Parallel, Serial
from ....model.domain.core import Domain
from ....xml.views import check_choice, number_of
from ..command.address import pci_properties, usb_properties
from ..command.chardev import BACKENDS, chardev_options
from ..context import Context
from ..kinds import ISA, NONE, PCI, USB, VIRTIO_SERIAL, Kind
from ..options import Option, properties

# <target type> of a serial port: the device that it is by default, and the bus that it sits on.
SERIAL_TARGETS: Dict[str, Tuple[str, str]] = {
    "isa-serial": ("isa-serial", ISA),
    "usb-serial": ("usb-serial", USB),
    "pci-serial": ("pci-serial", PCI),
    "isa-debug": ("isa-debugcon", ISA),
}
MOST_PARALLEL = 3  # QEMU's MAX_PARALLEL_PORTS
BY_ADDRESS = {"usb": "usb-serial", "pci": "pci-serial", "isa": "isa-serial"}


def _free_port(device: CharacterDevice, domain: Domain) -> str:
    """The lowest port number that no device of the same kind has."""
    taken = {other.target_port for other in domain.all(type(device))}
    return next(str(port) for port in range(len(taken) + 1) if str(port) not in taken)


def _check_backend(device: CharacterDevice, domain: Domain, context: Context) -> None:
    check_choice(device, "type", device.type, BACKENDS)
    source = device.source
    if device.type in ("file", "pipe", "dev") and (source is None or not source.path):
        raise UnsupportedConfig(f"<{device.tag} type='{device.type}'> needs a <source path='...'/>.", line=device.line)
    if device.type == "unix" and source is not None and source.mode == "connect" and not source.path:
        raise UnsupportedConfig("<source mode='connect'> needs a path.", line=device.line)


# serial


def _complete_serial(serial: Serial, domain: Domain, context: Context) -> None:
    address = serial.address
    if serial.target_type is None or serial.target_type == "serial":
        serial.target_type = BY_ADDRESS.get((address.type if address else None) or "", "isa-serial")
    if serial.target_port is None:
        serial.target_port = _free_port(serial, domain)
    if serial.target_model is None and serial.target_type in SERIAL_TARGETS:
        serial.target_model = SERIAL_TARGETS[serial.target_type][0]


def _serial_bus(serial: Serial, domain: Domain, context: Context) -> str:
    return SERIAL_TARGETS.get(serial.target_type or "", ("", NONE))[1]


def _check_serial(serial: Serial, domain: Domain, context: Context) -> None:
    _check_backend(serial, domain, context)
    if serial.target_type not in SERIAL_TARGETS:
        raise UnsupportedConfig(
            f"<serial> has no target type '{serial.target_type}' on this machine.",
            line=serial.line,
            hint=f"Write one of {', '.join(SERIAL_TARGETS)}.",
        )
    ports = [int(other.target_port or 0) for other in domain.all(Serial) if other.target_type == "isa-serial"]
    if serial.target_type == "isa-serial" and int(serial.target_port or 0) > 3:
        raise UnsupportedConfig("A machine has at most four ISA serial ports.", hint="Use pci-serial or usb-serial.")
    if len(ports) != len(set(ports)):
        raise UnsupportedConfig("Two serial ports have the same target port.")


def _write_serial(serial: Serial, domain: Domain, context: Context) -> Iterator[Option]:
    yield from chardev_options(serial, domain, context)
    address = serial.address
    own: Dict[str, Any] = {"driver": serial.target_model, "chardev": f"char{serial.id()}", "id": serial.id()}
    if serial.target_type == "isa-serial":
        own["index"] = int(serial.target_port or 0)
    if serial.target_type == "isa-debug" and address is not None and address.iobase:
        own["iobase"] = number_of(address, "iobase", address.iobase)
    yield Option("-device", properties(own, pci_properties(serial, domain), usb_properties(serial, domain)))


SERIAL = Kind(Serial, _write_serial, complete=_complete_serial, check=_check_serial, bus=_serial_bus)


# parallel


def _complete_parallel(parallel: Parallel, domain: Domain, context: Context) -> None:
    if parallel.target_port is None:
        parallel.target_port = _free_port(parallel, domain)


def _write_parallel(parallel: Parallel, domain: Domain, context: Context) -> Iterator[Option]:
    yield from chardev_options(parallel, domain, context)
    own = {"driver": "isa-parallel", "chardev": f"char{parallel.id()}", "id": parallel.id()}
    yield Option("-device", own)


def _check_parallel(parallel: Parallel, domain: Domain, context: Context) -> None:
    _check_backend(parallel, domain, context)
    if len(domain.all(Parallel)) > MOST_PARALLEL:
        raise UnsupportedConfig(f"A machine has at most {MOST_PARALLEL} parallel ports; remove one.")


PARALLEL = Kind(Parallel, _write_parallel, complete=_complete_parallel, check=_check_parallel)


# console


def _complete_console(console: Console, domain: Domain, context: Context) -> None:
    if console.target_type is None:
        console.target_type = "serial"
    if console.target_port is None:
        console.target_port = _free_port(console, domain)


def _check_console(console: Console, domain: Domain, context: Context) -> None:
    _check_backend(console, domain, context)
    if console.target_type not in ("serial", "virtio"):
        raise UnsupportedConfig(
            f"QEMU has no console of type '{console.target_type}' on this machine.",
            line=console.line,
            hint="Write <target type='serial'/> or <target type='virtio'/>.",
        )
    consoles = domain.all(Console)
    if console.is_serial() and console != consoles[0]:
        raise UnsupportedConfig("only the first <console> can be of type serial.", line=console.line)


def _console_bus(console: Console, domain: Domain, context: Context) -> str:
    return VIRTIO_SERIAL if console.target_type == "virtio" else NONE


def _serial_port_place(device: CharacterDevice, domain: Domain) -> Mapping[str, Any]:
    """bus and nr of a port on a virtio-serial controller."""
    address = device.address
    if address is None or address.type != "virtio-serial":
        return {}
    controller = domain.controller("virtio-serial", address.controller or 0)
    name = controller.id() if controller is not None else f"virtio-serial{address.controller or 0}"
    return {"bus": f"{name}.0", "nr": None if address.port is None else int(address.port)}


def _write_console(console: Console, domain: Domain, context: Context) -> Iterator[Option]:
    if console.is_serial():
        return
    yield from chardev_options(console, domain, context)
    own = {"driver": "virtconsole", "chardev": f"char{console.id()}", "id": console.id()}
    yield Option("-device", properties(own, _serial_port_place(console, domain)))


def _console_alias(console: Console, index: int, domain: Domain) -> str:
    first = next(iter(domain.all(Serial)), None)
    if console.is_serial() and first is not None:
        return first.alias or "serial0"
    return f"console{index}"


CONSOLE = Kind(
    Console,
    _write_console,
    complete=_complete_console,
    check=_check_console,
    bus=_console_bus,
    alias=_console_alias,
)


# channel

SPICE_AGENT = "com.redhat.spice.0"


def _check_channel(channel: Channel, domain: Domain, context: Context) -> None:
    _check_backend(channel, domain, context)
    if channel.target_type not in ("virtio", "guestfwd"):
        given = f"of type '{channel.target_type}'" if channel.target_type else "without a type"
        raise UnsupportedConfig(
            f"QEMU has no channel {given}.",
            line=channel.line,
            hint="Write <target type='virtio' name='...'/>.",
        )
    if channel.type == "spicevmc" and channel.name not in (None, SPICE_AGENT):
        raise UnsupportedConfig("a spicevmc channel is named com.redhat.spice.0.", line=channel.line)


def _channel_bus(channel: Channel, domain: Domain, context: Context) -> str:
    return VIRTIO_SERIAL if channel.target_type == "virtio" else NONE


def _write_channel(channel: Channel, domain: Domain, context: Context) -> Iterator[Option]:
    yield from chardev_options(channel, domain, context)
    chardev = f"char{channel.id()}"
    if channel.target_type == "guestfwd":
        rule = f"tcp:{channel.target_address}:{channel.target_port}-chardev:{chardev}"
        yield Option("-netdev", {"type": "user", "guestfwd": [{"str": rule}], "id": channel.id()})
        return
    yield Option(
        "-device",
        properties(
            {"driver": "virtserialport"},
            _serial_port_place(channel, domain),
            {
                "chardev": chardev,
                "id": channel.id(),
                "name": channel.name or (SPICE_AGENT if channel.type == "spicevmc" else None),
            },
        ),
    )


CHANNEL = Kind(Channel, _write_channel, check=_check_channel, bus=_channel_bus)
