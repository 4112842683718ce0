# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would keep a guest from starting: check mode says it, a run says it before it changes anything."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest import launch
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    InvalidArgument,
    NotFound,
    OperationFailed,
)
from ansible_collections.corral.virt.tests.unit.converge.guest_run import GUEST, actions, converge
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, GuestHost, driver_on

HUGE = "/sys/kernel/mm/hugepages/hugepages-2048kB"
HUGE_GUEST = {**GUEST, "machine": "pc", "memory": {"size": "64MiB", "hugepages": True}}
DIRECT = {"kernel": "/boot/vmlinuz", "initrd": "/boot/initrd"}


def able_host() -> GuestHost:
    """A host with everything that the guests below ask for."""
    host = GuestHost()
    for path in ("/boot/vmlinuz", "/boot/initrd", "/fw/CODE.fd", "/fw/VARS.fd"):
        host.add_file(path, b"file", mode=0o644)
    host.add_file("/proc/meminfo", b"MemTotal:       1048576 kB\nHugepagesize:       2048 kB\n")
    host.add_file("/proc/mounts", b"hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n")
    huge_pages(host, 64, 64)
    return host


def huge_pages(host: GuestHost, there: int, free: int) -> None:
    for name, number in (("nr_hugepages", there), ("free_hugepages", free)):
        host.add_file(f"{HUGE}/{name}", b"%d\n" % number)


def use_image(host: GuestHost) -> None:
    converge(host, **{**GUEST, "name": "other"}, state="running")


def hide_image(host: GuestHost) -> None:
    host.files.pop("/var/lib/corral/images")
    host.add_directory("/var/lib/corral/images", mode=0o700)


def no_directory(path: str) -> Callable[[GuestHost], None]:
    def replace(host: GuestHost) -> None:
        host.files.pop(path)
        host.add_directory(path)

    return replace


XML = (
    "<domain type='qemu'><name>a</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type>"
    "<loader readonly='yes' type='pflash'>/fw/CODE.fd</loader><nvram template='/fw/VARS.fd'/></os>"
    "<features><acpi/></features></domain>"
)

# what is wrong with the host, what is asked for, what is said
ROWS: dict[str, tuple[Callable[[GuestHost], Any], dict[str, Any], str]] = {
    "no image": (lambda host: host.files.pop(IMAGE), GUEST, f"The image {IMAGE} of guest a does not exist"),
    "a directory": (no_directory(IMAGE), GUEST, f"{IMAGE} is a directory, and a disk needs a file or a block device"),
    "no kernel": (
        lambda host: host.files.pop("/boot/vmlinuz"),
        {**GUEST, **DIRECT},
        "The kernel /boot/vmlinuz of guest a does not exist",
    ),
    "no initrd": (
        lambda host: host.files.pop("/boot/initrd"),
        {**GUEST, **DIRECT},
        "The initrd /boot/initrd of guest a does not exist",
    ),
    "a directory as kernel": (
        no_directory("/boot/vmlinuz"),
        {**GUEST, **DIRECT},
        "The kernel /boot/vmlinuz of guest a is a directory and not a file",
    ),
    "no firmware": (
        lambda host: host.files.pop("/fw/CODE.fd"),
        {"xml": XML},
        "The firmware /fw/CODE.fd of guest a does not exist",
    ),
    "no template": (
        lambda host: host.files.pop("/fw/VARS.fd"),
        {"xml": XML},
        "The template /fw/VARS.fd of the UEFI variables of guest a does not exist",
    ),
    "memory": (
        lambda host: None,
        {**GUEST, "memory": "2GiB"},
        "Guest a has 2048 MiB of memory, and the whole host has 1024 MiB",
    ),
    "huge pages": (
        lambda host: huge_pages(host, 64, 31),
        HUGE_GUEST,
        "Guest a takes 32 huge pages of 2048 KiB, and the host has 31 free",
    ),
    "in use": (use_image, GUEST, f"The image {IMAGE} of guest a is in use by the guest other"),
    "out of reach": (hide_image, GUEST, "QEMU runs as libvirt-qemu, who cannot pass through /var/lib/corral/images"),
    "machine": (lambda host: None, {**GUEST, "machine": "pc-q35-99.0"}, "has no machine type 'pc-q35-99.0'"),
}


def own_files(host: GuestHost) -> dict[str, bytes]:
    """All that we have written about guests: not what is probed of QEMU, nor locks."""
    places = ("/etc/corral", "/run/corral/domains", "/run/corral/guests", "/var/lib/corral", "/var/log/corral")
    return {path: host.files[path].data for place in places for path in host.below(place)}


