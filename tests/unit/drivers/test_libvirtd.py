# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On a host on which a libvirtd has a guest, an image or a bridge there is an error that says so, and never a fight."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.libvirtd import (
    foreign_bridges,
    foreign_guest,
    foreign_guests,
    guest_folders,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import AlreadyExists, OperationFailed, OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.tests.unit.drivers.libvirt_host import RUN, UUID, network_there, runs_there
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import (
    NetHost,
)
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import (
    document as network,
)
from ansible_collections.corral.virt.tests.unit.drivers.network.small_host import (
    driver_on as network_driver,
)
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, GuestHost, document, driver_on

SAME = f"<uuid>{UUID}</uuid>"


def test_what_runs_is_found_and_what_does_not_is_not() -> None:
    host = FakeHost()
    folders = guest_folders(host)
    assert list(foreign_guests(host, folders)) == []
    runs_there(host, "a")
    runs_there(host, "gone", pid=4300)
    host.end_process(4300)
    runs_there(host, "other", pid=4400, words=b"/bin/sleep\0")  # the number belongs to another process by now
    host.add_file(f"{RUN}/qemu/broken.xml", b"<domstatus")
    host.add_file(f"{RUN}/qemu/autostarted", b"")
    host.add_file(f"{RUN}/qemu/driver.pid", b"4500")  # libvirtd itself
    host.add_process(4500, 1)
    found = list(foreign_guests(host, folders))
    assert [(guest.name, guest.uuid, guest.pid) for guest in found] == [("a", UUID, 4242)]
    assert foreign_guest(host, folders, "gone") is None and foreign_guest(host, folders, "a") == found[0]


def test_a_guest_is_found_by_its_pid_file_alone() -> None:
    host = FakeHost()
    host.add_file(f"{RUN}/qemu/a.pid", b"77\n")
    assert foreign_guest(host, guest_folders(host), "a") is None
    host.add_process(77, 1)
    found = foreign_guest(host, guest_folders(host), "a")
    assert found is not None and (found.pid, found.document) == (77, None)


def test_guests_of_a_users_own_libvirtd() -> None:
    host = FakeHost()
    host.environment["XDG_RUNTIME_DIR"] = "/run/user/1000"
    assert guest_folders(host) == [f"{RUN}/qemu", "/run/user/1000/libvirt/qemu/run"]


def test_bridges() -> None:
    host = FakeHost()
    network_there(host)
    host.add_file(f"{RUN}/network/broken.xml", b"no")
    host.add_file(f"{RUN}/network/hostdev.xml", b"<networkstatus><network><name>h</name></network></networkstatus>")
    host.add_file(f"{RUN}/network/default.pid", b"1")
    assert foreign_bridges(host) == {"virbr0": "default"}


@pytest.mark.parametrize(
    ("uri", "arrange", "refused"),
    [
        ("qemu:///system", lambda host: runs_there(host, "x"), True),  # by the uuid
        ("qemu:///embed?root=/t", lambda host: runs_there(host, "x"), True),
        ("qemu:///system", lambda host: runs_there(host, "a", uuid=UUID.replace("7", "8")), True),  # by the name
        ("qemu:///embed?root=/t", lambda host: runs_there(host, "a", uuid=UUID.replace("7", "8")), False),
        ("qemu:///system", lambda host: runs_there(host, "x", uuid=UUID.replace("7", "8")), False),
    ],
)
def test_a_guest_that_runs_there_is_not_started_here(
    uri: str, arrange: Callable[[FakeHost], None], refused: bool
) -> None:
    host = GuestHost()
    host.add_directory("/t")
    arrange(host)
    driver = driver_on(host, uri)
    driver.define_domain(document(more=SAME))
    if not refused:
        assert driver.start_domain("a").active
        return
    for attempt in (lambda: driver.check_start(driver.domain_xml("a")), lambda: driver.start_domain("a")):
        with pytest.raises(OperationInvalid, match=r"runs under libvirtd on this host .process 4242.*virsh shutdown"):
            attempt()
    assert host.guests == {}
    host.end_process(4242)
    assert driver.start_domain("a").active


