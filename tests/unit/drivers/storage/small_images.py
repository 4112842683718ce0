# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory whose qemu-img makes images of some bytes, with headers as real ones have them."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from typing import Dict, List, Optional, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed, FileStat
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.fake_files import FakeFile
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

TARGET = "/var/lib/corral/images"
CONTENT = 4096  # where a qcow2 image of ours has its content
Argv = Tuple[str, ...]


def qcow2(
    size: int,
    content: bytes = b"",
    *,
    version: int = 3,
    backing: str = "",
    backing_format: str = "",
    crypt: int = 0,
    needs: int = 0,
    may: int = 0,
) -> bytes:
    """The bytes of a qcow2 image."""
    name = backing.encode()
    extension = struct.pack(">II", 0xE2792ACA, len(backing_format)) + backing_format.encode().ljust(8, b"\0")
    head = b"QFI\xfb" + struct.pack(">IQIIQI", version, 2048 if name else 0, len(name), 16, size, crypt)
    head = head.ljust(72, b"\0")
    if version > 2:
        head += struct.pack(">QQQII", needs, may, 0, 4, 104)
    head += (extension if backing_format else b"") + bytes(8)
    return head.ljust(2048, b"\0") + name.ljust(CONTENT - 2048, b"\0") + content


def luks(size: int, content: bytes = b"") -> bytes:
    """The bytes of a LUKS image, with a header of two sectors."""
    head = b"LUKS\xba\xbe" + struct.pack(">H", 1)
    return head.ljust(104, b"\0") + struct.pack(">I", 2) + bytes(1024 - 108) + content.ljust(size, b"\0")


