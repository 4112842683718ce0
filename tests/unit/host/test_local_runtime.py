# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy of our code on a host: what is kept is what was sent, and nothing that others could have written is used."""

from __future__ import annotations

import base64
import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Dict, Iterator, Optional
from zipfile import ZipFile

import pytest

from ansible_collections.corral.virt.plugins.module_utils.host import local_code, local_runtime, local_runtime_keep

SOURCES = {
    "corraltest/__init__.py": b"",
    "corraltest/one.py": b"import sys\nvalue = __name__, __file__, __package__\n",
    "corraltest/many/__init__.py": b"from . import inner\n",
    "corraltest/many/inner.py": b"number = 7\n",
    "corraltest/newer.py": b"this is no Python\n",
}
DIGEST = local_runtime_keep.digest_of(SOURCES)


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A directory that only we can write to."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    return str(path)


def packed(sources: Dict[str, bytes]) -> str:
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        for name, source in sources.items():
            archive.writestr(name, source)
    return base64.b64encode(file.getvalue()).decode()


def keep(place: str, sources: Optional[Dict[str, bytes]] = None, digest: str = DIGEST) -> Path:
    """Keep a copy, return the file with its bytecode."""
    sources = SOURCES if sources is None else sources
    path = local_runtime.code_path(place, digest)
    local_runtime_keep.keep(place, digest, path, packed(sources))
    return Path(path)


@pytest.fixture
def importer(place: str) -> Iterator[local_runtime.KeptImporter]:
    """Python imports from a copy."""
    keep(place)
    modules = local_runtime._load(place, DIGEST)
    assert modules is not None
    found: Any = local_runtime.KeptImporter(f"{place}/{DIGEST}.zip", DIGEST, modules)
    sys.meta_path.insert(0, found)
    yield found
    sys.meta_path.remove(found)
    for name in [name for name in sys.modules if name.startswith("corraltest")]:
        del sys.modules[name]


def test_modules_and_packages_are_imported_from_the_copy(importer: local_runtime.KeptImporter) -> None:
    one, many = import_module("corraltest.one"), import_module("corraltest.many")
    assert one.value == ("corraltest.one", f"{importer.archive}/corraltest/one.py", "corraltest")
    assert many.inner.number == 7
    assert importer.get_source("corraltest.one").encode() == SOURCES["corraltest/one.py"]


def test_what_the_copy_has_not_is_left_to_python(importer: local_runtime.KeptImporter) -> None:
    assert importer.find_spec("json") is None
    for name in ("corraltest.none", "corraltest.newer"):
        with pytest.raises(ModuleNotFoundError):
            import_module(name)


