# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floors of the collection: who may import whom, what is imported lazily, who touches the machine, sizes.

The rules are in CONTRIBUTING.md ("Floors"). Every import counts, those inside functions and under TYPE_CHECKING too.
"""

from __future__ import annotations

import ast
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PACKAGE = ("ansible_collections", "corral", "virt", "plugins")

# --- the rules -----------------------------------------------------------------------------------------------------

# A folder of module_utils and its floor; a file may import from its own group and from floors below.
FLOORS = {
    "errors": 0,
    "values": 0,
    "host": 1,
    "xml": 1,
    "model": 2,
    "drivers": 3,
    "connect": 4,
    "converge": 5,
    "service": 5,
}
PLUGIN_FLOOR = 6
# What plugins of the controller share.
CONTROLLER = "plugin_utils"

# What every driver may use of the drivers' own floor.
SHARED_BY_DRIVERS = ("api", "contracts", "store", "listing", "surroundings", "links", "units", "libvirtd")

# Files that may touch the machine, as module_utils/host/<name>.py begins.
SEAM = ("local", "monitor")
MACHINE = frozenset(
    "asyncio ctypes fcntl glob grp mmap multiprocessing os pathlib pty pwd resource select selectors shutil signal"
    " socket subprocess syslog tempfile termios".split()
)

# What these have that only computes.
HARMLESS = frozenset({("os", "fsdecode"), ("os", "fsencode"), ("os", "fspath"), ("os", "strerror"), ("os", "PathLike")})

# Not everywhere that the controller's code runs; guarded or inside a function, so that a host without them gets a
# message, and `ansible-test sanity` can import every file.
THIRD_PARTY = ("lxml", "qemu")
# Costs 50 ms, so only who really speaks to a guest pays.
SLOW = ("asyncio",)
# The one file that imports lxml; the others take `etree` and `Element` from it.
LXML_HOME = ("module_utils", "xml", "parse")

LONGEST_FILE = 600
MEDIAN_FUNCTION = 12
LONG_FUNCTION = 45  # 95 of 100 functions are no longer


# --- reading imports -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One imported name, as the path of parts from the top: ours from `plugins/` on, others as they are written."""

    line: int
    ours: bool
    target: tuple[str, ...]
    lazy: bool
    guarded: bool


def imports_of(source: str, where: tuple[str, ...]) -> Iterator[Import]:
    """Yield every import of a file; ``where`` is its path below plugins/, without .py."""
    yield from _walk(ast.parse(source), where, lazy=False, guarded=False)


