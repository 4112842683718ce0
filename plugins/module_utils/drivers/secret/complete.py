# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the document that is wanted to the one that is kept: checked, complete, in one form. Pure.

Source of the rules: libvirt's formatsecret, its secret_conf.c and virsecretobj.c.
"""

from __future__ import annotations

from typing import Optional, Sequence

from ...errors import AlreadyExists, InvalidArgument, OperationInvalid, XmlError
from ...model.secret.core import NOTHING, USAGES, Secret, Usage
from ...model.secret.identity import SECRET_ORDER
from ...values import derived_uuid, parse_uuid
from ...xml.parse import Element, clone
from ...xml.views import check_choice

LONGEST_ID = 4096  # bytes: the longest path of a volume
PARTS = ("uuid", "description", "usage", "usage/volume", "usage/name", "usage/target")


def complete(document: Element, known: Sequence[Element], *, host_id: str) -> Element:
    """Return the document as it is kept; it keeps the uuid of the secret of that usage.

    ``known`` are all secrets. Raises XmlError, and AlreadyExists or OperationInvalid for what would take a secret away
    from others or from its secrecy.
    """
    secret = Secret(clone(document))
    if secret.element.tag != "secret":
        raise XmlError(f"the document is a <{secret.element.tag}>; write a <secret>.", line=secret.line)
    check(secret)
    secret.ephemeral, secret.private = bool(secret.ephemeral), bool(secret.private)
    _settle(secret)
    others = [Secret(other) for other in known]
    secret.uuid = secret.uuid or _own_uuid(secret, others, host_id)
    for other in others:
        _check_beside(secret, other)
    _order(secret.element)
    return secret.element


def check(secret: Secret) -> None:
    """Raise XmlError for the first thing that is wrong with a document by itself."""
    for path in PARTS:
        second = secret.element.findall(path)[1:]
        if second:
            raise XmlError(f"there is more than one <{path.rpartition('/')[2]}>.", line=second[0].sourceline)
    value = secret.element.find("value")
    if value is not None:
        raise XmlError(
            "a secret's document has no <value>: documents are shown.",
            line=value.sourceline,
            hint="Give the value beside the document: value, value_file, value_base64 or generate.",
        )
    _uuid(secret)
    if secret.usage is not None and secret.usage.type != NOTHING:
        _check_usage(secret.usage)


def _check_usage(usage: Usage) -> None:
    check_choice(usage, "type", usage.type, USAGES)
    found = usage.id
    if found is None:
        what = f"<{usage.holder}>...</{usage.holder}>"
        raise XmlError(f"<usage type='{usage.type}'> does not say for what; write {what} into it.", line=usage.line)
    if any(ord(char) < 32 or ord(char) == 127 for char in found):
        raise XmlError(f"<{usage.holder}> holds a line break or another control character.", line=usage.line)
    if len(found.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        raise XmlError(f"<{usage.holder}> has more than {LONGEST_ID} bytes.", line=usage.line)


def _uuid(secret: Secret) -> Optional[str]:
    try:
        return None if secret.uuid is None else parse_uuid(secret.uuid)
    except InvalidArgument as error:
        raise XmlError(error.message, line=secret.line_at("uuid")) from None


def _settle(secret: Secret) -> None:
    secret.uuid = _uuid(secret)
    secret.description = secret.description
    usage = secret.usage
    if usage is None:
        return
    if usage.type == NOTHING:
        secret.element.remove(usage.element)
        return
    for element in list(usage.element):
        if element.tag == usage.holder:
            element.text = usage.id
        elif element.tag in USAGES.values():
            usage.element.remove(element)


def _own_uuid(secret: Secret, others: Sequence[Secret], host_id: str) -> str:
    """The uuid of the secret that has this purpose, or a new one out of the host and the purpose."""
    purpose = secret.purpose
    if purpose is None:
        raise XmlError(
            "the secret has neither a <uuid> nor a <usage>, so it could not be found again.",
            line=secret.line,
            hint="Write one of them.",
        )
    own = next((other.uuid for other in others if other.purpose == purpose), None)
    return own or derived_uuid("secret", host_id, purpose)


def _check_beside(secret: Secret, other: Secret) -> None:
    same = other.uuid == secret.uuid
    if not same and secret.purpose is not None and other.purpose == secret.purpose:
        raise AlreadyExists(
            f"There is a secret for {secret.purpose} already, with the uuid {other.uuid}.",
            hint="Leave the uuid out, or remove that one first.",
            uuid=other.uuid,
        )
    if same and other.purpose != secret.purpose:
        raise AlreadyExists(
            f"The secret {other.uuid} is for {other.purpose or 'nothing in particular'} already, and cannot be for"
            f" {secret.purpose or 'nothing in particular'}.",
            hint="Leave the uuid out, choose another, or remove that secret first.",
            uuid=other.uuid,
        )
    if same and other.private and not secret.private:
        raise OperationInvalid(
            f"The secret {other.uuid} is private, and its value is never shown; it cannot cease to be that.",
            hint="Remove it and define it anew with its value, or leave it private.",
        )


def _order(secret: Element) -> None:
    rank = {tag: number for number, tag in enumerate(SECRET_ORDER[""])}
    secret[:] = sorted(secret, key=lambda child: rank.get(str(child.tag), len(rank)))
