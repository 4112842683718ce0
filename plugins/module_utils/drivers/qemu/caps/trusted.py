# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a program that a document names may be run, and whether a directory is ours to work in.

An emulator is asked what it can do by running it, in check mode too. So a document must not be able to name a program
that somebody else has put there.
"""

from __future__ import annotations

from ....errors import HostError, MissingProgram, UnsupportedConfig
from ....host.api import Host

OTHERS_WRITE = 0o002
EXECUTE = 0o111


def check_program(host: Host, path: str, tag: str) -> None:
    """Raise UnsupportedConfig unless what <tag> names is a program of root's, or of the user's own who is not root.

    Raises MissingProgram where there is nothing.
    """
    if not path.startswith("/"):
        raise UnsupportedConfig(f"<{tag}> names '{path}', which is not an absolute path.", hint="Write the whole path.")
    found = host.stat(host.resolve(path))
    if found is None:
        raise MissingProgram(path, hint=f"Install it, correct its path in <{tag}>, or leave <{tag}> out.")
    wrong = ""
    if found.kind != "file":
        wrong = f"is a {found.kind} and not a program"
    elif not found.mode & EXECUTE:
        wrong = "is not executable"
    elif found.uid not in (0, host.euid()):
        wrong = f"belongs to the user {found.uid}"
    elif found.mode & OTHERS_WRITE:
        wrong = "can be written by everybody"
    if wrong:
        raise UnsupportedConfig(
            f"The <{tag}> {path} {wrong}, so it is not run.",
            hint=f"Name a program that belongs to root and that only root can write, or leave <{tag}> out.",
        )


def check_own(host: Host, directory: str) -> None:
    """Raise HostError for a directory that others could put files into."""
    found = host.stat(directory)
    if found is None or found.kind != "directory" or found.uid not in (0, host.euid()) or found.mode & OTHERS_WRITE:
        raise HostError(
            f"{directory} is not a directory of our own.", hint="Remove it, or give it to root.", path=directory
        )
