# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Giving a guest another name, in steps of which each may be the last that a run comes to.

The new definition is written, then the old one removed. A run that is killed in between leaves both, with one uuid:
that is how the next run sees that it has only to finish.
"""

from __future__ import annotations

from contextlib import suppress

from ....errors import AlreadyExists, HostError, NotFound, OperationInvalid
from ....model.domain.core import Domain
from ....xml.parse import Element, clone
from ....xml.write import to_text
from .logs import forget_logs
from .memo import forget
from .nvram import move_variables, name_variables, own_variables
from .seed import copy_seed, forget_seeds, name_seed
from .site import Site
from .talk import process_of


def check_rename(site: Site, name: str, new_name: str) -> Element:
    """Return the definition to be renamed; raises what would keep the guest from getting the new name."""
    document = site.persistent(name)
    if process_of(site, name) is not None:
        raise OperationInvalid(
            f"Guest {name} runs, and only a guest that is off can be renamed.", hint="Stop it first (state: stopped)."
        )
    if document is None:
        raise NotFound(f"There is no guest named '{name}'.", name=name)
    if site.host.stat(site.layout.saved_facts(name)) is not None:
        raise OperationInvalid(
            f"Guest {name} is saved, and what it goes on from has its old name.",
            hint="Start it and shut it down first.",
        )
    taken = site.persistent(new_name)
    taken = site.active(new_name) if taken is None else taken
    if taken is not None and not _is_same(taken, document):
        raise AlreadyExists(
            f"Guest {name} cannot be renamed to {new_name}: another guest has that name.",
            hint="Choose another name, or remove that guest first.",
            name=new_name,
        )
    return document


def _is_same(one: Element, other: Element) -> bool:
    return bool(Domain(one).uuid) and Domain(one).uuid == Domain(other).uuid


def renamed(site: Site, document: Element, new_name: str) -> Element:
    """The document as it is kept under another name, with the variables in our own directory under that name too."""
    copy = clone(document)
    name_variables(Domain(copy), new_name, site.layout.nvram_dir)
    name_seed(site, copy, new_name)
    Domain(copy).name = new_name
    return copy


def rename(site: Site, name: str, new_name: str) -> None:
    """Rename a guest; the caller holds the locks of both names."""
    document = check_rename(site, name, new_name)
    autostart = site.store.autostart(name)
    left = own_variables(Domain(document), site.layout.nvram_dir, site.host)
    move_variables(Domain(document), new_name, site.layout.nvram_dir, site.host)
    copy_seed(site, document, new_name)
    Domain(document).name = new_name
    site.store.write_config(new_name, to_text(document).encode())
    if autostart:
        site.store.set_autostart(new_name, True)
    for path in left:
        if path not in own_variables(Domain(document), site.layout.nvram_dir, site.host):
            site.host.remove(path)
    forget_seeds(site, name)
    _move_console(site, name, new_name)
    site.store.remove_live(name)
    forget(site, name)
    site.store.remove_config(name)


def _move_console(site: Site, name: str, new_name: str) -> None:
    """What the guest has said last goes by its new name; that it cannot be kept is no reason to keep the old name."""
    with suppress(HostError):
        said = site.host.read(site.layout.domain_console_log(name))
        if said is not None:
            site.host.write(site.layout.domain_console_log(new_name), said)
        forget_logs(site, name)
