# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What needs a secret: volumes, guests and pools, in whatever state they are; and what may be done to it then."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Set

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.secret import converge_secret
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_definition import SECRET_DEFINITION, USAGES
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_look import show_secrets
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_users import RULES
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.secret.driver import KeptSecrets
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.driver import HostStorage
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.volume.shelf import Shelf
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import PoolHost, pool, volume

UUID = "22e1353d-c27e-4d6d-bf15-465053e6ba0b"
OLD, NEW = "correct horse", "battery staple"
SEAL = "<encryption format='luks'><secret type='passphrase' {}/></encryption>"
DISK = "<disk type='{}' device='disk'>{}<target dev='vda'/></disk>"
IMAGE = "<source file='/i'>" + SEAL + "</source>"
SERVER = "<source protocol='{}' name='p/i'><auth username='u'><secret type='{}' {}/></auth></source>"
TPM = "<tpm model='tpm-crb'><backend type='emulator'><encryption secret='{}'/></backend></tpm>"
RBD = (
    "<pool type='rbd'><name>{}</name><source><host name='mon'/><name>rbd</name>"
    "<auth type='ceph' username='admin'><secret {}/></auth></source></pool>"
)


class World:
    """A host in memory with secrets, pools and guests, whose documents are put where the drivers look for them."""

    def __init__(self) -> None:
        self.host = PoolHost()
        self.layout = Layout.system()
        self.warned: List[str] = []

    def connection(self, *, read_only: bool = False) -> Connection:
        layout = self.layout
        drivers = {
            "hypervisor": QemuDriver(self.host, layout, read_only=read_only),
            "storage": HostStorage(self.host, layout, read_only=read_only),
            "secret": KeptSecrets(self.host, layout),
        }
        made = Connection("qemu:///system", drivers, read_only=read_only)
        for driver in drivers.values():
            driver.meet(made)
        return made

    def job(self, options: Dict[str, Any], check: bool) -> Job:
        return Job(self.connection(read_only=check), options, check, False, warn=self.warned.append)

    def run(self, *, check: bool = False, **options: Any) -> Dict[str, Any]:
        every = {**dict.fromkeys(SECRET_DEFINITION.options), "state": "present", "force": False, **options}
        return converge_secret(self.job(every, check), lambda path, limit: None)

    def users(self) -> Dict[str, Set[str]]:
        """Who needs what, by what the secrets are for."""
        found = self.connection(read_only=True).secret
        names = {each.uuid: f"{each.usage}:{each.usage_id}" for each in found.list_secrets()}
        return {names[uuid]: {user.label for user in users} for uuid, users in found.secret_users().items()}

    def guest(self, name: str, devices: str, *, live: Optional[str] = None) -> None:
        """Define a guest; ``live`` are the devices of one that runs, as far as files tell."""
        document = f"<domain type='qemu'><name>{name}</name><devices>{{}}</devices></domain>"
        self.define("domain", name, document.format(devices))
        if live is not None:
            saved = {"document": document.format(live), "when": 1.0, "paused": False, "resume": False}
            self.host.add_file(self.layout.saved_facts(name), json.dumps(saved).encode())

    def define(self, kind: str, name: str, text: str) -> None:
        """Put a file where a kind's definitions are."""
        self.host.add_file(f"{self.layout.config_dir(kind)}/{name}.xml", text.encode())

    def pool(self, name: str = "a", *, sealed: str = "", secret: str = "usage='one'") -> HostStorage:
        """An active directory with an encrypted volume."""
        storage: Any = self.connection().storage
        storage.define_pool(pool(name=name, path=f"/srv/{name}"))
        storage.build_pool(name)
        storage.start_pool(name)
        if sealed:
            document = volume(sealed, size=1 << 20, kind="raw")
            document.find("target").append(parse(SEAL.format(secret)))  # type: ignore[union-attr]
            storage.create_volume(name, document)
        return storage  # type: ignore[no-any-return]


@pytest.fixture
def world() -> World:
    made = World()
    made.run(uuid=UUID, usage="volume", usage_id="one", value=OLD, private=True)
    return made


ONE = {"usage": "volume", "usage_id": "one"}


def test_nobody_needs_it(world: World) -> None:
    world.pool()
    assert world.users() == {"volume:one": set()}
    assert world.run(**ONE, value=NEW)["changed"] and world.run(**ONE, state="absent")["changed"]
    assert world.warned == []


