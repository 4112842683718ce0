# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a module's options Ansible must never repeat, and what it may although it takes it for secret.

Ansible blots out the words that are secret wherever they stand in a result. So each of them has to be known, and
nothing else: a document that may hold secrets would have every "1" and every "root" of a result blotted out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# Options whose values are documents that may hold secrets, which no result repeats.
SECRET_DOCUMENTS = ("cloud_init", "ignition")
HIDDEN = "(hidden)"
# <graphics passwd='...'>, in a text that may be anything.
PASSWORD = re.compile(r"""passwd\s*=\s*['"]([^'"]*)['"]""")

Options = Mapping[str, Any]
Rows = Mapping[str, Mapping[str, Any]]


def hide_passwords(module: AnsibleModule, told: Iterable[Options]) -> None:
    """Passwords in XML are hidden before anything can go wrong: also those of a document that is not well-formed."""
    written = [found for options in told for found in PASSWORD.findall(str(options.get("xml") or ""))]
    if not written:
        return
    from html import unescape

    module.no_log_values.update(written)
    module.no_log_values.update(unescape(found) for found in written)
    module.no_log_values.discard("")


def set_aside(module: AnsibleModule) -> dict[str, Any]:
    """Return the options, and hide documents that may hold secrets in what Ansible repeats of them."""
    options = dict(module.params)
    for name in SECRET_DOCUMENTS:
        if options.get(name) is not None:
            module.params[name] = HIDDEN
            module.no_log_values.difference_update(words(options[name]))
    return options


def set_list_aside(module: AnsibleModule, rows: Rows, name: str) -> None:
    """Let Ansible take the list of that option for what its elements are, which are told ``rows``."""
    elements = module.params[name]
    module.no_log_values.difference_update(words(elements))
    for told in (module.params, *elements):
        module.no_log_values.update(secret_words(rows, told))
    hide_passwords(module, elements)
    module.params[name] = [_without_documents(element) for element in elements]


def _without_documents(element: Options) -> dict[str, Any]:
    hidden = {name: HIDDEN for name in SECRET_DOCUMENTS if element.get(name) is not None}
    return {**element, **hidden}


def secret_words(rows: Rows, told: Options) -> Iterator[str]:
    """Every text and number in the secret options among these, but for those of documents."""
    for name, row in rows.items():
        value = told.get(name)
        if name in SECRET_DOCUMENTS or value is None:
            continue
        if row.get("no_log"):
            yield from words(value)
        for inner in value if isinstance(value, list) else [value]:
            if row.get("options") and isinstance(inner, Mapping):
                yield from secret_words(row["options"], inner)


def words(value: Any) -> Iterator[str]:
    """Every text and number in a value, as Ansible writes them down."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from words(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from words(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
