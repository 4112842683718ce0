# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists: who waits for whom, what is told of all of them, and drivers that several threads use at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.elements import reader
from ansible_collections.corral.virt.plugins.module_utils.converge.guest import converge_guest
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.many import (
    converge_many,
    read_elements,
    ties,
    workers,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.hypervisor import SimulatedHypervisor
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.keeper import FileKeeper, MemoryKeeper
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument, LockBusy, OperationFailed
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.modules import vm, volume
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

GUESTS = [vm.DEFINITION, vm.STATE]
VOLUMES = [volume.VOLUME_DEFINITION, volume.STATE]


def elements(module: Any, params: dict[str, Any]) -> Any:
    many, parts = (vm.GUESTS, GUESTS) if module is vm else (volume.VOLUMES, VOLUMES)
    return read_elements(many, params, reader(parts, lambda found: None))


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Let threads take turns as often as they can, so that what is not safe is seen."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# who waits for whom


def disk(name: str, **more: Any) -> dict[str, Any]:
    return {"pool": "p", "volume": name, **more}


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        ({}, {}, False),
        ({"disks": [disk("x")]}, {"disks": [disk("x")]}, True),
        ({"disks": [disk("x", size="1GiB")]}, {"disks": [disk("y", size="1GiB", backing="x")]}, True),
        # a volume that gets its name from its guest
        ({"disks": [{"pool": "p", "size": "1GiB"}]}, {"disks": [disk("y", backing="a-vda")]}, True),
        ({"disks": [{"pool": "p", "size": "1GiB"}]}, {"disks": [disk("y", backing="a-vdb")]}, False),
        ({"disks": [disk("y", size="1GiB", backing="x")]}, {"disks": [disk("x", size="1GiB")]}, True),
        # ten guests above one image do not wait for each other
        ({"disks": [disk("y", backing="base")]}, {"disks": [disk("z", backing="base")]}, False),
        ({"disks": [disk("y", image="https://a/b")]}, {"disks": [disk("z", image="https://a/b")]}, False),
        ({"disks": [{"path": "/x"}]}, {"disks": [{"path": "/x"}]}, True),
        ({"disks": [{"path": "/x", "readonly": True}]}, {"disks": [{"path": "/x", "readonly": True}]}, False),
        ({"renamed_from": "b"}, {}, True),
        ({}, {"renamed_from": "a"}, True),
        ({"disks": [disk("x", backing={"nonsense": 1})]}, {"disks": [disk("y")]}, False),
    ],
)
def test_guests_wait_for_what_others_make(first: dict[str, Any], second: dict[str, Any], waits: bool) -> None:
    found = elements(vm, {"guests": [{"name": "a", **first}, {"name": "b", **second}]})
    assert ties(vm.GUESTS, found) == [set(), {0} if waits else set()]


@pytest.mark.parametrize(
    ("second", "waits"),
    [
        ({"backing": "a"}, True),
        ({"image": {"volume": "a"}}, True),
        ({"backing": {"volume": "a", "pool": "q"}}, False),
        ({"backing": {"path": "/srv/somewhere/a"}}, True),
        ({"backing": "c"}, False),
        ({"image": "https://example.com/a"}, False),
    ],
)
def test_volumes_wait_for_what_they_stand_on(second: dict[str, Any], waits: bool) -> None:
    found = elements(volume, {"pool": "p", "volumes": [{"name": "a"}, {"name": "b", **second}]})
    assert ties(volume.VOLUMES, found) == [set(), {0} if waits else set()]


def test_how_many_are_worked_on_at_a_time() -> None:
    assert [workers(vm.GUESTS, {}, count) for count in (1, 4, 64)] == [1, 4, 8]
    assert [workers(volume.VOLUMES, {}, count) for count in (1, 64)] == [1, 1]
    assert workers(volume.VOLUMES, {"parallel": 20}, 2) == 20
    with pytest.raises(InvalidArgument, match="parallel: -1"):
        workers(vm.GUESTS, {"parallel": -1}, 2)