class ImageHost(FakeHost):
    """``full`` lets programs find no room; ``reflinks`` says whether the file system shares blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.reflinks = False
        self.holes: Dict[str, int] = {}
        for name in ("qemu-img", "cp", "fallocate", "truncate", "dd", "scrub", "zstd"):
            self.add_program(name, getattr(self, "_" + name.replace("-", "_")))
        self.add_directory(TARGET, mode=0o711)
        Layout.system().prepare(self)

    def stat(self, path: str) -> Optional[FileStat]:
        found = super().stat(path)
        return None if found is None else replace(found, allocated=found.size - self.holes.get(path, 0))

    # what a test asks

    def data(self, path: str) -> bytes:
        return self.files[self.resolve(path)].data

    def ran(self, program: str) -> List[Argv]:
        return [argv for call, argv in self.calls if call == "run" and argv[0] == program]

    def in_pool(self) -> List[str]:
        return [path[len(TARGET) + 1 :] for path in sorted(self.files) if path.startswith(TARGET + "/")]

    # programs

    def _fill(self, path: str, data: bytes) -> None:
        """Write into a file as programs do: it stays the same file."""
        there = self.files.get(path)
        if there is None:
            self._put(path, FakeFile("file", data, 0o644, self.identity))
        else:
            self.files[path] = replace(there, data=data)

    def _qemu_img(self, argv: Argv, stdin: bytes) -> Completed:
        if self.full and argv[1] in ("create", "convert"):
            self._fill(argv[-1] if argv[1] == "convert" else argv[-2], b"half")
            return Completed(argv, 1, b"", b"qemu-img: error while writing: No space left on device\n")
        secrets = [word.rpartition("file=")[2] for word in argv if word.startswith("secret,")]
        if any(self.read(path) is None for path in secrets):
            return Completed(argv, 1, b"", b"qemu-img: secret is not there\n")
        return getattr(self, "_" + argv[1])(argv)  # type: ignore[no-any-return]

    def _create(self, argv: Argv) -> Completed:
        said = dict(zip(argv, argv[1:]))
        has_size = argv[-1].isdigit()
        path = argv[-2] if has_size else argv[-1]
        below = said.get("-b", "")
        size = int(argv[-1]) if has_size else self._capacity(below, said.get("-F", "raw"))
        crypt = 2 if "encrypt.format=luks" in said.get("-o", "") else 0
        made = {
            "raw": lambda: bytes(size),
            "luks": lambda: luks(size),
            "qcow2": lambda: qcow2(size, backing=below, backing_format=said.get("-F", ""), crypt=crypt),
        }
        self._fill(path, made[said["-f"]]())
        return Completed(argv, 0, b"Formatting\n", b"")

    def _convert(self, argv: Argv) -> Completed:
        source, target = argv[-2], argv[-1]
        if "--image-opts" in argv:
            of = dict(part.split("=", 1) for part in source.split(","))
            to = dict(part.split("=", 1) for part in target.split(","))
            content = self._content(of["file.filename"], of["driver"])
            self._write(to["file.filename"], to["driver"], content)
        else:
            said = dict(zip(argv, argv[1:]))
            size, content = self._capacity(source, said["-f"]), self._content(source, said["-f"])
            plain = said["-O"] == "raw"
            self._fill(target, content.ljust(size, b"\0") if plain else qcow2(size, content.rstrip(b"\0")))
        return Completed(argv, 0, b"", b"")

    def _resize(self, argv: Argv) -> Completed:
        opened = next((word for word in argv if word.startswith("driver=")), "")
        path = re.findall(r"file\.filename=([^,]+)", opened)[0] if opened else argv[-2]
        driver = re.findall(r"driver=([^,]+)", opened)[0] if opened else argv[argv.index("-f") + 1]
        size, data = int(argv[-1]), self.files[path].data
        if size < self._capacity(path, driver) and "--shrink" not in argv:
            return Completed(argv, 1, b"", b"qemu-img: Use the --shrink option\n")
        if driver == "qcow2":
            data = data[:24] + struct.pack(">Q", size) + data[32:]
        else:
            whole = size + (1024 if driver == "luks" else 0)
            data = data[:whole].ljust(whole, b"\0")
        self._fill(path, data)
        return Completed(argv, 0, b"", b"")

    def _info(self, argv: Argv) -> Completed:
        return Completed(argv, 0, b'{"virtual-size": 4096, "format": "vmdk"}', b"")

    def _capacity(self, path: str, driver: str) -> int:
        data = self.files[path].data
        if driver == "qcow2":
            return int(struct.unpack(">Q", data[24:32])[0])
        return len(data) - (1024 if driver == "luks" else 0)

    def _content(self, path: str, driver: str) -> bytes:
        return self.files[path].data[{"qcow2": CONTENT, "luks": 1024}.get(driver, 0) :]

    def _write(self, path: str, driver: str, content: bytes) -> None:
        there = self.files[path].data
        start = {"qcow2": CONTENT, "luks": 1024}.get(driver, 0)
        size = self._capacity(path, driver)
        kept = content.rstrip(b"\0") if driver == "qcow2" else content[:size].ljust(size, b"\0")
        self._fill(path, there[:start] + kept)

    def _cp(self, argv: Argv, stdin: bytes) -> Completed:
        if "--reflink=always" in argv and not self.reflinks:
            self._fill(argv[-1], b"")
            return Completed(argv, 1, b"", b"cp: failed to clone: Operation not supported\n")
        if self.full:
            self._fill(argv[-1], b"half")
            return Completed(argv, 1, b"", b"cp: error writing: No space left on device\n")
        self._fill(argv[-1], self.files[self.resolve(argv[-2])].data)
        return Completed(argv, 0, b"", b"")

    def _fallocate(self, argv: Argv, stdin: bytes) -> Completed:
        if self.full:
            return Completed(argv, 1, b"", b"fallocate: fallocate failed: No space left on device\n")
        if "--punch-hole" in argv:
            self._fill(argv[-1], bytes(len(self.files[argv[-1]].data)))
        return Completed(argv, 0, b"", b"")

    def _truncate(self, argv: Argv, stdin: bytes) -> Completed:
        size = int(argv[2])
        self._fill(argv[3], self.files[argv[3]].data[:size].ljust(size, b"\0"))
        return Completed(argv, 0, b"", b"")

    def _dd(self, argv: Argv, stdin: bytes) -> Completed:
        path = next(word[3:] for word in argv if word.startswith("of="))
        self._fill(path, bytes(len(self.files[path].data)))
        return Completed(argv, 0, b"", b"")

    def _scrub(self, argv: Argv, stdin: bytes) -> Completed:
        self._fill(argv[-1], b"\xff" * len(self.files[argv[-1]].data))
        return Completed(argv, 0, b"", b"")

    def _zstd(self, argv: Argv, stdin: bytes) -> Completed:
        data = self.files[argv[-1]].data
        if not data.startswith(b"\x28\xb5\x2f\xfd"):
            return Completed(argv, 1, b"", b"zstd: unsupported format\n")
        self._fill(argv[-2], data[4:])
        return Completed(argv, 0, b"", b"")


def shelf_on(host: ImageHost, *, read_only: bool = False, target: str = TARGET) -> Shelf:
    """The pool of a host."""
    if target not in host.files:
        raise HostError(f"{target} is not there.")
    return Shelf(host, Layout.system(), "default", target, read_only)


def volume(
    name: str = "a", capacity: Optional[int] = 8192, format: str = "raw", more: str = "", *, allocation: int = 0
) -> Element:
    """A volume's document; ``more`` stands in its target, a <backingStore> beside it."""
    size = "" if capacity is None else f"<capacity>{capacity}</capacity><allocation>{allocation}</allocation>"
    inside, _mark, beside = more.partition("|")
    text = f"<volume><name>{name}</name>{size}<target><format type='{format}'/>{inside}</target>{beside}</volume>"
    return parse(text)


def backing(path: str, format: str) -> str:
    """A <backingStore> for ``volume``."""
    return f"|<backingStore><path>{path}</path><format type='{format}'/></backingStore>"


SEALED = "<encryption format='luks'><secret type='passphrase' usage='a'/></encryption>"
