# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory with block devices, file systems that are mounted, and volume groups."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Domain, HypervisorDriver, SecretDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.driver import HostStorage
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake_files import FakeFile
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import ImageHost

Argv = Tuple[str, ...]
SIZE = 1 << 30
EXTENT = 4 << 20

DOCUMENTS = {
    "dir": "<pool type='dir'><name>{name}</name><target><path>{path}</path>{more}</target></pool>",
    "fs": (
        "<pool type='fs'><name>{name}</name><source><device path='{device}'/><format type='ext4'/></source>"
        "<target><path>{path}</path>{more}</target></pool>"
    ),
    "logical": (
        "<pool type='logical'><name>{name}</name><source><device path='{device}'/><name>vg</name></source>"
        "<target><path>/dev/vg</path></target></pool>"
    ),
    "disk": (
        "<pool type='disk'><name>{name}</name><source><device path='{device}'/><format type='gpt'/></source>"
        "<target><path>/dev</path></target></pool>"
    ),
}


def pool(
    kind: str = "dir", *, name: str = "a", path: str = "/srv/a", device: str = "/dev/sdb", more: str = ""
) -> Element:
    """The document of a pool."""
    return parse(DOCUMENTS[kind].format(name=name, path=path, device=device, more=more), root="pool")


def volume(name: str = "one", *, size: int = EXTENT, kind: str = "", more: str = "") -> Element:
    """The document of a volume."""
    form = f"<target><format type='{kind}'/></target>" if kind else ""
    return parse(f"<volume><name>{name}</name><capacity>{size}</capacity>{form}{more}</volume>", root="volume")


@dataclass
class Group:
    """A volume group: its device, and its volumes with whether they are active."""

    device: str
    volumes: Dict[str, bool] = field(default_factory=dict)


