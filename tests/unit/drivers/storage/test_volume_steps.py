# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is run for volumes that are no files: logical volumes, zvols, RBD images."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete import complete_pool
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete_volume import complete_volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types import rbd
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.base import Making, Run, Step
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.table import TYPES, pool_type
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.model.storage.volume import Volume
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

PART = ".corral-x.part"


def pool(kind: str, source: str) -> Pool:
    document = parse(f"<pool type='{kind}'><name>p</name><source>{source}</source></pool>")
    return Pool(complete_pool(document, (), kept=None, host_id="here"))


GROUP = pool("logical", "<name>vg</name>")
TANK = pool("zfs", "<name>tank/vms</name>")
CEPH = pool("rbd", "<host name='m1'/><name>vms</name>")


def making(found: Pool) -> Making:
    row = pool_type(found.type)
    assert row is not None and row.making is not None
    return row.making


def volume(found: Pool, body: str, **facts: Any) -> Volume:
    return Volume(complete_volume(parse(f"<volume><name>v</name>{body}</volume>"), found, **facts))


def words(steps: Sequence[Step]) -> list[str]:
    assert all(isinstance(step, Run) for step in steps)
    return [" ".join(step.argv) for step in steps if isinstance(step, Run)]


SIZE = "<capacity unit='MiB'>10</capacity>"
LUKS = "<target><encryption format='luks'><secret type='passphrase' usage='s'/></encryption></target>"


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (SIZE, "-L 10240K vg"),
        (f"{SIZE}<allocation unit='MiB'>4</allocation>", "-L 4096K --type snapshot --virtualsize 10240K vg"),
        (f"{SIZE}<allocation>0</allocation>", "-L 1K --type snapshot --virtualsize 10240K vg"),
        (f"{SIZE}{LUKS}", "-L 12288K vg"),
        (f"{SIZE}<backingStore><path>/dev/vg/base</path></backingStore>", "-L 10240K -s /dev/vg/base"),
    ],
)
def test_logical_volumes_are_made(body: str, command: str) -> None:
    (step,) = making(GROUP).create(GROUP, volume(GROUP, body), PART)
    assert words([step]) == [f"lvcreate --name {PART} {command} --yes"]
    assert isinstance(step, Run) and step.undo == ("lvremove", "-f", f"vg/{PART}")


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (SIZE, "-V 10240K"),
        (f"{SIZE}<allocation unit='KiB'>4</allocation>", "-s -o refreservation=4K -V 10240K"),
        (f"{SIZE}<allocation>0</allocation>", "-s -V 10240K"),
    ],
)
def test_volumes_of_zfs_are_made(body: str, command: str) -> None:
    steps = making(TANK).create(TANK, volume(TANK, body), PART)
    assert words(steps) == [f"zfs create {command} tank/vms/{PART}"]


def test_they_get_their_names_when_they_are_whole() -> None:
    for found, command in ((GROUP, f"lvrename vg {PART} v"), (TANK, f"zfs rename tank/vms/{PART} tank/vms/v")):
        rename = making(found).rename
        assert rename is not None and words(rename(found, PART, "v")) == [command]


@pytest.mark.parametrize(
    ("shrink", "group", "tank"),
    [
        (False, "lvextend --size 2K vg/v", "zfs set volsize=2K tank/vms/v"),
        (True, "lvreduce --force --size 2K vg/v", "zfs set volsize=2K tank/vms/v"),
    ],
)
def test_sizes_change(shrink: bool, group: str, tank: str) -> None:
    for found, command in ((GROUP, group), (TANK, tank)):
        resize = making(found).resize
        assert resize is not None and words(resize(found, "v", 1500, shrink)) == [command]


def test_volumes_are_deleted() -> None:
    assert words(making(GROUP).delete(GROUP, "v")) == ["lvremove -f vg/v"]
    assert words(making(TANK).delete(TANK, "v")) == ["zfs destroy tank/vms/v"]


def test_images_of_ceph_are_made() -> None:
    made = rbd.create_argv(CEPH, volume(CEPH, SIZE), PART, None)
    assert made == ("rbd", "-m", "m1", "create", "--size", "10240K", f"vms/{PART}")


def test_a_volume_has_whole_extents() -> None:
    assert volume(GROUP, "<capacity>1</capacity>", grain=4 << 20).size() == 4 << 20


@pytest.mark.parametrize("kind", TYPES)
def test_who_makes_volumes(kind: str) -> None:
    row = pool_type(kind)
    assert row is not None
    by_command: Optional[Making] = row.making
    assert not row.files or (row.makes_volumes and by_command is None)
    assert by_command is None or row.makes_volumes
    assert bool(row.volume_formats) or kind in ("logical", "iscsi", "iscsi-direct", "scsi", "mpath", "zfs")
