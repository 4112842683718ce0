# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of the host, UEFI variables, and devices whose helpers nobody starts yet."""

from __future__ import annotations

import json
from typing import List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.passthrough import environment
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import HugePages
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest import facts
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.nvram import make_variables
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.unready import check_helpers
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

SYSTEM, OWN, USER = "/usr/share/qemu/firmware", "/etc/qemu/firmware", "/home/ann/.config/qemu/firmware"


def domain(inner: str) -> Domain:
    return Domain(parse(f"<domain><name>small</name>{inner}</domain>", root="domain"))


def devices(inner: str) -> Domain:
    return domain(f"<devices>{inner}</devices>")


def descriptor(name: str) -> bytes:
    return json.dumps({"description": name, "interface-types": ["uefi"]}).encode()


def names(host: FakeHost) -> List[str]:
    return [found["description"] for found in facts.firmware(host)]


def test_descriptors_of_a_later_directory_replace_and_an_empty_file_hides() -> None:
    host = FakeHost()
    host.add_file(f"{SYSTEM}/60-b.json", descriptor("b"))
    host.add_file(f"{SYSTEM}/50-a.json", descriptor("a"))
    host.add_file(f"{SYSTEM}/40-c.json", descriptor("c"))
    host.add_file(f"{SYSTEM}/30-broken.json", b"{")
    host.add_file(f"{SYSTEM}/README", b"text")
    host.add_file(f"{OWN}/50-a.json", descriptor("own a"))
    host.add_file(f"{OWN}/40-c.json", b"")
    host.add_file(f"{USER}/10-d.json", descriptor("d"))
    host.environment["HOME"] = "/home/ann"
    assert names(host) == ["own a", "b"]


def test_an_ordinary_user_has_descriptors_too() -> None:
    host = FakeHost(euid=1000, egid=1000)
    host.environment["HOME"] = "/home/ann"
    host.add_file(f"{USER}/10-d.json", descriptor("d"))
    assert names(host) == ["d"]


def test_huge_pages_are_found_by_their_mounts() -> None:
    host = FakeHost()
    host.add_file("/proc/meminfo", b"MemTotal: 1 kB\nHugepagesize:       2048 kB\n")
    host.add_file(
        "/proc/mounts",
        b"proc /proc proc rw 0 0\nhuge /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n"
        b"huge /mnt/big hugetlbfs rw,pagesize=1024M 0 0\n",
    )
    found = facts.huge_pages(host)
    assert found == (
        HugePages(2048, "/dev/hugepages/corral", default=True),
        HugePages(1048576, "/mnt/big/corral", default=False),
    )


def test_nothing_is_looked_up_that_the_document_does_not_ask_for() -> None:
    host = FakeHost()
    assert facts.host_facts(host, domain("")) == {}
    assert host.calls == []


def test_what_the_document_asks_for_is_looked_up() -> None:
    host = FakeHost()
    host.add_file("/sys/devices/system/node/online", b"0-1\n")
    host.add_file("/dev/dri/renderD129")
    host.add_file("/dev/dri/renderD128")
    host.add_file("/sys/bus/scsi/devices/2:0:0:1/scsi_generic/sg3")
    found = facts.host_facts(
        host,
        domain(
            "<numatune/><devices><graphics type='egl-headless'/><vsock/><hostdev type='scsi'><source>"
            "<adapter name='scsi_host2'/><address bus='0' target='0' unit='1'/></source></hostdev></devices>"
        ),
    )
    assert found["host_nodes"] == {0, 1}
    assert found["render_node"] == "/dev/dri/renderD128"
    assert found["scsi_generic"] == {("scsi_host2", 0, 0, 1): "/dev/sg3"}
    assert found["vsock_cid"] == facts.context_id("small") >= 3


RUNNER = (64055, 64055)
VARIABLES = "<os><nvram template='/t.fd'>/nvram/small_VARS.fd</nvram></os>"


def test_variables_are_made_from_their_template_once() -> None:
    host = FakeHost()
    host.add_file("/t.fd", b"empty")
    make_variables(domain(VARIABLES), "/nvram", host, RUNNER)
    assert host.read("/nvram/small_VARS.fd") == b"empty"
    host.write("/nvram/small_VARS.fd", b"written by the guest", owner=RUNNER)
    make_variables(domain(VARIABLES), "/nvram", host, RUNNER)
    assert host.read("/nvram/small_VARS.fd") == b"written by the guest"
    found = host.stat("/nvram/small_VARS.fd")
    assert found is not None and (found.uid, found.gid, found.mode) == (*RUNNER, 0o600)
    assert host.read("/nvram/small_VARS.fd.template") == b"/t.fd\n"


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (VARIABLES, "The template /t.fd of the UEFI variables"),
        ("<os><nvram>/nvram/small_VARS.fd</nvram></os>", "there is no template"),
    ],
)
def test_variables_without_a_template(inner: str, said: str) -> None:
    with pytest.raises(HostError, match=said):
        make_variables(domain(inner), "/nvram", FakeHost(), None)


def test_variables_of_another_format() -> None:
    inner = "<os><nvram template='/t.fd' templateFormat='raw' format='qcow2'>/v</nvram></os>"
    with pytest.raises(UnsupportedConfig, match="are to be qcow2, and their template is raw"):
        make_variables(domain(inner), "/nvram", FakeHost(), None)


@pytest.mark.parametrize(
    ("inner", "needs"),
    [
        ("<tpm><backend type='emulator'><source type='file' path='/f'/></backend></tpm>", "state in one file"),
        ("<video><driver name='vhostuser'/></video>", "vhost-user GPU"),
        ("<graphics type='rdp'/>", "qemu-rdp"),
        ("<graphics type='dbus'/>", "D-Bus"),
        ("<interface type='user'><backend type='passt'/></interface>", "passt"),
        ("<interface type='hostdev'/>", "card's function"),
        ("<hostdev type='pci' managed='yes'/>", "taken from its driver"),
        ("<disk><source><reservations managed='yes'/></source></disk>", "qemu-pr-helper"),
        ("<shmem name='a'><server/></shmem>", "ivshmem-server"),
    ],
)
def test_a_guest_does_not_start_without_its_helper(inner: str, needs: str) -> None:
    with pytest.raises(UnsupportedConfig, match=needs) as error:
        check_helpers(devices(inner))
    assert "guest small: its <" in error.value.message


@pytest.mark.parametrize(
    "inner",
    [
        "<tpm><backend type='external'/></tpm>",
        "<filesystem><driver type='virtiofs'/><source socket='/run/fs.sock'/></filesystem>",
        "<filesystem><source dir='/srv'/></filesystem>",
        "<graphics type='dbus' p2p='yes'/>",
        "<hostdev type='pci' managed='no'/>",
        "<shmem name='a'><server path='/run/a.sock'/></shmem>",
    ],
)
def test_what_needs_no_helper_of_ours_starts(inner: str) -> None:
    check_helpers(devices(inner))


def test_the_environment_of_qemu() -> None:
    told = domain(
        "<devices><graphics type='sdl' display=':1' xauth='/x'/><audio id='1' type='sdl' driver='alsa'/>"
        "<audio id='2' type='pipewire' runtimeDir='/run/pw'/></devices>"
        "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><env name='DISPLAY' value=':2'/></commandline>"
    )
    assert environment(told) == {
        "DISPLAY": ":2",
        "XAUTHORITY": "/x",
        "SDL_AUDIODRIVER": "alsa",
        "PIPEWIRE_RUNTIME_DIR": "/run/pw",
    }
