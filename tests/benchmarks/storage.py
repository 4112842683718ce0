# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks of storage: linked clones, a large file, and each module with nothing to do."""

from __future__ import annotations

import contextlib
import os
import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from figures import PING, VIRT, VM, Figure, named, total
from guests import BASE_SIZE, POOL, document, layer, network, options, pool, raw_volume
from place import Bench, Place, Task, medians

OURS, THEIRS = "corral.virt.", "community.libvirt."
PROGRAM = "inside_storage.py"
ROUNDS = 8
# How often the large file is copied by each side, and how much is made of it at a time; bytes.
COPIES, FILE_SIZE, PIECE = 3, 1 << 30, 1 << 20
NAME = "bench-storage"
LOOKS = ("pool", "volume", "secret", "network", "vm")


# linked clones


def clones(bench: Bench, count: int) -> Iterable[Figure]:
    """Our driver beside nothing but qemu-img."""
    base = make_base(bench)
    ours = _clones(bench, bench.uri, "ours", base, count)
    by_hand = bench.place.inside("clones-by-hand", directory(bench, "by-hand"), base, str(count), program=PROGRAM)
    yield Figure(f"{count} linked clones by one process, beside `qemu-img create` alone", ours["made"], by_hand)


def beside_clones(bench: Bench, count: int) -> Iterable[Figure]:
    """Our driver beside libvirtd, without Ansible."""
    base = make_base(bench)
    ours = _clones(bench, bench.uri, "ours", base, count)
    with clean_libvirt(bench.place):
        theirs = _clones(bench, "libvirtd", "theirs", base, count)
    yield Figure(f"{count} linked clones by one process, beside libvirtd's", ours["made"], theirs["made"])
    yield Figure("a look at all of them, beside libvirtd's refresh and look", ours["looked"], theirs["looked"])


def _clones(bench: Bench, uri: str, side: str, base: str, count: int) -> dict[str, float]:
    found: dict[str, float] = bench.place.inside(
        "clones", uri, directory(bench, side), base, str(count), program=PROGRAM
    )
    return found


def beside_clone_tasks(bench: Bench, count: int) -> Iterable[Figure]:
    """The same by one task with a loop, of both collections."""
    base, numbers = make_base(bench), list(range(count))
    shape = {"capacity": f"{BASE_SIZE}B", "format": "qcow2", "backing": {"path": base, "format": "qcow2"}}
    clone = {"uri": bench.uri, "pool": POOL, "name": "clone{{ item }}.qcow2", **shape}
    ours = named("ours", {f"{OURS}volume": clone}, loop=numbers)
    wanted = {"pool": POOL, "state": "present", "xml": layer("clone{{ item }}.qcow2", base)}
    theirs = named("theirs", {f"{THEIRS}virt_volume": wanted}, loop=numbers)
    bench.play([our_pool(bench)])
    with clean_libvirt(bench.place):
        bench.play(their_pool(bench))
        sides = [(total(bench.play([ours])), total(bench.play([theirs]))) for _run in range(2)]
    yield Figure(f"{count} linked clones by one task, beside `virt_volume`", *sides[0])
    yield Figure("the second run over them", *sides[1])


def make_base(bench: Bench) -> str:
    """Make the image that all of them are layers above, outside of both pools."""
    path = f"{bench.root}/base.qcow2"
    bench.place.run("qemu-img", "create", "-q", "-f", "qcow2", path, str(BASE_SIZE))
    return path


# a large file


def upload(bench: Bench) -> Iterable[Figure]:
    """Our driver beside nothing but a copy."""
    took = _uploads(bench, "fill", "import", "copy", "copy-synced")
    yield Figure("1 GiB uploaded to a volume, beside `cp`", took["fill"], took["copy"])
    yield Figure(
        "the same, beside `cp` and `sync`: on the disk at the end, as ours is", took["fill"], took["copy-synced"]
    )
    yield Figure("a new volume made of 1 GiB, beside `cp` and `sync`", took["import"], took["copy-synced"])


def beside_upload(bench: Bench) -> Iterable[Figure]:
    """Our driver beside virsh."""
    with clean_libvirt(bench.place):
        took = _uploads(bench, "fill", "virsh", "import", "virsh-import", "copy")
    yield Figure("1 GiB uploaded to a volume, beside `virsh vol-upload`", took["fill"], took["virsh"])
    what = "a new volume made of 1 GiB, beside `virsh vol-create-as` and `vol-upload`"
    yield Figure(what, took["import"], took["virsh-import"])
    yield Figure("there: `virsh vol-upload`, beside `cp`", took["virsh"], took["copy"])


def _uploads(bench: Bench, *sides: str) -> dict[str, float]:
    words = (bench.uri, directory(bench, "uploads"), make_file(bench), str(COPIES), *sides)
    took = bench.place.inside("upload", *words, program=PROGRAM)
    return {side: statistics.median(times) for side, times in took.items()}


