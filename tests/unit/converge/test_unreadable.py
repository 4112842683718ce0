# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Damaged files, of every kind and in every way: they hide no other object, are named, and never count as absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, NamedTuple

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.definition import DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.filter import converge_filter
from ansible_collections.corral.virt.plugins.module_utils.converge.filter_definition import FILTER_DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.filter_look import show_filters
from ansible_collections.corral.virt.plugins.module_utils.converge.guest import converge_guest
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.look import show_guests
from ansible_collections.corral.virt.plugins.module_utils.converge.network import converge_network
from ansible_collections.corral.virt.plugins.module_utils.converge.network_definition import NETWORK_DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.network_look import show_networks
from ansible_collections.corral.virt.plugins.module_utils.converge.pool import converge_pool
from ansible_collections.corral.virt.plugins.module_utils.converge.pool_definition import POOL_DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.pool_look import show_pools
from ansible_collections.corral.virt.plugins.module_utils.converge.secret import converge_secret
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_definition import SECRET_DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.secret_look import show_secrets
from ansible_collections.corral.virt.plugins.module_utils.converge.volume_look import show_volumes
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.modules import filter as filter_
from ansible_collections.corral.virt.plugins.modules import network, pool, secret, vm
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

GOOD, BAD = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
Work = Callable[[Job], "dict[str, Any]"]


class Kind(NamedTuple):
    """A kind of object: where its files are, how it is shown and converged, and a whole document of it."""

    folder: str
    show: Work
    key: str
    converge: Work
    spec: tuple[Spec, Spec]
    document: str

    def name(self, uuid: str) -> str:
        """What an object is called: secrets by their uuid."""
        return uuid if self.folder == "secrets" else {GOOD: "good", BAD: "bad"}[uuid]

    def options(self, state: str, uuid: str = BAD) -> dict[str, Any]:
        """The options of a task about an object."""
        word = "uuid" if self.folder == "secrets" else "name"
        given = {"xml": self.written(uuid)} if state == "present" else {word: self.name(uuid)}
        options = {name: option for part in self.spec for name, option in part.options.items()}
        found = ArgumentSpecValidator(options).validate({**given, "state": state})
        assert found.error_messages == []
        return dict(found.validated_parameters)

    def written(self, uuid: str) -> str:
        """The whole document."""
        return self.document.format(name=self.name(uuid), uuid=uuid)

    def named(self, uuid: str) -> dict[str, Any]:
        """The options of a look at one object."""
        return {"uuid" if self.folder == "secrets" else "name": [self.name(uuid)]}


INTERFACE = "<interface type='network'><source network='good'/></interface>"

KINDS = {
    "guest": Kind(
        "domains",
        show_guests,
        "guests",
        converge_guest,
        (DEFINITION, vm.STATE),
        "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory>65536</memory><os><type arch='x86_64'"
        " machine='q35'>hvm</type></os><devices>" + INTERFACE + "</devices></domain>",
    ),
    "network": Kind(
        "networks",
        show_networks,
        "networks",
        converge_network,
        (NETWORK_DEFINITION, network.STATE),
        "<network><name>{name}</name><uuid>{uuid}</uuid><bridge name='br-{name}'/>"
        "<ip address='10.99.0.1' prefix='24'/></network>",
    ),
    "pool": Kind(
        "pools",
        show_pools,
        "pools",
        converge_pool,
        (POOL_DEFINITION, pool.STATE),
        "<pool type='dir'><name>{name}</name><uuid>{uuid}</uuid><target><path>/srv/{name}</path></target></pool>",
    ),
    "filter": Kind(
        "nwfilters",
        show_filters,
        "filters",
        converge_filter,
        (FILTER_DEFINITION, filter_.STATE),
        "<filter name='{name}'><uuid>{uuid}</uuid><rule action='accept' direction='in'><tcp/></rule></filter>",
    ),
    "secret": Kind(
        "secrets",
        show_secrets,
        "secrets",
        converge_secret,
        (SECRET_DEFINITION, secret.STATE),
        "<secret ephemeral='no' private='no'><uuid>{uuid}</uuid><usage type='ceph'><name>of {uuid}</name></usage>"
        "</secret>",
    ),
}


