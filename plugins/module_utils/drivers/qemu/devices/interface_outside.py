# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network cards whose other end is a process or a device beside QEMU: vhost-user, vDPA, passt.

Source of the rules: libvirt's formatdomain, "Network interfaces", and QEMU's qapi/net.json.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.interface import Interface
from ..command.chardev import open_files
from ..command.sharing import is_shared
from ..context import Context
from ..options import Option, properties

Properties = Mapping[str, Any]
PASST_RECONNECT = 5000  # milliseconds


def is_passt(interface: Interface) -> bool:
    """Whether passt carries the traffic."""
    found = interface.element.find("backend")
    return found is not None and found.get("type") == "passt"


def is_outside(interface: Interface) -> bool:
    """Whether this file's rows write the card's other end."""
    return interface.type in WRITERS or (interface.type == "user" and is_passt(interface))


def queue_properties(interface: Interface) -> Properties:
    """What a virtio card with several queues has: two vectors a queue, one for control, one for changes."""
    count = interface.queues or 0
    return {"mq": True, "vectors": 2 * count + 2} if count > 1 else {}


def outside_options(interface: Interface, domain: Domain, context: Context) -> Iterator[Option]:
    """-netdev with what stands before it."""
    if interface.type == "user":
        yield Option("-netdev", _named(interface, _passt_stream(interface, context)))
    else:
        yield from WRITERS[interface.type or ""](interface, domain, context)


def _named(interface: Interface, own: Properties) -> Properties:
    queues = interface.queues if (interface.queues or 0) > 1 else None
    return properties(own, {"queues": queues, "id": f"host{interface.id()}"})


def _passt_socket(interface: Interface, context: Context) -> str:
    return f"{context.passt}-{interface.id()}.socket"


def _passt_stream(interface: Interface, context: Context) -> Properties:
    again = "reconnect-ms" if context.has("netdev-stream-reconnect-ms") else "reconnect"
    wait = PASST_RECONNECT if again == "reconnect-ms" else PASST_RECONNECT // 1000
    place = {"type": "unix", "path": _passt_socket(interface, context)}
    return {"type": "stream", "addr": place, "server": False, again: wait}


def _vhost_user(interface: Interface, domain: Domain, context: Context) -> Iterator[Option]:
    name = f"char{interface.id()}"
    head = {"backend": "socket", "id": name}
    yield Option("-chardev", properties(head, _vhost_place(interface, context)), first="backend")
    yield Option("-netdev", _named(interface, {"type": "vhost-user", "chardev": name}))


def _vhost_place(interface: Interface, context: Context) -> Properties:
    again = "reconnect-ms" if context.has("chardev-reconnect-ms") else "reconnect"
    unit = 1000 if again == "reconnect-ms" else 1
    if is_passt(interface):
        return {"path": _passt_socket(interface, context), again: PASST_RECONNECT // 1000 * unit}
    source = interface.element.find("source")
    path = None if source is None else source.get("path")
    if source is not None and source.get("mode") == "server":
        return {"path": path, "server": True}
    seconds = _reconnect(interface)
    return {"path": path, again: None if seconds is None else seconds * unit}


def _reconnect(interface: Interface) -> Optional[int]:
    """Seconds between attempts: 0 is 'never', also where reconnecting is switched off; None is not said."""
    found = interface.element.find("source/reconnect")
    if found is None:
        return None
    text = found.get("timeout", "0")
    if not text.isdigit():
        raise XmlError(f"the timeout of <reconnect> is '{text}', and is in whole seconds.", line=found.sourceline)
    return int(text) if found.get("enabled") == "yes" else 0


def _vdpa(interface: Interface, domain: Domain, context: Context) -> Iterator[Option]:
    number = len(open_files(domain, context)) + vdpa_cards(domain).index(interface)
    descriptor = context.descriptors.get(interface.source_device or "", 0)
    yield Option("-add-fd", {"set": number, "fd": descriptor, "opaque": f"{interface.id()}-vdpa"})
    yield Option("-netdev", _named(interface, {"type": "vhost-vdpa", "vhostdev": f"/dev/fdset/{number}"}))


def vdpa_cards(domain: Domain) -> List[Interface]:
    """The cards that take a set of descriptors each; their sets follow those of the files that QEMU writes."""
    return [interface for interface in domain.all(Interface) if interface.type == "vdpa"]


WRITERS: Dict[str, Callable[[Interface, Domain, Context], Iterator[Option]]] = {
    "vhostuser": _vhost_user,
    "vdpa": _vdpa,
}


def check_outside(interface: Interface, domain: Domain, context: Context) -> None:
    """Raise XmlError or UnsupportedConfig for an end that could not be reached."""
    line, source = interface.line, interface.element.find("source")
    if interface.type == "vdpa" and not interface.source_device:
        raise XmlError("an <interface type='vdpa'> needs <source dev='/dev/vhost-vdpa-...'/>.", line=line)
    if interface.type == "vdpa" and not context.has("netdev-vhost-vdpa"):
        raise UnsupportedConfig(f"{context.caps.binary} has no vDPA.", line=line)
    if interface.type != "vhostuser":
        return
    if not is_passt(interface) and (source is None or source.get("type") != "unix" or not source.get("path")):
        raise XmlError("a vhost-user interface needs <source type='unix' path='...' mode='...'/>.", line=line)
    if not is_passt(interface) and source is not None and source.get("mode") not in ("server", "client"):
        raise XmlError("the mode of a vhost-user <source> is server or client.", line=line)
    if interface.element.find("backend[@tap]") is not None:
        raise XmlError("a vhost-user interface has no tap; remove it from <backend>.", line=line)
    if not is_shared(domain):
        raise XmlError(
            "vhost-user reads the guest's memory: write <memoryBacking><source type='memfd'/><access mode='shared'/>"
            "</memoryBacking>.",
            line=line,
        )
