# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What needs a secret: guests, pools and volumes name it by its uuid, or by what it is for."""

from __future__ import annotations

from contextlib import suppress
from typing import Dict, List, Optional, Sequence

from ...errors import NoSupport
from ...model.secret.core import reference
from ..api import Neighbours, Secret, SecretUser


def used_on(neighbours: Optional[Neighbours]) -> List[SecretUser]:
    """What guests and pools need secrets for; a slot without a driver has none."""
    found: List[SecretUser] = []
    if neighbours is not None:
        for slot in (neighbours.hypervisor, neighbours.storage):
            with suppress(NoSupport):
                found += slot.secrets_used()
    return found


def by_secret(secrets: Sequence[Secret], users: Sequence[SecretUser]) -> Dict[str, List[SecretUser]]:
    """Return by its uuid what may need a secret; each user once for each thing that it needs the value for."""
    return {secret.uuid: _of(secret, users) for secret in secrets if secret.error is None}


def _of(secret: Secret, users: Sequence[SecretUser]) -> List[SecretUser]:
    names = {secret.uuid, reference(secret.usage, secret.usage_id or "") if secret.usage else secret.uuid}
    found = {user for user in users if not user.references or names.intersection(user.references)}
    return sorted(found, key=lambda user: (user.kind, user.pool or "", user.name, user.usage))
