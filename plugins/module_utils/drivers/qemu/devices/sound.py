# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sound cards: one row a model.

Source of the rules: libvirt's formatdomain, "Sound devices". The PC speaker is a property of the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.sound import Sound
from ....xml.views import check_choice
from ..command.address import pci_properties, usb_properties, virtio_properties
from ..context import Context
from ..kinds import ISA, NONE, PCI, USB, VIRTIO, Kind
from ..options import Option, properties
from .graphics import audio_id


@dataclass(frozen=True)
class Card:
    """A model: QEMU's device (None for a part of the machine), its bus, whether codecs sit on it."""

    device: Optional[str]
    bus: str
    codecs: bool = False


CARDS: Dict[str, Card] = {
    "es1370": Card("ES1370", PCI),
    "ac97": Card("AC97", PCI),
    "ich6": Card("intel-hda", PCI, codecs=True),
    "ich9": Card("ich9-intel-hda", PCI, codecs=True),
    "sb16": Card("sb16", ISA),
    "pcspk": Card(None, NONE),
    "usb": Card("usb-audio", USB),
    "virtio": Card("virtio-sound-pci", VIRTIO),
}
CODECS: Dict[str, str] = {"duplex": "hda-duplex", "micro": "hda-micro", "output": "hda-output"}
STREAMS = 2


def _card(sound: Sound) -> Card:
    return CARDS.get(sound.model or "", Card(None, NONE))


def _complete(sound: Sound, domain: Domain, context: Context) -> None:
    if sound.model == "virtio" and sound.streams is None:
        sound.streams = STREAMS


def _bus(sound: Sound, domain: Domain, context: Context) -> str:
    return _card(sound).bus


def _check(sound: Sound, domain: Domain, context: Context) -> None:
    check_choice(sound, "model", sound.model, CARDS)
    if sound.multichannel is not None and sound.model != "usb":
        raise XmlError("only a <sound model='usb'> is multichannel.", line=sound.line)
    if sound.streams is not None and sound.model != "virtio":
        raise XmlError("only a <sound model='virtio'> has streams.", line=sound.line)
    for codec in sound.codecs:
        check_choice(codec, "type", codec.type, CODECS)
    names = {found.get("id") for found in domain.element.findall("devices/audio")}
    if sound.audio is not None and str(sound.audio) not in names:
        raise XmlError(f"<sound> names the <audio id='{sound.audio}'>, which is not there.", line=sound.line)
    device = _card(sound).device
    if device is not None and not context.caps.has_device(device):
        raise UnsupportedConfig(
            f"{context.caps.binary} has no sound card '{sound.model}'.",
            line=sound.line,
            hint="Install its audio modules, or choose another model.",
        )


def speaker_options(domain: Domain) -> Dict[str, Any]:
    """The machine's property that connects its speaker, where the guest has one."""
    speaker = next((sound for sound in domain.all(Sound) if sound.model == "pcspk"), None)
    return {} if speaker is None else {"pcspk-audiodev": audio_id(speaker.audio, domain)}


def _write(sound: Sound, domain: Domain, context: Context) -> Iterator[Option]:
    card = _card(sound)
    if card.device is None:
        return
    own = {
        "driver": card.device,
        "id": sound.id(),
        "audiodev": None if card.codecs else audio_id(sound.audio, domain),
        "multi": sound.multichannel,
        "streams": sound.streams,
    }
    places = (pci_properties(sound, domain), usb_properties(sound, domain))
    yield Option("-device", properties(own, virtio_properties(sound), *places))
    if card.codecs:
        yield from _codecs(sound, domain)


def _codecs(sound: Sound, domain: Domain) -> Iterator[Option]:
    """What plays and records on an HDA bus; one that does both where none is named."""
    for number, kind in enumerate([codec.type for codec in sound.codecs] or ["duplex"]):
        yield Option(
            "-device",
            {
                "driver": CODECS[kind or ""],
                "id": f"{sound.id()}-codec{number}",
                "bus": f"{sound.id()}.0",
                "cad": number,
                "audiodev": audio_id(sound.audio, domain),
            },
        )


SOUND = Kind(Sound, _write, complete=_complete, check=_check, bus=_bus)
