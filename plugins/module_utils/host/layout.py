# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every path that we own on a host: the one place that knows where things are.

A layout is a value. ``system`` is the tree under /etc, /run and /var, ``session`` the XDG directories of one user,
``embed`` the system tree below a directory of the user's choice. An object's name becomes part of a file name, so
each method that takes a name raises InvalidArgument where the name cannot be one (see ``check_name``).
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, replace
from typing import Tuple

from ..errors import HostError, InvalidArgument
from .api import Host

# The folder of each kind of object, below the configuration and below the runtime directory.
FOLDERS = {
    "domain": "domains",
    "network": "networks",
    "pool": "pools",
    "secret": "secrets",
    "nwfilter": "nwfilters",
}

# A file name has at most 255 bytes; we add endings to a name, and logs that are kept get a number.
NAME_LIMIT = 200

# A unix socket path has at most 107 bytes, so directories that hold sockets get short names, as libvirt's do.
SHORT_NAME_LIMIT = 20


def check_name(kind: str, name: str) -> str:
    """Return the name when a file can be called so; raises InvalidArgument that says which rule it breaks."""
    broken = next((rule for rule, holds in _NAME_RULES if not holds(name)), None)
    if broken:
        shown = name if len(name) <= 40 else name[:40] + "..."
        raise InvalidArgument(f"A {kind} cannot be named {shown!r}: a name {broken}.", name=name)
    return name


_NAME_RULES = (
    ("must not be empty", bool),
    ("must not contain a slash", lambda name: "/" not in name),
    ("must not begin with a dot", lambda name: not name.startswith(".")),
    ("must not begin or end with a space", lambda name: name == name.strip()),  # documents are read without those
    ("must not contain control characters", lambda name: not any(ord(char) < 32 or ord(char) == 127 for char in name)),
    (f"takes at most {NAME_LIMIT} bytes", lambda name: len(_encoded(name)) <= NAME_LIMIT),
)


