# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest reads at its first boot: cloud-init's NoCloud volume, or the configuration of Ignition.

A seed is one file of ours, for root alone until QEMU is handed it. It is the same, byte for byte, for the same content
and guest, so reading it tells whether it has to be made again. Its id is the instance id of cloud-init, which does its
work again when that changes. Whoever reads a definition sees the id, and in the guest every user does; so the content
is not only digested but signed with what no other host has, and a guessed password cannot be tried on it.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from ....model.domain.core import Domain
from ....model.domain.seed import CLOUD_INIT, ENDINGS, add_seed, seed_id
from ....xml.parse import Element, clone
from ...api import Seed
from .iso9660 import make_image
from .site import Site

LABEL = "cidata"
META_DATA = "meta-data"
INSTANCE_ID = "instance-id"


def seeded(site: Site, document: Element, seed: Seed, uuid: str) -> Element:
    """A copy of a desired document that names the seed of a guest of this uuid."""
    copy = clone(document)
    path = site.layout.seed(Domain(copy).name or "", ENDINGS[seed.kind])
    add_seed(copy, seed.kind, path, _identifier(site, seed, uuid))
    return copy


def _identifier(site: Site, seed: Seed, uuid: str) -> str:
    said = json.dumps([uuid, seed.kind, sorted(seed.files.items())]).encode()
    key = f"corral.virt seed:{site.host.machine_id()}".encode()
    return f"iid-{hmac.new(key, said, hashlib.sha256).hexdigest()[:32]}"


def content(document: Element, seed: Seed) -> bytes:
    """The file of the seed."""
    files = dict(seed.files)
    if seed.kind == CLOUD_INIT:
        files[META_DATA] = _with_instance_id(files.get(META_DATA, ""), seed_id(document) or "")
    data = {name: text.encode("utf-8", "surrogateescape") for name, text in files.items()}
    return make_image(LABEL, data) if seed.kind == CLOUD_INIT else b"".join(data.values())


def _with_instance_id(text: str, identifier: str) -> str:
    """The meta-data, a mapping in YAML's block or flow style, with an instance id where it has none of its own."""
    if text.lstrip().startswith("{"):
        return json.dumps({INSTANCE_ID: identifier, **json.loads(text)}, indent=1) + "\n"
    if any(line.startswith(f"{INSTANCE_ID}:") for line in text.splitlines()):
        return text
    return f"{INSTANCE_ID}: {identifier}\n{text}"


def has_seed(site: Site, name: str, document: Element, seed: Seed) -> bool:
    """Whether the file is there, and as it should be."""
    wanted = content(document, seed)
    return site.host.read(site.layout.seed(name, ENDINGS[seed.kind]), limit=len(wanted) + 1) == wanted


def write_seed(site: Site, document: Element, seed: Seed) -> None:
    """Put the file in place; a QEMU that has the old one open goes on with that."""
    path = site.layout.seed(Domain(document).name or "", ENDINGS[seed.kind])
    site.host.write(path, content(document, seed), mode=0o600)
