# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What names the parts of a domain document among their siblings, what is secret, what only a running guest has.

Source of the rules: libvirt's formatdomain; there is one disk to a target, one interface to a MAC address, and so on.
"""

from __future__ import annotations

from ...xml.canonical import Identity, labelled, without
from ...xml.parse import Element
from .interface import is_generated

_CHARDEV = (("target/@type", "target/@port"), ("target/@port",), ("target/@type", "target/@name"))

DOMAIN = Identity(
    keys={
        "devices/disk": (("target/@dev",),),
        # the companions of a USB 2 controller share its index
        "devices/controller": (("@type", "@index", "master/@startport"), ("@type", "@index")),
        "devices/interface": (("mac/@address",),),
        "devices/channel": (("target/@type", "target/@name"), ("target/@type", "target/@address")),
        "devices/serial": _CHARDEV,
        "devices/parallel": _CHARDEV,
        "devices/console": _CHARDEV,
        "devices/filesystem": (("target/@dir",),),
        "devices/graphics": (("@type",),),
        "devices/input": (("@type", "@bus"),),
        "devices/hostdev": (
            (
                "source/address/@domain",
                "source/address/@bus",
                "source/address/@slot",
                "source/address/@function",
            ),
            ("source/address/@bus", "source/address/@device"),
            ("source/vendor/@id", "source/product/@id"),
        ),
        "devices/audio": (("@id",),),
        "clock/timer": (("@name",),),
        "cpu/feature": (("@name",),),
        "cpu/numa/cell": (("@id",),),
        "vcpus/vcpu": (("@id",),),
        "cputune/vcpupin": (("@vcpu",),),
        "iothreadids/iothread": (("@id",),),
        "os/firmware/feature": (("@name",),),
        "sysinfo": (("@type",),),
        "sysinfo/entry": (("@name",),),
        **{f"sysinfo/{block}/entry": (("@name",),) for block in ("bios", "system", "baseBoard", "chassis")},
    },
    order={
        "": (
            *("name", "uuid", "genid", "title", "description", "metadata", "maxMemory", "memory", "currentMemory"),
            *("memoryBacking", "vcpu", "vcpus", "iothreads", "iothreadids", "cputune", "numatune", "resource"),
            *("sysinfo", "os", "idmap", "features", "cpu", "clock", "on_poweroff", "on_reboot", "on_crash"),
            *("on_lockfailure", "pm", "perf", "devices", "seclabel", "launchSecurity"),
        ),
        "*": (
            *("type", "model", "driver", "auth", "source", "backingStore", "backend", "mac", "target", "..."),
            *("boot", "alias", "address"),
        ),
        "os": ("type", "firmware", "loader", "nvram", "kernel", "initrd", "cmdline", "dtb", "boot", "bootmenu"),
        "devices": (
            *("emulator", "disk", "controller", "filesystem", "interface", "smartcard", "serial", "parallel"),
            *("console", "channel", "input", "tpm", "graphics", "sound", "audio", "video", "hostdev", "redirdev"),
            *("watchdog", "memballoon", "rng", "panic", "memory", "iommu", "vsock"),
        ),
    },
    secrets=frozenset({"devices/graphics/@passwd"}),
)
# What libvirt adds to the document of a running guest and what never goes into the persistent one.
LIVE_ONLY: tuple[str, ...] = (
    "@id",
    "seclabel",
    "resource",
    "devices/*/alias",
    "devices/*/@tty",
    "devices/disk/source/@index",
    "devices/disk/backingStore",
    "devices/disk/mirror",
    "devices/interface/source/@portid",
    "devices/interface/backend/@logFile",
    "devices/channel/target/@state",
)
# Parts of a device that are chosen at the start when the definition leaves them out: the whole, or some attributes.
_CHOSEN: dict[str, tuple[str, ...]] = {"address": (), "cid": ("address",), "driver": ("type",)}
# Chardevs whose path is given by the host when the guest starts.
_HOST_PATHS = ("serial", "parallel", "console", "channel")
_PORTS = ("port", "tlsPort", "websocket")
# Where a network has put an interface of it.
_PLACES = ("bridge", "dev", "mode")
# Where the volume of a disk is.
_VOLUME_PLACES = ("file", "dev", "dir")


def persistent_form(document: Element) -> Element:
    """Return a copy without what only the document of a running guest has, fit to be compared with a persistent one."""
    copy = without(document, LIVE_ONLY)
    for tag in _HOST_PATHS:
        for device in copy.findall(f"devices/{tag}"):
            _forget_host_path(device)
    for interface in copy.findall("devices/interface"):
        forget_links(interface)
    for source in copy.findall("devices/disk[@type='volume']/source"):
        for place in _VOLUME_PLACES:
            source.attrib.pop(place, "")
    for graphics in copy.findall("devices/graphics"):
        if graphics.get("autoport") == "yes":
            for port in _PORTS:
                graphics.attrib.pop(port, "")
    return copy


def running_form(document: Element, kept: Element) -> Element:
    """Return what runs, fit to be compared with a definition: without what the start chose where that says nothing.

    Those are the places of devices (USB ports are given out at the start), and numbers such as that of a vsock.
    """
    copy = persistent_form(document)
    devices, definition = copy.find("devices"), kept.find("devices")
    if devices is None or definition is None:
        return copy
    models = labelled(definition, "devices", DOMAIN.keys)
    for key, device in labelled(devices, "devices", DOMAIN.keys).items():
        if key in models:
            _forget_chosen(device, models[key])
    return copy


def _forget_chosen(device: Element, model: Element) -> None:
    for tag, attributes in _CHOSEN.items():
        part, said = device.find(tag), model.find(tag)
        if part is None:
            continue
        for name in attributes:
            if said is None or said.get(name) is None:
                part.attrib.pop(name, "")
        if said is None and (not attributes or not part.attrib):
            device.remove(part)


def forget_links(interface: Element) -> None:
    """Take out what an interface of a running guest was connected to: a name that was made up, a network's choice."""
    target, source = interface.find("target"), interface.find("source")
    if target is not None and target.get("managed") != "no" and is_generated(target.get("dev")):
        target.attrib.pop("dev")
        if not target.attrib and len(target) == 0:
            interface.remove(target)
    if source is not None and interface.get("type") == "network":
        for name in _PLACES:
            source.attrib.pop(name, "")
        for place in source.findall("address"):
            source.remove(place)


def _forget_host_path(device: Element) -> None:
    """A pty's path, and the path of a channel's socket, are the host's choice."""
    source = device.find("source")
    if source is None:
        return
    if device.get("type") == "pty" or (device.tag == "channel" and device.get("type") == "unix"):
        source.attrib.pop("path", "")
        source.attrib.pop("mode", "")
        if not source.attrib and len(source) == 0:
            device.remove(source)
