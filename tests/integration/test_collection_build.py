# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball: what is in it, that it installs, and that what is installed runs. And a checkout at an awkward path."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
# What a checkout has and the tarball must not.
CHECKOUT_ONLY = ("ansible.cfg", "ansible_collections", "Makefile", "tests", "tools", "requirements", "pyproject.toml")


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run one of the environment's programs with nothing of the caller's Ansible settings; return what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")}
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=cwd,
        env={**inherited, "ANSIBLE_NOCOLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tarball(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run("ansible-galaxy", "collection", "build", "--output-path", str(out), str(root), cwd=out, HOME=str(out))
    (made,) = out.glob("corral-virt-*.tar.gz")
    return made


def test_the_tarball_has_what_it_should_and_nothing_of_the_checkout(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert {"MANIFEST.json", "LICENSE", "README.md", "meta/runtime.yml", "plugins/modules/vm.py"} <= set(names)
    assert [name for name in names if name.startswith(".") or name.split("/")[0] in CHECKOUT_ONLY] == []
    assert [name for name in names if "__pycache__" in name] == []


def test_the_tarball_installs_and_its_module_answers_to_the_full_name(tarball: Path, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    run("ansible-galaxy", "collection", "install", "--offline", "-p", str(tmp_path), str(tarball), cwd=tmp_path, **home)
    said = run("ansible", "localhost", "-m", "corral.virt.vm_info", "-a", "uri=test:///default", cwd=tmp_path, **home)
    assert "SUCCESS" in said


def test_the_modules_answer_to_their_short_names_in_a_checkout(root: Path, tmp_path: Path) -> None:
    said = run("ansible", "localhost", "-m", "vm_info", "-a", "uri=test:///default", cwd=root, HOME=str(tmp_path))
    assert "SUCCESS" in said


def test_a_checkout_works_at_a_path_with_a_space(root: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    for name in ("plugins", "meta", "playbooks", "galaxy.yml", "ansible.cfg"):
        (checkout / name).symlink_to(root / name)
    link = checkout / "ansible_collections" / "corral" / "virt"
    link.parent.mkdir(parents=True)
    link.symlink_to(Path("..", ".."))
    for name in ("vm_info", "corral.virt.vm_info"):
        said = run("ansible", "localhost", "-m", name, "-a", "uri=test:///default", cwd=checkout, HOME=str(tmp_path))
        assert "SUCCESS" in said


def test_module_defaults_of_the_group_reach_the_module(root: Path, tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    play.write_text(
        """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/corral.virt.all:
      uri: test:///default
  tasks:
    - corral.virt.vm_info:
      register: guests
    - ansible.builtin.assert:
        that: "'test' in (guests | string)"
""",
        encoding="utf-8",
    )
    run("ansible-playbook", str(play), cwd=root, HOME=str(tmp_path))
