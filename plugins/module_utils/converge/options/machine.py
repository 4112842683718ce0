# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine: its type, what it does when the guest ends, clock and timers, I/O threads.

Source of the meanings: libvirt's formatdomain, "Operating system booting", "Events configuration", "Time keeping" and
"IOThreads Allocation".
"""

from __future__ import annotations

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from .cpu import X86
from .write import Builder, Options, absolute, each, part, put, text

# Without a type QEMU's default would be a machine of 1996.
MACHINE = "q35"
EVENTS = ("on_poweroff", "on_reboot", "on_crash")


def system(domain: Element, options: Options) -> None:
    """Architecture and machine type, the emulator, and ACPI, without which a power button does nothing."""
    kind = text(part(domain, "os"), "type", "hvm")
    x86 = options.get("arch") in X86
    put(kind, {"arch": options.get("arch"), "machine": options.get("machine") or (MACHINE if x86 else None)})
    if options.get("emulator"):
        part(domain, "devices/emulator").text = absolute(options["emulator"], "emulator")
    features = part(domain, "features")
    add(features, "acpi")
    if x86:
        add(features, "apic")
    for name in EVENTS:
        if options.get(name):
            text(domain, name, options[name])


def clock(domain: Element, options: Options) -> None:
    """The offset of the clock, and the timers."""
    timers = {timer["name"]: timer for _what, timer in each(options, "timers")}
    if len(timers) != len(options.get("timers") or []):
        raise InvalidArgument("timers: a timer is named twice; write one entry for each.")
    if options.get("hyperv"):
        timers.setdefault("hypervclock", {"name": "hypervclock", "present": True})
    if not timers and not options.get("clock"):
        return
    element = part(domain, "clock")
    element.set("offset", options.get("clock") or "utc")
    for timer in timers.values():
        put(
            add(element, "timer", name=timer["name"]),
            {
                "present": timer.get("present"),
                "track": timer.get("track"),
                "tickpolicy": timer.get("tick_policy"),
                "frequency": timer.get("frequency"),
            },
        )


def iothreads(domain: Element, options: Options) -> None:
    """How many threads there are for disks to be served by."""
    count = options.get("iothreads")
    if count is None:
        return
    if count < 1:
        raise InvalidArgument(f"iothreads: {count} is no number of threads; write 1 or more, or leave it out.")
    text(domain, "iothreads", str(count))


BUILDERS: tuple[Builder, ...] = (system, clock, iothreads)
