# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says to QEMU directly, in libvirt's namespace for that.

Source of the rules: libvirt's drvqemu page, "Pass-through of arbitrary qemu commands".
"""

from __future__ import annotations

from typing import Dict, List

from ...xml.parse import Element

NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"


def qualified(path: str) -> str:
    """A path of names in the namespace."""
    return "/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/"))


def extra_arguments(domain: Element) -> List[str]:
    """The arguments of <commandline>, in order."""
    return [found.get("value", "") for found in domain.findall(qualified("commandline/arg"))]


def extra_environment(domain: Element) -> Dict[str, str]:
    """The variables of <commandline>; one without a value is set to nothing."""
    rows = domain.findall(qualified("commandline/env"))
    return {found.get("name", ""): found.get("value", "") for found in rows}


def deprecation(domain: Element) -> str:
    """What QEMU does when it is asked for something deprecated: a word of <deprecation>, "none" without one."""
    found = domain.find(qualified("deprecation"))
    return "none" if found is None else found.get("behavior", "none")
