# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure storage in the interpreter of the modules, without Ansible.

    inside_storage.py clones URI DIRECTORY BASE COUNT
    inside_storage.py clones-by-hand DIRECTORY BASE COUNT
    inside_storage.py upload URI DIRECTORY FILE ROUNDS SIDE...

``URI`` is ours (``qemu:///embed?root=DIR``), or ``libvirtd`` for a real one. ``DIRECTORY`` is there and empty, and
gets a pool of its own. A ``SIDE`` is a key of ``SIDES``. Prints JSON; all values are seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from guests import POOL, layer, pool, raw_volume
from inside import timed

VIRSH = ("virsh", "-q", "-c", "qemu:///system")
# The volumes that files are uploaded to.
FILLED, IMPORTED = "filled.img", "imported.img"


class Storage(Protocol):
    """What is measured of ours and of libvirt's; all of it in one pool."""

    def open_pool(self, directory: str) -> Any: ...

    def close_pool(self) -> Any: ...

    def make(self, xml: str) -> Any: ...

    def look(self) -> Any: ...


class Ours:
    """Our driver, opened once, as one run of a module does it."""

    def __init__(self, uri: str) -> None:
        from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
        from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

        self.driver: Any = open_connection(uri).storage
        self.parse = parse

    def open_pool(self, directory: str) -> Any:
        self.driver.define_pool(self.parse(pool(directory), root="pool", what="a pool"))
        return self.driver.start_pool(POOL)

    def close_pool(self) -> Any:
        self.driver.destroy_pool(POOL)
        return self.driver.undefine_pool(POOL)

    def make(self, xml: str) -> Any:
        return self.driver.create_volume(POOL, self.parse(xml, root="volume", what="a volume"))

    def look(self) -> Any:
        return self.driver.list_volumes(POOL)

    def fill(self, name: str, file: str) -> Any:
        """Replace the bytes of a volume."""
        return self.driver.upload_volume(POOL, name, file)

    def import_(self, name: str, file: str) -> Any:
        """Make a volume of a file."""
        from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Content

        document = self.parse(raw_volume(name), root="volume", what="a volume")
        return self.driver.create_volume(POOL, document, content=Content(path=file, format="raw"))

    def delete(self, name: str) -> Any:
        return self.driver.delete_volume(POOL, name)


class Theirs:
    """libvirtd by libvirt's own Python binding."""

    def __init__(self) -> None:
        import libvirt

        self.connection: Any = libvirt.open("qemu:///system")

    def open_pool(self, directory: str) -> Any:
        self.pool = self.connection.storagePoolDefineXML(pool(directory))
        return self.pool.create()

    def close_pool(self) -> Any:
        self.pool.destroy()
        return self.pool.undefine()

    def make(self, xml: str) -> Any:
        return self.pool.createXML(xml)

    def look(self) -> Any:
        self.pool.refresh()
        return [volume.XMLDesc() for volume in self.pool.listAllVolumes()]


@contextlib.contextmanager
def opened(uri: str, directory: str) -> Iterator[Any]:
    """Ours by its URI, or libvirtd, with a pool that goes at the end."""
    storage: Storage = Theirs() if uri == "libvirtd" else Ours(uri)
    storage.open_pool(directory)
    try:
        yield storage
    finally:
        storage.close_pool()


# clones


def clones(uri: str, directory: str, base: str, count: str) -> Dict[str, float]:
    """Layers above one image by one process, and a look at all of them; one of each before does not count."""
    with opened(uri, directory) as storage:
        storage.make(layer("first.qcow2", base))
        storage.look()

        def make() -> None:
            for number in range(int(count)):
                storage.make(layer(f"clone{number}.qcow2", base))

        return {"made": timed(make), "looked": timed(storage.look)}


def clones_by_hand(directory: str, base: str, count: str) -> float:
    """The same by nothing but qemu-img."""
    words = ("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2")

    def make() -> None:
        for number in range(int(count)):
            run(*words, f"{directory}/clone{number}.qcow2")

    return timed(make)


# a large file


def upload(uri: str, directory: str, file: str, rounds: str, *sides: str) -> Dict[str, List[float]]:
    """A large file to a volume, in turns; what a round has written is on the disk and gone before the next begins."""
    found: Dict[str, List[float]] = {side: [] for side in sides}
    for _round in range(int(rounds)):
        for side in sides:
            found[side].append(SIDES[side](uri, directory, file))
            os.sync()
    return found


def fill(uri: str, directory: str, file: str) -> float:
    """Our driver replaces the bytes of a volume of this size."""
    with opened(uri, directory) as storage:
        storage.make(raw_volume(FILLED, os.stat(file).st_size))
        took = timed(storage.fill, FILLED, file)
        storage.delete(FILLED)
        return took


def import_(uri: str, directory: str, file: str) -> float:
    """Our driver makes a volume of the file."""
    with opened(uri, directory) as storage:
        took = timed(storage.import_, IMPORTED, file)
        storage.delete(IMPORTED)
        return took


def virsh(uri: str, directory: str, file: str) -> float:
    """virsh replaces the bytes of a volume of this size."""
    name = "virsh.img"
    with opened("libvirtd", directory) as storage:
        storage.make(raw_volume(name, os.stat(file).st_size))
        took = timed(run, *VIRSH, "vol-upload", "--pool", POOL, "--vol", name, "--file", file)
        run(*VIRSH, "vol-delete", "--pool", POOL, "--vol", name)
        return took


def virsh_import(uri: str, directory: str, file: str) -> float:
    """virsh makes a volume, and fills it."""
    name, size = "virsh-import.img", str(os.stat(file).st_size)

    def make() -> None:
        run(*VIRSH, "vol-create-as", POOL, name, size, "--format", "raw", "--allocation", "0")
        run(*VIRSH, "vol-upload", "--pool", POOL, "--vol", name, "--file", file)

    with opened("libvirtd", directory):
        took = timed(make)
        run(*VIRSH, "vol-delete", "--pool", POOL, "--vol", name)
        return took


def copy(uri: str, directory: str, file: str) -> float:
    """Nothing but a copy."""
    target = Path(directory, "copy.img")
    took = timed(run, "cp", "--sparse=never", file, str(target))
    target.unlink()
    return took


def copy_synced(uri: str, directory: str, file: str) -> float:
    """A copy that is on the disk at the end."""
    target = Path(directory, "synced.img")

    def make() -> None:
        run("cp", "--sparse=never", file, str(target))
        run("sync", str(target))

    took = timed(make)
    target.unlink()
    return took


def run(*words: str) -> None:
    """Run a program that says nothing; raises CalledProcessError."""
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


SIDES: Dict[str, Callable[[str, str, str], float]] = {
    "fill": fill,
    "import": import_,
    "copy": copy,
    "copy-synced": copy_synced,
    "virsh": virsh,
    "virsh-import": virsh_import,
}

COMMANDS: Dict[str, Callable[..., Any]] = {"clones": clones, "clones-by-hand": clones_by_hand, "upload": upload}


if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
