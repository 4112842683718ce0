# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a type of pool is: one frozen row with what its document must say and what is run for it.

Everything here is pure. What is to be done comes as steps, which whoever has the host does one after the other; what
programs print is read by functions that get the text. No step holds a secret: a command that needs one is given the
path of a file (see rbd.py, iscsi.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple, Union

from ....errors import HostError
from ....model.storage.pool import Pool
from ....model.storage.volume import Volume

Argv = Tuple[str, ...]
# What virtual disks consist of: every size of a volume is a multiple of this.
SECTOR = 512
# libvirt's formatstorage, "Storage pool target elements".
DIRECTORY_MODE = 0o711
# The header of LUKS on a block device, which takes room beside what the guest sees.
LUKS_HEADER = 2 * 1024 * 1024
# How a volume is called while it is not whole yet: it is never listed, and the next run removes what was left.
PART_PREFIX = ".corral-"

# The parts of a <source>.
HOST, DEVICE, DIR, ADAPTER, NAME, INITIATOR, AUTH = "host", "device", "dir", "adapter", "name", "initiator", "auth"
PROTOCOL, FORMAT = "protocol", "format"

# The formats of images that a file can hold, and those of them that can be a layer above another image.
FILE_FORMATS: Tuple[str, ...] = (
    *("raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc", "vdi"),
    *("fat", "vhd", "ploop", "cow", "qcow", "qcow2", "qed", "vmdk"),
)
LAYERED = ("qcow", "qcow2", "qed", "vmdk")
# What qemu-img can make; an ISO image is filled by whoever has one, and raw until then.
CREATABLE = ("raw", "iso", "qcow", "qcow2", "qed", "vmdk", "vdi", "vpc")


@dataclass(frozen=True)
class Run:
    """A command. ``undo`` is run when a later step fails; ``lax`` says that its own failure counts for nothing."""

    argv: Argv
    undo: Optional[Argv] = None
    lax: bool = False


@dataclass(frozen=True)
class MakeDirectory:
    """A directory that has to be there, with those above it; one that is there keeps what is None here.

    ``mode`` counts for a new one where the document leaves it open.
    """

    path: str
    mode: Optional[int] = None
    owner: Optional[int] = None
    group: Optional[int] = None


@dataclass(frozen=True)
class RemoveDirectory:
    """A directory that is to go when it is empty; one that holds anything is refused."""

    path: str


@dataclass(frozen=True)
class Empty:
    """A device on which nothing may be found, unless it is to be overwritten: whoever does the steps looks first.

    ``expected`` is the name that wipefs has for what the next steps make: when that is there, the pool is built.
    """

    device: str
    expected: str


Step = Union[Run, MakeDirectory, RemoveDirectory, Empty]


@dataclass(frozen=True)
class Found:
    """A volume as the host has it. ``capacity`` and ``allocation`` are bytes; ``extents`` are (device, start, end).

    ``encryption`` is luks for a device that we have encrypted.
    """

    name: str
    path: str
    key: str
    type: str = "block"
    capacity: int = 0
    allocation: int = 0
    format: Optional[str] = None
    backing: Optional[str] = None
    sparse: bool = False
    extents: Tuple[Tuple[str, int, int], ...] = ()
    encryption: Optional[str] = None


@dataclass(frozen=True)
class Room:
    """What an active pool has, in bytes."""

    capacity: int
    allocation: int
    available: int


@dataclass(frozen=True)
class Looking:
    """How an active pool's volumes and room are found with commands: what is run, and how its output is read."""

    volumes: Callable[[Pool], Argv]
    read_volumes: Callable[[str, Pool], List[Found]]
    room: Callable[[Pool], Argv]
    read_room: Callable[[str, Pool], Room]


@dataclass(frozen=True)
class Making:
    """How volumes that are no files are made and changed; ``create`` gets the name under which it is not yet seen.

    ``resize`` gets bytes, and whether it may shrink.
    """

    create: Callable[[Pool, Volume, str], List[Step]]
    rename: Optional[Callable[[Pool, str, str], List[Step]]]
    delete: Callable[[Pool, str], List[Step]]
    resize: Optional[Callable[[Pool, str, int, bool], List[Step]]] = None


def nothing(pool: Pool) -> List[Step]:
    """No steps: what a type does where there is nothing to be done."""
    return []


def no_rules(pool: Pool) -> None:
    """No rules beyond those of the row."""


def no_volume_rules(volume: Volume, pool: Pool) -> None:
    """No rules beyond those of the row."""


def cannot_build(pool: Pool, overwrite: bool) -> List[Step]:
    """No steps: what lies on a server or comes with the machine is not ours to make."""
    return []


@dataclass(frozen=True)
class PoolType:
    """One row: a type of pool.

    ``source``: the parts of <source> that count. ``hosts`` and ``devices``: how many there may be, least and most
    (None: any number). ``formats``: what <format> may say, the first is the default; empty: it has none.
    ``fixed_target``: the target whatever the document says; ``default_target`` where it says nothing; ``has_target``
    is False for pools that are nowhere on the host. ``mounts``: whether starting it mounts something on the target.

    ``volume_formats``: what a volume's <format> may say, the first is the default; empty: it has none, all are raw.
    ``files``: volumes are files below the target. ``makes_volumes`` is False where the server has made them.
    ``layers``: whether a volume can be a layer above another; ``encrypts``: whether one can be encrypted.

    ``build`` also gets whether what is there may be overwritten.
    """

    name: str
    source: FrozenSet[str] = frozenset()
    hosts: Tuple[int, Optional[int]] = (0, 0)
    devices: Tuple[int, Optional[int]] = (0, 0)
    formats: Tuple[str, ...] = ()
    has_target: bool = True
    fixed_target: Optional[Callable[[Pool], Optional[str]]] = None
    default_target: Optional[str] = None
    mounts: bool = False
    volume_type: str = "block"
    volume_formats: Tuple[str, ...] = ()
    files: bool = False
    makes_volumes: bool = True
    layers: bool = False
    encrypts: bool = True
    programs: Tuple[str, ...] = ()
    check: Callable[[Pool], None] = no_rules
    check_volume: Callable[[Volume, Pool], None] = no_volume_rules
    build: Callable[[Pool, bool], List[Step]] = cannot_build
    start: Callable[[Pool], List[Step]] = nothing
    stop: Callable[[Pool], List[Step]] = nothing
    delete: Callable[[Pool], List[Step]] = nothing
    looking: Optional[Looking] = None
    making: Optional[Making] = None


def make_target(pool: Pool) -> MakeDirectory:
    """The directory that a pool's volumes are found in, as the document wants it."""
    permissions = pool.permissions()
    if permissions is None:
        return MakeDirectory(pool.path() or "")
    return MakeDirectory(pool.path() or "", permissions.mode, permissions.owner_id(), permissions.group_id())


def first_device(pool: Pool) -> str:
    """The path of a pool's first device; complete documents of types that need one have it."""
    return next(iter(pool.given().device_paths()), "")


def kib(size: int) -> str:
    """A size for programs that count in units of 1024 bytes, rounded up, with their letter for it."""
    return f"{-(-size // 1024)}K"


def said_by(program: str, text: str) -> Dict[str, Any]:
    """Return the JSON object that a program printed; raises HostError for anything else."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HostError(f"{program} printed what cannot be read.", hint="Look at what it prints by hand.")
    return found


def rows_of(program: str, found: Any) -> List[Dict[str, Any]]:
    """Return a list of JSON objects; raises HostError for anything else."""
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise HostError(f"{program} printed what cannot be read.", hint="Look at what it prints by hand.")
    return found


def natural(program: str, value: Any) -> int:
    """Return a number of bytes that a program printed, as a number or a text; raises HostError for anything else."""
    text = str(value).strip()
    if isinstance(value, (int, str)) and text.isascii() and text.isdigit() and len(text) <= 20:
        return int(text)
    raise HostError(f"{program} printed {text[:40]!r} where a number of bytes was expected.")


def commands(steps: Sequence[Step]) -> List[Argv]:
    """The commands of some steps, in order."""
    return [step.argv for step in steps if isinstance(step, Run)]
