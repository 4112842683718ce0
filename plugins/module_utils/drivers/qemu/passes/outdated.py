# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this QEMU still takes and a later one will not, told to the user before the host is upgraded.

Source of the rule: QEMU's docs/about/deprecated; the answers of query-machines and query-cpu-definitions say which.
"""

from __future__ import annotations

from typing import Iterator

from ....model.domain.core import Domain
from ..caps.model import Capabilities


def outdated_parts(domain: Domain, caps: Capabilities) -> Iterator[str]:
    """Sentences about a complete document, none where nothing in it is deprecated."""
    until = f"is deprecated in QEMU {'.'.join(map(str, caps.version[:2]))}: a later one may not start the guest."
    machine = domain.machine
    if any(known.deprecated and known.name == machine for known in caps.machines_of(domain.accel())):
        yield f"The machine type '{machine}' {until} Write a newer one once the guest may find newer hardware."
    model = domain.cpu.model if domain.cpu is not None and domain.cpu.mode == "custom" else None
    known_model = caps.cpu(model, domain.accel()) if model else None
    if known_model is not None and known_model.deprecated:
        yield f"The CPU model '{model}' {until} {caps.binary} -cpu help lists the others."
