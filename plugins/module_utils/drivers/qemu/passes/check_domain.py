# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of the domain as a whole: its CPU, its cells, its features, its labels. One function a subject.

Source of the rules: libvirt's formatdomain, the section of each.
"""

from __future__ import annotations

import re
from typing import Callable, List, Set, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.memory import MemoryDevice
from ....values import parse_cpuset
from ..command.numa import aligned
from ..command.passthrough import check_passthrough
from ..command.sysinfo import smbios_mode, tseg_bytes
from ..context import Context
from .foresee import check_cpu_words, check_sockets

Check = Callable[[Domain, Context], None]

MENU_TIMEOUT = 0xFFFF  # milliseconds
LARGEST = (1 << 63) - 1 >> 10  # KiB, what QEMU can count
OTHER_MACHINES = ("hpt", "htm", "nested-hv", "ccf-assist", "cfpc", "sbbc", "ibs", "gic", "ras", "async-teardown")
CACHE_LEVEL = 3
FARTHEST = 100 * 366 * 86400  # seconds
LAST_SECOND = 253402300799  # of the year 9999
ACCESS = ("shared", "private")
CPU_LISTS: Tuple[Tuple[str, str], ...] = (
    ("vcpu", "cpuset"),
    ("cputune/vcpupin", "cpuset"),
    ("cputune/emulatorpin", "cpuset"),
    ("cputune/iothreadpin", "cpuset"),
    ("cputune/vcpusched", "vcpus"),
    ("cputune/iothreadsched", "iothreads"),
    ("cpu/numa/cell", "cpus"),
    ("numatune/memory", "nodeset"),
    ("numatune/memnode", "nodeset"),
    ("memoryBacking/hugepages/page", "nodeset"),
)


def check_domain(domain: Domain, context: Context) -> None:
    """Raise XmlError or UnsupportedConfig for what QEMU could not be told."""
    for check in CHECKS:
        check(domain, context)


def _boot(domain: Domain, context: Context) -> None:
    if (domain.boot_menu_timeout or 0) > MENU_TIMEOUT:
        raise XmlError(
            f"the timeout of <bootmenu> is {domain.boot_menu_timeout} ms, and is at most {MENU_TIMEOUT}.",
            line=domain.line,
        )
    own = domain.element.find("devices/*/boot[@order]")
    if own is not None and domain.boot_devices:
        raise XmlError("<boot order> of devices and <boot dev> of <os> exclude each other.", line=own.sourceline)
    orders = [found.get("order") for found in domain.element.findall("devices/*/boot[@order]")]
    if len(orders) != len(set(orders)):
        raise XmlError("two devices have the same <boot order>.", line=domain.line)
    for found in domain.element.findall("devices/*/boot[@loadparm]"):
        if not re.fullmatch(r"[A-Za-z0-9. ]{1,8}", found.get("loadparm", "")):
            raise XmlError("a loadparm is up to eight letters, digits, dots and blanks.", line=found.sourceline)


def _cpu(domain: Domain, context: Context) -> None:
    cpu = domain.cpu
    if cpu is None:
        return
    real = cpu.mode in ("host-passthrough", "maximum")
    if cpu.cache_mode == "passthrough" and not real:
        raise XmlError("<cache mode='passthrough'/> goes with mode='host-passthrough' or 'maximum'.", line=cpu.line)
    if cpu.cache_mode == "emulate" and cpu.cache_level != CACHE_LEVEL:
        raise XmlError(f"<cache mode='emulate'/> needs level='{CACHE_LEVEL}'.", line=cpu.line)
    if cpu.cache_mode in ("passthrough", "disable") and cpu.cache_level is not None:
        raise XmlError(f"<cache mode='{cpu.cache_mode}'/> is for all levels; remove the level.", line=cpu.line)
    if cpu.address_mode == "passthrough" and cpu.address_bits is not None:
        raise XmlError("<maxphysaddr mode='passthrough'/> takes the host's bits; remove bits.", line=cpu.line)


def _cpu_lists(domain: Domain, context: Context) -> None:
    for path, name in CPU_LISTS:
        for found in domain.element.findall(path):
            text = found.get(name)
            if text and not parse_cpuset(text, what=f"line {found.sourceline}: {name} of <{found.tag}>"):
                raise XmlError(f"{name}='{text}' of <{found.tag}> names nothing.", line=found.sourceline)


def _cells(domain: Domain, context: Context) -> None:
    cells = domain.cells
    numbers = [cell.id for cell in cells]
    if sorted(number or 0 for number in numbers) != list(range(len(cells))):
        raise XmlError("the ids of the NUMA <cell>s count from 0 without gaps or doubles.", line=cells[0].line)
    seen: Set[int] = set()
    for cell in cells:
        cpus = parse_cpuset(cell.cpus, what="cpus") if cell.cpus else frozenset()
        if seen & cpus:
            raise XmlError(f"the NUMA cell {cell.id} has a CPU that another cell has as well.", line=cell.line)
        seen |= cpus
        if cell.access not in (None, *ACCESS):
            raise XmlError(f"memAccess='{cell.access}' is not one of {', '.join(ACCESS)}.", line=cell.line)
        if aligned(cell) > LARGEST:
            raise XmlError(f"the NUMA cell {cell.id} has more memory than can be counted.", line=cell.line)
        for sibling in cell.distances:
            if sibling.id is None or sibling.value is None:
                raise XmlError("a <sibling> has an id and a value.", line=sibling.line)
            if sibling.id not in numbers:
                raise XmlError(f"a <sibling> names the NUMA cell {sibling.id}, which is not there.", line=sibling.line)
    if cells and not seen:
        raise XmlError("no NUMA <cell> has CPUs; give at least one cpus='...'.", line=cells[0].line)


def _tuning(domain: Domain, context: Context) -> None:
    tune = domain.numatune
    if tune is None:
        return
    numbers = [cell.id for cell in domain.cells]
    if tune.cells and not numbers:
        raise XmlError("<memnode> is for NUMA cells of the guest, and there is no <numa> in <cpu>.", line=tune.line)
    if tune.cells and tune.placement == "auto":
        raise XmlError("<memnode> does not go with placement='auto'.", line=tune.line)
    lists = [tune.nodeset, *(one.nodeset for one in tune.cells)]
    for one in tune.cells:
        if one.cell not in numbers or [other.cell for other in tune.cells].count(one.cell) > 1:
            raise XmlError("each <memnode> names a NUMA cell of its own by cellid.", line=one.line)
    for text in lists if context.host_nodes is not None else []:
        missing = parse_cpuset(text, what="nodeset") - (context.host_nodes or frozenset()) if text else frozenset()
        if missing:
            raise UnsupportedConfig(f"the host has no NUMA node {min(missing)}.", line=tune.line)


def _memory(domain: Domain, context: Context) -> None:
    if (domain.max_memory is None) != (not domain.max_memory_slots):
        raise XmlError("<maxMemory> has a size and slots; write both.", line=domain.line)
    if domain.max_memory is not None and not domain.cells:
        raise XmlError("<maxMemory> needs at least one NUMA <cell> in <cpu>.", line=domain.line)
    if domain.max_memory is not None and domain.max_memory < (domain.memory or 0):
        raise XmlError("<maxMemory> is below <memory>; raise it.", line=domain.line)
    _memory_places(domain)
    backing = domain.backing
    if backing is None or not backing.huge:
        return
    if backing.allocation == "ondemand" or backing.source == "anonymous":
        raise XmlError(
            "<hugepages/> are taken at once, and not anonymous; remove allocation or source.", line=backing.line
        )
    if len([page for page in backing.pages if not page.nodeset]) > 1:
        raise XmlError("only one <page> of <hugepages> is without a nodeset.", line=backing.line)
    taken: Set[int] = set()
    for page in backing.pages:
        nodes = parse_cpuset(page.nodeset, what="nodeset") if page.nodeset else frozenset()
        if taken & nodes or (nodes and max(nodes) >= max(len(domain.cells), 1)):
            raise XmlError("each <page> names NUMA cells of the guest that no other names.", line=page.line)
        taken |= nodes


def _memory_places(domain: Domain) -> None:
    """Modules whose place in the guest's memory is given do not overlap."""
    spans: List[Tuple[int, int]] = []
    for device in domain.all(MemoryDevice):
        base = device.address.base if device.address is not None else None
        start, size = device.guest_address if base is None else base, device.kib() * 1024
        if start is None:
            continue
        if any(start < end and other < start + size for other, end in spans):
            raise XmlError(f"the <memory> device at {start:#x} overlaps another one.", line=device.line)
        spans.append((start, start + size))


