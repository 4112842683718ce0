# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disks of a guest that runs grow under it, and only QEMU may do that."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume import change
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.look import look
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

Run = Callable[..., dict[str, Any]]
MIB = 1 << 20

pytestmark = pytest.mark.guest


def test_disks_grow_under_a_guest(vm: Run, uri: str, root_dir: Path) -> None:
    pool = root_dir / "pool"
    pool.mkdir()
    disks = []
    for name, format in (("a", "raw"), ("b", "qcow2")):
        subprocess.run(["qemu-img", "create", "-q", "-f", format, str(pool / name), "4M"], check=True)
        disks.append({"path": str(pool / name), "format": format})
    started = vm(name="g", memory="32MiB", virt_type="qemu", disks=disks, state="running")
    assert not started.get("failed"), started
    shelf = Shelf(LocalHost(), Layout.embed(str(root_dir)), "p", str(pool))
    guests = open_connection(uri).hypervisor
    for name in ("a", "b"):
        with pytest.raises(OperationInvalid, match="is open in a program"):
            change.resize(shelf, name, 8 * MIB)
        guests.resize_disk("g", str(pool / name), 8 * MIB)
        assert look(shelf, name).capacity == 8 * MIB
    with pytest.raises(OperationInvalid, match="runs without the image"):
        guests.resize_disk("g", str(pool / "c"), 8 * MIB)
    guests.destroy_domain("g")
    assert change.resize(shelf, "b", 16 * MIB).capacity == 16 * MIB


def test_a_layer_below_a_disk_keeps_its_size(vm: Run, uri: str, root_dir: Path) -> None:
    pool = root_dir / "pool"
    storage = open_connection(uri).storage
    pool.mkdir()
    document = f"<pool type='dir'><name>p</name><target><path>{pool}</path></target></pool>"
    storage.create_pool(parse(document, root="pool"))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(pool / "base"), "4M"], check=True)
    layer = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(pool / "base"), "-F", "qcow2", str(pool / "top")]
    subprocess.run(layer, check=True)
    disks = [{"path": str(pool / "top"), "format": "qcow2"}]
    started = vm(name="g", memory="32MiB", virt_type="qemu", disks=disks, state="running")
    assert not started.get("failed"), started
    for act in (open_connection(uri, read_only=True).storage.check_resize, storage.resize_volume):
        with pytest.raises(OperationInvalid, match="a layer below a disk of guest g"):
            act("p", "base", 8 * MIB)
    storage.check_resize("p", "top", 8 * MIB)
    storage.resize_volume("p", "top", 8 * MIB)
    assert storage.lookup_volume("p", "top").capacity == 8 * MIB
    assert storage.lookup_volume("p", "base").capacity == 4 * MIB
