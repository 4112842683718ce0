# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection knows: the options of its modules and plugins, the variables of its roles and playbooks."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .pages import ROOT

COLLECTION = "ansible_collections.corral.virt.plugins"
# The option of a module that is a list of its objects, whose elements have the module's own options.
MANY = {
    "vm": "guests",
    "network": "networks",
    "pool": "pools",
    "volume": "volumes",
    "secret": "secrets",
    "filter": "nwfilters",
}
# What the lists of the role site hold.
DECLARED = {f"site_{'filters' if option == 'nwfilters' else option}": module for module, option in MANY.items()}
Options = Mapping[str, Any]


@cache
def options(kind: str, name: str) -> Options:
    """The options of a module (``modules``) or another plugin (``inventory``), by their names and other names."""
    documentation = importlib.import_module(f"{COLLECTION}.{kind}.{name}").DOCUMENTATION
    own = yaml.safe_load(documentation)
    found = dict(own.get("options") or {})
    for fragment in own.get("extends_documentation_fragment", ()):
        found.update(_fragment(fragment))
    others = {other: option for option in found.values() for other in option.get("aliases", ())}
    return {**found, **others}


def _fragment(name: str) -> Options:
    place = f"{COLLECTION}.doc_fragments" if name.startswith("corral.virt.") else "ansible.plugins.doc_fragments"
    module = importlib.import_module(f"{place}.{name.rpartition('.')[2]}")
    return yaml.safe_load(module.ModuleDocFragment.DOCUMENTATION).get("options") or {}


@cache
def role_variables(role: str) -> Options:
    """The variables of a role."""
    specs = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
    found: Options = specs["argument_specs"]["main"]["options"]
    return found


@cache
def playbook_variables(playbook: str) -> frozenset[str]:
    """What a playbook, or a task file of its own, uses of variables that begin with its name."""
    files = [ROOT / f"playbooks/{playbook}.yml", *ROOT.glob(f"playbooks/tasks/{playbook}*.yml")]
    texts = "".join(path.read_text(encoding="utf-8") for path in files)
    roles = {"bootstrap": "host", "site": "site"}
    more = role_variables(roles[playbook]) if playbook in roles else ()
    return frozenset(re.findall(rf"\b{playbook}_[a-z_]+\b", texts)) | frozenset(more)


@cache
def constants() -> str:
    """Every constant text of our code and playbooks, one a line: what messages are made of."""
    found = [text for path in ROOT.glob("plugins/**/*.py") for text in _texts(path)]
    found += [path.read_text(encoding="utf-8") for path in ROOT.glob("playbooks/**/*.yml")]
    found += [path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/tasks/*.yml")]
    return "\n".join(found)


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def unknown(given: Any, known: Options, place: str) -> Iterator[str]:
    """Yield what is no option, with where it stands; goes into suboptions where there are any."""
    if not isinstance(given, Mapping):
        return
    for name, value in given.items():
        if name not in known:
            yield f"{place}: {name} is no option"
            continue
        inner = known[name].get("suboptions") or known[name].get("options")
        for element in value if isinstance(value, list) else [value]:
            if inner:
                yield from unknown(element, inner, f"{place}, {name}")


def unknown_of_module(given: Any, module: str, place: str) -> Iterator[str]:
    """Yield what is wrong with the options of a task, or of an element of a list."""
    known = options("modules", module)
    yield from unknown(given, known, place)
    if isinstance(given, Mapping) and isinstance(given.get(MANY.get(module, "")), list):
        for element in given[MANY[module]]:
            yield from unknown(element, known, f"{place}, {MANY[module]}")


@cache
def words_of_options() -> frozenset[str]:
    """The names of all options at any depth, and of all variables of roles."""
    found: set[str] = set()
    plugins = [(path.parent.name, path.stem) for kind in ("modules", "inventory") for path in _plugins(kind)]
    waiting = [options(kind, name) for kind, name in plugins] + [role_variables(role) for role in ("host", "site")]
    while waiting:
        each = waiting.pop()
        found.update(each)
        waiting += [inner for option in each.values() if (inner := option.get("suboptions") or option.get("options"))]
    return frozenset(found)


def _plugins(kind: str) -> list[Path]:
    return [path for path in sorted((ROOT / "plugins" / kind).glob("*.py")) if path.stem != "__init__"]
