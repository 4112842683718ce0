# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each option writes into the document, and what is refused of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.spec import desired
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.model.tags import read_tags
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.converge.option_rows import WRITTEN


def document(**options: Any) -> Element:
    _name, made = desired({"name": "a", "memory": "64MiB", **options})
    assert made is not None
    return made


def shown(**options: Any) -> str:
    """The document on one line."""
    return "".join(line.strip() for line in to_text(document(**options)).splitlines())


DISK = {"path": "/d"}


@pytest.mark.parametrize(("options", "part"), WRITTEN)
def test_an_option_writes_its_part(options: dict[str, Any], part: str) -> None:
    assert part in shown(**options)


@pytest.mark.parametrize(
    "options",
    [
        *(
            {name: False}
            for name in ("tpm", "watchdog", "vsock", "rng", "panic", "hyperv", "guest_agent", "spice_agent")
        ),
        *({name: []} for name in ("disks", "interfaces", "numa", "fw_cfg", "channels", "qemu_commandline", "tags")),
        *({"smbios": {}}, {"boot": {}}, {"title": " "}, {"firmware": "bios"}, {"tpm": "no"}),
    ],
)
def test_what_is_switched_off_writes_nothing(options: dict[str, Any]) -> None:
    assert shown(**options) == shown()


def test_an_encrypted_port_stands_beside_the_plain_one() -> None:
    part = '<graphics type="spice" port="5900" tlsPort="5901" autoport="no">'
    assert part in shown(graphics=[{"type": "spice", "port": 5900, "tls_port": 5901}])


def test_tags_can_be_read_back() -> None:
    assert read_tags(document(tags=["b", "a", "b"])) == ["a", "b"]
    assert read_tags(document()) == []


