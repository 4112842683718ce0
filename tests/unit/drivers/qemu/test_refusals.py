# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused when a guest is defined: each message says the line and the element, and what to write."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, DocumentError, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import able

# name, a part of <devices> on line 5 or a part of <domain> on line 6, and what is said
DEVICES = {
    "a device that nobody knows": ("<toaster/>", "<toaster> is not a device that the qemu driver knows"),
    "a serial port without a type": ("<serial/>", "<serial> has no type; write one of null, vc, pty"),
    "a serial port of no type": ("<serial type='x'/>", "<serial type='x'> is not one of null, vc, pty"),
    "a file without a path": ("<serial type='file'/>", "<serial type='file'> needs a <source path='...'/>"),
    "nowhere to connect to": (
        "<channel type='unix'><source mode='connect'/><target type='virtio'/></channel>",
        "needs a path",
    ),
    "a disk in no directory": (
        "<disk type='file'><source file='images/a.raw'/><target dev='vda' bus='virtio'/></disk>",
        "the disk 'vda': the path 'images/a.raw' is not an absolute one",
    ),
    "a device in no directory": (
        "<disk type='block'><source dev='sdb'/><target dev='vda' bus='virtio'/></disk>",
        "the disk 'vda': the path 'sdb' is not an absolute one",
    ),
    "no such serial port": ("<serial type='pty'><target type='sclp'/></serial>", "no target type 'sclp'"),
    "no such console": ("<console type='pty'><target type='xen'/></console>", "QEMU has no console of type 'xen'"),
    "no such channel": ("<channel type='pty'><target type='xen'/></channel>", "QEMU has no channel of type 'xen'"),
    "spice's channel": (
        "<channel type='spicevmc'><target type='virtio' name='x'/></channel>",
        "is named com.redhat.spice.0",
    ),
    "no such graphics": ("<graphics type='tv'/>", "<graphics type='tv'> is not one of vnc, "),
    "a low VNC port": ("<graphics type='vnc' port='80'/>", "the VNC port 80 is not one of 5900 to 65535"),
    "no such video": ("<video><model type='crt'/></video>", "QEMU has no video model 'crt'; write one of vga,"),
    "no such audio": ("<audio id='1' type='horn'/>", "<audio type='horn'> is not one of none, alsa,"),
    "audio without an id": ("<audio type='none'/>", "<audio> has no id; write a number"),
    "no such input": ("<input type='pedal'/>", "<input type='pedal'> is not one of mouse, keyboard"),
    "an input on the wrong bus": ("<input type='tablet' bus='ps2'/>", "cannot sit on bus 'ps2'; write usb or virtio"),
    "an input with nothing behind": ("<input type='passthrough'/>", "needs <source evdev='/dev/input/...'/>"),
    "no such hub": ("<hub type='pci'/>", "<hub type='pci'> is not one of usb"),
    "no such watchdog": ("<watchdog model='cat'/>", "<watchdog model='cat'> is not one of i6300esb"),
    "no such action": ("<watchdog model='itco' action='bark'/>", "<watchdog action='bark'> is not one of reset"),
    "no such rng": ("<rng model='dice'><backend model='random'/></rng>", "<rng model='dice'> is not one of virtio"),
    "an rng without a backend": ("<rng model='virtio'/>", "<rng> has no <backend>; write <backend model='random'/>"),
    "no such backend": ("<rng model='virtio'><backend model='x'/></rng>", "<backend model='x'> is not one of random"),
    "a rate without bytes": (
        "<rng model='virtio'><rate period='1'/><backend model='random'/></rng>",
        "needs bytes as well",
    ),
    "no such interface": ("<interface type='radio'/>", "<interface type='radio'> is not one of user, client"),
    "an interface to nowhere": ("<interface type='client'/>", "needs <source address='...' port='...'/>"),
    "half a datagram": ("<interface type='udp'><source address='::1' port='1'/></interface>", "needs <local address="),
    "a multicast MAC": ("<interface type='user'><mac address='01:00:5e:00:00:01'/></interface>", "is a multicast one"),
    "no such balloon": ("<memballoon model='hot-air'/>", "<memballoon model='hot-air'> is not one of virtio"),
    "no number": (
        "<graphics type='vnc' port='x'/>",
        "the attribute port of <graphics> is 'x', and must be a whole number",
    ),
}
PARTS = {
    "no CPU": ("<vcpu>0</vcpu>", "<vcpu> is 0; a guest has at least one CPU"),
    "too many CPUs for any machine": ("<vcpu>99999</vcpu>", "<vcpu> is 99999, and no machine has that many"),
    "more CPUs now than ever": ("<vcpu current='3'>2</vcpu>", "<vcpu current='3'> is above the 2 CPUs there can be"),
    "no such CPU mode": ("<cpu mode='fast'/>", "<cpu mode='fast'> is not one of custom, host-model"),
    "a clock beyond time": ("<clock offset='absolute' start='x'/>", "the attribute start of <clock> is 'x'"),
    "a clock before time": ("<clock offset='absolute' start='-1'/>", "<clock> starts at -1 seconds, and no calendar"),
    "a clock of the far future": ("<clock offset='absolute' start='999999999999'/>", "and no calendar goes so far"),
    "a clock that is far off": (
        "<clock offset='variable' adjustment='-99999999999999999999'/>",
        "the adjustment of <clock> is more than a century",
    ),
    "a clock that is off by words": (
        "<clock offset='variable' adjustment='1h'/>",
        "the adjustment of <clock> is '1h', and is a number of seconds",
    ),
    "a second name": ("<name>b</name>", "the domain has <name> twice; remove one"),
    "a second <devices>": ("<devices/>", "the domain has <devices> twice; remove one"),
}


