# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task for many objects: the list that a module takes in place of the options of one.

An element is told with the very options of the module. What stands beside the list is what all elements have that do
not say it themselves. All of them are looked at before anything is done, so what is wrong in the task is said at once,
for every element; after that each element succeeds or fails for itself, in one connection, several at a time.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

from ..errors import CorralError, InvalidArgument
from .crew import in_order
from .failure import failure
from .job import Job
from .listed import LIST, PARALLEL, Many
from .options.write import listed

Options = Mapping[str, Any]
Work = Callable[[Job], "dict[str, Any]"]
# Turns the options of an element into what Ansible makes of them: values, and what is wrong with them.
Validate = Callable[[Options], "tuple[dict[str, Any], list[str]]"]
Warn = Callable[[str], None]


@dataclass
class Element:
    """One element: where it stands in the list (from 1), its options, its names, and what became of it.

    The first of ``names`` is for people, each of them may be no other element's. ``said`` are its warnings.
    """

    number: int
    options: Options
    names: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)
    result: Optional[dict[str, Any]] = None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.names[0] if self.names else f"number {self.number}"


def shared_options(many: Many, params: Options) -> dict[str, Any]:
    """Return what stands beside the list, for all elements; raises InvalidArgument for what can name one only."""
    beside = [name for name in many.single if params.get(name) is not None]
    if beside:
        it, says = ("it", "says") if len(beside) == 1 else ("they", "say")
        raise InvalidArgument(
            f"{listed(beside)} cannot be given together with {many.option}: {it} {says} which {many.noun} is meant, and"
            f" {many.option} is about several.",
            hint=f"Write that into the elements of {many.option}.",
        )
    given = {name: value for name, value in params.items() if name not in (many.option, *LIST)}
    return {name: _said(value) for name, value in given.items() if value is not None}


def _said(value: Any) -> Any:
    """A value without what Ansible writes into it for options that were not given."""
    if isinstance(value, Mapping):
        return {name: _said(inner) for name, inner in value.items() if inner is not None}
    return [_said(inner) for inner in value] if isinstance(value, list) else value


def read_elements(many: Many, params: Options, validate: Validate) -> list[Element]:
    """Return the elements with all of their options.

    Raises InvalidArgument that tells all that is wrong with any of them: options, names, and names that two have.
    """
    shared = shared_options(many, params)
    elements, wrong = [], []
    for number, said in enumerate(params[many.option], 1):
        options, complaints = validate(_completed(many, shared, said))
        element = Element(number, options)
        elements.append(element)
        try:
            element.names = () if complaints else tuple(many.names(options))
        except CorralError as error:
            complaints = [str(error)]
        where = f"{many.option}[{number}]" + (f" ({said['name']})" if isinstance(said.get("name"), str) else "")
        wrong += [f"{where}: {complaint}" for complaint in complaints]
    wrong = wrong or list(_doubled(many, elements))
    if wrong:
        raise InvalidArgument(
            f"Nothing was done, because {len(wrong)} thing{'' if len(wrong) == 1 else 's'} in {many.option} cannot be"
            " meant:\n" + "\n".join(wrong),
            wrong=wrong,
        )
    return elements


def _completed(many: Many, shared: Options, said: Options) -> dict[str, Any]:
    """An element with what stands beside the list; one that is written in XML is described by that alone.

    An option that an element says to be null is not given, whatever stands beside the list.
    """
    whole = many.defining if said.get("xml") else ()
    beside = {name: value for name, value in shared.items() if name not in whole}
    return {name: value for name, value in {**beside, **said}.items() if value is not None}


def _doubled(many: Many, elements: Sequence[Element]) -> Iterator[str]:
    """What is wrong with names that two elements have."""
    first: dict[str, int] = {}
    for element in elements:
        for name in element.names:
            before = first.setdefault(name, element.number)
            if before != element.number:
                yield f"{many.option}[{before}] and {many.option}[{element.number}] are both the {many.noun} {name}."


def converge_many(job: Job, many: Many, elements: Sequence[Element], work: Work, *, parallel: int) -> dict[str, Any]:
    """Bring all elements to what they ask for, and return what the module does.

    ``failed`` and ``msg`` are there when an element failed; ``results`` has all of them, in the order of the list.
    """
    expected: dict[Hashable, Any] = {}

    def one(number: int) -> None:
        element = elements[number]
        own = replace(job, options=element.options, warn=element.said.append, expected=expected)
        element.result = _outcome(own, work)

    in_order(ties(many, elements), one, parallel=parallel)
    _pass_on(job.warn, elements)
    return _told(many, elements)


def ties(many: Many, elements: Sequence[Element]) -> list[AbstractSet[int]]:
    """Return for each element the earlier ones that it waits for: they work on what it uses, or it on what they use."""
    found: list[AbstractSet[int]] = []
    makes = [frozenset(many.makes(element.options)) | frozenset(element.names) for element in elements]
    uses = [frozenset(many.uses(element.options)) for element in elements]
    for late in range(len(elements)):
        both = makes[late] | uses[late]
        found.append({early for early in range(late) if both & makes[early] or makes[late] & uses[early]})
    return found


def _outcome(job: Job, work: Work) -> dict[str, Any]:
    try:
        return {"failed": False, **work(job)}
    except CorralError as error:
        return {"failed": True, **failure(error)}


def _pass_on(warn: Warn, elements: Sequence[Element]) -> None:
    """Say each warning once, with those that it is about where it does not say so itself."""
    about: dict[str, list[str]] = {}
    for element in elements:
        for text in dict.fromkeys(element.said):
            about.setdefault(text, []).append(element.label)
    for text, names in about.items():
        unnamed = [name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
        warn(f"{_some(unnamed)}: {text}" if unnamed else text)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _told(many: Many, elements: Sequence[Element]) -> dict[str, Any]:
    results = [{"name": element.label, **(element.result or {})} for element in elements]
    parts = [result.pop("diff") for result in results if "diff" in result]
    told: dict[str, Any] = {"changed": any(result["changed"] for result in results), "results": results}
    if parts:
        told["diff"] = [part for of_one in parts for part in of_one]
    failed = [result for result in results if result["failed"]]
    if failed:
        told.update(failed=True, msg=_message(many, failed, len(results)), error="ElementsFailed")
    return told


def _message(many: Many, failed: Sequence[Mapping[str, Any]], count: int) -> str:
    said = "\n".join(f"{result['name']}: {result['msg']}" for result in failed)
    return f"{len(failed)} of {count} {many.option} failed.\n{said}"


def workers(many: Many, params: Options, processors: int) -> int:
    """Return how many elements are worked on at a time; raises InvalidArgument."""
    asked = params.get(PARALLEL)
    if asked is not None and asked < 1:
        raise InvalidArgument(f"{PARALLEL}: {asked} is no number of elements; write 1 or more.")
    return asked or max(1, min(processors, many.parallel))
