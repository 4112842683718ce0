# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools whose storage is a server's or an adapter's: what is asked, with which credentials, which leave no trace."""

from __future__ import annotations

import json
from typing import Dict, List, Mapping, Optional, Tuple

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import SecretDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.driver import HostStorage
from ansible_collections.corral.virt.plugins.module_utils.errors import NotFound, OperationFailed
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import Around, Guests, PoolHost, volume

KEY = b"nobody-reads-this"
AUTH = "<auth type='{kind}' username='bob'><secret usage='it'/></auth>"
RBD = (
    "<pool type='rbd'><name>r</name><source><host name='mon'/><name>vms</name>"
    f"{AUTH.format(kind='ceph')}</source></pool>"
)
DIRECT = (
    "<pool type='iscsi-direct'><name>d</name><source><host name='192.0.2.1'/><device path='iqn.2026-01.example:disks'/>"
    f"<initiator><iqn name='iqn.2026-01.example:me'/></initiator>{AUTH.format(kind='chap')}</source></pool>"
)
PORT = "<adapter type='fc_host' wwnn='2000000000000001' wwpn='1000000000000001' parent='scsi_host4' managed='yes'/>"


class Secrets(SecretDriver):
    """One value for each use."""

    def __init__(self, **values: bytes) -> None:
        self.values = values

    def use_secret_value(self, reference: str) -> bytes:
        usage = reference.partition(":")[0]
        if usage not in self.values:
            raise NotFound(f"There is no secret {reference}.")
        return self.values[usage]