def test_the_order_of_options_is_libvirts() -> None:
    made = document(
        title="t", uuid="0" * 32, tags=["x"], firmware="uefi", clock="utc", iothreads=1, smbios={"oem_strings": ["s"]}
    )
    assert [str(child.tag) for child in made] == (
        "name uuid title metadata memory vcpu iothreads sysinfo os features clock devices".split()
    )


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    # what people call it
    ({"title": "a\nb"}, "title: a title is one line"),
    ({"tags": ["a b"]}, "tags: 'a b' is no tag; write letters"),
    ({"tags": [""]}, "tags: '' is no tag"),
    ({"uuid": "x"}, "'x' is not a uuid"),
    # the machine
    ({"emulator": "qemu"}, "emulator: 'qemu' is relative"),
    ({"memory": 512}, "memory: 512 has no unit; write 512MiB"),
    ({"memory": True}, "memory: True is no text"),
    ({"memory": {"maximum": "1GiB"}}, "memory: size is missing"),
    (
        {"memory": {"size": "1GiB", "max": "2GiB"}},
        "memory: max is none of its fields; write size, maximum, hotplug_limit",
    ),
    ({"memory": {"size": "1GiB", "maximum": "1"}}, r"memory.maximum: 1 has no unit"),
    ({"memory": {"size": "2GiB", "maximum": "1GiB"}}, "memory: maximum is below size"),
    ({"memory": {"size": "2GiB", "hotplug_limit": "1GiB"}}, "memory: hotplug_limit is not above"),
    ({"memory": {"size": "2GiB", "slots": 2}}, "memory: slots are for memory that is plugged in"),
    ({"memory": {"size": "2GiB", "shared": "perhaps"}}, "memory.shared: 'perhaps' is neither true nor false"),
    ({"vcpus": "many"}, "vcpus: many is no number of CPUs; write 1 or more"),
    ({"vcpus": True}, "vcpus: True is no number"),
    (
        {"vcpus": {"core": 2}},
        "vcpus: core is none of its fields; write count, maximum, sockets, dies, cores or threads",
    ),
    ({"vcpus": {"count": 4, "maximum": 2}}, "the count 4 is above the maximum 2"),
    ({"vcpus": {"count": 6, "cores": 4}}, "4 cores are 4 CPUs, and the guest has up to 6"),
    ({"vcpus": {"maximum": 8, "sockets": 1, "cores": 4}}, "1 sockets x 4 cores are 4 CPUs, and the guest has up to 8"),
    ({"cpu": {"features": {"vmx": True}}}, "cpu: model is missing; write host"),
    ({"cpu": {"model": "host", "flags": []}}, "cpu: flags is none of its fields; write model, features or migratable"),
    ({"cpu": {"model": "host", "features": ["vmx"]}}, r"cpu.features: \['vmx'\] is no mapping"),
    ({"cpu": {"model": "host", "features": {"vmx": "maybe"}}}, "cpu.features.vmx: 'maybe' is not known; write true"),
    ({"cpu": {"model": "qemu64", "migratable": True}}, "cpu: migratable is for the models host"),
    ({"cpu": "host-passthrough", "virt_type": "qemu"}, "host-passthrough and virt_type qemu contradict each other"),
    ({"numa": [{"cpus": "0", "memory": "1GiB"}]}, "the cells have 1048576 KiB together, and the guest has 65536 KiB"),
    ({"numa": [{"cpus": "1", "memory": "64MiB"}]}, r"numa\[1\]: the cpus 1 are beyond the 1 that the guest has"),
    (
        {"vcpus": 2, "numa": [{"cpus": "0-1", "memory": "32MiB"}, {"cpus": "1", "memory": "32MiB"}]},
        r"numa\[2\]: the cpus 1 are another cell's already",
    ),
    ({"numa": [{"cpus": "x", "memory": "64MiB"}]}, r"numa\[1\].cpus: 'x'"),
    ({"iothreads": 0}, "iothreads: 0 is no number of threads"),
    ({"hyperv": True, "arch": "aarch64"}, "a guest of arch aarch64 has no Hyper-V features"),
    ({"hyperv": True, "virt_type": "qemu"}, "hyperv and virt_type qemu contradict each other"),
    ({"timers": [{"name": "rtc"}, {"name": "rtc"}]}, "timers: a timer is named twice"),
    # how it starts
    ({"firmware": "efi"}, "firmware: 'efi' is not known; write bios, uefi or uefi-secure"),
    ({"firmware": {"code": "/x"}}, "firmware: code is none of its fields; write type, loader, nvram"),
    ({"firmware": {"loader": "code.fd"}}, "firmware.loader: 'code.fd' is relative"),
    ({"firmware": {"type": "bios", "nvram": "/x"}}, "firmware: a bios has no nvram"),
    (
        {"firmware": "uefi-secure", "machine": "pc"},
        "uefi-secure and machine pc contradict each other.*write machine q35",
    ),
    ({"boot": {"order": ["disk"]}, "disks": [{**DISK, "boot_order": 1}]}, "boot: order and boot_order of a device"),
    ({"boot": {"order": ["disk", "disk"]}}, "boot: order names a kind of device twice"),
    ({"boot": {"menu_timeout": 3}}, "boot: menu_timeout is for a menu"),
    ({"boot": {"menu": True, "menu_timeout": 66}}, "boot: menu_timeout: 66 seconds; write 0 to 65"),
    (
        {"boot": {}, "disks": [{**DISK, "boot_order": 1}], "interfaces": [{"boot_order": 1}]},
        "boot_order: 1 is given to two devices",
    ),
    # disks
    ({"disks": [{"device": "floppy", "bus": "sata"}]}, r"disks\[1\]: device floppy and bus sata contradict each other"),
    ({"disks": [{"device": "cdrom", "bus": "virtio"}]}, r"disks\[1\]: a cdrom cannot be on the bus virtio; write sata"),
    ({"disks": [{**DISK, "bus": "sata", "readonly": True}]}, "a disk on the bus sata cannot be readonly"),
    ({"disks": [{"path": "/d.qcow2", "shareable": True}]}, "shareable and format qcow2 contradict each other"),
    ({"disks": [{"device": "cdrom", "encryption": "a"}]}, "encryption says how an image is opened"),
    ({"disks": [{**DISK, "encryption": {"cipher": "aes-256"}}]}, r"disks\[1\]: encryption: secret is missing"),
    ({"disks": [{**DISK, "encryption": {"secret": "a", "format": "qcow"}}]}, r"encryption.format: 'qcow' is not known"),
    ({"disks": [{**DISK, "encryption": {"secret": "a", "cipher": "aes-256"}}]}, "encryption.cipher is for a volume"),
    ({"disks": [{**DISK, "io": "native"}]}, "io native needs cache none or directsync"),
    (
        {"disks": [{**DISK, "iothread": 1}]},
        "iothread: there is no thread 1; write a number from 1 on, and iothreads: 1",
    ),
    ({"iothreads": 1, "disks": [{**DISK, "iothread": 1, "bus": "sata"}]}, "iothread is for the bus virtio, not sata"),
    ({"disks": [{**DISK, "wwn": "5000c50015ea71ac"}]}, "a disk on the bus virtio has no wwn; write the bus scsi"),
    (
        {"disks": [{**DISK, "iotune": {"total_bytes_sec": "100"}}]},
        r"disks\[1\]: iotune.total_bytes_sec: 100 has no unit",
    ),
    ({"disks": [{**DISK, "iotune": {"total_iops_sec": 0}}]}, "iotune.total_iops_sec: 0 is no limit"),
    (
        {"disks": [{**DISK, "iotune": {"total_iops_sec": 9, "read_iops_sec": 9}}]},
        "iotune.read_iops_sec and total_iops_sec contradict each other",
    ),
    (
        {"disks": [{**DISK, "iotune": {"total_iops_sec": 9, "burst_seconds": 9}}]},
        "burst_seconds needs a limit that ends",
    ),
    ({"disks": [{**DISK, "iotune": {"group_name": "g"}}]}, "iotune has no limit"),
    (
        {"disks": [{**DISK, "iotune": {"read_bytes_sec": "2MiB", "read_bytes_sec_max": "1MiB"}}]},
        "iotune.read_bytes_sec_max is below read_bytes_sec",
    ),
    ({"serials": [{"type": "tcp", "port": 99999}]}, r"serials\[1\]: port: 99999 is no TCP port; write 1 to 65535"),
    ({"title": "a\0b"}, "title holds the character"),
    ({"smbios": {"system": {"serial": "\x1b"}}}, "smbios.system.serial holds the character"),
    ({"cpu": {"model": "qemu64", "features": {"\ud800": True}}}, "cpu.features holds the character"),
    ({"disks": [DISK, {**DISK, "serial": "\uffff"}]}, r"disks\[2\].serial holds the character"),
    (
        {"filesystems": [{"source": "/a", "tag": "t"}, {"source": "/b", "tag": "t"}]},
        r"filesystems\[1\]: the tag t is given twice",
    ),
    ({"filesystems": [{"source": "a", "tag": "t"}]}, r"filesystems\[1\]: source: 'a' is relative"),
    ({"filesystems": [{"source": "/a", "tag": "t", "access": "mapped"}]}, "access mapped is for the type 9p"),
    (
        {"memory": {"size": "1GiB", "shared": False}, "filesystems": [{"source": "/a", "tag": "t"}]},
        "virtiofs and memory.shared: false contradict each other",
    ),
    # interfaces
    ({"interfaces": [{"type": "direct"}]}, r"interfaces\[1\]: direct is missing; write the device as dev"),
    ({"interfaces": [{"bridge": "b", "network": "n"}]}, r"interfaces\[1\]: bridge and network contradict each other"),
    ({"interfaces": [{"mtu": 1500}]}, "mtu has no meaning for the type user"),
    ({"interfaces": [{"bridge": "b", "portgroup": "p"}]}, "portgroup has no meaning for the type bridge"),
    ({"interfaces": [{"filter": {"name": "clean"}}]}, "filter has no meaning for the type user"),
    ({"interfaces": [{"bridge": "b", "filter": {"name": "a/b"}}]}, "must not contain a slash"),
    (
        {"interfaces": [{"bridge": "b", "filter": {"name": "f", "parameters": {"IP": {"a": "b"}}}}]},
        "IP is neither a text nor a list",
    ),
    (
        {"interfaces": [{"bridge": "b", "filter": {"name": "f", "parameters": {"I P": "a"}}}]},
        r"interfaces\[1\].filter.parameters: there is the name 'I P', which is not 1 to 64 letters",
    ),
    ({"interfaces": [{"bridge": "b", "filter": {"name": "f", "parameters": {"IP": "1; x"}}}]}, "the value '1; x'"),
    ({"interfaces": [{"bridge": "b", "filter": {"name": "f", "parameters": ["IP"]}}]}, "no mapping; write the names"),
    ({"interfaces": [{"bridge": "b", "filter": {"parameters": {"IP": "a"}}}]}, "filter names no filter"),
    ({"interfaces": [{"bridge": "b", "filter": {"nam": "f"}}]}, "nam is none of its fields; write name or parameters"),
    ({"interfaces": [{"bridge": "b", "filter": ["f"]}]}, "is no text"),
    ({"interfaces": [{"direct": {"dev": "e"}, "vlan": 7}]}, "vlan has no meaning for the type direct"),
    ({"interfaces": [{"bridge": "b", "mtu": 20}]}, r"interfaces\[1\]: mtu is 20; write a number from 68"),
    ({"interfaces": [{"bridge": "b", "queues": 0}]}, "queues is 0; write a number from 1 to 256"),
    ({"interfaces": [{"bridge": "b", "model": "e1000", "vhost": True}]}, "vhost is for the model virtio"),
    ({"interfaces": [{"bridge": "b", "vlan": 4095}]}, "4095 is no VLAN id"),
    ({"interfaces": [{"bridge": "b", "bandwidth": {"inbound": {"average": "5"}}}]}, "inbound.average: 5 has no unit"),
    ({"interfaces": [{"type": "ethernet", "managed": False}]}, "write its name as target"),
    # ports
    ({"serials": [{"type": "file"}]}, r"serials\[1\]: path is missing; a port of the type file needs it"),
    ({"serials": [{"type": "pty", "path": "/x"}]}, r"serials\[1\]: path is not for the type pty"),
    ({"parallels": [{"type": "tcp"}]}, r"parallels\[1\]: port is missing"),
    ({"channels": [{"name": "x", "host": "h"}]}, r"channels\[1\]: host is not for the type unix"),
    (
        {"channels": [{"name": "org.qemu.guest_agent.0"}]},
        r"channels\[1\]: the name .* is taken; write guest_agent: true",
    ),
    ({"channels": [{"name": "x"}, {"name": "x"}]}, r"channels\[2\]: the name x is taken; write another name"),
    ({"spice_agent": True}, "spice_agent: there is no screen for it; write graphics of the type spice"),
    # in front of it
    ({"graphics": [{}, {}]}, r"graphics\[2\]: there is a screen of the type vnc already"),
    ({"graphics": [{"tls_port": 5901}]}, r"graphics\[1\]: tls_port is not for the type vnc"),
    ({"graphics": [{"type": "spice", "websocket": 1}]}, r"graphics\[1\]: websocket is not for the type spice"),
    ({"graphics": [{"port": 70000}]}, r"graphics\[1\]: port: 70000 is no TCP port"),
    ({"graphics": [{"listen": "/s", "port": 5900}]}, r"graphics\[1\]: listen /s and port contradict each other"),
    ({"video": {"heads": 2}}, "video: model is missing"),
    ({"video": {"model": "vga", "ram": 2}}, "video: ram is none of its fields; write model, memory, heads"),
    ({"video": {"model": "vga", "resolution": "big"}}, "video.resolution: 'big' is no resolution"),
    ({"inputs": [{"type": "tablet", "bus": "ps2"}]}, r"inputs\[1\]: a tablet cannot be on the bus ps2; write usb"),
    (
        {"inputs": [{"type": "tablet"}, {"type": "tablet", "bus": "usb"}]},
        r"inputs\[2\]: there is a tablet on the bus usb",
    ),
    # the small devices
    ({"tpm": "maybe"}, "tpm: 'maybe' is not known; write crb or tis"),
    ({"tpm": {"model": "crb", "version": "1.2"}}, "tpm: model crb and version 1.2 contradict each other"),
    ({"tpm": {"device": "/dev/tpm0", "version": "2.0"}}, "tpm: the version of a device of the host is its own"),
    ({"tpm": {"kind": "x"}}, "tpm: kind is none of its fields; write model, version or device"),
    ({"watchdog": "dog"}, "watchdog: 'dog' is not known; write i6300esb, ib700 or itco"),
    ({"watchdog": {"action": "bark"}}, "watchdog.action: 'bark' is not known; write reset"),
    ({"vsock": 2}, "vsock: 2 is no number of a guest's socket address; write 3 or more"),
    # what is told to firmware and QEMU
    ({"smbios": {"system": {"serialno": "x"}}}, "smbios.system: serialno is none of its fields; write manufacturer"),
    ({"fw_cfg": [{"name": "etc/x", "value": "v"}]}, r"fw_cfg\[1\]: the name etc/x does not fit"),
    ({"fw_cfg": [{"name": "opt/x"}]}, r"fw_cfg\[1\]: write either value or file"),
    ({"fw_cfg": [{"name": "opt/x", "value": "a", "file": "/a"}]}, "write either value or file"),
)


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_what_cannot_be_meant_is_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        document(**options)
