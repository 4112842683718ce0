# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest as the task that describes it: options of vm that make the very same definition, else its document.

What a reader passes over is found by building the definition again and comparing, so that no option is returned that
says less than the document. The same tells which options need not be said: those without which nothing is different.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ...errors import CorralError
from ...xml.parse import Element, clone
from ...xml.write import to_text
from ..definition import DEFINITION
from ..options.disks import BUS_PREFIX, DEVICE_BUS, _format, _targets
from . import devices, machine
from .read import Options, given, merged, size
from .yaml import scalar_safe, to_yaml

Sizes = Mapping[tuple[str, str], int]
# Returns what is different in a guest of these options, in words; nothing when it is the very same.
Differences = Callable[[Options], Sequence[str]]
READERS = (*machine.READERS, *devices.READERS)
# What a guest is known by: it is always said, so that a guest that is made anew from the task is the same.
ALWAYS = ("name", "uuid", "virt_type", "machine", "memory", "vcpus", "disks", "interfaces")
# Options of which no guest can be made are worse than any that make another one.
_NONE = ("",) * 1000
# What an option of a device may refer to.
NEEDED_BY_OTHERS = ("iothreads", "arch", "graphics", "boot")
# The words in the path of a difference that an option may be about, where those are not its own name.
ABOUT: Mapping[str, tuple[str, ...]] = {
    "tags": ("/metadata",),
    "emulator": ("/emulator",),
    "numa": ("/cpu/numa",),
    "hyperv": ("/hyperv", "/clock"),
    "timers": ("/clock",),
    "firmware": ("/firmware", "/loader", "/nvram", "/smm"),
    "smbios": ("/sysinfo", "/smbios"),
    "fw_cfg": ("/sysinfo",),
    "qemu_commandline": ("commandline",),
    "filesystems": ("/filesystem", "/memoryBacking"),
    "console": ("/serial", "/console"),
    "serials": ("/serial", "/console"),
    "channels": ("/channel",),
    "guest_agent": ("/channel",),
    "spice_agent": ("/channel",),
    "balloon": ("/memballoon",),
}
# What can be said in a shorter way: the option, and which of its fields are tried alone.
SHORTER: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "firmware": (("type",), ("type", "nvram"), ("type", "loader"), ("type", "loader", "nvram_template")),
    "video": (("model",), ("model", "heads"), ("model", "memory")),
    "memory": (("size",), ("size", "maximum"), ("size", "hotplug_limit")),
    "watchdog": (("model",),),
}
SHORT = {"firmware": "type", "video": "model", "memory": "size", "watchdog": "model"}


@dataclass(frozen=True)
class Exported:
    """What describes a guest: ``options``, None where no options say all of it; ``lacks`` are the parts that they miss.

    ``variables`` are the names of what the task needs from elsewhere, each with the secret that stands in the document.
    """

    options: Optional[Options]
    lacks: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


def exported(document: Element, differences: Differences, sizes: Optional[Sizes] = None) -> Exported:
    """Return the options that make this complete definition; ``differences`` tells what is wrong with others.

    ``sizes`` are those of the volumes that were made for the guest, in bytes, by pool and name.
    """
    options = {"name": (document.findtext("name") or "").strip(), **merged(READERS, document)}
    _shorten_disks(options, sizes or {})
    options, lacks = _fitted(options, differences)
    variables = _variables(document)
    if lacks:
        return Exported(None, lacks, variables)
    return Exported(_in_order(_shortened(options, differences)), (), variables)


def _lacks(options: Options, differences: Differences) -> tuple[str, ...]:
    """What is different in a guest of these options; sentences behind ``_NONE`` where there can be none."""
    wrong = ArgumentSpecValidator(dict(DEFINITION.options)).validate(options).error_messages
    if wrong:
        return (*_NONE, *wrong)
    try:
        return tuple(differences(options))
    except CorralError as error:
        return (*_NONE, str(error))


def _fitted(options: Options, differences: Differences) -> tuple[Options, tuple[str, ...]]:
    """The options without those that make a difference by being said, and what is different all the same.

    What a driver has completed (such as a CPU model) may be less when it is said than when it is left out. What no
    option is about, none of them can put right.
    """
    lacks = _lacks(options, differences)
    while lacks:
        hopeless = tuple(lack for lack in lacks if lacks[0] and not _may_mend(options, lack))
        if hopeless:
            return options, hopeless
        tried = ((less, _lacks(less, differences)) for less in _with_one_less(options, lacks))
        better = next(((less, left) for less, left in tried if len(left) < len(lacks)), None)
        if better is None:
            return options, tuple(lack for lack in lacks if lack)
        options, lacks = better
    return options, ()


def _may_mend(options: Options, lack: str) -> bool:
    """Whether one of the options is about the place of a difference."""
    return any(_is_about(name, [lack.partition(":")[0]]) for name in options)


def _with_one_less(options: Options, lacks: Sequence[str]) -> Iterator[Options]:
    """The options without one of them, first those that what is different may be about."""
    about = [name for name in options if any(name.rstrip("s") in lack for lack in lacks)]
    for other in [*about, *(name for name in options if name not in about)]:
        if other != "name":
            yield _without(options, [other])


def _without(options: Options, names: Sequence[str]) -> Options:
    return {name: value for name, value in options.items() if name not in names}