class Servers(PoolHost):
    """``seen`` is what programs got beside their command lines: the content of key files, and the environment."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: List[bytes] = []
        self.images: Dict[str, int] = {}
        for name in ("rbd", "ceph", "iscsi-ls"):
            self.add_program(name, getattr(self, "_" + name.replace("-", "_")))

    def run(self, argv: Tuple[str, ...], **more: object) -> Completed:  # type: ignore[override]
        env = more.get("env")
        if isinstance(env, Mapping):
            self.seen.append(str(env["LIBISCSI_CHAP_PASSWORD"]).encode())
        return super().run(argv, **more)  # type: ignore[arg-type]

    def _rbd(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        self.seen.append(self.files[argv[argv.index("--keyfile") + 1]].data)
        name = argv[-1].partition("/")[2]
        if "create" in argv:
            self.images[name] = 1 << 20
        elif "rename" in argv:
            self.images[name] = self.images.pop(argv[-2].partition("/")[2])
        elif "rm" in argv:
            del self.images[name]
        rows = [{"image": image, "size": size, "used_size": 0, "name": image} for image, size in self.images.items()]
        said: object = {"images": rows} if "du" in argv else rows
        return Completed(argv, 0, json.dumps(said).encode(), b"")

    def _ceph(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        said = {"pools": [{"name": "vms", "stats": {"stored": 1, "max_avail": 9}}]}
        return Completed(argv, 0, json.dumps(said).encode(), b"")

    def _iscsi_ls(self, argv: Tuple[str, ...], stdin: bytes) -> Completed:
        text = b"Target:iqn.2026-01.example:disks Portal:192.0.2.1:3260,1\nLun:1    Type:DIRECT_ACCESS (Size:1G)\n"
        return Completed(argv, 0, text, b"")

    def said(self) -> str:
        """Every command line."""
        return " ".join(str(subject) for call, subject in self.calls if call == "run")


@pytest.fixture
def host() -> Servers:
    return Servers()


def driver_with(host: PoolHost, secrets: Optional[SecretDriver] = None) -> HostStorage:
    driver = HostStorage(host, Layout.system())
    driver.meet(Around(Guests(), secrets))  # type: ignore[arg-type]
    return driver


def test_the_key_of_a_cluster_is_in_a_file_for_as_long_as_a_program_runs(host: Servers) -> None:
    driver = driver_with(host, Secrets(ceph=KEY))
    driver.define_pool(parse(RBD))
    assert driver.start_pool("r").capacity == 10
    assert driver.create_volume("r", volume(size=1 << 20)).path == "vms/one"
    assert list(host.images) == ["one"]
    driver.delete_volume("r", "one")
    assert host.images == {}
    assert set(host.seen) == {KEY}
    assert KEY.decode() not in host.said()
    assert [path for path in host.files if path.startswith("/run/corral/keys/")] == []


def test_an_image_that_a_killed_run_has_left_goes_with_the_next(host: Servers) -> None:
    driver = driver_with(host, Secrets(ceph=KEY))
    driver.define_pool(parse(RBD))
    driver.start_pool("r")
    driver.create_volume("r", volume(size=1 << 20))
    (made,) = [argv[-1] for argv in host.ran("rbd") if "create" in argv]
    host.images[made.partition("/")[2]] = 1
    host.images[".corral-00000000-0000000000000000"] = 1  # of another host
    assert [each.name for each in driver.list_volumes("r")] == ["one"]
    driver.create_volume("r", volume("two", size=1 << 20))
    assert sorted(host.images) == [".corral-00000000-0000000000000000", "one", "two"]


def test_without_its_secret_a_pool_does_not_start(host: Servers) -> None:
    driver = driver_with(host, Secrets())
    driver.define_pool(parse(RBD))
    with pytest.raises(NotFound, match="There is no secret ceph:it"):
        driver.start_pool("r")
    assert not driver.lookup_pool("r").active


def test_a_password_for_a_target_is_in_the_environment(host: Servers) -> None:
    driver = driver_with(host, Secrets(iscsi=KEY))
    driver.define_pool(parse(DIRECT))
    driver.start_pool("d")
    assert [each.name for each in driver.list_volumes("d")] == ["unit:0:0:1"]
    assert set(host.seen) == {KEY}
    assert KEY.decode() not in host.said()


def test_a_virtual_port_is_made_and_removed_with_its_pool(host: Servers) -> None:
    driver = driver_with(host)
    for name in ("vport_create", "vport_delete"):
        host.add_file(f"/sys/class/fc_host/host4/{name}")
    host.on_sleep = lambda: port(host)
    driver.define_pool(parse(f"<pool type='scsi'><name>s</name><source>{PORT}</source></pool>"))
    host.add_program("lsblk", Completed(("lsblk",), 0, b'{"blockdevices": []}', b""))
    driver.start_pool("s")
    assert host.files["/sys/class/fc_host/host4/vport_create"].data == b"1000000000000001:2000000000000001\n"
    assert driver.pool_faults("s") == []
    driver.destroy_pool("s")
    assert host.files["/sys/class/fc_host/host4/vport_delete"].data == b"1000000000000001:2000000000000001\n"


def port(host: PoolHost) -> None:
    """The kernel has made the virtual host."""
    for kind, value in (("node", "2000000000000001"), ("port", "1000000000000001")):
        host.add_file(f"/sys/class/fc_host/host9/{kind}_name", f"0x{value}\n".encode())


def test_an_adapter_is_found_by_its_name_and_by_its_place(host: Servers) -> None:
    real = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host3/scsi_host/host3"
    host.add_file(f"{real}/unique_id", b"1\n")
    host.add_directory("/sys/class/scsi_host")
    host.symlink(real, "/sys/class/scsi_host/host3")
    block = {"kname": "sda", "path": "/dev/sda", "type": "disk", "size": 512, "hctl": "3:0:0:0", "wwn": "0x5"}
    host.add_program("lsblk", Completed(("lsblk",), 0, json.dumps({"blockdevices": [block]}).encode(), b""))
    host.add_node("/dev/sda", "block")
    host.add_directory("/dev/disk/by-path")
    host.symlink("/dev/sda", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1")
    place = "<parentaddr unique_id='1'><address domain='0' bus='0' slot='0x1f' function='2'/></parentaddr>"
    for adapter in ("<adapter name='scsi_host3'/>", f"<adapter type='scsi_host'>{place}</adapter>"):
        driver = driver_with(host)
        driver.define_pool(parse(f"<pool type='scsi'><name>s</name><source>{adapter}</source></pool>"))
        driver.start_pool("s")
        (found,) = driver.list_volumes("s")
        assert (found.path, found.key) == ("/dev/disk/by-path/pci-0000:00:1f.2-ata-1", "0x5")
        driver.destroy_pool("s")
        driver.undefine_pool("s")
    driver.define_pool(parse("<pool type='scsi'><name>s</name><source><adapter name='host7'/></source></pool>"))
    with pytest.raises(OperationFailed, match="is not there"):
        driver.start_pool("s")
