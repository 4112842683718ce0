# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the kernel and the initial RAM disk of the test guest from unpacked distribution packages.

    python3 pack.py --tree DIR --root DIR --out DIR

TREE is where the packages were unpacked, ROOT holds the guest's own scripts. Only the standard library is used: no
depmod (the modules say themselves what they need), no ldd (nor do libraries need the host's loader), no cpio and no
mknod (the archive is written directly, so nobody has to be root).
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# What later tests may put into a guest. A name that this kernel does not have is left out, and the manifest says so.
MODULES = """
    virtio_pci virtio_mmio virtio_blk virtio_scsi virtio_net virtio_console virtio_rng virtio_balloon virtio_input
    virtio_mem virtio_pmem virtio_crypto nfit nd_pmem
    ahci ata_piix ata_generic sd_mod sr_mod sg nvme floppy
    sym53c8xx mptspi mptsas megaraid_sas vmw_pvscsi
    xhci_pci ehci_pci uhci_hcd ohci_pci usb_storage uas usbhid hid_generic
    e1000 e1000e igb 8139cp ne2k_pci pcnet32 vmxnet3
    button evdev psmouse
    ext4 crc32c_generic vfat nls_cp437 nls_iso8859_1 nls_ascii nls_utf8 isofs 9p 9pnet_virtio virtiofs overlay loop
    i6300esb ib700wdt iTCO_wdt tpm_tis tpm_crb pvpanic_pci pvpanic_mmio qemu_fw_cfg
""".split()

# Without these there is no guest worth the name.
REQUIRED = """
    virtio_pci virtio_blk virtio_scsi virtio_net virtio_console virtio_rng virtio_balloon ahci ata_piix sd_mod sr_mod
    e1000 button evdev xhci_pci usb_storage ext4 vfat isofs
""".split()

# What a guest that stands for a whole host may load from a directory shared with it: networks, packet filters, mapped
# devices and remote disks. Folders of the kernel's modules, and single ones out of folders with too much else.
HOST_FOLDERS = """
    net drivers/md drivers/target drivers/vhost drivers/block crypto
    fs/nfs fs/nfsd fs/nfs_common fs/lockd fs/xfs fs/btrfs
""".split()
HOST_MODULES = """
    tun veth dummy bonding macvlan macvtap ifb vrf vxlan nlmon iscsi_tcp scsi_debug scsi_transport_iscsi dm_mod
""".split()

# In the image, but no device asks for them: finding a PS/2 mouse takes a second.
NOT_BY_ALIAS = ("psmouse", "qemu_fw_cfg")

LIBRARY_FOLDERS = ("lib64", "lib/x86_64-linux-gnu", "usr/lib64", "usr/lib/x86_64-linux-gnu", "lib", "usr/lib")
# What the guest has beside busybox, and where packages have it. Busybox is built without a client for DHCPv6.
PROGRAMS = {
    "qemu-ga": ("usr/sbin/qemu-ga", "usr/bin/qemu-ga"),
    "dhclient": ("usr/sbin/dhclient", "sbin/dhclient"),
}
BUSYBOX_FOLDERS = ("bin/busybox", "usr/bin/busybox")
LOADER = "ld-linux-x86-64.so.2"


class PackError(Exception):
    """Something that the guest needs is missing; the message says what."""


# --- compressed things ------------------------------------------------------------------------------------------

TOOLS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x02\x21\x4c\x18": "lz4"}


def decompress(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(data)
    if data[:4] in TOOLS:
        return piped(TOOLS[data[:4]], data)
    return data


def piped(tool: str, data: bytes) -> bytes:
    if not shutil.which(tool):
        raise PackError(f"{tool} is needed to unpack this kernel: install the package '{tool}'")
    done = subprocess.run([tool, "-dcq"], input=data, capture_output=True, check=False)
    if not done.stdout:
        raise PackError(f"{tool} could not unpack: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


# --- the kernel -------------------------------------------------------------------------------------------------


def unpacked_kernel(image: bytes) -> bytes | None:
    """The ELF file inside a bzImage, if QEMU can start it directly (through its PVH entry)."""
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    # The last four bytes are the unpacked length, put there by the kernel's build.
    kernel = decompress(image[start : start + length - 4])
    return kernel if kernel[:4] == b"\x7fELF" and has_pvh_entry(kernel) else None


def has_pvh_entry(elf: bytes) -> bool:
    xen_phys32_entry = struct.pack("<III4s", 4, 8, 18, b"Xen\0")
    short_entry = struct.pack("<III4s", 4, 4, 18, b"Xen\0")
    return xen_phys32_entry in elf or short_entry in elf


# --- ELF, as little of it as is needed --------------------------------------------------------------------------


SHT_NOBITS = 8  # a section without bytes in the file


def sections(elf: bytes) -> dict[str, bytes]:
    shoff = struct.unpack_from("<Q", elf, 0x28)[0]
    size, count, names_index = struct.unpack_from("<HHH", elf, 0x3A)
    rows = [struct.unpack_from("<IIQQQQ", elf, shoff + i * size) for i in range(count)]
    names = rows[names_index][4]
    found = {}
    for name, kind, _flags, _addr, offset, length in rows:
        if kind != SHT_NOBITS:
            end = elf.index(b"\0", names + name)
            found[elf[names + name : end].decode()] = elf[offset : offset + length]
    return found


def without_sections(elf: bytes, dropped: tuple[str, ...]) -> bytes:
    """A relocatable ELF file without the contents of some sections, and without what was appended to it.

    For modules: reading types, sorting stack frames and checking a signature takes an emulated processor longer than
    all else that loading does. Indices stay as they are, the dropped sections are left empty.
    """
    shoff = struct.unpack_from("<Q", elf, 0x28)[0]
    size, count, names_index = struct.unpack_from("<HHH", elf, 0x3A)
    rows = [list(struct.unpack_from("<IIQQQQIIQQ", elf, shoff + i * size)) for i in range(count)]
    names = rows[names_index][4]
    out = bytearray(elf[:64])
    for row in sorted(rows[1:], key=lambda row: row[4]):
        name, kind, offset, length, align = row[0], row[1], row[4], row[5], row[8]
        if elf[names + name : elf.index(b"\0", names + name)].decode() in dropped:
            row[:] = [0] * len(row)
        elif kind != SHT_NOBITS:
            out += b"\0" * (-len(out) % max(align, 1))
            row[4] = len(out)
            out += elf[offset : offset + length]
    out += b"\0" * (-len(out) % 8)
    struct.pack_into("<Q", out, 0x28, len(out))
    return bytes(out + b"".join(struct.pack("<IIQQQQIIQQ", *row) for row in rows))


def needed_libraries(elf: bytes) -> list[str]:
    parts = sections(elf)
    strings, dynamic = parts.get(".dynstr", b""), parts.get(".dynamic", b"")
    tags = struct.iter_unpack("<QQ", dynamic)
    return [strings[value : strings.index(b"\0", value)].decode() for tag, value in tags if tag == 1]


# --- modules ----------------------------------------------------------------------------------------------------


# For tracing and for exact stack traces.
UNUSED_SECTIONS = (".BTF", ".BTF.base", ".orc_unwind", ".orc_unwind_ip", ".rela.orc_unwind_ip", ".orc_header")


class Module(NamedTuple):
    name: str
    data: bytes
    depends: list[str]
    aliases: list[str]


def plain_name(name: str) -> str:
    return name.replace("-", "_")


def module_files(tree: Path) -> dict[str, Path]:
    pattern = re.compile(r"(.+)\.ko(\.xz|\.zst|\.gz)?$")
    found = ((pattern.match(path.name), path) for path in tree.glob("**/lib/modules/*/kernel/**/*.ko*"))
    return {plain_name(match[1]): path for match, path in found if match}


def builtin_modules(tree: Path) -> set[str]:
    lists = tree.glob("**/lib/modules/*/modules.builtin")
    return {plain_name(Path(line).stem) for path in lists for line in path.read_text().split()}


def read_module(name: str, path: Path) -> Module:
    data = decompress(path.read_bytes())
    entries = [entry.partition(b"=") for entry in sections(data)[".modinfo"].split(b"\0")]
    fields = [(key.decode(), value.decode(errors="replace")) for key, _equals, value in entries]
    depends = [dep for key, value in fields if key == "depends" for dep in value.split(",") if dep]
    for key, value in fields:
        if key == "softdep":
            depends += re.findall(r"[\w-]+", value.partition("pre:")[2].partition("post:")[0])
    aliases = [value for key, value in fields if key == "alias"]
    return Module(name, without_sections(data, UNUSED_SECTIONS), [plain_name(dep) for dep in depends], aliases)


def closure(names: Iterable[str], files: dict[str, Path]) -> dict[str, Module]:
    """The modules and all that they need, each after what it needs."""
    ordered: dict[str, Module] = {}

    def visit(name: str) -> None:
        if name in ordered or name not in files:
            return
        module = read_module(name, files[name])
        for dependency in module.depends:
            visit(dependency)
        ordered[name] = module

    for name in names:
        visit(name)
    return ordered


def needs(name: str, modules: dict[str, Module]) -> list[str]:
    """All that a module needs, in load order."""
    wanted = {name}
    for candidate in reversed(modules):
        if candidate in wanted:
            wanted.update(modules[candidate].depends)
    return [candidate for candidate in modules if candidate in wanted - {name}]


def module_entries(release: str, modules: dict[str, Module]) -> Iterator[Entry]:
    base = f"lib/modules/{release}"
    for module in modules.values():
        yield Entry(f"{base}/{module.name}.ko", module.data)
    # depmod's order: what is nearest comes first, what must be loaded first comes last.
    deps = [" ".join([f"{name}.ko:", *(f"{dep}.ko" for dep in reversed(needs(name, modules)))]) for name in modules]
    asked_for = [module for name, module in modules.items() if name not in NOT_BY_ALIAS]
    aliases = [f"alias {alias} {module.name}" for module in asked_for for alias in module.aliases]
    yield Entry(f"{base}/modules.dep", "".join(f"{line}\n" for line in deps).encode())
    yield Entry(f"{base}/modules.alias", "".join(f"{line}\n" for line in aliases).encode())
    yield Entry(f"{base}/modules.symbols", b"")


def host_modules(release: str, files: dict[str, Path]) -> dict[str, Module]:
    """The modules of a guest that stands for a host, each after what it needs."""
    folders = tuple(f"/{release}/kernel/{folder}/" for folder in HOST_FOLDERS)
    found = [name for name, path in sorted(files.items()) if any(part in str(path) for part in folders)]
    return closure([*MODULES, *HOST_MODULES, *found], files)


def write_files(out: Path, entries: Iterable[Entry]) -> None:
    """Lay entries down as files of one directory."""
    out.mkdir()
    for entry in entries:
        (out / Path(entry.name).name).write_bytes(entry.data)


# --- the archive ------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    name: str
    data: bytes = b""
    mode: int = stat.S_IFREG | 0o644
    device: tuple[int, int] = (0, 0)


def folder(name: str) -> Entry:
    return Entry(name, mode=stat.S_IFDIR | 0o755)


def link(name: str, target: str) -> Entry:
    return Entry(name, target.encode(), stat.S_IFLNK | 0o777)


def program(name: str, data: bytes) -> Entry:
    return Entry(name, data, stat.S_IFREG | 0o755)


def with_folders(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Every entry after the folders that it lies in."""
    made = set()
    for entry in entries:
        for parent in reversed(list(Path(entry.name).parents)[:-1]):
            if str(parent) not in made:
                made.add(str(parent))
                yield folder(str(parent))
        if entry.name not in made:
            made.add(entry.name)
            yield entry


def cpio(entries: Iterable[Entry]) -> bytes:
    """An archive in the newc format, the same bytes for the same entries."""
    out = bytearray()
    for inode, entry in enumerate([*entries, Entry("TRAILER!!!", mode=0)], start=1):
        name = entry.name.encode() + b"\0"
        fields = (inode, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out += b"\0" * (-len(out) % 4) + entry.data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


# --- what goes into it ------------------------------------------------------------------------------------------


def inside(tree: Path, name: str) -> Path:
    """A file of the unpacked packages; an absolute link of theirs means a file of theirs, not one of this machine."""
    path = tree / name
    for _link in range(8):
        if not path.is_symlink():
            break
        target = os.readlink(path)
        path = tree / target.lstrip("/") if target.startswith("/") else path.parent / target
    return path


def first_of(tree: Path, names: Iterable[str]) -> Path | None:
    return next((path for path in (inside(tree, name) for name in names) if path.is_file()), None)


def find_library(tree: Path, name: str) -> Path | None:
    return first_of(tree, (f"{folder}/{name}" for folder in LIBRARY_FOLDERS))


def programs(tree: Path) -> dict[str, Path]:
    found = {name: first_of(tree, folders) for name, folders in PROGRAMS.items()}
    if lacking := [name for name, path in found.items() if path is None]:
        raise PackError(f"none of the unpacked packages holds {' and '.join(lacking)}")
    return {name: path for name, path in found.items() if path is not None}


def libraries_of(tree: Path) -> tuple[dict[str, Path], list[str]]:
    """The libraries that the programs need, and those of them that are in no unpacked package."""
    found: dict[str, Path] = {}
    missing: list[str] = []
    waiting = [LOADER, *(name for path in programs(tree).values() for name in needed_libraries(path.read_bytes()))]
    while waiting:
        name = waiting.pop()
        path = find_library(tree, name)
        if name in found or name in missing:
            continue
        if path is None:
            missing.append(name)
            continue
        found[name] = path
        waiting += needed_libraries(path.read_bytes())
    return found, sorted(missing)


def program_entries(tree: Path) -> Iterator[Entry]:
    busybox = first_of(tree, BUSYBOX_FOLDERS)
    if busybox is None:
        raise PackError("busybox is in none of the unpacked packages")
    libraries, missing = libraries_of(tree)
    if missing:
        raise PackError(f"libraries of the guest's programs are in no unpacked package: {' '.join(missing)}")
    yield program("bin/busybox", busybox.read_bytes())
    yield link("bin/sh", "busybox")
    yield link("sbin/modprobe", "../bin/busybox")
    for name, path in programs(tree).items():
        yield program(f"sbin/{name}", path.read_bytes())
    yield program(f"lib64/{LOADER}", libraries.pop(LOADER).read_bytes())
    for name in sorted(libraries):
        yield program(f"lib/{name}", libraries[name].read_bytes())


def own_entries(root: Path) -> Iterator[Entry]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            yield Entry(str(path.relative_to(root)), path.read_bytes(), stat.S_IFREG | mode)


def base_entries() -> Iterator[Entry]:
    yield from map(folder, ("dev", "proc", "sys", "run", "tmp", "mnt", "var/run"))
    yield Entry("dev/console", b"", stat.S_IFCHR | 0o600, (5, 1))
    yield Entry("dev/null", b"", stat.S_IFCHR | 0o666, (1, 3))


# --- the whole --------------------------------------------------------------------------------------------------


def find_kernel(tree: Path) -> tuple[str, Path]:
    images = sorted(tree.glob("boot/vmlinuz-*"))
    if len(images) != 1:
        raise PackError(f"expected one kernel in the unpacked packages, found {len(images)}")
    return images[0].name.partition("-")[2], images[0]


def pack(tree: Path, root: Path, out: Path) -> dict[str, str]:
    release, image = find_kernel(tree)
    files, builtin = module_files(tree), builtin_modules(tree)
    absent = [name for name in MODULES if name not in files and name not in builtin]
    if lacking := [name for name in REQUIRED if name in absent]:
        raise PackError(f"the kernel {release} lacks {' '.join(lacking)}")
    modules = closure(MODULES, files)
    entries = [*base_entries(), *program_entries(tree), *own_entries(root), *module_entries(release, modules)]
    (out / "initrd.img").write_bytes(cpio(with_folders(entries)))
    write_files(out / "modules", module_entries(release, host_modules(release, files)))
    bzimage = image.read_bytes()
    kernel = unpacked_kernel(bzimage)
    (out / "vmlinuz").write_bytes(kernel or bzimage)
    (out / "bzImage").write_bytes(bzimage)
    return {
        "kernel": release,
        "kernel-format": "elf" if kernel else "bzImage",
        "modules": str(len(modules)),
        "modules-absent": " ".join(absent),
        **{f"size-{name}": str((out / name).stat().st_size) for name in ("vmlinuz", "bzImage", "initrd.img")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--missing-libraries", action="store_true", help="only list libraries that are in no package yet"
    )
    options = parser.parse_args()
    try:
        if options.missing_libraries:
            print(*libraries_of(options.tree)[1])
        else:
            for key, value in pack(options.tree, options.root, options.out).items():
                print(f"{key}: {value}")
    except PackError as error:
        sys.exit(f"pack.py: {error}")


if __name__ == "__main__":
    main()
