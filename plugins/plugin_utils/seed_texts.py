# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts in YAML that a guest is to read at its first boot are parsed before anything is sent to a host.

A bare host has no YAML parser, and the controller has one. A message names the option and the line, never the content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import yaml

HEADER = "#cloud-config"
TEXTS = ("user_data", "vendor_data", "meta_data", "network_config")


def complaint(arguments: Mapping[str, Any]) -> Optional[str]:
    """Return what is wrong with the texts below cloud_init, also of the guests of a list; None when nothing is."""
    found = _complaint(arguments)
    several = arguments.get("guests")
    for number, guest in enumerate(several if isinstance(several, list) else [], 1):
        if found is None and isinstance(guest, Mapping):
            wrong = _complaint(guest)
            found = None if wrong is None else f"guests[{number}].{wrong}"
    return found


def _complaint(arguments: Mapping[str, Any]) -> Optional[str]:
    cloud = arguments.get("cloud_init")
    if not isinstance(cloud, Mapping):
        return None
    for name in TEXTS:
        text = cloud.get(name)
        if isinstance(text, str) and _is_yaml(name, text):
            found = _wrong(name, text)
            if found:
                return f"cloud_init.{name}: {found}"
    return None


def _is_yaml(name: str, text: str) -> bool:
    """User data may be a script or anything else; its first line says so."""
    first = (text.splitlines() or [""])[0].strip()
    return first == HEADER if name in ("user_data", "vendor_data") else bool(first)


def _wrong(name: str, text: str) -> Optional[str]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return f"it is no YAML{f', see its line {mark.line + 1}' if mark else ''}."
    except (ValueError, RecursionError):
        return "it is no YAML that can be read."
    if found is not None and not isinstance(found, dict):
        return "it is YAML, but no mapping; write keys and values."
    if name == "network_config" and isinstance(found, dict):
        inner = found.get("network", found)
        if not isinstance(inner, dict) or inner.get("version") not in (1, 2):
            return "it has no version; write version: 2, and ethernets below."
    return None
