# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes beside QEMU that serve a device: swtpm for a TPM, virtiofsd for a directory of the host.

A helper is a value, made from the live document by a row of HELPERS. It inherits the socket that it listens on, so that
QEMU, which is started after it, never comes too early. It ends when QEMU hangs up; one whose process id nobody knows,
because the run that started it was killed right then, ends at a farewell on its socket (farewell.py).

Source of the options: swtpm(8), and virtiofsd's own help in both generations: QEMU's, which takes them as one list, and
the one in Rust, which takes them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple, Type

from ....errors import UnsupportedConfig
from ....host.api import Append, Listen, Spawn
from ....host.layout import Layout
from ....model.domain.core import Domain
from ....model.domain.device import Device
from ....model.domain.filesystem import Filesystem
from ....model.domain.platform import Tpm
from ..context import Context
from ..devices.filesystem import virtiofs_socket
from ..devices.tpm import socket_of

SOCKET_FD, LOG_FD = 3, 4
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
CIPHER = "aes-256-cbc"  # of a TPM's state
SEPARATE = "separate-options"  # what a virtiofsd whose options are apart says of itself


@dataclass(frozen=True)
class Facts:
    """What the rows know besides the document.

    ``programs`` has the paths of the programs by their names, ``features`` what a virtiofsd says that it can do, by its
    path. ``user`` is QEMU's, None for our own.
    """

    name: str
    uuid: str
    layout: Layout
    context: Context
    user: Optional[Tuple[int, int]] = None
    env: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, FrozenSet[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Helper:
    """A process that serves one device; ``program`` names its row."""

    program: str
    device: str
    spawn: Spawn

    @property
    def socket(self) -> str:
        """Where QEMU meets it."""
        first = self.spawn.fds[0]
        if not isinstance(first, Listen):
            raise AssertionError(f"{self.program} listens on nothing")
        return first.path


@dataclass(frozen=True)
class Row:
    """How a kind of helper is made; how it is ended is in farewell.py.

    ``blamed`` is what QEMU's words have in them when the helper has failed it, beside the name of the socket.
    """

    view: Type[Device]
    argv: Callable[[Any, Facts], Optional[List[str]]]
    socket: Callable[[Any, Context], Optional[str]]
    blamed: str
    own_user: bool = False


def helpers(domain: Domain, facts: Facts) -> Iterator[Helper]:
    """Yield the helpers of a guest in the order in which they are started; raises UnsupportedConfig."""
    for program, row in HELPERS.items():
        for device in domain.all(row.view):
            argv, socket = row.argv(device, facts), row.socket(device, facts.context)
            if argv is not None and socket is not None:
                yield Helper(program, device.id(), _spawn(row, device.id(), argv, socket, facts))


def _spawn(row: Row, device: str, argv: List[str], socket: str, facts: Facts) -> Spawn:
    log = facts.layout.helper_log(facts.name, device)
    return Spawn(
        argv=tuple(argv),
        log=log,
        env=facts.env,
        umask=0o077,
        user=None if row.own_user else facts.user,
        fds=(Listen(socket, owner=facts.user), Append(log, mode=0o640)),
    )


# TPM


def state_directory(tpm: Tpm, uuid: str, context: Context) -> str:
    """Where a TPM's state lies: the user's place, or a directory of ours."""
    path = (tpm.source_path if tpm.source_type == "dir" else None) or f"{context.tpm}/{uuid}"
    if "," in path:
        raise UnsupportedConfig(f"swtpm cannot keep its state in {path}: there is a comma in it.", line=tpm.line)
    if tpm.secret and "," in tpm_key(context):
        hint = "Give the guest a name without one, or remove <encryption>."
        raise UnsupportedConfig("swtpm gets no passphrase where there is a comma in a path.", line=tpm.line, hint=hint)
    return path


def _swtpm(tpm: Tpm, facts: Facts) -> Optional[List[str]]:
    if tpm.type != "emulator":
        return None
    level = f",level={tpm.debug}" if tpm.debug else ""
    words = [facts.programs["swtpm"], "socket", "--ctrl", f"type=unixio,fd={SOCKET_FD}"]
    words += ["--tpmstate", f"dir={state_directory(tpm, facts.uuid, facts.context)},mode=0600"]
    words += ["--log", f"fd={LOG_FD}{level}", "--terminate"]
    words += ["--key", f"pwdfile={tpm_key(facts.context)},mode={CIPHER}"] if tpm.secret else []
    return [*words, "--tpm2"] if tpm.version == "2.0" else words


def tpm_key(context: Context) -> str:
    """The file with the passphrase of a TPM's state, for as long as swtpm reads it."""
    return f"{context.directory}/tpm.key"


# directories


def is_served(filesystem: Filesystem) -> bool:
    """Whether a directory needs a virtiofsd of ours."""
    return filesystem.driver == "virtiofs" and not filesystem.socket


def _virtiofsd(filesystem: Filesystem, facts: Facts) -> Optional[List[str]]:
    if not is_served(filesystem):
        return None
    binary = filesystem.binary or facts.programs["virtiofsd"]
    apart = SEPARATE in facts.features.get(binary, frozenset())
    words = _options_apart(filesystem) if apart else _options_in_a_list(filesystem, binary, facts)
    for name, value in (("thread-pool-size", filesystem.threads), ("rlimit-nofile", filesystem.open_files)):
        words += [f"--{name}={value}"] if value is not None else []
    return [binary, f"--fd={SOCKET_FD}", *words]


def _options_apart(filesystem: Filesystem) -> List[str]:
    if filesystem.flock or filesystem.posix_lock:
        raise UnsupportedConfig("this host's virtiofsd has no locks; remove <lock>.", line=filesystem.line)
    words = [f"--shared-dir={filesystem.source}"]
    words += [f"--cache={filesystem.cache}"] if filesystem.cache else []
    words += [f"--sandbox={filesystem.sandbox}"] if filesystem.sandbox else []
    words += ["--xattr"] if filesystem.xattr else []
    words += ["--readonly"] if filesystem.readonly else []
    for part in filesystem.element.iterfind("idmap/*"):
        ids = ":".join(part.get(name, "0") for name in ("start", "target", "count"))
        words.append(f"--{part.tag}-map=:{ids}:")
    return words


def _options_in_a_list(filesystem: Filesystem, binary: str, facts: Facts) -> List[str]:
    line = filesystem.line
    if not facts.context.privileged:
        hint = "Install a virtiofsd of version 1.8 or newer, or use 9p: remove <driver>."
        raise UnsupportedConfig(f"{binary} works for root only.", line=line, hint=hint)
    for what, found in (("<readonly/>", filesystem.readonly), ("<idmap>", filesystem.element.find("idmap/*"))):
        if found is not None and found is not False:
            raise UnsupportedConfig(f"{binary} knows no {what}; remove it.", line=line)
    source = (filesystem.source or "").replace("\\", "\\\\").replace(",", "\\,")
    words = [f"source={source}"]
    words += [f"cache={filesystem.cache}"] if filesystem.cache else []
    words += [f"sandbox={filesystem.sandbox}"] if filesystem.sandbox else []
    switches = {"xattr": filesystem.xattr, "flock": filesystem.flock, "posix_lock": filesystem.posix_lock}
    words += [name if on else f"no_{name}" for name, on in switches.items() if on is not None]
    return ["-o", ",".join(words)]


HELPERS: Dict[str, Row] = {
    "swtpm": Row(Tpm, _swtpm, socket_of, blamed="tpm-emulator"),
    "virtiofsd": Row(Filesystem, _virtiofsd, virtiofs_socket, blamed="vhost-user", own_user=True),
}
