# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests whose disks are volumes of pools."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.model.domain.owned import mark_owned
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.converge.guest_run import GUEST, actions, converge
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, GuestHost
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_images import ImageHost

URI = "qemu:///system"
POOL = "<pool type='dir'><name>p</name><target><path>/var/lib/corral/images</path></target></pool>"
DISKS: list[dict[str, Any]] = [{"pool": "p", "volume": "a.raw"}]


@pytest.fixture
def host() -> GuestHost:
    """A host with a pool, in which is the image of the small host."""
    made = GuestHost()
    with open_connection(URI, host=made) as connection:
        connection.storage.define_pool(parse(POOL))
        connection.storage.start_pool("p")
    return made


def run(host: GuestHost, check: bool = False, **options: Any) -> dict[str, Any]:
    return converge(host, check=check, **{**GUEST, "disks": DISKS, **options})


def test_a_volume_is_looked_up_when_the_guest_starts(host: GuestHost) -> None:
    first = run(host, state="running")
    assert actions(first) == ["define", "start"]
    command = host.guests["a"].process.command
    assert command is not None and IMAGE in " ".join(command.argv)
    assert host.files[IMAGE].owner == RUNNER
    again = run(host, state="running")
    assert not again["changed"] and not again["pending"]
    kept = host.files["/etc/corral/domains/a.xml"].data
    assert b"pool" in kept and IMAGE.encode() not in kept
    with open_connection(URI, host=host) as connection:
        assert connection.storage.volume_guests("p", "a.raw") == ["a"]


def test_what_another_guest_writes_is_refused(host: GuestHost) -> None:
    run(host, state="running")
    for disks in (DISKS, [{"path": IMAGE}]):
        with pytest.raises(CorralError, match="in use by the guest a"):
            run(host, name="b", disks=disks, state="running")


