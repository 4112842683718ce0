# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of how vm changes a guest."""

from __future__ import annotations


class ModuleDocFragment:
    """What is kept, what is done at once, and what may be done to a guest that does not obey."""

    DOCUMENTATION = r"""
options:
  renamed_from:
    description:
      - The name that the guest had before. When there is a guest of that name and none named O(name), it is renamed
        first; it has to be off for that, and keeps its uuid, its addresses and its disks.
      - When there is no guest of that name any more, this does nothing, so it may stay in a playbook.
    type: str
  transient:
    description:
      - Whether the guest has no definition that stays, so that it is forgotten as soon as it ends. It needs a state in
        which the guest runs or is paused, and cannot go with O(autostart=true).
      - The definition of a guest that has one is removed, and the guest runs on.
      - Without it a guest that is described gets a definition, and one that is not stays as it is.
    type: bool
    default: false
  storage:
    description:
      - What happens to the storage of a guest that becomes V(absent).
      - With V(keep) nothing is deleted but the definition and what O(cloud_init) or O(ignition) made, not even UEFI
        variables or the state of a TPM, without which an encrypted disk may be lost. A guest that gets the same name
        and uuid later finds them.
      - With V(owned) its UEFI variables, the state of its TPM and the volumes that were made for it are deleted; the
        metadata of its definition names those. An image that the guest may only read, that is shareable, or that was
        not made for it is never deleted. One that another guest uses, also as a backing file, that holds snapshots, or
        that another program has open makes the module fail before anything is done.
    type: str
    choices: [keep, owned]
    default: keep
  autostart:
    description:
      - Whether the guest starts when the host does. Without it that is left as it is.
      - With the units of the role P(corral.virt.host#role) systemd starts it then, after the networks and pools that
        start with the host. A host without them, and every connection but C(qemu:///system), keeps this and does not
        act on it.
    type: bool
  apply:
    description:
      - What to do about a guest that runs, or is paused, with another definition than the one that is wanted.
      - With V(live) the guest gets at once what it can get while it runs; the rest comes into force at its next start.
        Until then RV(pending) lists the rest, and RV(restart_required) is true.
      - What a guest can get while it runs is its current memory up to the memory that it was started with, which needs
        the driver of the memory balloon in the guest; virtual CPUs up to the number that there can be; another medium
        in a cdrom or floppy drive, or none; the state of a network link; the limits of a disk (C(iotune)); another
        password for a VNC or SPICE screen that has one; title, description and metadata; and on a host with the units
        of the role P(corral.virt.host#role) what it may take of the host (C(cputune), C(memtune), C(blkiotune)). Hosts
        without them, where a warning says that it has no effect, keep that.
      - Such a difference is also found where the definition is the same and the guest has drifted from it, such as a
        balloon that was changed by hand, or a medium that the guest has ejected. The state of a link and a password
        cannot be read back from QEMU, so there a drift is not found.
      - With V(next_boot) the running guest is left alone, and all of the new definition waits for its next start.
      - With V(restart) the guest is shut down and started again at once, unless it can get all of it while it runs.
      - A run that does not describe the guest, by O(xml) or by options such as O(memory), leaves alone what is pending
        from earlier runs, unless this is V(restart).
    type: str
    choices: [live, next_boot, restart]
    default: live
  timeout:
    description:
      - How many seconds a guest has to shut down, or to begin its reboot.
    type: int
    default: 60
  force:
    description:
      - Whether to cut the power of a guest that has not shut down within O(timeout) seconds, or to reset one that does
        not reboot. With O(timeout=0) it is not even asked.
      - Also whether a guest that was saved when its host went down, and is to be V(stopped), forgets that. Its next
        start is one from its disks then, as after a power cut.
      - Also whether to take a medium out of a drive that the guest has locked.
      - Without this the module fails, and the guest is left as it is.
    type: bool
    default: false
"""
