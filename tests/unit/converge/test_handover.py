# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handing a guest over: what it consists of, its document on another host, the note that keeps it from coming back."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.converge.handover import parts, program
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest import departed
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

GUEST = """<domain type='qemu'><name>web</name><os><kernel>/boot/own</kernel>
<nvram>/root1/var/lib/corral/nvram/web_VARS.fd</nvram></os><devices>
<disk type='file' device='disk'><source file='/root1/var/lib/corral/images/a.raw'/><target dev='vda'/></disk>
<disk type='file' device='disk'><source file='/srv/b.qcow2'/><backingStore type='file'><source file='/srv/base'/>
</backingStore><target dev='vdb'/></disk>
<disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vdc'/></disk>
</devices></domain>"""
NOTE = departed.Note("web", "u1", "host2", "running", True, files=("/srv/b.qcow2",))


def test_what_is_ours_lies_where_it_does_on_the_other_host() -> None:
    layout = Layout.embed("/root2")
    text = to_text(parts.adapted(parse(GUEST), "/root1/var/lib/corral", layout))
    assert "/root2/var/lib/corral/nvram/web_VARS.fd" in text and "/root2/var/lib/corral/images/a.raw" in text
    assert "/srv/b.qcow2" in text and "root1" not in text
    assert to_text(parts.adapted(parse(GUEST), "/root1/var/lib/corral", Layout.embed("/root1"))) == to_text(
        parse(GUEST)
    )
    assert parts.moved("/root1/var/lib/corralled", "/root1/var/lib/corral", layout) == "/root1/var/lib/corralled"


@pytest.mark.parametrize(
    ("paths", "volumes", "left"),
    [
        (set(), set(), ["vda", "vdb", "vdc"]),
        ({"/srv/base"}, set(), ["vda", "vdc"]),
        ({"/root1/var/lib/corral/images/a.raw", "/boot/own"}, {("p", "v")}, ["vdb"]),
    ],
)
def test_what_is_still_to_come_is_left_out(paths: set[str], volumes: set[tuple[str, str]], left: list[str]) -> None:
    document = parts.lacking(parse(GUEST), paths, volumes)
    assert [target.get("dev") for target in document.iterfind("devices/disk/target")] == left
    assert (document.find("os/kernel") is None) is ("/boot/own" in paths)


@pytest.mark.parametrize("device", ["<hostdev mode='subsystem' type='pci'/>", "<disk type='nvme'/>"])
def test_what_ties_a_guest_to_its_host_is_named(device: str) -> None:
    assert parts.ties(parse(GUEST)) == []
    assert len(parts.ties(parse(GUEST.replace("<devices>", f"<devices>{device}")))) == 1


def test_who_was_given_away_is_not_started() -> None:
    host, layout = FakeHost(), Layout.system()
    departed.check_here(host, layout, "web")
    departed.write_note(host, layout, NOTE)
    assert departed.read_note(host, layout, "web") == NOTE
    departed.check_here(host, layout, "web")
    for stage in (departed.GIVEN, departed.GONE):
        departed.write_note(host, layout, departed.Note("web", "u1", "host2", "running", True, stage))
        with pytest.raises(OperationInvalid, match="was handed over to host2"):
            departed.check_here(host, layout, "web")
        departed.check_here(host, layout, "web2")
    departed.forget_note(host, layout, "web")
    departed.check_here(host, layout, "web")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"name": "web"}', b'{"files": [], "more": 1}'])
def test_a_damaged_note_is_said(data: bytes) -> None:
    host, layout = FakeHost(), Layout.system()
    layout.prepare(host)
    host.write(layout.departed("web"), data)
    with pytest.raises(HostError, match="damaged"):
        departed.check_here(host, layout, "web")


def test_guests_of_other_drivers_are_not_handed_over() -> None:
    order = {"uri": "test:///default", "looks": True, "call": "describe", "name": "test", "run": "r"}
    assert program.answer(order, host=FakeHost())["error"]["type"] == "NoSupport"
