# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says to QEMU directly: arguments, variables, properties of devices, and how strict QEMU is.

Source of the rules: libvirt's drvqemu page, and QEMU's qemu-options, "-compat".
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Tuple

from ....errors import XmlError
from ....model.domain.core import Domain
from ....model.domain.display import Audio, Graphics
from ....model.domain.passthrough import (
    deprecation,
    extra_arguments,
    extra_environment,
    qualified,
)
from ....xml.parse import Element
from ..context import Context
from ..devices.graphics_local import sdl_environment
from ..options import Option

BEHAVIOURS: Dict[str, Mapping[str, str]] = {
    "none": {},
    "omit": {"deprecated-output": "hide"},
    "reject": {"deprecated-output": "hide", "deprecated-input": "reject"},
    "crash": {"deprecated-output": "hide", "deprecated-input": "crash"},
}
READERS: Dict[str, Callable[[str], Any]] = {
    "string": str,
    "signed": int,
    "unsigned": int,
    "bool": lambda text: {"true": True, "false": False}[text],
}
REMOVE = "remove"


def compat_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-compat, where the document says how deprecated things are taken."""
    words = BEHAVIOURS.get(deprecation(domain.element), {})
    if words and context.has("compat-deprecated"):
        yield Option("-compat", words)


def extra_options(domain: Domain, context: Context) -> Iterator[Option]:
    """The user's own arguments, as they are."""
    for word in extra_arguments(domain.element):
        yield Option(word)


def environment(domain: Domain) -> Dict[str, str]:
    """The variables that QEMU is started with besides those it always has; the user's own come last."""
    found: Dict[str, str] = {}
    for graphics in domain.all(Graphics):
        if graphics.type == "sdl":
            found.update(sdl_environment(graphics))
    for audio in domain.all(Audio):
        settings = {"SDL_AUDIODRIVER": audio.driver, "PIPEWIRE_RUNTIME_DIR": audio.runtime_directory}
        found.update({name: value for name, value in settings.items() if value})
    return {**found, **extra_environment(domain.element)}


# properties of devices


def overridden(options: Iterable[Option], domain: Domain) -> List[Option]:
    """The options with the properties that <override> sets or removes."""
    changes = {device.get("alias", ""): device for device in domain.element.findall(qualified("override/device"))}
    return [_changed(option, changes) for option in options] if changes else list(options)


def _changed(option: Option, changes: Mapping[str, Element]) -> Option:
    value = option.value
    if option.flag != "-device" or not isinstance(value, Mapping) or value.get("id") not in changes:
        return option
    mine = dict(value)
    for found in changes[str(value["id"])].findall(qualified("frontend/property")):
        name, setting = read_property(found)
        mine.pop(name, None)
        if setting is not REMOVE:
            mine[name] = setting
    return Option(option.flag, mine, option.first)


def read_property(found: Element) -> Tuple[str, Any]:
    """Name and value of a <property>; raises XmlError for a value that is not of its type."""
    name, kind, text = found.get("name", ""), found.get("type", ""), found.get("value", "")
    if kind == REMOVE:
        return name, REMOVE
    reader = READERS.get(kind)
    if not name or reader is None:
        known = ", ".join((*READERS, REMOVE))
        raise XmlError(f"a <qemu:property> has a name and a type out of {known}.", line=found.sourceline)
    try:
        value = reader(text)
    except (ValueError, KeyError):
        value = None
    if value is None or (kind == "unsigned" and value < 0):
        raise XmlError(f"the <qemu:property> '{name}' is '{text}', which is not of type {kind}.", line=found.sourceline)
    return name, value


# checks


def check_passthrough(domain: Domain, context: Context) -> None:
    """Raise XmlError for what could not be passed on."""
    for found in domain.element.findall(qualified("commandline/arg")):
        if found.get("value") is None:
            raise XmlError("a <qemu:arg> needs a value.", line=found.sourceline)
    for found in domain.element.findall(qualified("commandline/env")):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", found.get("name", "")):
            raise XmlError(
                f"the name '{found.get('name', '')}' of a <qemu:env> is not one of letters, digits and '_'.",
                line=found.sourceline,
            )
    if deprecation(domain.element) not in BEHAVIOURS:
        raise XmlError(
            f"<qemu:deprecation behavior='{deprecation(domain.element)}'> is not one of {', '.join(BEHAVIOURS)}."
        )
    for device in domain.element.findall(qualified("override/device")):
        if not device.get("alias"):
            raise XmlError("a <qemu:device> of <qemu:override> needs the alias of the device.", line=device.sourceline)
        for found in device.findall(qualified("frontend/property")):
            read_property(found)
