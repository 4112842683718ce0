# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about a guest as plain values, for people and for later tasks."""

from __future__ import annotations

from typing import Any, Optional

from ..drivers.api import Domain
from ..model.domain.core import Domain as DomainView
from ..model.domain.identity import DOMAIN, persistent_form, running_form
from ..values import scale
from ..xml.canonical import masked
from ..xml.compare import Change, compare
from ..xml.parse import Element
from ..xml.write import to_text
from .described import described

# Where the source of a disk or an interface is written, by the attribute that holds it.
_DISK_SOURCES = ("file", "dev", "dir", "name", "volume")
_NETWORKS = ("network", "bridge", "dev")


def guest_facts(domain: Domain, document: Optional[Element], kept: Optional[Element] = None) -> dict[str, Any]:
    """Return the facts of one guest: what it is, what state it is in, and what its document says.

    ``kept`` is the definition of a guest that is active: where it differs, that waits for the next start.
    """
    facts: dict[str, Any] = {
        "name": domain.name,
        "uuid": domain.uuid,
        "id": domain.id,
        "state": domain.state,
        "reason": domain.reason,
        "active": domain.active,
        "persistent": domain.persistent,
        "autostart": domain.autostart,
    }
    facts.update({name: domain.runtime.get(name) for name in ("pid", "console_log")})
    facts["runtime"] = dict(domain.runtime)
    waiting = compare_running(document, kept) if domain.active and document is not None and kept is not None else ()
    facts["pending"] = [str(change) for change in waiting]
    if document is not None:
        facts.update(_documented(document))
    return facts


def compare_running(live: Element, kept: Element) -> tuple[Change, ...]:
    """Return what a guest that runs does not have of its definition."""
    return compare(running_form(live, kept), persistent_form(kept), DOMAIN)


def shown_xml(document: Element) -> str:
    """Return the document as text, its secrets hidden."""
    return to_text(masked(document, DOMAIN))


def _documented(document: Element) -> dict[str, Any]:
    kind, domain = document.find("os/type"), DomainView(document)
    return {
        "type": document.get("type"),
        "arch": None if kind is None else kind.get("arch"),
        "machine": None if kind is None else kind.get("machine"),
        "memory_mib": _mib(document.find("memory")),
        "current_memory_mib": _mib(document.find("currentMemory")) or _mib(document.find("memory")),
        "vcpus": domain.vcpus or 1,
        "current_vcpus": domain.current_vcpus or domain.vcpus or 1,
        "disks": [_disk(disk) for disk in document.findall("devices/disk")],
        "interfaces": [_interface(interface) for interface in document.findall("devices/interface")],
        "graphics": [_graphics(graphics) for graphics in document.findall("devices/graphics")],
        **described(document),
    }


def _mib(memory: Optional[Element]) -> Optional[int]:
    if memory is None or not (memory.text or "").strip().isdigit():
        return None
    return scale(int((memory.text or "").strip()), memory.get("unit") or "KiB", what="memory") // 1024**2


def _at(element: Element, path: str, attribute: str) -> Optional[str]:
    found = element.find(path)
    return None if found is None else found.get(attribute)


def _first(element: Element, path: str, attributes: tuple[str, ...]) -> Optional[str]:
    return next((value for name in attributes if (value := _at(element, path, name))), None)


def _disk(disk: Element) -> dict[str, Any]:
    return {
        "target": _at(disk, "target", "dev"),
        "bus": _at(disk, "target", "bus"),
        "device": disk.get("device") or "disk",
        "path": _first(disk, "source", _DISK_SOURCES),
        "format": _at(disk, "driver", "type"),
        "readonly": disk.find("readonly") is not None,
    }


def _interface(interface: Element) -> dict[str, Any]:
    return {
        "type": interface.get("type"),
        "source": _first(interface, "source", _NETWORKS),
        "mac": _at(interface, "mac", "address"),
        "model": _at(interface, "model", "type"),
        "filter": _at(interface, "filterref", "filter"),
    }


def _graphics(graphics: Element) -> dict[str, Any]:
    port = graphics.get("port")
    listen = _at(graphics, "listen", "address") or graphics.get("listen")
    known = bool(port and port.isdigit() and listen)
    return {
        "type": graphics.get("type"),
        "listen": listen,
        "port": int(port) if port and port.isdigit() else None,
        "address": (f"[{listen}]:{port}" if ":" in str(listen) else f"{listen}:{port}") if known else None,
    }
