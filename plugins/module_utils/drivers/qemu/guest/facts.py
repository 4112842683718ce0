# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's document and command line need to know of the host: looked up only where the document asks for it."""

from __future__ import annotations

import json
import zlib
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from ....host.api import Host
from ....model.domain.core import Domain
from ....model.domain.hostdev import Hostdev
from ....values import parse_cpuset
from ..context import HugePages

RENDER_NODES = "/dev/dri"
FIRST_CID = 3
CIDS = 1 << 30


def host_facts(host: Host, document: Domain) -> Dict[str, Any]:
    """The fields of a Context that this document asks for."""
    facts: Dict[str, Any] = {}
    if document.firmware is not None or document.loader is not None:
        facts["firmware"] = firmware(host)
    if document.backing is not None and document.backing.huge:
        facts["hugepages"] = huge_pages(host)
    if document.numatune is not None or document.vcpu_placement == "auto":
        facts["host_nodes"] = nodes(host)
    if document.element.find("devices/graphics/gl") is not None or _has_graphics(document, "egl-headless"):
        facts["render_node"] = render_node(host)
    if document.element.find("devices/vsock") is not None:
        facts["vsock_cid"] = context_id(document.name or "")
    if document.element.find("devices/hostdev[@type='scsi']") is not None:
        facts["scsi_generic"] = scsi_units(host, document)
    return facts


def _has_graphics(document: Domain, kind: str) -> bool:
    return document.element.find(f"devices/graphics[@type='{kind}']") is not None


# firmware


def firmware(host: Host) -> Tuple[Mapping[str, Any], ...]:
    """The firmware descriptors by the names of their files: a later directory's replaces an earlier one's of that name.

    An empty file hides the others of its name, and one that is no descriptor counts as hidden. Source of the rules:
    QEMU's docs/interop/firmware.json.
    """
    return tuple(found for found in descriptors(host, "firmware") if "interface-types" in found)


def descriptors(host: Host, kind: str) -> List[Mapping[str, Any]]:
    """What packages, the administrator and the user say of a kind of program or file, firmware or vhost-user."""
    found: Dict[str, Mapping[str, Any]] = {}
    for directory in _directories(host, kind):
        for name in host.entries(directory):
            if name.endswith(".json"):
                found[name] = _descriptor(host.read(f"{directory}/{name}") or b"")
    return [found[name] for name in sorted(found)]


def _directories(host: Host, kind: str) -> List[str]:
    system = [f"/usr/share/qemu/{kind}", f"/etc/qemu/{kind}"]
    if host.euid() == 0:
        return system
    home = host.env("XDG_CONFIG_HOME") or f"{host.env('HOME') or ''}/.config"
    return [*system, f"{home}/qemu/{kind}"]


def _descriptor(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# memory


def huge_pages(host: Host) -> Tuple[HugePages, ...]:
    """The mounted hugetlbfs with their page sizes; the first one of the host's default size is the default."""
    default = _default_page(host)
    mounts: Dict[int, str] = {}
    for fields in _mounts(host):
        if fields[2] == "hugetlbfs":
            sizes = [_kib(option[9:]) for option in fields[3].split(",") if option.startswith("pagesize=")]
            mounts.setdefault(sizes[0] if sizes else default, fields[1])
    return tuple(HugePages(size, f"{path}/corral", size == default) for size, path in sorted(mounts.items()))


def _mounts(host: Host) -> Iterator[List[str]]:
    for line in (host.read("/proc/mounts") or b"").decode("utf-8", "replace").splitlines():
        fields = line.split()
        if len(fields) > 3:
            yield fields


def _kib(text: str) -> int:
    factor = {"K": 1, "M": 1 << 10, "G": 1 << 20}.get(text[-1:].upper(), 0)
    digits = text.rstrip("kKmMgG")
    return int(digits) * factor if digits.isdigit() and factor else 0


def _default_page(host: Host) -> int:
    for line in (host.read("/proc/meminfo") or b"").decode("ascii", "replace").splitlines():
        if line.startswith("Hugepagesize:"):
            return int(line.split()[1])
    return 2048


def nodes(host: Host) -> Optional[FrozenSet[int]]:
    """The NUMA nodes of the host, None where it does not say."""
    text = (host.read("/sys/devices/system/node/online") or b"").decode("ascii", "replace").strip()
    return parse_cpuset(text, what="NUMA nodes") if text else None


# devices


def render_node(host: Host) -> Optional[str]:
    """The first GPU that can draw without a screen."""
    names = sorted(name for name in host.entries(RENDER_NODES) if name.startswith("renderD"))
    return f"{RENDER_NODES}/{names[0]}" if names else None


def context_id(name: str) -> int:
    """A vsock id that a guest keeps: worked out from its name, so that two hosts and two runs agree."""
    return FIRST_CID + zlib.crc32(name.encode()) % CIDS


def scsi_units(host: Host, document: Domain) -> Mapping[Tuple[str, int, int, int], str]:
    """The device files of the SCSI units that the document names."""
    found: Dict[Tuple[str, int, int, int], str] = {}
    for device in document.all(Hostdev):
        place, adapter = device.place, device.adapter or ""
        if device.type != "scsi" or place is None or not adapter.startswith("scsi_host"):
            continue
        key = (adapter, place.bus or 0, place.target or 0, place.unit or 0)
        unit = f"{adapter[len('scsi_host') :]}:{key[1]}:{key[2]}:{key[3]}"
        names = host.entries(f"/sys/bus/scsi/devices/{unit}/scsi_generic")
        if names:
            found[key] = f"/dev/{names[0]}"
    return found