def refusal(device: str = "", part: str = "", kind: str = "kvm", machine: str = "q35", **lacks: str) -> CorralError:
    head = f"<domain type='{kind}'>\n<name>a</name><memory unit='MiB'>64</memory>\n"
    body = f"<os><type machine='{machine}'>hvm</type></os>\n<devices>\n{device}</devices>\n{part}</domain>"
    with pytest.raises(CorralError) as caught:
        from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.build import command_line
        from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import live

        context = able(*lacks.values())
        command_line(live(complete(parse(head + body), context), context), context)
    return caught.value


@pytest.mark.parametrize("name", DEVICES)
def test_devices(name: str) -> None:
    device, said = DEVICES[name]
    error = refusal(device)
    assert isinstance(error, DocumentError)
    assert said in str(error) and (error.line, error.message[:8]) == (5, "line 5: ")


@pytest.mark.parametrize("name", PARTS)
def test_parts(name: str) -> None:
    part, said = PARTS[name]
    error = refusal(part=part)
    assert isinstance(error, DocumentError)
    assert said in str(error) and (error.line, error.message[:8]) == (6, "line 6: ")


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("<graphics type='vnc'/><graphics type='vnc'/>", "at most one <graphics type='vnc'>"),
        ("<video><model type='vga'/></video><video><model type='vga'/></video>", "can only be the primary one"),
        ("<video><model type='none'/></video><video><model type='vga'/></video>", "there is no video card"),
        ("<watchdog model='i6300esb' action='reset'/><watchdog model='ib700' action='none'/>", "have the same action"),
        ("<serial type='pty'><target port='1'/></serial>" * 2, "the same target port"),
        ("<serial type='pty'><target port='4'/></serial>", "at most four ISA serial ports"),
        ("<console type='pty'><target type='virtio'/></console><console type='pty'/>", "only the first <console>"),
    ],
)
def test_what_does_not_go_together(device: str, said: str) -> None:
    assert said in str(refusal(device))


def test_a_watchdog_of_another_machine() -> None:
    assert "part of the q35 machine" in str(refusal("<watchdog model='itco'/>", machine="pc"))


@pytest.mark.parametrize(
    ("device", "lacks", "said"),
    [
        ("<interface type='user'><model type='e1000'/></interface>", "e1000", "has no network card 'e1000'"),
        ("<video><model type='qxl'/></video>", "qxl-vga", "has no video card 'qxl'"),
        (
            "<video><model type='virtio'><acceleration accel3d='yes'/></model></video>",
            "virtio-vga-gl",
            "has no video card 'virtio'",
        ),
    ],
)
def test_what_this_qemu_lacks(device: str, lacks: str, said: str) -> None:
    error = refusal(device, lacks=lacks)
    assert isinstance(error, UnsupportedConfig) and said in error.message and error.hint


def test_what_this_host_cannot_run() -> None:
    assert "has no machine type 'pc-0.1'" in str(refusal(machine="pc-0.1"))
    assert "the qemu driver has no domain type 'xen'" in str(refusal(kind="xen")).lower()
    assert "needs KVM" in str(refusal(part="<cpu mode='host-passthrough'/>", kind="qemu"))


@pytest.mark.parametrize("tag", ["kernel", "initrd", "dtb", "loader"])
def test_files_in_no_directory(tag: str) -> None:
    head = "<domain type='qemu'><name>a</name><memory unit='MiB'>64</memory>"
    with pytest.raises(DocumentError, match=f"<{tag}> is 'boot/x', and is an absolute path"):
        complete(parse(f"{head}<os><type>hvm</type><{tag}>boot/x</{tag}></os></domain>"), able())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<domain type='qemu'><memory>1</memory></domain>", "the domain has no <name>"),
        ("<domain type='qemu'><name>a</name></domain>", "<memory> is missing or 0; write the guest's memory"),
        ("<domain type='qemu'><name>a</name><memory>0</memory></domain>", "<memory> is missing or 0"),
        ("<domain type='qemu'><name>a</name><memory unit='stone'>1</memory></domain>", "the unit 'stone' is not known"),
        ("<domain type='qemu'><name>a</name><memory unit='E'>99</memory></domain>", "beyond what can be counted"),
        ("<domain type='qemu'><name>a</name><uuid>x</uuid><memory>1</memory></domain>", "'x' is not a uuid"),
    ],
)
def test_what_every_guest_needs(text: str, said: str) -> None:
    with pytest.raises(CorralError) as caught:
        complete(parse(text), able())
    assert said in str(caught.value)
