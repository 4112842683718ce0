# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to the document that is wanted: the XML as it was given, or one made of options.

A made document says only what the options say; the driver completes it, as it completes a document of the user's own.
Sizes take a unit, because a bare number means KiB to libvirt, bytes to QEMU and MiB to most people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Optional

from ..errors import InvalidArgument
from ..host.layout import check_name
from ..values import parse_mac, parse_size
from ..xml.parse import Element, add, new_element, parse

Options = Mapping[str, Any]

DEVICE_BUS = {"disk": "virtio", "cdrom": "sata", "floppy": "fdc"}
BUS_PREFIX = {"virtio": "vd", "sata": "sd", "scsi": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}
# Options of a guest that a document says too: with ``xml`` they contradict it.
DEFINING = (
    *("virt_type", "arch", "machine", "memory", "vcpus", "cpu", "kernel", "initrd", "cmdline", "disks", "interfaces"),
    *("console", "guest_agent", "graphics", "video", "rng"),
)


def desired(options: Options, *, describe: bool = True) -> tuple[str, Optional[Element]]:
    """Return the guest's name and the wanted document; the document is None when only a name is given.

    Without ``describe`` only the name is wanted, and options that describe the guest are not looked at. Raises
    InvalidArgument for options that contradict each other or that lack something, and XmlError.
    """
    given = [name for name in DEFINING if options.get(name) is not None]
    if not options.get("xml"):
        name = check_name("guest", options.get("name") or "")
        return name, _described(options, given) if describe and given else None
    if given:
        raise InvalidArgument(
            f"xml cannot be given together with {_listed(given)}: the xml says all of the guest.",
            hint="Write it into the xml, or leave the xml out.",
        )
    document = parse(options["xml"], root="domain", what="xml")
    return _written_name(document, options.get("name")), document if describe else None


def _written_name(document: Element, name: Optional[str]) -> str:
    written = (document.findtext("name") or "").strip()
    if not written:
        raise InvalidArgument("The xml has no <name>; write the guest's name into it.")
    if name and name != written:
        raise InvalidArgument(f"name is {name!r} and the xml says {written!r}; write the same, or leave name out.")
    return check_name("guest", written)


