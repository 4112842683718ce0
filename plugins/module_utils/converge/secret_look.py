# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at secrets: what the module secret_info does. No value is shown: a read-only connection reads none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Optional

from ..drivers.api import Secret, SecretDriver, SecretUser
from ..errors import InvalidArgument, NotFound
from ..values import parse_uuid
from ..xml.write import to_text
from .job import Job
from .unreadable import Unreadable


def show_secrets(job: Job) -> dict[str, Any]:
    """Return the facts of the secrets that are asked for, or of all; never changes anything."""
    driver, options = job.connection.secret, job.options
    if options.get("usage_id") and not options.get("usage"):
        raise InvalidArgument("usage_id goes with usage.", hint="Give both, or usage alone.")
    wanted = [parse_uuid(uuid) for uuid in dict.fromkeys(options["uuid"])] if options.get("uuid") is not None else None
    secrets = list(driver.list_secrets())
    found = [secret for secret in _chosen(secrets, wanted) if secret.error is not None or _fits(secret, options)]
    known, unreadable = {secret.uuid for secret in secrets}, Unreadable(job, "Secret")
    if wanted is not None:
        _check_whole(found)
    users = driver.secret_users() if options.get("users") else None

    def shown(secret: Secret) -> dict[str, Any]:
        facts = _shown(driver, secret, with_xml=bool(options.get("xml")))
        return facts if users is None else {**facts, "users": _users(users.get(secret.uuid, ()))}

    return {
        "changed": False,
        "secrets": unreadable.shown(found, shown),
        "unreadable": unreadable,
        "missing": [uuid for uuid in wanted or () if uuid not in known],
        "protection": driver.secret_protection(),
    }


def _check_whole(secrets: Sequence[Secret]) -> None:
    """Raise what keeps one that was asked for by its uuid from being looked at."""
    for secret in secrets:
        if secret.error is not None:
            raise secret.error


def _chosen(secrets: Sequence[Secret], wanted: Optional[Sequence[str]]) -> list[Secret]:
    """Those that are wanted, in that order; all of them where nothing is said."""
    if wanted is None:
        return sorted(secrets, key=lambda secret: secret.uuid)
    by_uuid = {secret.uuid: secret for secret in secrets}
    return [by_uuid[uuid] for uuid in dict.fromkeys(wanted) if uuid in by_uuid]


def _fits(secret: Secret, options: Any) -> bool:
    return all(options.get(name) in (None, getattr(secret, name)) for name in ("usage", "usage_id"))


def secret_facts(secret: Secret) -> dict[str, Any]:
    """Return the facts of one secret."""
    facts = asdict(replace(secret, error=None))
    del facts["error"]
    return facts


def _users(users: Sequence[SecretUser]) -> list[dict[str, Optional[str]]]:
    from .secret_users import user_facts

    return [user_facts(user) for user in users]


def _shown(driver: SecretDriver, secret: Secret, *, with_xml: bool) -> dict[str, Any]:
    facts = secret_facts(secret)
    if with_xml:
        try:
            facts["xml"] = to_text(driver.secret_xml(secret.uuid))
        except NotFound:
            facts["xml"] = None
    return facts