@pytest.mark.parametrize("transient", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_a_start_that_cannot_work_is_refused_before_anything_is_done(name: str, transient: bool) -> None:
    spoil, options, said = ROWS[name]
    host = able_host()
    spoil(host)
    before = own_files(host)
    messages = []
    for check in (True, False):
        with pytest.raises(CorralError, match=said) as caught:
            converge(host, check=check, **options, state="running", transient=transient)
        messages.append(str(caught.value))
        assert own_files(host) == before
        with pytest.raises(NotFound):
            driver_on(host).lookup_domain("a")
    assert messages[0] == messages[1]


@pytest.mark.parametrize("name", [name for name in ROWS if name != "machine"])
def test_a_guest_that_is_only_defined_may_lack_what_it_needs(name: str) -> None:
    spoil, options, _said = ROWS[name]
    host = able_host()
    spoil(host)
    assert actions(converge(host, **options)) == ["define"]


@pytest.mark.parametrize("name", ["no image", "no kernel", "memory"])
def test_a_guest_that_runs_is_not_stopped_when_it_could_not_start_again(name: str) -> None:
    spoil, options, said = ROWS[name]
    host = able_host()
    converge(host, **{**GUEST, **DIRECT}, state="running")
    spoil(host)
    for check in (True, False):
        with pytest.raises(CorralError, match=said):
            converge(host, check=check, **{**DIRECT, **options}, state="restarted")
        assert driver_on(host).lookup_domain("a").state == "running"


def test_what_a_guest_gives_back_at_its_end_is_free_for_its_start() -> None:
    host = able_host()
    converge(host, **HUGE_GUEST, state="running")
    huge_pages(host, 32, 0)
    real = host.end_process
    host.end_process = lambda pid: (real(pid), huge_pages(host, 32, 32))[0]  # type: ignore[method-assign]
    assert actions(converge(host, check=True, **HUGE_GUEST, state="restarted")) == ["shutdown", "start"]
    assert driver_on(host).lookup_domain("a").active
    assert actions(converge(host, **HUGE_GUEST, state="restarted")) == ["shutdown", "start"]
    huge_pages(host, 32, 0)
    more = {**HUGE_GUEST, "memory": {"size": "128MiB", "hugepages": True}}
    with pytest.raises(CorralError, match="takes 64 huge pages of 2048 KiB, and the host has 32 free"):
        converge(host, **more, state="restarted", apply="restart")


def test_a_machine_type_that_qemu_has_lost() -> None:
    host = able_host()
    converge(host, **GUEST)
    path = "/etc/corral/domains/a.xml"
    host.add_file(path, host.files[path].data.replace(b"pc-q35-9.0", b"pc-q35-0.9"))
    for check in (True, False):
        with pytest.raises(CorralError, match="has no machine type 'pc-q35-0\\.9'"):
            converge(host, check=check, name="a", state="running")


def test_what_qemu_refuses_leaves_the_definition_and_says_so() -> None:
    host = able_host()
    host.dies = b"2026-01-01T00:00:00.5Z qemu-system-x86_64: Device is odd\n"
    with pytest.raises(OperationFailed, match="Device is odd") as caught:
        converge(host, **GUEST, state="running")
    assert "The guest a is defined and is shut off now: correct what is wrong" in str(caught.value)
    assert (caught.value.details["done"], caught.value.details["failed"]) == (["define"], "start")
    assert driver_on(host).lookup_domain("a").state == "shut off"
    host.dies = None
    assert actions(converge(host, **GUEST, state="running")) == ["start"]
    host.dies = b"qemu-system-x86_64: no more\n"
    with pytest.raises(OperationFailed, match="The guest a was changed and is shut off now") as caught:
        converge(host, name="a", state="restarted")
    assert caught.value.details["done"] == ["shutdown"]


@pytest.mark.parametrize("more", [{}, {"autostart": True}, {"transient": True}])
def test_a_start_is_worked_out_once(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = launch.prepare
    monkeypatch.setattr(launch, "prepare", lambda *given: (calls.append("prepare"), real(*given))[1])
    host = able_host()
    converge(host, **{**GUEST, **DIRECT}, state="running", **more)
    assert calls == ["prepare"]
    if not more:
        converge(host, name="a", state="restarted")  # after its end other ports are free
        assert calls == ["prepare"] * 3


def test_looking_takes_nothing_from_the_host() -> None:
    host = able_host()
    converge(host, **{**GUEST, **DIRECT})
    before = deepcopy(host.files)
    assert actions(converge(host, check=True, name="a", state="running")) == ["start"]
    assert host.files == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timeout": -1}, "timeout: -1 is no time to wait"),
        ({"wait_for": {"console": "up", "timeout": -5}}, "wait_for.timeout: -5 is no time to wait"),
        ({"wait_for": {"port": 0, "host": "h"}}, "wait_for.port: 0 is no TCP port"),
        ({"wait_for": {"port": 70000, "host": "h"}}, "wait_for.port: 70000 is no TCP port"),
    ],
)
def test_times_and_ports_that_there_are_not(options: dict[str, Any], words: str) -> None:
    host = able_host()
    with pytest.raises(InvalidArgument, match=words):
        converge(host, **GUEST, state="running", **options)
    assert host.stat("/etc/corral") is None
