# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has for the processes beside QEMU: their programs, and what those can do."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Dict, FrozenSet, List, Optional, Sequence

from ....errors import MissingProgram, UnsupportedConfig
from ....host.api import Host
from ....model.domain.core import Domain
from ....model.domain.filesystem import Filesystem
from ....model.domain.platform import Tpm
from ..caps.trusted import check_program
from ..context import Context
from .facts import descriptors
from .helpers import ENVIRONMENT, Facts, Helper, helpers, is_served
from .site import Site, account
from .status import Beside

FS_DAEMONS = ("/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd")
HINTS: Dict[str, str] = {
    "swtpm": "Install the package swtpm, and swtpm-tools for certificates, or remove the TPM.",
    "virtiofsd": "Install virtiofsd (Debian 12 and Ubuntu 22.04 have it in qemu-system-common), or use 9p.",
}


def helpers_of(site: Site, name: str, domain: Domain, context: Context) -> List[Helper]:
    """The helpers of a guest; raises MissingProgram, and UnsupportedConfig for what they could not do."""
    served = [device for device in domain.all(Filesystem) if is_served(device)]
    emulated = [tpm for tpm in domain.all(Tpm) if tpm.type == "emulator"]
    if not served and not emulated:
        return []
    for device in served:
        _check_shared(site.host, device)
    programs = _programs(site.host, served, bool(emulated))
    facts = Facts(
        name=name,
        uuid=domain.uuid or "",
        layout=site.layout,
        context=context,
        user=account(site.host, site.runner).user,
        env={**ENVIRONMENT, "HOME": context.workplace},
        programs=programs,
        features={path: _features(site.host, path) for path in _binaries(served, programs)},
    )
    return list(helpers(domain, facts))


def _binaries(served: List[Filesystem], programs: Dict[str, str]) -> List[str]:
    return sorted({device.binary or programs["virtiofsd"] for device in served})


def _check_shared(host: Host, device: Filesystem) -> None:
    found = host.stat(host.resolve(device.source or ""))
    if found is None or found.kind != "directory":
        what = "does not exist" if found is None else f"is a {found.kind}"
        hint = "Make the directory, or correct the path."
        raise UnsupportedConfig(f"the directory {device.source} of virtiofs {what}.", line=device.line, hint=hint)


def _programs(host: Host, served: List[Filesystem], emulated: bool) -> Dict[str, str]:
    found: Dict[str, Optional[str]] = {}
    if emulated:
        found["swtpm"] = host.find_program("swtpm")
    if any(device.binary is None for device in served):
        found["virtiofsd"] = _file_server(host)
    for name, path in found.items():
        if path is None:
            raise MissingProgram(name, hint=HINTS[name])
    for device in served:
        if device.binary:
            check_program(host, device.binary, "binary")
    return {name: path for name, path in found.items() if path is not None}


def _file_server(host: Host) -> Optional[str]:
    """The virtiofsd that the host's descriptors name, else where packages put it."""
    named = [row.get("binary") for row in descriptors(host, "vhost-user") if row.get("type") == "fs"]
    paths = [path for path in (*named, *FS_DAEMONS) if isinstance(path, str)]
    found = next((path for path in paths if host.find_program(path)), None)
    return found or host.find_program("virtiofsd")


def _features(host: Host, binary: str) -> FrozenSet[str]:
    """What a virtiofsd says that it can do; nothing from one that cannot be asked."""
    answer = host.run([binary, "--print-capabilities"], check=False, timeout=10.0)
    with suppress(ValueError, AttributeError):
        return frozenset(str(name) for name in json.loads(answer.stdout).get("features", ()))
    return frozenset()


def announced(rows: Sequence[Helper]) -> List[Beside]:
    """What is written down of them before they are started."""
    return [Beside(helper.program, helper.socket) for helper in rows]
