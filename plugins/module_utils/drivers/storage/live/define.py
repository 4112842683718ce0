# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pool's document as it is kept, checked against the other pools and against what the host has."""

from __future__ import annotations

from typing import Dict, List, Optional

from ....errors import AlreadyExists, OperationDenied
from ....host.api import Host
from ....host.layout import check_name
from ....model.storage.pool import Pool
from ....xml.parse import Element
from ..passes.check import need_type
from ..passes.complete import complete_pool, stored_pool
from ..passes.nested import nested_in
from ..site import Site
from .steps import block_of, check_own_directory

# What writes over a whole device, on which nothing else may be then.
WHOLE_DEVICES = ("disk", "logical", "zfs")


def completed(site: Site, document: Element) -> Element:
    """Return the complete document; raises XmlError, UnsupportedConfig, AlreadyExists and OperationDenied."""
    pool = stored_pool(document)
    name = check_name("pool", pool.name or "")
    kept = site.persistent(name)
    kept = site.active(name) if kept is None else kept
    known = site.others(name)
    real = real_devices(site.host, [pool.element, *known])
    done = Pool(complete_pool(document, known, kept=kept, host_id=site.host_id, real=real))
    check_own_directory(site.host, done, need_type(done))
    _check_nested(site, done, known)
    _check_devices(site.host, done, None if kept is None else Pool(kept))
    return done.element


def real_devices(host: Host, documents: List[Element]) -> Dict[str, str]:
    """Where the devices of some pools are that are named by links."""
    paths = {path for pool in map(Pool, documents) for path in pool.given().device_paths() if path.startswith("/")}
    return {path: host.resolve(path) for path in sorted(paths)}


def _check_nested(site: Site, pool: Pool, known: List[Element]) -> None:
    other = nested_in(pool, known, site.host.resolve)
    if other is not None:
        raise AlreadyExists(
            f"The directory {pool.path()} of pool {pool.name} and {other.path()} of pool {other.name} overlap.",
            hint="Choose a directory of its own: the one pool would list what is the other's.",
            name=other.name,
        )


def _check_devices(host: Host, pool: Pool, kept: Optional[Pool]) -> None:
    """A device that is mounted is refused, also before a pool is built; one that the pool has had is its own."""
    if pool.type not in WHOLE_DEVICES:
        return
    ours = [] if kept is None else kept.given().device_paths()
    for device in pool.given().device_paths():
        found = host.stat(host.resolve(device)) if device not in ours else None
        if found is not None:
            _check_not_mounted(host, device)


def _check_not_mounted(host: Host, device: str) -> None:
    top = block_of(host, device)
    for block in top.all():
        if block.mountpoint and (block is top or block.type == "part"):
            where = "is swap space" if block.mountpoint == "[SWAP]" else f"is mounted on {block.mountpoint}"
            what = f"The device {device}" if block is top else f"{block.path} on the device {device}"
            raise OperationDenied(
                f"{what} {where}, so it can be no pool.", hint="Unmount it first, or choose another.", path=device
            )