def truncated(whole: str) -> bytes:
    """The first half of it."""
    return whole[: len(whole) // 2].encode()


DAMAGES: dict[str, Callable[[str], bytes]] = {
    "empty": lambda whole: b"",
    "garbage": lambda whole: b"\x00\x7f\x01<<<>>>\x02",
    "truncated": truncated,
    "latin-1": lambda whole: whole.replace("</", "<!-- \xe9 --></", 1).encode("latin-1"),
    "utf-16": lambda whole: whole.encode("utf-16"),
    "entities": lambda whole: b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + whole.encode(),
    "another root": lambda whole: b"<other/>",
    "html": lambda whole: b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    "deep": lambda whole: b"<a>" * 5000,
}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


class Done(NamedTuple):
    """What a module returned, and what it warned of."""

    result: dict[str, Any]
    warnings: list[str]


@contextmanager
def job(host: GuestHost, *, check: bool = False, **options: Any) -> Iterator[tuple[Job, list[str]]]:
    """What a module works on."""
    warnings: list[str] = []
    with open_connection("qemu:///system", host=host, read_only=check) as connection:
        yield Job(connection, options, check, warn=warnings.append), warnings


def look(host: GuestHost, kind: Kind, **options: Any) -> Done:
    """Run the *_info module of a kind."""
    with job(host, check=True, **options) as (work, warnings):
        return Done(kind.show(work), warnings)


def path(kind: Kind, uuid: str = BAD) -> str:
    """The definition of an object."""
    return f"/etc/corral/{kind.folder}/{kind.name(uuid)}.xml"


def names(kind: Kind, rows: list[dict[str, Any]]) -> list[str]:
    """What those that were found are called, without what every host has."""
    return [row["uuid" if kind.folder == "secrets" else "name"] for row in rows if not row.get("builtin")]


@pytest.fixture
def host() -> GuestHost:
    """A host with one whole object of each kind."""
    made = GuestHost()
    made.add_program("ip", Completed(("ip",), 0, b"[]", b""))
    for kind in KINDS.values():
        made.add_file(path(kind, GOOD), kind.written(GOOD).encode())
    return made


@every_kind
@every_damage
def test_a_list_shows_the_others_and_names_the_damaged_one(
    host: GuestHost, kind: Kind, damage: Callable[[str], bytes]
) -> None:
    host.add_file(path(kind), damage(kind.written(BAD)))
    found, warnings = look(host, kind)
    assert names(kind, found[kind.key]) == [kind.name(GOOD)]
    (row,) = found["unreadable"]
    assert row["name"] == kind.name(BAD) and path(kind) in row["error"] and path(kind) in row["hint"]
    (warning,) = warnings
    assert f"{kind.name(BAD)} is left out" in warning and row["error"] in warning and row["hint"] in warning
    assert found["missing"] == []


@every_kind
@every_damage
def test_the_damaged_one_is_not_absent(host: GuestHost, kind: Kind, damage: Callable[[str], bytes]) -> None:
    """Whatever is done about exactly that one fails by the file's name, and the file stays."""
    data = damage(kind.written(BAD))
    host.add_file(path(kind), data)
    with pytest.raises(CorralError, match=path(kind)):
        look(host, kind, **kind.named(BAD))
    for check in (True, False):
        for state in ("absent", "present"):
            with (
                job(host, check=check, **kind.options(state)) as (work, _warnings),
                pytest.raises(CorralError, match=path(kind)),
            ):
                kind.converge(work)
    assert host.read(path(kind)) == data


@every_kind
@every_damage
def test_work_on_others_goes_on(host: GuestHost, kind: Kind, damage: Callable[[str], bytes]) -> None:
    host.add_file(path(kind), damage(kind.written(BAD)))
    for check in (True, False):
        with job(host, check=check, **kind.options("present", GOOD)) as (work, _warnings):
            kind.converge(work)
    with job(host, **kind.options("present", GOOD)) as (work, _warnings):
        assert not kind.converge(work)["changed"]


@every_kind
def test_what_is_no_file_is_no_other_object_s_matter(host: GuestHost, kind: Kind) -> None:
    host.add_directory(path(kind))
    found, warnings = look(host, kind)
    assert names(kind, found[kind.key]) == [kind.name(GOOD)]
    assert [row["name"] for row in found["unreadable"]] == [kind.name(BAD)] and len(warnings) == 1


@every_kind
def test_many_are_not_warned_of_one_by_one(host: GuestHost, kind: Kind) -> None:
    for number in range(40):
        name = f"{number:08}-1111-4111-8111-111111111111" if kind.folder == "secrets" else f"bad{number}"
        host.add_file(f"/etc/corral/{kind.folder}/{name}.xml", b"")
    found, warnings = look(host, kind)
    assert len(found["unreadable"]) == 40 and len(warnings) == 21 and "more" in warnings[-1]


@pytest.mark.parametrize("kind", [KINDS[name] for name in ("guest", "network", "pool", "filter")])
def test_what_is_looked_for_by_its_uuid_is_not_said_to_be_missing(host: GuestHost, kind: Kind) -> None:
    """By the uuid that is left in the file; where none is, the damaged one may have any."""
    for left in (kind.written(BAD)[:-3].encode(), b""):
        host.add_file(path(kind), left)
        with pytest.raises(CorralError, match=path(kind)):
            look(host, kind, name=[BAD])
        assert names(kind, look(host, kind, name=[GOOD])[0][kind.key]) == ["good"]
        assert look(host, kind, name=["other"])[0]["missing"] == ["other"]


@pytest.mark.parametrize("kind", [KINDS[name] for name in ("guest", "network", "pool", "filter")])
def test_the_uuid_of_a_damaged_one_is_not_given_to_another(host: GuestHost, kind: Kind) -> None:
    host.add_file(path(kind), kind.written(BAD)[:-3].encode())
    text = kind.document.format(name="new", uuid=BAD).replace("10.99.0.1", "10.98.0.1")
    options = {**kind.options("present", GOOD), "xml": text}
    with job(host, **options) as (work, _job), pytest.raises(CorralError, match=r"bad\."):
        kind.converge(work)
    assert host.read(f"/etc/corral/{kind.folder}/new.xml") is None


def refused(host: GuestHost, kind: Kind, text: str, words: str) -> None:
    """Define something else, which another object is in the way of."""
    options = {**kind.options("present"), "xml": text, "state": "inactive"}
    with job(host, **options) as (work, _job), pytest.raises(AlreadyExists, match=words):
        kind.converge(work)


def test_the_directory_of_a_damaged_pool_is_not_given_to_another(host: GuestHost) -> None:
    kind = KINDS["pool"]
    host.add_file(path(kind), kind.written(BAD)[:-4].encode())
    text = "<pool type='dir'><name>new</name><target><path>/srv/bad/in</path></target></pool>"
    refused(host, kind, text, "of pool bad overlap")


def test_the_bridge_of_a_damaged_network_is_not_given_to_another(host: GuestHost) -> None:
    kind = KINDS["network"]
    host.add_file(path(kind), kind.written(BAD)[:-4].encode())
    refused(host, kind, "<network><name>new</name><bridge name='br-bad'/></network>", r"br-bad.*network bad")


@pytest.mark.parametrize("words", ["10.99.0.", "nonsense"])
def test_an_address_that_is_cut_keeps_no_other_network_from_being_defined(host: GuestHost, words: str) -> None:
    kind = KINDS["network"]
    host.add_file(path(kind), kind.written(BAD).replace("10.99.0.1", words).encode())
    new = "<network><name>new</name><ip address='10.98.0.1' prefix='24'/></network>"
    with job(host, check=True, **{**kind.options("present"), "xml": new, "state": "inactive"}) as (work, _warnings):
        assert kind.converge(work)["changed"]


def test_a_new_secret_is_not_for_what_a_damaged_one_may_be_for(host: GuestHost) -> None:
    kind = KINDS["secret"]
    whole = f"<secret><uuid>{BAD}</uuid><usage type='ceph'><name>x</name></usage></secret>"
    wanted = {**kind.options("present"), "xml": "<secret><usage type='ceph'><name>x</name></usage></secret>"}
    for left in (whole[:-5], whole[:60], ""):
        host.add_file(path(kind), left.encode())
        with job(host, **wanted) as (work, _warnings), pytest.raises(CorralError, match=path(kind)):
            kind.converge(work)


def start(host: GuestHost, uuid: str = BAD) -> None:
    """Let a guest run."""
    host.remove(path(KINDS["guest"], uuid))
    document = parse(KINDS["guest"].written(uuid).replace(INTERFACE, ""), root="domain")
    with job(host) as (work, _warnings):
        work.connection.hypervisor.define_domain(document)
        work.connection.hypervisor.start_domain(KINDS["guest"].name(uuid))


@pytest.mark.parametrize("file", ["bad.json", "bad.xml"])
@every_damage
def test_damaged_runtime_files_hide_no_other_guest(host: GuestHost, file: str, damage: Callable[[str], bytes]) -> None:
    start(host)
    host.add_file(f"/run/corral/domains/{file}", damage(KINDS["guest"].written(BAD)))
    found, (warning,) = look(host, KINDS["guest"])
    assert names(KINDS["guest"], found["guests"]) == ["good"]
    (row,) = found["unreadable"]
    assert row["name"] == "bad" and f"/run/corral/domains/{file}" in row["error"] and row["hint"] in warning
    with job(host, **KINDS["guest"].options("absent")) as (work, _job), pytest.raises(CorralError, match=file):
        converge_guest(work)


def test_a_guest_of_which_nothing_can_be_told_may_use_anything(host: GuestHost) -> None:
    start(host)
    host.add_file("/run/corral/domains/bad.xml", b"")
    host.add_file("/etc/corral/domains/bad.xml", b"")
    with job(host) as (work, _warnings):
        connection = work.connection
        assert connection.network.network_guests("good") == ["bad"]
        assert [user.name for user in connection.nwfilter.nwfilter_users("good")] == ["bad"]
        assert connection.storage.pool_guests("good") == ["bad"]
        with pytest.raises(OperationInvalid, match="used by the guest bad"):
            converge_filter(Job(connection, KINDS["filter"].options("absent", GOOD)))


def test_a_guest_whose_definition_is_damaged_while_it_runs_is_still_reckoned_with(host: GuestHost) -> None:
    """Its live document says what it uses; and what is left of that, where it is damaged, too."""
    start(host)
    live = "/run/corral/domains/bad.xml"
    kept = (host.read(live) or b"").decode().replace("</devices>", INTERFACE + "</devices>")
    host.add_file("/etc/corral/domains/bad.xml", b"")
    for text in (kept, kept[:-12]):
        host.add_file(live, text.encode())
        with job(host) as (work, _warnings):
            assert work.connection.network.network_guests("good") == ["bad"]
            assert work.connection.network.network_guests("other") == []
            assert work.connection.storage.pool_guests("good") == ([] if text == kept else ["bad"])


def test_another_guest_is_stopped_and_not_started_beside_a_damaged_status(host: GuestHost) -> None:
    """What the other one uses cannot be told, and its images must not be written by two."""
    start(host, GOOD)
    host.add_file("/run/corral/domains/bad.json", b"{")
    with job(host) as (work, _warnings):
        guests = work.connection.hypervisor
        guests.destroy_domain("good")
        with pytest.raises(OperationInvalid, match=r"told what guest bad uses: .*bad\.json"):
            guests.start_domain("good")
        assert not guests.lookup_domain("good").active


SENSELESS = {
    "guest": (
        "<vcpu>many</vcpu>",
        "<vcpu current='-'>2</vcpu>",
        "<memory unit='stones'>1</memory>",
        "<memory/>",
        "<devices><disk/><interface/><graphics port='x'/><controller index='x'/><tpm/></devices>",
    ),
    "network": (
        "<ip address='nonsense' prefix='x'/>",
        "<mtu size='x'/>",
        "<ip/><route/><bridge/><dns/><mac address='x'/>",
    ),
    "pool": ("<capacity>x</capacity>", "<source><host port='x'/></source>", "<target><permissions/></target>"),
    "filter": ("<rule/>", "<filterref/>", "<rule priority='x' action='y' direction='z'><tcp dstportstart='q'/></rule>"),
    "secret": ("<usage/>", "<usage type='x'/>", "<description><b/></description>"),
}


@pytest.mark.parametrize(("kind", "part"), [(kind, part) for kind, parts in SENSELESS.items() for part in parts])
def test_what_makes_no_sense_hides_no_other(host: GuestHost, kind: str, part: str) -> None:
    """It is shown, or it is named: whatever it says, a list does not end with it."""
    row = KINDS[kind]
    text = row.written(BAD)
    end = text.rindex("</")
    host.add_file(path(row), (text[:end] + part + text[end:]).replace("<vcpu>1</vcpu>", "").encode())
    if kind == "guest":
        host.add_file(path(row), f"<domain type='qemu'><name>bad</name>{part}</domain>".encode())
    found, _warnings = look(host, row)
    assert row.name(GOOD) in names(row, found[row.key])
    shown = [*names(row, found[row.key]), *(each["name"] for each in found["unreadable"])]
    assert sorted(shown) == sorted([row.name(GOOD), row.name(BAD)])
    with job(host, check=True, **row.options("present", GOOD)) as (work, _job):
        row.converge(work)


@pytest.mark.parametrize("file", ["bad.json", "bad.xml"])
@pytest.mark.parametrize("name", ["network", "pool"])
@every_damage
def test_damaged_runtime_files_hide_no_other(
    host: GuestHost, name: str, file: str, damage: Callable[[str], bytes]
) -> None:
    kind = KINDS[name]
    status = json.dumps({"boot_id": host.boot_id()}).encode()
    host.add_file(path(kind), kind.written(BAD).encode())
    host.add_file(f"/run/corral/{kind.folder}/bad.json", status)
    host.add_file(f"/run/corral/{kind.folder}/bad.xml", kind.written(BAD).encode())
    host.add_file(f"/run/corral/{kind.folder}/{file}", damage(kind.written(BAD)))
    found, (warning,) = look(host, kind)
    assert names(kind, found[kind.key]) == ["good"]
    (row,) = found["unreadable"]
    assert row["name"] == "bad" and f"/run/corral/{kind.folder}/{file}" in row["error"] and row["hint"] in warning
    with job(host, **kind.options("absent")) as (work, _job), pytest.raises(CorralError, match=file):
        kind.converge(work)
    if name == "pool":
        with job(host, check=True) as (work, _job):
            assert [row["name"] for row in show_volumes(work)["unreadable"]] == ["bad"]
