# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options become a document, and what cannot be meant is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.spec import DEFINING, FAMILIES, desired
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, XmlError
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.plugins.modules import vm


def document(**options: Any) -> Element:
    _name, made = desired({"name": "a", "memory": "64MiB", **options})
    assert made is not None
    return made


def shown(**options: Any) -> str:
    return to_text(document(**options))


def test_the_smallest_guest() -> None:
    assert (
        shown()
        == """<domain>
  <name>a</name>
  <memory unit="KiB">65536</memory>
  <vcpu>1</vcpu>
  <os>
    <type machine="q35">hvm</type>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <devices>
    <serial type="pty">
      <target port="0"/>
    </serial>
    <console type="pty">
      <target type="serial" port="0"/>
    </console>
  </devices>
</domain>
"""
    )


def test_a_guest_with_everything() -> None:
    made = document(
        virt_type="qemu",
        arch="x86_64",
        machine="q35",
        memory="1.5GiB",
        vcpus=2,
        cpu="qemu64",
        kernel="/k",
        initrd="/i",
        cmdline="console=ttyS0",
        disks=[
            {"path": "/d.qcow2", "serial": "s1", "cache": "none", "boot_order": 1},
            {"path": "/e", "target": "vda", "readonly": True, "format": "qcow2"},
            {"device": "cdrom"},
            {"device": "floppy", "path": "/f"},
        ],
        interfaces=[
            {"mac": "52-54-0-0-0-1", "boot_order": 2},
            {"network": "default"},
            {"bridge": "br0", "model": "e1000"},
        ],
        console=False,
        guest_agent=True,
        graphics=[{"type": "vnc", "listen": "127.0.0.1"}],
        video="vga",
        rng=True,
    )
    assert (
        to_text(made)
        == """<domain type="qemu">
  <name>a</name>
  <memory unit="KiB">1572864</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch="x86_64" machine="q35">hvm</type>
    <kernel>/k</kernel>
    <initrd>/i</initrd>
    <cmdline>console=ttyS0</cmdline>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <cpu mode="custom" match="exact">
    <model>qemu64</model>
  </cpu>
  <devices>
    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2" cache="none"/>
      <source file="/d.qcow2"/>
      <target dev="vdb" bus="virtio"/>
      <serial>s1</serial>
      <boot order="1"/>
    </disk>
    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2"/>
      <source file="/e"/>
      <target dev="vda" bus="virtio"/>
      <readonly/>
    </disk>
    <disk type="file" device="cdrom">
      <driver name="qemu" type="raw"/>
      <target dev="sda" bus="sata"/>
      <readonly/>
    </disk>
    <disk type="file" device="floppy">
      <driver name="qemu" type="raw"/>
      <source file="/f"/>
      <target dev="fda" bus="fdc"/>
    </disk>
    <interface type="user">
      <mac address="52:54:00:00:00:01"/>
      <model type="virtio"/>
      <boot order="2"/>
    </interface>
    <interface type="network">
      <source network="default"/>
      <model type="virtio"/>
    </interface>
    <interface type="bridge">
      <source bridge="br0"/>
      <model type="e1000"/>
    </interface>
    <channel type="unix">
      <target type="virtio" name="org.qemu.guest_agent.0"/>
    </channel>
    <graphics type="vnc" port="-1" autoport="yes">
      <listen type="address" address="127.0.0.1"/>
    </graphics>
    <video>
      <model type="vga"/>
    </video>
    <rng model="virtio">
      <backend model="random">/dev/urandom</backend>
    </rng>
  </devices>
</domain>
"""
    )


def test_a_fixed_port_is_no_autoport() -> None:
    graphics = document(graphics=[{"port": 5910, "listen": "::1"}]).find("devices/graphics")
    assert graphics is not None and dict(graphics.attrib) == {"type": "vnc", "port": "5910", "autoport": "no"}


def test_cpu_modes_and_models() -> None:
    assert '<cpu mode="host-passthrough"/>' in shown(cpu="host-passthrough")
    assert "<cpu" not in shown()


def test_other_architectures_have_no_apic() -> None:
    assert "<apic/>" not in shown(arch="aarch64")


def test_the_thirtieth_disk() -> None:
    targets = [
        t.get("dev") for t in document(disks=[{"path": f"/{n}"} for n in range(30)]).findall("devices/disk/target")
    ]
    assert targets[0] == "vda"
    assert targets[25:28] == ["vdz", "vdaa", "vdab"]


