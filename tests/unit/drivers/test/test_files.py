# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in a file: which files are taken, what they look like, and several runs at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import HypervisorDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.test import keeper
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, HostError, LockBusy, UriError
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeFile, FakeHost, Killed
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

FILE = "/srv/lab.xml"
URI = f"test://{FILE}"

# As libvirt's own examples are: documents inline or beside, a state in libvirt's namespace, uuids in any form.
LIBVIRT = b"""<?xml version="1.0"?>
<node>
  <!-- a comment -->
  <domain type="test">
    <name>inline</name>
    <uuid>4DEA22B31D52D8F32516782E98AB3FA0</uuid>
    <memory>524288</memory>
    <vcpu>4</vcpu>
    <os><type>hvm</type></os>
  </domain>
  <domain file="beside.xml"/>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <test:runstate>5</test:runstate>
    <test:domainsnapshot><name>s1</name></test:domainsnapshot>
    <name>off</name>
    <memory unit='GiB'>1</memory>
  </domain>
  <network><name>private</name><uuid>004b22212d78c30f5aa5f03c87d21e69</uuid></network>
  <network><name>anonymous</name></network>
  <pool type="dir"><name>pool</name><volume><name>v</name></volume></pool>
  <device><name>computer</name></device>
</node>
"""
BESIDE = b"<domain type='test'><name>beside</name><memory>1024</memory></domain>"


def document(name: str) -> Element:
    return parse(f"<domain><name>{name}</name><memory unit='MiB'>64</memory></domain>")


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add_directory("/srv")
    return host


def guests(host: FakeHost, uri: str = URI, *, read_only: bool = False) -> HypervisorDriver:
    return open_connection(uri, host=host, read_only=read_only).hypervisor


# which files


def test_a_file_that_is_not_there_is_an_empty_host_and_is_made_by_the_first_change(host: FakeHost) -> None:
    empty = guests(host)
    assert empty.list_domains() == []
    assert host.stat(FILE) is None
    empty.define_domain(document("web"))
    assert host.files[FILE].mode == 0o600
    assert [guest.name for guest in guests(host).list_domains()] == ["web"]


def test_reading_changes_nothing_and_takes_no_lock(host: FakeHost) -> None:
    host.add_file(FILE, LIBVIRT)
    host.add_file("/srv/beside.xml", BESIDE)
    reader = guests(host, read_only=True)
    reader.list_domains()
    reader.domain_xml("inline")
    reader.normalise_domain(document("new"))
    assert host.mutations == 0


FOREIGN = {
    "text": b"root:x:0:0::/root:/bin/sh\n",
    "empty": b"",
    "binary": b"\x7fELF\x00\xff",
    "other root": b"<domain><name>a</name></domain>",
    "unclosed": b"<node><domain>",
    "entities": b"<!DOCTYPE node [<!ENTITY a 'b'>]><node>&a;</node>",
    "bad guest": b"<node><domain><name>a</name></domain></node>",
    "bad state": b"<node><domain xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"
    b"<test:runstate>8</test:runstate><name>a</name><memory>1</memory></domain></node>",
    "twins": b"<node>" + 2 * b"<domain><name>a</name><memory>1</memory></domain>" + b"</node>",
    "nameless network": b"<node><network/></node>",
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=list(FOREIGN))
def test_a_file_that_is_no_test_host_is_refused_and_untouched(host: FakeHost, data: bytes) -> None:
    host.add_file(FILE, data)
    with pytest.raises(CorralError) as caught:
        guests(host)
    assert FILE in str(caught.value)
    assert host.files[FILE].data == data
    assert host.mutations == 0


def test_a_file_that_was_replaced_by_something_else_meanwhile_is_untouched(host: FakeHost) -> None:
    ours = guests(host)
    host.add_file(FILE, b"precious")
    with pytest.raises(CorralError):
        ours.define_domain(document("web"))
    assert host.files[FILE].data == b"precious"
    assert not host.locks


def test_a_directory_that_is_missing_is_told(host: FakeHost) -> None:
    with pytest.raises(HostError, match=r"/nowhere is no directory; make that first"):
        guests(host, "test:///nowhere/lab.xml")


def test_a_directory_is_no_file(host: FakeHost) -> None:
    with pytest.raises(CorralError, match=r"/srv is a directory; write the path of a file"):
        guests(host, "test:///srv")


@pytest.mark.parametrize("uri", ["test://", "test:///", "test:////"])
def test_a_uri_without_a_path_is_told_both_kinds(host: FakeHost, uri: str) -> None:
    with pytest.raises(UriError, match=r"write test:///default, or test:///tmp/lab.xml"):
        guests(host, uri)


def test_parameters_are_refused_and_not_ignored(host: FakeHost) -> None:
    with pytest.raises(UriError, match=r"no parameter 'x'; write the URI without"):
        guests(host, URI + "?x=1")


def test_four_slashes_are_as_good_as_three(host: FakeHost) -> None:
    guests(host, "test:////srv/lab.xml").define_domain(document("web"))
    assert host.files[FILE]


def test_a_link_is_followed_and_not_replaced(host: FakeHost) -> None:
    host.add_directory("/home")
    host.files["/srv/link.xml"] = FakeFile("link", b"/home/lab.xml", 0o777)
    guests(host, "test:///srv/link.xml").define_domain(document("web"))
    assert host.files["/srv/link.xml"].kind == "link"
    assert host.files["/home/lab.xml"].kind == "file"


