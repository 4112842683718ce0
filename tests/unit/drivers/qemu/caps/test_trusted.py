# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that a document names, and directories that others could write to."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.trusted import check_own, check_program
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, MissingProgram, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost

PATH = "/opt/qemu"


@pytest.mark.parametrize(
    ("mode", "owner", "euid", "said"),
    [
        (0o755, 0, 0, ""),
        (0o775, 0, 0, ""),
        (0o755, 0, 1000, ""),
        (0o755, 1000, 1000, ""),
        (0o755, 1000, 0, "belongs to the user 1000"),
        (0o755, 1001, 1000, "belongs to the user 1001"),
        (0o644, 0, 0, "is not executable"),
        (0o757, 0, 0, "can be written by everybody"),
    ],
)
def test_whose_programs_are_run(mode: int, owner: int, euid: int, said: str) -> None:
    host = FakeHost(euid=euid)
    host.add_file(PATH, b"ELF", mode=mode, owner=(owner, owner))
    host.symlink(PATH, "/link")
    for path in (PATH, "/link"):
        if not said:
            check_program(host, path, "emulator")
            continue
        with pytest.raises(UnsupportedConfig, match=f"The <emulator> {path} {said}, so it is not run") as caught:
            check_program(host, path, "emulator")
        assert "leave <emulator> out" in str(caught.value.hint)


def test_what_is_no_program_at_all() -> None:
    host = FakeHost()
    host.add_directory(PATH)
    with pytest.raises(UnsupportedConfig, match="is a directory and not a program"):
        check_program(host, PATH, "binary")
    with pytest.raises(MissingProgram, match="/opt/other is missing"):
        check_program(host, "/opt/other", "binary")
    with pytest.raises(UnsupportedConfig, match="which is not an absolute path"):
        check_program(host, "bin/qemu", "emulator")


def test_directories_of_others_are_not_worked_in() -> None:
    host = FakeHost(euid=1000)
    host.add_directory("/tmp/ours", mode=0o755, owner=(1000, 1000))
    host.add_directory("/tmp/open", mode=0o777, owner=(1000, 1000))
    host.add_directory("/tmp/theirs", mode=0o755, owner=(1001, 1001))
    host.symlink("/tmp/ours", "/tmp/link")
    check_own(host, "/tmp/ours")
    for path in ("/tmp/open", "/tmp/theirs", "/tmp/link", "/tmp/none"):
        with pytest.raises(HostError, match="is not a directory of our own"):
            check_own(host, path)