def make_file(bench: Bench) -> str:
    """Make a file that nobody can make smaller: of random bytes."""
    path = f"{bench.root}/random"
    with bench.place.outside(path).open("wb") as file:
        for _piece in range(FILE_SIZE // PIECE):
            file.write(os.urandom(PIECE))
        file.flush()
        os.fsync(file.fileno())
    return path


# with nothing to do


def no_op(bench: Bench) -> Iterable[Figure]:
    """Each module with nothing to do, in turns with ping."""
    took = medians(bench.play([*our_tasks(bench), named("ping", {PING: {}})] * (ROUNDS + 2)), skip=2)
    for module in (name for each in LOOKS for name in (each, f"{each}_info")):
        yield Figure(f"`{module}` with nothing to do, beside `ping`", took[module], took["ping"])


def beside_no_op(bench: Bench) -> Iterable[Figure]:
    """The same, in turns with what community.libvirt has for it."""
    with clean_libvirt(bench.place):
        bench.play([*their_pool(bench), *their_making(bench)])
        theirs = their_tasks()
        took = medians(bench.play([*our_tasks(bench), *theirs, named("ping", {PING: {}})] * (ROUNDS + 2)), skip=2)
    for module, task in ((task["name"].partition(" ")[0], task) for task in theirs):
        what = task["name"].partition(" ")[2]
        yield Figure(f"`{module}` with nothing to do, beside {what}", took[module], took[task["name"]])
    for module in ("secret", "secret_info"):  # which have no counterpart there
        yield Figure(f"there: `{module}`, beside `ping`", took[module], took["ping"])


def our_pool(bench: Bench) -> Task:
    """A task that wants the pool active."""
    target = directory(bench, "ours")
    return named("pool", {f"{OURS}pool": {"uri": bench.uri, "name": POOL, "target": target, "state": "active"}})


def our_tasks(bench: Bench) -> list[Task]:
    """A task for each module, named as it is; those that look come last, when there is something to see."""
    secret = {"usage": "volume", "usage_id": f"{bench.root}/{NAME}", "value": NAME, "private": True}
    wanted: dict[str, dict[str, Any]] = {
        "volume": {"pool": POOL, "name": NAME, "capacity": "1GiB", "format": "qcow2"},
        "secret": secret,
        "network": {"name": NAME, "xml": network(NAME), "state": "present"},
        "vm": {**options(bench.uri, NAME), "state": "present"},
        "pool_info": {},
        "volume_info": {"pool": POOL},
        "secret_info": {},
        "network_info": {},
        "vm_info": {},
    }
    made = [
        named(name, {VM if name == "vm" else OURS + name: {"uri": bench.uri, **said}}) for name, said in wanted.items()
    ]
    return [our_pool(bench), *made]


def their_pool(bench: Bench) -> list[Task]:
    """Tasks that make the pool there."""
    module, xml = f"{THEIRS}virt_pool", pool(directory(bench, "theirs"))
    return [
        named("define", {module: {"name": POOL, "command": "define", "xml": xml}}),
        named("start", {module: {"name": POOL, "state": "active"}}),
    ]


def their_making(bench: Bench) -> list[Task]:
    """Tasks that make the rest of what is looked at."""
    volume = {"pool": POOL, "state": "present", "xml": raw_volume(NAME, FILE_SIZE)}
    return [
        named("volume", {f"{THEIRS}virt_volume": volume}),
        named("network", {f"{THEIRS}virt_net": {"name": NAME, "command": "define", "xml": network(NAME)}}),
        named("guest", {VIRT: {"command": "define", "xml": document(NAME)}}),
    ]


def their_tasks() -> list[Task]:
    """What comes nearest to each module of ours, named by it and by what it is."""
    volume = {"pool": POOL, "state": "present", "xml": raw_volume(NAME, FILE_SIZE)}
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        ("pool", "`virt_pool` active", "virt_pool", {"name": POOL, "state": "active"}),
        ("volume", "`virt_volume` present", "virt_volume", volume),
        ("network", "`virt_net` present", "virt_net", {"name": NAME, "state": "present"}),
        ("vm", "`virt` define", "virt", {"command": "define", "xml": document(NAME)}),
        ("pool_info", "`virt_pool` info", "virt_pool", {"command": "info"}),
        ("volume_info", "`virt_volume` list_volumes", "virt_volume", {"pool": POOL, "command": "list_volumes"}),
        ("network_info", "`virt_net` info", "virt_net", {"command": "info"}),
        ("vm_info", "`virt` info", "virt", {"command": "info"}),
    ]
    return [named(f"{module} {what}", {THEIRS + theirs: said}) for module, what, theirs, said in rows]


# the host


def directory(bench: Bench, name: str) -> str:
    """A directory of the host that is made where it is missing."""
    path = f"{bench.root}/{name}"
    bench.place.outside(path).mkdir(exist_ok=True)
    return path


@contextlib.contextmanager
def clean_libvirt(place: Place) -> Iterator[None]:
    """Remove what of a real libvirtd has our names, before, which a broken run has left, and after; files stay."""
    _remove(place)
    try:
        yield
    finally:
        _remove(place)


def _remove(place: Place) -> None:
    words = (("pool-destroy", POOL), ("pool-undefine", POOL), ("net-undefine", NAME), ("undefine", NAME))
    for each in words:
        with contextlib.suppress(SystemExit):
            place.run("virsh", "-q", "-c", "qemu:///system", *each)
