# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a TPM that swtpm emulates: made before its first start, with keys and certificates of an authority.

swtpm_setup works in the guest's runtime directory, and its result is put in place in one step, so a run that is killed
leaves a TPM that is whole or none. Without swtpm_setup swtpm makes a TPM without certificates by itself.

Source of the options: swtpm_setup(8), swtpm-localca(8).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import List, Optional, Tuple

from ....errors import CommandFailed, OperationFailed, UnsupportedConfig, sentence
from ....host.api import Host
from ....model.domain.core import Domain
from ....model.domain.platform import Tpm
from ..context import Context
from .helpers import CIPHER, state_directory, tpm_key

Owner = Optional[Tuple[int, int]]

SETUP_TIMEOUT = 120.0  # seconds: a busy host may take long to find primes
LARGEST = 16 << 20  # bytes; a state has some KiB
FILES = {"1.2": "tpm-00.permall", "2.0": "tpm2-00.permall"}
PLATFORM = "--platform-manufacturer corral.virt\n--platform-version 1\n--platform-model QEMU\n"


@dataclass(frozen=True)
class Setup:
    """What swtpm_setup is told: where it works, for whom, and the file that names its authority, if there is one.

    ``key`` is the file with the passphrase of the state, None for a state that is not encrypted.
    """

    directory: str
    identity: str
    config: Optional[str] = None
    key: Optional[str] = None


def make_states(domain: Domain, context: Context, host: Host, owner: Owner, scratch: str) -> None:
    """Make the state of an emulated TPM where there is none; ``scratch`` is a directory of this run alone."""
    for tpm in domain.all(Tpm):
        if tpm.type == "emulator":
            path = state_directory(tpm, domain.uuid or "", context)
            host.make_directory(path, mode=0o700, owner=owner)
            setup = host.find_program("swtpm_setup")
            if setup and host.stat(f"{path}/{state_file(tpm)}") is None:
                _make(tpm, domain, context, host, owner, scratch, path)
            elif setup and banks(tpm):
                words = reconfigure(tpm, path, tpm_key(context) if tpm.secret else None)
                host.run(words, timeout=SETUP_TIMEOUT, user=owner, env={"HOME": context.workplace})


def state_file(tpm: Tpm) -> str:
    """The name of the file that holds a TPM."""
    return FILES.get(tpm.version or "", FILES["2.0"])


def banks(tpm: Tpm) -> str:
    """The PCR banks that are asked for, separated by commas."""
    return ",".join(str(part.tag) for part in tpm.element.iterfind("backend/active_pcr_banks/*"))


def arguments(tpm: Tpm, setup: Setup) -> List[str]:
    """swtpm_setup's command line for a new TPM."""
    words = ["swtpm_setup", *(["--tpm2"] if tpm.version == "2.0" else []), "--tpm-state", setup.directory]
    words += ["--createek", "--lock-nvram", "--not-overwrite"]
    if setup.config:
        words += ["--config", setup.config, "--vmid", setup.identity, "--create-ek-cert", "--create-platform-cert"]
    words += ["--pcr-banks", banks(tpm)] if banks(tpm) else []
    words += ["--profile-name", tpm.profile_name or tpm.profile or ""] if tpm.profile_name or tpm.profile else []
    words += ["--profile-remove-disabled", tpm.remove_disabled] if tpm.remove_disabled else []
    return [*words, *_sealed_with(setup.key)]


def _sealed_with(key: Optional[str]) -> List[str]:
    return ["--pwdfile", key, "--cipher", CIPHER] if key else []


def reconfigure(tpm: Tpm, path: str, key: Optional[str] = None) -> List[str]:
    """swtpm_setup's command line for a TPM that is there, so that it has the banks that the document names."""
    words = ["swtpm_setup", "--tpm2", "--tpm-state", path, "--pcr-banks", banks(tpm), "--reconfigure"]
    return [*words, *_sealed_with(key)]


def _make(tpm: Tpm, domain: Domain, context: Context, host: Host, owner: Owner, scratch: str, path: str) -> None:
    if tpm.profile or tpm.profile_name:
        _check_profiles(tpm, host)
    host.make_directory(scratch, mode=0o700, owner=owner)
    identity = f"{domain.name}:{domain.uuid}"
    key = tpm_key(context) if tpm.secret else None
    setup = Setup(scratch, identity, _authority(context, host, owner), key)
    try:
        host.run(
            arguments(tpm, setup),
            timeout=SETUP_TIMEOUT,
            env={"HOME": scratch, "TMPDIR": scratch},
            user=owner,
        )
    except CommandFailed as error:
        said = sentence("; ".join(error.stderr.strip().splitlines()[-2:]) or "nothing")
        raise OperationFailed(f"The TPM of guest {domain.name} could not be made; swtpm_setup said: {said}") from error
    maker = owner[0] if owner else host.euid()
    data = host.read(f"{scratch}/{state_file(tpm)}", limit=LARGEST, owner=maker)
    if data is None:
        raise OperationFailed(f"The TPM of guest {domain.name} could not be made: swtpm_setup left no state.")
    host.write(f"{path}/{state_file(tpm)}", data, mode=0o600, owner=owner)
    host.remove_tree(scratch)


def _check_profiles(tpm: Tpm, host: Host) -> None:
    answer = host.run(["swtpm_setup", "--print-capabilities"], check=False, timeout=10.0).stdout
    try:
        known = "cmdarg-profile" in json.loads(answer).get("features", ())
    except (ValueError, AttributeError):
        known = False
    if not known:
        raise UnsupportedConfig("this host's swtpm_setup knows no profiles; remove <profile>.", line=tpm.line)


def _authority(context: Context, host: Host, owner: Owner) -> Optional[str]:
    """The configuration of the authority that signs our TPMs' certificates; None where there is no program for it."""
    program = host.find_program("swtpm_localca")
    if program is None:
        return None
    home = f"{context.tpm}/authority"
    host.make_directory(home, mode=0o700, owner=owner)
    places = {"statedir": home, "signingkey": "signkey.pem", "issuercert": "issuercert.pem", "certserial": "certserial"}
    texts = {
        "setup.conf": f"create_certs_tool = {program}\ncreate_certs_tool_config = {home}/authority.conf\n"
        f"create_certs_tool_options = {home}/authority.options\nactive_pcr_banks = sha256\n",
        "authority.conf": "".join(
            f"{name} = {place if name == 'statedir' else f'{home}/{place}'}\n" for name, place in places.items()
        ),
        "authority.options": PLATFORM,
    }
    for name, text in texts.items():
        if host.read(f"{home}/{name}") != text.encode():
            host.write(f"{home}/{name}", text.encode(), mode=0o644)
    return f"{home}/setup.conf"
