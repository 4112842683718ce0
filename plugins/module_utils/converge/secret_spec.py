# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of secret to what is wanted: which secret, the document that it is to have, its value."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from ..errors import HostError, InvalidArgument
from ..model.secret.core import Secret, reference, write_usage
from ..values import parse_uuid
from ..xml.parse import Element, clone, new_element, parse
from .options.write import absolute, given, listed, text
from .secret_definition import SECRET_DEFINING, SECRET_SOURCES

Options = Mapping[str, Any]
Read = Callable[[str, int], Optional[bytes]]

LARGEST = 1 << 20  # bytes of a value
FEWEST, MOST = 16, 4096  # characters of a value that is made


@dataclass(frozen=True)
class Wanted:
    """What the user asks for. ``uuid`` and ``purpose`` say which secret; one of them may be missing.

    ``document`` is the whole of it where it was given as XML. ``value`` is what it is to be, ``generate`` how many
    characters are made where there is none yet.
    """

    state: str
    uuid: Optional[str]
    purpose: Optional[str]
    document: Optional[Element] = None
    options: Options = field(default_factory=dict)
    value: Optional[bytes] = field(default=None, repr=False)
    generate: Optional[int] = None

    @property
    def absent(self) -> bool:
        """Whether it is to go."""
        return self.state == "absent"

    def called(self) -> str:
        """The secret for people."""
        return self.purpose or self.uuid or ""


def wanted_secret(options: Options, read: Read) -> Wanted:
    """Return what the options ask for; ``read`` gives a file of the host, at most so many bytes, None without one.

    Raises InvalidArgument and XmlError for options that contradict each other or make no sense, HostError for a file
    that is not there. A secret that is to go is only named: its value is not looked at.
    """
    uuid, purpose, document = named(options)
    if options["state"] == "absent":
        return Wanted("absent", uuid, purpose)
    return Wanted(
        state=options["state"],
        uuid=uuid,
        purpose=purpose,
        document=document,
        options=given(options, ("description", "private", "ephemeral", "usage", "usage_id")),
        value=_value(options, read),
        generate=_length(options),
    )


def document_of(wanted: Wanted, before: Optional[Element]) -> Element:
    """The document that is wanted; what the options leave open stays as it is in the one ``before``."""
    if wanted.document is not None:
        return clone(wanted.document)
    old = None if before is None else Secret(before)
    element, options = new_element("secret"), wanted.options
    secret = Secret(element)
    uuid = wanted.uuid or (old.uuid if old else None)
    if uuid:
        text(element, "uuid", uuid)
    description = options.get("description", old.description if old else None)
    if description and description.strip():
        text(element, "description", description.strip())
    usage = old.usage if old and not wanted.purpose else None
    if wanted.purpose:
        write_usage(element, options["usage"], options["usage_id"].strip())
    elif usage is not None:
        element.append(clone(usage.element))
    for name in ("private", "ephemeral"):
        setattr(secret, name, options.get(name, getattr(old, name) if old else None))
    return element


def named(options: Options) -> tuple[Optional[str], Optional[str], Optional[Element]]:
    """Return the uuid, the purpose and the document of a secret, as far as the options say them.

    Raises InvalidArgument for options that name none, or that contradict each other, and XmlError.
    """
    clash = list(given(options, SECRET_DEFINING))
    if not options.get("xml"):
        return _named_by_options(options)
    if clash:
        raise InvalidArgument(
            f"xml cannot be given together with {listed(clash)}: the xml says all of the secret but its value.",
            hint="Write it into the xml, or leave the xml out.",
        )
    document = parse(options["xml"], root="secret", what="xml")
    secret = Secret(document)
    if secret.uuid is None and secret.purpose is None:
        raise InvalidArgument(
            "The xml has neither a <uuid> nor a <usage>, so the secret could not be found again.",
            hint="Write one of them into it.",
        )
    return parse_uuid(secret.uuid) if secret.uuid else None, secret.purpose, document


def _named_by_options(options: Options) -> tuple[Optional[str], Optional[str], None]:
    uuid, usage, usage_id = options.get("uuid"), options.get("usage"), (options.get("usage_id") or "").strip()
    if usage and not usage_id:
        raise InvalidArgument(f"usage {usage} does not say for what.", hint="Give usage_id, too.")
    if not uuid and not usage:
        raise InvalidArgument("Nothing says which secret is meant.", hint="Give uuid, or usage and usage_id.")
    return parse_uuid(uuid) if uuid else None, reference(usage, usage_id) if usage else None, None


def _value(options: Options, read: Read) -> Optional[bytes]:
    sources = list(given(options, SECRET_SOURCES))
    if len(sources) > 1:
        raise InvalidArgument(f"{listed(sources)} contradict each other: a secret has one value.", hint="Give one.")
    if not sources or sources == ["generate"]:
        return None
    found = READERS[sources[0]](options[sources[0]], read)
    if not found:
        raise InvalidArgument(f"{sources[0]} is empty, and a secret's value cannot be.", hint="Leave it out.")
    if len(found) > LARGEST:
        raise InvalidArgument(f"{sources[0]} has more than {LARGEST} bytes, and a secret's value cannot.")
    return found


def _from_text(value: str, _read: Read) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _from_base64(value: str, _read: Read) -> bytes:
    try:
        return b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument("value_base64 is no base64.", hint="Give the value as it is in value instead.") from None


def _from_file(path: str, read: Read) -> bytes:
    found = read(absolute(path, "value_file"), LARGEST + 1)
    if found is None:
        raise HostError(f"value_file: there is no {path} on the target host.", hint="Put it there, or give value.")
    return found


READERS: Mapping[str, Callable[[str, Read], bytes]] = {
    "value": _from_text,
    "value_base64": _from_base64,
    "value_file": _from_file,
}


def _length(options: Options) -> Optional[int]:
    length: Optional[int] = options.get("generate")
    if length is not None and not FEWEST <= length <= MOST:
        raise InvalidArgument(f"generate is {length}, and must be from {FEWEST} to {MOST} characters.")
    return length
