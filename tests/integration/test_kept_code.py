# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run from the copy that the host keeps: what is sent when, never old code, and Ansible's own way where not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
URI = "test:///default"

# What has been sent, by what it is that a program of that kind contains.
KINDS = {"def _ansiballz_main": "Ansible's archive", "\nSOURCES = ": "with sources", "\nORDER = ": "program"}

Run = Callable[..., "dict[str, Any]"]


class Host:
    """A host whose interpreter writes down every program that it is sent."""

    def __init__(self, directory: Path, checkout: Path) -> None:
        self.directory, self.checkout, self.place = directory, checkout, directory / "runtime"
        (directory / "sent").mkdir()
        number = f"n={directory}/sent/$(ls {directory}/sent | wc -l)"
        write = 'if [ $# = 0 ]; then cat >$n; set -- $n; else cp "$1" $n; fi'
        self.interpreter = script(directory / "python", f'{number}\n{write}\nexec "{sys.executable}" "$@"')

    def run(
        self, module: str = "vm_info", flags: tuple[str, ...] = (), variables: object = None, **environment: str
    ) -> dict[str, Any]:
        """Run a module through Ansible's command line, return its result."""
        known = {"ansible_python_interpreter": str(self.interpreter), "corral_virt_runtime": str(self.place)}
        command = [str(BIN / "ansible"), "localhost", "-m", f"corral.virt.{module}", *flags]
        command += ["-e", json.dumps({**known, **dict(variables or {})})]  # type: ignore[call-overload]
        if "-a" not in flags:
            command += ["-a", f"uri={URI}"]
        settings = {"ANSIBLE_CONFIG": f"{self.checkout}/ansible.cfg", "ANSIBLE_COLLECTIONS_PATH": str(self.checkout)}
        output = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            command,
            cwd=self.checkout,
            env={**os.environ, **settings, **output, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        start = done.stdout.rfind("localhost | ")
        assert start >= 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{", start) :])
        return result

    def sent(self) -> list[str]:
        """What kinds of programs have come since the last look."""
        paths = sorted((self.directory / "sent").iterdir(), key=lambda path: int(path.name))
        texts = [path.read_text() for path in paths]
        for path in paths:
            path.unlink()
        return [next(kind for mark, kind in KINDS.items() if mark in text) for text in texts]


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def host(root_dir: Path, root: Path) -> Host:
    return Host(root_dir, root)


@pytest.mark.parametrize("pipelining", ["1", "0"])
def test_the_code_is_sent_once(host: Host, pipelining: str) -> None:
    results = [host.run(ANSIBLE_PIPELINING=pipelining) for _run in range(3)]
    assert host.sent() == ["program", "with sources", "program", "program"]
    assert results[0] == results[1] == results[2]
    assert [guest["name"] for guest in results[0]["guests"]] == ["test"]


@pytest.mark.parametrize(
    "options", ["uri=test:///default name=new memory=1GiB", "uri=test:///default name=a/b", "uri=x://"]
)
def test_the_result_is_that_of_ansibles_own_way(host: Host, options: str) -> None:
    """A change in check mode with its diff, refused options, and an error while the connection is opened."""
    flags = ("-a", options, "--check", "--diff", "-vv")
    kept, own = (host.run("vm", flags, {"corral_virt_runtime": place}) for place in (str(host.place), "no"))
    assert kept == own
    assert host.sent() == ["program", "with sources", "Ansible's archive"]


def test_a_changed_collection_is_never_run_from_an_old_copy(tmp_path: Path, root: Path) -> None:
    checkout = tmp_path / "checkout"
    for name in ("plugins", "meta"):
        shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("galaxy.yml", "ansible.cfg"):
        shutil.copy(root / name, checkout / name)
    link = checkout / "ansible_collections" / "corral" / "virt"
    link.parent.mkdir(parents=True)
    link.symlink_to(Path("..", ".."))
    host = Host(tmp_path, checkout)
    entry = checkout / "plugins/module_utils/converge/entry.py"
    before, times = entry.read_text(), entry.stat()
    assert "generation" not in host.run()
    for generation in "12":
        # neither its size nor its time tells the second change
        entry.write_text(before.replace('result = {"uri"', f'result = {{"generation": {generation}, "uri"'))
        os.utime(entry, (times.st_atime, times.st_mtime))
        assert host.run()["generation"] == int(generation)
    entry.write_text(before)
    assert "generation" not in host.run()
    assert host.sent() == ["program", "with sources"] * 3 + ["program"]


def test_a_damaged_copy_is_sent_again(host: Host) -> None:
    whole = host.run()
    for path in host.place.iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert host.run() == whole
    assert host.sent() == ["program", "with sources"] * 2


def test_a_copy_that_others_could_have_written_is_not_run(host: Host) -> None:
    whole = host.run()
    host.place.chmod(0o777)
    assert host.run() == whole
    assert host.sent() == ["program", "with sources", "program", "Ansible's archive"]


def test_a_host_that_can_keep_nothing_gets_ansibles_own_way(host: Host) -> None:
    host.place.touch()
    assert host.run()["guests"]
    assert host.sent() == ["program", "Ansible's archive"]


def test_who_looks_into_ansibles_archive_or_does_not_wait_gets_it(host: Host) -> None:
    assert host.run(variables={"corral_virt_runtime": False})["guests"]
    assert host.run(ANSIBLE_KEEP_REMOTE_FILES="1", ANSIBLE_REMOTE_TEMP=str(host.directory / "kept"))["guests"]
    assert host.sent() == ["Ansible's archive"] * 2
    assert host.run(flags=("-B", "60", "-P", "1"), variables={"ansible_python_interpreter": sys.executable})["guests"]
    assert not host.place.exists()


def test_a_variable_that_means_nothing_is_refused(host: Host) -> None:
    result = host.run(variables={"corral_virt_runtime": "perhaps"})
    assert "corral_virt_runtime is neither yes or no nor an absolute path" in str(result["msg"])


@pytest.mark.root
@pytest.mark.parametrize("pipelining", ["1", "0"])
def test_another_user_has_a_copy_of_his_own(host: Host, pipelining: str) -> None:
    own = host.directory / "nobody"
    own.mkdir()
    shutil.chown(own, "nobody")
    become = {"ansible_become": True, "ansible_become_user": "nobody", "ansible_become_method": "su"}
    variables = {**become, "ansible_become_flags": "-s /bin/sh", "corral_virt_runtime": f"{own}/runtime"}
    variables["ansible_python_interpreter"] = sys.executable
    for _run in range(2):
        result = host.run(variables=variables, ANSIBLE_PIPELINING=pipelining)
        assert result.get("guests"), result
    assert {path.owner() for path in (own / "runtime").iterdir()} == {"nobody"}
    # root does not run what he could have written
    assert host.run(variables={"corral_virt_runtime": f"{own}/runtime"})["guests"]
    assert host.sent() == ["program", "Ansible's archive"]


@pytest.mark.root
def test_an_interpreter_without_libraries_hands_the_copy_to_one_that_has_them(host: Host) -> None:
    """The other interpreter stands where the host role puts it, in a mount namespace of this test's own."""
    poor = script(host.directory / "poor", f'exec "{os.path.realpath(sys.executable)}" -S "$@"')
    rich = script(host.directory / "rich", f'exec "{sys.executable}" "$@"')
    variables = {"ansible_python_interpreter": str(poor), "corral_virt_runtime": str(host.place)}
    command = [str(BIN / "ansible"), "localhost", "-m", "corral.virt.vm_info", "-a", f"uri={URI}"]
    there = "/usr/libexec/corral"
    inside = f'mount -t tmpfs none /usr/libexec && mkdir {there} && cp "$0" {there}/python && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", inside, str(rich), *command, "-e", json.dumps(variables)],
        cwd=host.checkout,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SUCCESS" in done.stdout, done.stdout + done.stderr
    assert len(list(host.place.glob("*.code"))) == 1