def _features(domain: Domain, context: Context) -> None:
    for name in OTHER_MACHINES:
        found = domain.feature(name)
        if found is not None and name != "async-teardown":
            raise UnsupportedConfig(f"an x86 machine has no <{name}>; remove it.", line=found.sourceline)
    if domain.feature_state("ps2") == "off":
        ps2 = domain.element.find("devices/input[@bus='ps2']")
        if ps2 is not None:
            raise XmlError("<ps2 state='off'/> leaves no place for an <input bus='ps2'/>.", line=ps2.sourceline)
        if domain.feature_state("vmport") == "on":
            raise XmlError("<vmport state='on'/> needs the PS/2 controller that <ps2 state='off'/> removes.")
    cache = domain.element.find("features/tcg")
    if cache is not None and domain.is_kvm():
        raise XmlError("<tcg> in <features> is for type='qemu'.", line=cache.sourceline)


def _tseg(domain: Domain, context: Context) -> None:
    found = domain.element.find("features/smm/tseg")
    if found is None or domain.feature_state("smm") != "on":
        return
    size = tseg_bytes(domain)
    if not domain.is_q35():
        raise XmlError("<tseg> is for q35 machines; remove it.", line=found.sourceline)
    if size is None or size % (1 << 20):
        raise XmlError("the size in <tseg> is a whole number of MiB.", line=found.sourceline)


