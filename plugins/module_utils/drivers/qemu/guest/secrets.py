# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets of a guest: what its document names is fetched from the secret driver and sealed for its QEMU.

QEMU gets the values on its command line, encrypted with a key that is made for this start alone. The key is a file that
QEMU's user can read until QEMU has answered, and root alone from then on; other guests have the same user, and could
read it as they can read the command line. swtpm gets its passphrase in a file that is gone at the same time.

Source of the rules: QEMU's docs/system/secrets.rst, swtpm(8), and, for what a secret must be for, libvirt's
qemu_domain.c and qemu_tpm.c.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ....errors import MonitorError, NotFound, OperationInvalid, UnsupportedConfig
from ....host.api import Host, Monitor
from ....model.domain.core import Domain
from ....model.domain.platform import Tpm
from ....xml.canonical import HIDDEN
from ...api import SecretDriver
from ..command.blockdev_secrets import MASTER_KEY, SecretNeed, master_key
from ..command.secrets import guest_secrets
from ..context import Context, Sealed
from ..options import argv
from ..sealing import BLOCK, KEY, seal
from .helpers import tpm_key
from .site import Site

Owner = Optional[Tuple[int, int]]
Values = Dict[Tuple[str, str], Sealed]

TEXT = "text"
DEFINE = "Define it, and set its value, with corral.virt.secret."


@dataclass(frozen=True)
class Secrets:
    """What a start is told: ``sealed`` values for Context.secrets, the ``key`` that opens them, swtpm's passphrase.

    ``key`` and ``passphrase`` are empty where nothing needs them, and where the guest is only looked at.
    """

    sealed: Mapping[Tuple[str, str], Sealed] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)
    passphrase: bytes = field(default=b"", repr=False)

    def first_arguments(self, context: Context) -> List[str]:
        """What stands before all else on QEMU's command line: where the key is."""
        return argv([master_key(key_file(context))], context.caps) if self.key else []

    def put(self, context: Context, host: Host, owner: Owner) -> None:
        """Put the keys into the guest's directory, for QEMU's user to read."""
        for path, data in ((key_file(context), self.key), (tpm_key(context), self.passphrase)):
            if data:
                host.write(path, data, mode=0o400, owner=owner)

    def close(self, context: Context, host: Host) -> None:
        """Take the keys away from QEMU's user: those who need them have read them.

        QEMU's stays for root, who seals with it what the guest gets later.
        """
        if self.passphrase:
            host.remove(tpm_key(context))
        if self.key:
            host.change_owner(key_file(context), host.euid(), host.egid())


def secrets_of(site: Site, domain: Domain, context: Context, *, shown: bool = False) -> Secrets:
    """Fetch and seal what a live document needs; raises UnsupportedConfig for a secret that is not there.

    A read-only connection only sees whether all is there, and where the command line is only ``shown`` not even that.
    """
    needs, tpm = guest_secrets(domain, context), _tpm_need(domain)
    if not needs and tpm is None:
        return Secrets()
    if shown or site.read_only:
        if not shown:
            for need in (*needs, *([] if tpm is None else [tpm])):
                check_secret(site, need)
        return Secrets(stand_ins(needs))
    key = _random(KEY) if needs else b""
    passphrase = b"" if tpm is None else value_of(site, tpm)
    return Secrets(sealed_values(site, needs, key), key, passphrase)


def stand_ins(needs: Sequence[SecretNeed]) -> Values:
    """Something for each value, where none is needed."""
    return {need.key: Sealed(HIDDEN, HIDDEN) for need in needs}


def sealed_later(site: Site, needs: Sequence[SecretNeed], context: Context, monitor: Monitor) -> Values:
    """The values for what a guest gets while it runs; its QEMU is told a key where it was started without one.

    The monitor is for us alone, so the key itself may pass through it.
    """
    if not needs:
        return {}
    host, path = site.host, key_file(context)
    key = host.read(path, limit=KEY, owner=host.euid())
    if key is None:
        key = _random(KEY)
        with suppress(MonitorError):
            monitor.execute("object-del", {"id": MASTER_KEY})  # of a run that was killed before it could keep the key
        given = {"qom-type": "secret", "id": MASTER_KEY, "format": "base64", "data": b64encode(key).decode()}
        monitor.execute("object-add", given)
        host.write(path, key, mode=0o400)
    return sealed_values(site, needs, key)


def sealed_values(site: Site, needs: Sequence[SecretNeed], key: bytes) -> Values:
    """The values under the key, each with a vector of its own."""
    return {need.key: seal(value_of(site, need), key, _random(BLOCK)) for need in needs}


def value_of(site: Site, need: SecretNeed) -> bytes:
    """The value that a part of a guest is opened with; raises UnsupportedConfig."""
    kind, name = need.key
    if kind == TEXT:
        return name.encode("utf-8", "surrogateescape")
    check_secret(site, need)
    try:
        return _driver(site, need).use_secret_value(name)
    except (NotFound, OperationInvalid) as error:  # it went while we looked
        raise UnsupportedConfig(error.message, line=need.line, hint=DEFINE) from None


def check_secret(site: Site, need: SecretNeed) -> None:
    """Raise UnsupportedConfig unless there is such a secret, for such a use, with a value."""
    kind, name = need.key
    if kind == TEXT:
        return
    try:
        found = _driver(site, need).lookup_secret(name)
    except NotFound:
        raise UnsupportedConfig(f"there is no secret with the {kind} '{name}'.", line=need.line, hint=DEFINE) from None
    if found.usage != need.usage:
        raise UnsupportedConfig(
            f"the secret {found.uuid} is for {found.usage or 'nothing in particular'}, and one with the usage"
            f" {need.usage} is needed.",
            line=need.line,
            hint="Name another secret.",
        )
    if not found.has_value:
        raise UnsupportedConfig(f"the secret {found.uuid} has no value.", line=need.line, hint=DEFINE)


def key_file(context: Context) -> str:
    """Where the key of a guest's QEMU is."""
    return f"{context.directory}/master-key.aes"


def _tpm_need(domain: Domain) -> Optional[SecretNeed]:
    found: List[SecretNeed] = [
        SecretNeed(tpm.id(), ("uuid", tpm.secret), tpm.line, "vtpm")
        for tpm in domain.all(Tpm)
        if tpm.type == "emulator" and tpm.secret
    ]
    return found[0] if found else None


def _driver(site: Site, need: SecretNeed) -> SecretDriver:
    if site.neighbours is None:
        raise UnsupportedConfig("there is no driver that keeps secrets.", line=need.line)
    return site.neighbours.secret


def _random(size: int) -> bytes:
    from secrets import token_bytes

    return token_bytes(size)
