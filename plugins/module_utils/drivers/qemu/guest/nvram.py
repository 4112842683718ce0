# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a guest's UEFI: a file of its own, made from the firmware's template before the first start.

They are never made anew by themselves: whoever changes the guest's firmware is told that they stand in the way. What
template a file in our own directory was made from is written down beside it.
"""

from __future__ import annotations

import posixpath
from typing import List, Optional, Tuple

from ....errors import HostError, OperationInvalid, UnsupportedConfig
from ....host.api import Host
from ....model.domain.core import Domain

Owner = Optional[Tuple[int, int]]
PACKAGES = "Install the package ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, RHEL)."
LARGEST = 64 << 20  # bytes; a template has a few MiB


def variables_path(domain: Domain) -> Optional[str]:
    """The local file with the variables, None where there is none or where it lies elsewhere."""
    nvram = domain.nvram
    if nvram is None or nvram.type not in (None, "file"):
        return None
    return nvram.source.file if nvram.source is not None else nvram.path


def check_firmware(domain: Domain, directory: str, host: Host) -> None:
    """Raise HostError for firmware that is not there, OperationInvalid for variables of another one."""
    loader = domain.loader
    if loader is not None and loader.path:
        found = host.stat(host.resolve(loader.path))
        if found is None or found.kind not in ("file", "block"):
            what = "does not exist" if found is None else f"is a {found.kind} and not a file"
            raise HostError(f"The firmware {loader.path} of guest {domain.name} {what}.", hint=PACKAGES)
    missing_variables(domain, host)
    path = variables_path(domain)
    if path is not None and host.stat(path) is not None:
        _check_template(domain, path, directory, host)


def _check_template(domain: Domain, path: str, directory: str, host: Host) -> None:
    nvram = domain.nvram
    template = nvram.template if nvram is not None else None
    if nvram is None or template is None:
        return
    made_from = _made_from(path, directory, host)
    if made_from is None:
        _check_foreign(domain, path, template, host)
    elif made_from != template:
        raise OperationInvalid(
            f"The UEFI variables {path} of guest {domain.name} were made from {made_from}, and its firmware now has "
            f"{template}.",
            hint="Delete that file to start with new variables (boot entries and keys in it are lost), or write the "
            "old <loader> and <nvram template='...'>.",
            path=path,
        )


def _check_foreign(domain: Domain, path: str, template: str, host: Host) -> None:
    """A file that we have not made may be anything, so nobody is told to delete it; stores have their template's size.

    Raises OperationInvalid.
    """
    nvram, mine, other = domain.nvram, host.stat(host.resolve(path)), host.stat(host.resolve(template))
    if nvram is None or (nvram.format or "raw") != "raw" or (nvram.template_format or "raw") != "raw":
        return
    if mine is None or other is None or mine.size == other.size:
        return
    raise OperationInvalid(
        f"{path}, which guest {domain.name} is to have its UEFI variables in, is no UEFI variable store of its "
        f"firmware: it has {mine.size} bytes, and {template} has {other.size}.",
        hint="Name another path for the variables (nvram), or none to have them made.",
        path=path,
    )


def _note(path: str, directory: str) -> Optional[str]:
    """The file that says what template a file of our own was made from."""
    return f"{path}.template" if posixpath.dirname(path) == directory else None


def _made_from(path: str, directory: str, host: Host) -> Optional[str]:
    note = _note(path, directory)
    data = None if note is None else host.read(note)
    return None if data is None else data.decode("utf-8", "surrogateescape").strip()


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
            hint=PACKAGES,
        )
    return path, data


def make_variables(domain: Domain, directory: str, host: Host, owner: Owner) -> None:
    """Make the file where it is missing; ``directory`` is that of our own."""
    missing = missing_variables(domain, host)
    if missing is None or domain.nvram is None:
        return
    path, data = missing
    if host.stat(posixpath.dirname(path)) is None:
        host.make_directory(posixpath.dirname(path), mode=0o711)
    note = _note(path, directory)
    if note is not None:
        host.write(note, f"{domain.nvram.template}\n".encode("utf-8", "surrogateescape"))
    host.write(path, data, mode=0o600, owner=owner)


def own_variables(domain: Domain, directory: str, host: Host) -> List[str]:
    """The files of a guest in our own directory that are there: its variables, and what they were made from."""
    path = variables_path(domain)
    note = None if path is None else _note(path, directory)
    return [found for found in (path, note) if note and found and host.stat(found) is not None]


def move_variables(domain: Domain, new_name: str, directory: str, host: Host) -> None:
    """Bring the variables in our own directory along to a new name, in the document too; may be done twice."""
    path, target = variables_path(domain), _renamed_path(domain, new_name, directory)
    if path is None or target is None:
        return
    for old, new in ((f"{path}.template", f"{target}.template"), (path, target)):
        found, data = host.stat(old), host.read(old, limit=LARGEST)
        if found is not None and data is not None:
            host.write(new, data, mode=found.mode, owner=(found.uid, found.gid))
    name_variables(domain, new_name, directory)


def name_variables(domain: Domain, new_name: str, directory: str) -> None:
    """Let a document say where the variables are once the guest has another name."""
    target = _renamed_path(domain, new_name, directory)
    if target is None or domain.nvram is None:
        return
    source = domain.nvram.source
    if source is not None:
        source.file = target
    else:
        domain.nvram.path = target


def _renamed_path(domain: Domain, new_name: str, directory: str) -> Optional[str]:
    """The place under a new name of variables that are called after their guest in our own directory."""
    path, name = variables_path(domain), f"{domain.name}_VARS."
    if path is None or not path.startswith(f"{directory}/{name}"):
        return None
    return f"{directory}/{new_name}_VARS.{path[len(directory) + 1 + len(name) :]}"
