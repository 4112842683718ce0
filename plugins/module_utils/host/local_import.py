# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Import our own modules from Ansible's archive at half the price.

Python's zipimport compiles a module to find out its file name, throws the result away, and compiles it again to run it.
An archive of Ansible's holds no bytecode, so compiling is most of what an import costs.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from typing import Any, Optional, Sequence
from zipimport import ZipImportError, zipimporter

_OURS = __name__.rpartition(".host.")[0] + "."


class ArchiveFinder:
    """Finds our modules in the archive that we come from; whatever else is left to Python."""

    @staticmethod
    def find_spec(name: str, path: Optional[Sequence[str]] = None, target: Any = None) -> Optional[ModuleSpec]:
        """Return where a module of ours is, None for others and for what is not there."""
        if not path or not name.startswith(_OURS):
            return None
        try:
            return _spec(name, path[0], _importer(path[0]))
        except ZipImportError:
            return None


def compile_once() -> None:
    """Let what is imported from now on be compiled once; does nothing where we are not in an archive."""
    if isinstance(globals().get("__loader__"), zipimporter) and ArchiveFinder not in sys.meta_path:
        sys.meta_path.insert(0, ArchiveFinder)


def _importer(place: str) -> zipimporter:
    found = sys.path_importer_cache.get(place)
    if not isinstance(found, zipimporter):
        found = sys.path_importer_cache[place] = zipimporter(place)
    return found


def _spec(name: str, place: str, importer: Any) -> ModuleSpec:
    package = importer.is_package(name)
    path = f"{place}/{name.rpartition('.')[2]}"
    spec = ModuleSpec(name, importer, origin=f"{path}/__init__.py" if package else f"{path}.py", is_package=package)
    spec.has_location = True
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(path)
    return spec
