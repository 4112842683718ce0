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
