# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where values are kept: a file each, for its owner only, encrypted with a key of the host where that is possible.

The key is systemd's (systemd-creds(1)), which root alone can read. A value is given to systemd-creds on its standard
input and comes back on its output, so it stands on no command line. What was encrypted is bound to the secret's uuid:
a file that is put in another's place is not read.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Dict, Optional, Sequence

from ...errors import CommandFailed, HostError, MissingProgram, TimedOut
from ...host.api import Host

PROGRAM = "systemd-creds"
KEY = "/var/lib/systemd/credential.secret"  # made by systemd-creds at the first use
PLAIN, ENCRYPTED = "plain", PROGRAM
TIMEOUT = 30.0  # seconds
LARGEST = 1 << 20  # bytes, of which a file takes about twice as many
SENTENCES: Dict[str, str] = {
    PLAIN: "Values are kept in files that only {owner} can read, and are not encrypted.",
    ENCRYPTED: "Values are kept in files that only {owner} can read, encrypted with the key of this host"
    " (systemd-creds).",
}


def protection(host: Host) -> str:
    """Return PLAIN or ENCRYPTED: what happens to a value that is kept now; changes nothing."""
    if not _can_encrypt(host):
        return PLAIN
    if host.stat(KEY) is None:
        return ENCRYPTED  # asking would make the key; whoever keeps the first value sees
    return PLAIN if _encrypted(host, "probe", b"probe") is None else ENCRYPTED


def sentence(host: Host, older: Sequence[str] = ()) -> str:
    """Return for people how values are kept; ``older`` are the files of the values that there are."""
    way = protection(host)
    said = SENTENCES[way].format(owner="root" if host.euid() == 0 else "their owner")
    plain = sum(_way(host, path) == PLAIN for path in older) if way == ENCRYPTED else 0
    return f"{said} Of those from before {plain} {'is' if plain == 1 else 'are'} not encrypted." if plain else said


def keep(host: Host, path: str, uuid: str, value: bytes) -> None:
    """Write a value in one step; raises HostError."""
    sealed = _encrypted(host, uuid, value) if _can_encrypt(host) else None
    content = {"protection": ENCRYPTED, "value": sealed} if sealed else {"protection": PLAIN, "value": _text(value)}
    host.write(path, json.dumps(content).encode() + b"\n", mode=0o600)


def kept(host: Host, path: str, uuid: str) -> Optional[bytes]:
    """Return the value in a file, None where there is none; raises HostError for what cannot be read any more."""
    data = host.read(path)
    if data is None:
        return None
    try:
        content = json.loads(data)
        way, text = str(content["protection"]), str(content["value"])
        return _decrypted(host, path, uuid, text) if way == ENCRYPTED else b64decode(text, validate=True)
    except (ValueError, KeyError, TypeError):
        hint = "Set the value again, with force: true."
        raise HostError(f"{path} is damaged: it does not hold a secret's value.", hint=hint, path=path) from None


def _way(host: Host, path: str) -> Optional[str]:
    """How the value in a file is protected, None where the file does not say."""
    try:
        found: str = json.loads(host.read(path) or b"")["protection"]
    except (ValueError, KeyError, TypeError):
        return None
    return found


def _can_encrypt(host: Host) -> bool:
    """Only root can use the key of the host."""
    return host.euid() == 0 and host.find_program(PROGRAM) is not None


def _encrypted(host: Host, uuid: str, value: bytes) -> Optional[str]:
    """The encrypted value as text, None where systemd-creds cannot do it here."""
    try:
        done = host.run([*_words("encrypt", uuid), "--with-key=host", "-", "-"], stdin=value, timeout=TIMEOUT)
    except (CommandFailed, MissingProgram, TimedOut):
        return None
    return "".join(done.stdout.decode("ascii", "replace").split()) or None


def _decrypted(host: Host, path: str, uuid: str, text: str) -> bytes:
    try:
        return host.run(
            [*_words("decrypt", uuid), "--newline=no", "-", "-"], stdin=text.encode(), timeout=TIMEOUT
        ).stdout
    except CommandFailed as error:
        said = error.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise HostError(
            f"{path} cannot be decrypted with the key of this host; systemd-creds said: {said[0]}",
            hint="Put back the key with which it was encrypted, or set the value again, with force: true.",
            path=path,
        ) from None


def _words(verb: str, uuid: str) -> Sequence[str]:
    return (PROGRAM, verb, f"--name=corral-{uuid}")


def _text(value: bytes) -> str:
    return b64encode(value).decode()
