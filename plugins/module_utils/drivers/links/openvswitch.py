# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports of an Open vSwitch bridge, as command lines for ovs-vsctl.

Source of the names: ovs-vswitchd.conf.db(5), tables Port and Interface, and libvirt's formatdomain, "virtualport".
"""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from ...errors import UnsupportedConfig
from .batch import check_link_name
from .port import Port, Vlan

_PROGRAM = ("ovs-vsctl", "--timeout=5")


def attach_argv(port: Port, *, guest: str, parameters: Mapping[str, str]) -> Tuple[str, ...]:
    """Return what makes the tap a port; ``guest`` is the guest's uuid, ``parameters`` those of its virtualport.

    Raises UnsupportedConfig for an isolated port, which Open vSwitch does not have.
    """
    if port.isolated:
        raise UnsupportedConfig(f"{port.name} cannot be isolated on {port.bridge}: Open vSwitch has no such ports.")
    name = check_link_name(port.name)
    ids = {
        "attached-mac": port.mac,
        "iface-id": parameters.get("interfaceid", ""),
        "vm-id": guest,
        "port-profile": parameters.get("profileid", ""),
        "ifname": name if parameters.get("profileid") else "",
        "iface-status": "active",
    }
    told = tuple(f'external-ids:{key}="{_quoted(value)}"' for key, value in ids.items() if value)
    add = ("--", "--may-exist", "add-port", check_link_name(port.bridge), name, *_vlan_columns(port.vlan))
    return (*_PROGRAM, *add, "--", "set", "Interface", name, *told)


def detach_argv(name: str) -> Tuple[str, ...]:
    """Return what takes a port away, if it is one."""
    return (*_PROGRAM, "--", "--if-exists", "del-port", check_link_name(name))


def _vlan_columns(vlan: Optional[Vlan]) -> Tuple[str, ...]:
    if vlan is None:
        return ()
    if not vlan.trunk:
        return (f"tag={vlan.tags[0]}",)
    native: Tuple[str, ...] = ()
    if vlan.native is not None:
        native = (f"vlan_mode=native-{'tagged' if vlan.native_tagged else 'untagged'}", f"tag={vlan.native}")
    return (*native, "trunks=" + ",".join(str(tag) for tag in vlan.tags))


def _quoted(text: str) -> str:
    """Return a text for the inside of a string of JSON, which is how ovs-vsctl reads values."""
    return "".join(f"\\u{ord(char):04x}" if char in '"\\' or ord(char) < 32 else char for char in text)
