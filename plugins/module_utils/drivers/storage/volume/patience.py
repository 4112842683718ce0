# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running what makes encrypted images on a host that is busy."""

from __future__ import annotations

from typing import Dict, Optional, Sequence

from ....errors import CommandFailed
from ....host.api import Completed, Host

# QEMU measures how fast keys are derived, and gives up when the clock of its processor time has not moved meanwhile:
# the kernel counts in ticks, and may have let others run at each of them (qcrypto_pbkdf2_count_iters of QEMU's
# crypto/pbkdf.c).
UNMEASURED = "Unable to get accurate CPU usage"
TRIES = 5


def run_patiently(
    host: Host, argv: Sequence[str], *, timeout: float, check: bool = True, env: Optional[Dict[str, str]] = None
) -> Completed:
    """Run a program, again where all that failed was QEMU's measuring; raises what ``Host.run`` raises."""
    left = TRIES
    while True:
        left -= 1
        try:
            return host.run(argv, timeout=timeout, check=check, env=env)
        except CommandFailed as error:
            if not left or UNMEASURED not in error.stderr:
                raise