def _walk(node: ast.AST, where: tuple[str, ...], *, lazy: bool, guarded: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            for target in _targets(child, where):
                ours = target[: len(PACKAGE)] == PACKAGE
                path = target[len(PACKAGE) :] if ours else target
                yield Import(child.lineno, ours, path, lazy, guarded)
        else:
            yield from _walk(child, where, lazy=lazy or _is_function(child), guarded=guarded or _is_guard(child))


def _targets(node: ast.Import | ast.ImportFrom, where: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        for name in node.names:
            yield tuple(name.name.split("."))
        return
    base = tuple(node.module.split(".")) if node.module else ()
    if node.level:
        base = (PACKAGE + where)[: -node.level] + base
    for name in node.names:
        yield (*base, name.name)


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def _is_guard(node: ast.AST) -> bool:
    """Whether a missing library is survived inside: `if TYPE_CHECKING:`, or `try:` with an ImportError handler."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if isinstance(node, ast.Try):
        return any(handler.type is None or "ImportError" in ast.unparse(handler.type) for handler in node.handlers)
    return False


# --- judging them ----------------------------------------------------------------------------------------------------


def place(path: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Return the floor and the group of a path below plugins/. Raises LookupError where it has none."""
    if path[0] == CONTROLLER:
        return PLUGIN_FLOOR - 1, path[:1]
    if path[0] != "module_utils":
        return PLUGIN_FLOOR, path[:1]
    if len(path) == 1:
        raise LookupError("module_utils itself holds nothing to import")
    floor = FLOORS.get(path[1])
    if floor is None:
        raise LookupError(f"module_utils/{path[1]} has no floor: give it one in FLOORS and in CONTRIBUTING.md")
    if floor == 0:
        return floor, ("module_utils",)
    if path[1] == "drivers" and len(path) > 2 and path[2] not in SHARED_BY_DRIVERS:
        return floor, path[1:3]
    return floor, path[1:2]


def complaints(source: str, path: str) -> list[str]:
    """Return what a file at ``path`` (below plugins/) does against the floors, one sentence each."""
    where = tuple(path[: -len(".py")].split("/"))
    if where[-1] == "__init__":
        return [f"{path}: an __init__.py stays empty"] if source.strip() else []
    try:
        place(where)
    except LookupError as error:
        return [f"{path}: {error}"]
    said = [
        f"{path}:{item.line}: {sentence}"
        for item in imports_of(source, where)
        if (sentence := (_upwards if item.ours else _foreign)(item, where))
    ]
    return [*said, *(f"{path}:{line}: an import by name is not shipped to the target" for line in _dynamic(source))]


def _upwards(item: Import, where: tuple[str, ...]) -> str:
    name = "/".join(item.target)
    try:
        floor, group = place(item.target)
    except LookupError as error:
        return str(error)
    own_floor, own_group = place(where)
    if floor < own_floor or group == own_group:
        return ""
    if floor > own_floor:
        return f"imports {name}, which is {floor - own_floor} floor(s) above"
    if group == ("drivers",):
        return ""
    if own_group[0] == group[0] == "drivers":
        return f"imports {name}: drivers reach each other through the connection only"
    return f"imports {name}, which is on the same floor"


def _foreign(item: Import, where: tuple[str, ...]) -> str:
    top = item.target[0]
    if top == "ansible_collections":
        return f"imports {'.'.join(item.target)}, another collection"
    if _touches_machine(item.target) and where[0] == "module_utils" and not _is_seam(where):
        return f"imports {top}: only host/{{{','.join(SEAM)}}}*.py touch the machine"
    if top == "lxml" and where != LXML_HOME:
        return "imports lxml: take etree and Element from xml/parse.py"
    if top in THIRD_PARTY and not (item.lazy or item.guarded):
        return f"imports {top} at the top: guard it, or import it in the function that needs it"
    if top in SLOW and not (item.lazy or item.guarded):
        return f"imports {top} at the top: import it in the function that needs it"
    return ""


def _touches_machine(target: tuple[str, ...]) -> bool:
    return target[0] in MACHINE and target not in HARMLESS


def _is_seam(where: tuple[str, ...]) -> bool:
    return where[:2] == ("module_utils", "host") and where[2].startswith(SEAM)


def _dynamic(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "__import__",
            "import_module",
            "importlib.import_module",
        ):
            yield node.lineno


def files() -> list[str]:
    return sorted(str(path.relative_to(PLUGINS)) for path in PLUGINS.rglob("*.py"))


# --- the tree keeps to them ----------------------------------------------------------------------------------------


def test_every_import_of_the_tree_keeps_to_the_floors() -> None:
    assert files(), "no plugins found"
    said = [line for path in files() for line in complaints((PLUGINS / path).read_text(encoding="utf-8"), path)]
    assert not said, "\n" + "\n".join(said)


def test_no_file_is_too_long() -> None:
    lengths = {path: len((PLUGINS / path).read_text(encoding="utf-8").splitlines()) for path in files()}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def function_lengths(source: str) -> list[int]:
    """Return the length in lines of every function of a file, without its decorators and its docstring."""
    return [
        _length(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None and len(node.body) > 1:
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def test_functions_are_short() -> None:
    lengths = sorted(
        length for path in files() for length in function_lengths((PLUGINS / path).read_text(encoding="utf-8"))
    )
    if not lengths:
        pytest.skip("no functions yet")
    assert statistics.median(lengths) <= MEDIAN_FUNCTION
    assert lengths[int(len(lengths) * 0.95)] <= LONG_FUNCTION


# --- the checker itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("module_utils/values.py", "from .errors import InvalidArgument"),
        ("module_utils/host/api.py", "from ..errors import HostError\nfrom . import layout"),
        ("module_utils/host/local_lock.py", "import fcntl, os, subprocess"),
        ("module_utils/host/monitor.py", "def talk():\n    import asyncio\n    from qemu.qmp import QMPClient"),
        ("module_utils/host/monitor.py", "if TYPE_CHECKING:\n    import asyncio"),
        ("module_utils/xml/parse.py", "try:\n    from lxml import etree\nexcept ImportError:\n    etree = None"),
        ("module_utils/model/domain/disk.py", "from ...xml.views import View\nfrom .device import Device"),
        (
            "module_utils/drivers/qemu/command/disk.py",
            "from ..devices import table\nfrom ...api import Success\nfrom ... import store",
        ),
        ("module_utils/drivers/test/open.py", "from ..api import HypervisorDriver\nfrom ...model.domain import core"),
        ("module_utils/connect/tables.py", "def qemu(request):\n    from ..drivers.qemu.open import open_driver"),
        (
            "module_utils/converge/apply.py",
            "from ..connect.open import open\nfrom ansible.module_utils.basic import AnsibleModule",
        ),
        ("modules/vm.py", "from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run"),
        ("module_utils/host/fake.py", "import posixpath\nfrom os import strerror"),
        ("module_utils/xml/__init__.py", ""),
    ],
)
def test_what_is_allowed(path: str, source: str) -> None:
    assert complaints(source, path) == []


@pytest.mark.parametrize(
    ("path", "source", "said"),
    [
        ("module_utils/errors.py", "from .host.api import Host", "1 floor(s) above"),
        ("module_utils/xml/parse.py", "from ..host import layout", "same floor"),
        ("module_utils/host/fake.py", "def f():\n    from ..xml.parse import parse", "same floor"),
        ("module_utils/host/fake.py", "import os.path", "touch the machine"),
        ("module_utils/host/layout.py", "from os import path", "touch the machine"),
        (
            "module_utils/model/domain/core.py",
            "if TYPE_CHECKING:\n    from ...drivers.api import Driver",
            "1 floor(s) above",
        ),
        (
            "module_utils/drivers/qemu/open.py",
            "def f():\n    from ..test.open import open_hypervisor",
            "through the connection",
        ),
        ("module_utils/drivers/qemu/open.py", "from .. import test", "through the connection"),
        ("module_utils/drivers/store.py", "from .qemu import open", "through the connection"),
        ("module_utils/drivers/api.py", "class A:\n    from ..connect import uri", "1 floor(s) above"),
        (
            "module_utils/connect/open.py",
            "import ansible_collections.corral.virt.plugins.module_utils.converge.plan",
            "above",
        ),
        ("module_utils/connect/open.py", "import subprocess", "touch the machine"),
        ("module_utils/converge/plan.py", "from ansible_collections.corral.virt.plugins.modules import vm", "above"),
        ("modules/vm.py", "from ansible_collections.corral.virt.plugins.inventory import corral", "same floor"),
        (
            "modules/vm.py",
            "from ansible_collections.community.general.plugins.module_utils import x",
            "another collection",
        ),
        ("module_utils/tables/a.py", "", "has no floor"),
        ("module_utils/model/a.py", "from ..tables import b", "has no floor"),
        ("module_utils/model/a.py", "from .. import *", "has no floor"),
        ("module_utils/model/a.py", "from lxml import etree", "xml/parse.py"),
        ("module_utils/xml/parse.py", "from lxml import etree", "guard it"),
        ("module_utils/xml/parse.py", "try:\n    import lxml\nexcept ValueError:\n    pass", "guard it"),
        ("module_utils/host/monitor.py", "class A:\n    import qemu.qmp", "guard it"),
        ("module_utils/host/monitor.py", "import asyncio", "in the function that needs it"),
        ("module_utils/connect/tables.py", "def f():\n    importlib.import_module('x.y')", "not shipped"),
        ("module_utils/xml/__init__.py", "from .parse import parse", "stays empty"),
    ],
)
def test_what_is_refused(path: str, source: str, said: str) -> None:
    assert said in "\n".join(complaints(source, path))


def test_a_length_leaves_decorators_and_docstrings_out() -> None:
    assert function_lengths('@a\n@b\ndef f():\n    """One.\n\n    Two.\n    """\n    return 1\n') == [2]
    assert function_lengths("async def f():\n    def g():\n        return 1\n    return g\n") == [4, 2]
