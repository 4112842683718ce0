# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the volumes that a guest's disks name are on this host: asked of the storage driver when the guest is started.

The live document keeps saying pool and volume, and says in addition where that is, so that whoever looks for what a
guest has open finds it there.
"""

from __future__ import annotations

import posixpath
from typing import Dict, Iterator, Mapping, Optional, Tuple

from ....errors import UnsupportedConfig
from ....xml.parse import Element, add, clone
from ...api import StorageDriver
from ...api import Volume as Found
from ..context import Volume
from .site import Site

Key = Tuple[str, str, str]
# The attribute of <source> by type of volume.
LOCAL = {"file": "file", "block": "dev", "dir": "dir"}
ISCSI = ("iscsi", "iscsi-direct")


def _disks(document: Element) -> Iterator[Tuple[Element, Element, Key]]:
    for disk in document.iterfind("devices/disk[@type='volume']"):
        source = disk.find("source")
        if source is not None:
            yield disk, source, (source.get("pool", ""), source.get("volume", ""), source.get("mode", ""))


def volumes_of(site: Site, document: Element) -> Dict[Key, Volume]:
    """The volumes of a document; raises NotFound and what else keeps the storage driver from finding one."""
    keys = {key for _disk, _source, key in _disks(document)}
    if not keys or site.neighbours is None:
        return {}
    storage = site.neighbours.storage
    return {key: _volume(storage, key) for key in sorted(keys)}


def _volume(storage: StorageDriver, key: Key) -> Volume:
    pool, name, mode = key
    found = storage.lookup_volume(pool, name)
    if found.type in LOCAL and mode != "direct":
        return Volume(found.type, {LOCAL[found.type]: found.path}, format=_format(found))
    return _remote(storage.pool_xml(pool), found)


def _format(found: Found) -> Optional[str]:
    """How QEMU is to read it: what a pool calls the format of a device is a kind of partition, and an ISO image raw."""
    return "raw" if found.type == "block" or found.format == "iso" else found.format


def _remote(pool: Element, found: Found) -> Volume:
    """A volume that QEMU reaches by itself, with the hosts and the secret of its pool."""
    kind, name = pool.get("type", ""), pool.findtext("source/name") or ""
    if kind in ISCSI:
        device = pool.find("source/device")
        target = "" if device is None else device.get("path", "")
        source = {"protocol": "iscsi", "name": f"{target}/{found.name.rpartition(':')[2]}"}
    elif kind == "rbd":
        source = {"protocol": "rbd", "name": f"{name}/{found.name}"}
    elif kind == "gluster":
        inner = pool.find("source/dir")
        directory = "" if inner is None else inner.get("path", "").strip("/")
        source = {"protocol": "gluster", "name": posixpath.join(name, directory, found.name)}
    else:
        raise UnsupportedConfig(f"QEMU cannot reach the volume {found.name} of the pool {found.pool} by itself.")
    hosts = tuple({str(key): str(value) for key, value in host.items()} for host in pool.findall("source/host"))
    return Volume("network", source, hosts, _auth(pool), format=found.format)


def _auth(pool: Element) -> Dict[str, str]:
    auth, secret = pool.find("source/auth"), pool.find("source/auth/secret")
    if auth is None or secret is None:
        return {}
    given = {name: secret.get(name, "") for name in ("uuid", "usage") if secret.get(name)}
    return {"username": auth.get("username", ""), **given}


def placed(document: Element, volumes: Mapping[Key, Volume]) -> Element:
    """A copy of a document that says where its volumes are, and in which format where it leaves that open."""
    if not volumes:
        return document
    copy = clone(document)
    for disk, source, key in _disks(copy):
        volume = volumes[key]
        if volume.type in LOCAL:
            source.attrib.update({str(name): str(value) for name, value in volume.source.items()})
        driver = disk.find("driver")
        driver = add(disk, "driver", name="qemu") if driver is None else driver
        if driver.get("type") is None and volume.format:
            driver.set("type", volume.format)
    return copy
