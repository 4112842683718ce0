# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmarks make: a guest that is nothing but a machine, so that a manager's time is measured and not a
guest's, and pools and volumes in libvirt's words, which both sides understand.
"""

from __future__ import annotations

import uuid
from typing import Any, Dict

# The pool of all benchmarks, and the size of an image that others are layers above, in bytes.
POOL, BASE_SIZE = "bench-pool", 1 << 30


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


def pool(directory: str) -> str:
    """A pool that is a directory."""
    return f"<pool type='dir'><name>{POOL}</name><target><path>{directory}</path></target></pool>"


def layer(name: str, base: str) -> str:
    """A volume that keeps what differs from an image, both of qcow2."""
    return f"""<volume>
  <name>{name}</name>
  <capacity>{BASE_SIZE}</capacity>
  <target><format type='qcow2'/></target>
  <backingStore><path>{base}</path><format type='qcow2'/></backingStore>
</volume>
"""


def raw_volume(name: str, size: int = 0) -> str:
    """A volume of plain bytes, none of which are taken at once; without a size, that of what fills it."""
    capacity = f"<capacity>{size}</capacity>" if size else ""
    target = "<target><format type='raw'/></target>"
    return f"<volume><name>{name}</name>{capacity}<allocation>0</allocation>{target}</volume>"


def network(name: str) -> str:
    """A network that is nothing but a bridge; nobody starts it."""
    return f"<network><name>{name}</name><bridge name='benchbr0'/></network>"
