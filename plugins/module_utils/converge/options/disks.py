# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks, CD-ROM drives and floppy drives.

Source of the meanings: libvirt's formatdomain, "Hard drives, floppy disks, CDROMs".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable, Optional

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from .write import Builder, Options, absolute, device, each, put, size_of, text

DEVICE_BUS = {"disk": "virtio", "cdrom": "sata", "floppy": "fdc"}
BUS_PREFIX = {"virtio": "vd", "sata": "sd", "scsi": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}
# Any of these describes the volume of a disk, which is made where it is not there.
MAKING = ("size", "image", "backing")
# option -> attribute of <driver>
DRIVER = ("cache", "io", "discard", "detect_zeroes", "iothread")
BURST = "_max"
SCSI_DISKS = 7  # on one controller, by libvirt's custom
Rule = Callable[[Options, Options], Optional[str]]


def disks(domain: Element, options: Options) -> None:
    """One disk after the other; those on SCSI sit on a controller for virtual machines."""
    entries = each(options, "disks")
    for (what, disk), target in zip(entries, _targets([disk for _what, disk in entries])):
        for rule in RULES:
            complaint = rule(disk, options)
            if complaint:
                raise InvalidArgument(f"{what}: {complaint}")
        _disk(device(domain, "disk"), disk, target, what, _own(options, target))
    _scsi_controllers(domain)


def named_volumes(options: Options) -> Iterator[tuple[str, str]]:
    """Yield the pool and the name of each disk's volume, those that get their names from the guest included.

    Raises InvalidArgument where two disks have one target.
    """
    entries = list(options.get("disks") or ())
    for disk, target in zip(entries, _targets(entries)):
        if disk.get("pool"):
            yield disk["pool"], disk.get("volume") or _own(options, target)


def _own(options: Options, target: str) -> str:
    """The name of a volume that is given none."""
    return f"{options['name']}-{target}"