def _clock(domain: Domain, context: Context) -> None:
    clock = domain.clock
    if clock is None:
        return
    text = clock.adjustment or "reset"
    if text != "reset" and not re.fullmatch(r"[+-]?[0-9]+", text):
        raise XmlError(f"the adjustment of <clock> is '{text}', and is a number of seconds.", line=clock.line)
    if text != "reset" and (len(text) > 12 or abs(int(text)) > FARTHEST):
        raise XmlError("the adjustment of <clock> is more than a century.", line=clock.line)
    if clock.offset == "absolute" and not 0 <= (clock.start or 0) <= LAST_SECOND:
        raise XmlError(f"<clock> starts at {clock.start} seconds, and no calendar goes so far.", line=clock.line)


def _paths(domain: Domain, context: Context) -> None:
    """QEMU does not run in a directory that a user would know."""
    given = {"kernel": domain.kernel, "initrd": domain.initrd, "dtb": domain.dtb}
    if domain.loader is not None:
        given["loader"] = domain.loader.path
    for tag, path in given.items():
        if path and not path.startswith("/"):
            raise XmlError(f"<{tag}> is '{path}', and is an absolute path.", line=domain.line)


def _sysinfo(domain: Domain, context: Context) -> None:
    mode = smbios_mode(domain)
    if mode not in ("emulate", "sysinfo"):
        raise UnsupportedConfig(
            f"<smbios mode='{mode}'/> is not one of emulate, sysinfo.", hint="Write the values into <sysinfo>."
        )
    if mode == "sysinfo" and domain.element.find("sysinfo[@type='smbios']") is None:
        raise XmlError("<smbios mode='sysinfo'/> needs a <sysinfo type='smbios'>.", line=domain.line)
    for entry in domain.element.findall("sysinfo/bios/entry[@name='date']"):
        parts = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{1,2}|\d{4})", (entry.text or "").strip())
        if parts is None or not (
            1 <= int(parts[1]) <= 12 and 1 <= int(parts[2]) <= 31 and not 99 < int(parts[3]) < 1900
        ):
            raise XmlError("the BIOS date is written as month/day/year, such as 04/01/2014.", line=entry.sourceline)
    for entry in domain.element.findall("sysinfo/system/entry[@name='uuid']"):
        if (entry.text or "").strip().lower().replace("-", "") != (domain.uuid or "").replace("-", ""):
            raise XmlError("the uuid in <sysinfo> is not the guest's; make them alike.", line=entry.sourceline)
    for entry in domain.element.findall("sysinfo[@type='fwcfg']/entry"):
        name = entry.get("name", "")
        if not name.startswith("opt/"):
            raise XmlError(f"the fw_cfg name '{name}' does not start with 'opt/'.", line=entry.sourceline)
        if bool(entry.get("file")) == bool((entry.text or "").strip()):
            raise XmlError(f"the fw_cfg entry '{name}' has either a text or a file.", line=entry.sourceline)


def check_labels(domain: Domain, context: Context) -> None:
    """Refuse labels of sources that contradict each other, before those without a meaning here are dropped."""
    for source in domain.element.iter("source", "domain"):
        labels = source.findall("seclabel")
        models = [label.get("model") for label in labels if label.get("model")]
        if len(labels) > 1 and len(set(models)) != len(labels) and source.tag == "source":
            raise XmlError("of several <seclabel>s each has a model of its own.", line=labels[0].sourceline)
        for label in labels if source.tag == "source" else []:
            if label.get("relabel") == "yes" and label.find("label") is None:
                raise XmlError("a <seclabel relabel='yes'> of a <source> needs a <label>.", line=label.sourceline)


def _connections(domain: Domain, context: Context) -> None:
    """What connects itself again is on the connecting side, after a time; and a socket has a path."""
    for source in domain.element.findall("devices/*/source") + domain.element.findall("devices/rng/backend/source"):
        again = source.find("reconnect[@enabled='yes']")
        if again is None:
            continue
        if source.get("mode") == "bind":
            raise XmlError("<reconnect> is for mode='connect'; what listens waits anyway.", line=again.sourceline)
        if again.get("timeout") == "0":
            raise XmlError(
                "the timeout of <reconnect> is 0; write the seconds between attempts.", line=again.sourceline
            )
    for backend in domain.element.findall("devices/rng/backend[@type='unix']"):
        place = backend.find("source")
        if place is None or not place.get("path"):
            raise XmlError("the <source> of a unix <backend> needs a path.", line=backend.sourceline)


def _addresses(domain: Domain, context: Context) -> None:
    found = domain.element.find("devices/*/address/zpci")
    if found is not None:
        raise UnsupportedConfig("an x86 machine has no <zpci>; remove it.", line=found.sourceline)


CHECKS: Tuple[Check, ...] = (
    _boot,
    _cpu,
    _cpu_lists,
    _cells,
    _tuning,
    _memory,
    _features,
    _tseg,
    _sysinfo,
    _clock,
    _paths,
    _connections,
    _addresses,
    check_passthrough,
    check_cpu_words,
    check_sockets,
)
