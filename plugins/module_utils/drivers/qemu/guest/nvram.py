# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a guest's UEFI: a file of its own, made from the firmware's template before the first start."""

from __future__ import annotations

import posixpath
from typing import Optional, Tuple

from ....errors import HostError, UnsupportedConfig
from ....host.api import Host
from ....model.domain.core import Domain

Owner = Optional[Tuple[int, int]]
LARGEST = 64 << 20  # bytes; a template has a few MiB


def variables_path(domain: Domain) -> Optional[str]:
    """The local file with the variables, None where there is none or where it lies elsewhere."""
    nvram = domain.nvram
    if nvram is None or nvram.type not in (None, "file"):
        return None
    return nvram.source.file if nvram.source is not None else nvram.path


def missing_variables(domain: Domain, host: Host) -> Optional[Tuple[str, bytes]]:
    """The path of a file that is to be made, and what is to be in it; raises HostError without a template."""
    path = variables_path(domain)
    if path is None or host.stat(path) is not None:
        return None
    nvram = domain.nvram
    template = nvram.template if nvram is not None else None
    if nvram is None or template is None:
        raise HostError(
            f"The UEFI variables {path} of guest {domain.name} do not exist, and there is no template for them.",
            hint="Write <nvram template='...'>, or <os firmware='efi'> to have the firmware chosen.",
        )
    if (nvram.template_format or "raw") != (nvram.format or "raw"):
        raise UnsupportedConfig(
            f"the UEFI variables are to be {nvram.format}, and their template is {nvram.template_format or 'raw'}.",
            line=nvram.line,
            hint="Write the same format for both.",
        )
    data = host.read(template, limit=LARGEST)
    if data is None:
        raise HostError(
            f"The template {template} of the UEFI variables of guest {domain.name} does not exist.",
            hint="Install the package ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, RHEL).",
        )
    return path, data


def make_variables(domain: Domain, host: Host, owner: Owner) -> None:
    """Make the file where it is missing; one that is there is given to QEMU's user."""
    missing = missing_variables(domain, host)
    path = variables_path(domain)
    if missing is not None:
        if host.stat(posixpath.dirname(missing[0])) is None:
            host.make_directory(posixpath.dirname(missing[0]), mode=0o711)
        host.write(missing[0], missing[1], mode=0o600, owner=owner)
    elif path is not None and owner is not None:
        host.change_owner(path, *owner)
