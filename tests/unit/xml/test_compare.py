# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents are compared by what names their parts, and read the same when they mean the same."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN, persistent_form
from ansible_collections.corral.virt.plugins.module_utils.xml.canonical import (
    HIDDEN,
    HIDDEN_CHANGED,
    Identity,
    canonical_text,
    label,
    masked,
    without,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import Change, compare, diff
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text


def domain(*devices: str, before: str = "") -> Element:
    return parse(f"<domain><name>a</name>{before}<devices>{''.join(devices)}</devices></domain>")


def disk(target: str, file: str) -> str:
    return f"<disk type='file'><source file='{file}'/><target dev='{target}' bus='virtio'/></disk>"


def test_equal_documents_have_no_changes() -> None:
    one = domain(disk("vda", "/a"), disk("vdb", "/b"))
    assert compare(one, parse(to_text(one)), DOMAIN) == ()


def test_the_order_of_attributes_and_named_siblings_does_not_count() -> None:
    one = domain(disk("vda", "/a"), disk("vdb", "/b"))
    two = domain(disk("vdb", "/b"), disk("vda", "/a").replace("dev='vda' bus='virtio'", "bus='virtio' dev='vda'"))
    assert compare(one, two, DOMAIN) == ()
    assert canonical_text(one, DOMAIN) == canonical_text(two, DOMAIN)


def test_siblings_are_matched_by_what_names_them() -> None:
    changes = compare(domain(disk("vda", "/a"), disk("vdb", "/b")), domain(disk("vdb", "/c")), DOMAIN)
    gone = '<disk type="file"><source file="/a"/><target bus="virtio" dev="vda"/></disk>'
    assert changes == (
        Change("devices/disk", "/domain/devices/disk[vda]", gone, None),
        Change("devices/disk/source/@file", "/domain/devices/disk[vdb]/source/@file", "/b", "/c"),
    )
    assert str(changes[1]) == "/domain/devices/disk[vdb]/source/@file: /b -> /c"
    assert str(changes[0]).startswith("/domain/devices/disk[vda]: gone: <disk")


def test_siblings_without_a_name_are_matched_by_position() -> None:
    one = parse("<domain><os><boot dev='hd'/><boot dev='network'/></os></domain>")
    two = parse("<domain><os><boot dev='network'/><boot dev='hd'/></os></domain>")
    assert [change.path for change in compare(one, two, DOMAIN)] == [
        "/domain/os/boot[1]/@dev",
        "/domain/os/boot[2]/@dev",
    ]


def test_a_single_sibling_has_no_number() -> None:
    (change,) = compare(parse("<a><b>1</b></a>"), parse("<a><b>2</b></a>"), Identity())
    assert (change.path, change.before, change.after) == ("/a/b", "1", "2")


def test_two_of_one_name_are_counted() -> None:
    port = "<graphics type='vnc' port='{}'/>"
    changes = compare(domain(port.format(1), port.format(2)), domain(port.format(1), port.format(3)), DOMAIN)
    assert [change.path for change in changes] == ["/domain/devices/graphics[vnc#2]/@port"]


@pytest.mark.parametrize(
    ("device", "path", "name"),
    [
        ("<controller type='usb' index='0'/>", "devices/controller", "usb,0"),
        ("<controller type='usb' index='0'><master startport='2'/></controller>", "devices/controller", "usb,0,2"),
        ("<interface><mac address='52:54:00:00:00:01'/></interface>", "devices/interface", "52:54:00:00:00:01"),
        ("<channel><target type='virtio' name='org.x'/></channel>", "devices/channel", "virtio,org.x"),
        ("<serial><target port='1'/></serial>", "devices/serial", "1"),
        ("<hostdev><source><vendor id='0x1'/><product id='0x2'/></source></hostdev>", "devices/hostdev", "0x1,0x2"),
        ("<sound model='ich9'/>", "devices/sound", None),
        ("<interface/>", "devices/interface", None),
    ],
)
def test_names(device: str, path: str, name: str) -> None:
    assert label(parse(device), path, DOMAIN.keys) == name


def test_a_text_can_name_an_element() -> None:
    assert label(parse("<x><y>z</y></x>"), "x", {"x": (("y",),)}) == "z"


def test_the_canonical_form_goes_by_the_table_and_counts_numbers_as_numbers() -> None:
    document = domain(disk("vdb", "/b"), disk("vda", "/a"), "<emulator>/q</emulator>", before="<uuid>u</uuid>")
    controllers = [f"<controller type='pci' index='{number}'/>" for number in (10, 2)]
    text = canonical_text(domain(*controllers), DOMAIN)
    assert text.index('index="2"') < text.index('index="10"')
    lines = [line.strip() for line in canonical_text(document, DOMAIN).splitlines()]
    assert lines.index("<uuid>u</uuid>") == 2
    assert (
        lines.index("<emulator>/q</emulator>") < lines.index('<source file="/a"/>') < lines.index('<source file="/b"/>')
    )


def test_the_canonical_form_of_a_canonical_form_is_itself() -> None:
    text = canonical_text(domain(disk("vdb", "/b"), "<strange/>", disk("vda", "/a")), DOMAIN)
    assert canonical_text(parse(text), DOMAIN) == text


def test_the_canonical_form_has_an_order_for_what_no_table_names() -> None:
    one = canonical_text(domain("<rng><zz/><address/><aa/><model/></rng>"), DOMAIN)
    two = canonical_text(domain("<rng><model/><aa/><zz/><address/></rng>"), DOMAIN)
    assert one == two
    assert [one.index(f"<{tag}") for tag in ("model", "aa", "zz", "address")] == sorted(
        one.index(f"<{tag}") for tag in ("model", "aa", "zz", "address")
    )


def test_without_leaves_the_original_alone() -> None:
    original = domain("<graphics type='vnc' port='1'><listen/></graphics>")
    shorter = without(original, ["devices/*/@port", "devices/graphics/listen", "@id", "nothing"])
    assert to_text(shorter.find("devices")[0]) == '<graphics type="vnc"/>\n'  # type: ignore[index]
    assert original.find("devices/graphics/listen") is not None


def vnc(password: str) -> Element:
    return domain(f"<graphics type='vnc' passwd='{password}'/>")


def test_secrets_are_in_no_change() -> None:
    changes = compare(vnc("old-secret"), vnc("new-secret"), DOMAIN)
    assert [(change.before, change.after) for change in changes] == [(HIDDEN, HIDDEN_CHANGED)]
    assert "secret'" not in str(compare(vnc("old-secret"), domain(), DOMAIN))
    assert "old-secret" not in str(compare(domain(), vnc("old-secret"), DOMAIN))


def test_secrets_are_in_no_diff_and_a_change_of_one_shows() -> None:
    texts = diff(vnc("old-secret"), vnc("new-secret"), DOMAIN)
    assert "-secret" not in texts["before"] + texts["after"]
    assert texts["before"] != texts["after"]
    same = diff(vnc("old-secret"), vnc("old-secret"), DOMAIN)
    assert same["before"] == same["after"]


def test_a_diff_with_nothing_is_empty_on_that_side() -> None:
    assert diff(None, domain(), DOMAIN)["before"] == ""
    assert diff(domain(), None, DOMAIN)["after"] == ""


def test_a_secret_text_is_hidden_too() -> None:
    assert masked(parse("<a><b>x</b></a>"), Identity(secrets=frozenset({"b"}))).findtext("b") == HIDDEN


def test_other_roots_are_one_change() -> None:
    assert compare(parse("<a/>"), parse("<b/>"), Identity()) == (Change("", "/b", "a", "b"),)


def test_the_persistent_form_forgets_what_only_a_running_guest_has() -> None:
    live = parse("""
        <domain id='3'><name>a</name><seclabel type='dynamic'/><devices>
          <serial type='pty'><source path='/dev/pts/1'/><target port='0'/><alias name='serial0'/></serial>
          <console type='pty' tty='/dev/pts/1'><source path='/dev/pts/1'/><target type='serial' port='0'/></console>
          <channel type='unix'>
            <source mode='bind' path='/run/x'/><target type='virtio' name='n' state='connected'/>
          </channel>
          <serial type='unix'><source mode='bind' path='/mine'/><target port='1'/></serial>
          <graphics type='vnc' port='5900' autoport='yes'/>
          <interface type='user'><mac address='52:54:00:00:00:01'/><target dev='vnet0'/></interface>
        </devices></domain>""")
    kept = parse("""
        <domain><name>a</name><devices>
          <serial type='pty'><target port='0'/></serial>
          <console type='pty'><target type='serial' port='0'/></console>
          <channel type='unix'><target type='virtio' name='n'/></channel>
          <serial type='unix'><source mode='bind' path='/mine'/><target port='1'/></serial>
          <graphics type='vnc' autoport='yes'/>
          <interface type='user'><mac address='52:54:00:00:00:01'/></interface>
        </devices></domain>""")
    assert compare(persistent_form(live), kept, DOMAIN) == ()