def short_name(name: str) -> str:
    """Return the name when it is short, else a beginning of it with a digest; at most 29 bytes, unique per name.

    A shortened name is longer than any name that is used as it is, so the two cannot meet.
    """
    encoded = _encoded(name)
    if len(encoded) <= SHORT_NAME_LIMIT:
        return name
    head = encoded[:SHORT_NAME_LIMIT].decode("utf-8", "ignore")
    return f"{head}-{hashlib.sha256(encoded).hexdigest()[:8]}"


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Layout:
    """Where everything is. ``private`` means that nobody but the owner may look into any of it.

    ``systemd`` is where the host's systemd may have our units; "" for a tree that no unit ever serves.
    """

    config: str
    state: str
    log: str
    runtime: str
    cache: str
    config_file: str
    private: bool = False
    systemd: str = ""

    @classmethod
    def system(cls) -> Layout:
        """Return the tree of the whole machine (``qemu:///system``)."""
        return replace(cls._below("", private=False), systemd="/etc/systemd/system")

    @classmethod
    def embed(cls, root: str, *, private: bool = True) -> Layout:
        """Return the system tree below ``root`` (``qemu:///embed?root=DIR``).

        Not ``private`` when guests run as another user, who then has to reach their own files in it.
        """
        return cls._below(root.rstrip("/"), private=private)

    @classmethod
    def session(cls, host: Host) -> Layout:
        """Return the XDG directories of the user (``qemu:///session``); raises HostError without HOME.

        Without a runtime directory sockets and live state are kept below the cache directory; what a reboot left
        there is told apart by its boot id.
        """
        config = _xdg(host, "XDG_CONFIG_HOME", ".config")
        data = _xdg(host, "XDG_DATA_HOME", ".local/share")
        state = _xdg(host, "XDG_STATE_HOME", ".local/state")
        cache = _xdg(host, "XDG_CACHE_HOME", ".cache")
        runtime = _absolute(host, "XDG_RUNTIME_DIR") or _own_runtime_directory(host)
        return cls(
            config=f"{config}/corral",
            state=f"{data}/corral",
            log=f"{state}/corral/log",
            runtime=f"{runtime}/corral" if runtime else f"{cache}/corral/run",
            cache=f"{cache}/corral",
            config_file=f"{config}/corral/corral.conf",
            private=True,
        )

    @classmethod
    def _below(cls, root: str, *, private: bool) -> Layout:
        return cls(
            config=f"{root}/etc/corral",
            state=f"{root}/var/lib/corral",
            log=f"{root}/var/log/corral",
            runtime=f"{root}/run/corral",
            cache=f"{root}/var/cache/corral",
            config_file=f"{root}/etc/corral/corral.conf",
            private=private,
        )

    # directories

    def directories(self) -> Tuple[Tuple[str, int], ...]:
        """Return each directory that a driver expects, with its mode, parents first.

        A directory of mode 0711 is one that QEMU's user passes through to a file of its own, or dnsmasq's to its
        lists of hosts, which it reads again long after it has ceased to be root.
        """
        kinds = tuple(FOLDERS)
        rows = (
            (self.config, 0o755),
            *((self.config_dir(kind), 0o700) for kind in kinds),
            *((self.autostart_dir(kind), 0o700) for kind in kinds),
            (self.state, 0o755),
            (self.images, 0o711),
            (self.nvram_dir, 0o711),
            (self.tpm_dir, 0o711),
            (self.memory_dir, 0o711),
            (self.networks_dir, 0o711),
            (self.secrets_dir, 0o700),
            (self.seeds_dir, 0o711),
            (self.saves_dir, 0o700),
            (self.handed_dir, 0o700),
            (self.departed_dir, 0o700),
            (self.log, 0o755),
            (posixpath.join(self.log, "domains"), 0o711),
            (posixpath.join(self.log, "consoles"), 0o711),
            (self.helper_logs, 0o711),
            (posixpath.join(self.log, "networks"), 0o711),
            (self.cache, 0o755),
            (self.capabilities_dir, 0o755),
            (self.image_cache, 0o711),
            (self.runtime, 0o755),
            *((self.live_dir(kind), 0o700) for kind in kinds),
            (posixpath.join(self.runtime, "guests"), 0o711),
            (posixpath.join(self.runtime, "locks"), 0o700),
            (self.units_dir, 0o700),
            (self.keys_dir, 0o700),
        )
        return tuple((path, 0o700 if self.private else mode) for path, mode in rows)

    def prepare(self, host: Host) -> None:
        """Make the directories that are missing; raises HostError."""
        for path, mode in self.directories():
            if host.stat(path) is None:
                host.make_directory(path, mode=mode)

    def config_dir(self, kind: str) -> str:
        """Return the directory of the persistent documents of a kind."""
        return posixpath.join(self.config, FOLDERS[kind])

    def autostart_dir(self, kind: str) -> str:
        """Return the directory of the links to what starts with the host."""
        return posixpath.join(self.config_dir(kind), "autostart")

    def live_dir(self, kind: str) -> str:
        """Return the directory of the documents of what is active."""
        return posixpath.join(self.runtime, FOLDERS[kind])

    @property
    def images(self) -> str:
        """The directory of the default storage pool."""
        return posixpath.join(self.state, "images")

    @property
    def nvram_dir(self) -> str:
        """The directory of UEFI variables."""
        return posixpath.join(self.state, "nvram")

    @property
    def tpm_dir(self) -> str:
        """The directory with one directory for each TPM's state."""
        return posixpath.join(self.state, "tpm")

    @property
    def memory_dir(self) -> str:
        """The directory of memory that is kept in files."""
        return posixpath.join(self.state, "ram")

    @property
    def networks_dir(self) -> str:
        """The directory of what dnsmasq reads and writes for each network."""
        return posixpath.join(self.state, "networks")

    @property
    def handed_dir(self) -> str:
        """The directory of lists of images whose owners were changed for QEMU."""
        return posixpath.join(self.state, "handed")

    @property
    def departed_dir(self) -> str:
        """The directory of notes about guests that were handed over to other hosts."""
        return posixpath.join(self.state, "departed")

    @property
    def seeds_dir(self) -> str:
        """The directory of what guests read at their first boot."""
        return posixpath.join(self.state, "seeds")

    @property
    def saves_dir(self) -> str:
        """The directory of guests that were saved to go on later."""
        return posixpath.join(self.state, "save")

    @property
    def secrets_dir(self) -> str:
        """The directory of the values of secrets that stay."""
        return posixpath.join(self.state, "secrets")

    @property
    def capabilities_dir(self) -> str:
        """The directory of what was probed from QEMU binaries."""
        return posixpath.join(self.cache, "capabilities")

    @property
    def volumes_dir(self) -> str:
        """The directory of what is known of the volumes of each pool."""
        return posixpath.join(self.state, "volumes")

    @property
    def image_cache(self) -> str:
        """The directory of images that were fetched from elsewhere."""
        return posixpath.join(self.cache, "images")

    @property
    def keys_dir(self) -> str:
        """The directory of secrets for as long as a program reads them; in memory, as all of the runtime directory."""
        return posixpath.join(self.runtime, "keys")

    # what every kind has

    def config_document(self, kind: str, name: str) -> str:
        """Return the persistent document of an object."""
        return posixpath.join(self.config_dir(kind), f"{check_name(kind, name)}.xml")

    def autostart_link(self, kind: str, name: str) -> str:
        """Return the link that says that an object starts with the host."""
        return posixpath.join(self.autostart_dir(kind), f"{check_name(kind, name)}.xml")

    def live_document(self, kind: str, name: str) -> str:
        """Return the document of an active object."""
        return posixpath.join(self.live_dir(kind), f"{check_name(kind, name)}.xml")

    def live_status(self, kind: str, name: str) -> str:
        """Return the runtime facts of an active object, as JSON."""
        return posixpath.join(self.live_dir(kind), f"{check_name(kind, name)}.json")

    def next_id(self, kind: str) -> str:
        """Return the file of the next free id of a kind."""
        return posixpath.join(self.live_dir(kind), ".next-id")

    def lock(self, kind: str, name: str) -> str:
        """Return the lock of one object."""
        return posixpath.join(self.runtime, "locks", f"{kind}-{check_name(kind, name)}.lock")

    def run_lock(self, kind: str, name: str) -> str:
        """Return the lock of a whole run that works on one object."""
        return posixpath.join(self.runtime, "locks", f"run-{kind}-{check_name(kind, name)}.lock")

    def names_lock(self, kind: str) -> str:
        """Return the lock under which names and uuids of a kind are given out."""
        return posixpath.join(self.runtime, "locks", f"{kind}.lock")

    def ids_lock(self, kind: str) -> str:
        """Return the lock under which ids of a kind are given out."""
        return posixpath.join(self.runtime, "locks", f"{kind}.ids.lock")

    # units of systemd

    def turn_lock(self, number: int) -> str:
        """Return the lock of one of the turns in which guests start."""
        return posixpath.join(self.runtime, "locks", f"turn-{number}.lock")

    @property
    def units_dir(self) -> str:
        """The directory of what runs and units tell each other."""
        return posixpath.join(self.runtime, "units")

    def unit_file(self, word: str, instance: str, ending: str) -> str:
        """Return a file about the unit of an instance: its ``order``, its ``answer``, its ``pid``."""
        return posixpath.join(self.units_dir, f"{word}@{instance}.{ending}")

    # guests

    def domain_directory(self, name: str) -> str:
        """Return the directory of a running guest, its sockets and events; QEMU's user may only pass through it."""
        return posixpath.join(self.runtime, "guests", short_name(check_name("domain", name)))

    def workplace(self, name: str) -> str:
        """Return the directory of QEMU's user in it, for what QEMU makes itself."""
        return posixpath.join(self.domain_directory(name), "qemu")

    def journal(self, name: str) -> str:
        """Return the file with the events of a guest's QEMU."""
        return posixpath.join(self.domain_directory(name), "journal")

    def monitor(self, name: str) -> str:
        """Return the QMP socket of a running guest."""
        return posixpath.join(self.domain_directory(name), "monitor.sock")

    def domain_log(self, name: str) -> str:
        """Return what QEMU itself said, of all starts of a guest."""
        return posixpath.join(self.log, "domains", f"{check_name('domain', name)}.log")

    def domain_console_log(self, name: str) -> str:
        """Return what the guest wrote to its console since it was started."""
        return posixpath.join(self.log, "consoles", f"{check_name('domain', name)}.log")

    def handed(self, name: str) -> str:
        """Return the list of images whose owners were changed for a guest, as JSON."""
        return posixpath.join(self.handed_dir, f"{check_name('domain', name)}.json")

    def departed(self, name: str) -> str:
        """Return the note about a guest that is handed over to another host, or was, as JSON."""
        return posixpath.join(self.departed_dir, f"{check_name('domain', name)}.json")

    def nvram(self, name: str) -> str:
        """Return the UEFI variables of a guest."""
        return posixpath.join(self.nvram_dir, f"{check_name('domain', name)}_VARS.fd")

    def seed(self, name: str, ending: str) -> str:
        """Return what a guest reads at its first boot, by the ending of its kind."""
        return posixpath.join(self.seeds_dir, f"{check_name('domain', name)}.{ending}")

    def saved_state(self, name: str) -> str:
        """Return the memory and the devices of a guest that was saved, as QEMU writes them."""
        return posixpath.join(self.saves_dir, f"{check_name('domain', name)}.save")

    def saved_facts(self, name: str) -> str:
        """Return what there is to know about it, as JSON; only with this a guest counts as saved."""
        return posixpath.join(self.saves_dir, f"{check_name('domain', name)}.json")

    @property
    def helper_logs(self) -> str:
        """The directory of what the processes beside QEMU say."""
        return posixpath.join(self.log, "helpers")

    def helper_log(self, name: str, device: str) -> str:
        """Return what the process beside QEMU that serves a device said since the guest was started."""
        return posixpath.join(self.helper_logs, f"{check_name('domain', name)}.{short_name(device)}.log")

    # secrets

    def secret_value(self, uuid: str) -> str:
        """Return the value of a secret."""
        return posixpath.join(self.secrets_dir, f"{check_name('secret', uuid)}.value")

    def ephemeral_value(self, uuid: str) -> str:
        """Return the value of a secret that is forgotten when the host goes down."""
        return posixpath.join(self.live_dir("secret"), f"{check_name('secret', uuid)}.value")

    # volumes

    def volume_formats(self, pool: str) -> str:
        """Return the list of the formats of a pool's volumes, as JSON."""
        return posixpath.join(self.volumes_dir, f"{check_name('pool', pool)}.json")

    def volume_formats_lock(self, pool: str) -> str:
        """Return the lock under which that list is written."""
        return posixpath.join(self.runtime, "locks", f"volumes-{check_name('pool', pool)}.lock")

    def volume_origins(self, pool: str) -> str:
        """Return the list of what a pool's volumes were made from, as JSON."""
        return posixpath.join(self.volumes_dir, f".origins-{check_name('pool', pool)}.json")

    def work_lock(self, key: str) -> str:
        """Return the lock of one long piece of work, such as making a volume or fetching an image, by a digest."""
        return posixpath.join(self.runtime, "locks", f"work-{check_name('work', key)}.lock")

    # networks

    def network_conf(self, name: str) -> str:
        """Return the configuration of a network's dnsmasq."""
        return self._of_network(name, "conf")

    def network_hosts(self, name: str) -> str:
        """Return the list of hosts with reserved addresses, which dnsmasq reads again when it is told to."""
        return self._of_network(name, "hosts")

    def network_addnhosts(self, name: str) -> str:
        """Return the list of further DNS names, which dnsmasq reads again when it is told to."""
        return self._of_network(name, "addnhosts")

    def network_leases(self, name: str) -> str:
        """Return the addresses that dnsmasq has given out; they outlive the network's ends and starts."""
        return self._of_network(name, "leases")

    def network_log(self, name: str) -> str:
        """Return what a network's dnsmasq said when it could not start."""
        return posixpath.join(self.log, "networks", f"{check_name('network', name)}.log")

    def network_pid(self, name: str) -> str:
        """Return the file that a network's dnsmasq writes its process id to when it is ready."""
        return posixpath.join(self.live_dir("network"), f"{check_name('network', name)}.pid")

    def _of_network(self, name: str, ending: str) -> str:
        return posixpath.join(self.networks_dir, f"{check_name('network', name)}.{ending}")


def _absolute(host: Host, variable: str) -> str:
    """Return a directory from the environment; XDG wants relative ones to be taken as unset."""
    value = host.env(variable) or ""
    return posixpath.normpath(value) if value.startswith("/") else ""


def _own_runtime_directory(host: Host) -> str:
    """Return logind's directory of the user: sudo and cron lack the variable, and must find the same guests."""
    path = f"/run/user/{host.euid()}"
    found = host.stat(path)
    return path if found and found.kind == "directory" and found.uid == host.euid() else ""


def _xdg(host: Host, variable: str, default: str) -> str:
    directory = _absolute(host, variable)
    if directory:
        return directory
    home = _absolute(host, "HOME")
    if not home:
        raise HostError("The home directory is unknown, so there is no session.", hint=f"Set HOME or {variable}.")
    return posixpath.join(home, default)
