# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest's memory is shared with other processes, as vhost-user devices need it.

Source of the rules: libvirt's formatdomain, "Memory Backing" and "CPU model and topology" (memAccess).
"""

from __future__ import annotations

from ....model.domain.core import Domain


def is_shared(domain: Domain) -> bool:
    """Whether all of the boot memory is shared: by <access mode='shared'/>, or by each NUMA cell's memAccess."""
    access = domain.element.find("memoryBacking/access")
    default = access is not None and access.get("mode") == "shared"
    cells = domain.element.findall("cpu/numa/cell")
    words = [cell.get("memAccess") for cell in cells]
    if not words:
        return default
    return all(word == "shared" or (word is None and default) for word in words)