def test_a_name_alone_describes_nothing() -> None:
    assert desired({"name": "a", "memory": None, "disks": None}) == ("a", None)


def test_xml_is_taken_as_it_is() -> None:
    name, made = desired({"xml": "<domain type='kvm'><name> b </name><strange/></domain>"})
    assert name == "b"
    assert made is not None and made.find("strange") is not None


def test_without_describe_only_the_name_counts() -> None:
    assert desired({"name": "a", "vcpus": 2}, describe=False) == ("a", None)
    assert desired({"xml": "<domain><name>b</name></domain>"}, describe=False) == ("b", None)


@pytest.mark.parametrize("option", DEFINING)
def test_xml_and_an_option_that_describes_contradict_each_other(option: str) -> None:
    with pytest.raises(InvalidArgument, match=f"xml cannot be given together with {option}:"):
        desired({"xml": "<domain><name>a</name></domain>", option: "x"})


def test_every_contradicting_option_is_named() -> None:
    with pytest.raises(InvalidArgument, match="together with memory, vcpus and disks:"):
        desired({"xml": "<domain/>", "disks": [], "memory": "1GiB", "vcpus": 1})


def test_every_option_of_the_definition_is_known_to_describe() -> None:
    assert {*DEFINING, "name", "xml"} == set(vm.DEFINITION.options)


def test_every_option_has_a_family_that_writes_it() -> None:
    always = {"virt_type", "arch", "machine", "emulator", "memory", "vcpus", "cpu", "numa", "iothreads", "hyperv"}
    always |= {"clock", "timers", "on_poweroff", "on_reboot", "on_crash"}
    always |= {"console", "serials", "parallels", "guest_agent", "spice_agent", "channels"}
    assert always | {name for names, _family in FAMILIES for name in names} == set(DEFINING)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"memory": "512"}, "memory: 512 has no unit; write 512MiB"),
        ({"memory": "lots"}, "memory: 'lots' is not a size"),
        ({"memory": "1XB"}, "memory: the unit 'XB' is not known"),
        ({"memory": "12b"}, "less than a guest can have"),
        ({"memory": None, "vcpus": 2}, "memory is missing: vcpus describes a guest"),
        ({"memory": None, "vcpus": 2, "disks": []}, "memory is missing: vcpus and disks describe a guest"),
        ({"vcpus": 0}, "vcpus: 0 is no number of CPUs"),
        ({"kernel": "boot/vmlinuz"}, "kernel: 'boot/vmlinuz' is relative"),
        ({"disks": [{}]}, r"disks\[1\]: path is missing"),
        ({"disks": [{"path": "/a"}, {"path": "b.img"}]}, r"disks\[2\]: path: 'b.img' is relative"),
        (
            {"disks": [{"path": "/a", "target": "vda"}, {"path": "/b", "target": "vda"}]},
            "two disks have the target vda",
        ),
        ({"disks": [{"path": "/a", "boot_order": 0}]}, r"disks\[1\]: boot_order: 0"),
        ({"interfaces": [{}, {"boot_order": -1}]}, r"interfaces\[2\]: boot_order: -1"),
        ({"interfaces": [{"type": "network"}]}, r"interfaces\[1\]: network is missing"),
        ({"interfaces": [{"network": "n", "bridge": "b"}]}, "bridge and network contradict each other"),
        ({"interfaces": [{"type": "user", "bridge": "b"}]}, "bridge and user contradict each other"),
        ({"interfaces": [{"mac": "x"}]}, "'x' is not a MAC address"),
        ({"name": ""}, "must not be empty"),
        ({"name": "a/b"}, "must not contain a slash"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        desired({"name": "a", "memory": "64MiB", **options})


@pytest.mark.parametrize(
    ("name", "xml", "words"),
    [
        (None, "<domain/>", "The xml has no <name>"),
        ("a", "<domain><name>b</name></domain>", "name is 'a' and the xml says 'b'"),
        (None, "<network><name>b</name></network>", "<domain> was expected"),
        (None, "<domain>", "not well-formed"),
    ],
)
def test_xml_that_cannot_be_meant_is_refused(name: str, xml: str, words: str) -> None:
    with pytest.raises((InvalidArgument, XmlError), match=words):
        desired({"name": name, "xml": xml})
