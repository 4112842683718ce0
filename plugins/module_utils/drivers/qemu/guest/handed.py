# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of images that a guest was handed, with the owners to give them back to.

It is on the disk and not in the runtime directory, as the owners of the images are: a host that goes down with its
guests gives the images back when it is looked at again.
"""

from __future__ import annotations

import json
from typing import Dict, Iterator, Tuple

from ....errors import HostError
from .images import Handed, Owner
from .site import Site

Rows = Tuple[Handed, ...]
ENDING = ".json"


def handed(site: Site, name: str) -> Rows:
    """What a guest was handed and has not given back; raises HostError for a list that is damaged."""
    path = site.layout.handed(name)
    data = site.host.read(path)
    if data is None:
        return ()
    try:
        return tuple((str(image), int(uid), int(gid)) for image, uid, gid in json.loads(data))
    except (ValueError, TypeError) as error:
        hint = "Give the images of this guest back by hand (chown), then remove the file."
        raise HostError(f"{path} is damaged: it is no list of images.", hint=hint, path=path) from error


def keep_handed(site: Site, name: str, rows: Rows) -> None:
    """Write the list down; an empty one is no file."""
    if rows:
        site.host.write(site.layout.handed(name), json.dumps(rows).encode() + b"\n")
    else:
        site.host.remove(site.layout.handed(name))


def borrowers(site: Site) -> Iterator[str]:
    """The guests that have such a list."""
    for entry in site.host.entries(site.layout.handed_dir):
        if entry.endswith(ENDING):
            yield entry[: -len(ENDING)]


def borrowed_elsewhere(site: Site, name: str) -> Dict[str, Owner]:
    """The true owners of images that other guests have been handed and not given back."""
    others = (other for other in borrowers(site) if other != name)
    return {path: (uid, gid) for other in others for path, uid, gid in handed(site, other)}
