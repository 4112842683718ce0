# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a guest beside its name and memory, and a part of the document that each of them writes."""

from __future__ import annotations

from typing import Any

SECURE = '<feature enabled="yes" name="secure-boot"/><feature enabled="yes" name="enrolled-keys"/>'
UEFI = '<feature enabled="no" name="enrolled-keys"/>'
DISK = {"path": "/d"}

WRITTEN: tuple[tuple[dict[str, Any], str], ...] = (
    # what people call it
    ({"title": "Web"}, "<title>Web</title>"),
    ({"description": "one\ntwo "}, "<description>onetwo</description>"),
    (
        {"tags": ["web", "a/b", "web"]},
        '<metadata><corral:guest xmlns:corral="urn:corral.virt:guest:1"><corral:tag>a/b</corral:tag>'
        "<corral:tag>web</corral:tag></corral:guest></metadata>",
    ),
    ({"uuid": "00000000000040008000000000000001"}, "<uuid>00000000-0000-4000-8000-000000000001</uuid>"),
    # the machine
    ({}, '<type machine="q35">hvm</type>'),
    ({"machine": "pc"}, '<type machine="pc">hvm</type>'),
    ({"arch": "aarch64"}, '<type arch="aarch64">hvm</type>'),
    ({"emulator": "/usr/bin/qemu"}, "<devices><emulator>/usr/bin/qemu</emulator>"),
    ({"memory": {"size": "1GiB"}}, '<memory unit="KiB">1048576</memory><vcpu>'),
    (
        {"memory": {"size": "1GiB", "maximum": "2 GiB"}},
        '<memory unit="KiB">2097152</memory><currentMemory unit="KiB">1048576</currentMemory>',
    ),
    (
        {"memory": {"size": "1GiB", "hotplug_limit": "4GiB"}, "vcpus": 2},
        '<maxMemory slots="16" unit="KiB">4194304</maxMemory><memory unit="KiB">1048576</memory>',
    ),
    (
        {"memory": {"size": "1GiB", "hotplug_limit": "4GiB", "slots": 2}, "vcpus": 2},
        '<numa><cell id="0" cpus="0-1" memory="1048576" unit="KiB"/></numa>',
    ),
    ({"memory": {"size": "1GiB", "hugepages": True}}, "<memoryBacking><hugepages/></memoryBacking>"),
    (
        {"memory": {"size": "1GiB", "hugepages": "2MiB"}},
        '<memoryBacking><hugepages><page size="2048" unit="KiB"/></hugepages></memoryBacking>',
    ),
    (
        {"memory": {"size": "1GiB", "locked": True, "merge": False, "hugepages": False}},
        "<memoryBacking><nosharepages/><locked/></memoryBacking>",
    ),
    (
        {"memory": {"size": "1GiB", "shared": "yes"}},
        '<memoryBacking><source type="memfd"/><access mode="shared"/></memoryBacking>',
    ),
    ({"vcpus": "4"}, "<vcpu>4</vcpu>"),
    ({"vcpus": {"count": 2, "maximum": 8}}, '<vcpu current="2">8</vcpu>'),
    ({"vcpus": {"maximum": 3}}, "<vcpu>3</vcpu>"),
    ({"vcpus": {"cores": 4, "threads": 2}}, "<vcpu>8</vcpu>"),
    ({"vcpus": {"cores": 4, "threads": 2}}, '<cpu><topology sockets="1" cores="4" threads="2"/></cpu>'),
    ({"vcpus": {"count": 8, "cores": 2}}, '<topology sockets="4" cores="2" threads="1"/>'),
    ({"vcpus": {"sockets": 2, "dies": 2}}, '<topology sockets="2" dies="2" cores="1" threads="1"/>'),
    ({"vcpus": {"count": 1, "sockets": 2, "cores": 2}}, '<vcpu current="1">4</vcpu>'),
    ({"cpu": "host"}, '<cpu mode="maximum"/>'),
    ({"cpu": "host", "virt_type": "kvm"}, '<cpu mode="host-passthrough"/>'),
    ({"cpu": "host", "virt_type": "qemu"}, '<cpu mode="maximum"/>'),
    ({"cpu": {"model": "host-model"}}, '<cpu mode="host-model"/>'),
    ({"cpu": {"model": "host", "migratable": False}}, '<cpu mode="maximum" migratable="off"/>'),
    (
        {"cpu": {"model": "qemu64", "features": {"vmx": True, "hle": "no", "aes": "optional"}}},
        '<cpu mode="custom" match="exact"><model>qemu64</model><feature policy="require" name="vmx"/>'
        '<feature policy="disable" name="hle"/><feature policy="optional" name="aes"/></cpu>',
    ),
    (
        {"memory": "3GiB", "vcpus": 4, "numa": [{"cpus": "0,1", "memory": "1GiB"}, {"cpus": "2-3", "memory": "2GiB"}]},
        '<numa><cell id="0" cpus="0-1" memory="1048576" unit="KiB"/>'
        '<cell id="1" cpus="2-3" memory="2097152" unit="KiB"/></numa>',
    ),
    ({"iothreads": 2}, "<iothreads>2</iothreads>"),
    ({"hyperv": True}, '<hyperv mode="custom"><relaxed state="on"/><vapic state="on"/><spinlocks state="on" retries='),
    ({"hyperv": True}, '<clock offset="utc"><timer name="hypervclock" present="yes"/></clock>'),
    (
        {"hyperv": True, "timers": [{"name": "hypervclock", "present": False}]},
        '<timer name="hypervclock" present="no"/></clock>',
    ),
    ({"clock": "localtime"}, '<clock offset="localtime"/>'),
    (
        {
            "timers": [
                {"name": "rtc", "tick_policy": "catchup", "track": "guest"},
                {"name": "tsc", "frequency": 2000000000},
            ]
        },
        '<clock offset="utc"><timer name="rtc" track="guest" tickpolicy="catchup"/>'
        '<timer name="tsc" frequency="2000000000"/></clock>',
    ),
    # how it starts and ends
    ({"firmware": "bios"}, '<os><type machine="q35">hvm</type></os>'),
    ({"firmware": "uefi"}, f'<os firmware="efi"><type machine="q35">hvm</type><firmware>{UEFI}</firmware></os>'),
    ({"firmware": {"type": "uefi-secure"}}, f"<firmware>{SECURE}</firmware></os>"),
    (
        {"firmware": {"loader": "/f/code.fd", "nvram_template": "/f/vars.fd", "nvram": "/v.fd"}},
        '<loader readonly="yes" type="pflash">/f/code.fd</loader><nvram template="/f/vars.fd">/v.fd</nvram></os>',
    ),
    (
        {"firmware": {"type": "uefi-secure", "loader": "/f/code.fd", "format": "qcow2"}},
        '<loader readonly="yes" secure="yes" type="pflash" format="qcow2">/f/code.fd</loader></os>'
        '<features><acpi/><apic/><smm state="on"/></features>',
    ),
    ({"firmware": {"type": "bios", "loader": "/f/bios.bin"}}, '<loader type="rom">/f/bios.bin</loader>'),
    ({"firmware": {"type": "uefi", "format": "qcow2"}}, '<loader type="pflash" readonly="yes" format="qcow2"/>'),
    ({"boot": {"order": ["cdrom", "disk", "network", "floppy"]}}, '<boot dev="cdrom"/><boot dev="hd"/><boot dev="net'),
    ({"boot": {"menu": True, "menu_timeout": 3}}, '<bootmenu enable="yes" timeout="3000"/>'),
    ({"boot": {"menu": False}}, '<bootmenu enable="no"/>'),
    ({"kernel": "/k", "cmdline": "quiet"}, "<kernel>/k</kernel><cmdline>quiet</cmdline></os>"),
    (
        {"on_crash": "preserve", "on_reboot": "destroy", "on_poweroff": "restart"},
        "<on_poweroff>restart</on_poweroff><on_reboot>destroy</on_reboot><on_crash>preserve</on_crash>",
    ),
    # disks
    (
        {"disks": [{"path": "/dev/vg/a"}]},
        '<disk type="block" device="disk"><driver name="qemu" type="raw"/><source ',
    ),
    ({"disks": [{"path": "/dev/shm/a"}]}, '<source file="/dev/shm/a"/>'),
    (
        {
            "iothreads": 1,
            "disks": [
                {**DISK, "cache": "none", "io": "native", "discard": "unmap", "detect_zeroes": "off", "iothread": 1}
            ],
        },
        '<driver name="qemu" type="raw" cache="none" io="native" discard="unmap" detect_zeroes="off" iothread="1"/>',
    ),
    (
        {"disks": [{**DISK, "encryption": "vault"}]},
        '<source file="/d"><encryption format="luks"><secret type="passphrase" usage="vault"/></encryption></source>',
    ),
    (
        {
            "disks": [
                {**DISK, "encryption": {"format": "luks", "secret": "6f3a1c52-9d3b-4a0e-8a55-5d7c3f1f0c11"}},
            ]
        },
        '<secret type="passphrase" uuid="6f3a1c52-9d3b-4a0e-8a55-5d7c3f1f0c11"/></encryption></source>',
    ),
    ({"disks": [{**DISK, "shareable": True}]}, '<target dev="vda" bus="virtio"/><shareable/></disk>'),
    (
        {"disks": [{**DISK, "bus": "scsi", "wwn": "5000c50015ea71ac"}]},
        '<target dev="sda" bus="scsi"/><wwn>5000c50015ea71ac</wwn></disk>'
        '<controller type="scsi" index="0" model="virtio-scsi"/>',
    ),
    (
        {"disks": [{"path": f"/{n}", "bus": "scsi"} for n in range(8)]},
        'index="0" model="virtio-scsi"/><controller type="scsi" index="1" model="virtio-scsi"/>',
    ),
    (
        {"disks": [{**DISK, "iotune": {"read_bytes_sec": "1MiB", "write_iops_sec": 100, "group_name": "g"}}]},
        "<iotune><read_bytes_sec>1048576</read_bytes_sec><write_iops_sec>100</write_iops_sec>"
        "<group_name>g</group_name></iotune>",
    ),
    (
        {"disks": [{**DISK, "iotune": {"total_iops_sec": 9, "total_iops_sec_max": 99, "burst_seconds": 5}}]},
        "<total_iops_sec_max>99</total_iops_sec_max><total_iops_sec_max_length>5</total_iops_sec_max_length></iotune>",
    ),
    ({"disks": [{**DISK, "iotune": {"total_iops_sec": None}}]}, '<target dev="vda" bus="virtio"/></disk>'),
    (
        {"filesystems": [{"source": "/srv", "tag": "srv", "readonly": True}]},
        '<filesystem type="mount" accessmode="passthrough"><driver type="virtiofs"/><source dir="/srv"/>'
        '<target dir="srv"/><readonly/></filesystem>',
    ),
    ({"filesystems": [{"source": "/srv", "tag": "srv"}]}, '<source type="memfd"/><access mode="shared"/>'),
    (
        {"filesystems": [{"source": "/srv", "tag": "srv", "type": "9p", "access": "mapped"}]},
        '<filesystem type="mount" accessmode="mapped"><source dir="/srv"/><target dir="srv"/></filesystem>',
    ),
    ({"interfaces": [{"link": "down"}]}, '<model type="virtio"/><link state="down"/></interface>'),
    ({"interfaces": [{"network": "n", "portgroup": "p"}]}, '<source network="n" portgroup="p"/>'),
    (
        {"interfaces": [{"direct": {"dev": "eth0"}}]},
        '<interface type="direct"><source dev="eth0" mode="bridge"/><model type="virtio"/></interface>',
    ),
    (
        {"interfaces": [{"bridge": "br0", "target": "web1", "mtu": 9000, "isolated": True}]},
        '<source bridge="br0"/><target dev="web1"/><model type="virtio"/><mtu size="9000"/><port isolated="yes"/>',
    ),
    (
        {"interfaces": [{"type": "ethernet", "target": "web1", "managed": False}]},
        '<interface type="ethernet"><target dev="web1" managed="no"/><model type="virtio"/></interface>',
    ),
    (
        {"interfaces": [{"bridge": "br0", "queues": 4, "vhost": False, "vlan": 7}]},
        '<vlan><tag id="7"/></vlan><driver name="qemu" queues="4"/>',
    ),
    ({"interfaces": [{"bridge": "br0", "vlan": [7, 8]}]}, '<vlan trunk="yes"><tag id="7"/><tag id="8"/></vlan>'),
    (
        {"interfaces": [{"bridge": "br0", "bandwidth": {"inbound": {"average": "1MB", "burst": "64KiB"}}}]},
        '<bandwidth><inbound average="1000" burst="64"/></bandwidth>',
    ),
    (
        {"interfaces": [{"direct": {"dev": "eth0", "mode": "vepa"}, "trust_guest_rx_filters": True}]},
        '<interface type="direct" trustGuestRxFilters="yes"><source dev="eth0" mode="vepa"/>',
    ),
    ({"interfaces": [{"bridge": "br0", "filter": {"name": "clean"}}]}, '<filterref filter="clean"/>'),
    ({"interfaces": [{"bridge": "br0", "filter": "clean"}]}, '<filterref filter="clean"/>'),
    (
        {"interfaces": [{"network": "n", "filter": {"name": "web", "parameters": {"IP": ["a", "b"], "PORT": 80}}}]},
        '<filterref filter="web"><parameter name="IP" value="a"/><parameter name="IP" value="b"/>'
        '<parameter name="PORT" value="80"/></filterref>',
    ),
    # ports
    (
        {"serials": [{"type": "file", "path": "/log"}, {"model": "pci-serial"}]},
        '<serial type="file"><source path="/log"/><target port="1"/></serial>'
        '<serial type="pty"><target type="pci-serial" port="2"/></serial>',
    ),
    ({"console": False, "serials": [{"type": "none"}]}, '<serial type="null"><target port="0"/></serial></devices>'),
    (
        {"serials": [{"type": "tcp", "port": 4000, "listen": False, "host": "::1"}]},
        '<serial type="tcp"><source mode="connect" host="::1" service="4000"/><protocol type="raw"/><target port="1"/>',
    ),
    ({"serials": [{"type": "tcp", "port": 4000}]}, '<source mode="bind" host="127.0.0.1" service="4000"/>'),
    ({"serials": [{"type": "unix", "path": "/s"}]}, '<source mode="bind" path="/s"/>'),
    ({"parallels": [{"type": "dev", "path": "/dev/parport0"}]}, '<parallel type="dev"><source path="/dev/parport0"/>'),
    (
        {"channels": [{"name": "org.example.0"}]},
        '<channel type="unix"><target type="virtio" name="org.example.0"/></channel>',
    ),
    (
        {"channels": [{"name": "x", "type": "unix", "path": "/s", "listen": False}]},
        '<channel type="unix"><source mode="connect" path="/s"/><target type="virtio" name="x"/></channel>',
    ),
    ({"guest_agent": True}, '<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>'),
    # in front of it
    (
        {"graphics": [{"type": "spice", "port": 5901, "keymap": "de"}]},
        '<graphics type="spice" port="5901" autoport="no" keymap="de"><listen type="address" address="127.0.0.1"/>',
    ),
    ({"graphics": [{"type": "spice"}]}, '<channel type="spicevmc"><target type="virtio" name="com.redhat.spice.0"/>'),
    ({"graphics": [{"type": "spice"}]}, '<graphics type="spice" autoport="yes">'),
    ({"graphics": [{"type": "spice"}], "spice_agent": False}, '</console><graphics type="spice" autoport="yes">'),
    ({"graphics": [{"listen": "/s", "password": "pw"}]}, '<graphics type="vnc" passwd="pw"><listen type="socket" soc'),
    ({"graphics": [{"listen": "none"}]}, '<graphics type="vnc"><listen type="none"/></graphics>'),
    ({"graphics": [{"websocket": -1}]}, '<graphics type="vnc" port="-1" autoport="yes" websocket="-1">'),
    ({"video": "virtio"}, '<video><model type="virtio"/></video>'),
    (
        {"video": {"model": "virtio", "heads": 2, "accel3d": True, "resolution": "1280x1024", "memory": "16MiB"}},
        '<model type="virtio" vram="16384" heads="2"><acceleration accel3d="yes"/><resolution x="1280" y="1024"/>',
    ),
    ({"sound": "ich9"}, '<sound model="ich9"/>'),
    (
        {"inputs": [{"type": "tablet"}, {"type": "keyboard", "bus": "virtio"}]},
        '<input type="tablet" bus="usb"/><input type="keyboard" bus="virtio"/>',
    ),
    # the small devices
    ({"tpm": True}, '<tpm model="tpm-crb"><backend type="emulator" version="2.0"/></tpm>'),
    ({"tpm": "tis"}, '<tpm model="tpm-tis"><backend type="emulator" version="2.0"/></tpm>'),
    ({"tpm": {"version": 1.2}}, '<tpm model="tpm-tis"><backend type="emulator" version="1.2"/></tpm>'),
    ({"tpm": {"device": "/dev/tpm0"}}, '<backend type="passthrough"><device path="/dev/tpm0"/></backend>'),
    ({"balloon": False}, '<memballoon model="none"/>'),
    ({"balloon": True}, '<memballoon model="virtio"/>'),
    ({"watchdog": True}, '<watchdog model="i6300esb" action="reset"/>'),
    ({"watchdog": "ib700"}, '<watchdog model="ib700" action="reset"/>'),
    ({"watchdog": {"action": "pause"}}, '<watchdog model="i6300esb" action="pause"/>'),
    ({"panic": True}, '<panic model="isa"/>'),
    ({"vsock": True}, '<vsock model="virtio"><cid auto="yes"/></vsock>'),
    ({"vsock": "7"}, '<vsock model="virtio"><cid auto="no" address="7"/></vsock>'),
    ({"vsock": {"cid": 3}}, '<cid auto="no" address="3"/>'),
    # what is told to firmware and QEMU
    (
        {"smbios": {"system": {"serial": 7, "product": "p"}, "board": {"asset": "x"}, "oem_strings": ["a", "b"]}},
        '<sysinfo type="smbios"><system><entry name="product">p</entry><entry name="serial">7</entry></system>'
        '<baseBoard><entry name="asset">x</entry></baseBoard><oemStrings><entry>a</entry><entry>b</entry></oemStrings>',
    ),
    ({"smbios": {"bios": {"vendor": "v"}}}, '<type machine="q35">hvm</type><smbios mode="sysinfo"/>'),
    ({"smbios": {"chassis": {}}}, '<type machine="q35">hvm</type></os>'),
    (
        {"fw_cfg": [{"name": "opt/a", "value": "1"}, {"name": "opt/b", "file": "/b"}]},
        '<sysinfo type="fwcfg"><entry name="opt/a">1</entry><entry name="opt/b" file="/b"/></sysinfo>',
    ),
    (
        {"qemu_commandline": ["-device", "foo"]},
        '<qemu:commandline xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><qemu:arg value="-device"/>'
        '<qemu:arg value="foo"/></qemu:commandline></domain>',
    ),
)

