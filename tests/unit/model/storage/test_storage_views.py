# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views over pool and volume documents: what each value means, what names their parts, what only the host says."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, XmlError
from ansible_collections.corral.virt.plugins.module_utils.model.storage.identity import (
    POOL,
    VOLUME,
    comparable_volume,
    persistent_pool,
    wanted_volume,
)
from ansible_collections.corral.virt.plugins.module_utils.model.storage.options import (
    FS_NAMESPACE,
    RBD_NAMESPACE,
    mount_options,
    rbd_options,
)
from ansible_collections.corral.virt.plugins.module_utils.model.storage.order import (
    POOL_ORDER,
    VOLUME_ORDER,
    order_children,
)
from ansible_collections.corral.virt.plugins.module_utils.model.storage.parts import Permissions, set_bytes
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.model.storage.volume import Volume
from ansible_collections.corral.virt.plugins.module_utils.values import PciAddress
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import new_element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.views import undeclared


def pool(body: str, kind: str = "dir") -> Pool:
    spaces = f"xmlns:fs='{FS_NAMESPACE}' xmlns:rbd='{RBD_NAMESPACE}'"
    return Pool(parse(f"<pool type='{kind}' {spaces}><name>p</name>{body}</pool>"))


def volume(body: str) -> Volume:
    return Volume(parse(f"<volume><name>v</name>{body}</volume>"))


def permissions(body: str) -> Permissions:
    return Permissions(parse(f"<permissions>{body}</permissions>"))


@pytest.mark.parametrize(("text", "mode", "again"), [("0711", 0o711, "0711"), ("0", 0, "00"), ("755", 0o755, "0755")])
def test_modes_are_octal(text: str, mode: int, again: str) -> None:
    found = permissions(f"<mode>{text}</mode>")
    assert found.mode == mode
    found.mode = found.mode
    assert found.element.findtext("mode") == again


@pytest.mark.parametrize("text", ["8", "01777", "-1", "rwx", "0x1ff", "7777777777"])
def test_what_is_no_mode(text: str) -> None:
    with pytest.raises(XmlError, match="octal digits"):
        permissions(f"<mode>{text}</mode>").mode  # noqa: B018


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("0744", 744), ("-1", None), ("4294967295", None)])
def test_owners_are_decimal_and_some_mean_nobody(text: str, number: int | None) -> None:
    found = permissions(f"<owner>{text}</owner><group>{text}</group>")
    assert (found.owner_id(), found.group_id()) == (number, number)


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("<capacity>512</capacity>", 512),
        ("<capacity unit='G'>5</capacity>", 5 << 30),
        ("<capacity unit='GB'>10</capacity>", 10**10),
        ("<capacity unit='B'>7</capacity>", 7),
        ("", None),
    ],
)
def test_sizes(body: str, size: int | None) -> None:
    assert volume(body).size() == size


@pytest.mark.parametrize("body", ["-1", "1.5", "", "1e9", "9223372036854775808", "1" * 40, "x"])
def test_what_is_no_size(body: str) -> None:
    with pytest.raises(XmlError, match="capacity") as caught:
        volume(f"<capacity>{body}</capacity>").size()
    assert caught.value.line == 1


def test_a_size_is_written_with_its_unit() -> None:
    found = volume("<capacity unit='KiB'>1</capacity>")
    set_bytes(found, "capacity", 4096)
    assert (found.size(), found.capacity_unit) == (4096, "bytes")
    for size in (-1, 1 << 63):
        with pytest.raises(InvalidArgument):
            set_bytes(found, "capacity", size)


def test_reading_what_is_not_there_writes_nothing() -> None:
    found, other = pool(""), volume("")
    assert (found.given().dir, found.path(), found.permissions(), found.size()) == (None, None, None, 0)
    assert (other.given().format, other.given().cluster_bytes(), other.backing_path()) == (None, None, None)
    assert [len(found.element), len(other.element)] == [1, 1]
    found.need_source().name = "vg"
    other.need_target().format = "raw"
    assert (found.given().name, other.given().format) == ("vg", "raw")


