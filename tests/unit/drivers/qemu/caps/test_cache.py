# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache: probed once, loaded quickly, and probed again when anything has changed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps import cache
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.cache import capabilities
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import KVM, TCG, Capabilities
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.pack import FORMAT, dump, pack, unpack
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.probe import probe_recording
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, MissingProgram, OperationFailed

if TYPE_CHECKING:
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.caps.small_qemu import SmallHost

NAME = "qemu-system-x86_64"
BINARY = f"/usr/bin/{NAME}"
DIRECTORY = "/var/cache/corral/capabilities"


def cache_file(host: SmallHost) -> str:
    """The path of the one cache file."""
    (name,) = [name for name in host.entries(DIRECTORY) if name.endswith(".json") and "kvm" not in name]
    return f"{DIRECTORY}/{name}"


def starts(host: SmallHost) -> int:
    """How often a QEMU was started to be asked."""
    return sum(1 for started in host.started if started.command and "-S" in started.command.argv)


def test_packed_capabilities_come_back_the_same(small_recording: str) -> None:
    caps = probe_recording(small_recording, binary=BINARY)
    again = unpack(json.loads(dump(pack(caps))))
    assert again == caps
    assert list(again.host_cpu_of(KVM).items()) != [] and again.view(KVM).hyperv["hv-spinlocks"] == 4095
    assert again.has_schema("blockdev-add/arg-type/+file/aio")  # one that no flag asks for


def test_empty_capabilities_come_back_the_same() -> None:
    caps = Capabilities(binary=BINARY, version=(9, 0, 0), arch="x86_64", sev={"cbitpos": 51})
    assert unpack(json.loads(dump(pack(caps)))) == caps


def test_second_call_reads_the_cache(host: SmallHost) -> None:
    first = capabilities(host, NAME, DIRECTORY)
    before = host.mutations
    second = capabilities(host, BINARY, DIRECTORY)
    assert second == first and starts(host) == 1
    assert host.mutations == before  # not even a lock


