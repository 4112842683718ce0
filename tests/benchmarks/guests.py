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
# The filter of all benchmarks, with an address that is known.
FILTER = "clean-traffic"


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


def wired(text: str, bridge: str, number: int, *, filtered: bool) -> str:
    """A document with an interface on a bridge, which has an address of its own for each number."""
    parameter = f"<parameter name='IP' value='{address_of(number)}'/>"
    reference = f"<filterref filter='{FILTER}'>{parameter}</filterref>" if filtered else ""
    card = f"<mac address='{hardware_address(number)}'/><source bridge='{bridge}'/><model type='virtio'/>{reference}"
    return text.replace("</devices>", f"<interface type='bridge'>{card}</interface></devices>")


def hardware_address(number: int) -> str:
    """The MAC address of an interface by its number."""
    return f"52:54:00:be:{number >> 8:02x}:{number & 255:02x}"


def address_of(number: int) -> str:
    """Its IP address; none ends with 0 or 255."""
    return f"10.9.{number // 250}.{number % 250 + 1}"


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
