# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to a host so that it runs our modules from a copy that it keeps: see host/local_runtime.py."""

from __future__ import annotations

import base64
import fcntl
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import ansible.module_utils
from ansible import constants as C  # noqa: N812 (everybody calls it so)
from ansible.release import __author__, __version__

from ansible_collections.corral.virt.plugins.module_utils.host import local_runtime, local_runtime_keep

PLUGINS = Path(__file__).resolve().parents[1]
PACKAGE = "ansible_collections/corral/virt/plugins"
FOLDERS = ("module_utils", "modules")
# What the files begin with that are kept for the other tasks of this run of Ansible.
NOTE = "corral_virt_runtime"
FUTURE = "from __future__ import annotations\n"


def digest() -> str:
    """The digest of our code as it is on this controller."""
    return _once("", lambda: local_runtime_keep.digest_of(sources()))


def _once(name: str, make: Callable[[], str]) -> str:
    """A text that is made once in each run of Ansible and kept for its other tasks, as Ansible's own archives are."""
    note = Path(C.DEFAULT_LOCAL_TMP, f"{NOTE}{name}")
    if not note.exists():
        with note.with_name(f"{note.name}.turn").open("wb") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # all forks begin at once, and one of them makes it
            if not note.exists():
                part = note.with_name(f"{note.name}.part")
                part.write_text(make(), encoding="ascii")
                part.rename(note)
    return note.read_text(encoding="ascii")


def module_path(name: str) -> Path:
    """The file of a module of ours, by its full or its short name."""
    return PLUGINS / "modules" / f"{name.rpartition('.')[2]}.py"


def sources() -> dict[str, bytes]:
    """Every file of a copy: our modules with all that they import, and Ansible's share of a module."""
    found = {
        "ansible/__init__.py": f"__version__ = {__version__!r}\n__author__ = {__author__!r}\n".encode(),
        "ansible_collections/__init__.py": b"",
        **dict(_below(Path(ansible.module_utils.__file__).parent, "ansible/module_utils")),
    }
    for folder in FOLDERS:
        found.update(_below(PLUGINS / folder, f"{PACKAGE}/{folder}"))
    for parts in range(2, PACKAGE.count("/") + 2):
        found["/".join([*PACKAGE.split("/")[:parts], "__init__.py"])] = b""
    found.setdefault(f"{PACKAGE}/modules/__init__.py", b"")
    return found


def launcher_sources() -> dict[str, bytes]:
    """Every file that the units of a host run: our module_utils, and nothing of Ansible's."""
    found = dict(_below(PLUGINS / "module_utils", f"{PACKAGE}/module_utils"))
    for parts in range(1, PACKAGE.count("/") + 2):
        found["/".join([*PACKAGE.split("/")[:parts], "__init__.py"])] = b""
    return found


def digest_of(sources: Mapping[str, bytes]) -> str:
    """The name of such files: it changes with every byte of every one of them."""
    return local_runtime_keep.digest_of(dict(sources))


def version() -> str:
    """The version of the collection: that of its manifest, or of galaxy.yml in a checkout."""
    manifest = PLUGINS.parent / "MANIFEST.json"
    if manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    lines = (PLUGINS.parent / "galaxy.yml").read_text(encoding="utf-8").splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("version:"))


def _below(directory: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*.py")):
        yield f"{name}/{path.relative_to(directory).as_posix()}", path.read_bytes()


def program(order: Mapping[str, str], *, with_sources: bool) -> str:
    """The program that runs a module on the host; ``order`` is what local_runtime.main takes."""
    lines = [_text(local_runtime), f"ORDER = {json.dumps(dict(order))!r}"]
    call = "main(json.loads(ORDER))"
    if with_sources:
        # a program says only once, and first, that it is of the future
        lines += [_text(local_runtime_keep).replace(FUTURE, ""), f"SOURCES = {_archive()!r}"]
        call = "main(json.loads(ORDER), lambda place, digest: keep(place, digest, code_path(place, digest), SOURCES))"
    return "\n".join([*lines, f'if __name__ == "__main__":\n    {call}', ""])


def _text(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _archive() -> str:
    """All files, packed and in base64."""
    return _once("_archive", lambda: base64.b64encode(packed(sources())).decode("ascii"))


def packed(files: Mapping[str, bytes]) -> bytes:
    """Files by their paths, as a zip archive that is the same for the same files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in files.items():
            archive.writestr(zipfile.ZipInfo(name), source, zipfile.ZIP_DEFLATED)
    return written.getvalue()