@pytest.mark.parametrize(
    ("disk", "words"),
    [
        ({"pool": "p", "volume": "other"}, "other"),
        ({"pool": "q", "volume": "a.raw"}, "q"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_done(host: GuestHost, disk: Any, words: str) -> None:
    with pytest.raises(CorralError, match=words):
        run(host, disks=[disk], state="running")
    assert "/etc/corral/domains/a.xml" not in host.files


@pytest.mark.parametrize(
    ("disk", "words"),
    [
        ({"pool": "p"}, "pool and volume go together"),
        ({"volume": "v"}, "pool and volume go together"),
        ({"pool": "p", "volume": "v", "path": "/a"}, "path and pool contradict"),
        ({"path": "/a", "size": "1GiB"}, "size is for the volume of a disk"),
        ({"pool": "p", "size": "1GiB", "device": "cdrom"}, "size is for the volume of a disk"),
        ({"pool": "p", "size": "0MiB"}, r"disks\[1\]: "),
        ({"pool": "p", "image": "a", "backing": "b"}, r"disks\[1\]: image and backing contradict"),
    ],
)
def test_options_that_contradict_each_other(host: GuestHost, disk: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        run(host, disks=[disk])


# volumes that are made


class Host(GuestHost, ImageHost):
    """One on which guests run and images are made."""


@pytest.fixture
def maker() -> Host:
    """That host, with the pool."""
    made = Host()
    with open_connection(URI, host=made) as connection:
        connection.storage.define_pool(parse(POOL))
        connection.storage.start_pool("p")
    return made


MADE: list[dict[str, Any]] = [{"pool": "p", "size": "1MiB"}, {"pool": "p", "volume": "data", "size": "2MiB"}]
VDA, DATA = "/var/lib/corral/images/a-vda", "/var/lib/corral/images/data"


def test_volumes_are_made_grown_and_deleted_with_the_guest(maker: Host) -> None:
    checked = run(maker, check=True, disks=MADE, state="running")
    assert VDA not in maker.files
    first = run(maker, disks=MADE, state="running")
    assert first["actions"] == checked["actions"]
    assert actions(first) == ["define", "create_volume", "create_volume", "start"]
    assert len(maker.data(VDA)) == 1 << 20 and len(maker.data(DATA)) == 2 << 20
    assert not run(maker, disks=MADE, state="running")["changed"]
    run(maker, disks=MADE, state="stopped", timeout=0, force=True)
    grown = run(maker, disks=[{**MADE[0], "size": "4MiB"}, MADE[1]])
    assert actions(grown) == ["resize_volume"] and len(maker.data(VDA)) == 4 << 20
    with pytest.raises(InvalidArgument, match=r"disks\[1\]: .* would be cut off"):
        run(maker, disks=MADE)
    gone = converge(maker, name="a", state="absent", storage="owned")
    assert [f"deletes the volume {name} of pool p" for name in ("a-vda", "data")] == gone["actions"][-1]["detail"]
    assert VDA not in maker.files and DATA not in maker.files and IMAGE in maker.files


@pytest.mark.parametrize("check", [True, False])
def test_what_keeps_a_volume_from_being_made_is_said_before_anything_is_done(maker: Host, check: bool) -> None:
    maker.add_file("/srv/large", bytes(8192))
    for disk, words in (
        ({"pool": "p", "size": "900TiB"}, r"disks\[1\]: Volume .* at once, and pool p has"),
        ({"pool": "p", "size": "4KiB", "image": "/srv/large"}, r"disks\[1\]: .*what it is made from has 8192"),
    ):
        with pytest.raises(CorralError, match=words):
            run(maker, check=check, disks=[disk])
    assert "/etc/corral/domains/a.xml" not in maker.files


def test_what_was_there_or_is_kept_stays(maker: Host) -> None:
    there = [{"pool": "p", "volume": "a.raw", "size": "1MiB"}]
    assert actions(run(maker, disks=there)) == ["define", "resize_volume"]
    converge(maker, name="a", state="absent", storage="owned")
    assert IMAGE in maker.files
    run(maker, disks=MADE)
    converge(maker, name="a", state="absent")
    assert VDA in maker.files


def test_what_others_need_keeps_the_guest(maker: Host) -> None:
    run(maker, disks=MADE)
    run(maker, name="b", disks=[{"pool": "p", "volume": "data"}])
    with pytest.raises(CorralError, match="is also used by the guest b"):
        converge(maker, name="a", state="absent", storage="owned")
    converge(maker, name="b", state="absent")
    run(maker, name="c", disks=[{"pool": "p", "format": "qcow2", "backing": "a-vda"}])
    with pytest.raises(CorralError, match="is also used by the guest c"):
        converge(maker, name="a", state="absent", storage="owned")
    converge(maker, name="c", state="absent")
    with pytest.raises(CorralError, match="what the volume c-vda of pool p stands on"):
        converge(maker, name="a", state="absent", storage="owned")
    assert "/etc/corral/domains/a.xml" in maker.files and VDA in maker.files


def test_what_a_volume_of_another_pool_stands_on_keeps_the_guest(maker: Host) -> None:
    run(maker, disks=MADE)
    with open_connection(URI, host=maker) as connection:
        connection.storage.define_pool(parse(POOL.replace("<name>p<", "<name>q<").replace("/images", "/others")))
        connection.storage.build_pool("q")
        connection.storage.start_pool("q")
    run(maker, name="c", disks=[{"pool": "q", "format": "qcow2", "backing": {"pool": "p", "volume": "data"}}])
    converge(maker, name="c", state="absent")
    with pytest.raises(CorralError, match="what the volume c-vda of pool q stands on"):
        converge(maker, name="a", state="absent", storage="owned")
    assert DATA in maker.files


def test_an_image_that_is_a_volume_of_another_guest_keeps_the_guest(maker: Host) -> None:
    run(maker, disks=MADE)
    with open_connection(URI, host=maker) as connection:
        document = connection.hypervisor.domain_xml("a")
        for disk, path in zip(document.findall("devices/disk"), (VDA, DATA)):
            disk.set("type", "file")
            disk.find("source").attrib.clear()  # type: ignore[union-attr]
            disk.find("source").set("file", path)  # type: ignore[union-attr]
        mark_owned(document, DATA)
        connection.hypervisor.define_domain(document)
    run(maker, name="b", disks=[{"pool": "p", "volume": "data"}])
    with pytest.raises(CorralError, match="is also used by the guest b"):
        converge(maker, name="a", state="absent", storage="owned")
    assert DATA in maker.files


def test_a_new_name_keeps_the_volume(maker: Host) -> None:
    run(maker, disks=MADE)
    assert actions(run(maker, name="b", renamed_from="a", disks=MADE)) == ["rename"]
    assert not run(maker, name="b", renamed_from="a", disks=MADE)["changed"]


def test_a_run_that_is_killed_anywhere_leaves_nothing_that_is_nobodys(maker: Host) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        host = deepcopy(maker)
        for name in list(host.programs):  # they are methods of the host
            if hasattr(host, "_" + name.replace("-", "_")):
                host.add_program(name, getattr(host, "_" + name.replace("-", "_")))
        host.kill_at(number)
        try:
            run(host, disks=MADE)
            killed = False
        except Killed:
            pass
        host.revive()
        run(host, disks=MADE)
        assert not run(host, disks=MADE)["changed"]
        converge(host, name="a", state="absent", storage="owned")
        left = [path for path in host.files if path.startswith("/var/lib/corral/images/")]
        assert left == [IMAGE]
    assert number > 10


def test_the_test_driver_makes_and_deletes_them_too() -> None:
    host, uri = GuestHost(), "test:///tmp/lab.xml"
    with open_connection(uri, host=host) as connection:
        connection.storage.define_pool(parse(POOL))
        connection.storage.build_pool("p")
        connection.storage.start_pool("p")
    assert actions(run(host, uri=uri, disks=MADE)) == ["define", "create_volume", "create_volume"]
    assert not run(host, uri=uri, disks=MADE)["changed"]
    layer = [{"pool": "p", "format": "qcow2", "backing": "a-vda"}]
    run(host, uri=uri, name="c", disks=layer)
    with pytest.raises(CorralError, match="is needed by c-vda"):
        converge(host, uri=uri, name="a", state="absent", storage="owned")
    converge(host, uri=uri, name="c", state="absent", storage="owned")
    converge(host, uri=uri, name="a", state="absent", storage="owned")
    with open_connection(uri, host=host) as connection:
        assert connection.storage.list_volumes("p") == []


# encrypted ones


SEALED: list[dict[str, Any]] = [{"pool": "p", "size": "1MiB", "encryption": {"format": "luks", "secret": "vault"}}]


@pytest.fixture
def keeper(maker: Host) -> Host:
    """The same, with two secrets."""
    with open_connection(URI, host=maker) as connection:
        for usage in ("vault", "other"):
            document = f"<secret><usage type='volume'><volume>{usage}</volume></usage></secret>"
            uuid = connection.secret.define_secret(parse(document)).uuid
            connection.secret.set_secret_value(uuid, b"open sesame")
    return maker


def secrets_in(host: Host, name: str = "a") -> list[dict[str, str]]:
    """What a guest's disks are opened with."""
    document = parse(host.files[f"/etc/corral/domains/{name}.xml"].data.decode())
    found = document.findall("devices/disk/source/encryption/secret")
    return [{str(key): str(value) for key, value in each.items() if key != "type"} for each in found]


def test_an_encrypted_volume_is_made_and_opened(keeper: Host) -> None:
    checked = run(keeper, check=True, disks=SEALED, state="running")
    first = run(keeper, disks=SEALED, state="running")
    assert first["actions"] == checked["actions"]
    assert keeper.data(VDA).startswith(b"LUKS") and secrets_in(keeper) == [{"usage": "vault"}]
    command = keeper.guests["a"].process.command
    assert command is not None
    assert '"driver":"luks"' in " ".join(command.argv) and "open sesame" not in " ".join(command.argv)
    again = run(keeper, disks=SEALED, state="running")
    assert not again["changed"] and not again["pending"]


def test_who_does_not_name_the_secret_gets_the_one_that_is_known(keeper: Host) -> None:
    run(keeper, disks=SEALED, state="running")
    again = run(keeper, disks=[{"pool": "p", "size": "1MiB"}], state="running")
    assert not again["changed"] and not again["pending"], again
    again = run(keeper, disks=[{"pool": "p", "volume": "a-vda"}], state="running")  # which gives it up as its own
    assert (
        actions(again) == ["define", "update"] and not again["pending"] and secrets_in(keeper) == [{"usage": "vault"}]
    )
    run(keeper, name="b", disks=[{"pool": "p", "volume": "a-vda"}])
    assert secrets_in(keeper, "b") == [{"usage": "vault"}]
    copy = [{"pool": "p", "image": "a-vda"}]
    run(keeper, name="a", state="stopped", timeout=0, force=True)
    run(keeper, name="c", disks=copy)
    assert secrets_in(keeper, "c") == [{"usage": "vault"}]
    assert not run(keeper, name="c", disks=copy)["changed"]


def test_while_the_pool_is_off_the_disk_keeps_its_secret(keeper: Host) -> None:
    disks = [{"pool": "p", "volume": "a-vda"}]
    run(keeper, disks=SEALED)
    run(keeper, disks=disks)
    with open_connection(URI, host=keeper) as connection:
        connection.storage.destroy_pool("p")
    assert not run(keeper, disks=disks)["changed"]
    assert secrets_in(keeper) == [{"usage": "vault"}]


@pytest.mark.parametrize("disk", [{"pool": "p", "size": "1MiB"}, {"pool": "p", "volume": "a-vda"}])
def test_another_secret_is_refused(keeper: Host, disk: dict[str, Any]) -> None:
    run(keeper, disks=SEALED)
    for check in (True, False):
        with pytest.raises(InvalidArgument, match=r"disks\[1\]: .* made with the secret vault, .* opened by other"):
            run(keeper, check=check, disks=[{**disk, "encryption": "other"}])


@pytest.mark.parametrize("check", [True, False])
def test_a_secret_that_is_not_there_is_said_before_anything_is_done(keeper: Host, check: bool) -> None:
    with pytest.raises(CorralError, match=r"disks\[1\]: There is no secret"):
        run(keeper, check=check, disks=[{"pool": "p", "size": "1MiB", "encryption": "nothing"}])
    assert VDA not in keeper.files and "/etc/corral/domains/a.xml" not in keeper.files


def test_what_is_not_encrypted_cannot_become_so(keeper: Host) -> None:
    run(keeper, disks=MADE)
    with pytest.raises(InvalidArgument, match=r"disks\[1\]: .* was made without encryption"):
        run(keeper, disks=[{**MADE[0], "encryption": "vault"}])
