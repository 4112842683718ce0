# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What volume can be told of a volume, as Ansible's argument specification.

An option that is ``raw`` has a short and a long form (``backing: base``, ``backing: {volume: base, pool: a}``); the
builder that reads it checks both. What is not given is left as it is on a volume that is there.
"""

from __future__ import annotations

from .argspec import Spec
from .pool_definition import BOOL, NEEDED, PERMISSIONS, RAW, STR

# The formats that can be made (qemu-img(1)); which of them a pool takes is its type's affair.
FORMATS = ("raw", "qcow2", "iso", "qcow", "qed", "vmdk", "vdi", "vpc")
PREALLOCATIONS = ("off", "metadata", "falloc", "full")
# libvirt's virStorageVolWipeAlgorithm.
ALGORITHMS = (
    *("zero", "trim", "nnsa", "dod", "bsi", "gutmann"),
    *("schneier", "pfitzner7", "pfitzner33", "random"),
)

# What a volume is.
VOLUME_DEFINITION = Spec(
    {
        "pool": NEEDED,
        "name": STR,
        "xml": STR,
        "capacity": STR,
        "allocation": STR,
        "permissions": {"type": "dict", "options": PERMISSIONS},
        # how it is stored
        "format": {"type": "str", "choices": list(FORMATS)},
        "backing": RAW,
        "encryption": RAW,
        "compat": {"type": "str", "choices": ["0.10", "1.1"]},
        "cluster_size": STR,
        "lazy_refcounts": BOOL,
        "extended_l2": BOOL,
        "nocow": BOOL,
        # what no document says
        "image": RAW,
        "preallocation": {"type": "str", "choices": list(PREALLOCATIONS)},
    },
    required_one_of=(("name", "xml"),),
)
NOT_IN_DOCUMENT = ("pool", "name", "xml", "image", "preallocation")
# The options that a document says too: with ``xml`` they contradict it.
VOLUME_DEFINING: tuple[str, ...] = tuple(name for name in VOLUME_DEFINITION.options if name not in NOT_IN_DOCUMENT)
