# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done when a guest has ended by itself: what its definition says under on_poweroff and on_crash.

What of these words QEMU does itself (to stop or to go on) it was told at the start, see launch.py; a guest that may not
reboot has ended for good when it tried. Source: libvirt's formatdomain, "Events configuration".
"""

from __future__ import annotations

from ....model.domain.core import Domain
from .status import Status

DESTROY, RESTART = "destroy", "restart"
RESTARTS = ("restart", "coredump-restart")
# QEMU's word for a guest that ended because it wanted to reboot.
REBOOT = "guest-reset"


def restarts(domain: Domain) -> bool:
    """Whether there is an end after which the guest is started again."""
    return domain.on_crash in RESTARTS or domain.on_poweroff in RESTARTS


def after_end(domain: Domain, status: Status) -> str:
    """Return destroy or restart; a guest that was ended, or could not be started, stays off."""
    if status.leaving or status.cause == REBOOT:
        return DESTROY
    wanted = {"crashed": domain.on_crash, "shutdown": domain.on_poweroff}.get(status.ended or "")
    return RESTART if wanted in RESTARTS else DESTROY