# what is told


def told(work: Any, *names: str, warn: Any = lambda text: None, parallel: int = 1) -> dict[str, Any]:
    with open_connection("test:///default") as connection:
        job = Job(connection, {}, warn=warn)
        found = elements(vm, {"guests": [{"name": name} for name in names]})
        return converge_many(job, vm.GUESTS, found, work, parallel=parallel)


def test_a_warning_is_said_once_with_those_that_it_is_about() -> None:
    said: list[str] = []

    def work(job: Job) -> dict[str, Any]:
        job.warn("The host is slow.")
        job.warn(f"The guest {job.options['name']} is odd.")
        if job.options["name"] == "c":
            job.warn("It is old.")
            job.warn("It is old.")
        return {"changed": False}

    told(work, "a", "b", "c", "d", "e", warn=said.append, parallel=3)
    assert said == [
        "a, b, c and 2 more: The host is slow.",
        "The guest a is odd.",
        "The guest b is odd.",
        "The guest c is odd.",
        "c: It is old.",
        "The guest d is odd.",
        "The guest e is odd.",
    ]


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_failure_is_told_as_that_of_a_task(parallel: int) -> None:
    def work(job: Job) -> dict[str, Any]:
        if job.options["name"] in ("b", "d"):
            raise OperationFailed("It broke.", hint="Mend it.", done=["define"], failed="start", nothing=None)
        return {"changed": False, "guest": job.options["name"]}

    result = told(work, "a", "b", "c", "d", parallel=parallel)
    assert result["msg"] == "2 of 4 guests failed.\nb: It broke. Mend it.\nd: It broke. Mend it."
    assert result["failed"] and result["changed"]
    assert result["results"][0] == {"name": "a", "failed": False, "changed": False, "guest": "a"}
    assert result["results"][1] == {
        "name": "b",
        "failed": True,
        "changed": True,
        "msg": "It broke. Mend it.",
        "error": "OperationFailed",
        "hint": "Mend it.",
        "details": {"done": ["define"], "failed": "start"},
    }


def test_an_error_of_ours_is_no_result() -> None:
    def work(job: Job) -> dict[str, Any]:
        raise KeyError(job.options["name"])

    with pytest.raises(KeyError):
        told(work, "a", "b", parallel=2)


# drivers in several threads


# What the kernel does in one step, as far as others see.
ONE_STEP = frozenset(
    "stat resolve read tail write shorten entries make_directory remove remove_tree rename symlink change_owner"
    " change_mode spawn process signal open_monitor".split()
)


