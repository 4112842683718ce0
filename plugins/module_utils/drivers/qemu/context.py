# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the passes and the command writer know besides the document: plain values, so that both stay pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, FrozenSet, Mapping, Optional, Tuple

from .caps.model import Capabilities


@dataclass(frozen=True)
class HugePages:
    """A mounted hugetlbfs: page size in KiB and the mount point."""

    size: int
    path: str
    default: bool = False


@dataclass(frozen=True)
class Defaults:
    """What the host's configuration says where the document is silent; a TLS key's passphrase is a secret's uuid."""

    vnc_listen: str = "127.0.0.1"
    spice_listen: str = "127.0.0.1"
    sandbox: bool = True
    vnc_password: bool = False
    vnc_sasl: bool = False
    vnc_tls: bool = False
    vnc_tls_verify: bool = False
    vnc_tls_secret: Optional[str] = None
    vnc_tls_directory: str = "/etc/pki/qemu"
    vnc_auto_socket: bool = False
    spice_auto_socket: bool = False
    spice_password: bool = False
    spice_sasl: bool = False
    spice_tls: bool = False
    spice_tls_directory: str = "/etc/pki/qemu"
    chardev_tls_directory: str = "/etc/pki/qemu"
    chardev_tls: bool = False
    chardev_tls_verify: bool = False
    chardev_tls_secret: Optional[str] = None
    nbd_tls_directory: str = "/etc/pki/qemu"
    vxhs_tls_directory: str = "/etc/pki/qemu"


@dataclass(frozen=True)
class FoundImage:
    """An image that was looked at: ``type`` is file or block, ``format`` as in a disk's <driver type='...'>."""

    path: str
    format: str
    type: str = "file"


@dataclass(frozen=True)
class Volume:
    """What a volume of a storage pool is to a disk: a type of disk, and its <source>'s attributes and <host>s.

    ``auth`` is how the pool proves who asks: username, and uuid or usage of the secret.
    """

    type: str
    source: Mapping[str, str]
    hosts: Tuple[Mapping[str, str], ...] = ()
    auth: Mapping[str, str] = field(default_factory=dict)
    format: Optional[str] = None


@dataclass(frozen=True)
class Ends:
    """The descriptors of a network card's link: the first, and the first of vhost; those of more queues follow each."""

    tap: int
    vhost: Optional[int] = None


@dataclass(frozen=True)
class Sealed:
    """A secret value encrypted with the guest's master key: base64 of the initialisation vector and of the text."""

    iv: str
    data: str


@dataclass(frozen=True)
class Context:
    """Facts for one guest on one host.

    ``directory`` is the guest's runtime directory, ``home`` the one in which QEMU may make files of its own where that
    is another, ``channels`` where channel sockets go that the user did not name, ``nvram`` the directory of UEFI
    variables, ``console_log`` and so on are paths. ``firmware`` holds the firmware descriptors as they were read, best
    first. ``backing`` maps the path of a top image to the images below
    it, from top to base, for those that were looked at. ``cdroms`` are the host's CD-ROM devices, ``volumes`` the
    volumes that disks name, by (pool, volume, mode), ``secrets`` the sealed values by (kind, name), where the kind
    is uuid, usage (named as ``ceph:client.admin``) or text. ``now`` is in seconds since the epoch.
    ``ports`` has the numbers for graphics that leave
    theirs open (vnc, spice, spice-tls, websocket); without one QEMU looks for a free port itself. ``descriptors``
    has the file descriptor of each socket and file that QEMU inherits, by its path, ``taps`` those of
    the links that network cards are connected to, by the cards' aliases. ``network_addresses`` are the
    host's own addresses on its networks, by their names. ``render_node`` is the host's GPU that draws for displays
    which name none, ``dbus_socket`` the bus of the guest's D-Bus display, ``vsock_cid`` the context id of a guest
    that leaves it to us, ``tpm_socket`` where its swtpm listens when that is not in its runtime directory.
    ``host_nodes`` are the host's NUMA nodes, None where nobody looked; ``short_name`` names what the guest has in
    directories that it shares with others. ``scsi_generic`` has the device files of the host's SCSI units, by
    adapter, bus, target and unit. ``genid`` is the generation id for a guest that leaves its own open, ``passt``
    how the paths of passt's sockets begin.
    """

    caps: Capabilities
    directory: str = "/run/corral/qemu/domain-0-guest"
    home: Optional[str] = None
    channels: str = "/run/corral/qemu/channel/domain-0-guest"
    nvram: str = "/var/lib/corral/nvram"
    ram: str = "/var/lib/corral/ram"
    tpm: str = "/var/lib/corral/tpm"
    console_log: Optional[str] = None
    privileged: bool = True
    host_arch: str = "x86_64"
    host_id: str = ""
    host_memory: int = 0
    scsi_generic: Mapping[Tuple[str, int, int, int], str] = field(default_factory=dict)
    host_nodes: Optional[FrozenSet[int]] = None
    short_name: str = "guest"
    genid: Optional[str] = None
    passt: str = "/run/corral/qemu/passt/guest"
    hugepages: Tuple[HugePages, ...] = ()
    firmware: Tuple[Mapping[str, Any], ...] = ()
    defaults: Defaults = field(default_factory=Defaults)
    now: float = 0.0
    ports: Mapping[str, int] = field(default_factory=dict)
    descriptors: Mapping[str, int] = field(default_factory=dict)
    taps: Mapping[str, Ends] = field(default_factory=dict)
    backing: Mapping[str, Tuple[FoundImage, ...]] = field(default_factory=dict)
    cdroms: FrozenSet[str] = frozenset()
    volumes: Mapping[Tuple[str, str, str], Volume] = field(default_factory=dict)
    secrets: Mapping[Tuple[str, str], Sealed] = field(default_factory=dict)
    network_addresses: Mapping[str, str] = field(default_factory=dict)
    render_node: Optional[str] = None
    vsock_cid: Optional[int] = None
    tpm_socket: Optional[str] = None
    dbus_socket: str = "/run/corral/qemu/dbus/guest-dbus.sock"

    @property
    def workplace(self) -> str:
        """The directory in which QEMU may make files."""
        return self.home or self.directory

    def has(self, flag: str) -> bool:
        """Whether the QEMU has what the named row of caps.flags asks for."""
        return self.caps.has(flag)
