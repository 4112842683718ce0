# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a pool's storage comes from; which parts count depends on its type, and the driver looks at that.

Source of the meanings: libvirt's formatstorage, "Source elements" and "Storage Pool Namespaces".
"""

from __future__ import annotations

from typing import Any

from ...errors import InvalidArgument
from ...model.storage.options import (
    FS_NAMESPACE,
    MOUNT_OPTION,
    MOUNT_OPTIONS,
    RBD_NAMESPACE,
    RBD_OPTION,
    RBD_OPTIONS,
)
from ...values import PciAddress, parse_pci
from ...xml.parse import Element, add
from ..options.forms import Form, number, truth, words
from ..options.write import Builder, Options, given, part, put, text
from .secrets import secret_use

# How a pool of each type proves who asks.
AUTH_TYPES = {"iscsi": "chap", "iscsi-direct": "chap", "rbd": "ceph"}
DIRECTORY = "dir"


def pci(value: Any, what: str) -> PciAddress:
    """Read the address of a PCI device."""
    return parse_pci(words(value, what), what=what)


HOST = Form("host", "name", {"name": words, "port": number(1, " of a port")})
FIBRE_CHANNEL = ("wwnn", "wwpn", "parent", "parent_wwnn", "parent_wwpn", "parent_fabric_wwn", "managed")
ADAPTER = Form(
    "source.adapter",
    "name",
    {
        "name": words,
        "pci": pci,
        "unique_id": number(0),
        **dict.fromkeys((name for name in FIBRE_CHANNEL if name != "managed"), words),
        "managed": truth,
    },
)


def kind(pool: Element, options: Options) -> None:
    """The type; a pool of which nothing is said is a directory."""
    pool.set("type", options.get("type") or DIRECTORY)


def source(pool: Element, options: Options) -> None:
    """The <source>."""
    said = options.get("source") or {}
    if not any(value is not None for value in said.values()):
        return
    element = part(pool, "source")
    _hosts(element, said)
    _devices(element, said)
    for name, tag, attribute in (("dir", "dir", "path"), ("format", "format", "type"), ("protocol", "protocol", "ver")):
        if said.get(name):
            add(element, tag, **{attribute: said[name]})
    for name in ("vendor", "product"):
        if said.get(name):
            add(element, name, name=said[name])
    if said.get("name"):
        text(element, "name", said["name"])
    if said.get("initiator"):
        add(part(element, "initiator"), "iqn", name=said["initiator"])
    _adapter(element, said)
    _auth(element, said, str(pool.get("type")))


def special(pool: Element, options: Options) -> None:
    """What is said to mount, and to librbd."""
    mounts = options.get("mount_options") or []
    if mounts:
        holder = pool.makeelement(MOUNT_OPTIONS, {}, {"fs": FS_NAMESPACE})
        pool.append(holder)
        for option in mounts:
            add(holder, MOUNT_OPTION, name=words(option, "mount_options"))
    settings = options.get("rbd_options") or {}
    if settings:
        holder = pool.makeelement(RBD_OPTIONS, {}, {"rbd": RBD_NAMESPACE})
        pool.append(holder)
        for name, value in sorted(settings.items()):
            add(holder, RBD_OPTION, name=words(name, "rbd_options"), value=_value(value, f"rbd_options.{name}"))


def _value(value: Any, what: str) -> str:
    return str(value).lower() if isinstance(value, bool) else words(value, what)


def _hosts(element: Element, said: Options) -> None:
    hosts = [said["host"]] if said.get("host") is not None else []
    if hosts and said.get("hosts"):
        raise InvalidArgument("source: host and hosts say the same; write one of them.")
    for entry in hosts or said.get("hosts") or []:
        found = HOST.read(entry) or {}
        if not found.get("name"):
            raise InvalidArgument("source.host: name is missing; write the name or address of the server.")
        put(add(element, "host"), found)


def _devices(element: Element, said: Options) -> None:
    devices = [said["device"]] if said.get("device") else []
    if devices and said.get("devices"):
        raise InvalidArgument("source: device and devices say the same; write one of them.")
    for path in devices or said.get("devices") or []:
        add(element, "device", path=path)


def _adapter(element: Element, said: Options) -> None:
    found = ADAPTER.read(said.get("adapter"))
    if not found:
        return
    fibre = given(found, FIBRE_CHANNEL)
    if len([part for part in (found.get("name"), found.get("pci"), fibre) if part]) != 1:
        raise InvalidArgument(
            "source.adapter: write one of name, pci (a SCSI host, by its name or place) and wwnn with wwpn (Fibre"
            " Channel)."
        )
    if fibre:
        put(add(element, "adapter", type="fc_host"), fibre)
        return
    adapter = put(add(element, "adapter", type="scsi_host"), {"name": found.get("name")})
    if "pci" in found:
        _place(adapter, found["pci"], found.get("unique_id"))


def _place(adapter: Element, address: PciAddress, unique_id: Any) -> None:
    parent = put(add(adapter, "parentaddr"), {"unique_id": unique_id})
    parts = {"domain": f"0x{address.domain:04x}", "bus": f"0x{address.bus:02x}", "slot": f"0x{address.slot:02x}"}
    put(add(parent, "address"), {**parts, "function": f"0x{address.function:x}"})


def _auth(element: Element, said: Options, kind: str) -> None:
    found = said.get("auth")
    if not found:
        return
    if kind not in AUTH_TYPES:
        raise InvalidArgument(
            f"source.auth: pools of the type {kind} ask nobody who he is; it is for {', '.join(AUTH_TYPES)}."
        )
    auth = add(element, "auth", type=AUTH_TYPES[kind], username=found["username"])
    secret_use(auth, found["secret"])


BUILDERS: tuple[Builder, ...] = (kind, source, special)
