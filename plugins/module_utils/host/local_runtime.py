# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module from the copy of our code that a host keeps, compiled, in place of an archive in every task.

The action plugin sends the text of this file instead of Ansible's wrapper, followed by a call of ``main``. So it is a
program of its own: it imports nothing of ours, and only what Python brings.

A copy is two files named by the digest of its sources: an archive, for Python in a respawned process and for
tracebacks, and its bytecode for one version of Python. Whoever can write there can be whoever runs modules, so a
directory that anybody else can write to, or reach past, is not used.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import stat
import sys
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

# What we answer in place of a module's result. ABSENT: send the sources. UNKEPT: nothing can be kept here.
REPLY, ABSENT, UNKEPT = "_corral_runtime", "absent", "unkept"
SYSTEM_PLACE = "/var/cache/corral/runtime"
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
LOADER = "ansible.module_utils._internal._ansiballz._loader"

# name → (whether it is a package, path in the archive, marshalled code)
Modules = Dict[str, Tuple[bool, str, bytes]]
Keep = Callable[[str, str], None]


class KeptImporter:
    """Finds and loads what a copy has; ``archive`` and ``digest`` say what copy it is."""

    def __init__(self, archive: str, digest: str, modules: Modules) -> None:
        self.archive, self.digest, self._modules = archive, digest, modules

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: Any = None) -> Optional[ModuleSpec]:
        """Return where a module of the copy is, None for others."""
        row = self._modules.get(name)
        if row is None:
            return None
        loader: Any = self
        spec = ModuleSpec(name, loader, origin=f"{self.archive}/{row[1]}", is_package=row[0])
        spec.has_location = True  # which gives it a __file__
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave that to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's code."""
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> CodeType:
        """The code of a module, which runpy asks for."""
        code: CodeType = marshal.loads(self._modules[name][2])
        return code

    def get_source(self, name: str) -> str:
        """The source of a module, which tracebacks and a respawn ask for."""
        import zipfile

        with zipfile.ZipFile(self.archive) as archive:
            return archive.read(self._modules[name][1]).decode()


def main(order: Mapping[str, str], keep: Optional[Keep] = None) -> None:
    """Run ``order["module"]`` with ``order["params"]``, or print why it cannot be run from a copy.

    Without ``params`` it is a program of ours and no module: nothing of Ansible's takes part in it.

    ``keep`` puts the sources into a directory (first argument) under a digest (second); it came with them.
    """
    _settle()
    digest = order["digest"]
    try:
        place = _own_place(order["place"] or _usual_place())
        modules = _load(place, digest)
        if modules is None and keep is not None:
            keep(place, digest)
            modules = _load(place, digest)
    except (OSError, ValueError):
        _answer(UNKEPT)
        return
    if modules is None:
        _answer(UNKEPT if keep else ABSENT)
        return
    _run(KeptImporter(f"{place}/{digest}.zip", digest, modules), order, LOADER in modules)


def code_path(place: str, digest: str) -> str:
    """Where the bytecode of a copy for this very Python is."""
    return f"{place}/{digest}-{sys.implementation.cache_tag}-{sys.hexversion:x}.code"


def _answer(reply: str) -> None:
    sys.stdout.write(json.dumps({REPLY: reply}) + "\n")


def _settle() -> None:
    """As Ansible's wrapper does: stand in a directory that we can name, import nothing from beside the script."""
    try:
        os.getcwd()
    except OSError:
        os.chdir("/")
    script = os.path.dirname(os.path.realpath(sys.argv[0])) if sys.argv[0] not in ("", "-") else ""
    sys.path[:] = [path for path in sys.path if path not in ("", ".", script)]


def _usual_place() -> str:
    if os.geteuid() == 0:
        return SYSTEM_PLACE
    import pwd

    cache = os.environ.get("XDG_CACHE_HOME", "")
    return f"{cache if cache.startswith('/') else pwd.getpwuid(os.geteuid()).pw_dir + '/.cache'}/corral/runtime"


def _own_place(directory: str) -> str:
    """Return the directory without links in its path, made if need be; ValueError when others could put files there."""
    before = os.umask(0o022)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    finally:
        os.umask(before)
    place = os.path.realpath(directory)
    if not _is_private(os.lstat(place), stat.S_ISDIR):
        raise ValueError(place)
    above = place
    while above != "/":
        above = os.path.dirname(above)
        found = os.lstat(above)
        # what is ours in a sticky directory cannot be replaced by others
        shared = found.st_mode & OTHERS_WRITE and not found.st_mode & stat.S_ISVTX
        if shared or found.st_uid not in (0, os.geteuid()):
            raise ValueError(above)
    return place


def _is_private(found: os.stat_result, kind: Callable[[int], bool]) -> bool:
    """Whether it is ours, of this kind, and only we can write to it."""
    return kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & OTHERS_WRITE


def _load(place: str, digest: str) -> Optional[Modules]:
    """The modules of a copy, None where it is not there as it was written."""
    try:
        archive = os.lstat(f"{place}/{digest}.zip")
        with open(os.open(code_path(place, digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            code = os.fstat(file.fileno())
            data = file.read()
    except OSError:
        return None
    if not (_is_private(archive, stat.S_ISREG) and _is_private(code, stat.S_ISREG)):
        return None
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        return None
    modules: Modules = marshal.loads(data[32:])
    return modules


def _run(importer: Any, order: Mapping[str, str], has_loader: bool) -> None:
    """Run the module as Ansible's wrapper does; the way of ansible-core before 2.19 is the second one."""
    sys.meta_path.insert(0, importer)
    if "params" not in order:
        from runpy import run_module

        run_module(order["module"], run_name="__main__", alter_sys=True)
        return
    params, profile, name = order["params"].encode(), order["profile"], order["module"]
    if has_loader:
        from ansible.module_utils._internal._ansiballz import _loader

        known = {"json_params": params, "profile": profile, "module_fqn": name, "modlib_path": importer.archive}
        _loader.run_module(extensions={}, **known)
        return
    import runpy

    from ansible.module_utils import basic

    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = params, profile
    about = {"_module_fqn": name, "_modlib_path": importer.archive}
    runpy.run_module(name, init_globals=about, run_name="__main__", alter_sys=True)
