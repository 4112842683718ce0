# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a guest's console can be read."""

from __future__ import annotations

from typing import Optional

from ....model.domain.core import Domain
from ....xml.parse import Element
from .site import Site


def console_path(site: Site, name: str, document: Optional[Element]) -> str:
    """The file with what the guest wrote to its first serial port since it was started."""
    if document is not None:
        for device in Domain(document).element.findall("devices/serial")[:1]:
            log, source = device.find("log"), device.find("source")
            if log is not None and log.get("file"):
                return log.get("file") or ""
            if device.get("type") == "file" and source is not None and source.get("path"):
                return source.get("path") or ""
    return site.layout.domain_console_log(name)
