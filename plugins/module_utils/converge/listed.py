# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option with which a module takes many objects, as a row; what is done with it is in ``many``."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..values import parse_uuid
from .argspec import Spec

if TYPE_CHECKING:
    from ..xml.parse import Element

PARALLEL = "parallel"
# What a module with a list is told that no element can say.
LIST = ("uri", PARALLEL)


def _nothing(_options: Mapping[str, Any]) -> Iterable[Hashable]:
    return ()


def names_of(options: Mapping[str, Any], name: str, document: Optional[Element]) -> tuple[str, ...]:
    """Return the name of an element and its uuid where it says one, in one form; raises InvalidArgument."""
    written = None if document is None else (document.findtext("uuid") or "").strip()
    uuid = options.get("uuid") or written
    return (name, parse_uuid(uuid)) if uuid else (name,)


@dataclass(frozen=True)
class Many:
    """The list of a module.

    ``single`` are the options that name one object, ``defining`` those that a document in XML says too. ``names`` gives
    every name that an element goes by, the first for people; it raises CorralError for options that make no sense.
    ``makes`` and ``uses`` give what an element works on and what it reads beside its own object: elements of which one
    makes what the other makes or uses keep the order of the list. ``parallel`` is how many are worked on at a time on
    a host with as many processors.
    """

    option: str
    noun: str
    single: Sequence[str]
    defining: Sequence[str]
    names: Callable[[Mapping[str, Any]], Iterable[str]]
    makes: Callable[[Mapping[str, Any]], Iterable[Hashable]] = _nothing
    uses: Callable[[Mapping[str, Any]], Iterable[Hashable]] = _nothing
    parallel: int = 1

    def beside(self, *parts: Spec) -> tuple[Spec, ...]:
        """Return what a module takes that takes these for one object: what one needs may be said by the elements.

        What an element is told is checked by ``entry`` against those very options. Ansible is told that all of it is
        secret, because it may hold secrets, which Ansible would log; ``entry`` takes out again what is none.
        """
        elements = {"type": "list", "elements": "dict", "no_log": True}
        own = Spec({self.option: elements, PARALLEL: {"type": "int"}}, required_by={PARALLEL: (self.option,)})
        return (*(self._eased(part) for part in parts), own)

    def _eased(self, part: Spec) -> Spec:
        """The same options, of which none is needed where there is a list."""
        needed = [name for name, row in part.options.items() if row.get("required")]
        options = {name: {**row, "required": False} if name in needed else row for name, row in part.options.items()}
        rules = (*part.required_one_of, *((name,) for name in needed))
        return replace(part, options=options, required_one_of=tuple((*rule, self.option) for rule in rules))
