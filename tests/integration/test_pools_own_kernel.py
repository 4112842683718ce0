# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools for which this kernel lacks something, run for real below the distribution's own: LVM, partitions, NFS, iSCSI.

One guest stands for the host of them all: all steps are done there, by one program, and then each test looks at its own
answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.corral.virt.tests.integration.own_kernel import run_with_own_kernel

pytestmark = [pytest.mark.guest, pytest.mark.root]

ROOT = "/run/root"
IQN = "iqn.2026-01.example:disks"
PASSWORD = "nobody-reads-this"
# What an emulated processor takes long for, and pools do not need: most rules of udev (its look for volume groups at
# each change of a device among them), and LVM's monitor, locked memory and backups.
# A question about a network device that is not there lets the kernel load a module of that name: there is no modprobe
# here.
SET_UP = f"""
set -e
for module in loop dm_mod dm_snapshot iscsi_tcp sd_mod nfsd; do
    /run/guest/bin/busybox ifconfig "$module" >/dev/null 2>&1 || :
done
mkdir -p /run/rules /run/export {ROOT}
for rules in 55-dm 56-lvm 60-persistent-storage 60-persistent-storage-dm 95-dm-notify; do
    cp "/lib/udev/rules.d/$rules.rules" /run/rules
done
mount -o bind /run/rules /lib/udev/rules.d
echo 'activation {{ monitoring = 0 use_mlockall = 0 reserved_memory = 0 }} backup {{ backup = 0 archive = 0 }}' \\
    >/etc/lvm/lvm.conf
/lib/systemd/systemd-udevd --daemon
for number in 0 1 2 3; do
    truncate -s 128M "/run/disk$number"
    losetup --partscan "/dev/loop$number" "/run/disk$number"
done
qemu-img create -q -f qcow2 /run/image.qcow2 4M
qemu-io -f qcow2 -c 'write -P 0x61 1M 64k' /run/image.qcow2 >/dev/null
mkfs.ext4 -q /dev/loop3
mount -t nfsd nfsd /proc/fs/nfsd
rpcbind -w
rpc.mountd
exportfs -o rw,no_root_squash,insecure,fsid=0,no_subtree_check localhost:/run/export
rpc.nfsd -N 3 -V 4 1
tgtd
truncate -s 32M /run/unit
until tgtadm --lld iscsi --op show --mode sys >/dev/null 2>&1; do sleep 0.2; done
tgtadm --lld iscsi --op new --mode target --tid 1 -T {IQN}
tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b /run/unit
tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL
tgtadm --lld iscsi --op new --mode account --user bob --password {PASSWORD}
tgtadm --lld iscsi --op bind --mode account --tid 1 --user bob
iscsid
.venv/bin/python tests/integration/ask_pools.py "qemu:///embed?root={ROOT}" /run/task/steps >/run/task/answers
"""


class Step(NamedTuple):
    """A step, and what its answer has to be; without ``check`` it has to succeed."""

    words: tuple[Any, ...]
    check: Callable[[Any], bool] | None = None


def do(*words: Any, check: Callable[[Any], bool] | None = None) -> Step:
    """A step that succeeds, and whose answer fits."""
    return Step(words, check)


def refused(said: str, *words: Any) -> Step:
    """A step that fails with these words in its sentence."""
    return Step(words, lambda answer: said in (answer.get("error") or "") if isinstance(answer, dict) else False)


def names(*wanted: str) -> Callable[[Any], bool]:
    """The answer is a list of volumes of these names."""
    return lambda answer: [each["name"] for each in answer] == list(wanted)


def faults(*wanted: str) -> Callable[[Any], bool]:
    """The answer is a list of these faults."""
    return lambda answer: [each["what"] for each in answer] == list(wanted)


def capacity(mib: int) -> Callable[[Any], bool]:
    """A volume of this size."""
    return lambda answer: bool(answer["capacity"] == mib << 20)


def has(text: str) -> Callable[[Any], bool]:
    """What is printed has this in it."""
    return lambda answer: text in answer


def lacks(text: str) -> Callable[[Any], bool]:
    """What is printed does not have this in it."""
    return lambda answer: text not in answer


def volume(name: str, mib: int, more: str = "") -> str:
    return f"<volume><name>{name}</name><capacity unit='MiB'>{mib}</capacity>{more}</volume>"


