# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of secret drivers."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import ContextManager, Dict, List, Optional, Sequence, Tuple

from ...errors import CorralError
from ...xml.parse import Element
from .base import Driver, mutates


@dataclass(frozen=True)
class Secret:
    """One secret without its value; ``usage`` is volume, ceph, iscsi, tls, vtpm or None, ``usage_id`` for what.

    In a list one that cannot be looked at has the ``error``.
    """

    uuid: str
    usage: Optional[str] = None
    usage_id: Optional[str] = None
    private: bool = False
    ephemeral: bool = False
    has_value: bool = False
    description: Optional[str] = None
    error: Optional[CorralError] = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """What a secret is called by."""
        return self.uuid


@dataclass(frozen=True)
class SecretUser:
    """What needs a secret's value: ``kind`` is volume, guest or pool, ``pool`` is that of a volume.

    ``usage`` is what for (volume, vtpm, ceph, iscsi or tls), ``references`` is what may be meant: uuids, or usages with
    what they are for, such as ``volume:/images/a``. Without references nobody can tell which: its files are damaged.
    """

    kind: str
    name: str
    usage: str = ""
    references: Tuple[str, ...] = field(default=(), compare=False)
    pool: Optional[str] = None

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.kind} {self.name}" + (f" of pool {self.pool}" if self.pool is not None else "")


class SecretDriver(Driver):
    """Secrets; their values never leave the driver in clear but for those who use them.

    ``reference`` is a uuid, or a usage and what it is for, such as ``ceph:client.admin secret``.
    """

    kind = "secret"

    def list_secrets(self) -> Sequence[Secret]:
        raise self.unsupported("list_secrets")

    def lookup_secret(self, reference: str) -> Secret:
        raise self.unsupported("lookup_secret")

    def secret_xml(self, reference: str) -> Element:
        raise self.unsupported("secret_xml")

    def normalise_secret(self, document: Element) -> Element:
        """Complete a desired document as defining it would, and check it: keeps the uuid of a secret of that usage."""
        raise self.unsupported("normalise_secret")

    def secret_matches(self, reference: str, value: bytes) -> bool:
        """Whether the secret has this value, without showing it."""
        raise self.unsupported("secret_matches")

    def secret_protection(self) -> str:
        """How values are kept on this host, as a sentence for people."""
        return ""

    def secret_users(self) -> Dict[str, List[SecretUser]]:
        """By the uuid of each secret that can be looked at, what needs it on this connection; sorted."""
        raise self.unsupported("secret_users")

    @mutates
    def exclusive(self, name: str, *, timeout: float) -> ContextManager[None]:
        """Keep other runs from working on secrets meanwhile; raises LockBusy."""
        return nullcontext()

    @mutates
    def define_secret(self, document: Element) -> Secret:
        raise self.unsupported("define_secret")

    @mutates
    def set_secret_value(self, reference: str, value: bytes) -> None:
        raise self.unsupported("set_secret_value")

    @mutates
    def read_secret_value(self, reference: str) -> bytes:
        """The value for people; a private one is refused. Marked as changing: a read-only connection reads none."""
        raise self.unsupported("read_secret_value")

    @mutates
    def use_secret_value(self, reference: str) -> bytes:
        """The value for another driver that opens a disk, a pool or a TPM with it; private ones too."""
        raise self.unsupported("use_secret_value")

    @mutates
    def undefine_secret(self, reference: str) -> None:
        raise self.unsupported("undefine_secret")
