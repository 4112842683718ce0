# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that something needs: what may not be done to them without ``force``, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..drivers.api import Secret, SecretUser
from ..errors import OperationInvalid

# What can be done to a secret: it goes, gets another value, or comes to end with the host's next shutdown.
REMOVE, ROTATE, END = "remove", "rotate", "end"
CANNOT: Mapping[str, str] = {
    REMOVE: "cannot be absent",
    ROTATE: "cannot have another value",
    END: "cannot become ephemeral, with its value kept nowhere else",
}
# How many users a message names.
SHOWN = 5


@dataclass(frozen=True)
class Rule:
    """What a secret that is needed for a use may not undergo, and why, for people."""

    refused: frozenset[str]
    reason: str


_DATA = frozenset({REMOVE, ROTATE, END})
_PASSWORD = frozenset({REMOVE})
_SERVER = Rule(_PASSWORD, "The server asks for it, and would let nobody in without it.")
RULES: Mapping[str, Rule] = {
    # The key of an image is made from the value: another one opens nothing, and there is no way back.
    "volume": Rule(_DATA, "What is encrypted with its value can be opened with that value only, and is lost without."),
    # swtpm encrypts its state with the value, and the guest's own disk may hang on that state.
    "vtpm": Rule(_DATA, "The state of a TPM that is encrypted with its value is lost without that value."),
    # A password is changed on the server and here; one that is wrong here is put right here.
    "ceph": _SERVER,
    "iscsi": _SERVER,
    # The file of a private key can be encrypted anew, or made anew with its certificate; nothing else hangs on it.
    "tls": Rule(_PASSWORD, "A private key is opened with it, and no connection could be made without it."),
}
# For a use that cannot be told, and a secret that is for nothing in particular.
UNKNOWN = RULES["volume"]


def check_unused(secret: Secret, called: str, done: str, users: Sequence[SecretUser]) -> None:
    """Raise OperationInvalid where ``done`` (REMOVE, ROTATE, END) would harm one of those who need the secret."""
    harmed = needing(secret, done, users)
    if harmed:
        raise OperationInvalid(
            f"The secret {called} is needed by {said(harmed)}, and {CANNOT[done]}. {_rule(secret, harmed[0]).reason}",
            hint=_hint(harmed),
            users=[user_facts(user) for user in harmed],
        )


def needing(secret: Secret, done: str, users: Sequence[SecretUser]) -> list[SecretUser]:
    """Return those who would be harmed, those first whose data would be lost."""
    harmed = [user for user in users if done in _rule(secret, user).refused]
    return sorted(harmed, key=lambda user: ROTATE not in _rule(secret, user).refused)


def _rule(secret: Secret, user: SecretUser) -> Rule:
    return RULES.get(user.usage or secret.usage or "", UNKNOWN)


def said(users: Sequence[SecretUser]) -> str:
    """Return who needs a secret, for people; one that may need any, because its files are damaged, is called so."""
    labels = list(dict.fromkeys(map(_label, users)))
    more = len(labels) - SHOWN
    return ", ".join(labels[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _label(user: SecretUser) -> str:
    return user.label if user.references else f"{user.label} (whose files are damaged)"


def _hint(users: Sequence[SecretUser]) -> str:
    kinds = {user.kind for user in users}
    first = [
        *(["delete the volumes, or copy them to new ones with another secret"] if "volume" in kinds else []),
        *(["take the secret out of the definitions, or remove those"] if kinds - {"volume"} else []),
    ]
    todo = "; ".join(first)
    return f"{todo[0].upper()}{todo[1:]}. force: true (of corral.virt.secret) does it all the same."


def user_facts(user: SecretUser) -> dict[str, Optional[str]]:
    """Return one who needs a secret as plain values."""
    facts: dict[str, Any] = {"kind": user.kind, "name": user.name, "pool": user.pool, "usage": user.usage or None}
    return facts