GROUP = (
    "<pool type='logical'><name>l</name><source><device path='/dev/loop0'/><device path='/dev/loop1'/>"
    "<name>vg0</name></source></pool>"
)
BELOW = "<allocation unit='MiB'>4</allocation><backingStore><path>/dev/vg0/one</path></backingStore>"
SECRET = "<secret private='yes'><usage type='volume'><volume>sealed</volume></usage></secret>"
SEALED = "<encryption format='luks'><secret type='passphrase' usage='sealed'/></encryption>"
LOGICAL = (
    do("define_pool", GROUP, check=lambda pool: pool["target"] == "/dev/vg0"),
    do("pool_is_built", "l", check=lambda built: built is False),
    refused("has no volume group vg0", "start_pool", "l"),
    do("build_pool", "l"),
    do("pool_is_built", "l", check=lambda built: built is True),
    do("start_pool", "l", check=lambda pool: pool["available"] == pool["capacity"] == 248 << 20),
    do("create_volume", "l", volume("one", 10), check=lambda made: made["capacity"] == 12 << 20),  # whole extents
    refused("already", "create_volume", "l", volume("one", 10)),
    do("create_volume", "l", volume("above", 12, BELOW), check=lambda made: made["backing"] == "/dev/vg0/one"),
    do(
        *("create_volume", "l", "<volume><name>filled</name></volume>"),
        {"content": {"path": "/run/image.qcow2", "origin": "an image"}},
        check=lambda made: (made["capacity"], made["origin"]) == (4 << 20, "an image"),
    ),
    do("run", "qemu-io", "-r", "-f", "raw", "-c", "read -P 0x61 1M 64k", "/dev/vg0/filled", check=lacks("failed")),
    do("list_volumes", "l", check=names("above", "filled", "one")),
    do("volume_by_path", "/dev/mapper/vg0-filled", check=lambda found: found["name"] == "filled"),
    refused("stand on it", "delete_volume", "l", "one"),
    refused("would cut off", "resize_volume", "l", "filled", 1 << 20),
    do("resize_volume", "l", "filled", 20 << 20),
    do("lookup_volume", "l", "filled", check=lambda found: found["capacity"] == 20 << 20),
    do("define_secret", SECRET),
    do("set_secret_value", "volume:sealed", PASSWORD),
    do(
        "create_volume", "l", volume("sealed", 8, f"<target>{SEALED}</target>"), check=capacity(12 - 2)
    ),  # with a header
    do("run", "blkid", "-p", "/dev/vg0/sealed", check=has("crypto_LUKS")),
    do("normalise_volume", "l", volume("sealed", 8), check=has(f">{10 << 20}</capacity>")),
    do("volume_xml", "l", "sealed", check=has('usage="sealed"')),
    do("resize_volume", "l", "sealed", 14 << 20),
    do("lookup_volume", "l", "sealed", check=capacity(14)),
    do("refresh_pool", "l", check=lambda pool: pool["allocation"] > 0),
    # deactivated behind our back
    do("run", "vgchange", "-an", "vg0"),
    do("pool_faults", "l", check=faults("group")),
    do("mend_pool", "l"),
    do("pool_faults", "l", check=faults()),
    do("run", "test", "-b", "/dev/vg0/one"),
    # in use
    do("run", "mkfs.ext4", "-q", "/dev/vg0/one"),
    do("run", "mount", "/dev/vg0/one", "/mnt"),
    refused("is in use", "check_pool_deletion", "l"),
    refused("has the source of pool", "define_pool", GROUP.replace(">l<", ">other<").replace("loop1", "loop3")),
    do("run", "umount", "/mnt"),
    do("destroy_pool", "l"),
    do("run", "lvs", "--noheadings", "-o", "lv_active", "vg0", check=lacks("active")),
    do("check_pool_deletion", "l", check=lambda gone: gone[-1] == "the volume group vg0" and "vg0/one" in gone),
    do("delete_pool", "l"),
    do("run", "pvs", "--noheadings", check=lambda text: text.strip() == ""),
    do("undefine_pool", "l"),
)
DISK = (
    do(
        "define_pool",
        "<pool type='disk'><name>d</name><source><device path='/dev/loop2'/><format type='gpt'/></source></pool>",
    ),
    refused("has no partition table", "start_pool", "d"),
    do("build_pool", "d"),
    do("pool_is_built", "d", check=lambda built: built is True),
    do("start_pool", "d", check=lambda pool: pool["capacity"] == 128 << 20),
    refused("not loop2p7", "create_volume", "d", volume("loop2p7", 16)),
    do(
        *("create_volume", "d", volume("loop2p1", 16), {"content": {"path": "/run/image.qcow2"}}),
        check=lambda made: (made["path"], made["capacity"]) == ("/dev/loop2p1", 16 << 20),
    ),
    do("run", "qemu-io", "-r", "-f", "raw", "-c", "read -P 0x61 1M 64k", "/dev/loop2p1", check=lacks("failed")),
    do("create_volume", "d", volume("loop2p2", 16)),
    do("list_volumes", "d", check=names("loop2p1", "loop2p2")),
    do("delete_volume", "d", "loop2p2"),
    refused("cannot grow to", "resize_volume", "d", "loop2p1", 256 << 20),
    do("resize_volume", "d", "loop2p1", 32 << 20),
    do("lookup_volume", "d", "loop2p1", check=capacity(32)),
    do("run", "mkfs.ext4", "-q", "/dev/loop2p1"),
    do("run", "mount", "/dev/loop2p1", "/mnt"),
    refused("mounted on /mnt", "check_pool_deletion", "d"),
    do("destroy_pool", "d"),
    refused("mounted on /mnt", "delete_pool", "d"),
    refused("mounted on /mnt", "build_pool", "d", {"overwrite": True}),
    do("run", "umount", "/mnt"),
    do("check_pool_deletion", "d", check=lambda gone: gone[0] == "/dev/loop2p1"),
    do("delete_pool", "d"),
    do("run", "wipefs", "--no-act", "/dev/loop2", check=lambda text: text == ""),
    do("undefine_pool", "d"),
    # of a stranger
    do("define_pool", "<pool type='disk'><name>s</name><source><device path='/dev/loop3'/></source></pool>"),
    refused("holds ext4 already", "build_pool", "s"),
    do("undefine_pool", "s"),
)
NFS = (
    do(
        "define_pool",
        "<pool type='netfs'><name>n</name><source><host name='localhost'/><dir path='/'/><format type='nfs'/>"
        "<protocol ver='4.2'/></source><target><path>/run/nfs/n</path></target></pool>",
    ),
    do("build_pool", "n"),
    do("start_pool", "n", check=lambda pool: pool["capacity"] > 0),
    do("create_volume", "n", volume("v.qcow2", 8, "<target><format type='qcow2'/></target>")),
    do("run", "ls", "/run/export", check=lambda text: text.split() == ["v.qcow2"]),
    do("run", "grep", "/run/nfs/n", "/proc/self/mountinfo", check=has("nosuid")),
    do("run", "umount", "/run/nfs/n"),
    do("pool_faults", "n", check=faults("mount")),
    do("mend_pool", "n"),
    do("list_volumes", "n", check=names("v.qcow2")),
    do("destroy_pool", "n"),
    do("delete_pool", "n"),
    do("run", "ls", "/run/export", "/run/nfs", check=has("v.qcow2")),
    do("undefine_pool", "n"),
)
TARGET = (
    f"<pool type='iscsi'><name>i</name><source><host name='127.0.0.1'/><device path='{IQN}'/>"
    "<auth type='chap' username='bob'><secret usage='target'/></auth></source></pool>"
)
ISCSI = (
    do("define_pool", TARGET, check=lambda pool: pool["target"] == "/dev/disk/by-path"),
    refused("There is no secret", "start_pool", "i"),
    do("run", "sh", "-c", "iscsiadm --mode node 2>&1 || true", check=has("No records found")),
    do("define_secret", "<secret private='yes'><usage type='iscsi'><target>target</target></usage></secret>"),
    do("set_secret_value", "iscsi:target", PASSWORD),
    do("start_pool", "i", check=lambda pool: pool["capacity"] == 32 << 20),
    do("list_volumes", "i", check=lambda found: found[0]["path"].endswith(f"{IQN}-lun-1") and len(found) == 1),
    refused("not made here", "create_volume", "i", volume("unit:0:0:2", 8)),
    do("upload_volume", "i", "unit:0:0:1", "/run/image.qcow2"),
    do("run", "iscsiadm", "--mode", "node", "--logout"),
    do("pool_faults", "i", check=faults("session")),
    do("mend_pool", "i"),
    do("pool_faults", "i", check=faults()),
    do("destroy_pool", "i"),
    do("run", "sh", "-c", "iscsiadm --mode session 2>&1 || true", check=has("No active sessions")),
    do("run", "sh", "-c", f"grep -r {PASSWORD} /etc/iscsi || true", check=lambda text: text == ""),
    refused("not deleted from here", "check_pool_deletion", "i"),
    do("undefine_pool", "i"),
)
GROUPS = {"logical": LOGICAL, "disk": DISK, "nfs": NFS, "iscsi": ISCSI}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each step of each group answered."""
    task = tmp_path_factory.mktemp("pools")
    steps = [step.words for group in GROUPS.values() for step in group]
    (task / "steps").write_text(json.dumps(steps))
    done = run_with_own_kernel(task, SET_UP, processors=1, timeout=1200)
    assert done.code == 0, done
    found = iter(json.loads(Path(task / "answers").read_text()))
    return {name: [next(found) for _step in group] for name, group in GROUPS.items()}


@pytest.mark.parametrize("name", GROUPS)
def test_pools_of_this_type(answers: dict[str, list[Any]], name: str) -> None:
    for number, (step, answer) in enumerate(zip(GROUPS[name], answers[name], strict=True)):
        failed = isinstance(answer, dict) and bool(answer.get("error"))
        if step.check is None:
            assert not failed, f"{number}: {step.words}: {answer}"
        else:
            assert not failed or step.check.__qualname__.startswith("refused"), f"{number}: {step.words}: {answer}"
            assert step.check(answer), f"{number}: {step.words}: {answer}"
