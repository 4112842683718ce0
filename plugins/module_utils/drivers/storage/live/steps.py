# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the steps of a pool's type, one after the other; what was done is undone when a later one fails."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import Collection, Dict, List, Optional, Sequence, Tuple

from ....errors import CommandFailed, CorralError, HostError, MissingProgram, OperationDenied, OperationInvalid
from ....host.api import Completed, Host
from ....model.storage.pool import Pool
from ..passes.check import NOT_COVERED, below
from ..types.base import DIRECTORY_MODE, Argv, Empty, MakeDirectory, PoolType, RemoveDirectory, Run, Step
from ..types.devices import Block, blocks_argv, in_use, read_blocks, read_signatures, signatures_argv
from ..types.logical import members_argv, read_members
from ..volume.patience import run_patiently
from ..volume.users import check_free

# Seconds for a program; making a file system on a large disk takes longest.
RUN_TIMEOUT = 1800.0
LVM_MEMBER = "LVM2_member"
# The package of each program, where it is not plain from its name.
PACKAGES = {
    **dict.fromkeys(("lvs", "vgs", "pvs", "vgchange", "vgcreate", "vgremove", "pvcreate", "lvcreate"), "lvm2"),
    **dict.fromkeys(("lvremove", "lvrename", "lvextend", "lvreduce"), "lvm2"),
    **dict.fromkeys(("lsblk", "wipefs", "mount", "umount", "mkfs"), "util-linux"),
    **dict.fromkeys(("mkfs.ext2", "mkfs.ext3", "mkfs.ext4"), "e2fsprogs"),
    "mkfs.xfs": "xfsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.vfat": "dosfstools",
    **dict.fromkeys(("blkdiscard", "fallocate"), "util-linux"),
    "scrub": "scrub",
    "iscsiadm": "open-iscsi (Debian, Ubuntu) or iscsi-initiator-utils",
    "iscsi-ls": "libiscsi-bin (Debian, Ubuntu) or libiscsi-utils",
    "rbd": "ceph-common",
    "ceph": "ceph-common",
    "zfs": "zfsutils-linux (Debian, Ubuntu) or zfs",
    "zpool": "zfsutils-linux (Debian, Ubuntu) or zfs",
    "qemu-img": "qemu-utils (Debian, Ubuntu) or qemu-img",
}
# What belongs to the host itself, whatever a document says, and is never removed.
SYSTEM = NOT_COVERED | {"/media", "/mnt", "/opt", "/srv", "/tmp", "/var/opt", "/var/tmp"}


def run(host: Host, argv: Argv, *, check: bool = True, env: Optional[Dict[str, str]] = None) -> Completed:
    """Run a program; a missing one is named with its package."""
    try:
        return run_patiently(host, argv, timeout=RUN_TIMEOUT, check=check, env=env)
    except MissingProgram as error:
        package = PACKAGES.get(error.program)
        raise MissingProgram(error.program, hint=f"Install {package}." if package else None) from None


def ask(host: Host, argv: Argv, *, check: bool = True) -> str:
    """What a program prints."""
    return run(host, argv, check=check).stdout.decode("utf-8", "surrogateescape")


def perform(host: Host, steps: Sequence[Step], *, overwrite: bool = False) -> None:
    """Do the steps; after a failure those that can be undone are, in the other direction."""
    undo: List[Argv] = []
    try:
        for step in steps:
            _do(host, step, overwrite)
            if isinstance(step, Run) and step.undo is not None:
                undo.append(step.undo)
    except CorralError:
        for argv in reversed(undo):
            with suppress(CorralError):
                run(host, argv, check=False)
        raise


def _do(host: Host, step: Step, overwrite: bool) -> None:
    if isinstance(step, Run):
        with suppress(*((CommandFailed,) if step.lax else ())):
            run(host, step.argv)
    elif isinstance(step, MakeDirectory):
        make_directory(host, step)
    elif isinstance(step, RemoveDirectory):
        _remove_directory(host, step)
    else:
        check_empty(host, step, overwrite)


def check_step(host: Host, step: Step, *, overwrite: bool = False, held: Collection[str] = ()) -> None:
    """Raise what would keep a step from being done, as far as looking tells; ``held`` devices are let go before it."""
    if isinstance(step, Empty):
        if step.device not in held:
            check_unused(host, step.device)
        _check_blank(host, step, overwrite)
    elif isinstance(step, MakeDirectory):
        _check_is_directory(host, step.path)
    elif isinstance(step, Run) and not step.lax:
        for program in _programs(step.argv):
            need_program(host, program)


def need_program(host: Host, program: str) -> None:
    """Raise MissingProgram, with the package that has it, for one that the host lacks."""
    if host.find_program(program) is None:
        package = PACKAGES.get(program)
        raise MissingProgram(program, hint=f"Install {package}." if package else None)


def _programs(argv: Argv) -> Tuple[str, ...]:
    """What a command needs: mkfs runs another program for each kind of file system."""
    return (argv[0], f"mkfs.{argv[2]}") if argv[:2] == ("mkfs", "-t") else argv[:1]


# directories


