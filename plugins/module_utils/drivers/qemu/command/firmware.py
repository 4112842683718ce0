# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firmware on the command line: a ROM by -bios, flash as block nodes that the machine names.

Source of the rules: libvirt's formatdomain, "BIOS bootloader", and QEMU's docs/system/i386 on pflash.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from ....model.domain.core import Domain
from ....model.domain.storage import Source
from ....xml.parse import new_element
from ..context import Context
from ..images import Image
from ..options import Option
from .blockdev import chain_options

FLASH = ("libvirt-pflash0", "libvirt-pflash1")


def loader_image(domain: Domain) -> Optional[Image]:
    """The firmware itself, where it is in flash."""
    loader = domain.loader
    if loader is None or loader.type != "pflash" or not loader.path:
        return None
    source = Source(new_element("source", file=loader.path))
    return Image(FLASH[0], "file", loader.format or "raw", source, read_only=bool(loader.readonly), ends=True)


def variables_image(domain: Domain) -> Optional[Image]:
    """The firmware's variables."""
    nvram = domain.nvram
    if nvram is None or loader_image(domain) is None:
        return None
    source = nvram.source or Source(new_element("source", file=nvram.path or ""))
    return Image(FLASH[1], nvram.type or "file", nvram.format or "raw", source, auth=source.auth, ends=True)


def flash_images(domain: Domain) -> List[Image]:
    """Both, where they are there."""
    return [image for image in (loader_image(domain), variables_image(domain)) if image is not None]


def flash_properties(domain: Domain) -> Dict[str, Any]:
    """The machine's properties that put the images into its flash."""
    return {f"pflash{number}": image.top_node() for number, image in enumerate(flash_images(domain))}


def firmware_options(domain: Domain, context: Context) -> Iterator[Option]:
    """The nodes of the flash, or -bios; whether only the firmware itself may write to the flash."""
    for image in flash_images(domain):
        yield from chain_options(image, context)
    loader = domain.loader
    if loader is None:
        return
    if loader.type == "rom" and loader.path:
        yield Option("-bios", loader.path)
    if loader.type == "pflash" and loader.secure:
        yield Option("-global", "driver=cfi.pflash01,property=secure,value=on")
