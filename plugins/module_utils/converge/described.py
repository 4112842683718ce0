# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says of a guest, in the words of the options that say it."""

from __future__ import annotations

from typing import Any, Optional

from ..model.tags import read_tags
from ..xml.parse import Element


def described(document: Element) -> dict[str, Any]:
    """Return what people call the guest, and which of the parts it has that an operator asks for."""
    return {
        "title": _text(document, "title"),
        "description": _text(document, "description"),
        "tags": read_tags(document),
        "firmware": _firmware(document),
        "cpu": _cpu(document),
        "tpm": _tpm(document),
        "video": [model.get("type") for model in document.findall("devices/video/model")],
        "watchdog": _watchdog(document),
        "filesystems": [_filesystem(found) for found in document.findall("devices/filesystem")],
        "channels": [str(found.get("name")) for found in document.findall("devices/channel/target[@name]")],
    }


def _text(document: Element, tag: str) -> Optional[str]:
    return (document.findtext(tag) or "").strip() or None


def _at(element: Optional[Element], attribute: str) -> Optional[str]:
    return None if element is None else element.get(attribute)


def _firmware(document: Element) -> str:
    """``uefi-secure`` is one whose keys are enrolled; of a loader without features only itself can tell."""
    loader = document.find("os/loader")
    if _at(document.find("os"), "firmware") != "efi" and _at(loader, "type") != "pflash":
        return "bios"
    features = {found.get("name"): found.get("enabled") for found in document.findall("os/firmware/feature")}
    if "enrolled-keys" in features:
        return "uefi-secure" if features["enrolled-keys"] == "yes" else "uefi"
    return "uefi-secure" if _at(loader, "secure") == "yes" else "uefi"


def _cpu(document: Element) -> Optional[str]:
    mode = _at(document.find("cpu"), "mode")
    return (document.findtext("cpu/model") or None) if mode in (None, "custom") else mode


def _tpm(document: Element) -> Optional[dict[str, Any]]:
    found = document.find("devices/tpm")
    if found is None:
        return None
    backend = found.find("backend")
    return {
        "model": (found.get("model") or "").replace("tpm-", "") or None,
        "type": _at(backend, "type"),
        "version": _at(backend, "version"),
    }


def _watchdog(document: Element) -> Optional[dict[str, Any]]:
    """The one that was asked for, where there is one: a Q35 has another by itself."""
    found = document.findall("devices/watchdog")
    chosen = next((dog for dog in found if dog.get("model") != "itco"), found[0] if found else None)
    return None if chosen is None else {"model": chosen.get("model"), "action": chosen.get("action")}


def _filesystem(found: Element) -> dict[str, Any]:
    return {
        "tag": _at(found.find("target"), "dir"),
        "source": _at(found.find("source"), "dir"),
        "type": _at(found.find("driver"), "type") or "9p",
        "readonly": found.find("readonly") is not None,
    }
