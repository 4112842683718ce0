# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of device kinds, in the order in which QEMU gets them: what others plug into stands first."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from ....xml.parse import Element
from ..kinds import Kind
from .audio import AUDIO
from .chardev import CHANNEL, CONSOLE, PARALLEL, SERIAL
from .controller import CCID_CONTROLLER, CONTROLLERS
from .crypto import CRYPTO
from .disk import DISK
from .filesystem import FILESYSTEM
from .graphics import GRAPHICS
from .hostdev import HOST_INTERFACE, HOSTDEV
from .input import HUB, INPUT
from .interface import INTERFACE
from .iommu import IOMMU
from .memballoon import MEMBALLOON
from .memory import MEMORY
from .panic import PANIC
from .redirdev import REDIRDEV, REDIRFILTER
from .rng import RNG
from .shmem import SHMEM
from .smartcard import SMARTCARD
from .sound import SOUND
from .tpm import TPM
from .video import VIDEO
from .vsock import VSOCK
from .watchdog import WATCHDOG

DEVICES: Tuple[Kind, ...] = (
    *CONTROLLERS,
    HUB,
    CCID_CONTROLLER,
    DISK,
    FILESYSTEM,
    INTERFACE,
    HOST_INTERFACE,
    SMARTCARD,
    SERIAL,
    PARALLEL,
    CHANNEL,
    CONSOLE,
    TPM,
    INPUT,
    AUDIO,
    GRAPHICS,
    VIDEO,
    SOUND,
    WATCHDOG,
    HOSTDEV,
    REDIRFILTER,
    REDIRDEV,
    IOMMU,
    MEMBALLOON,
    RNG,
    PANIC,
    SHMEM,
    VSOCK,
    CRYPTO,
    MEMORY,
)

BY_TAG: Dict[str, Kind] = {kind.tag: kind for kind in DEVICES}


def kind_of(element: Element) -> Optional[Kind]:
    """The row of a child of <devices>, or None where the table has none for it."""
    rows = (kind for kind in DEVICES if kind.tag == element.tag)
    return next((kind for kind in rows if kind.part(kind.view(element))), None)
