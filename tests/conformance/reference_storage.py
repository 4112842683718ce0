# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage of the host that the tree's expectations were made on: its volumes, and its secrets.

Its storage driver knows every volume of a pool that the tree describes: TYPE+NAME is a volume of that type, another
name a block device. Its random numbers count from 0, and every secret has one value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.blockdev_secrets import SecretNeed
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Sealed, Volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.sealing import seal
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.model.domain.disk import Disk
from ansible_collections.corral.virt.plugins.module_utils.model.domain.storage import Source
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

CDROMS = frozenset({"/dev/cdrom"})
VALUE = b"AQCVn5hO6HzFAhAAq0NCv8jtJcIcE+HOBlMQ1A"
MASTER_KEY = bytes(range(32))
VECTOR = bytes(range(16))
ATTRIBUTES = {"file": "file", "block": "dev", "dir": "dir"}
PORTAL = "3260"


def volumes(document: Element, source: Path) -> Dict[Tuple[str, str, str], Volume]:
    """What the volumes that a domain names are on the reference host."""
    named = [disk.source for disk in Domain(document).all(Disk) if disk.type == "volume" and disk.source is not None]
    found = {}
    for one in named:
        path = source / "tests/storagepoolxml2xmlin" / f"{one.pool}.xml"
        if one.pool and one.volume and path.exists():
            pool = parse(path.read_text(encoding="utf-8"), root="pool")
            found[one.pool, one.volume, one.mode or ""] = _volume(one, pool)
    return found


def _volume(source: Source, pool: Element) -> Volume:
    name = source.volume or ""
    if source.mode == "direct" and pool.get("type") == "iscsi":
        return _direct(name, pool)
    type_, _plus, own = name.rpartition("+")
    type_ = type_ or "block"
    return Volume(type_, {ATTRIBUTES[type_]: f"/some/{type_}/device/{own}"})


def _direct(name: str, pool: Element) -> Volume:
    """A LUN of the pool's target: unit:BUS:TARGET:LUN."""
    device, host, auth = pool.find("source/device"), pool.find("source/host"), pool.find("source/auth")
    target = "" if device is None else device.get("path", "")
    portal = {} if host is None else {"name": host.get("name", ""), "port": host.get("port", PORTAL)}
    secret = None if auth is None else auth.find("secret")
    given = {} if auth is None or secret is None else {"username": auth.get("username", ""), **dict(secret.items())}
    lun = name.rpartition(":")[2]
    return Volume(
        "network",
        {"protocol": "iscsi", "name": f"{target}/{lun}"},
        (portal,),
        {str(k): str(v) for k, v in given.items()},
    )


def sealed(needs: List[SecretNeed]) -> Dict[Tuple[str, str], Sealed]:
    """Every needed secret under the reference host's master key."""
    return {need.key: seal(_value(need.key), MASTER_KEY, VECTOR) for need in needs}


def _value(key: Tuple[str, str]) -> bytes:
    kind, name = key
    return name.encode() if kind == "text" else VALUE