def _scsi_controllers(domain: Element) -> None:
    """libvirt would take an LSI, which hardly any guest knows today. A disk's name says which controller it is on."""
    targets = [target.get("dev", "") for target in domain.iterfind("devices/disk/target[@bus='scsi']")]
    count = max((_number(target[2:]) // SCSI_DISKS + 1 for target in targets), default=0)
    for index in range(count):
        device(domain, "controller", type="scsi", index=str(index), model="virtio-scsi")


def _disk(element: Element, disk: Options, target: str, what: str, own: str) -> None:
    kind, source = _source(disk, what, own)
    put(element, {"type": kind, "device": _kind(disk)})
    driver = put(add(element, "driver", name="qemu"), {"type": disk.get("format") or _format(disk)})
    put(driver, {name: disk.get(name) for name in DRIVER})
    if source:
        _opened(add(element, "source", **source), disk, what)
    add(element, "target", dev=target, bus=_bus(disk))
    _iotune(element, disk.get("iotune") or {}, what)
    for name, on in (
        ("readonly", disk.get("readonly") or _kind(disk) == "cdrom"),
        ("shareable", disk.get("shareable")),
    ):
        if on:
            add(element, name)
    for name in ("serial", "wwn"):
        if disk.get(name):
            text(element, name, disk[name])
    boot_order(element, disk, what)


def _opened(source: Element, disk: Options, what: str) -> None:
    """The secret that opens an encrypted image; how a new volume is encrypted is the affair of its pool."""
    if disk.get("encryption") is None:
        return
    from ..pool_options.secrets import secret_use  # most disks have none
    from ..volume_options.build import MAKING_OF_KEY, read_encryption

    said = read_encryption(disk["encryption"], f"{what}: encryption") or {}
    given = next((name for name in MAKING_OF_KEY if name in said), None)
    if given and not is_made(disk):
        raise InvalidArgument(f"{what}: encryption.{given} is for a volume that is to be made; leave it out.")
    secret_use(add(source, "encryption", format="luks"), said["secret"], type="passphrase")


def is_made(disk: Options) -> bool:
    """Whether a disk describes the volume that it is to have."""
    return any(disk.get(name) is not None for name in MAKING)


def _source(disk: Options, what: str, own: str) -> tuple[str, dict[str, str]]:
    """The type of a disk, and the attributes of its source; ``own`` is the name of a volume that has none."""
    path = disk.get("path") or ""
    if disk.get("pool"):
        return "volume", {"pool": disk["pool"], "volume": disk.get("volume") or own}
    if path.startswith("/dev/") and not path.startswith("/dev/shm/"):
        return "block", {"dev": path}
    return "file", {"file": absolute(path, f"{what}: path")} if path else {}


def _kind(disk: Options) -> str:
    return str(disk.get("device") or "disk")


def _format(disk: Options) -> Optional[str]:
    """Only the name of a file is asked: what a guest can write into it must not choose how it is read.

    The format of a volume is known to its pool, which wrote it down when the volume was made.
    """
    if disk.get("pool"):
        return None
    return "qcow2" if (disk.get("path") or "").endswith(".qcow2") else "raw"


def _bus(disk: Options) -> str:
    return str(disk.get("bus") or DEVICE_BUS[_kind(disk)])


def _iotune(element: Element, limits: Options, what: str) -> None:
    """The limits in bytes and requests a second; a burst may last for the same time whatever it is of."""
    given = {name: value for name, value in limits.items() if value is not None}
    seconds, group = given.pop("burst_seconds", None), given.pop("group_name", None)
    bursts = [name for name in given if name.endswith(BURST)]
    if seconds is not None and not bursts:
        raise InvalidArgument(f"{what}: iotune.burst_seconds needs a limit that ends in {BURST}.")
    if (group or seconds) and not given:
        raise InvalidArgument(f"{what}: iotune has no limit; write one such as total_bytes_sec: 50MiB.")
    holder = add(element, "iotune") if given else element
    for name, value in given.items():
        text(holder, name, str(_limit(name, value, f"{what}: iotune.{name}", given)))
    for name in bursts if seconds is not None else ():
        text(holder, f"{name}_length", str(seconds))
    if group:
        text(holder, "group_name", group)


def _limit(name: str, value: object, what: str, given: Options) -> int:
    total = name.replace("read_", "total_").replace("write_", "total_")
    if total != name and total in given:
        raise InvalidArgument(f"{what} and {total} contradict each other; write the total, or its parts.")
    limit = size_of(value, what) if "_bytes_" in name else int(str(value))
    if limit < 1:
        raise InvalidArgument(f"{what}: {value} is no limit; write 1 or more, or leave it out.")
    usual = name[: -len(BURST)] if name.endswith(BURST) else name
    if usual != name and usual in given and limit < _limit(usual, given[usual], what, given):
        raise InvalidArgument(f"{what} is below {usual}; a burst reaches more than the limit, so write more.")
    return limit


# targets


def _targets(wanted: list[Options]) -> list[str]:
    """Return the target of each disk: the one that it names, else the first free one of its bus."""
    taken = [disk["target"] for disk in wanted if disk.get("target")]
    double = sorted({target for target in taken if taken.count(target) > 1})
    if double:
        raise InvalidArgument(f"disks: two disks have the target {double[0]}; write another, or leave target out.")
    targets = []
    for disk in wanted:
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


def _number(letters: str) -> int:
    """The number that ``_letters`` makes these of; 0 for others, which the driver refuses."""
    number = 0
    for letter in letters if letters.isalpha() else "a":
        number = number * 26 + ord(letter) - ord("a") + 1
    return number - 1


def boot_order(element: Element, entry: Options, what: str) -> None:
    """The place of a device in the boot order."""
    order = entry.get("boot_order")
    if order is not None:
        if order < 1:
            raise InvalidArgument(f"{what}: boot_order: {order} is no place in an order; write 1 or more.")
        add(element, "boot", order=str(order))


# what contradicts itself


def _path(disk: Options, options: Options) -> Optional[str]:
    pool, volume, path = (disk.get(name) for name in ("pool", "volume", "path"))
    making = [name for name in MAKING if disk.get(name) is not None]
    if making and (not pool or _kind(disk) != "disk"):
        return f"{making[0]} is for the volume of a disk; write the pool that it is to be in."
    if bool(pool) != bool(volume or making):
        return "pool and volume go together; write both, or with pool the size of a volume that is to be made."
    if pool and path:
        return "path and pool contradict each other; a disk is a file, or a volume of a pool."
    if _kind(disk) == "disk" and not (path or pool):
        return "path is missing, or pool and volume; only a cdrom or a floppy can be empty."
    if disk.get("encryption") is not None and not (path or pool):
        return "encryption says how an image is opened; write the path of one, or leave it out."
    return None


def _drive(disk: Options, options: Options) -> Optional[str]:
    kind, bus = _kind(disk), _bus(disk)
    if (kind == "floppy") != (bus == "fdc"):
        return f"device {kind} and bus {bus} contradict each other; a floppy, and only a floppy, is on the bus fdc."
    if kind == "cdrom" and bus == "virtio":
        return "a cdrom cannot be on the bus virtio; write sata, scsi, ide or usb."
    if kind == "disk" and disk.get("readonly") and bus in ("sata", "ide"):
        return f"a disk on the bus {bus} cannot be readonly; write the bus virtio or scsi."
    return None


def _sharing(disk: Options, options: Options) -> Optional[str]:
    kind = disk.get("format") or _format(disk)
    if disk.get("shareable") and not disk.get("readonly") and kind not in ("raw", None):
        return f"shareable and format {kind} contradict each other; guests that write can share a raw image only."
    return None


def _input_output(disk: Options, options: Options) -> Optional[str]:
    if disk.get("io") == "native" and disk.get("cache") not in ("none", "directsync"):
        return "io native needs cache none or directsync; write one of them too."
    return None


def _thread(disk: Options, options: Options) -> Optional[str]:
    thread, count = disk.get("iothread"), options.get("iothreads") or 0
    if thread is None:
        return None
    if _bus(disk) != "virtio":
        return f"iothread is for the bus virtio, not {_bus(disk)}; leave it out."
    if not 1 <= thread <= count:
        return f"iothread: there is no thread {thread}; write a number from 1 on, and iothreads: {max(thread, 1)}."
    return None


def _wwn(disk: Options, options: Options) -> Optional[str]:
    if disk.get("wwn") and _bus(disk) not in ("scsi", "ide"):
        return f"a disk on the bus {_bus(disk)} has no wwn; write the bus scsi, or give it a serial."
    return None


RULES: tuple[Rule, ...] = (_path, _drive, _sharing, _input_output, _thread, _wwn)
BUILDERS: tuple[Builder, ...] = (disks,)
