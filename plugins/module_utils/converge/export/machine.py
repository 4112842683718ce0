# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine back into options: what people call it, memory, processors, clock, how it starts and ends."""

from __future__ import annotations

from typing import Any, Optional

from ...model.domain.passthrough import qualified
from ...model.tags import read_tags
from ...xml.parse import Element
from ..options.boot import BIOS, DEVICES, SECURE, UEFI
from ..options.cpu import MODES, TOPOLOGY
from ..options.firmware_data import BLOCKS
from .read import Options, at, given, kib, number_at, short, size, truth_at

POLICIES = {"require": True, "disable": False}
WORDS = {device: word for word, device in DEVICES.items()}


def about(domain: Element) -> Options:
    """Title, description, tags, uuid."""
    words = {name: at(domain, name) for name in ("uuid", "title", "description")}
    return {**words, "tags": read_tags(domain)}


def system(domain: Element) -> Options:
    """What kind of machine it is, and what it does when it ends."""
    return {
        "virt_type": domain.get("type"),
        "arch": at(domain, "os/type", "arch"),
        "machine": at(domain, "os/type", "machine"),
        "emulator": at(domain, "devices/emulator"),
        "iothreads": number_at(domain, "iothreads"),
        **{name: at(domain, name) for name in ("on_poweroff", "on_reboot", "on_crash")},
    }


def memory(domain: Element) -> Options:
    """Memory and what backs it."""
    most = kib(domain, "memory") or 0
    now = kib(domain, "currentMemory") or most
    limit = kib(domain, "maxMemory")
    backing = domain.find("memoryBacking")
    found = {
        "size": size(now),
        "maximum": size(most) if most != now else None,
        "hotplug_limit": None if limit is None else size(limit),
        "slots": number_at(domain, "maxMemory", "slots"),
        "hugepages": _pages(backing),
        "shared": True if at(backing, "access", "mode") == "shared" else None,
        "locked": True if backing is not None and backing.find("locked") is not None else None,
        "merge": False if backing is not None and backing.find("nosharepages") is not None else None,
    }
    return {"memory": short(given(found), "size")}


def _pages(backing: Optional[Element]) -> Any:
    holder = None if backing is None else backing.find("hugepages")
    if holder is None:
        return None
    page = holder.find("page")
    number = None if page is None else number_at(page, "", "size")
    from ...values import scale

    return True if page is None or number is None else size(scale(number, page.get("unit") or "KiB", what="page"))


def numa(domain: Element) -> Options:
    """Cells of processors and memory."""
    cells = []
    for cell in domain.iterfind("cpu/numa/cell"):
        from ...values import scale

        number = scale(int(cell.get("memory") or 0), cell.get("unit") or "KiB", what="memory")
        cells.append({"cpus": cell.get("cpus"), "memory": size(number)})
    return {"numa": cells}


def processors(domain: Element) -> Options:
    """How many there are, and how they are laid out."""
    most = number_at(domain, "vcpu") or 1
    count = number_at(domain, "vcpu", "current")
    layout = {name: number_at(domain, "cpu/topology", name) for name in TOPOLOGY}
    if layout["dies"] == 1:
        layout["dies"] = None
    return {"vcpus": short(given({"count": count or most, "maximum": most if count else None, **layout}), "count")}


def cpu(domain: Element) -> Options:
    """The model and its features."""
    element = domain.find("cpu")
    mode = None if element is None else element.get("mode")
    model = mode if mode in MODES else at(element, "model")
    if element is None or model is None:
        return {}
    features = {
        str(each.get("name")): POLICIES.get(each.get("policy") or "", each.get("policy"))
        for each in element.iterfind("feature")
    }
    found = {"model": model, "features": features, "migratable": truth_at(element, "", "migratable")}
    return {"cpu": short(given(found), "model")}


def clock(domain: Element) -> Options:
    """The clock, its timers, and what Windows asks of a hypervisor."""
    hyperv = True if domain.find("features/hyperv") is not None else None
    timers = [_timer(each) for each in domain.iterfind("clock/timer")]
    if hyperv:
        timers = [each for each in timers if each != {"name": "hypervclock", "present": True}]
    return {"hyperv": hyperv, "clock": at(domain, "clock", "offset"), "timers": timers}


def _timer(each: Element) -> Options:
    return given(
        {
            "name": each.get("name"),
            "present": truth_at(each, "", "present"),
            "track": each.get("track"),
            "tick_policy": each.get("tickpolicy"),
            "frequency": number_at(each, "", "frequency"),
        }
    )


def firmware(domain: Element) -> Options:
    """The firmware, and a kernel that is given directly."""
    direct = {name: at(domain, f"os/{name}") for name in ("kernel", "initrd", "cmdline")}
    return {"firmware": _firmware(domain), **direct}


def _firmware(domain: Element) -> Any:
    nvram = domain.find("os/nvram")
    variables = {"nvram": at(nvram, ""), "nvram_template": None if nvram is None else nvram.get("template")}
    features = {each.get("name"): each.get("enabled") for each in domain.iterfind("os/firmware/feature")}
    form, loader = at(domain, "os/loader", "format"), at(domain, "os/loader")
    if at(domain, "os", "firmware") == "efi":
        kind = SECURE if features.get("enrolled-keys") == "yes" else UEFI
        return given({"type": kind, "format": form, **variables})
    if loader is None:
        return None
    if at(domain, "os/loader", "type") == "pflash":
        kind = SECURE if truth_at(domain, "os/loader", "secure") else UEFI
        return given({"type": kind, "loader": loader, "format": form, **variables})
    return {"type": BIOS, "loader": loader}


def boot(domain: Element) -> Options:
    """The order of kinds of devices, and the menu."""
    order = [WORDS.get(each.get("dev") or "") for each in domain.iterfind("os/boot")]
    timeout = number_at(domain, "os/bootmenu", "timeout")
    found = {
        "order": [word for word in order if word],
        "menu": truth_at(domain, "os/bootmenu", "enable"),
        "menu_timeout": None if timeout is None else timeout // 1000,
    }
    return {"boot": given(found)}


def told(domain: Element) -> Options:
    """What is told to the firmware and to QEMU past everything else."""
    smbios: Options = {}
    for info in domain.iterfind("sysinfo[@type='smbios']"):
        for name, (tag, _keys) in BLOCKS.items():
            smbios[name] = {str(each.get("name")): each.text or "" for each in info.iterfind(f"{tag}/entry")}
        smbios["oem_strings"] = [each.text or "" for each in info.iterfind("oemStrings/entry")]
    entries = [
        given({"name": each.get("name"), "value": each.text, "file": each.get("file")})
        for each in domain.iterfind("sysinfo[@type='fwcfg']/entry")
    ]
    arguments = [each.get("value") or "" for each in domain.iterfind(f"{qualified('commandline')}/{qualified('arg')}")]
    return {"smbios": given(smbios), "fw_cfg": entries, "qemu_commandline": arguments}


READERS = (about, system, memory, processors, cpu, numa, clock, firmware, boot, told)
