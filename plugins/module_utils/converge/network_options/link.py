# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a network is connected to the world, and the bridge of its own or of the host.

Source of the meanings: libvirt's formatnetwork, "Connectivity".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidArgument
from ...model.network.forward import MODES
from ...values import PciAddress, parse_mac, parse_pci
from ...xml.parse import Element, add
from ..options.forms import Form, one_of, truth, words
from ..options.write import Builder, Options, given, listed, part, put

NONE = "none"
# The modes that a field of forward is for.
NAT_ONLY = ("ports", "addresses", "ipv6")
POOL_ONLY = ("managed", "pf", "pci_addresses", "driver")
LONGEST_BRIDGE = 15


def several(value: Any, what: str) -> list[str]:
    """Read one text or a list of them."""
    return [words(entry, what) for entry in (value if isinstance(value, list) else [value])]


def ports(value: Any, what: str) -> tuple[int, int]:
    """Read a range of ports such as 1024-65535."""
    first, last = _ends(value, what, "1024-65535")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= 65535):
        raise InvalidArgument(f"{what}: {value!r} is no range of ports; write one such as 1024-65535.")
    return int(first), int(last)


def addresses(value: Any, what: str) -> tuple[str, str]:
    """Read a range of addresses such as 192.0.2.10-192.0.2.20, or one address; the driver looks at them."""
    return _ends(value, what, "192.0.2.10-192.0.2.20")


def pci(value: Any, what: str) -> tuple[PciAddress, ...]:
    """Read the addresses of PCI devices."""
    return tuple(parse_pci(address, what=what) for address in several(value, what))


FORWARD = Form(
    "forward",
    "mode",
    {
        "mode": one_of(*MODES, NONE),
        "dev": words,
        "devs": several,
        "ports": ports,
        "addresses": addresses,
        "ipv6": truth,
        "managed": truth,
        "pf": words,
        "pci_addresses": pci,
        "driver": words,
    },
)


def forward(network: Element, options: Options) -> None:
    """The <forward>; a network without one is isolated."""
    said = FORWARD.read(options.get("forward"))
    if said is None:
        return
    mode = said.get("mode") or _without_mode()
    _check_fields(mode, said)
    if mode == NONE:
        return
    element = put(add(network, "forward", mode=mode), {"dev": said.get("dev"), "managed": said.get("managed")})
    if said.get("driver"):
        add(element, "driver", name=said["driver"])
    _nat(element, said)
    _pool(element, said)


def bridge(network: Element, options: Options) -> None:
    """The bridge: a name, and how the kernel runs it."""
    name, said = options.get("bridge"), given(options, ("stp", "delay", "mac_table_manager"))
    if name is not None and (not name or len(name) > LONGEST_BRIDGE or "/" in name or len(name.split()) != 1):
        raise InvalidArgument(
            f"bridge: {name!r} is no name of a network device; write up to {LONGEST_BRIDGE} characters without a blank"
            " or a slash."
        )
    if name is None and not said:
        return
    if "stp" in said:
        said["stp"] = "on" if said["stp"] else "off"
    said["macTableManager"] = said.pop("mac_table_manager", None)
    put(part(network, "bridge"), {"name": name, **said})


def frames(network: Element, options: Options) -> None:
    """The largest frame, and the MAC address of the bridge."""
    if options.get("mtu") is not None:
        if not 68 <= options["mtu"] <= 65535:
            raise InvalidArgument(f"mtu: {options['mtu']} is no size of a frame; write a number from 68 to 65535.")
        add(network, "mtu", size=str(options["mtu"]))
    if options.get("mac"):
        add(network, "mac", address=parse_mac(options["mac"]))


def _without_mode() -> str:
    raise InvalidArgument(f"forward: mode is missing; write {listed([*MODES, NONE], 'or')}.")


def _check_fields(mode: str, said: Mapping[str, Any]) -> None:
    """Refuse what the mode has no use for: it would be left out in silence."""
    for fields, modes in ((NAT_ONLY, ("nat",)), (POOL_ONLY, ("hostdev",))):
        out_of_place = [name for name in fields if name in said]
        if out_of_place and mode not in modes:
            raise InvalidArgument(
                f"forward: {out_of_place[0]} is for the mode {listed(list(modes), 'or')}, and the mode is {mode}."
            )
    if mode in (NONE, "open") and ("dev" in said or "devs" in said):
        raise InvalidArgument(f"forward: with the mode {mode} there is no device to leave by; leave dev and devs out.")
    sources = [name for name in ("dev", "pf", "pci_addresses") if said.get(name)]
    if ("devs" in said and set(sources) - {"dev"}) or len(sources) > 1:
        raise InvalidArgument("forward: write one of dev, devs, pf and pci_addresses: they all say which devices.")


def _nat(element: Element, said: Mapping[str, Any]) -> None:
    if not any(name in said for name in NAT_ONLY):
        return
    nat = put(add(element, "nat"), {"ipv6": said.get("ipv6")})
    for tag, name in (("address", "addresses"), ("port", "ports")):
        if name in said:
            put(add(nat, tag), dict(zip(("start", "end"), said[name])))


def _pool(element: Element, said: Mapping[str, Any]) -> None:
    if "pf" in said:
        add(element, "pf", dev=said["pf"])
    for name in said.get("devs", ()):
        add(element, "interface", dev=name)
    for found in said.get("pci_addresses", ()):
        parts = {"domain": f"0x{found.domain:04x}", "bus": f"0x{found.bus:02x}", "slot": f"0x{found.slot:02x}"}
        put(add(element, "address", type="pci"), {**parts, "function": f"0x{found.function:x}"})


def _ends(value: Any, what: str, example: str) -> tuple[str, str]:
    first, dash, last = (piece.strip() for piece in words(value, what).partition("-"))
    if not first or (dash and not last):
        raise InvalidArgument(f"{what}: {value!r} is no range; write one such as {example}.")
    return first, last or first


BUILDERS: tuple[Builder, ...] = (forward, bridge, frames)