# One guest with an option of every kind.
EVERYTHING: dict[str, Any] = {
    "title": "Everything",
    "description": "A guest that has it all.",
    "tags": ["test", "all"],
    "uuid": "00000000-0000-4000-8000-00000000000a",
    "virt_type": "kvm",
    "arch": "x86_64",
    "machine": "q35",
    "emulator": "/usr/bin/qemu-system-x86_64",
    "memory": {"size": "1GiB", "maximum": "2GiB", "hotplug_limit": "4GiB", "hugepages": "2MiB"},
    "vcpus": {"count": 2, "maximum": 4, "cores": 2},
    "cpu": {"model": "host", "features": {"vmx": False}},
    "numa": [{"cpus": "0-1", "memory": "1GiB"}, {"cpus": "2-3", "memory": "1GiB"}],
    "iothreads": 1,
    "hyperv": True,
    "clock": "localtime",
    "timers": [{"name": "rtc", "tick_policy": "catchup"}],
    "firmware": "uefi",
    "boot": {"menu": True, "menu_timeout": 1},
    "kernel": "/k",
    "initrd": "/i",
    "cmdline": "quiet",
    "on_poweroff": "destroy",
    "on_reboot": "restart",
    "on_crash": "preserve",
    "disks": [
        {"path": "/d.qcow2", "discard": "unmap", "detect_zeroes": "off", "iothread": 1, "boot_order": 1},
        {"path": "/dev/vg/a", "bus": "scsi", "shareable": True, "iotune": {"total_bytes_sec": "1MiB"}},
        {"device": "cdrom"},
    ],
    "filesystems": [{"source": "/srv", "tag": "srv"}],
    "interfaces": [
        {"type": "user", "link": "up", "boot_order": 2},
        {"bridge": "br0", "vhost": True, "vlan": {"tags": [5], "native": 5}},
        {"direct": {"dev": "eth0"}},
    ],
    "console": True,
    "serials": [{"type": "file", "path": "/log"}],
    "parallels": [{"type": "none"}],
    "guest_agent": True,
    "spice_agent": True,
    "channels": [{"name": "org.example.0"}],
    "graphics": [{"type": "vnc", "password": "hush-all"}, {"type": "spice"}],
    "video": {"model": "virtio", "heads": 2},
    "sound": "ich9",
    "inputs": [{"type": "tablet"}],
    "tpm": True,
    "rng": True,
    "balloon": True,
    "watchdog": "ib700",
    "panic": True,
    "vsock": True,
    "cloud_init": {"user_data": {"packages": ["nginx"]}},
    "smbios": {"system": {"serial": "1"}, "oem_strings": ["a"]},
    "fw_cfg": [{"name": "opt/a", "value": "1"}],
    "qemu_commandline": ["-msg", "timestamp=off"],
}
