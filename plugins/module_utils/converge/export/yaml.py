# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing YAML that reads like what people write: a bare host has no library for it, and few things are needed.

Every text that could be read as something else is quoted, as JSON does it, which YAML reads, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# A text that is one without quotes, whoever reads it: a size, or what begins with a letter or a slash and has nothing
# special in it.
PLAIN = re.compile(r"\d+([KMGT]i|k)B|[A-Za-z/][A-Za-z0-9_./@%+-]*( [A-Za-z0-9_./@%+(][A-Za-z0-9_./@%+)-]*)*")
# Words that are no text to some reader of YAML.
WORDS = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null", "none"))
# What JSON leaves as it is, and YAML does not allow or takes for the end of a line.
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# What no block of lines can hold: tabs aside, what has to be written as a number.
NO_BLOCK = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
TEMPLATE = re.compile(r"\{[{%#]")


def scalar_safe(value: Any) -> Any:
    """Return a value in whose texts Ansible finds no template, but what they say."""
    if isinstance(value, Mapping):
        return {name: scalar_safe(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [scalar_safe(inner) for inner in value]
    return TEMPLATE.sub(lambda found: f"{{{{ '{found[0]}' }}}}", value) if isinstance(value, str) else value


def to_yaml(value: Any) -> str:
    """Return a document of mappings, lists, texts, numbers and truths."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _entry(f"{_scalar(str(name))}:", inner)
    else:
        for inner in value:
            if isinstance(inner, (Mapping, list)) and inner:
                first, *rest = _lines(inner)
                yield f"- {first}"
                yield from (f"  {line}" if line else "" for line in rest)
            else:
                yield f"- {_scalar(inner)}"


def _entry(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value and _is_block(value):
        yield f"{head} |" if value.endswith("\n") else f"{head} |-"
        yield from (f"  {line}" if line else "" for line in value.rstrip("\n").split("\n"))
    elif isinstance(value, (Mapping, list)) and value:
        yield head
        yield from (f"  {line}" if line else "" for line in _lines(value))
    else:
        yield f"{head} {_scalar(value)}"


def _is_block(value: str) -> bool:
    """Whether lines say a text as it is: the first tells how far they are indented, and one line ends it."""
    return not NO_BLOCK.search(value) and not value.startswith((" ", "\n")) and not value.endswith("\n\n")


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
