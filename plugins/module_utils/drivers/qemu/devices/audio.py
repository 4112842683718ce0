# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audio backends: where a guest's sound goes on the host.

Source of the rules: libvirt's formatdomain, "Audio backends", and QEMU's qapi/audio.json.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Audio
from ....xml.parse import Element
from ..context import Context
from ..kinds import Kind
from ..options import Option, properties

# libvirt's type -> QEMU's driver
DRIVERS: Dict[str, str] = {
    "none": "none",
    "alsa": "alsa",
    "coreaudio": "coreaudio",
    "dbus": "dbus",
    "jack": "jack",
    "oss": "oss",
    "pipewire": "pipewire",
    "pulseaudio": "pa",
    "sdl": "sdl",
    "spice": "spice",
    "file": "wav",
}


def _check(audio: Audio, domain: Domain, context: Context) -> None:
    if audio.type not in DRIVERS:
        raise XmlError(f"<audio type='{audio.type}'> is not one of {', '.join(DRIVERS)}.", line=audio.line)


def _switch(value: Optional[str]) -> Optional[bool]:
    return None if value is None else value in ("yes", "on")


def _number(value: Optional[str]) -> Optional[int]:
    return None if value is None else int(value)


def _settings(element: Optional[Element]) -> Optional[Mapping[str, Any]]:
    """The settings of one direction, from its <input> or <output>."""
    if element is None:
        return None
    found = element.find("settings")
    own: Dict[str, Any] = {
        "mixing-engine": _switch(element.get("mixingEngine")),
        "fixed-settings": _switch(element.get("fixedSettings")),
        "voices": _number(element.get("voices")),
        "buffer-length": _number(element.get("bufferLength")),
    }
    if found is not None:
        own["frequency"] = _number(found.get("frequency"))
        own["channels"] = _number(found.get("channels"))
        own["format"] = found.get("format")
    own.update(
        {
            "dev": element.get("dev"),
            "buffer-count": _number(element.get("bufferCount")),
            "try-poll": _switch(element.get("tryPoll")),
            "name": element.get("name"),
            "stream-name": element.get("streamName"),
            "latency": _number(element.get("latency")),
            "server-name": element.get("serverName"),
            "client-name": element.get("clientName"),
            "connect-ports": element.get("connectPorts"),
            "exact-name": _switch(element.get("exactName")),
        }
    )
    return properties(own) or None


def _write(audio: Audio, domain: Domain, context: Context) -> Iterator[Option]:
    element = audio.element
    own = {
        "id": f"audio{audio.number}",
        "driver": DRIVERS[audio.type or "none"],
        "timer-period": audio.timer_period,
        "server": element.get("serverName"),
        "path": element.get("path"),
        "try-mmap": _switch(element.get("tryMMap")),
        "exclusive": _switch(element.get("exclusive")),
        "dsp-policy": _number(element.get("dspPolicy")),
        "in": _settings(element.find("input")),
        "out": _settings(element.find("output")),
    }
    yield Option("-audiodev", properties(own))


AUDIO = Kind(Audio, _write, check=_check, alias=lambda audio, index, domain: f"audio{audio.number}")
