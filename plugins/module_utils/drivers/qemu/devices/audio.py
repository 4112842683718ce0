# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audio backends: where a guest's sound goes on the host.

Source of the rules: libvirt's formatdomain, "Audio backends", and QEMU's qapi/audio.json.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, Mapping, Optional

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Audio
from ....xml.parse import Element
from ....xml.views import check_choice
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
    check_choice(audio, "type", audio.type, DRIVERS)
    if audio.number is None:
        raise XmlError("<audio> has no id; write a number from 1 on.", line=audio.line)
    _options(audio)


def _switch(element: Element, name: str) -> Optional[bool]:
    value = element.get(name)
    if value not in (None, "yes", "no", "on", "off"):
        raise XmlError(f"<{element.tag} {name}='{value}'> is neither yes nor no.", line=element.sourceline)
    return None if value is None else value in ("yes", "on")


def _number(element: Element, name: str) -> Optional[int]:
    value = element.get(name)
    if value is not None and not re.fullmatch("[0-9]{1,9}", value):
        raise XmlError(f"<{element.tag} {name}='{value}'> is not a number.", line=element.sourceline)
    return None if value is None else int(value)


def _settings(element: Optional[Element]) -> Optional[Mapping[str, Any]]:
    """The settings of one direction, from its <input> or <output>."""
    if element is None:
        return None
    found = element.find("settings")
    own: Dict[str, Any] = {
        "mixing-engine": _switch(element, "mixingEngine"),
        "fixed-settings": _switch(element, "fixedSettings"),
        "voices": _number(element, "voices"),
        "buffer-length": _number(element, "bufferLength"),
    }
    if found is not None:
        own["frequency"] = _number(found, "frequency")
        own["channels"] = _number(found, "channels")
        own["format"] = found.get("format")
    own.update(
        {
            "dev": element.get("dev"),
            "buffer-count": _number(element, "bufferCount"),
            "try-poll": _switch(element, "tryPoll"),
            "name": element.get("name"),
            "stream-name": element.get("streamName"),
            "latency": _number(element, "latency"),
            "server-name": element.get("serverName"),
            "client-name": element.get("clientName"),
            "connect-ports": element.get("connectPorts"),
            "exact-name": _switch(element, "exactName"),
        }
    )
    return properties(own) or None


def _options(audio: Audio) -> Mapping[str, Any]:
    element = audio.element
    own = {
        "id": f"audio{audio.number}",
        "driver": DRIVERS[audio.type or "none"],
        "timer-period": audio.timer_period,
        "server": element.get("serverName"),
        "path": element.get("path"),
        "try-mmap": _switch(element, "tryMMap"),
        "exclusive": _switch(element, "exclusive"),
        "dsp-policy": _number(element, "dspPolicy"),
        "in": _settings(element.find("input")),
        "out": _settings(element.find("output")),
    }
    return properties(own)


def _write(audio: Audio, domain: Domain, context: Context) -> Iterator[Option]:
    yield Option("-audiodev", _options(audio))


AUDIO = Kind(Audio, _write, check=_check, alias=lambda audio, index, domain: f"audio{audio.number}")