def test_a_guest_that_was_saved_there_is_not_started_here() -> None:
    host = GuestHost()
    driver = driver_on(host)
    driver.define_domain(document(more=SAME))
    path = "/var/lib/libvirt/qemu/save/a.save"
    host.add_file(path, b"LibvirtQemudSave\0" + f"<domain><uuid>{UUID}</uuid></domain>".encode() + b"\0memory")
    for attempt in (lambda: driver.check_start(driver.domain_xml("a")), lambda: driver.start_domain("a")):
        with pytest.raises(OperationInvalid, match=r"libvirtd has saved it while it ran .*virsh managedsave-remove a"):
            attempt()
    host.add_file(path, b"LibvirtQemudSave\0 of another guest of this name")
    assert driver.start_domain("a").active


def test_an_image_that_a_guest_there_has_is_not_taken() -> None:
    host = GuestHost()
    owner = host.owner(IMAGE)
    runs_there(host, "x", disk=IMAGE)
    driver = driver_on(host)
    driver.define_domain(document())
    with pytest.raises(
        OperationInvalid, match=f"The image {IMAGE} of guest a is in use by the guest x, which runs"
    ) as at:
        driver.start_domain("a")
    assert at.value.details["guest"] == "x" and "virsh shutdown x" in (at.value.hint or "")
    assert host.owner(IMAGE) == owner


def test_what_qemu_says_of_a_locked_image_names_the_guest_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It began after we had looked."""
    host = GuestHost()
    host.dies = b'qemu-system-x86_64: Failed to get "write" lock\nIs another process using the image [%s]?\n' % (
        IMAGE.encode()
    )
    driver = driver_on(host)
    driver.define_domain(document())
    spawned = host.on_spawn

    def begins(started: Any) -> None:
        spawned(started)
        runs_there(host, "x", disk=IMAGE)

    host.on_spawn = begins
    with pytest.raises(OperationFailed, match="in use by the guest x, which runs under libvirtd"):
        driver.start_domain("a")


def bridge_there(host: NetHost, mac: str = "52:54:00:00:00:01") -> None:
    """libvirt's bridge, with an address on it."""
    host.add_link("virbr7", kind="bridge", mac=mac)
    host.addresses.append(("virbr7", "192.0.2.1/24"))
    network_there(host, "theirs", bridge="virbr7")


def test_a_bridge_of_libvirt_is_not_taken_even_when_it_looks_like_ours() -> None:
    """A network that was defined from libvirt's document has the same name, bridge, addresses and MAC address."""
    host = NetHost()
    driver = network_driver(host)
    driver.define_network(network())
    mac = driver.network_xml("a", inactive=True).find("mac")
    assert mac is not None
    bridge_there(host, mac.get("address", ""))
    with pytest.raises(OperationFailed, match="cannot have the bridge virbr7: libvirtd's network theirs has it") as at:
        driver.start_network("a")
    assert "virsh net-destroy theirs" in (at.value.hint or "")
    assert "virbr7" in host.nodes and not driver.lookup_network("a").active


def test_a_network_that_is_active_there_can_be_defined_here() -> None:
    host = NetHost()
    bridge_there(host)
    network_there(host, "a", bridge="virbr7")
    host.files.pop(f"{RUN}/network/theirs.xml")
    driver = network_driver(host)
    driver.check_network(driver.normalise_network(network()), start=False)
    driver.define_network(network())
    with pytest.raises(OperationFailed, match="libvirtd's network a has it"):
        driver.start_network("a")
    host.remove_link("virbr7")
    assert driver.start_network("a").active


def test_a_bridge_of_another_network_there_is_said_to_be_its() -> None:
    host = NetHost()
    bridge_there(host)
    with pytest.raises(AlreadyExists, match=r"this host has a bridge named so\. It is libvirtd's network theirs"):
        network_driver(host).define_network(network())


def test_a_subnet_of_libvirt_is_said_to_be_its() -> None:
    host = NetHost()
    bridge_there(host)
    driver = network_driver(host)
    with pytest.raises(OperationFailed, match=r"clashes with 192\.0\.2\.1/24") as at:
        driver.check_network(network(bridge="virbr8"), start=True)
    assert "libvirtd's network theirs" in (at.value.hint or "")


def test_a_document_without_its_bridge_keeps_nobody_away() -> None:
    """The host was started anew, or libvirtd was removed, and its file was not."""
    host = NetHost()
    network_there(host, "theirs", bridge="virbr7")
    driver = network_driver(host)
    driver.define_network(network())
    assert driver.start_network("a").active