def test_a_file_is_unpacked_once_in_a_run(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    capabilities(host, NAME, DIRECTORY)
    first = capabilities(host, NAME, DIRECTORY)
    monkeypatch.setattr(cache, "unpack", lambda plain: pytest.fail("unpacked again"))
    assert capabilities(host, NAME, DIRECTORY) == first


def test_directory_is_made(host: SmallHost) -> None:
    capabilities(host, NAME, "/srv/embed/var/cache/corral/capabilities")
    assert host.stat("/srv/embed/var/cache/corral/capabilities") is not None


def test_kvm_is_usable_only_when_proven(host: SmallHost) -> None:
    host.add_kvm()
    caps = capabilities(host, NAME, DIRECTORY)
    assert caps.kvm and caps.kvm_reason == "" and list(caps.accels) == [KVM, TCG]

    host.works_under = {"tcg"}
    host.reboot()
    caps = capabilities(host, NAME, DIRECTORY)
    assert not caps.kvm and "does not run under it" in caps.kvm_reason and list(caps.accels) == [TCG]


def test_missing_kvm_is_noticed_when_it_comes(host: SmallHost) -> None:
    assert "is missing" in capabilities(host, NAME, DIRECTORY).kvm_reason
    host.add_kvm()
    assert capabilities(host, NAME, DIRECTORY).kvm
    host.files.pop("/dev/kvm")
    assert not capabilities(host, NAME, DIRECTORY).kvm


def newer_binary(host: SmallHost) -> None:
    host.add_file(BINARY, b"ELF of an upgrade", mode=0o755)


def touched_binary(host: SmallHost) -> None:
    host.files[BINARY] = replace(host.files[BINARY], mtime_ns=host.files[BINARY].mtime_ns + 1)


def new_module(host: SmallHost) -> None:
    host.add_directory("/usr/lib/x86_64-linux-gnu/qemu")


def garbage(host: SmallHost) -> None:
    host.add_file(cache_file(host), b"\x00garbage")


def truncated(host: SmallHost) -> None:
    path = cache_file(host)
    host.add_file(path, host.files[path].data[:-100])


def flipped(host: SmallHost) -> None:
    path = cache_file(host)
    host.add_file(path, host.files[path].data.replace(b'"arch":"x86_64"', b'"arch":"sparc64"'))


def other_format(host: SmallHost) -> None:
    path = cache_file(host)
    host.add_file(path, host.files[path].data.replace(b'"format":', b'"format":9', 1))


def no_object(host: SmallHost) -> None:
    host.add_file(cache_file(host), b"[]\n[]")


def removed(host: SmallHost) -> None:
    host.files.pop(cache_file(host))


@pytest.mark.parametrize(
    "change",
    [newer_binary, touched_binary, new_module, garbage, truncated, flipped, other_format, no_object, removed],
)
def test_probed_again(host: SmallHost, change: Callable[[SmallHost], None]) -> None:
    first = capabilities(host, NAME, DIRECTORY)
    host.sleep(1)
    change(host)
    assert capabilities(host, NAME, DIRECTORY) == first
    assert starts(host) == 2
    capabilities(host, NAME, DIRECTORY)
    assert starts(host) == 2


def test_older_format_is_probed_again(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    capabilities(host, NAME, DIRECTORY)
    monkeypatch.setattr(cache, "FORMAT", FORMAT + 1)
    capabilities(host, NAME, DIRECTORY)
    assert starts(host) == 2


def test_whoever_waited_for_the_lock_does_not_probe(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = host.lock

    def slow(path: str, *, timeout: float = 30.0) -> object:
        monkeypatch.setattr(host, "lock", locked)
        capabilities(host, NAME, DIRECTORY)  # another run comes first
        return locked(path, timeout=timeout)

    monkeypatch.setattr(host, "lock", slow)
    capabilities(host, NAME, DIRECTORY)
    assert starts(host) == 1


def test_links_share_a_cache_and_keep_their_name(host: SmallHost) -> None:
    host.add_directory("/usr/libexec")
    host.symlink(BINARY, "/usr/libexec/qemu-kvm")
    capabilities(host, NAME, DIRECTORY)
    assert capabilities(host, "/usr/libexec/qemu-kvm", DIRECTORY).binary == "/usr/libexec/qemu-kvm"
    assert starts(host) == 1


def test_full_disk_costs_only_time(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: str, data: bytes, *, mode: int = 0o600, owner: object = None) -> None:
        raise HostError("No space left on device.")

    monkeypatch.setattr(host, "write", full)
    assert capabilities(host, NAME, DIRECTORY).version == (9, 0, 1)


def test_killed_at_any_instant_the_next_run_gets_its_answer(host: SmallHost) -> None:
    from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed

    capabilities(host, NAME, DIRECTORY)
    steps = host.mutations
    expected = capabilities(host, NAME, DIRECTORY)
    for step in range(1, steps + 1):
        host.remove_tree(DIRECTORY)
        host.kill_at(step)
        with pytest.raises(Killed):
            capabilities(host, NAME, DIRECTORY)
        host.revive()
        assert capabilities(host, NAME, DIRECTORY) == expected
        host.processes.clear()


def test_no_such_binary(host: SmallHost) -> None:
    with pytest.raises(MissingProgram, match="qemu-system-vax is missing"):
        capabilities(host, "qemu-system-vax", DIRECTORY)


def test_file_that_is_no_program(host: SmallHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.add_file("/etc/passwd", b"root")
    monkeypatch.setattr(host, "find_program", lambda name: None)
    with pytest.raises(OperationFailed, match="/etc/passwd is not a program"):
        capabilities(host, "/etc/passwd", DIRECTORY)


def full(host: SmallHost, *places: str) -> None:
    """Let nothing be written below these directories."""
    real = host.changing

    def changing(call: str, subject: Any) -> None:
        path = getattr(subject, "log", subject)
        if isinstance(path, str) and path.startswith(places):
            raise HostError(f"Cannot {call} {path}: Read-only file system.", path=path)
        real(call, subject)

    host.changing = changing  # type: ignore[method-assign]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("places", [("/var/",), ("/var/", "/run/")])
def test_a_cache_that_cannot_be_written_costs_time_only(host: SmallHost, places: tuple[str, ...], there: bool) -> None:
    if not there:
        host.remove_tree("/var/cache")
    host.add_directory("/tmp", mode=0o777)
    full(host, *places)
    spare = ("/run/corral", "/tmp/corral-0")
    first = capabilities(host, NAME, DIRECTORY, spare=spare)
    assert first.binary == BINARY and starts(host) == 1
    assert capabilities(host, NAME, DIRECTORY, spare=spare) == first
    assert starts(host) == 1  # what can be written nowhere else is remembered in memory
    assert not host.locks and not host.processes


def test_nowhere_to_write(host: SmallHost) -> None:
    full(host, "/")
    with pytest.raises(HostError, match=f"{DIRECTORY}.*Read-only file system"):
        capabilities(host, NAME, DIRECTORY, spare=("/run/corral", "/tmp/corral-0"))


def test_a_directory_that_somebody_else_has_made_is_left_alone(host: SmallHost) -> None:
    host.add_directory("/tmp/corral-0", mode=0o777, owner=(1000, 1000))
    full(host, "/var/", "/run/")
    with pytest.raises(HostError, match="Read-only file system"):
        capabilities(host, NAME, DIRECTORY, spare=("/run/corral", "/tmp/corral-0"))
    assert host.entries("/tmp/corral-0") == []


@pytest.mark.parametrize("step", range(1, 12))
def test_a_call_that_fails_at_each_step_leaves_nothing(host: SmallHost, step: int) -> None:
    host.fail_at(step, HostError("Cannot write: No space left on device."))
    with suppress(OperationFailed):  # what keeps a QEMU from being started is no reason to start it elsewhere
        assert capabilities(host, NAME, DIRECTORY, spare=("/run/corral",)).binary == BINARY
    assert not host.locks and not host.processes
    assert capabilities(host, NAME, DIRECTORY).binary == BINARY