def _described(options: Options, given: list[str]) -> Element:
    if options.get("memory"):
        return _document(options)
    raise InvalidArgument(
        f"memory is missing: {_listed(given)} describe{'s' if len(given) == 1 else ''} a guest, and a description"
        " is always of the whole guest.",
        hint="Add memory, such as 2GiB, and every disk and interface that the guest is to have.",
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _document(options: Options) -> Element:
    domain = new_element("domain")
    if options.get("virt_type"):
        domain.set("type", options["virt_type"])
    _text(domain, "name", options["name"])
    for build in _BUILDERS:
        build(domain, options)
    return domain


def _text(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    child = add(parent, tag, **attributes)
    child.text = text
    return child


def _memory(domain: Element, options: Options) -> None:
    text = str(options["memory"]).strip()
    if text.isdigit():
        raise InvalidArgument(f"memory: {text} has no unit; write {text}MiB or another number with KiB, MiB or GiB.")
    size = parse_size(text, what="memory")
    if size < 1024:
        raise InvalidArgument(f"memory: {text} is less than a guest can have; write a size such as 512MiB.")
    _text(domain, "memory", str(-(-size // 1024)), unit="KiB")


def _vcpus(domain: Element, options: Options) -> None:
    number = options.get("vcpus") or (1 if options.get("vcpus") is None else 0)
    if number < 1:
        raise InvalidArgument(f"vcpus: {number} is no number of CPUs; write 1 or more.")
    _text(domain, "vcpu", str(number))


def _system(domain: Element, options: Options) -> None:
    system = add(domain, "os")
    kind = _text(system, "type", "hvm")
    for name in ("arch", "machine"):
        if options.get(name):
            kind.set(name, options[name])
    for name in ("kernel", "initrd"):
        if options.get(name):
            _text(system, name, _absolute(options[name], name))
    if options.get("cmdline"):
        _text(system, "cmdline", options["cmdline"])


def _features(domain: Element, options: Options) -> None:
    """Without ACPI the power button does nothing, and a guest could not be shut down."""
    features = add(domain, "features")
    add(features, "acpi")
    if options.get("arch") in (None, "x86_64", "i686"):
        add(features, "apic")


def _cpu(domain: Element, options: Options) -> None:
    name = options.get("cpu")
    if name in ("host-passthrough", "host-model", "maximum"):
        add(domain, "cpu", mode=name)
    elif name:
        _text(add(domain, "cpu", mode="custom", match="exact"), "model", name)


def _disks(domain: Element, options: Options) -> None:
    disks = options.get("disks") or []
    targets = _targets(disks)
    for number, (disk, target) in enumerate(zip(disks, targets), 1):
        _disk(add(_devices(domain), "disk"), disk, target, f"disks[{number}]")


def _disk(element: Element, disk: Options, target: str, what: str) -> None:
    device = disk.get("device") or "disk"
    path = disk.get("path")
    if device == "disk" and not path:
        raise InvalidArgument(f"{what}: path is missing; only a cdrom or a floppy can be empty.")
    element.set("type", "file")
    element.set("device", device)
    driver = add(element, "driver", name="qemu", type=disk.get("format") or _format(path))
    if disk.get("cache"):
        driver.set("cache", disk["cache"])
    if path:
        add(element, "source", file=_absolute(path, f"{what}: path"))
    add(element, "target", dev=target, bus=_bus(disk))
    if disk.get("readonly") or device == "cdrom":
        add(element, "readonly")
    if disk.get("serial"):
        _text(element, "serial", disk["serial"])
    _boot(element, disk)


def _format(path: Optional[str]) -> str:
    """Only the name of a file is asked: what a guest can write into it must not choose how it is read."""
    return "qcow2" if (path or "").endswith(".qcow2") else "raw"


def _bus(disk: Options) -> str:
    return str(disk.get("bus") or DEVICE_BUS[disk.get("device") or "disk"])


def _targets(disks: list[Options]) -> list[str]:
    """Return the target of each disk: the one that it names, else the first free one of its bus."""
    taken = [disk["target"] for disk in disks if disk.get("target")]
    double = sorted({target for target in taken if taken.count(target) > 1})
    if double:
        raise InvalidArgument(f"disks: two disks have the target {double[0]}; write another, or leave target out.")
    targets = []
    for disk in disks:
        target = disk.get("target") or _free(BUS_PREFIX[_bus(disk)], taken)
        taken.append(target)
        targets.append(target)
    return targets


def _free(prefix: str, taken: list[str]) -> str:
    number = 0
    while prefix + _letters(number) in taken:
        number += 1
    return prefix + _letters(number)


def _letters(number: int) -> str:
    """Count as disks are counted: a, b, ... z, aa, ab, ..."""
    head, rest = divmod(number, 26)
    return (_letters(head - 1) if head else "") + chr(ord("a") + rest)


def _interfaces(domain: Element, options: Options) -> None:
    for number, interface in enumerate(options.get("interfaces") or [], 1):
        _interface(add(_devices(domain), "interface"), interface, f"interfaces[{number}]")


def _interface(element: Element, interface: Options, what: str) -> None:
    named = [kind for kind in ("network", "bridge") if interface.get(kind)]
    kind = interface.get("type") or (named[0] if named else "user")
    if named and named != [kind]:
        raise InvalidArgument(f"{what}: {_listed(sorted({kind, *named}))} contradict each other; write one of them.")
    if kind != "user" and not named:
        raise InvalidArgument(f"{what}: {kind} is missing; write the name of the {kind}.")
    element.set("type", kind)
    if interface.get("mac"):
        add(element, "mac", address=parse_mac(interface["mac"]))
    if kind != "user":
        add(element, "source", **{kind: interface[kind]})
    add(element, "model", type=interface.get("model") or "virtio")
    _boot(element, interface)


def _boot(element: Element, device: Options) -> None:
    order = device.get("boot_order")
    if order is not None:
        if order < 1:
            raise InvalidArgument(f"boot_order: {order} is no place in an order; write 1 or more.")
        add(element, "boot", order=str(order))


def _console(domain: Element, options: Options) -> None:
    if options.get("console") is False:
        return
    serial = add(_devices(domain), "serial", type="pty")
    add(serial, "target", port="0")
    console = add(_devices(domain), "console", type="pty")
    add(console, "target", type="serial", port="0")


def _guest_agent(domain: Element, options: Options) -> None:
    if options.get("guest_agent"):
        channel = add(_devices(domain), "channel", type="unix")
        add(channel, "target", type="virtio", name="org.qemu.guest_agent.0")


def _graphics(domain: Element, options: Options) -> None:
    wanted = options.get("graphics")
    if wanted is None:
        return
    port = wanted.get("port")
    place = {"port": str(port), "autoport": "no"} if port else {"port": "-1", "autoport": "yes"}
    element = add(_devices(domain), "graphics", type=wanted.get("type") or "vnc", **place)
    add(element, "listen", type="address", address=wanted.get("listen") or "127.0.0.1")


def _video(domain: Element, options: Options) -> None:
    if options.get("video"):
        add(add(_devices(domain), "video"), "model", type=options["video"])


def _rng(domain: Element, options: Options) -> None:
    if options.get("rng"):
        rng = add(_devices(domain), "rng", model="virtio")
        _text(rng, "backend", "/dev/urandom", model="random")


def _devices(domain: Element) -> Element:
    found = domain.find("devices")
    return add(domain, "devices") if found is None else found


def _absolute(path: str, what: str) -> str:
    if not path.startswith("/"):
        raise InvalidArgument(f"{what}: {path!r} is relative; write the whole path on the target host.")
    return path


_BUILDERS: tuple[Callable[[Element, Options], None], ...] = (
    *(_memory, _vcpus, _system, _features, _cpu),
    *(_disks, _interfaces, _console, _guest_agent, _graphics, _video, _rng),
)
