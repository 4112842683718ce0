# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories of the host that a guest mounts: 9p in QEMU itself, virtiofs through virtiofsd, MTP over USB.

Source of the rules: libvirt's formatdomain, "Filesystems", and its kbase page on virtiofs.
"""

from __future__ import annotations

from typing import Dict, Iterator

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.filesystem import Filesystem
from ..command.address import pci_properties, usb_properties, virtio_driver, virtio_properties
from ..command.sharing import is_shared
from ..context import Context
from ..kinds import NONE, PCI, USB, VIRTIO, Kind
from ..options import Option, properties

SECURITY: Dict[str, str] = {"passthrough": "passthrough", "mapped": "mapped", "squash": "none"}
NINE_P = ("path", "handle")
DRIVERS = (*NINE_P, "virtiofs", "mtp")
MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")
CACHES = ("none", "always")
SANDBOXES = ("namespace", "chroot")
MULTIDEVS = ("default", "remap", "forbid", "warn")


def driver_of(filesystem: Filesystem) -> str:
    """How it is served: a document without a <driver> means 9p."""
    return filesystem.driver or "path"


def _complete(filesystem: Filesystem, domain: Domain, context: Context) -> None:
    filesystem.type = filesystem.type or "mount"
    if filesystem.access is None and not (filesystem.driver == "virtiofs" and filesystem.socket):
        filesystem.access = "passthrough"
    for name in ("file_mode", "directory_mode"):
        mode = getattr(filesystem, name)
        if mode is not None:
            setattr(filesystem, name, f"{_octal(mode, filesystem):04o}")


def _octal(text: str, filesystem: Filesystem) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise XmlError(f"the mode '{text}' of <filesystem> is not an octal one such as 0644.", line=filesystem.line)
    return mode


def _bus(filesystem: Filesystem, domain: Domain, context: Context) -> str:
    if driver_of(filesystem) == "mtp":
        return USB
    if driver_of(filesystem) not in DRIVERS:
        return NONE
    return PCI if filesystem.model == "virtio-transitional" else VIRTIO


def _check(filesystem: Filesystem, domain: Domain, context: Context) -> None:
    line, driver = filesystem.line, driver_of(filesystem)
    if filesystem.type != "mount":
        raise XmlError(f"<filesystem type='{filesystem.type}'> is not 'mount'.", line=line)
    if driver not in DRIVERS:
        raise UnsupportedConfig(
            f"QEMU has no <filesystem> with the driver '{driver}'.",
            line=line,
            hint=f"Write one of {', '.join(DRIVERS)}.",
        )
    if not filesystem.target:
        raise XmlError("a <filesystem> needs a <target dir='...'/>, the tag that the guest mounts it by.", line=line)
    if not filesystem.source and not filesystem.socket:
        raise XmlError("a <filesystem> needs a <source dir='...'/>.", line=line)
    if filesystem.access not in (None, *SECURITY):
        raise XmlError(f"<filesystem accessmode='{filesystem.access}'> is not one of {', '.join(SECURITY)}.", line=line)
    if (filesystem.file_mode or filesystem.directory_mode) and filesystem.access != "mapped":
        raise XmlError("fmode and dmode go with accessmode='mapped'.", line=line)
    if filesystem.multidevs not in (None, *MULTIDEVS):
        raise XmlError(f"multidevs='{filesystem.multidevs}' is not one of {', '.join(MULTIDEVS)}.", line=line)
    if filesystem.boot_order is not None and driver != "virtiofs":
        raise XmlError("only a <filesystem> with the driver virtiofs can be booted from.", line=line)
    if filesystem.element.find("binary/sandbox") is not None and driver != "virtiofs":
        raise XmlError("the sandbox of <binary> belongs to the driver virtiofs.", line=line)
    if driver == "virtiofs":
        _check_virtiofs(filesystem, domain, context)
    if driver == "handle" and filesystem.access != "passthrough":
        raise XmlError("a <filesystem> with the driver 'handle' has accessmode='passthrough'.", line=line)


def _check_virtiofs(filesystem: Filesystem, domain: Domain, context: Context) -> None:
    line = filesystem.line
    if not context.caps.has_device("vhost-user-fs-pci"):
        raise UnsupportedConfig(f"{context.caps.binary} has no virtiofs.", line=line, hint="Use 9p: remove <driver>.")
    if filesystem.model is not None or filesystem.format is not None or filesystem.multidevs is not None:
        raise XmlError("a <filesystem> with the driver virtiofs has no model, format or multidevs.", line=line)
    if not filesystem.socket and filesystem.write_policy is not None:
        raise XmlError("a <filesystem> with the driver virtiofs has no wrpolicy.", line=line)
    if not filesystem.socket and filesystem.access not in ("passthrough", None):
        raise XmlError("a <filesystem> with the driver virtiofs has accessmode='passthrough'.", line=line)
    if filesystem.socket and (filesystem.readonly or filesystem.element.find("binary") is not None):
        raise XmlError("a virtiofs with a socket is served by somebody else: no <readonly/> or <binary>.", line=line)
    for what, found, known in (("cache", filesystem.cache, CACHES), ("sandbox", filesystem.sandbox, SANDBOXES)):
        if found not in (None, *known):
            raise XmlError(f"the {what} mode '{found}' of virtiofs is not one of {', '.join(known)}.", line=line)
    if not is_shared(domain):
        raise XmlError(
            "virtiofs reads the guest's memory: write <memoryBacking><source type='memfd'/><access mode='shared'/>"
            "</memoryBacking>.",
            line=line,
        )


def _write(filesystem: Filesystem, domain: Domain, context: Context) -> Iterator[Option]:
    if driver_of(filesystem) == "virtiofs":
        yield from _virtiofs(filesystem, domain, context)
    elif driver_of(filesystem) == "mtp":
        own = {
            "driver": "usb-mtp",
            "id": filesystem.id(),
            "rootdir": filesystem.source,
            "desc": filesystem.target,
            "readonly": filesystem.readonly,
        }
        yield Option("-device", properties(own, usb_properties(filesystem, domain)))
    else:
        yield from _nine_p(filesystem, domain)


def _nine_p(filesystem: Filesystem, domain: Domain) -> Iterator[Option]:
    local = driver_of(filesystem) == "path"
    name = f"fsdev-{filesystem.id()}"
    multidevs = None if filesystem.multidevs == "default" else filesystem.multidevs
    backend = {
        "fsdriver": "local" if local else "handle",
        "security_model": SECURITY[filesystem.access or "passthrough"] if local else None,
        "multidevs": multidevs if local else None,
        "fmode": filesystem.file_mode if local else None,
        "dmode": filesystem.directory_mode if local else None,
        "writeout": filesystem.write_policy,
        "id": name,
        "path": filesystem.source,
        "readonly": True if filesystem.readonly else None,
    }
    yield Option("-fsdev", properties(backend), first="fsdriver")
    own = {
        "driver": virtio_driver("virtio-9p", filesystem.model),
        "id": filesystem.id(),
        "fsdev": name,
        "mount_tag": filesystem.target,
    }
    yield Option("-device", properties(own, virtio_properties(filesystem), pci_properties(filesystem, domain)))


def virtiofs_socket(filesystem: Filesystem, context: Context) -> str:
    """Where virtiofsd listens."""
    return filesystem.socket or f"{context.directory}/{filesystem.id()}-fs.sock"


def _virtiofs(filesystem: Filesystem, domain: Domain, context: Context) -> Iterator[Option]:
    chardev = f"chr-vu-{filesystem.id()}"
    where = {"backend": "socket", "id": chardev, "path": virtiofs_socket(filesystem, context)}
    yield Option("-chardev", where, first="backend")
    own = {
        "driver": "vhost-user-fs-pci",
        "id": filesystem.id(),
        "chardev": chardev,
        "queue-size": filesystem.queue,
        "tag": filesystem.target,
        "bootindex": filesystem.boot_order,
    }
    yield Option("-device", properties(own, virtio_properties(filesystem), pci_properties(filesystem, domain)))


FILESYSTEM = Kind(
    Filesystem, _write, complete=_complete, check=_check, bus=_bus, alias=lambda device, index, domain: f"fs{index}"
)
