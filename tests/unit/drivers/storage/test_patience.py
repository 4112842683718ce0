# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making encrypted images on a host that is busy."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.patience import TRIES, run_patiently
from ansible_collections.corral.virt.plugins.module_utils.errors import CommandFailed
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost

ARGV = ("qemu-img", "create")
BUSY = Completed(ARGV, 1, b"", b"qemu-img: /srv/a: Unable to get accurate CPU usage\n")
DONE = Completed(ARGV, 0, b"", b"")


def ran(*answers: Completed) -> int:
    """How often the program is run until it has done its work, or is given up."""
    host, runs = FakeHost(), []

    def answer(argv: tuple[str, ...], stdin: bytes) -> Completed:
        runs.append(argv)
        return answers[min(len(runs), len(answers)) - 1]

    host.add_program("qemu-img", answer)
    try:
        run_patiently(host, ARGV, timeout=1)
    except CommandFailed:
        return -len(runs)
    return len(runs)


@pytest.mark.parametrize(
    ("answers", "runs"),
    [
        ([DONE], 1),
        ([BUSY, BUSY, DONE], 3),
        ([BUSY], -TRIES),
        ([Completed(ARGV, 1, b"", b"qemu-img: No space left on device\n")], -1),
    ],
)
def test_only_what_could_not_be_measured_is_tried_again(answers: list[Completed], runs: int) -> None:
    assert ran(*answers) == runs
