# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options with a short and a long form: ``vcpus: 2`` says the same as ``vcpus: {count: 2}``.

Ansible passes them on as they are (``raw``), so their fields are read and checked here. A bare value is that of the
``short`` field. Values may come as text, from a template or from the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ...errors import InvalidArgument
from .write import absolute, kib_of, listed

Read = Callable[[Any, str], Any]
TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Form:
    """An option: the field that a bare value is for, its fields, and whether a truth alone switches it on or off."""

    option: str
    short: str
    fields: Mapping[str, Read]
    switch: bool = False

    def read(self, value: Any) -> Optional[dict[str, Any]]:
        """Return the fields that have a value, None for an option that is not given or is switched off.

        Raises InvalidArgument for a field that there is not, and what the fields raise.
        """
        if value is None:
            return None
        if isinstance(value, Mapping):
            return self._long(value)
        as_truth = truth_in(value) if self.switch else None
        if as_truth is not None:
            return {} if as_truth else None
        return {self.short: self.fields[self.short](value, self.option)}

    def _long(self, value: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(str(name) for name in value if name not in self.fields)
        if unknown:
            raise InvalidArgument(
                f"{self.option}: {unknown[0]} is none of its fields; write {listed(list(self.fields), 'or')}."
            )
        return {
            name: self.fields[name](found, f"{self.option}.{name}")
            for name, found in value.items()
            if found is not None
        }


def truth_in(value: Any) -> Optional[bool]:
    """Return the truth that a value stands for, None when it stands for something else."""
    return value if isinstance(value, bool) else TRUTHS.get(str(value).strip().lower())


def truth(value: Any, what: str) -> bool:
    """Read true or false."""
    found = truth_in(value)
    if found is None:
        raise InvalidArgument(f"{what}: {value!r} is neither true nor false.")
    return found


def words(value: Any, what: str) -> str:
    """Read a text that is not empty."""
    found = str(value).strip()
    if not found or isinstance(value, (bool, list, Mapping)):
        raise InvalidArgument(f"{what}: {value!r} is no text.")
    return found


def path(value: Any, what: str) -> str:
    """Read an absolute path."""
    return absolute(words(value, what), what)


def kib(value: Any, what: str) -> int:
    """Read a size with its unit, in KiB."""
    return kib_of(words(value, what), what)


def number(least: int, of: str = "") -> Read:
    """Return what reads a whole number from ``least`` on."""

    def read(value: Any, what: str) -> int:
        found = str(value).strip()
        if isinstance(value, bool) or not found.lstrip("-").isdigit() or int(found) < least:
            raise InvalidArgument(f"{what}: {value} is no number{of}; write {least} or more.")
        return int(found)

    return read


def one_of(*choices: str) -> Read:
    """Return what reads one of these words."""

    def read(value: Any, what: str) -> str:
        found = str(value).strip()
        if found not in choices:
            raise InvalidArgument(f"{what}: {value!r} is not known; write {listed(list(choices), 'or')}.")
        return found

    return read