class PoolHost(ImageHost):
    """``marks`` are what devices hold, ``mounts`` the sources by their directories, ``disks`` what lies in them."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: Dict[str, str] = {}
        self.mounts: Dict[str, str] = {}
        self.disks: Dict[str, Dict[str, FakeFile]] = {}
        self.groups: Dict[str, Group] = {}
        self.tables: Dict[str, str] = {}
        for device in ("/dev/sdb", "/dev/sdc"):
            self.add_node(device, "block")
        self.add_directory("/srv")
        programs = "mount umount mkfs wipefs lsblk rmdir pvs vgs lvs vgchange vgcreate vgremove pvcreate pvremove"
        self.add_program("mkfs.ext4", self._mkfs)
        for name in (*programs.split(), "lvcreate", "lvremove", "lvrename", "lvextend", "lvreduce", "parted"):
            self.add_program(name, getattr(self, "_" + name))

    def read(self, path: str, **more: Any) -> Optional[bytes]:
        if path != "/proc/self/mountinfo":
            return super().read(path, **more)
        rows = (f"30 1 8:16 / {where} rw - ext4 {what} rw\n" for where, what in self.mounts.items())
        return "".join(rows).encode()

    # file systems

    def _mkfs(self, argv: Argv, stdin: bytes) -> Completed:
        self.marks[argv[-1]] = argv[2]
        self.disks[argv[-1]] = {"lost+found": FakeFile("directory", mode=0o700)}
        return Completed(argv, 0, b"", b"")

    def _mount(self, argv: Argv, stdin: bytes) -> Completed:
        device, directory = argv[-2], argv[-1]
        if device not in self.disks or directory not in self.files:
            return Completed(argv, 32, b"", b"mount: wrong fs type, bad option, bad superblock")
        self.mounts[directory] = device
        for name, node in self.disks.pop(device).items():
            self._put(f"{directory}/{name}", node)
        self.disks[device] = {}
        return Completed(argv, 0, b"", b"")

    def _umount(self, argv: Argv, stdin: bytes) -> Completed:
        directory, head = argv[-1], f"{argv[-1]}/"
        inside = {path[len(head) :]: self.files.pop(path) for path in list(self.files) if path.startswith(head)}
        self.disks[self.mounts.pop(directory)] = inside
        return Completed(argv, 0, b"", b"")

    def _rmdir(self, argv: Argv, stdin: bytes) -> Completed:
        if any(path.startswith(f"{argv[-1]}/") for path in self.files) or argv[-1] in self.mounts:
            return Completed(argv, 1, b"", b"Directory not empty")
        del self.files[argv[-1]]
        return Completed(argv, 0, b"", b"")

    # devices

    def _wipefs(self, argv: Argv, stdin: bytes) -> Completed:
        device = argv[-1]
        if "--no-act" in argv:
            found = [{"type": self.marks[device]}] if device in self.marks else []
            return Completed(argv, 0, json.dumps({"signatures": found}).encode(), b"")
        self.marks.pop(device, None)
        self.disks.pop(device, None)
        self.tables.pop(device, None)
        return Completed(argv, 0, b"", b"")

    def _lsblk(self, argv: Argv, stdin: bytes) -> Completed:
        rows = [self._block(argv[-1])]
        return Completed(argv, 0, json.dumps({"blockdevices": rows}).encode(), b"")

    def _block(self, device: str) -> Dict[str, Any]:
        where = next((where for where, what in self.mounts.items() if what == device), None)
        active = [
            {"kname": f"dm-{name}", "path": f"/dev/mapper/{name}", "type": "lvm", "size": EXTENT}
            for group in self.groups.values()
            for name, is_active in group.volumes.items()
            if group.device == device and is_active
        ]
        row = {"kname": device[5:], "path": device, "type": "disk", "size": SIZE, "mountpoint": where}
        return {**row, "children": active} if active else row

    def _parted(self, argv: Argv, stdin: bytes) -> Completed:
        device = argv[argv.index("--script") + 1]
        if "mklabel" in argv:
            self.tables[device] = self.marks[device] = argv[-1]
            return Completed(argv, 0, b"", b"")
        label = self.tables.get(device, "unknown")
        text = f"BYT;\n{device}:{SIZE}B:scsi:512:512:{label}:Fake:;\n1:17408B:{SIZE - 1}B:{SIZE - 17408}B:free;\n"
        return Completed(argv, 0 if device in self.tables else 1, text.encode(), b"")

    # volume groups

    def _pvs(self, argv: Argv, stdin: bytes) -> Completed:
        groups = {group.device: name for name, group in self.groups.items()}
        members = [device for device, mark in self.marks.items() if mark == "LVM2_member"]
        return self._report(argv, "pv", [{"pv_name": each, "vg_name": groups.get(each, "")} for each in members])

    def _pvcreate(self, argv: Argv, stdin: bytes) -> Completed:
        self.marks[argv[-1]] = "LVM2_member"
        return Completed(argv, 0, b"", b"")

    def _pvremove(self, argv: Argv, stdin: bytes) -> Completed:
        self.marks.pop(argv[-1], None)
        return Completed(argv, 0, b"", b"")

    def _vgcreate(self, argv: Argv, stdin: bytes) -> Completed:
        self.groups[argv[1]] = Group(argv[2])
        return Completed(argv, 0, b"", b"")

    def _vgremove(self, argv: Argv, stdin: bytes) -> Completed:
        del self.groups[argv[1]]
        return Completed(argv, 0, b"", b"")

    def _vgchange(self, argv: Argv, stdin: bytes) -> Completed:
        group = self.groups[argv[2]]
        for name in group.volumes:
            self._switch(argv[2], name, argv[1] == "-aly")
        return Completed(argv, 0, b"", b"")

    def _vgs(self, argv: Argv, stdin: bytes) -> Completed:
        if argv[-1] not in self.groups:
            return Completed(argv, 5, b"", f'Volume group "{argv[-1]}" not found'.encode())
        used = EXTENT * len(self.groups[argv[-1]].volumes)
        row = {"vg_name": argv[-1], "vg_size": str(SIZE), "vg_free": str(SIZE - used), "vg_extent_size": str(EXTENT)}
        return self._report(argv, "vg", [row])

    def _lvs(self, argv: Argv, stdin: bytes) -> Completed:
        group = self.groups[argv[-1]]
        rows = [
            {
                "lv_name": name,
                "lv_attr": f"-wi-{'a' if active else '-'}-----",
                "lv_uuid": f"id-{name}",
                "lv_size": str(EXTENT),
                "seg_size": str(EXTENT),
                "vg_extent_size": str(EXTENT),
                "devices": "",
            }
            for name, active in group.volumes.items()
        ]
        return self._report(argv, "lv", rows)

    def _lvcreate(self, argv: Argv, stdin: bytes) -> Completed:
        self._switch("vg", argv[argv.index("--name") + 1], True)
        return Completed(argv, 0, b"", b"")

    def _lvremove(self, argv: Argv, stdin: bytes) -> Completed:
        group, _slash, name = argv[-1].partition("/")
        self._switch(group, name, False)
        del self.groups[group].volumes[name]
        return Completed(argv, 0, b"", b"")

    def _lvrename(self, argv: Argv, stdin: bytes) -> Completed:
        _program, group, old, new = argv
        self._lvremove(("lvremove", f"{group}/{old}"), b"")
        self._switch(group, new, True)
        return Completed(argv, 0, b"", b"")

    def _lvextend(self, argv: Argv, stdin: bytes) -> Completed:
        return Completed(argv, 0, b"", b"")

    _lvreduce = _lvextend

    def _switch(self, group: str, name: str, active: bool) -> None:
        self.groups[group].volumes[name] = active
        if active:
            self.add_node(f"/dev/{group}/{name}", "block")
        else:
            self.files.pop(f"/dev/{group}/{name}", None)

    def _report(self, argv: Argv, what: str, rows: List[Dict[str, str]]) -> Completed:
        return Completed(argv, 0, json.dumps({"report": [{what: rows}]}).encode(), b"")


class Guests(HypervisorDriver):
    """Active guests with some disks, by name."""

    def __init__(self, **documents: str) -> None:
        self.documents = documents
        self.resized: List[Tuple[str, str, int]] = []

    def list_domains(self) -> List[Domain]:
        return [Domain(name, "", active=True, state="running") for name in self.documents]

    def domain_xml(self, name: str, *, inactive: bool = False, secure: bool = False) -> Element:
        return parse(f"<domain><devices>{self.documents[name]}</devices></domain>", root="domain")

    def resize_disk(self, name: str, path: str, capacity: int) -> None:
        self.resized.append((name, path, capacity))


class Around:
    """The other drivers of a connection."""

    def __init__(self, hypervisor: HypervisorDriver, secret: Optional[SecretDriver] = None) -> None:
        self.hypervisor = hypervisor
        self.secret = secret or SecretDriver()


def driver_on(host: PoolHost, *, read_only: bool = False, guests: Optional[HypervisorDriver] = None) -> HostStorage:
    """The driver of the system's tree."""
    driver = HostStorage(host, Layout.system(), read_only=read_only)
    driver.meet(Around(guests or Guests()))  # type: ignore[arg-type]
    return driver
