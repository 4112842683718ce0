# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest can be started: one that is defined and off, or a transient one whose name is free."""

from __future__ import annotations

from ....errors import AlreadyExists, OperationInvalid, UnsupportedConfig
from ....model.domain.core import Domain
from ....xml.parse import Element
from .departed import check_here
from .site import Site
from .stop import runs


def startable(site: Site, name: str) -> Element:
    """Return the definition of a guest that is off; raises OperationInvalid for any other."""
    if _is_active(site, name):
        raise OperationInvalid(f"Guest {name} is already running.")
    document = site.persistent(name)
    if document is None:
        raise OperationInvalid(f"Guest {name} is not defined.", hint="Define it first.")
    check_here(site.host, site.layout, name)
    return document


def check_new(site: Site, name: str) -> None:
    """Raise AlreadyExists when there is a guest of that name."""
    if site.store.read_config(name) is not None or _is_active(site, name):
        raise AlreadyExists(f"There is a guest named {name} already.", hint="Start that one.", name=name)


def _is_active(site: Site, name: str) -> bool:
    status = site.status(name)
    return status is not None and runs(site, status)


def check_completed(site: Site, document: Element) -> None:
    """Raise UnsupportedConfig for a definition that somebody wrote by hand: it lacks what defining a guest fills in."""
    domain = Domain(document)
    parts = {"machine type": domain.machine, "<cpu>": domain.cpu, "<emulator>": domain.emulator}
    missing = [name for name, part in parts.items() if not part]
    if missing:
        path = site.store.config_path(domain.name or "")
        raise UnsupportedConfig(
            f"The definition of guest {domain.name} was never completed: it has no {' and no '.join(missing)}.",
            hint=f"Hand the text of {path} to the vm module as xml; that fills in what is missing.",
            name=domain.name,
        )