@pytest.mark.parametrize("named", ["usage='one'", f"uuid='{UUID}'", f"uuid='{UUID.upper()}'"])
@pytest.mark.parametrize("active", [True, False])
def test_a_volume_needs_the_secret_that_it_was_made_with(world: World, named: str, active: bool) -> None:
    storage = world.pool(sealed="v", secret=named)
    if not active:
        storage.destroy_pool("a")
    assert world.users() == {"volume:one": {"volume v of pool a"}}
    if not active:
        storage.start_pool("a")
    storage.delete_volume("a", "v")
    assert world.users() == {"volume:one": set()}


def test_a_pool_that_is_not_there_now_needs_what_was_written_down(world: World) -> None:
    storage: Any = world.connection().storage
    storage.define_pool(pool("fs", name="b", path="/srv/b"))
    storage.build_pool("b", overwrite=True)
    storage.start_pool("b")
    document = volume("v", size=1 << 20, kind="raw")
    document.find("target").append(parse(SEAL.format("usage='one'")))  # type: ignore[union-attr]
    storage.create_volume("b", document)
    assert world.users() == {"volume:one": {"volume v of pool b"}}
    storage.destroy_pool("b")
    assert world.users() == {"volume:one": {"volume v of pool b"}}
    storage.undefine_pool("b")
    assert world.users() == {"volume:one": set()}


def test_devices_that_were_encrypted(world: World) -> None:
    storage: Any = world.connection().storage
    storage.define_pool(pool("logical", name="l"))
    storage.build_pool("l", overwrite=True)
    storage.start_pool("l")
    storage.create_volume("l", volume("plain"))
    assert world.users() == {"volume:one": set()}
    mark = storage.lookup_volume("l", "plain").key
    rows = {"plain": {"mark": mark, "usage": "one"}, "gone": {"mark": "x", "uuid": UUID}}
    world.host.add_file(world.layout.volume_origins("l"), json.dumps(rows).encode())
    assert world.users() == {"volume:one": {"volume plain of pool l"}}
    storage.destroy_pool("l")
    assert world.users() == {"volume:one": {"volume plain of pool l", "volume gone of pool l"}}


def test_a_file_that_is_being_made_needs_it(world: World) -> None:
    world.pool()
    world.host.add_file(world.layout.volume_origins("a"), json.dumps({"v": {"mark": None, "usage": "one"}}).encode())
    assert world.users() == {"volume:one": set()}  # of a run that was killed, and has left no file
    shelf = Shelf(world.host, world.layout, "a", "/srv/a")
    world.host.add_file(shelf.part("v"), b"half")
    assert world.users() == {"volume:one": {"volume v of pool a"}}


def test_a_file_that_has_gone_needs_nothing(world: World) -> None:
    world.pool(sealed="v")
    world.host.remove("/srv/a/v")
    assert world.users() == {"volume:one": set()}


@pytest.mark.parametrize("purpose", ["/srv/a/v", "a/v"])
def test_what_others_have_encrypted_needs_the_secret_of_its_path_or_name(world: World, purpose: str) -> None:
    world.pool(sealed="v")
    world.host.remove(world.layout.volume_origins("a"))
    world.run(usage="volume", usage_id=purpose, value=OLD)
    assert world.users() == {"volume:one": set(), f"volume:{purpose}": {"volume v of pool a"}}


@pytest.mark.parametrize("named", ["usage='one'", f"uuid='{UUID.upper()}'"])
@pytest.mark.parametrize("where", ["defined", "saved"])
def test_guests_need_it_for_their_disks(world: World, named: str, where: str) -> None:
    disk = DISK.format("file", IMAGE.format(named))
    world.guest("g", disk if where == "defined" else "", live=None if where == "defined" else disk)
    assert world.users() == {"volume:one": {"guest g"}}


