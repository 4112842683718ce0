# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a module in this process, as Ansible would with these options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import pytest
from ansible.module_utils.testing import patch_module_args

Run = Callable[..., "dict[str, Any]"]


@pytest.fixture
def node(tmp_path: Path) -> str:
    """A connection of the test driver that keeps its guests in a file."""
    return f"test://{tmp_path}/node.xml"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Return a function that runs a module and gives its result."""
    monkeypatch.delenv("LIBVIRT_DEFAULT_URI", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def run_module(
        module: ModuleType, *, check: bool = False, diff: bool = False, verbosity: int = 0, **options: Any
    ) -> dict[str, Any]:
        arguments = {
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": diff,
            "_ansible_verbosity": verbosity,
            "_ansible_tmpdir": str(tmp_path),
        }
        capsys.readouterr()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    yield run_module
