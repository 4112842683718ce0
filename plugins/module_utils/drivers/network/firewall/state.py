# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our table in the kernel: put there in one transaction, and compared with what was put there.

The kernel lists a ruleset in other words than it was told, so what it listed right after the last change is kept, with
a digest of the text: a table that is listed otherwise now has been touched, and one of another text is old. The
documents that it was made of are kept too, for networks whose own files are damaged later.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import Counter
from typing import Any, Dict, Iterable, List, Optional, Sequence

from ....errors import CommandFailed, CorralError, HostError, UnsupportedConfig
from ....host.api import Host
from ....host.layout import Layout
from ....model.network.core import Network
from ....xml.write import to_text
from ...links.nft import as_json, listing, put, table_name
from .ruleset import FAMILY, ruleset, walls

# What of a listing says nothing about what the rules do.
_VOLATILE = ("handle", "index", "position")


def apply_ruleset(host: Host, layout: Layout, networks: Sequence[Network]) -> None:
    """Let the kernel have the filter of exactly these networks, or nothing of it when it is refused.

    Whoever calls holds a lock on all networks of the layout. Raises UnsupportedConfig for what the kernel lacks,
    MissingProgram, CommandFailed.
    """
    text, table = ruleset(networks, table_name(layout)), table_name(layout)
    try:
        put(host, text)
    except CommandFailed as error:
        raise _refused(error) from error
    if walls(networks):
        memo = {"text": _digest(text), "listing": _listing(host, table), "networks": _documents(networks)}
        host.write(memo_path(layout), json.dumps(memo).encode("utf-8"))
    else:
        host.remove(memo_path(layout))


def drift(host: Host, layout: Layout, networks: Sequence[Network]) -> Optional[str]:
    """Return in one sentence how the kernel's table is not that of these networks, None when it is."""
    text, table = ruleset(networks, table_name(layout)), table_name(layout)
    listed = _listing(host, table)
    if not walls(networks):
        return f"The table {FAMILY} {table} is there, and no network needs it." if listed else None
    if listed is None:
        return f"The table {FAMILY} {table} is missing."
    memo = _memo(host, layout)
    if memo.get("text") != _digest(text):
        return f"The table {FAMILY} {table} is of other networks than are active, or of an earlier run."
    return _difference(f"{FAMILY} {table}", memo.get("listing"), listed)


def kept_documents(host: Host, layout: Layout) -> Dict[str, str]:
    """Return the documents that the last change was made of, by the names of their networks."""
    found = _memo(host, layout).get("networks")
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def remove_ruleset(host: Host, layout: Layout) -> None:
    """Take our table away; there may be none."""
    apply_ruleset(host, layout, ())


def whole_ruleset(host: Host) -> Dict[str, Any]:
    """Return what the kernel has of everybody, as ``nft -j list ruleset`` says it (libnftables-json(5))."""
    return listing(host, "ruleset") or {}


def memo_path(layout: Layout) -> str:
    """Return where the last change is kept; no network can be called so."""
    return posixpath.join(layout.live_dir("network"), ".ruleset.json")


def _difference(table: str, kept: object, listed: List[str]) -> Optional[str]:
    """Return what was done to a table since, None when nothing was."""
    if kept == listed:
        return None
    before = Counter(str(each) for each in kept) if isinstance(kept, list) else Counter()
    now = Counter(listed)
    lost, foreign = sum((before - now).values()), sum((now - before).values())
    if not any('"rule"' in each for each in listed):
        return f"The table {table} was flushed: it has no rules."
    if not lost and not foreign:
        return f"The rules of the table {table} stand in another order than they were put there."
    return f"The table {table} was edited: {lost} of its parts are missing, {foreign} are not ours."


def _listing(host: Host, table: str) -> Optional[List[str]]:
    """Return the parts of a table, each as a text that is the same as long as the part is; None without the table."""
    found = listing(host, "table", FAMILY, table)
    if found is None:
        return None
    rows = found.get("nftables") or []
    return [json.dumps(_settled(row), sort_keys=True) for row in rows if "metainfo" not in row]


def _settled(value: Any) -> Any:
    """Return a part of a listing without what changes by itself: numbers, counters, the order within a set."""
    if isinstance(value, dict):
        kept = {key: _settled(item) for key, item in value.items() if key not in _VOLATILE and key != "counter"}
        return {**kept, "elem": _sorted(kept["elem"])} if "elem" in kept else kept
    return [_settled(item) for item in value if item != {"counter": None}] if isinstance(value, list) else value


def _sorted(elements: Any) -> Any:
    each: Iterable[Any] = elements if isinstance(elements, list) else [elements]
    return sorted(each, key=lambda item: json.dumps(item, sort_keys=True))


def _documents(networks: Sequence[Network]) -> Dict[str, str]:
    return {network.name or "": to_text(network.element) for network in networks}


def _memo(host: Host, layout: Layout) -> Dict[str, Any]:
    try:
        return as_json(host.read(memo_path(layout)) or b"{}")
    except HostError:
        return {}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _refused(error: CommandFailed) -> CorralError:
    """Return the error for a ruleset that the kernel did not take; nothing of it is there then."""
    first = next((each for each in error.stderr.splitlines() if "Error:" in each), "").strip()
    if "not supported" in error.stderr or "No such file or directory" in error.stderr:
        return UnsupportedConfig(
            f"The kernel of this host lacks something that the packet filter of networks needs: {first}",
            hint="It takes the modules nf_tables, nft_chain_nat, nft_masq, nft_ct and nft_reject_inet.",
        )
    return error
