# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the device families and the domain's own parts refuse, and in which words."""

from __future__ import annotations

import re

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.families.host import host

PLAIN = "<os><type machine='q35'>hvm</type></os><features><acpi/></features>"
OLD = "<os><type machine='pc'>hvm</type></os>"
CELL = "<cpu><numa><cell cpus='0' memory='1' unit='GiB'/></numa></cpu>"

DEVICES = (
    ("<graphics type='spice'><streaming mode='some'/></graphics>", "the streaming mode of SPICE is 'some'"),
    ("<graphics type='vnc'/><graphics type='vnc'/>", "at most one <graphics type='vnc'>"),
    ("<graphics type='vnc' passwd='123456789'/>", "the protocol takes at most 8"),
    ("<graphics type='rdp'/>", "is served from the D-Bus display"),
    ("<graphics type='egl-headless'/><graphics type='sdl'/>", "goes with vnc or spice, and not with sdl"),
    ("<graphics type='dbus' p2p='yes' address='unix:path=/a'/>", "either p2p='yes' or an address"),
    ("<sound model='ac97' streams='2'/>", "only a <sound model='virtio'> has streams"),
    ("<sound model='ich9'><codec type='loud'/></sound>", "<codec type='loud'> is not one of duplex, micro, output"),
    ("<smartcard mode='host-certificates'><certificate>a</certificate></smartcard>", "and needs three"),
    ("<redirdev type='spicevmc' bus='pci'/>", "is not 'usb'"),
    ("<redirfilter><usbdev version='x' allow='no'/></redirfilter>", "is written as 1.09"),
    ("<tpm model='tpm-crb'><backend type='emulator' version='1.2'/></tpm>", "a TPM 1.2 has no model tpm-crb"),
    ("<tpm><backend type='external'/></tpm>", "<source type='unix' mode='connect' path='...'/>"),
    ("<panic/><panic/>", "at most one <panic model='isa'>"),
    ("<panic><address type='pci'/></panic>", "cannot have an address of type 'pci'"),
    ("<vsock><cid address='2'/></vsock>", "a guest's is 3 or more"),
    ("<vsock/>", "needs <cid auto='yes'/>"),
    ("<crypto model='virtio' type='qemu'><backend model='soft'/></crypto>", "is not one of builtin, lkcf"),
    ("<shmem name='a/b'><model type='ivshmem-plain'/></shmem>", "a file's name without '/'"),
    ("<shmem name='a'><model type='ivshmem-plain'/><size unit='M'>3</size></shmem>", "a power of two from 1 MiB on"),
    ("<iommu model='intel'><driver intremap='on'/></iommu>", "needs <ioapic driver='qemu'/>"),
    ("<filesystem><source dir='/a'/><target dir='t'/><driver type='virtiofs'/></filesystem>", "<source type='memfd'/>"),
    ("<filesystem fmode='0644'><source dir='/a'/><target dir='t'/></filesystem>", "go with accessmode='mapped'"),
    ("<hostdev mode='capabilities' type='misc'/>", "<hostdev mode='capabilities'>"),
    ("<hostdev type='mdev' model='vfio-pci' display='on'/>", "needs <address uuid='...'/>"),
    ("<hostdev type='usb'/>", "needs <vendor> and <product>"),
    ("<memory model='dimm'><target><size>1024</size></target></memory>", "<maxMemory slots='...'>"),
    ("<interface type='vhostuser'><source type='unix' path='/a' mode='client'/></interface>", "<source type='memfd'/>"),
    ("<interface type='vdpa'/>", "<source dev='/dev/vhost-vdpa-...'/>"),
    ("<input type='keyboard' bus='virtio' model='virtio-transitional'/>", "has no model 'virtio-transitional'"),
    ("<video><model type='ramfb'/><address type='pci' slot='9'/></video>", "'ramfb' has no <address>"),
    ("<watchdog model='i6300esb'><address type='pci' slot='9'><zpci/></address></watchdog>", "has no <zpci>"),
)
PARTS = (
    ("<os firmware='bios'><type machine='q35'>hvm</type><nvram>/a</nvram></os>", "a BIOS has no <nvram>"),
    ("<os><type>hvm</type><loader readonly='yes'/></os>", "<loader> has no path"),
    ("<os firmware='efi'><type>hvm</type></os>", "UEFI needs <acpi/>"),
    ("<os><type>hvm</type><bootmenu enable='yes' timeout='70000'/></os>", "at most 65535"),
    ("<os firmware='efi'><type>hvm</type><loader secure='yes'/></os><features><smm state='off'/></features>", "<smm/>"),
    (f"{OLD}<cpu mode='custom'><cache mode='passthrough'/></cpu>", "goes with mode='host-passthrough'"),
    (f"{OLD}<cpu mode='maximum'><maxphysaddr mode='passthrough' bits='40'/></cpu>", "remove bits"),
    (f"{OLD}<cpu><numa><cell id='1' cpus='0' memory='1024'/></numa></cpu>", "count from 0 without gaps"),
    (f"{OLD}<cpu><numa><cell cpus='0' memory='1024' memAccess='some'/></numa></cpu>", "memAccess='some' is not one of"),
    (f"{OLD}<numatune><memnode cellid='0' nodeset='0'/></numatune>", "there is no <numa> in <cpu>"),
    (f"{OLD}{CELL}<numatune><memory nodeset='7'/></numatune>", "the host has no NUMA node 7"),
    (f"{OLD}<maxMemory slots='2' unit='GiB'>4</maxMemory>", "needs at least one NUMA <cell>"),
    (f"{OLD}<vcpu cpuset='aaa'>1</vcpu>", "is not a number or a range"),
    (f"{OLD}<features><hpt resizing='enabled'/></features>", "an x86 machine has no <hpt>"),
    (f"{OLD}<features><smm state='on'><tseg>48</tseg></smm></features>", "<tseg> is for q35 machines"),
    (f"{OLD}<sysinfo type='smbios'><bios><entry name='date'>2024</entry></bios></sysinfo>", "month/day/year"),
    (f"{OLD}<sysinfo type='fwcfg'><entry name='etc/x'>a</entry></sysinfo>", "does not start with 'opt/'"),
    (
        f"{OLD}<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:arg/></q:commandline>",
        "a <qemu:arg> needs a value",
    ),
)


def refuse(inner: str, said: str) -> None:
    text = f"<domain type='kvm'><name>small</name><memory unit='GiB'>1</memory>{inner}</domain>"
    with pytest.raises(CorralError, match=re.escape(said)):
        complete(parse(text, root="domain"), host())


@pytest.mark.parametrize(("device", "said"), DEVICES, ids=[row[1] for row in DEVICES])
def test_a_device_is_refused(device: str, said: str) -> None:
    refuse(f"{PLAIN}<devices>{device}</devices>", said)


@pytest.mark.parametrize(("part", "said"), PARTS, ids=[row[1] for row in PARTS])
def test_a_part_of_the_domain_is_refused(part: str, said: str) -> None:
    refuse(part, said)
