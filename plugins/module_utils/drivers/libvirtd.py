# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a libvirtd on the same host has in use: guests that run under it, and bridges of its networks.

libvirt keeps a document of each guest and network that is active in its runtime directory, whether its daemon runs or
not. Whoever finds something of his own there leaves it alone: two programs that both think that a bridge or an image
is theirs destroy it. Source: libvirt's virDomainObjFormat (<domstatus>) and virNetworkObjFormat (<networkstatus>).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional

from ..errors import CorralError, HostError
from ..host.api import Host
from ..xml.parse import Element, parse

# Where the system's libvirtd keeps what is active; a user's own keeps guests below his runtime directory.
SYSTEM = "/run/libvirt"
GUESTS, NETWORKS = "qemu", "network"
# Where it keeps the guests that were saved while they ran (virsh managedsave), each with its document in front.
SAVED = "/var/lib/libvirt/qemu/save"
HEAD = 1 << 20  # bytes in which that document says the uuid
LARGEST = 4 << 20  # bytes of a document
# The file by which a daemon says that the directory is its own: no guest is called so, unless it has a document, too.
OWN = "driver"


@dataclass(frozen=True)
class ForeignGuest:
    """A guest that runs under a libvirtd: ``document`` is its <domain>, None where that cannot be read.

    ``path`` is the file that says so.
    """

    name: str
    pid: int
    uuid: Optional[str] = None
    document: Optional[Element] = field(default=None, compare=False, repr=False)
    path: str = ""


def guest_folders(host: Host, system: str = SYSTEM) -> List[str]:
    """Return the directories in which libvirtd says what runs: the system's, and that of the user's own."""
    own = host.env("XDG_RUNTIME_DIR")
    return [f"{system}/{GUESTS}", *([f"{own}/libvirt/{GUESTS}/run"] if own else [])]


def foreign_guests(host: Host, folders: List[str]) -> Iterator[ForeignGuest]:
    """Yield the guests of these directories that are alive; files that make no sense are passed over."""
    for folder in folders:
        with suppress(HostError):
            entries = host.entries(folder)
            named = {entry[: -len(".pid")] for entry in entries if entry.endswith(".pid")}
            named |= {entry[: -len(".xml")] for entry in entries if entry.endswith(".xml")}
            for name in sorted(named):
                found = _foreign_guest(host, folder, name)
                if found is not None:
                    yield found


def foreign_guest(host: Host, folders: List[str], name: str) -> Optional[ForeignGuest]:
    """Return the guest of this name that runs under a libvirtd, None where none does."""
    for folder in folders:
        with suppress(HostError):
            found = _foreign_guest(host, folder, name)
            if found is not None:
                return found
    return None


def saved_there(host: Host, name: str, uuid: Optional[str]) -> Optional[str]:
    """Return the file from which a guest goes on at its next start under the system's libvirtd, None for none."""
    path = f"{SAVED}/{name}.save"
    with suppress(HostError):
        if uuid and host.stat(path) is not None and uuid.encode() in (host.read(path, limit=HEAD) or b""):
            return path
    return None


def _foreign_guest(host: Host, folder: str, name: str) -> Optional[ForeignGuest]:
    status = _read(host, f"{folder}/{name}.xml")
    document = None if status is None else status.find("domain")
    pid = _number((host.read(f"{folder}/{name}.pid", limit=32) or b"").decode("ascii", "replace"))
    pid = pid or _number("" if status is None else status.get("pid", ""))
    uuid = None if document is None else (document.findtext("uuid") or "").strip() or None
    if not pid or (document is None and name == OWN) or not _is_alive(host, pid, uuid):
        return None
    return ForeignGuest(name, pid, uuid, document, f"{folder}/{name}.{'pid' if document is None else 'xml'}")


def _is_alive(host: Host, pid: int, uuid: Optional[str]) -> bool:
    """Whether the process is that guest's QEMU: a number may have been given to another one since."""
    if host.process(pid) is None:
        return False
    words = host.read(f"/proc/{pid}/cmdline", limit=1 << 16)
    return uuid is None or not words or uuid.encode() in words


def foreign_bridges(host: Host, system: str = SYSTEM) -> Dict[str, str]:
    """Return the bridges of libvirt's active networks, each with the network that has it."""
    folder, found = f"{system}/{NETWORKS}", {}
    with suppress(HostError):
        for entry in host.entries(folder):
            if entry.endswith(".xml"):
                status = _read(host, f"{folder}/{entry}")
                bridge = None if status is None else status.find("network/bridge")
                name = None if bridge is None else bridge.get("name")
                if status is not None and name:
                    found[name] = (status.findtext("network/name") or entry[: -len(".xml")]).strip()
    return found


def _read(host: Host, path: str) -> Optional[Element]:
    """The root of a status document, None where there is none that can be read."""
    data = host.read(path, limit=LARGEST)
    if data is None:
        return None
    try:
        return parse(data.decode("utf-8", "replace"), what=path)
    except CorralError:
        return None


def _number(words: str) -> int:
    return int(words) if words.strip().isdigit() else 0
