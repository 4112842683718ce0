# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copy of our code on a host: whole or not there, mended, switched in one step, the one before kept."""

from __future__ import annotations

import io
import zipfile
from typing import Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge import runtime
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost, Killed
from ansible_collections.corral.virt.plugins.module_utils.host.local_runtime_keep import digest_of

PYTHON = "/usr/libexec/corral/python"
FIRST = {"a/__init__.py": b"", "a/one.py": b"1"}
SECOND = {**FIRST, "a/two.py": b"2"}
THIRD = {"a/__init__.py": b""}


def goal(sources: dict[str, bytes], version: str = "0.1.0") -> runtime.Runtime:
    return runtime.wanted(digest_of(sources), version, PYTHON)


def install(host: FakeHost, sources: dict[str, bytes], version: str = "0.1.0") -> bool:
    """As the module does; whether there was anything to do."""
    there, wanted = runtime.look(host), goal(sources, version)
    if there == wanted:
        return False
    sent: Optional[dict[str, bytes]] = sources if runtime.lacks_sources(there, wanted) else None
    runtime.install(host, there, wanted, PYTHON, sent)
    return True


def packed(sources: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, source in sources.items():
            archive.writestr(name, source)
    return written.getvalue()


def test_a_bare_host_has_nothing() -> None:
    assert runtime.look(FakeHost()) == runtime.Runtime()


def test_it_is_installed_once() -> None:
    host = FakeHost()
    assert install(host, FIRST)
    assert runtime.look(host) == goal(FIRST)
    assert not install(host, FIRST)
    assert host.read(f"{runtime.CURRENT}/a/one.py") == b"1"
    assert host.read(runtime.VERSION) == b"0.1.0\n"
    launch = host.stat(runtime.LAUNCH)
    assert launch is not None and launch.mode == 0o755
    assert PYTHON in (host.read(runtime.LAUNCH) or b"").decode()


def test_bytecode_is_made_for_the_name_it_will_have() -> None:
    host = FakeHost()
    host.add_program(PYTHON, path=PYTHON)
    install(host, FIRST)
    digest = digest_of(FIRST)
    compiled = next(argv for call, argv in host.calls if call == "run" and argv[0] == PYTHON)
    unfinished = f"{runtime.COPIES}/.new-{digest}"
    assert compiled[-5:] == ("-s", unfinished, "-p", f"{runtime.COPIES}/{digest}", unfinished)


def test_bytecode_that_python_has_written_is_no_change() -> None:
    host = FakeHost()
    install(host, FIRST)
    host.add_file(f"{host.resolve(runtime.CURRENT)}/a/__pycache__/one.cpython-311.pyc", b"code")
    assert not install(host, FIRST)


@pytest.mark.parametrize("path", ["a/one.py", "a/three.py"])
def test_a_file_that_was_changed_or_added_is_mended(path: str) -> None:
    host = FakeHost()
    install(host, FIRST)
    host.add_file(f"{host.resolve(runtime.CURRENT)}/{path}", b"broken")
    assert runtime.look(host).digest == ""
    assert install(host, FIRST)
    assert runtime.look(host) == goal(FIRST)
    assert host.entries(runtime.COPIES) == [digest_of(FIRST), "current"]


def test_a_file_that_was_removed_is_mended() -> None:
    host = FakeHost()
    install(host, FIRST)
    host.remove(f"{host.resolve(runtime.CURRENT)}/a/one.py")
    assert install(host, FIRST)
    assert runtime.look(host) == goal(FIRST)


def test_a_link_that_leads_elsewhere_is_mended() -> None:
    host = FakeHost()
    install(host, FIRST)
    host.add_directory("/tmp/else")
    host.symlink("/tmp/else", runtime.CURRENT)
    assert install(host, FIRST)
    assert runtime.look(host) == goal(FIRST)


def test_the_copy_before_stays_and_older_ones_go() -> None:
    host = FakeHost()
    install(host, FIRST)
    install(host, SECOND)
    assert set(host.entries(runtime.COPIES)) == {digest_of(FIRST), digest_of(SECOND), "current"}
    install(host, THIRD, "0.2.0")
    assert set(host.entries(runtime.COPIES)) == {digest_of(SECOND), digest_of(THIRD), "current"}
    assert runtime.look(host) == goal(THIRD, "0.2.0")


def test_another_version_of_the_same_code_is_written_down() -> None:
    host = FakeHost()
    install(host, FIRST)
    assert install(host, FIRST, "0.2.0")
    assert host.read(runtime.VERSION) == b"0.2.0\n"


def test_a_launcher_that_nobody_can_run_is_mended() -> None:
    host = FakeHost()
    install(host, FIRST)
    host.change_mode(runtime.LAUNCH, 0o644)
    assert install(host, FIRST)
    assert runtime.look(host) == goal(FIRST)


def test_killed_anywhere_the_old_copy_or_the_new_one_is_there() -> None:
    for instant in range(1, 100):
        host = FakeHost()
        install(host, FIRST)
        host.kill_at(instant)
        try:
            install(host, SECOND)
        except Killed:
            host.revive()
            assert runtime.look(host).digest in (digest_of(FIRST), digest_of(SECOND))
            install(host, SECOND)
            assert runtime.look(host) == goal(SECOND)
        else:
            host.revive()
            return
    raise AssertionError("it never came to its end")


def test_all_of_it_is_removed() -> None:
    host = FakeHost()
    install(host, FIRST)
    assert runtime.remove(host)
    assert host.stat(runtime.ROOT) is None
    assert not runtime.remove(host)


def test_an_archive_is_what_was_announced() -> None:
    assert runtime.unpacked(packed(FIRST), digest_of(FIRST)) == FIRST
    with pytest.raises(HostError, match="not what was announced"):
        runtime.unpacked(packed(SECOND), digest_of(FIRST))
    with pytest.raises(HostError, match="cannot be read"):
        runtime.unpacked(b"PK", digest_of(FIRST))


@pytest.mark.parametrize("python", ["", "python3", "/usr/bin/python3; reboot", "/usr/bin/python3\nreboot"])
def test_an_interpreter_is_a_path(python: str) -> None:
    with pytest.raises(InvalidArgument, match="python:"):
        runtime.wanted("d", "0.1.0", python)