def _in_order(options: Options) -> Options:
    """In the order in which the options are documented."""
    return {name: options[name] for name in DEFINITION.options if name in options}


def _shortened(options: Options, differences: Differences) -> Options:
    """The same without what need not be said."""
    options = _needed(options, differences)
    for name, alternatives in SHORTER.items():
        value: Any = options.get(name)
        for fields in alternatives if isinstance(value, dict) else ():
            less = {key: value[key] for key in fields if key in value}
            shorter = {**options, name: less[SHORT[name]] if list(less) == [SHORT[name]] else less}
            if less != value and not _lacks(shorter, differences):
                options = shorter
                break
    return options


def _needed(options: Options, differences: Differences) -> Options:
    """The same without the options that make no difference.

    What is different where nothing more is said than must be tells by its places which others are needed. Each try
    costs a whole definition, so they are tried one by one only where that cannot be told.
    """
    bare = {name: value for name, value in options.items() if name in (*ALWAYS, *NEEDED_BY_OTHERS)}
    lacks = _lacks(bare, differences)
    if not lacks:
        return _dropped(bare, [name for name in NEEDED_BY_OTHERS if name in bare], differences)
    places = [lack.partition(":")[0] for lack in lacks]
    useful = {name: value for name, value in options.items() if name in bare or _is_about(name, places)}
    if lacks[0] and not _lacks(useful, differences):
        return _dropped(useful, [name for name in NEEDED_BY_OTHERS if name in useful], differences)
    return _dropped(options, [name for name in options if name not in ALWAYS], differences)


def _is_about(name: str, places: Sequence[str]) -> bool:
    words = ABOUT.get(name, (name.rstrip("s"),))
    return any(word in place for word in words for place in places)


def _dropped(options: Options, names: Sequence[str], differences: Differences) -> Options:
    """The options without as many of these as can be left out: all at once, else half and half."""
    if not names:
        return options
    without = _without(options, names)
    if not _lacks(without, differences):
        return without
    if len(names) == 1:
        return options
    middle = len(names) // 2
    return _dropped(_dropped(options, names[:middle], differences), names[middle:], differences)


def _shorten_disks(options: Options, sizes: Sizes) -> None:
    """Leave out targets and formats that a disk gets anyway, and say that a volume is the guest's own."""
    disks: list[Options] = options.pop("disks", [])
    for disk in disks:
        own = sizes.get((disk.get("pool", ""), disk.get("volume", "")))
        if disk.get("format") == _format(disk):
            disk.pop("format", None)
        if own is not None:
            disk["size"] = size(own)
    bare = [_without(disk, ["target"]) for disk in disks]
    known = all(disk.get("bus") in (None, *BUS_PREFIX) and disk.get("device") in (None, *DEVICE_BUS) for disk in disks)
    same = known and [disk.get("target") for disk in disks] == _targets([*bare])
    options.update(given({"disks": bare if same else disks}))


# secrets


def _variables(document: Element) -> dict[str, str]:
    """The passwords of screens by the names of the variables that stand for them."""
    guest = re.sub(r"\W", "_", (document.findtext("name") or "").strip(), flags=re.ASCII)
    found: dict[str, str] = {}
    for screen in document.findall("devices/graphics[@passwd]"):
        name = f"vault_{guest}_{screen.get('type')}_password"
        found[name if name not in found else f"{name}_{len(found) + 1}"] = screen.get("passwd") or ""
    return found


def as_task(document: Element, found: Exported, more: Optional[Options] = None) -> str:
    """Return the task as YAML, with variables in place of secrets, and what options could not say in a comment.

    ``more`` are options beside the definition.
    """
    name = (document.findtext("name") or "").strip()
    if found.options is None:
        told: Options = {"name": name, "xml": _xml(document, found.variables)}
    else:
        told = {**scalar_safe(found.options), **_screens(found)}
    lines = [f"# No option of vm says this:\n{_commented(found.lacks)}"] if found.lacks else []
    if found.variables:
        lines.append(f"# Secrets are not shown: define {', '.join(found.variables)}, in a vault.\n")
    return "".join(lines) + to_yaml(
        [{"name": scalar_safe(f"The guest {name}"), "corral.virt.vm": {**told, **(more or {})}}]
    )


def _commented(lacks: Sequence[str]) -> str:
    return "".join(f"#   {' '.join(lack.split())}\n" for lack in lacks)


def _screens(found: Exported) -> Options:
    """The screens with variables in place of their passwords."""
    if not found.variables or found.options is None:
        return {}
    names = iter(found.variables)
    screens = [
        {**scalar_safe(screen), "password": f"{{{{ {next(names)} }}}}"} if "password" in screen else scalar_safe(screen)
        for screen in found.options["graphics"]
    ]
    return {"graphics": screens}


def _xml(document: Element, variables: Mapping[str, str]) -> str:
    """The document for a task: what Ansible would take for a variable is told to be none."""
    copy, mark = clone(document), "\ue000{}\ue000"
    for number, screen in enumerate(copy.findall("devices/graphics[@passwd]")):
        screen.set("passwd", mark.format(number))
    text = str(scalar_safe(to_text(copy)))
    for number, name in enumerate(variables):
        text = text.replace(mark.format(number), f"{{{{ {name} }}}}")
    return text