def test_the_file_keeps_its_mode_and_its_owner(host: FakeHost) -> None:
    host.add_file(FILE, b"<node/>", mode=0o664, owner=(1000, 100))
    guests(host).define_domain(document("web"))
    assert (host.files[FILE].mode, host.files[FILE].owner) == (0o664, (1000, 100))


# libvirt's files


def test_libvirts_own_files_are_read(host: FakeHost) -> None:
    host.add_file(FILE, LIBVIRT)
    host.add_file("/srv/beside.xml", BESIDE)
    connection = open_connection(URI, host=host)
    found = [(guest.name, guest.id, guest.state) for guest in connection.hypervisor.list_domains()]
    assert found == [("inline", 1, "running"), ("beside", 2, "running"), ("off", None, "shut off")]
    assert connection.hypervisor.lookup_domain("inline").uuid == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
    assert connection.network.lookup_network("private").uuid == "004b2221-2d78-c30f-5aa5-f03c87d21e69"
    assert len(connection.network.lookup_network("anonymous").uuid) == 36
    assert connection.storage.pool_xml("pool").find("volume") is None
    assert "test:" not in to_text(connection.hypervisor.domain_xml("off"))


def test_what_is_not_ours_is_kept_when_the_file_is_written(host: FakeHost) -> None:
    host.add_file(FILE, LIBVIRT)
    host.add_file("/srv/beside.xml", BESIDE)
    before = guests(host).list_domains()
    guests(host).start_domain("off")
    host.remove("/srv/beside.xml")
    after = open_connection(URI, host=host)
    assert after.hypervisor.list_domains()[:2] == before[:2]
    text = host.files[FILE].data.decode()
    for part in ("<test:domainsnapshot>", "<volume>", "<name>computer</name>", "<name>beside</name>"):
        assert part in text
    assert text.count("xmlns:corral") == text.count("xmlns:test") == 1


def test_libvirt_finds_our_states(host: FakeHost) -> None:
    ours = guests(host)
    for name in ("on", "off", "gone"):
        ours.define_domain(document(name))
    ours.start_domain("on", paused=True)
    ours.start_domain("gone")
    ours.undefine_domain("gone")
    space = "{http://libvirt.org/schemas/domain/test/1.0}"
    root = parse(host.files[FILE].data.decode())
    states = {each.findtext("name"): each.findtext(f"{space}runstate") for each in root.findall("domain")}
    assert states == {"on": "3", "off": "5", "gone": "1"}
    assert root.find(f"domain[name='gone']/{space}transient") is not None


def test_a_missing_part_is_told(host: FakeHost) -> None:
    host.add_file(FILE, LIBVIRT)
    with pytest.raises(HostError, match=r"/srv/beside.xml is missing, and /srv/lab.xml refers to it"):
        guests(host)


# several runs


def test_a_change_of_another_run_is_seen_at_once(host: FakeHost) -> None:
    ours, theirs = guests(host), guests(host)
    assert ours.list_domains() == []
    theirs.define_domain(document("web"))
    assert [guest.name for guest in ours.list_domains()] == ["web"]
    ours.define_domain(document("db"))
    assert [guest.name for guest in theirs.list_domains()] == ["web", "db"]


def test_a_change_waits_for_the_lock(host: FakeHost) -> None:
    host.locks.add("/srv/.lab.xml.lock")
    with pytest.raises(LockBusy):
        guests(host).define_domain(document("web"))
    assert host.stat(FILE) is None


@pytest.mark.parametrize("step", [1, 2])
def test_a_run_that_is_killed_leaves_the_old_state(host: FakeHost, step: int) -> None:
    guests(host).define_domain(document("web"))
    before = host.files[FILE].data
    host.kill_at(step)
    with pytest.raises(Killed):
        guests(host).start_domain("web")
    host.revive()
    assert host.files[FILE].data == before
    assert guests(host).start_domain("web").state == "running"


def test_runs_at_the_same_time_never_lose_a_change(tmp_path: Path) -> None:
    uri, errors = f"test://{tmp_path}/lab.xml", list[BaseException]()

    def run(worker: int) -> None:
        try:
            for number in range(5):
                mine = open_connection(uri, host=LocalHost()).hypervisor
                mine.define_domain(document(f"g{worker}-{number}"))
                mine.start_domain(f"g{worker}-{number}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = open_connection(uri, host=LocalHost()).hypervisor.list_domains()
    assert len(found) == 20
    ids: List[int] = sorted(guest.id or 0 for guest in found)
    assert ids == list(range(1, 21))


def test_fifty_guests_are_parsed_once_for_all_questions_and_a_change(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = "".join(f"<domain><name>g{n}</name><memory>1024</memory></domain>" for n in range(50))
    host.add_file(FILE, f"<node>{parts}</node>".encode())
    parsed: List[str] = []
    read_node = keeper.read_node

    def count(text: str, **named: Any) -> Element:
        parsed.append(text)
        return read_node(text, **named)

    monkeypatch.setattr(keeper, "read_node", count)
    all_of_them = guests(host)
    for guest in all_of_them.list_domains():
        all_of_them.domain_xml(guest.name)
        all_of_them.lookup_domain(guest.uuid)
    all_of_them.suspend_domain("g7")
    assert len(parsed) == 1
    assert all_of_them.lookup_domain("g7").state == "paused"
