# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guest of all benchmarks: nothing but a machine, so that a manager's time is measured and not a guest's."""

from __future__ import annotations

import uuid
from typing import Any, Dict


def options(uri: str, name: str, **more: Any) -> Dict[str, Any]:
    """Options of corral.virt.vm."""
    return {"uri": uri, "name": name, "memory": "32MiB", "machine": "q35", "console": True, **more}


def document(name: str) -> str:
    """The same as a document, with a uuid, so that defining it again replaces it everywhere."""
    return f"""<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid.uuid5(uuid.NAMESPACE_DNS, name)}</uuid>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices><console type='pty'/></devices>
</domain>
"""
