# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Booting: the firmware's menu, and a kernel given directly."""

from __future__ import annotations

from typing import Iterator

from ....model.domain.core import Domain
from ..context import Context
from ..options import Option, properties


def boot_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-boot: only devices with a boot index are tried, a menu and its time in milliseconds."""
    yield Option(
        "-boot",
        properties(
            {
                "menu": domain.boot_menu,
                "splash-time": domain.boot_menu_timeout if domain.boot_menu else None,
                "reboot-timeout": domain.reboot_timeout,
                "strict": True,
            }
        ),
    )


def kernel_options(domain: Domain, context: Context) -> Iterator[Option]:
    """-kernel and what goes with it; the command line is one argument, whatever it holds."""
    for flag, value in (
        ("-kernel", domain.kernel),
        ("-initrd", domain.initrd),
        ("-append", domain.cmdline),
        ("-dtb", domain.dtb),
    ):
        if value is not None:
            yield Option(flag, value)