def test_the_archive_is_one_that_any_python_can_import_from(place: str) -> None:
    keep(place)
    with ZipFile(f"{place}/{DIGEST}.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == SOURCES


def test_the_code_says_what_copy_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(local_code.__dict__, "__loader__", local_runtime.KeptImporter("a.zip", "the digest", {}))
    assert local_code.code_id() == "the digest"


def test_code_on_the_disk_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = local_code.code_id()
    monkeypatch.setattr(local_code, "_on_disk", lambda directory: pytest.fail("looked at again"))
    assert local_code.code_id() == first and len(first) == 64


@pytest.mark.parametrize("path", ["corraltest/one.py", "corraltest/__init__.py"])
def test_the_digest_changes_with_every_byte_and_name(path: str) -> None:
    changed = {**SOURCES, path: SOURCES[path] + b"\n"}
    renamed = {f"x{path}" if name == path else name: source for name, source in SOURCES.items()}
    assert len({local_runtime_keep.digest_of(files) for files in (SOURCES, changed, renamed)}) == 3


def test_an_archive_that_is_not_what_was_announced_is_not_kept(place: str) -> None:
    with pytest.raises(ValueError, match="announced"):
        keep(place, {**SOURCES, "corraltest/one.py": b"value = 'else'\n"})
    assert os.listdir(place) == []


@pytest.mark.parametrize("damage", [b"", b"\0" * 40])
def test_a_damaged_copy_is_none(place: str, damage: bytes) -> None:
    path = keep(place)
    path.write_bytes(path.read_bytes()[:-1] + damage)
    assert local_runtime._load(place, DIGEST) is None


@pytest.mark.parametrize("ending", [".zip", ".code"])
def test_a_file_that_others_can_write_to_is_no_copy(place: str, ending: str) -> None:
    keep(place)
    (path,) = Path(place).glob(f"*{ending}")
    path.chmod(0o620)
    assert local_runtime._load(place, DIGEST) is None
    path.chmod(0o600)
    path.rename(f"{place}/elsewhere")
    path.symlink_to(f"{place}/elsewhere")
    assert local_runtime._load(place, DIGEST) is None


def test_another_version_of_python_has_code_of_its_own(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(place)
    monkeypatch.setattr(sys, "hexversion", sys.hexversion + 1)
    assert local_runtime._load(place, DIGEST) is None


def test_a_directory_is_made_for_us_alone(tmp_path: Path) -> None:
    place = local_runtime._own_place(f"{tmp_path}/new/one")
    assert place == f"{tmp_path}/new/one"
    assert os.stat(place).st_mode & 0o777 == 0o700


def test_a_directory_that_others_can_write_to_or_reach_past_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "above" / "runtime"
    place.mkdir(parents=True)
    for shared in (place, place.parent):
        shared.chmod(0o770)
        with pytest.raises(ValueError, match="above"):
            local_runtime._own_place(str(place))
        shared.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(place)
    place.parent.chmod(0o777)
    with pytest.raises(ValueError, match="above"):
        local_runtime._own_place(str(link))
    place.parent.chmod(0o1777)  # nobody else can replace what is ours there
    assert local_runtime._own_place(str(link)) == str(place)


def test_old_copies_go_and_so_does_what_nobody_finished(place: str) -> None:
    for age in range(6):
        sources = {**SOURCES, "corraltest/one.py": b"value = %d\n" % age}
        code = keep(place, sources, local_runtime_keep.digest_of(sources))
        for path in (code, Path(place, code.name[:64] + ".zip")):
            os.utime(path, (1000 + age, 1000 + age))
    unfinished, fresh = Path(place, ".new-old"), Path(place, ".new-fresh")
    unfinished.touch()
    fresh.touch()
    os.utime(unfinished, (1000, 1000))
    keep(place)
    names = os.listdir(place)
    assert sum(name.endswith(".zip") for name in names) == sum(name.endswith(".code") for name in names) == 4
    assert f"{DIGEST}.zip" in names
    assert [name for name in names if name.startswith(".")] == [".new-fresh"]


def order(place: str, **more: str) -> Dict[str, str]:
    return {"place": place, "digest": DIGEST, "module": "corraltest.one", "params": "{}", "profile": "legacy", **more}


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """``main`` arranges things for a process of its own."""
    monkeypatch.setattr(local_runtime, "_settle", lambda: None)


@pytest.mark.usefixtures("settled")
def test_a_host_without_a_copy_says_so(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    local_runtime.main(order(place))
    assert capsys.readouterr().out == '{"_corral_runtime": "absent"}\n'


@pytest.mark.usefixtures("settled")
def test_a_host_that_can_keep_none_says_so(
    place: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_place: str, _digest: str) -> None:
        raise OSError("No space left on device")

    local_runtime.main(order(place), full)
    Path(place).chmod(0o777)
    local_runtime.main(order(place))
    (tmp_path / "file").touch()
    local_runtime.main(order(f"{tmp_path}/file"))
    assert capsys.readouterr().out == '{"_corral_runtime": "unkept"}\n' * 3


@pytest.mark.usefixtures("settled")
def test_what_was_sent_is_kept_and_run(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(local_runtime, "_run", lambda importer, what, loader: ran.append((importer.digest, loader)))
    local_runtime.main(order(place), lambda _place, _digest: keep(place) and None)
    local_runtime.main(order(place))
    assert ran == [(DIGEST, False)] * 2


def test_the_usual_place_is_roots_or_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert local_runtime._usual_place() == "/var/cache/corral/runtime"
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    assert local_runtime._usual_place() == "/somewhere/corral/runtime"
