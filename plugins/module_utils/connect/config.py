# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration file of connections, ``corral.conf``: ``uri_default`` and ``uri_aliases``.

The syntax is that of libvirt's own configuration files (src/util/virconf.c): ``key = "text"``, ``key = 'text'``,
``key = 5``, ``key = ["text", "text"]`` over several lines, ``;`` or a line's end between settings, ``#`` comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from ..errors import InvalidArgument, UriError
from ..host.api import Host
from ..host.layout import Layout
from .uri import parse_uri

Value = Union[str, int, List["Value"]]

ALIAS = re.compile(r"[A-Za-z0-9_-]+")

# Longest first: a text in three quotes begins like an empty one in one.
_TOKENS = re.compile(
    r'"""(?P<long>.*?)"""|"(?P<double>[^"\n]*)"|\'(?P<single>[^\'\n]*)\'|(?P<number>[-+]?[0-9]+)'
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<mark>[=\[\],;])|(?P<end>\n)|(?P<skip>[ \t\r]+|#[^\n]*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Config:
    """What the file says; ``aliases`` maps each alias to its URI as it was written."""

    path: str
    uri_default: Optional[str] = None
    aliases: Mapping[str, str] = field(default_factory=dict)

    def alias(self, name: str) -> Optional[str]:
        """Return the URI of an alias; a name with other characters than an alias has is never looked up."""
        return self.aliases.get(name) if ALIAS.fullmatch(name) else None


class Setting(NamedTuple):
    """One ``key = value`` of a file, and the line where it begins."""

    value: Value
    line: int


def config_path(host: Host) -> str:
    """Return the file that counts for this user: the host's for root, that of the XDG directories for others."""
    return (Layout.system() if host.euid() == 0 else Layout.session(host)).config_file


def load_config(host: Host) -> Config:
    """Read the configuration file; one that does not exist says nothing. Raises InvalidArgument and HostError."""
    path = config_path(host)
    data = host.read(path)
    if data is None:
        return Config(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidArgument(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    return parse_config(text, path)


def parse_config(text: str, path: str) -> Config:
    """Return what a file says. Raises InvalidArgument that names the file and the line."""
    settings = read_settings(text, path)
    unknown = next((key for key in settings if key not in ("uri_default", "uri_aliases")), None)
    if unknown:
        raise _bad(path, settings[unknown].line, f"{unknown} is not known; write uri_default or uri_aliases")
    return Config(path, _default(settings.get("uri_default"), path), _aliases(settings.get("uri_aliases"), path))


def _default(setting: Optional[Setting], path: str) -> Optional[str]:
    if setting is None or setting.value == "":
        return None
    if not isinstance(setting.value, str):
        raise _bad(path, setting.line, 'uri_default must be a text such as "qemu:///system"')
    return setting.value


def _aliases(setting: Optional[Setting], path: str) -> Dict[str, str]:
    aliases: Dict[str, str] = {}
    if setting is None:
        return aliases
    if not isinstance(setting.value, list):
        raise _bad(path, setting.line, 'uri_aliases must be a list such as ["lab=qemu:///system"]')
    for entry in setting.value:
        name, uri = _alias(entry, setting.line, path)
        if name in aliases:
            raise _bad(path, setting.line, f"the alias {name!r} stands there twice; remove one")
        aliases[name] = uri
    return aliases


def _alias(entry: Value, line: int, path: str) -> Tuple[str, str]:
    name, equals, uri = entry.partition("=") if isinstance(entry, str) else ("", "", "")
    if not equals:
        raise _bad(path, line, f"{entry!r} in uri_aliases is not an alias; write alias=uri, such as lab=qemu:///system")
    if not ALIAS.fullmatch(name):
        raise _bad(path, line, f"the alias {name!r} may only have the characters a-z, A-Z, 0-9, '_' and '-'")
    try:
        parse_uri(uri)
    except UriError as error:
        raise _bad(path, line, f"the alias {name!r} has no good URI: {error.message.rstrip('.')}") from None
    return name, uri


def read_settings(text: str, path: str) -> Dict[str, Setting]:
    """Return every setting of a file in libvirt's syntax; of a key that stands there twice the last one counts."""
    reader = _Reader(list(_scan(text, path)), path)
    settings: Dict[str, Setting] = {}
    while reader.more():
        key, line = reader.take("name", 'a setting such as uri_default = "qemu:///system"')
        reader.take_mark("=")
        settings[key] = Setting(reader.value(), line)
        reader.end_of_setting()
    return settings


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _scan(text: str, path: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKENS.match(text, position)
        if not match:
            raise _bad(path, line, _unreadable(text[position]))
        kind = match.lastgroup or ""
        if kind != "skip":
            yield _Token("text" if kind in ("long", "double", "single") else kind, match[kind], line)
        line += match.group().count("\n")
        position = match.end()


def _unreadable(character: str) -> str:
    if character in "\"'":
        return f"a text is not closed; end it with {character} on the same line"
    return f"{character!r} was not expected; write texts in double quotes"


class _Reader:
    """Walks over the tokens of one file."""

    def __init__(self, tokens: List[_Token], path: str) -> None:
        self.tokens = tokens
        self.path = path
        self.last_line = tokens[-1].line if tokens else 1

    def more(self) -> bool:
        self.skip_lines()
        return bool(self.tokens)

    def skip_lines(self) -> None:
        while self.tokens and self.tokens[0].kind == "end":
            self.tokens.pop(0)

    def at_mark(self, mark: str) -> bool:
        return bool(self.tokens) and self.tokens[0].kind == "mark" and self.tokens[0].text == mark

    def take(self, kind: str, wanted: str) -> Tuple[str, int]:
        if not self.tokens or self.tokens[0].kind != kind:
            raise self.error(f"{wanted} was expected")
        token = self.tokens.pop(0)
        return token.text, token.line

    def take_mark(self, mark: str) -> None:
        if not self.at_mark(mark):
            raise self.error(f"{mark!r} was expected")
        self.tokens.pop(0)

    def value(self) -> Value:
        if self.at_mark("["):
            return self.list()
        kind = self.tokens[0].kind if self.tokens else ""
        if kind not in ("text", "number"):
            raise self.error("a value was expected; write texts in double quotes")
        text = self.tokens.pop(0).text
        return int(text) if kind == "number" else text

    def list(self) -> Value:
        values: List[Value] = []
        self.take_mark("[")
        self.skip_lines()
        while not self.at_mark("]"):
            values.append(self.value())
            self.skip_lines()
            if not self.at_mark("]"):
                if not self.at_mark(","):
                    raise self.error("the list goes on without a ','; close it with ']' or separate its values")
                self.take_mark(",")
                self.skip_lines()
        self.take_mark("]")
        return values

    def end_of_setting(self) -> None:
        if self.at_mark(";"):
            self.take_mark(";")
        elif self.tokens and self.tokens[0].kind != "end":
            raise self.error("a setting ends with its line; write the next one on a line of its own")

    def error(self, what: str) -> InvalidArgument:
        return _bad(self.path, self.tokens[0].line if self.tokens else self.last_line, what)


def _bad(path: str, line: int, what: str) -> InvalidArgument:
    return InvalidArgument(f"{path}, line {line}: {what}.", path=path, line=line)