class ThreadedHost(GuestHost):
    """A host whose locks hold off other threads as real ones do; one thread that asks twice waits in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.holders: dict[str, int] = {}
        self.opened = threading.Condition()
        self.turn = threading.RLock()

    @contextmanager
    def lock(self, path: str, *, timeout: float = 30.0) -> Iterator[None]:
        me = threading.get_ident()
        with self.opened:
            free = self.holders.get(path) != me and self.opened.wait_for(lambda: path not in self.holders, 20)
            if not free:
                raise LockBusy(f"{path} is locked by another run.", path=path)
            self.holders[path] = me
        try:
            yield
        finally:
            with self.opened:
                del self.holders[path]
                self.opened.notify_all()

    def __getattribute__(self, call: str) -> Any:
        found = super().__getattribute__(call)
        return self._one_step(found) if call in ONE_STEP else found

    def _one_step(self, call: Any) -> Any:
        def alone(*arguments: Any, **named: Any) -> Any:
            with self.turn:
                return call(*arguments, **named)

        return alone


def guests_of(host: ThreadedHost, count: int, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """One task for so many guests, each with an image of its own and one that all of them only read."""
    host.add_file("/var/lib/corral/images/shared.iso", b"disk")
    wanted = []
    for number in range(count):
        path = f"/var/lib/corral/images/g{number}.raw"
        if host.stat(path) is None:
            host.add_file(path, b"disk")
        wanted.append({"name": f"g{number}", "disks": [{"path": path}]})
    params = {"memory": "64MiB", "virt_type": "qemu", "guests": wanted, **options}
    with open_connection("qemu:///system", host=host, read_only=check) as connection:
        job = Job(connection, {}, check_mode=check)
        return converge_many(job, vm.GUESTS, elements(vm, params), converge_guest, parallel=8)


def test_guests_of_one_connection_are_started_by_several_threads() -> None:
    host = ThreadedHost()
    checked = guests_of(host, 12, check=True, state="running")
    result = guests_of(host, 12, state="running")
    assert not result.get("failed"), result["msg"]
    assert [each["actions"] for each in checked["results"]] == [each["actions"] for each in result["results"]]
    found = [each["guest"] for each in result["results"]]
    assert [guest["name"] for guest in found] == [f"g{number}" for number in range(12)]
    assert {guest["state"] for guest in found} == {"running"}
    assert sorted(guest["id"] for guest in found) == list(range(1, 13))
    assert len({guest["uuid"] for guest in found}) == len({guest["pid"] for guest in found}) == 12
    assert host.holders == {}
    second = guests_of(host, 12, state="running")
    assert not second["changed"], second
    gone = guests_of(host, 12, state="absent", force=True, timeout=0)
    assert not gone.get("failed"), gone["msg"]
    assert [each["guest"] for each in gone["results"]] == [None] * 12


def test_a_guest_that_fails_in_one_thread_disturbs_no_other() -> None:
    host = ThreadedHost()
    guests_of(host, 0)
    broken = {"name": "g3", "disks": [{"path": "/nowhere.raw"}]}
    wanted = [{"name": "g1"}, {"name": "g2"}, broken, {"name": "g4"}]
    params = {"memory": "64MiB", "virt_type": "qemu", "state": "running", "guests": wanted}
    with open_connection("qemu:///system", host=host) as connection:
        result = converge_many(Job(connection, {}), vm.GUESTS, elements(vm, params), converge_guest, parallel=4)
    assert [each["failed"] for each in result["results"]] == [False, False, True, False]
    assert result["msg"].startswith("1 of 4 guests failed.\ng3: ") and "/nowhere.raw" in result["msg"]


def test_screens_that_start_at_once_get_ports_of_their_own() -> None:
    host = ThreadedHost()
    given: list[Optional[dict[str, int]]] = []
    with open_connection("qemu:///system", host=host) as connection:
        site = connection._drivers["hypervisor"].site  # type: ignore[attr-defined]
        from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.launch import _ports
        from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain

        screen = "<devices><graphics type='spice' autoport='yes'/></devices>"
        domains = [Domain(parse(f"<domain><name>g{number}</name>{screen}</domain>")) for number in range(8)]
        start = threading.Barrier(8, timeout=20)

        def choose(number: int) -> None:
            start.wait()
            given.append(dict(_ports(site, f"g{number}", domains[number])))

        threads = [threading.Thread(target=choose, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ports = [port for found in given if found for port in found.values()]
    assert len(ports) == len(set(ports)) == 16
    # the guest that asks again keeps what it was given
    assert _ports(site, "g0", domains[0]) in given


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_no_change_of_a_test_host_is_lost(kind: str, tmp_path: Any) -> None:
    host = LocalHost()
    keeper = MemoryKeeper() if kind == "memory" else FileKeeper(host, f"{tmp_path}/node.xml")
    driver = SimulatedHypervisor(host, keeper)

    def define(number: int) -> None:
        for each in range(3):
            name = f"g{number}-{each}"
            text = f"<domain type='test'><name>{name}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
            driver.define_domain(driver.normalise_domain(parse(text)))
            driver.lookup_domain(name)

    threads = [threading.Thread(target=define, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"g{number}-{each}" for number in range(8) for each in range(3)} <= {d.name for d in driver.list_domains()}
