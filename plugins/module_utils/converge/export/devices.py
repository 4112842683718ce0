# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices back into options, in the order in which the options are documented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from ...model.domain.interface import is_generated
from ...xml.parse import Element
from ..options.disks import BURST, DEVICE_BUS
from ..options.ports import GUEST_AGENT, SPICE_AGENT
from .read import Options, at, given, number_at, short, size, truth_at

# What a disk says as an attribute of its driver.
DRIVER = ("cache", "io", "discard", "detect_zeroes")
LENGTH = "_length"
SERIAL = "isa-serial"


def disks(domain: Element) -> Options:
    """Disks, CD-ROM drives and floppy drives."""
    return {"disks": [_disk(each) for each in domain.iterfind("devices/disk")]}


def _disk(disk: Element) -> Options:
    kind, bus = disk.get("device") or "disk", at(disk, "target", "bus")
    place = {
        "path": at(disk, "source", "file") or at(disk, "source", "dev"),
        "pool": at(disk, "source", "pool"),
        "volume": at(disk, "source", "volume"),
    }
    if place["pool"]:
        place["path"] = None
    return given(
        {
            **place,
            "device": kind if kind != "disk" else None,
            "format": at(disk, "driver", "type"),
            "encryption": at(disk, "source/encryption/secret", "uuid") or at(disk, "source/encryption/secret", "usage"),
            "bus": bus if bus != DEVICE_BUS.get(kind) else None,
            "target": at(disk, "target", "dev"),
            "readonly": True if disk.find("readonly") is not None and kind != "cdrom" else None,
            "shareable": True if disk.find("shareable") is not None else None,
            "boot_order": number_at(disk, "boot", "order"),
            "serial": at(disk, "serial"),
            "wwn": at(disk, "wwn"),
            **{name: at(disk, "driver", name) for name in DRIVER},
            "iothread": number_at(disk, "driver", "iothread"),
            "iotune": _iotune(disk),
        }
    )


def _iotune(disk: Element) -> Options:
    found: Options = {}
    for each in disk.iterfind("iotune/*"):
        name, value = str(each.tag), (each.text or "").strip()
        if name == "group_name":
            found["group_name"] = value
        elif name.endswith(LENGTH):
            found["burst_seconds"] = number_at(each, "")
        elif name.removesuffix(BURST).endswith(("_bytes_sec", "_iops_sec")) and value.isdigit():
            found[name] = size(int(value)) if "_bytes_" in name else int(value)
    return given(found)


def filesystems(domain: Element) -> Options:
    """Directories of the host."""
    return {"filesystems": [_filesystem(each) for each in domain.iterfind("devices/filesystem")]}


def _filesystem(each: Element) -> Options:
    virtiofs, access = at(each, "driver", "type") == "virtiofs", each.get("accessmode")
    return given(
        {
            "source": at(each, "source", "dir"),
            "tag": at(each, "target", "dir"),
            "type": None if virtiofs else "9p",
            "access": None if access == "passthrough" else access,
            "readonly": True if each.find("readonly") is not None else None,
        }
    )


def interfaces(domain: Element) -> Options:
    """Network interfaces."""
    return {"interfaces": [_interface(each) for each in domain.iterfind("devices/interface")]}


def _interface(card: Element) -> Options:
    kind, model, driver = card.get("type"), at(card, "model", "type"), at(card, "driver", "name")
    target = at(card, "target", "dev")
    direct = {"dev": at(card, "source", "dev"), "mode": at(card, "source", "mode")} if kind == "direct" else {}
    return given(
        {
            "type": kind if kind in ("user", "ethernet") else None,
            "network": at(card, "source", "network") if kind == "network" else None,
            "portgroup": at(card, "source", "portgroup"),
            "bridge": at(card, "source", "bridge") if kind == "bridge" else None,
            "direct": given({**direct, "mode": None if direct.get("mode") == "bridge" else direct.get("mode")}),
            "mac": at(card, "mac", "address"),
            "model": None if model == "virtio" else model,
            "mtu": number_at(card, "mtu", "size"),
            "link": at(card, "link", "state"),
            "vlan": _vlan(card.find("vlan")),
            "bandwidth": _bandwidth(card.find("bandwidth")),
            "queues": number_at(card, "driver", "queues"),
            "vhost": None if driver is None else driver == "vhost",
            "target": None if is_generated(target) else target,
            "managed": truth_at(card, "target", "managed"),
            "isolated": truth_at(card, "port", "isolated"),
            "filter": _filter(card.find("filterref")),
            "trust_guest_rx_filters": truth_at(card, "", "trustGuestRxFilters"),
            "boot_order": number_at(card, "boot", "order"),
        }
    )


def _vlan(element: Optional[Element]) -> Any:
    if element is None:
        return None
    tags = [number_at(tag, "", "id") for tag in element.iterfind("tag")]
    native = element.find("tag[@nativeMode]")
    if native is not None:
        return {"tags": tags, "native": number_at(native, "", "id"), "native_mode": native.get("nativeMode")}
    if len(tags) == 1:
        return {"tags": tags, "trunk": True} if element.get("trunk") == "yes" else tags[0]
    return tags


def _bandwidth(element: Optional[Element]) -> Options:
    ways = {way: None if element is None else element.find(way) for way in ("inbound", "outbound")}
    return given({way: _rates(each) for way, each in ways.items() if each is not None})


def _rates(way: Element) -> Options:
    rates = {name: number_at(way, "", name) for name in ("average", "peak")}
    burst = number_at(way, "", "burst")
    told = {name: None if rate is None else f"{rate}kB" for name, rate in rates.items()}
    return given({**told, "burst": None if burst is None else f"{burst}KiB"})


