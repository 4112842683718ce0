# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of a guest: sections in order, each a pure function of the live document and the context."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator, List, Tuple

from ....model.domain.core import Domain
from ....xml.parse import Element
from ..context import Context
from ..devices.graphics import display_options
from ..devices.table import DEVICES
from ..options import Option, argv
from .boot import boot_options, kernel_options
from .clock import clock_options
from .cpu import cpu_options, smp_options
from .firmware import firmware_options
from .general import general_options, sandbox_options
from .machine import machine_options
from .memory import iothread_options, memory_options
from .numa import numa_options
from .passthrough import compat_options, extra_options, overridden
from .sysinfo import sysinfo_options, tseg_options
from .throttle import throttle_options

Section = Callable[[Domain, Context], Iterable[Option]]


def device_options(domain: Domain, context: Context) -> Iterator[Option]:
    """Every device, kind by kind in the order of the table."""
    for kind in DEVICES:
        for device in kind.of(domain):
            yield from kind.write(device, domain, context)


SECTIONS: Tuple[Section, ...] = (
    general_options,
    compat_options,
    firmware_options,
    machine_options,
    cpu_options,
    memory_options,
    smp_options,
    iothread_options,
    numa_options,
    sysinfo_options,
    clock_options,
    boot_options,
    kernel_options,
    tseg_options,
    throttle_options,
    display_options,
    device_options,
    extra_options,
    sandbox_options,
)


def command_line(document: Element, context: Context) -> List[str]:
    """Return the argument vector for a live document (completed, with aliases), the binary first."""
    domain = Domain(document)
    options = overridden((option for section in SECTIONS for option in section(domain, context)), domain)
    return [domain.emulator or context.caps.binary, *argv(options, context.caps)]
