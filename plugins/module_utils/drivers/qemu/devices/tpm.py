# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TPMs: the host's own, one that swtpm emulates, or one behind a socket of the user's.

Source of the rules: libvirt's formatdomain, "TPM device", and QEMU's docs/specs/tpm.rst. swtpm is a process beside
QEMU: the row writes how QEMU reaches it.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.platform import Tpm
from ....xml.views import check_choice
from ..command.chardev import open_files
from ..context import Context
from ..kinds import Kind
from ..options import Option
from .interface_outside import vdpa_cards

MODELS = ("tpm-tis", "tpm-crb")
# our word for a backend and QEMU's
BACKENDS: Dict[str, str] = {"passthrough": "passthrough", "emulator": "emulator", "external": "emulator"}
VERSIONS = ("1.2", "2.0")
DEVICE = "/dev/tpm0"


def _complete(tpm: Tpm, domain: Domain, context: Context) -> None:
    if tpm.model is None:
        tpm.model = "tpm-tis"
    if tpm.type == "emulator" and tpm.version in (None, "default"):
        tpm.version = "1.2" if tpm.model == "tpm-tis" else "2.0"
    if tpm.type == "passthrough" and tpm.path is None:
        tpm.path = DEVICE


def _check(tpm: Tpm, domain: Domain, context: Context) -> None:
    check_choice(tpm, "model", tpm.model, MODELS)
    check_choice(tpm, "backend type", tpm.type, BACKENDS)
    if len(domain.all(Tpm)) > 1:
        raise XmlError("a guest has at most one <tpm>.", line=tpm.line)
    if tpm.type == "emulator":
        _check_emulator(tpm)
    if tpm.type == "external" and (tpm.source_type != "unix" or tpm.source_mode not in (None, "connect")):
        raise XmlError("a <tpm> of type external has a <source type='unix' mode='connect' path='...'/>.", line=tpm.line)
    if tpm.type == "external" and not tpm.source_path:
        raise XmlError("the <source> of an external <tpm> needs the path of its socket.", line=tpm.line)
    caps = context.caps
    if tpm.model not in caps.tpm_models or BACKENDS[tpm.type or ""] not in caps.tpm_types:
        raise UnsupportedConfig(
            f"{caps.binary} has no TPM '{tpm.model}' of type {tpm.type}.", line=tpm.line, hint="Remove the <tpm>."
        )


def _check_emulator(tpm: Tpm) -> None:
    check_choice(tpm, "backend version", tpm.version, VERSIONS)
    if tpm.element.find("backend/encryption") is not None and not tpm.secret:
        raise XmlError("the <encryption> of a <tpm> names its secret: secret='UUID'.", line=tpm.line)
    modern = tpm.version == "2.0"
    if not modern and tpm.model == "tpm-crb":
        raise XmlError("a TPM 1.2 has no model tpm-crb; write tpm-tis, or version='2.0'.", line=tpm.line)
    for found, what in (("active_pcr_banks", "PCR banks"), ("profile", "a profile")):
        if not modern and tpm.element.find(f"backend/{found}") is not None:
            raise XmlError(f"a TPM 1.2 has no {what}; write version='2.0', or remove <{found}>.", line=tpm.line)


def socket_of(tpm: Tpm, context: Context) -> Optional[str]:
    """The socket of the process that emulates a TPM, None for the host's own."""
    if tpm.type == "external":
        return tpm.source_path
    return (context.tpm_socket or f"{context.directory}/swtpm.sock") if tpm.type == "emulator" else None


def opened_files(tpm: Tpm) -> Tuple[Tuple[str, str], ...]:
    """What QEMU has open of the host's TPM, by their roles."""
    return (("tpm", tpm.path or DEVICE), ("cancel", f"{tpm.path or DEVICE}:cancel"))


def _write(tpm: Tpm, domain: Domain, context: Context) -> Iterator[Option]:
    head = {"type": BACKENDS[tpm.type or ""], "id": f"tpm-{tpm.id()}"}
    socket = socket_of(tpm, context)
    if socket is not None:
        yield Option("-chardev", {"backend": "socket", "id": "chrtpm", "path": socket}, first="backend")
        yield Option("-tpmdev", {**head, "chardev": "chrtpm"}, first="type")
    else:
        paths: List[str] = []
        first = len(open_files(domain, context)) + len(vdpa_cards(domain))
        for number, (role, path) in enumerate(opened_files(tpm), start=first):
            descriptor = context.descriptors.get(path, 0)
            yield Option("-add-fd", {"set": number, "fd": descriptor, "opaque": f"{tpm.id()}-{role}"})
            paths.append(f"/dev/fdset/{number}")
        yield Option("-tpmdev", {**head, "path": paths[0], "cancel-path": paths[1]}, first="type")
    yield Option("-device", {"driver": tpm.model, "tpmdev": head["id"], "id": tpm.id()})


TPM = Kind(Tpm, _write, complete=_complete, check=_check)
