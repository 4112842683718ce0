# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serial and parallel ports, the console, and channels to programs in the guest.

Source of the meanings: libvirt's formatdomain, "Consoles, serial, parallel & channel devices".
"""

from __future__ import annotations

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from .write import Builder, Options, absolute, device, each, put

GUEST_AGENT, SPICE_AGENT = "org.qemu.guest_agent.0", "com.redhat.spice.0"
# the options of a port that each type needs, and those that it may have; the first type is the one without a type
NEEDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pty": ((), ()),
    "file": (("path",), ()),
    "unix": (("path",), ("listen",)),
    "tcp": (("port",), ("host", "listen")),
    "dev": (("path",), ()),
    "pipe": (("path",), ()),
    "none": ((), ()),  # libvirt says null, which YAML would take for nothing said
}
# the names of channels that have an option of their own
SWITCHES = {GUEST_AGENT: "guest_agent: true", SPICE_AGENT: "spice_agent: true"}


def console(domain: Element, options: Options) -> None:
    """The first serial port, whose words are logged; then the others."""
    first = options.get("console") is not False
    if first:
        add(device(domain, "serial", type="pty"), "target", port="0")
        add(device(domain, "console", type="pty"), "target", type="serial", port="0")
    for number, (what, port) in enumerate(each(options, "serials"), int(first)):
        element = device(domain, "serial")
        _backend(element, port, what)
        put(add(element, "target"), {"type": port.get("model"), "port": number})


def parallels(domain: Element, options: Options) -> None:
    """Parallel ports."""
    for number, (what, port) in enumerate(each(options, "parallels")):
        element = device(domain, "parallel")
        _backend(element, port, what)
        add(element, "target", port=str(number))


def channels(domain: Element, options: Options) -> None:
    """The channels of the agents, then the others, each by its name."""
    if options.get("guest_agent"):
        add(device(domain, "channel", type="unix"), "target", type="virtio", name=GUEST_AGENT)
    if _spice_agent(options):
        add(device(domain, "channel", type="spicevmc"), "target", type="virtio", name=SPICE_AGENT)
    seen = set(SWITCHES)
    for what, channel in each(options, "channels"):
        name = channel["name"]
        if name in seen:
            instead = f"write {SWITCHES[name]}" if name in SWITCHES else "write another name"
            raise InvalidArgument(f"{what}: the name {name} is taken; {instead}.")
        seen.add(name)
        element = device(domain, "channel")
        _backend(element, channel, what, default="unix")
        add(element, "target", type="virtio", name=name)


def _spice_agent(options: Options) -> bool:
    """It goes with a SPICE screen, where nothing else is said."""
    spice = any(screen.get("type") == "spice" for screen in options.get("graphics") or ())
    wanted = options.get("spice_agent")
    if wanted and not spice:
        raise InvalidArgument(
            "spice_agent: there is no screen for it; write graphics of the type spice, or leave it out."
        )
    return spice if wanted is None else bool(wanted)


def _backend(element: Element, port: Options, what: str, default: str = "pty") -> None:
    """What is behind a port; a channel's unix socket may be without a path, and is then in the guest's directory."""
    kind = port.get("type") or default
    needs, may = NEEDS[kind]
    wrong = [name for name in ("path", "host", "port") if port.get(name) and name not in (*needs, *may)]
    missing = [name for name in needs if not port.get(name) and not (default == kind == "unix")]
    if wrong:
        raise InvalidArgument(f"{what}: {wrong[0]} is not for the type {kind}; leave it out, or write another type.")
    if missing:
        raise InvalidArgument(f"{what}: {missing[0]} is missing; a port of the type {kind} needs it.")
    if kind == "tcp" and not 1 <= port["port"] <= 65535:
        raise InvalidArgument(f"{what}: port: {port['port']} is no TCP port; write 1 to 65535.")
    element.set("type", "null" if kind == "none" else kind)
    source = {"path": port.get("path") and absolute(port["path"], f"{what}: path")}
    if "listen" in may and (port.get("path") or kind == "tcp"):
        source = {"mode": "connect" if port.get("listen") is False else "bind", **source}
    if kind == "tcp":
        source.update({"host": port.get("host") or "127.0.0.1", "service": str(port["port"])})
    if any(source.values()):
        put(add(element, "source"), source)
    if kind == "tcp":
        add(element, "protocol", type="raw")


BUILDERS: tuple[Builder, ...] = (console, parallels, channels)