def test_source() -> None:
    found = pool(
        "<source><host name='a' port='1'/><host name='b'/><device path='/dev/x' part_separator='no'/><device/>"
        "<adapter type='scsi_host'><parentaddr unique_id='5'><address slot='0x1f' function='2'/></parentaddr></adapter>"
        "</source>",
        "iscsi",
    ).given()
    assert (found.host_name(), found.hosts[0].port, found.device_paths()) == ("a", 1, ["/dev/x"])
    assert found.adapter is not None and found.adapter.has_place() and found.adapter.address is not None
    assert found.adapter.address.pci() == PciAddress(0, 0, 0x1F, 2)
    found.adapter.address.set_pci(PciAddress(0, 0, 0x1F, 2))
    assert found.adapter.address.element.get("domain") == "0x0000"


def test_options_of_namespaces() -> None:
    found = pool(
        "<fs:mount_opts><fs:option name='sync'/><fs:option name='lazytime'/></fs:mount_opts>"
        "<rbd:config_opts><rbd:option name='a' value='1'/></rbd:config_opts>"
    )
    assert mount_options(found.element) == ["sync", "lazytime"]
    assert rbd_options(found.element) == [("a", "1")]
    assert undeclared(found) == []


def test_features_and_clusters() -> None:
    found = volume(
        "<target><clusterSize unit='KiB'>128</clusterSize><features><extended_l2/><lazy_refcounts/></features></target>"
    ).given()
    assert found.feature_names() == ["lazy_refcounts", "extended_l2"]
    assert (found.features, found.cluster_bytes()) == (True, 131072)


def test_order_is_that_of_libvirt() -> None:
    found = parse("<pool><target><permissions/><path/></target><source><name/><host/></source><name/><x/></pool>")
    order_children(found, POOL_ORDER)
    assert [child.tag for child in found.iter()] == [
        *("pool", "name", "source", "host", "name", "target", "path", "permissions", "x")
    ]
    other = parse("<volume><backingStore/><target/><capacity/><name/></volume>")
    order_children(other, VOLUME_ORDER)
    assert [child.tag for child in other] == ["name", "capacity", "target", "backingStore"]


def test_the_order_of_mount_options_counts_and_that_of_servers_does_not() -> None:
    one, other = (
        pool("<fs:mount_opts>{}<fs:option name='ro'/>{}</fs:mount_opts>".format(*sides)).element
        for sides in (("<fs:option name='rw'/>", ""), ("", "<fs:option name='rw'/>"))
    )
    assert compare(one, other, POOL)
    first, second = (
        pool("<source>{}<host name='a'/>{}</source>".format(*sides)).element
        for sides in (("<host name='b' port='1'/>", ""), ("", "<host name='b' port='1'/>"))
    )
    assert not compare(first, second, POOL)


def test_what_the_host_says_is_not_stored() -> None:
    found = pool(
        "<capacity>1</capacity><available>1</available><source><device path='d'><freeExtent/></device></source>"
    )
    kept = Pool(persistent_pool(found.element))
    assert (kept.capacity, kept.available, kept.given().devices[0].free) == (None, None, [])
    assert found.capacity == 1


def test_what_two_documents_of_a_volume_agree_about() -> None:
    wanted = volume("<capacity>5</capacity><allocation>0</allocation><target><nocow/></target>").element
    there = parse(
        "<volume type='file'><name>v</name><key>/v</key><capacity>5</capacity><allocation>9</allocation><physical>1"
        "</physical><target><path>/v</path><timestamps><atime>1</atime></timestamps></target></volume>"
    )
    assert compare(comparable_volume(wanted), comparable_volume(there), VOLUME) == ()
    assert Volume(wanted_volume(there)).allocation == 9
    assert Volume(new_element("volume")).name is None