@pytest.mark.parametrize(
    ("usage", "devices"),
    [
        ("vtpm", TPM.format(UUID)),
        ("ceph", DISK.format("network", SERVER.format("rbd", "ceph", "usage='x'"))),
        ("ceph", DISK.format("network", SERVER.format("rbd", "ceph", f"uuid='{UUID}'"))),
        ("iscsi", DISK.format("network", SERVER.format("iscsi", "iscsi", "usage='x'"))),
        ("iscsi", DISK.format("network", SERVER.format("https", "iscsi", "usage='x'"))),
        ("iscsi", DISK.format("network", SERVER.format("iscsi", "iscsi", "usage='x'")).replace("disk", "hostdev")),
    ],
)
def test_guests_need_it_for_tpms_and_servers(usage: str, devices: str) -> None:
    world = World()
    world.run(uuid=UUID, usage=usage, usage_id="x", value=OLD)
    world.guest("g", devices)
    assert world.users() == {f"{usage}:x": {"guest g"}}


@pytest.mark.parametrize("named", ["usage='x'", f"uuid='{UUID}'"])
def test_pools_need_it_for_their_servers(named: str) -> None:
    world = World()
    world.run(uuid=UUID, usage="ceph", usage_id="x", value=OLD)
    world.define("pool", "r", RBD.format("r", named))
    assert world.users() == {"ceph:x": {"pool r"}}


@pytest.mark.parametrize(("kind", "called"), [("domain", "guest"), ("pool", "pool")])
def test_what_has_damaged_files_may_need_any(world: World, kind: str, called: str) -> None:
    world.define(kind, "x", f"<{kind}")
    assert world.users() == {"volume:one": {f"{called} x"}}
    with pytest.raises(OperationInvalid, match=rf"by {called} x \(whose files are damaged\), and cannot be absent"):
        world.run(**ONE, state="absent")


# what is done, and whether it loses data or only the way to a server
DONE: Dict[str, Dict[str, Any]] = {
    "remove": {"state": "absent"},
    "rotate": {"value": NEW},
    "end": {"ephemeral": True},
}
NEEDED = {
    "volume": DISK.format("file", IMAGE.format("usage='x'")),
    "vtpm": TPM.format(UUID),
    "ceph": DISK.format("network", SERVER.format("rbd", "ceph", "usage='x'")),
    "iscsi": DISK.format("network", SERVER.format("iscsi", "iscsi", "usage='x'")),
}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("done", DONE)
@pytest.mark.parametrize("usage", NEEDED)
def test_what_is_refused_and_what_is_not(usage: str, done: str, check: bool) -> None:
    world = World()
    world.run(uuid=UUID, usage=usage, usage_id="x", value=OLD, private=True)
    world.guest("g", NEEDED[usage])
    options = {"usage": usage, "usage_id": "x", **DONE[done]}
    before = {path: file.data for path, file in world.host.files.items()}
    if done in RULES[usage].refused:
        with pytest.raises(OperationInvalid, match="is needed by guest g, and cannot") as caught:
            world.run(check=check, **options)
        assert "force: true" in (caught.value.hint or "")
        assert caught.value.details["users"] == [{"kind": "guest", "name": "g", "pool": None, "usage": usage}]
        assert {path: file.data for path, file in world.host.files.items()} == before
    assert (done in RULES[usage].refused) is (usage in ("volume", "vtpm") or done == "remove")
    assert world.run(check=check, force=True, **options)["changed"]
    assert bool(world.warned) is (done in RULES[usage].refused)


def test_a_value_that_is_the_same_or_new_is_no_rotation(world: World) -> None:
    world.pool(sealed="v")
    assert not world.run(**ONE, value=OLD)["changed"] and not world.run(**ONE, generate=32)["changed"]
    assert world.run(**ONE, description="what people want to know")["changed"]
    # who gives the value knows it, and will when the host has forgotten it
    assert world.run(**ONE, ephemeral=True, value=OLD)["changed"]
    world.run(**ONE, state="absent", force=True)
    assert world.run(**ONE, value=OLD, private=True)["changed"]
    assert world.warned == ["The secret volume:one was needed by volume v of pool a, with the value that it had."]


def test_every_usage_has_its_rule() -> None:
    assert set(RULES) == set(USAGES)


def test_users_are_shown_where_they_are_asked_for(world: World) -> None:
    world.pool(sealed="v")
    plain, full = (show_secrets(world.job({"users": users}, True))["secrets"] for users in (False, True))
    assert "users" not in plain[0]
    assert full[0]["users"] == [{"kind": "volume", "name": "v", "pool": "a", "usage": "volume"}]
