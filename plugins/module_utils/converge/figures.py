# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest takes of its host, and what it says of itself, put beside the facts that its document says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..drivers.api import Domain, GuestAddress, HypervisorDriver
from ..errors import CorralError, InvalidArgument, NotFound, OperationInvalid

# What costs more than a look at files: another program is asked for it.
MEMORY, AGENT, COMMAND, TASK = "memory", "agent", "command", "task"
PLAIN = ("rss_mib", "cpu_seconds", "balloon_mib")


def add_figures(facts: dict[str, Any], driver: HypervisorDriver, domain: Domain) -> None:
    """Add uptime, memory and CPU time, and to each disk its sizes; QEMU is not asked."""
    figures = driver.domain_figures(domain.name)
    uptime = figures.get("uptime")
    facts["uptime"] = None if uptime is None else int(uptime)
    facts.update({name: figures.get(name) for name in PLAIN})
    sizes = figures.get("disks") or [{}] * len(facts.get("disks", ()))
    for disk, size in zip(facts.get("disks", ()), sizes):
        disk.update({name: size.get(name) for name in ("size", "allocated")})


def add_balloon(facts: dict[str, Any], driver: HypervisorDriver, domain: Domain) -> None:
    """Add what the balloon has left the guest; a QEMU that hangs is no failure, and hides no other guest."""
    facts["memory_error"] = None
    try:
        figures = driver.domain_figures(domain.name, balloon=True) if domain.active else {}
        facts["balloon_mib"] = figures.get("balloon_mib")
    except NotFound:
        raise
    except CorralError as error:
        facts["memory_error"] = str(error)


def add_command(facts: dict[str, Any], driver: HypervisorDriver, domain: Domain) -> None:
    """Add the command line that the guest would start with; that it could not start is no failure."""
    facts["command"] = facts["command_error"] = None
    try:
        facts["command"] = driver.domain_command(domain.name)
    except NotFound:
        raise
    except CorralError as error:
        facts["command_error"] = str(error)


def add_agent(facts: dict[str, Any], driver: HypervisorDriver, domain: Domain) -> None:
    """Add what the guest agent says, and to each interface its name; what keeps it silent is no failure."""
    said: Optional[Mapping[str, Any]] = None
    why = None
    try:
        said = driver.agent_info(domain.name)
    except CorralError as error:
        why = error.message
    facts["agent"], facts["agent_error"] = said, why
    by_mac = {str(row["mac"]).lower(): row for row in said["interfaces"]} if said else {}
    for interface in facts.get("interfaces", ()):
        row = by_mac.get(str(interface["mac"]).lower())
        interface["name"] = row["name"] if row else None


def add_addresses(facts: dict[str, Any], driver: HypervisorDriver, domain: Domain, *, agent: bool = False) -> None:
    """Add to each interface its addresses, and who knows them; the guest agent is asked with ``agent`` only."""
    known = driver.domain_addresses(domain.name, agent=agent) if domain.active and facts.get("interfaces") else []
    for interface in facts.get("interfaces", ()):
        mine = [each for each in known if each.mac.lower() == str(interface["mac"]).lower()]
        interface["addresses"] = [address_text(each) for each in mine]
        interface["address_source"] = mine[0].source if mine else None


def address_text(found: GuestAddress) -> str:
    """Return an address with its prefix length, where that is known."""
    return found.address if found.prefix is None else f"{found.address}/{found.prefix}"


def save_screenshot(driver: HypervisorDriver, found: list[Domain], path: str) -> None:
    """Write a picture of the one guest that was asked for; raises InvalidArgument for none or several."""
    if not path.startswith("/"):
        raise InvalidArgument(f"screenshot: {path!r} is relative; write the whole path on the target host.")
    if len(found) != 1:
        raise InvalidArgument(
            f"screenshot is a file for the picture of one guest, and {len(found)} were found; name one that is there."
        )
    if not found[0].active:
        raise OperationInvalid(f"There is no picture of guest {found[0].name}: it is {found[0].state}.")
    driver.save_screenshot(found[0].name, path)
