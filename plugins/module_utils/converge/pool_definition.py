# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pool can be told of a pool, as Ansible's argument specification.

An option that is ``raw`` has a short and a long form (``host: a.example``, ``host: {name: a.example, port: 2049}``);
the builder that reads it checks both. No option has a default here: "not given" has to be told from "given", because
``xml`` contradicts whatever is given, and a pool is described as soon as one of them is.
"""

from __future__ import annotations

from typing import Any

from .argspec import Spec

Rows = dict[str, dict[str, Any]]

STR: dict[str, Any] = {"type": "str"}
INT: dict[str, Any] = {"type": "int"}
BOOL: dict[str, Any] = {"type": "bool"}
RAW: dict[str, Any] = {"type": "raw"}
STRINGS: dict[str, Any] = {"type": "list", "elements": "str"}
NEEDED: dict[str, Any] = {"type": "str", "required": True}

# libvirt's formatstorage, "Storage pool XML"; in libvirt's order.
POOL_TYPES = (
    *("dir", "fs", "netfs", "logical", "disk", "iscsi", "iscsi-direct"),
    *("scsi", "mpath", "rbd", "gluster", "zfs", "vstorage"),
)
PERMISSIONS: Rows = {"mode": RAW, "owner": INT, "group": INT, "label": STR}
# The name of a secret is none.
AUTH: Rows = {"username": NEEDED, "secret": {**NEEDED, "no_log": False}}
SOURCE: Rows = {
    "host": RAW,
    "hosts": {"type": "list", "elements": "raw"},
    "device": STR,
    "devices": STRINGS,
    "dir": STR,
    "name": STR,
    "format": STR,
    "adapter": RAW,
    "initiator": STR,
    "auth": {"type": "dict", "options": AUTH},
    "protocol": STR,
    "vendor": STR,
    "product": STR,
}

# What a pool is.
POOL_DEFINITION = Spec(
    {
        "name": STR,
        "xml": STR,
        "uuid": STR,
        "tags": STRINGS,
        "type": {"type": "str", "choices": list(POOL_TYPES)},
        # where the storage comes from
        "source": {"type": "dict", "options": SOURCE},
        "mount_options": STRINGS,
        "rbd_options": {"type": "dict"},
        # where it is found on the host
        "target": STR,
        "permissions": {"type": "dict", "options": PERMISSIONS},
        "cow": BOOL,
    },
    required_one_of=(("name", "xml"),),
)
# The options that a document says too: with ``xml`` they contradict it.
POOL_DEFINING: tuple[str, ...] = tuple(name for name in POOL_DEFINITION.options if name not in ("name", "xml"))
