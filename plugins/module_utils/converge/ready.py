# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until a guest is ready, and a diagnosis when it does not get there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Callable, NamedTuple, Optional

from ..drivers.api import Domain, GuestAddress, HypervisorDriver
from ..errors import InvalidArgument, NotFound, OperationFailed
from ..model.domain.interface import LINKED
from ..values import last_lines
from .look import exact
from .resource.values import Plan

CONSOLE_LINES, LOG_LINES = 20, 5
# What was done to a guest whose console log goes on: what stood in it before is of its last life.
SAME_LOG = ("reboot", "reset")

# Whether the guest has opened the channel of its agent, in words.
AGENTS: Mapping[Optional[bool], tuple[str, str]] = {
    None: ("none", "The guest has no channel for a guest agent; give it one with guest_agent: true."),
    False: ("closed", "Nothing in the guest has opened the channel of the guest agent: is it installed and started?"),
    True: ("opened", "The guest has opened the channel of the guest agent."),
}

Try = Callable[[float], bool]


class Told(NamedTuple):
    """What is said when something came in vain, and after the end of the guest; whether it is about addresses."""

    vain: str
    ended: str
    addresses: bool = False


def console_before(driver: HypervisorDriver, plan: Plan) -> int:
    """How much of the console log does not count, because it was written before what the plan does."""
    for step in plan.steps:
        if step.action in SAME_LOG:
            return driver.console_size(step.target)
    return 0


def wait_until_ready(
    driver: HypervisorDriver, name: str, wait_for: Optional[Mapping[str, Any]], *, since: int = 0
) -> dict[str, Any]:
    """Wait for each thing that ``wait_for`` names; raises OperationFailed with a diagnosis.

    Returns what it adds to the module's result: ``address``, the one that answered, when one was waited for.
    """
    if not wait_for:
        return {}
    found: list[GuestAddress] = []
    for told, attempt in _tries(driver, name, wait_for, since, found):
        if not attempt(wait_for["timeout"]):
            raise _diagnosed(driver, name, told, wait_for["timeout"])
    first = next(iter(found), None)
    return {} if first is None else {"address": {name: getattr(first, name) for name in ("address", "mac", "source")}}


def _tries(
    driver: HypervisorDriver, name: str, wait_for: Mapping[str, Any], since: int, found: list[GuestAddress]
) -> Iterator[tuple[Told, Try]]:
    """What is waited for, in its order; ``found`` gets the addresses."""
    text, port, host = wait_for.get("console"), wait_for.get("port"), wait_for.get("host")
    if text is not None:
        told = Told(f"The console of the guest {name} did not show {text!r}", f"without {text!r} on its console")
        yield told, lambda limit: driver.wait_console(name, text, timeout=limit, since=since)
    if wait_for.get("agent"):
        _check_agent(driver, name)
        told = Told(f"The agent of the guest {name} did not answer", "before its agent answered")
        yield told, lambda limit: driver.wait_agent(name, timeout=limit)
    if wait_for.get("address") or (port is not None and not host):
        _check_addresses(driver, name)
    if wait_for.get("address"):
        told = Told(f"No address of the guest {name} became known", "before an address of it was known", True)
        yield told, lambda limit: _kept(found, driver.wait_address(name, timeout=limit))
    if port is not None:
        place = f"{host or 'any address of the guest'} port {port}"
        told = Told(f"{place} took no connection", f"before {place} took a connection", not host)
        yield told, lambda limit: driver.wait_port(name, port, address=host, timeout=limit)


def _kept(found: list[GuestAddress], known: list[GuestAddress]) -> bool:
    found.extend(known)
    return bool(known)


def _check_agent(driver: HypervisorDriver, name: str) -> None:
    """A guest without the channel never has an agent, so it is not waited for."""
    domain = exact(driver, name)
    if domain is not None and domain.active and domain.runtime.get("agent") is None:
        raise InvalidArgument(
            f"wait_for needs the agent of the guest {name}, which runs without a channel for one.",
            hint="Give it one with guest_agent: true, and start it anew.",
        )


def _check_addresses(driver: HypervisorDriver, name: str) -> None:
    """Where neither an agent nor the host can know an address, none is waited for."""
    domain = exact(driver, name)
    if domain is None or not domain.active or domain.runtime.get("agent") is not None:
        return
    # behind the other types nobody but the agent knows an address
    met = any(each.get("type") in LINKED for each in driver.domain_xml(name).findall("devices/interface"))
    if not met and not driver.domain_addresses(name):
        raise InvalidArgument(
            f"wait_for needs an address of the guest {name}, which has no interface that the host can see, and runs "
            "without a channel for its agent.",
            hint="Give it guest_agent: true and start it anew; for a port write the host, too.",
        )


def _diagnosed(driver: HypervisorDriver, name: str, told: Told, limit: float) -> OperationFailed:
    domain = exact(driver, name)
    lines, words = _console(driver, name), driver.domain_log(name)
    said = last_lines(words, LOG_LINES)
    runtime: Mapping[str, Any] = domain.runtime if domain else {}
    agent, about_agent = AGENTS[runtime.get("agent")]
    log = runtime.get("console_log")
    hang = driver.explain_hang(name) if domain and domain.active else []
    why = driver.explain_addresses(name) if told.addresses else []
    return OperationFailed(
        f"{' '.join([_state(name, told, limit, domain), *hang, *why])} {about_agent}{_shown(lines, log)}{_words(said)}",
        console=lines,
        console_log=log,
        log=said,
        agent=agent,
        addresses=why,
        state=domain.state if domain else None,
        reason=domain.reason if domain else None,
    )


def _console(driver: HypervisorDriver, name: str) -> list[str]:
    try:
        return last_lines(driver.console_log(name), CONSOLE_LINES)
    except NotFound:
        return []  # a transient guest that has ended


def _state(name: str, told: Told, limit: float, domain: Optional[Domain]) -> str:
    if domain is None or not domain.active:
        end = f" ({domain.state}, {domain.reason})" if domain else ""
        return f"The guest {name} has ended{end} {told.ended}."
    return f"{told.vain} within {limit} s; the guest is {domain.state} ({domain.reason})."


def _shown(lines: list[str], log: Optional[str]) -> str:
    where = f" The log of its console is {log}." if log else ""
    if not lines:
        return f"{where} It wrote nothing to its console."
    return f"{where} Its last lines are:\n" + "\n".join(lines)


def _words(said: list[str]) -> str:
    return "\nQEMU said last:\n" + "\n".join(said) if said else ""
