# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remember that a document was completed to what is defined, so that a run with nothing to do need not do it again.

Completing is pure: the same document, the same facts, the same existing definition and the same code give the same
result. So a digest of the four, kept when the result was the definition itself, is as good as completing it. Nothing
depends on it: a digest that is missing, old or damaged costs time only.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Optional, Tuple

from ....errors import HostError
from ....host.layout import check_name
from ....xml.parse import Element
from ....xml.write import to_text
from ..context import Context
from .site import Site


@dataclass(frozen=True)
class Memo:
    """What is kept beside the digest: the parts of the document that nobody reads."""

    ignored: Tuple[str, ...] = ()


def digest(site: Site, document: Element, context: Context, kept: bytes) -> str:
    """The digest of everything that completing depends on; ``kept`` is the definition as it is stored."""
    facts = replace(context, caps=type(context.caps)(binary="", version=(0, 0, 0), arch=""), now=0.0)
    parts = (site.host.code_id(), _of_caps(context), repr(facts), to_text(document))
    whole = hashlib.sha256(kept)
    for part in parts:
        whole.update(b"\0" + part.encode("utf-8", "replace"))
    return whole.hexdigest()


def _of_caps(context: Context) -> str:
    """What tells one QEMU from another: its modules show in the types that it knows."""
    caps = context.caps
    machines = [(name, len(view.machines), len(view.cpus)) for name, view in sorted(caps.accels.items())]
    return repr((caps.binary, caps.version, caps.package, caps.arch, caps.kvm, machines, sorted(caps.types)))


def recall(site: Site, name: str, wanted: str) -> Optional[Memo]:
    """What was kept with this digest, None where another or none is there."""
    try:
        found: Any = json.loads(site.host.read(_path(site, name)) or b"null")
        if not isinstance(found, dict) or found.get("digest") != wanted:
            return None
        return Memo(tuple(str(part) for part in found["ignored"]))
    except (ValueError, KeyError, TypeError, HostError):
        return None


def remember(site: Site, name: str, key: str, memo: Memo) -> None:
    """Keep a digest; a full disk costs time at the next run, not this run."""
    path = _path(site, name)
    with suppress(HostError):
        site.host.make_directory(path.rpartition("/")[0], mode=0o700)
        site.host.write(path, json.dumps({"digest": key, "ignored": list(memo.ignored)}).encode() + b"\n")


def forget(site: Site, name: str) -> None:
    """Remove what was kept of a guest that is no more, or has another name; that it cannot be is no harm."""
    with suppress(HostError):
        site.host.remove(_path(site, name))


def _path(site: Site, name: str) -> str:
    return f"{site.layout.cache}/definitions/{check_name('domain', name)}.json"
