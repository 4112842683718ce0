# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every secret that a guest's command line needs: whoever starts it puts the sealed values into the context."""

from __future__ import annotations

from typing import List

from ....model.domain.core import Domain
from ....model.domain.display import Graphics
from ..context import Context
from ..devices.disk_live import disk_secrets
from ..devices.graphics import vnc_need
from .blockdev_secrets import SecretNeed
from .chardev import tls_needs


def guest_secrets(domain: Domain, context: Context) -> List[SecretNeed]:
    """The secrets of a live document: of its images, and of the keys that its connections are encrypted with."""
    need = vnc_need(context) if any(graphics.type == "vnc" for graphics in domain.all(Graphics)) else None
    return [*disk_secrets(domain, context), *tls_needs(domain, context), *([] if need is None else [need])]