def make_directory(host: Host, step: MakeDirectory) -> None:
    """Make a directory, or give one that is there what is asked of it; raises HostError where something else is."""
    if not _check_is_directory(host, step.path):
        parent = posixpath.dirname(step.path)
        if host.stat(host.resolve(parent)) is None:
            host.make_directory(parent, mode=0o755)
        host.make_directory(step.path, mode=DIRECTORY_MODE if step.mode is None else step.mode)
    fit(host, step)


def _check_is_directory(host: Host, path: str) -> bool:
    """Whether a directory is there; raises HostError where something else is."""
    found = host.stat(host.resolve(path))
    if found is not None and found.kind != "directory":
        raise HostError(f"{path} is a {found.kind}, and no directory.", hint="Choose another path.", path=path)
    return found is not None


def misfits(host: Host, step: MakeDirectory) -> List[str]:
    """What of a directory that is there is not what is asked of it: words for people."""
    found = host.stat(host.resolve(step.path))
    if found is None:
        return []
    rows = (("owner", step.owner, found.uid), ("group", step.group, found.gid))
    said = [f"the {what} is {now} and not {wanted}" for what, wanted, now in rows if wanted not in (None, now)]
    if step.mode is not None and found.mode & 0o777 != step.mode:
        said.append(f"the mode is {found.mode & 0o777:04o} and not {step.mode:04o}")
    return said


def fit(host: Host, step: MakeDirectory) -> None:
    """Give a directory its owner, group and mode, as far as they are asked for."""
    real = host.resolve(step.path)
    found = host.stat(real)
    if found is None or not misfits(host, step):
        return
    owner = found.uid if step.owner is None else step.owner, found.gid if step.group is None else step.group
    if owner != (found.uid, found.gid):
        host.change_owner(real, *owner)
    if step.mode is not None:
        host.change_mode(real, step.mode)  # also after a change of owner, which can take bits away


def check_removable(host: Host, path: str) -> str:
    """Return where a directory really is; raises OperationDenied for one that the host itself needs."""
    real = host.resolve(path) if path else "/"
    if real in SYSTEM:
        raise OperationDenied(
            f"{path or '/'} is a directory of the host itself and is never removed.",
            hint="Undefine the pool without deleting its data.",
            path=path,
        )
    return real


def check_own_directory(host: Host, pool: Pool, row: PoolType) -> None:
    """Raise OperationDenied where the target of a pool of files is a directory of the host itself, or leads to one."""
    path = pool.path() or ""
    real = host.resolve(path) if path and (row.files or row.mounts) else ""
    if real in NOT_COVERED:
        raise OperationDenied(
            f"The target {path} leads to {real}, a directory of the host itself, and can be no pool.",
            hint=below(real),
            path=path,
        )


def _remove_directory(host: Host, step: RemoveDirectory) -> None:
    """rmdir(1) leaves a directory alone that holds anything, also what came a moment ago."""
    real = check_removable(host, step.path)
    if host.stat(real) is None:
        return
    left = host.entries(real)
    if left:
        raise OperationInvalid(
            f"{step.path} holds {left[0]} and is not removed.", hint="Move away what is not the pool's."
        )
    run(host, ("rmdir", "--", real))


# devices


def block_of(host: Host, device: str) -> Block:
    """What a device is and what lies on it; raises HostError for what is no block device."""
    real = host.resolve(device)
    found = host.stat(real)
    if found is None or found.kind != "block":
        what = "is not there" if found is None else f"is a {found.kind}, and no block device"
        raise HostError(f"The device {device} {what}.", hint="Correct the <device> of the pool.", path=device)
    blocks = read_blocks(ask(host, blocks_argv(real)))
    if not blocks:
        raise HostError(f"lsblk does not know the device {device}.", path=device)
    return blocks[0]


def check_unused(host: Host, device: str) -> None:
    """Raise OperationDenied for a device that is mounted, or on which something else lies that is in use.

    OperationInvalid for one that a guest has open, or on which such a one lies.
    """
    block = block_of(host, device)
    used = in_use(block)
    if used is not None:
        raise OperationDenied(
            f"The device {device} {used}, so it can be no pool.",
            hint="Unmount or deactivate that first, or choose another device.",
            path=device,
        )
    for part in block.all():
        node = host.stat(host.resolve(part.path))
        if node is not None:
            check_free(host, node, f"The device {part.path}")


def signatures(host: Host, device: str) -> List[str]:
    """What a device is marked as holding: ext4, gpt, LVM2_member, ..."""
    return read_signatures(ask(host, signatures_argv(host.resolve(device))))


def check_empty(host: Host, step: Empty, overwrite: bool) -> None:
    """Raise where a device is in use, whatever is said, and where it holds something that may not be overwritten.

    A physical volume that belongs to no group is what a killed run has left.
    """
    check_unused(host, step.device)
    _check_blank(host, step, overwrite)


def _check_blank(host: Host, step: Empty, overwrite: bool) -> None:
    found = signatures(host, step.device)
    if not found or overwrite or (found == [LVM_MEMBER] and step.expected == LVM_MEMBER and _is_loose(host, step)):
        return
    raise OperationInvalid(
        f"The device {step.device} holds {' and '.join(found)} already, and is not overwritten.",
        hint="Set overwrite: true if nothing on it is needed any more.",
        device=step.device,
    )


def _is_loose(host: Host, step: Empty) -> bool:
    loose = read_members(ask(host, members_argv())).get("", [])
    return host.resolve(step.device) in {host.resolve(device) for device in loose}
