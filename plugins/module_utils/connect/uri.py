# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection URIs as text: ``scheme[+transport]://[user@][host][:port]/path[?name=value&...]``.

The rules are those of libvirt's docs/uri.rst and of RFC 3986. What libvirt would quietly drop (a fragment, a password,
a parameter without a name) is refused here, so that nothing that a user wrote is without effect.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple
from urllib.parse import quote, unquote

from ..errors import UriError
from ..values import Uri

EXAMPLES = "qemu:///system, qemu:///session or test:///default"

# Paths that people write with two slashes where they need three: "qemu://system" would be a host of that name.
LOCAL_PATHS = ("system", "session", "default", "embed")

_SHAPE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9.-]*)(?:\+(?P<transport>[A-Za-z0-9]+))?:"
    r"(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?"
)
_AUTHORITY = re.compile(
    r"(?:(?P<user>[^@]*)@)?(?P<host>\[[^\[\]]*\]|[^\[\]:@]*)(?P<port>:[^:@\[\]]*)?",
)
_HOST_NAME = re.compile(r"[A-Za-z0-9._~-]*")
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_uri(text: str) -> Uri:
    """Return the parts of a URI, unescaped; scheme and transport in lower case.

    Raises UriError with one sentence that says what to write instead.
    """
    _check_characters(text)
    match = _SHAPE.fullmatch(text)
    if not match:
        raise UriError(f"The URI {text!r} does not begin with the name of a driver; write one such as {EXAMPLES}.")
    if match["fragment"] is not None:
        raise UriError(f"The URI {_hidden(text)!r} has a '#'; write %23 where the character itself is meant.")
    user, host, port = _authority(text, match["authority"] or "")
    path = _unescape(match["path"], text)
    scheme, transport = match["scheme"].lower(), match["transport"]
    _check_path(text, scheme, host, path)
    return Uri(
        scheme=scheme,
        transport=transport.lower() if transport else None,
        user=user,
        host=host,
        port=port,
        path=path,
        params=_params(text, match["query"] or ""),
    )


def format_uri(uri: Uri) -> str:
    """Return the URI as text, escaped so that parse_uri gives the same value back."""
    scheme = f"{uri.scheme}+{uri.transport}" if uri.transport else uri.scheme
    query = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in uri.params)
    return f"{scheme}://{_format_authority(uri)}{quote(uri.path, safe='/:@,~')}" + (f"?{query}" if query else "")


def _check_characters(text: str) -> None:
    unseen = _UNSEEN.search(text)
    if unseen:
        code = "".join(f"%{byte:02X}" for byte in unseen.group().encode("utf-8", "replace"))
        raise UriError(f"The URI {_hidden(text)!r} has a blank or a control character; write {code} if it is meant.")
    if _BAD_ESCAPE.search(text):
        raise UriError(f"The URI {_hidden(text)!r} has a '%' without two hexadecimal digits; write %25 for the sign.")


def _hidden(text: str) -> str:
    """The URI as an error may show it: a password, which has no place in a URI, is not repeated."""
    return re.sub(r"^([^/]*//[^/@:]*):[^/@]*@", r"\1:***@", text)


def _authority(text: str, authority: str) -> Tuple[Optional[str], Optional[str], Optional[int]]:
    match = _AUTHORITY.fullmatch(authority)
    if not match:
        raise UriError(
            f"The host part of the URI {_hidden(text)!r} cannot be read; write it as user@host:port, "
            "with an IPv6 address in square brackets."
        )
    user, host = _user(text, match["user"]), _host(text, match["host"])
    port = _port(text, match["port"])
    if host is None and (user is not None or match["port"]):
        raise UriError(f"The URI {text!r} has a user or a port, but no host; write it as user@host:port.")
    return user, host, port


def _user(text: str, user: Optional[str]) -> Optional[str]:
    if user is None:
        return None
    if ":" in user:
        raise UriError(f"The URI {_hidden(text)!r} has a password in it; leave it out and write user@host only.")
    if not user:
        raise UriError(f"The URI {text!r} has nothing before the '@'; write user@host, or the host alone.")
    return _unescape(user, text)


def _host(text: str, host: str) -> Optional[str]:
    if host.startswith("["):
        return _ipv6(text, _unescape(host[1:-1], text))
    name = _unescape(host, text)
    if not _HOST_NAME.fullmatch(name):
        raise UriError(f"{name!r} in the URI {text!r} is no host name; write letters, digits, '-' and '.'.")
    return name or None


def _ipv6(text: str, address: str) -> str:
    from ipaddress import AddressValueError, IPv6Address  # only where there is one: the module is slow to load

    plain, percent, zone = address.partition("%")
    try:
        IPv6Address(plain)
    except AddressValueError:
        raise UriError(f"{plain!r} in the URI {text!r} is no IPv6 address; write one such as [fe80::1].") from None
    if percent and not re.fullmatch(r"[A-Za-z0-9._~-]+", zone):
        raise UriError(f"{zone!r} in the URI {text!r} is no network interface; write it as [fe80::1%25eth0].")
    return address


def _port(text: str, port: Optional[str]) -> Optional[int]:
    if not port or port == ":":
        return None
    if not re.fullmatch(r":[0-9]{1,5}", port) or not 0 < int(port[1:]) < 65536:
        raise UriError(f"The port {port[1:]!r} in the URI {_hidden(text)!r} is not a number from 1 to 65535.")
    return int(port[1:])


def _check_path(text: str, scheme: str, host: Optional[str], path: str) -> None:
    if host in LOCAL_PATHS and path in ("", "/"):
        raise UriError(f"The URI {text!r} has one slash too few; did you mean {scheme}:///{host}?")
    if path and not path.startswith("/"):
        raise UriError(f"The URI {text!r} lacks its slashes; did you mean {scheme}:///{path}?")


def _params(text: str, query: str) -> Tuple[Tuple[str, str], ...]:
    # A ';' separates only after the last '&', as in libvirt's viruri.c.
    *parts, last = query.split("&")
    return tuple(_param(text, part) for part in [*parts, *last.split(";")] if part)


def _param(text: str, part: str) -> Tuple[str, str]:
    name, _equals, value = part.partition("=")
    if not name:
        raise UriError(f"The parameter {part!r} in the URI {_hidden(text)!r} has no name; write name=value.")
    return _unescape(name, text), _unescape(value, text)


def _unescape(part: str, text: str) -> str:
    try:
        plain = unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise UriError(f"The escapes in {part!r} of the URI {_hidden(text)!r} are not UTF-8; write them so.") from None
    if "\0" in plain:
        raise UriError(f"The URI {_hidden(text)!r} has a NUL character (%00) in it; leave it out.")
    return plain


def _escape(part: str) -> str:
    return quote(part, safe="/:,~")


def _format_authority(uri: Uri) -> str:
    pieces: List[str] = []
    if uri.user is not None:
        pieces.append(quote(uri.user, safe="") + "@")
    if uri.host is not None:
        pieces.append(f"[{uri.host.replace('%', '%25')}]" if ":" in uri.host else uri.host)
    if uri.port is not None:
        pieces.append(f":{uri.port}")
    return "".join(pieces)
