# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secret driver: documents of secrets as those of networks are kept, and beside them their values.

A secret that stays has its document in the configuration and its value in the state directory; one that is ephemeral
has both in the runtime directory, so they end with the host. Where both documents are there, as a run that was killed
while it changed one into the other leaves them, the first decides, and a value is looked for in both places. All calls
that change something hold one lock: there are few secrets, and no two of them may be for the same.
"""

from __future__ import annotations

import hmac
import posixpath
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...errors import CorralError, InvalidArgument, NotFound, OperationDenied, OperationInvalid
from ...host.api import Host
from ...host.layout import Layout
from ...model.secret.core import Secret as SecretView
from ...values import parse_uuid
from ...xml.parse import Element
from ...xml.write import to_text
from ..api import Neighbours, Secret, SecretDriver, SecretUser
from ..listing import check_told, left_of, listed, live, persistent
from ..store import Store
from .complete import complete
from .keep import LARGEST, keep, kept, sentence

# What whole runs are kept apart by.
EVERYTHING = "all"


class KeptSecrets(SecretDriver):
    """The secrets of one tree of files: the system's, a user's session, or an embedded one."""

    name = "secret"

    def __init__(self, host: Host, layout: Layout) -> None:
        self.host = host
        self.layout = layout
        self.store = Store(host, layout, "secret")
        self._neighbours: Optional[Neighbours] = None

    def meet(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    # looking

    def explain(self) -> Dict[str, Any]:
        return {"config": self.layout.config_dir("secret"), "values": self.layout.secrets_dir}

    def list_secrets(self) -> List[Secret]:
        return listed(self._uuids(), self._describe, lambda uuid, error: Secret(uuid, error=error))

    def lookup_secret(self, reference: str) -> Secret:
        return self._describe(self._find(reference))

    def secret_xml(self, reference: str) -> Element:
        return self._document(self._find(reference))

    def normalise_secret(self, document: Element) -> Element:
        host_id = f"{self.host.machine_id()}:{self.layout.config}"  # another tree has secrets of its own
        known = self._documents()
        done = SecretView(complete(document, known, host_id=host_id))
        if done.purpose is not None and done.uuid not in [SecretView(each).uuid for each in known]:
            self._check_told(done.purpose)
        return done.element

    def secret_matches(self, reference: str, value: bytes) -> bool:
        found = self._value(self._find(reference))
        return found is not None and hmac.compare_digest(found, value)

    def secret_protection(self) -> str:
        return sentence(self.host, [path for uuid in self._uuids() for path in self._places(uuid)])

    def secret_users(self) -> Dict[str, List[SecretUser]]:
        from .users import by_secret, used_on

        return by_secret(self.list_secrets(), used_on(self._neighbours))

    # changing

    @contextmanager
    def exclusive(self, name: str, *, timeout: float) -> Iterator[None]:
        with self.store.run_lock(EVERYTHING, timeout=timeout):
            yield

    def define_secret(self, document: Element) -> Secret:
        with self._alone():
            done = self.normalise_secret(document)
            uuid = SecretView(done).uuid or ""
            if SecretView(done).ephemeral:
                self._let_end(uuid, done)
            else:
                self._let_stay(uuid, done)
        return self._describe(uuid)

    def set_secret_value(self, reference: str, value: bytes) -> None:
        if not value:
            raise InvalidArgument("The value of a secret cannot be empty.", hint="Remove the secret instead.")
        if len(value) > LARGEST:
            raise InvalidArgument(f"The value has {len(value)} bytes, and a secret has at most {LARGEST}.")
        with self._alone():
            uuid = self._find(reference)
            here, other = self._places(uuid)
            keep(self.host, here, uuid, value)
            self.host.remove(other)

    def read_secret_value(self, reference: str) -> bytes:
        uuid = self._find(reference)
        if self._describe(uuid).private:
            raise OperationDenied(f"The secret {uuid} is private: its value is shown to nobody.", uuid=uuid)
        return self._need_value(uuid)

    def use_secret_value(self, reference: str) -> bytes:
        return self._need_value(self._find(reference))

    def undefine_secret(self, reference: str) -> None:
        with self._alone():
            uuid = self._find(reference)
            for path in self._places(uuid):
                self.host.remove(path)
            self.store.remove_live(uuid)
            self.store.remove_config(uuid)

    # inside

    def _let_stay(self, uuid: str, document: Element) -> None:
        self.store.write_config(uuid, to_text(document).encode())
        self._move_value(uuid)
        self.store.remove_live(uuid)

    def _let_end(self, uuid: str, document: Element) -> None:
        self.store.write_live(uuid, to_text(document).encode(), {})
        if self.store.read_config(uuid) is None:
            return
        self._move_value(uuid, ends=True)
        self.store.remove_config(uuid)

    def _move_value(self, uuid: str, *, ends: bool = False) -> None:
        """Bring a value to where its document says that it belongs."""
        stays, passes = self.layout.secret_value(uuid), self.layout.ephemeral_value(uuid)
        source, target = (stays, passes) if ends else (passes, stays)
        value = kept(self.host, source, uuid)
        if value is not None:
            keep(self.host, target, uuid, value)
            self.host.remove(source)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold off all others, after removing what another boot has left where the runtime directory outlives it."""
        with self.store.names_lock():
            self._forget_ended()
            yield

    def _forget_ended(self) -> None:
        folder, known = self.layout.live_dir("secret"), self._uuids()
        for entry in self.host.entries(folder):
            if not entry.startswith(".") and posixpath.splitext(entry)[0] not in known:
                self.host.remove(posixpath.join(folder, entry))

    def _uuids(self) -> List[str]:
        return sorted({*self.store.names(), *self.store.live_names()})

    def _documents(self) -> List[Element]:
        """Every document; of one that is damaged what is left."""
        return [document for uuid in self._uuids() for document in self._readable(uuid)]

    def _readable(self, uuid: str) -> List[Element]:
        try:
            return [self._document(uuid)]
        except CorralError:
            return left_of(self.store, uuid)

    def _check_told(self, purpose: str) -> None:
        """Raise HostError where a damaged secret may be for something, and it cannot be told any more for what."""
        for each in self.list_secrets():
            if each.error is not None and not any(SecretView(rest).purpose for rest in left_of(self.store, each.uuid)):
                check_told([each.error], purpose)

    def _read(self, uuid: str) -> Optional[bytes]:
        found = self.store.read_config(uuid)
        return self.store.read_live(uuid) if found is None else found

    def _document(self, uuid: str) -> Element:
        found = persistent(self.store, uuid)
        if found is None:
            found = live(self.store, uuid, f"Remove {self.store.live_path(uuid)}, and define the secret again.")
        if found is None:
            raise NotFound(f"There is no secret with the uuid {uuid}.", uuid=uuid)
        return found

    def _find(self, reference: str) -> str:
        """The uuid of a secret; raises NotFound."""
        with suppress(InvalidArgument):
            uuid = parse_uuid(reference)
            if self._read(uuid) is not None:
                return uuid
        for document in self._documents():
            secret = SecretView(document)
            if secret.purpose == reference:
                return secret.uuid or ""
        if ":" in reference:
            self._check_told(reference)
        raise NotFound(
            f"There is no secret with the uuid or usage '{reference}'.",
            hint="A secret is named by its uuid, or by what it is for, such as ceph:client.admin.",
            reference=reference,
        )

    def _places(self, uuid: str) -> Tuple[str, str]:
        """Where the value belongs, and where a run that was killed may have left it."""
        stays, passes = self.layout.secret_value(uuid), self.layout.ephemeral_value(uuid)
        lasting = self.host.stat(self.store.config_path(uuid)) is not None
        return (stays, passes) if lasting else (passes, stays)

    def _value(self, uuid: str) -> Optional[bytes]:
        here, other = self._places(uuid)
        found = kept(self.host, here, uuid)
        return kept(self.host, other, uuid) if found is None else found

    def _need_value(self, uuid: str) -> bytes:
        found = self._value(uuid)
        if found is None:
            raise OperationInvalid(f"The secret {uuid} has no value.", hint="Set its value first.", uuid=uuid)
        return found

    def _describe(self, uuid: str) -> Secret:
        secret = SecretView(self._document(uuid))
        usage = secret.usage
        return Secret(
            uuid=uuid,
            usage=None if usage is None else usage.type,
            usage_id=None if usage is None else usage.id,
            private=bool(secret.private),
            ephemeral=bool(secret.ephemeral),
            has_value=any(self.host.stat(path) is not None for path in self._places(uuid)),
            description=secret.description,
        )