def _filter(element: Optional[Element]) -> Optional[Options]:
    if element is None:
        return None
    values: dict[str, list[str]] = {}
    for each in element.iterfind("parameter"):
        values.setdefault(each.get("name") or "", []).append(each.get("value") or "")
    parameters = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    return given({"name": element.get("filter"), "parameters": parameters})


# ports


def ports(domain: Element) -> Options:
    """The console, serial and parallel ports."""
    serials = domain.findall("devices/serial")
    console = bool(serials) and serials[0].get("type") == "pty" and len(_behind(serials[0])) == 0
    rest = serials[1:] if console else serials
    return {
        "console": console,
        "serials": [{**_behind(each), **_model(each)} for each in rest],
        "parallels": [_behind(each) for each in domain.iterfind("devices/parallel")],
    }


def _model(port: Element) -> Options:
    kind = at(port, "target", "type")
    return {} if kind in (None, SERIAL) else {"model": kind}


def _behind(port: Element, default: str = "pty") -> Options:
    kind = port.get("type") or default
    source = port.find("source")
    path, mode = at(source, "", "path"), at(source, "", "mode")
    found: Options = {"type": "none" if kind == "null" else kind if kind != default else None}
    if kind == "tcp":
        found.update({"host": at(source, "", "host"), "port": number_at(source, "", "service")})
    elif kind != "pty":
        found["path"] = path
    if mode == "connect" and kind in ("tcp", "unix"):
        found["listen"] = False
    return given(found)


def channels(domain: Element) -> Options:
    """Channels to programs in the guest, those of the agents first."""
    found: Options = {"channels": []}
    spice = domain.find("devices/graphics[@type='spice']") is not None
    agents = {SPICE_AGENT: "spice_agent", GUEST_AGENT: "guest_agent"}
    for each in domain.iterfind("devices/channel"):
        name, behind = at(each, "target", "name"), _behind(each, "unix")
        if name == SPICE_AGENT or (name == GUEST_AGENT and not behind):
            found[agents[name]] = True
        else:
            found["channels"].append(given({"name": name, **behind}))
    if spice and "spice_agent" not in found:
        found["spice_agent"] = False
    return found


# what a person in front of the guest has


def graphics(domain: Element) -> Options:
    """Screens; a password is read as it is, and hidden by whoever shows it."""
    return {"graphics": [_screen(each) for each in domain.iterfind("devices/graphics")]}


def _screen(screen: Element) -> Options:
    kind, listen, auto = screen.get("type"), _listen(screen), truth_at(screen, "", "autoport")
    numbers = {"port": "port", "tls_port": "tlsPort"}
    chosen = {} if auto else {name: number_at(screen, "", found) for name, found in numbers.items()}
    return given(
        {
            "type": kind if kind != "vnc" else None,
            "listen": listen if listen != "127.0.0.1" else None,
            **chosen,
            "websocket": number_at(screen, "", "websocket"),
            "password": screen.get("passwd"),
            "keymap": screen.get("keymap"),
        }
    ) or {"type": kind}


def _listen(screen: Element) -> Optional[str]:
    listen = screen.find("listen")
    if listen is None:
        return screen.get("listen")
    return {"none": "none", "socket": listen.get("socket")}.get(listen.get("type") or "", listen.get("address"))


def display(domain: Element) -> Options:
    """Graphics card, sound card, keyboards and pointers; a PC has those on PS/2 by itself."""
    model = domain.find("devices/video/model")
    resolution = None if model is None else model.find("resolution")
    vram = number_at(model, "", "vram")
    card = {
        "model": at(model, "", "type"),
        "memory": None if vram is None else size(vram * 1024),
        "heads": number_at(model, "", "heads"),
        "accel3d": truth_at(model, "acceleration", "accel3d"),
        "resolution": None if resolution is None else f"{resolution.get('x')}x{resolution.get('y')}",
    }
    inputs = [
        {"type": each.get("type"), "bus": each.get("bus")}
        for each in domain.iterfind("devices/input")
        if each.get("bus") != "ps2"
    ]
    return {"video": short(given(card), "model"), "sound": at(domain, "devices/sound", "model"), "inputs": inputs}


# the small devices


def extras(domain: Element) -> Options:
    """TPM, random numbers, balloon, watchdog, panic, vsock."""
    return {
        "tpm": _tpm(domain.find("devices/tpm")),
        "rng": True if domain.find("devices/rng") is not None else None,
        "balloon": {"none": False, "virtio": True}.get(at(domain, "devices/memballoon", "model") or ""),
        "watchdog": _watchdog(domain),
        "panic": True if domain.find("devices/panic") is not None else None,
        "vsock": _vsock(domain.find("devices/vsock/cid")),
    }


def _tpm(element: Optional[Element]) -> Any:
    if element is None:
        return None
    model, device = (element.get("model") or "").replace("tpm-", ""), at(element, "backend/device", "path")
    if at(element, "backend", "type") == "passthrough":
        return given({"model": model, "device": device})
    found = given({"model": model, "version": at(element, "backend", "version")})
    return True if found == {"model": "crb", "version": "2.0"} else found


def _watchdog(domain: Element) -> Any:
    """The one that was asked for: a Q35 has another by itself."""
    dogs = list(_dogs(domain))
    return dogs[0] if dogs else None


def _dogs(domain: Element) -> Iterator[Options]:
    found = domain.findall("devices/watchdog")
    for each in sorted(found, key=lambda dog: dog.get("model") == "itco"):
        yield given({"model": each.get("model"), "action": each.get("action")})


def _vsock(cid: Optional[Element]) -> Any:
    if cid is None:
        return None
    return True if cid.get("auto") == "yes" else number_at(cid, "", "address")


READERS = (disks, filesystems, interfaces, ports, channels, graphics, display, extras)
