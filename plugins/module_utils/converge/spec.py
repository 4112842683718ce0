# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of vm to the document that is wanted.

A made document says only what the options say; the driver completes it, as it completes a document of the user's own.
Sizes take a unit, because a bare number means KiB to libvirt, bytes to QEMU and MiB to most people. What each option
writes is in ``options/``, a file a family; a family is imported when one of its options is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ..errors import InvalidArgument
from ..model.domain.order import DEVICE_RANK, TOP_RANK
from ..xml.parse import Element, new_element
from .definition import DEFINING
from .options.write import Options, listed, part, text
from .resource import spec
from .resource.spec import Builders, Families


def desired(options: Options, *, describe: bool = True) -> tuple[str, Optional[Element]]:
    """Return the guest's name and the wanted document, as ``resource.spec.desired`` does."""
    return spec.desired(options, noun="guest", root="domain", defining=DEFINING, build=_described, describe=describe)


def _described(options: Options, given: list[str]) -> Element:
    if options.get("memory"):
        return _document(options)
    raise InvalidArgument(
        f"memory is missing: {listed(given)} describe{'s' if len(given) == 1 else ''} a guest, and a description"
        " is always of the whole guest.",
        hint="Add memory, such as 2GiB, and every disk and interface that the guest is to have.",
    )


def _document(options: Options) -> Element:
    domain = new_element("domain")
    if options.get("virt_type"):
        domain.set("type", options["virt_type"])
    text(domain, "name", options["name"])
    for build in (*_always(), *spec.builders(options, FAMILIES)):
        build(domain, options)
    _sort(part(domain, "devices"), DEVICE_RANK)
    _sort(domain, TOP_RANK)
    return domain


def _sort(parent: Element, rank: Mapping[str, int]) -> None:
    parent[:] = sorted(parent, key=lambda child: rank.get(str(child.tag), len(rank)))


# families: what every described guest has, and what most do without


def _always() -> Builders:
    from .options import cpu, machine, memory, ports

    return (*machine.BUILDERS, *cpu.BUILDERS, *memory.BUILDERS, *ports.BUILDERS)


def _about() -> Builders:
    from .options.about import BUILDERS

    return BUILDERS


def _boot() -> Builders:
    from .options.boot import BUILDERS

    return BUILDERS


def _disks() -> Builders:
    from .options.disks import BUILDERS

    return BUILDERS


def _network() -> Builders:
    from .options.network import BUILDERS

    return BUILDERS


def _display() -> Builders:
    from .options.display import BUILDERS

    return BUILDERS


def _extras() -> Builders:
    from .options.extras import BUILDERS

    return BUILDERS


def _seed() -> Builders:
    from .options.seed import BUILDERS

    return BUILDERS


def _firmware_data() -> Builders:
    from .options.firmware_data import BUILDERS

    return BUILDERS


# The options for which each family is needed beside those that every guest has.
FAMILIES: Families = (
    (("title", "description", "tags", "uuid"), _about),
    (("firmware", "boot", "kernel", "initrd", "cmdline"), _boot),
    (("disks",), _disks),
    (("interfaces",), _network),
    (("graphics", "video", "sound", "inputs"), _display),
    (("tpm", "rng", "balloon", "watchdog", "panic", "vsock", "filesystems"), _extras),
    (("cloud_init", "ignition"), _seed),
    (("smbios", "fw_cfg", "qemu_commandline"), _firmware_data),
)
