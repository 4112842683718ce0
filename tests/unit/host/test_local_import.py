# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our modules in an archive are found as Python finds them, and compiled once."""

from __future__ import annotations

import sys
import zipimport
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from ansible_collections.corral.virt.plugins.module_utils.host import local_import

OURS = "ansible_collections.corral.virt.plugins.module_utils."


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A directory within an archive, with one module and one package."""
    with ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("utils/one.py", "value = __name__, __file__, __package__\n")
        archive.writestr("utils/many/__init__.py", "")
    return f"{tmp_path}/code.zip/utils"


def test_modules_and_packages_are_what_zipimport_makes_of_them(place: str) -> None:
    for name in ("one", "many"):
        ours = local_import.ArchiveFinder.find_spec(OURS + name, [place])
        theirs = zipimport.zipimporter(place).find_spec(OURS + name)
        assert ours is not None and theirs is not None
        for part in ("name", "origin", "has_location", "submodule_search_locations", "parent", "cached"):
            assert getattr(ours, part) == getattr(theirs, part), (name, part)


def test_a_module_is_compiled_once(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    whole = zipimport._get_module_code  # type: ignore[attr-defined]
    monkeypatch.setattr(zipimport, "_get_module_code", lambda *given: (compiled.append(given), whole(*given))[1])
    spec = local_import.ArchiveFinder.find_spec(OURS + "one", [place])
    assert spec is not None and spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.value == (OURS + "one", f"{place}/one.py", OURS.rstrip("."))
    assert len(compiled) == 1


@pytest.mark.parametrize("name", ["json", "ansible_collections.other.things.one", OURS + "missing"])
def test_what_is_not_ours_or_not_there_is_left_to_python(name: str, place: str) -> None:
    assert local_import.ArchiveFinder.find_spec(name, [place]) is None


def test_a_module_in_a_directory_is_left_to_python(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("")
    assert local_import.ArchiveFinder.find_spec(OURS + "one", [str(tmp_path)]) is None


def test_in_a_checkout_nothing_is_changed() -> None:
    before = list(sys.meta_path)
    local_import.compile_once()
    assert sys.meta_path == before
