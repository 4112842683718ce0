# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What QEMU is told over its monitor because no command line says it: at the start all of it, later what changes.

Commands and arguments are those of QEMU's qapi (balloon.json, block-core.json, net.json, ui.json).
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict

from ....errors import OperationInvalid, XmlError
from ....host.api import Monitor
from ....model.domain.core import Domain
from ....model.domain.disk import Disk
from ....model.domain.display import Graphics
from ....model.domain.interface import Interface
from ....model.domain.small import Memballoon
from ..command.throttle import LIMITS, throttle_command
from .vcpus import plug_listed

PASSWORDS = ("vnc", "spice")


def settle(domain: Domain, monitor: Monitor) -> None:
    """Tell a QEMU that was just started, and whose guest does not run yet, the rest of its document."""
    plug_listed(domain, monitor)
    for graphics in domain.all(Graphics):
        if graphics.password and graphics.type in PASSWORDS:
            tell_password(graphics, monitor)
    for disk in domain.all(Disk):
        if throttle_command(disk) and not disk.is_empty():
            tell_limits(disk, monitor)
    for interface in domain.all(Interface):
        if interface.link == "down":
            tell_link(interface, monitor)
    if has_balloon(domain) and 0 < (domain.current_memory or 0) < (domain.memory or 0):
        tell_balloon(domain, monitor)


def has_balloon(domain: Domain) -> bool:
    """Whether the guest has a memory balloon."""
    return any(balloon.model != "none" for balloon in domain.all(Memballoon))


def tell_balloon(domain: Domain, monitor: Monitor) -> None:
    """Let the guest have <currentMemory>; its driver obeys in its own time."""
    if not has_balloon(domain):
        raise OperationInvalid(f"Guest {domain.name} has no memory balloon.")
    monitor.execute("balloon", {"value": (domain.current_memory or 0) * 1024})


def tell_link(interface: Interface, monitor: Monitor) -> None:
    """Plug the cable of a network card in, or pull it out."""
    monitor.execute("set_link", {"name": interface.id(), "up": interface.link != "down"})


def tell_limits(disk: Disk, monitor: Monitor) -> None:
    """Set the limits of a disk; one without an <iotune> has none."""
    limits: Dict[str, Any] = {**{name: 0 for _key, _group, name in LIMITS}, **throttle_command(disk)}
    # what is throttled is the device that holds the disk: of a virtio disk, that inside the one with the id
    inside = f"/machine/peripheral/{disk.id()}/virtio-backend"
    monitor.execute("block_set_io_throttle", {**limits, "id": inside if disk.target_bus == "virtio" else disk.id()})


def tell_password(graphics: Graphics, monitor: Monitor, *, again: bool = False) -> None:
    """Set the password of a display that asks for one, and the time until which it holds.

    ``again`` is for a display that had one before: QEMU keeps its time with another password.
    """
    protocol = {"protocol": graphics.type}
    held = {"connected": graphics.connected} if graphics.connected else {}
    monitor.execute("set_password", {**protocol, **held, "password": graphics.password})
    if again or graphics.password_valid_to:
        monitor.execute("expire_password", {**protocol, "time": _expiry(graphics)})


def _expiry(graphics: Graphics) -> str:
    """Seconds since the epoch, from a moment in UTC such as 2026-12-31T23:59:59."""
    text = graphics.password_valid_to
    if text is None:
        return "never"
    try:
        return str(int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp()))
    except ValueError:
        hint = "Write it as 2026-12-31T23:59:59."
        raise XmlError(f"passwdValidTo='{text}' is not a time.", line=graphics.line, hint=hint) from None
