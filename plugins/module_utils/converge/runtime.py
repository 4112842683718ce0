# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copy of our code that a host keeps for its units: /usr/lib/corral, put there by the role ``host``.

    runtime/DIGEST/ansible_collections/corral/virt/plugins/module_utils   the very files, named by their content
    runtime/current                                                        the link to the one that is used
    launch                                                                 the program that units run
    VERSION                                                                the version of the collection

A new copy is whole before the link is switched, and the one before it stays, because a launcher may still run from it.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ..errors import HostError, InvalidArgument, MissingProgram
from ..host.api import Host
from ..host.local_runtime_keep import digest_of

ROOT = "/usr/lib/corral"
COPIES = f"{ROOT}/runtime"
CURRENT = f"{COPIES}/current"
LAUNCH = f"{ROOT}/launch"
VERSION = f"{ROOT}/VERSION"
SERVICE = "ansible_collections.corral.virt.plugins.module_utils.service"
BYTECODE = "__pycache__"
COMPILE = ("-m", "compileall", "-q")
TIMEOUT = 300.0  # seconds, for a slow disk

# The link is followed once, so that a switch in between does not mix two versions; nothing is imported from where the
# caller stands, from the user's own libraries, or by what is in PYTHONHOME.
PROGRAM = """\
#!/bin/sh
# Runs the launcher of corral.virt for the units of this host. The role corral.virt.host has made it.
cd / || exit 1
unset PYTHONHOME PYTHONSTARTUP
PYTHONPATH=$(readlink -f {current}) && export PYTHONPATH
exec {python} -s -m {service} "$@"
"""


@dataclass(frozen=True)
class Runtime:
    """What is there, or is to be there: empty for what is not. ``launch`` is the text of the program."""

    digest: str = ""
    version: str = ""
    launch: str = ""


def wanted(digest: str, version: str, python: str) -> Runtime:
    """What a host is to have, run by the interpreter ``python``; raises InvalidArgument for one without a full path."""
    if not python.startswith("/") or set(python) & set(" \t\n'\"\\$`;&|<>()*?[]#~"):
        raise InvalidArgument(f"python: {python!r} is not the path of an interpreter.", hint="Give its full path.")
    return Runtime(digest, version, PROGRAM.format(current=CURRENT, python=python, service=SERVICE))


def look(host: Host) -> Runtime:
    """What is there. A copy in which a file was changed, added or removed has no digest."""
    home = host.resolve(CURRENT)
    name = posixpath.basename(home)
    whole = posixpath.dirname(home) == host.resolve(COPIES) and digest_of(dict(_files(host, home))) == name
    return Runtime(name if whole else "", _text(host, VERSION).strip(), _program(host))


def lacks_sources(there: Runtime, goal: Runtime) -> bool:
    """Whether the code itself has to be sent."""
    return there.digest != goal.digest


def unpacked(archive: bytes, digest: str) -> Dict[str, bytes]:
    """The files of an archive by their paths; raises HostError when they are not what the digest says."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            found = {name: opened.read(name) for name in opened.namelist()}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError) as error:
        raise HostError(f"The archive with the runtime cannot be read: {error}.", hint="Run it again.") from error
    if digest_of(found) != digest:
        raise HostError("The archive with the runtime is not what was announced.", hint="Run it again.")
    return found


def install(host: Host, there: Runtime, goal: Runtime, python: str, sources: Optional[Mapping[str, bytes]]) -> None:
    """Make what is there what it is to be; ``sources`` are needed where the code is another. Raises HostError."""
    if sources is not None:
        _add_copy(host, goal.digest, python, sources)
        before = posixpath.basename(host.resolve(CURRENT))
        host.symlink(goal.digest, CURRENT)
        _prune(host, (goal.digest, before, posixpath.basename(CURRENT)))
    for path, text, mode, old in (
        (LAUNCH, goal.launch, 0o755, there.launch),
        (VERSION, f"{goal.version}\n", 0o644, f"{there.version}\n"),
    ):
        if text != old:
            host.write(path, text.encode(), mode=mode)


def remove(host: Host) -> bool:
    """Remove all of it; whether there was any."""
    return host.remove_tree(ROOT)


def shown(runtime: Optional[Runtime]) -> Dict[str, Any]:
    """The same for a difference between before and after."""
    return {} if runtime is None else {name: value for name, value in asdict(runtime).items() if value}


def _add_copy(host: Host, digest: str, python: str, sources: Mapping[str, bytes]) -> None:
    """Write a copy under another name, with its bytecode, bring it to the disk at once, and give it its name."""
    home, unfinished = f"{COPIES}/{digest}", f"{COPIES}/.new-{digest}"
    host.remove_tree(unfinished)
    host.make_directory(unfinished, mode=0o755)
    for name, source in sources.items():
        path = f"{unfinished}/{name}"
        host.make_directory(posixpath.dirname(path), mode=0o755)
        host.write(path, source, mode=0o644, lasting=False)
    # without bytecode, whose files are named as they will be called, it works all the same; so does a host without sync
    for argv in ([python, *COMPILE, "-s", unfinished, "-p", home, unfinished], ["sync", "-f", unfinished]):
        with suppress(MissingProgram):
            host.run(argv, check=False, timeout=TIMEOUT)
    host.remove_tree(home)
    host.rename(unfinished, home)


def _prune(host: Host, kept: Tuple[str, ...]) -> None:
    for name in host.entries(COPIES):
        if name not in kept:
            host.remove_tree(f"{COPIES}/{name}")


def _files(host: Host, directory: str, below: str = "") -> Iterator[Tuple[str, bytes]]:
    """Every file in a directory with its path in it; bytecode is Python's own."""
    for name in host.entries(directory):
        path, inside = f"{directory}/{name}", f"{below}{name}"
        found = host.stat(path)
        if found is not None and found.kind == "directory":
            if name != BYTECODE:
                yield from _files(host, path, f"{inside}/")
        else:
            yield inside, host.read(path) or b""


def _text(host: Host, path: str) -> str:
    return (host.read(path) or b"").decode("utf-8", "replace")


def _program(host: Host) -> str:
    """The text of the launcher, nothing when nobody could run it."""
    found = host.stat(LAUNCH)
    return _text(host, LAUNCH) if found is not None and found.mode == 0o755 else ""
