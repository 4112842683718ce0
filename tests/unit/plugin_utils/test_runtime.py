# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to a host: every file that a module can import, in a program for each task."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible import constants

from ansible_collections.corral.virt.plugins.module_utils.host import local_runtime_keep
from ansible_collections.corral.virt.plugins.plugin_utils import runtime

ORDER = {"module": "m", "params": '{"xml": "' + 5000 * "é'\\" + '"}', "digest": "d", "place": ""}


def test_every_module_and_all_that_it_imports_is_sent() -> None:
    names = set(runtime.sources())
    for path in runtime.PLUGINS.rglob("*.py"):
        if path.relative_to(runtime.PLUGINS).parts[0] not in runtime.FOLDERS:
            continue
        assert f"{runtime.PACKAGE}/{path.relative_to(runtime.PLUGINS)}" in names
        for name in re.findall(r"(?:from|import) (ansible\.module_utils[\w.]*)", path.read_text(encoding="utf-8")):
            base = name.replace(".", "/")
            assert names & {f"{base}.py", f"{base}/__init__.py"}, name


def test_every_module_has_its_package() -> None:
    names = set(runtime.sources())
    for name in names:
        above = Path(name).parent
        assert above.parts == () or f"{above}/__init__.py" in names


def test_each_module_has_its_action() -> None:
    modules, actions = ({path.name for path in (runtime.PLUGINS / kind).glob("*.py")} for kind in ("modules", "action"))
    assert modules - {"__init__.py"} == actions - {"__init__.py"}


@pytest.mark.parametrize("with_sources", [False, True])
def test_a_program_says_what_to_do(with_sources: bool) -> None:
    text = runtime.program(ORDER, with_sources=with_sources)
    names = {"__name__": "not main"}
    exec(compile(text, "program", "exec", dont_inherit=True), names)
    assert json.loads(names["ORDER"]) == ORDER
    assert ("SOURCES" in names) == with_sources


def test_a_program_is_small_where_the_host_has_a_copy() -> None:
    assert len(runtime.program({**ORDER, "params": "{}"}, with_sources=False)) < 12_000


def test_the_digest_is_that_of_the_sources_and_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    found = runtime.digest()
    assert found == local_runtime_keep.digest_of(runtime.sources())
    monkeypatch.setattr(runtime, "sources", dict)
    assert runtime.digest() == found


def test_the_sources_are_packed_once_for_all_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    program = runtime.program(ORDER, with_sources=True)
    monkeypatch.delattr(runtime, "packed")
    assert runtime.program(ORDER, with_sources=True) == program


def test_what_units_run_is_our_module_utils_and_nothing_of_ansible() -> None:
    found = runtime.launcher_sources()
    ours = {
        f"{runtime.PACKAGE}/{path.relative_to(runtime.PLUGINS)}"
        for path in runtime.PLUGINS.glob("module_utils/**/*.py")
    }
    assert ours <= set(found)
    assert {Path(name).parts[0] for name in found} == {"ansible_collections"}
    assert all(f"{Path(name).parent}/__init__.py" in found for name in found)
    assert runtime.digest_of(found) != runtime.digest_of({**found, "ansible_collections/__init__.py": b"#"})


def test_an_archive_is_the_same_for_the_same_files() -> None:
    assert runtime.packed({"a.py": b"1"}) == runtime.packed({"a.py": b"1"})


def test_the_version_is_that_of_the_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", runtime.version())
    (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "1.2.3"}}')
    monkeypatch.setattr(runtime, "PLUGINS", tmp_path / "plugins")
    assert runtime.version() == "1.2.3"
