# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Video cards: one row a model.

Source of the rules: libvirt's formatdomain, "Video devices". Sizes in the document are KiB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Video, VideoModel
from ....xml.parse import add
from ..command.address import pci_properties, virtio_properties
from ..context import Context
from ..kinds import NONE, PCI, PCIE, VIRTIO, Kind
from ..options import Option, properties


def _no_sizes(model: VideoModel) -> Mapping[str, Any]:
    return {}


def _vgamem(model: VideoModel) -> Mapping[str, Any]:
    return {"vgamem_mb": (model.vram or 0) // 1024 or None}


def _bochs(model: VideoModel) -> Mapping[str, Any]:
    return {"vgamem": (model.vram or 0) * 1024 or None}


def _qxl(model: VideoModel) -> Mapping[str, Any]:
    return {
        "ram_size": (model.ram or 0) * 1024,
        "vram_size": (model.vram or 0) * 1024,
        "vram64_size_mb": (model.vram64 or 0) // 1024,
        "vgamem_mb": (model.vgamem or 0) // 1024,
    }


@dataclass(frozen=True)
class Card:
    """A video model: QEMU's device as the primary card and as another one, its bus, memory in KiB, and sizes."""

    primary: str
    secondary: Optional[str] = None
    bus: str = PCI
    vram: int = 0
    sizes: Callable[[VideoModel], Mapping[str, Any]] = _no_sizes


CARDS: Dict[str, Card] = {
    "vga": Card("VGA", vram=16384, sizes=_vgamem),
    "cirrus": Card("cirrus-vga", vram=16384),
    "vmvga": Card("vmware-svga", vram=16384, sizes=_vgamem),
    "qxl": Card("qxl-vga", "qxl", vram=65536, sizes=_qxl),
    "virtio": Card("virtio-vga", "virtio-gpu-pci", bus=VIRTIO),
    "bochs": Card("bochs-display", "bochs-display", bus=PCIE, vram=16384, sizes=_bochs),
    "ramfb": Card("ramfb", bus=NONE),
    "none": Card("", bus=NONE),
}
VGA = ("virtio-vga", "vhost-user-vga")  # libvirt leaves the virtio options of a card that is a VGA as well to QEMU
WITH_HEADS = ("qxl", "virtio")
MOST_HEADS = 16  # of QEMU's virtio-gpu and of SPICE


def is_primary(video: Video, domain: Domain) -> bool:
    """Whether it is the card that the firmware uses: the one that says so, else the first."""
    cards = domain.all(Video)
    chosen = next((card for card in cards if card.model is not None and card.model.primary), cards[0])
    return video == chosen


def _complete(video: Video, domain: Domain, context: Context) -> None:
    if video.model is None:
        add(video.element, "model")
    model = video.model
    if model is None:
        raise AssertionError("model is not there")
    if model.type is None:
        model.type = "cirrus" if context.caps.has_device("cirrus-vga") else "vga"
    card = CARDS.get(model.type)
    if card is None or model.type == "none":
        return
    if model.primary is False:
        _refuse_no_primary(video, domain)
        model.primary = None
    if card.vram and model.vram is None:
        model.vram = card.vram
    if model.type == "qxl":
        _complete_qxl(model)
    if model.heads is None:
        model.heads = 1
    if is_primary(video, domain) and model.primary is None:
        model.primary = True


def _refuse_no_primary(video: Video, domain: Domain) -> None:
    """primary='no' is what every other card is anyway; the one that is left as the first cannot be without it."""
    if is_primary(video, domain):
        raise XmlError(
            "the first video card is the primary one, and says primary='no'.",
            line=video.line,
            hint="Leave primary out, or write primary='yes' for another card.",
        )


def _complete_qxl(model: VideoModel) -> None:
    """QXL wants powers of two."""
    model.ram = _power_of_two(model.ram or 65536)
    model.vram = _power_of_two(model.vram or 65536)
    model.vgamem = _power_of_two(model.vgamem or 16384)
    if model.vram64:
        model.vram64 = _power_of_two(model.vram64)


def _power_of_two(number: int) -> int:
    return 1 << max(number - 1, 0).bit_length()


def _bus(video: Video, domain: Domain, context: Context) -> str:
    card = CARDS.get((video.model.type if video.model else None) or "")
    return card.bus if card else NONE


def _check(video: Video, domain: Domain, context: Context) -> None:
    kind = (video.model.type if video.model else None) or ""
    card = CARDS.get(kind)
    if card is None:
        raise XmlError(f"QEMU has no video model '{kind}'; write one of {', '.join(CARDS)}.", line=video.line)
    if kind == "ramfb" and video.address is not None:
        raise XmlError("a video model 'ramfb' has no <address>; remove it.", line=video.line)
    if kind == "none":
        if len(domain.all(Video)) > 1:
            raise XmlError("<model type='none'/> says that there is no video card; remove the others.", line=video.line)
        return
    if video.driver_name not in (None, "qemu", "vhostuser") or (is_vhost(video) and kind != "virtio"):
        raise XmlError(
            f"<driver name='{video.driver_name}'/> does not go with the video model '{kind}'; write qemu.",
            line=video.line,
        )
    heads = video.model.heads if video.model is not None and kind in WITH_HEADS else None
    if heads is not None and not 1 <= heads <= MOST_HEADS:
        raise XmlError(f"a video card '{kind}' has 1 to {MOST_HEADS} heads, and not {heads}.", line=video.line)
    if not is_primary(video, domain) and card.secondary is None:
        raise UnsupportedConfig(
            f"A video card '{kind}' can only be the primary one.", hint="Write qxl, virtio or bochs for further cards."
        )
    if not context.caps.has_device(device_name(video, domain)):
        raise UnsupportedConfig(
            f"{context.caps.binary} has no video card '{kind}'.", hint="Install its display modules, or choose another."
        )


def is_vhost(video: Video) -> bool:
    """Whether a process beside QEMU draws."""
    return video.driver_name == "vhostuser"


def vhost_socket(video: Video, context: Context) -> str:
    """What the descriptor to that process is called in the context."""
    return f"{context.directory}/{video.id()}-vhost-user-gpu.sock"


def device_name(video: Video, domain: Domain) -> str:
    """QEMU's device for a card."""
    model = video.model
    if model is None:
        raise AssertionError("model is not there")
    card = CARDS[model.type or ""]
    if is_vhost(video):
        return "vhost-user-vga" if is_primary(video, domain) else "vhost-user-gpu-pci"
    name = card.primary if is_primary(video, domain) else card.secondary or card.primary
    if model.accel3d and model.type == "virtio":
        name = name.replace("-pci", "-gl-pci") if name.endswith("-pci") else f"{name}-gl"
    return name


def _write(video: Video, domain: Domain, context: Context) -> Iterator[Option]:
    model = video.model
    if model is None or model.type == "none":
        return
    if is_vhost(video):
        socket = vhost_socket(video, context)
        where = {"backend": "socket", "id": f"chr-vu-{video.id()}", "fd": context.descriptors.get(socket, 0)}
        yield Option("-chardev", where, first="backend")
    own: Dict[str, Any] = {
        "driver": device_name(video, domain),
        "id": video.id(),
        "chardev": f"chr-vu-{video.id()}" if is_vhost(video) else None,
        "max_outputs": model.heads if model.type in WITH_HEADS else None,
        **CARDS[model.type or ""].sizes(model),
        "xres": model.width,
        "yres": model.height,
        "blob": model.blob,
        "edid": model.edid,
    }
    shared = {} if str(own["driver"]).startswith(VGA) else virtio_properties(video)
    yield Option("-device", properties(own, shared, pci_properties(video, domain)))


VIDEO = Kind(Video, _write, complete=_complete, check=_check, bus=_bus)
