# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting what a libvirtd has defined, from its files in memory."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.adopt import adopt
from ansible_collections.corral.virt.plugins.module_utils.converge.adopt_definition import ADOPT
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.drivers.nwfilter.builtin.table import (
    builtin_document,
    builtin_names,
)
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.site import Site
from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.xml.canonical import without
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.plugins.modules import adopt as module
from ansible_collections.corral.virt.tests.unit.drivers.libvirt_host import ETC, HEADER, LIB, RUN, UUID, runs_there
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import able
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, GuestHost

VALUE = "correct horse battery staple"
OTHER = "22e1353d-c27e-4d6d-bf15-465053e6ba0b"
NVRAM = f"{LIB}/qemu/nvram/a_VARS.fd"
TPM = f"{LIB}/swtpm/{UUID}/tpm2/tpm2-00.permall"
SECRET = (
    f"<secret ephemeral='no' private='yes'><uuid>{OTHER}</uuid><usage type='volume'><volume>/d.img</volume></usage>"
    "</secret>"
)
FILTER = f"<filter name='web'><uuid>{OTHER}</uuid><filterref filter='clean'/></filter>"
CLEAN = "<filter name='clean' chain='root'><rule action='drop' direction='in'/></filter>"
NETWORK = (
    f"<network><name>lab</name><uuid>{OTHER}</uuid><forward mode='nat'/><bridge name='virbr5' stp='on' delay='0'/>"
    "<mac address='52:54:00:e8:bc:37'/><ip address='192.0.2.1' netmask='255.255.255.0'/></network>"
)
POOL = (
    f"<pool type='dir'><name>images</name><uuid>{OTHER}</uuid><capacity unit='bytes'>0</capacity>"
    "<source/><target><path>/srv/images</path></target></pool>"
)


def guest(name: str = "a", uuid: str = UUID, *, more: str = "", os: str = "", devices: str = "") -> str:
    return (
        f"<domain type='qemu'{more}><name>{name}</name><uuid>{uuid}</uuid><memory unit='KiB'>65536</memory>"
        f"<os><type arch='x86_64' machine='q35'>hvm</type>{os}</os><features><acpi/></features><devices>"
        f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{IMAGE}'/>"
        f"<target dev='vda' bus='virtio'/></disk>{devices}</devices></domain>"
    )


UEFI = f"<loader readonly='yes' type='pflash'>/fw/CODE.fd</loader><nvram template='/fw/VARS.fd'>{NVRAM}</nvram>"
EMULATED = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"


@pytest.fixture
def host() -> GuestHost:
    """A host with one object of each kind under libvirt."""
    host = GuestHost()
    host.add_program("ip", Completed((), 0, b"[]", b""))
    for path, text in {
        "qemu/a.xml": guest(),
        "qemu/networks/lab.xml": NETWORK,
        "storage/images.xml": POOL,
        f"secrets/{OTHER}.xml": SECRET,
        "nwfilter/clean.xml": CLEAN,
        "nwfilter/web.xml": FILTER,
    }.items():
        host.add_file(f"{ETC}/{path}", (HEADER + text).encode())
    host.add_file(f"{ETC}/secrets/{OTHER}.base64", b64encode(VALUE.encode()))
    return host


class Run:
    """One run of the module: its result and what it warned of and hid."""

    def __init__(self, host: GuestHost, *, check: bool = False, uri: str = "qemu:///system", **options: Any) -> None:
        found = ArgumentSpecValidator(dict(ADOPT.options)).validate(options)
        assert found.error_messages == []
        self.warned: list[str] = []
        self.hidden: list[str] = []
        with open_connection(uri, host=host, read_only=check) as connection:
            job = Job(connection, found.validated_parameters, check, True, self.hidden.append, self.warned.append)
            self.result = adopt(job, host)
        assert VALUE not in json.dumps(self.result) and VALUE not in "".join(self.warned)
        assert b64encode(VALUE.encode()).decode() not in json.dumps(self.result)

    def said(self) -> dict[str, str]:
        """What became of each object."""
        return {f"{row['kind']} {row['name']}": row["result"] for row in self.result["results"]}

    def row(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(row for row in self.result["results"] if row["name"] == name)
        return found


ALL = ("secret volume:/d.img", "filter clean", "filter web", "network lab", "pool images", "guest a")


def test_everything_is_defined_once_and_nothing_of_libvirt_is_touched(host: GuestHost) -> None:
    theirs = {path: node for path, node in host.files.items() if "libvirt" in path}
    checked = Run(host, check=True)
    assert not [path for path in host.files if path.startswith(("/etc/corral/", "/var/lib/corral/secrets"))]
    done = Run(host)
    assert done.said() == checked.said() == dict.fromkeys(ALL, "defined")
    assert [row["actions"] for row in done.result["results"]] == [row["actions"] for row in checked.result["results"]]
    assert done.result["diff"] == checked.result["diff"] and done.result["diff"]
    assert done.result["changed"] and "failed" not in done.result
    assert VALUE in done.hidden
    again = Run(host)
    assert again.said() == dict.fromkeys(ALL, "unchanged")
    assert not again.result["changed"] and not again.result["diff"]
    assert {path: node for path, node in host.files.items() if "libvirt" in path} == theirs
    with open_connection("qemu:///system", host=host) as connection:
        assert connection.hypervisor.lookup_domain("a").uuid == UUID
        assert connection.secret.use_secret_value(OTHER) == VALUE.encode()
        assert connection.network.lookup_network("lab").uuid == OTHER
        assert not connection.hypervisor.lookup_domain("a").autostart


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"kinds": ["guests"]}, ["guest a"]),
        ({"kinds": ["pools", "networks"]}, ["network lab", "pool images"]),
        ({"names": ["a", "im*"]}, ["pool images", "guest a"]),
        ({"names": ["volume:*"]}, ["secret volume:/d.img"]),
        ({"names": [UUID]}, ["guest a"]),
        ({"names": []}, []),
        ({"names": ["nobody"]}, []),
    ],
)
def test_kinds_and_names_choose(host: GuestHost, options: dict[str, Any], names: list[str]) -> None:
    run = Run(host, **options)
    assert list(run.said()) == names
    assert run.result["missing"] == [name for name in options.get("names", ()) if name == "nobody"]
    assert "failed" not in run.result


def test_what_starts_with_the_host_does_so_here_and_is_said(host: GuestHost) -> None:
    for path in ("qemu/autostart/a.xml", "qemu/networks/autostart/lab.xml", "storage/autostart/images.xml"):
        host.add_file(f"{ETC}/{path}", b"")
    run = Run(host)
    assert [row["name"] for row in run.result["results"] if {"enable_autostart"} & _actions(row)] == [
        "lab",
        "images",
        "a",
    ]
    assert any(warning.startswith("network lab, pool images, guest a: it starts with") for warning in run.warned)
    assert not Run(host).result["changed"]
    with open_connection("qemu:///system", host=host) as connection:
        assert connection.hypervisor.lookup_domain("a").autostart
        connection.hypervisor.set_domain_autostart("a", False)  # on purpose
    again = Run(host)
    assert not again.result["changed"] and "and not here" in "".join(again.row("a")["notes"])
    assert Run(host, replace=True).result["changed"]


def _actions(row: dict[str, Any]) -> set[str]:
    return {step["action"] for step in row["actions"]}


def test_marks_are_left_alone_when_asked(host: GuestHost) -> None:
    host.add_file(f"{ETC}/qemu/autostart/a.xml", b"")
    assert _actions(Run(host, autostart=False).row("a")) == {"define"}


# refused


def test_one_that_runs_is_refused_and_hides_no_other(host: GuestHost) -> None:
    runs_there(host)
    run = Run(host)
    assert run.said() == {**dict.fromkeys(ALL, "defined"), "guest a": "refused"}
    assert run.result["failed"] and run.result["changed"] and run.result["error"] == "ElementsFailed"
    assert "1 of 6 were refused.\nguest a: The guest a runs under libvirtd (process 4242)" in run.result["msg"]
    assert "virsh shutdown a" in run.row("a")["reason"]
    assert "failed" not in Run(host, ignore_refused=True).result
    host.end_process(4242)
    assert Run(host).said()["guest a"] == "defined"


def test_a_guest_that_nobody_has_defined_is_refused_while_it_runs(host: GuestHost) -> None:
    host.remove(f"{ETC}/qemu/a.xml")
    runs_there(host)
    run = Run(host, kinds=["guests"])
    assert run.said() == {"guest a": "refused"}
    assert "runs under libvirtd (process 4242) without a definition" in run.row("a")["reason"]
    assert run.row("a")["file"].startswith("/run/libvirt/qemu/a.")
    assert Run(host, kinds=["networks"]).said() == {"network lab": "defined"}
    assert Run(host, kinds=["guests"], names=["b"]).said() == {}
    host.end_process(4242)
    assert Run(host, kinds=["guests"]).said() == {}


def test_a_past_that_is_not_taken_over_is_said_when_the_guest_is(host: GuestHost) -> None:
    for name in ("first", "second"):
        host.add_file(f"{LIB}/qemu/snapshot/a/{name}.xml", b"<domainsnapshot/>")
    host.add_file(f"{LIB}/qemu/checkpoint/a/c1.xml", b"<domaincheckpoint/>")
    told = ["its snapshots under libvirt (first, second) are not", "its checkpoints under libvirt (c1) are not"]
    first = Run(host, kinds=["guests"])
    assert first.said() == {"guest a": "defined"}
    assert all(any(words in text for text in first.warned) for words in told), first.warned
    second = Run(host, kinds=["guests"])
    assert not second.result["changed"] and not any("libvirt (" in text for text in second.warned)
    assert all(any(words in text for text in second.row("a")["notes"]) for words in told)


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        (f"{LIB}/qemu/save/a.save", b"memory", "was saved by libvirtd while it ran"),
        (f"{ETC}/qemu/a.xml", b"<domain", "is not well-formed XML"),
        (f"{ETC}/qemu/a.xml", b"\xff\xfe", "is no UTF-8"),
        (f"{ETC}/qemu/a.xml", b"<network/>", "<domain> was expected"),
        (f"{ETC}/qemu/a.xml", guest("../a").encode(), "must not contain a slash"),
        (f"{ETC}/qemu/a.xml", guest().replace("'qemu'", "'xen'", 1).encode(), "xen"),
        (f"{ETC}/qemu/a.xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><domain/>", "DOCTYPE"),
    ],
)
def test_what_cannot_be_adopted_says_why(host: GuestHost, path: str, data: bytes, words: str) -> None:
    host.add_file(path, data)
    run = Run(host, kinds=["guests", "pools"])
    assert sorted(run.said().values()) == ["defined", "refused"]
    assert words in run.result["results"][1]["reason"]
    with open_connection("qemu:///system", host=host) as connection:
        assert connection.hypervisor.list_domains() == []


def test_an_image_that_somebody_writes_to_means_that_the_guest_runs(host: GuestHost) -> None:
    inode = host.stat(IMAGE).inode  # type: ignore[union-attr]
    host.add_file("/proc/locks", f"1: OFDLCK ADVISORY  READ  -1 00:00:{inode} 101 101\n".encode())
    assert "is open in a program that writes to it" in Run(host).row("a")["reason"]
    host.files.pop("/proc/locks")
    Run(host)
    host.add_file("/proc/locks", f"1: OFDLCK ADVISORY  READ  -1 00:00:{inode} 101 101\n".encode())
    assert Run(host).said()["guest a"] == "unchanged"  # nothing is to do about one that is here


def test_what_is_here_and_different_is_left_alone_until_it_may_be_replaced(host: GuestHost) -> None:
    Run(host)
    host.add_file(f"{ETC}/qemu/a.xml", guest().replace("65536", "131072").encode())
    host.add_file(f"{ETC}/secrets/{OTHER}.base64", b64encode(b"another"))
    host.add_file(f"{ETC}/qemu/networks/lab.xml", NETWORK.replace("192.0.2", "198.51.100").encode())
    run = Run(host)
    refused = {name for name, result in run.said().items() if result == "refused"}
    assert refused == {"guest a", "secret volume:/d.img", "network lab"}
    assert "/domain/memory: 65536 -> 131072" in run.row("a")["reason"] and "replace: true" in run.row("a")["reason"]
    assert run.row("a")["error"] == "AlreadyExists"
    assert "its value" in run.row("volume:/d.img")["reason"] and not run.result["changed"]
    assert {name for name, result in Run(host, replace=True).said().items() if result == "defined"} == refused
    assert not Run(host).result["changed"]


def test_a_uuid_of_another_guest_here(host: GuestHost) -> None:
    Run(host)
    host.add_file(f"{ETC}/qemu/b.xml", guest("b").encode())
    assert "belongs to the guest a" in Run(host).row("b")["reason"]


def test_a_default_network_of_our_own_is_libvirts_when_they_are_alike(host: GuestHost) -> None:
    with open_connection("qemu:///system", host=host) as connection:
        from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

        connection.network.define_network(parse(NETWORK.replace(f"<uuid>{OTHER}</uuid>", "")))
    run = Run(host, kinds=["networks"])
    assert run.said() == {"network lab": "unchanged"} and not run.result["changed"]


def test_a_killed_run_is_brought_to_its_end(host: GuestHost) -> None:
    """The definition is there and the value is not."""
    with open_connection("qemu:///system", host=host) as connection:
        from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

        connection.secret.define_secret(parse(SECRET))
    run = Run(host, kinds=["secrets"])
    assert [step["action"] for step in run.row("volume:/d.img")["actions"]] == ["set_value"]


# secrets and filters


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "It has no value under libvirt"),
        ({".base64": b"%%%"}, "is no base64"),
        ({".aes256cbc": b"sealed"}, "Its value is encrypted with a key of libvirt"),
    ],
)
def test_a_value_that_cannot_be_taken_is_said(host: GuestHost, files: dict[str, bytes], words: str) -> None:
    host.files.pop(f"{ETC}/secrets/{OTHER}.base64")
    for ending, data in files.items():
        host.add_file(f"{ETC}/secrets/{OTHER}{ending}", data)
    run = Run(host, kinds=["secrets"])
    assert run.said() == {"secret volume:/d.img": "defined"} and words in "".join(run.warned)
    with open_connection("qemu:///system", host=host) as connection:
        connection.secret.set_secret_value(OTHER, b"set by hand")
    again = Run(host, kinds=["secrets"])
    assert not again.result["changed"] and again.warned == []


def test_filters_of_libvirts_own_are_passed_over_unless_they_mean_something_else(host: GuestHost) -> None:
    for name in builtin_names():
        document = builtin_document(name)
        assert document is not None
        text = to_text(without(document, ("uuid",))).replace(">", f"><uuid>{OTHER}</uuid>", 1)
        host.add_file(f"{ETC}/nwfilter/{name}.xml", (HEADER + text).encode())
    host.add_file(f"{ETC}/nwfilter/no-mac-spoofing.xml", CLEAN.replace("'clean'", "'no-mac-spoofing'").encode())
    run = Run(host, kinds=["filters"], names=[*builtin_names()])
    done = [row["name"] for row in run.result["results"] if row["changed"]]
    assert done == ["no-mac-spoofing"] and len(run.result["results"]) == len(builtin_names())
    assert run.warned == [] and "built in here" in run.row("clean-traffic")["notes"][0]
    assert not Run(host, kinds=["filters"], names=["no-*"]).result["changed"]


def test_filters_come_after_those_that_they_refer_to(host: GuestHost) -> None:
    host.add_file(f"{ETC}/nwfilter/a.xml", b"<filter name='a'><filterref filter='web'/></filter>")
    run = Run(host, kinds=["filters"])
    assert list(run.said()) == ["filter clean", "filter web", "filter a"] and run.warned == []


def test_filters_that_refer_to_each_other_end(host: GuestHost) -> None:
    host.add_file(f"{ETC}/nwfilter/clean.xml", CLEAN.replace("<rule", "<filterref filter='web'/><rule").encode())
    assert len(Run(host, kinds=["filters"]).result["results"]) == 2


# what a guest's document does not hold


def test_variables_and_tpm_are_copied_and_never_twice(host: GuestHost, monkeypatch: pytest.MonkeyPatch) -> None:
    caps = replace(able().caps, tpm_models=frozenset({"tpm-crb"}), tpm_types=frozenset({"emulator"}))
    monkeypatch.setattr(Site, "capabilities", lambda site, document=None: caps)
    host.add_file(f"{ETC}/qemu/a.xml", guest(os=UEFI, devices=EMULATED).encode())
    host.add_file(NVRAM, b"boot entries", mode=0o600)
    host.add_file(TPM, b"keys", mode=0o600)
    ours, state = "/var/lib/corral/nvram/a_VARS.fd", f"/var/lib/corral/tpm/{UUID}/tpm2-00.permall"
    check = Run(host, check=True, names=["a"])
    assert [step["action"] for step in check.row("a")["actions"]] == ["copy", "copy", "define"]
    assert host.stat(ours) is None
    Run(host, names=["a"])
    assert host.files[ours].data == b"boot entries" and host.owner(ours) == RUNNER
    assert host.files[f"{ours}.template"].data == b"/fw/VARS.fd\n"
    assert host.files[state].data == b"keys" and host.owner(state) == RUNNER
    assert host.files[NVRAM].data == b"boot entries"
    with open_connection("qemu:///system", host=host) as connection:
        assert connection.hypervisor.domain_xml("a").findtext("os/nvram") == ours
    host.add_file(ours, b"the guest has booted here")
    again = Run(host, names=["a"])
    assert not again.result["changed"] and host.files[ours].data == b"the guest has booted here"


def test_variables_that_somebody_has_put_elsewhere_stay_there(host: GuestHost) -> None:
    host.add_file(f"{ETC}/qemu/a.xml", guest(os=UEFI.replace(NVRAM, "/srv/a.fd")).encode())
    host.add_file("/srv/a.fd", b"x")
    Run(host, names=["a"])
    with open_connection("qemu:///system", host=host) as connection:
        assert connection.hypervisor.domain_xml("a").findtext("os/nvram") == "/srv/a.fd"


def test_the_files_of_another_disk(host: GuestHost) -> None:
    """A copy of a host that is no more: what runs here is not meant, and its variables are in the copy."""
    host.add_file(f"/mnt{ETC}/qemu/b.xml", guest("b", OTHER, os=UEFI.replace("a_", "b_")).encode())
    host.add_file(f"/mnt{LIB}/qemu/nvram/b_VARS.fd", b"from there")
    runs_there(host, "b", uuid=OTHER)
    Run(host, libvirt="/mnt/etc/libvirt")
    assert host.files["/var/lib/corral/nvram/b_VARS.fd"].data == b"from there"


# documents that virsh has written


def test_dumps(host: GuestHost) -> None:
    live = guest("live", OTHER, more=" id='7'", devices="<input type='tablet' bus='usb'><alias name='input0'/></input>")
    for name, text in {
        "one": guest(),
        "two": live,
        "net": NETWORK,
        "key": SECRET,
        "snap": "<domainsnapshot/>",
        "bad": "<nothing/>",
    }.items():
        host.add_file(f"/d/{name}.xml", text.encode())
    host.add_file("/d/notes.txt", b"hello")
    run = Run(host, dumps="/d")
    assert run.said() == {
        "secret volume:/d.img": "defined",
        "network lab": "defined",
        "guest bad": "refused",
        "guest a": "defined",
        "guest live": "defined",
    }
    assert "begins with <nothing>" in run.row("bad")["reason"]
    assert "virsh writes no values" in "".join(run.warned)
    assert not Run(host, dumps="/d").result["changed"]
    with open_connection("qemu:///system", host=host) as connection:
        assert connection.hypervisor.domain_xml("live").find("devices/input/alias") is None


def test_where_nothing_can_be_read() -> None:
    host = GuestHost()
    with pytest.raises(HostError, match="There is no directory /etc/libvirt"):
        Run(host)
    with pytest.raises(InvalidArgument, match="contradict"):
        Run(host, libvirt="/etc/libvirt", dumps="/d")
    with pytest.raises(InvalidArgument, match="relative"):
        Run(host, dumps="d")
    host.add_directory("/d")
    with pytest.raises(InvalidArgument, match="no file in /d"):
        Run(host, dumps="/d")
    host.add_directory(ETC)
    assert Run(host).result == {"changed": False, "results": [], "missing": [], "diff": []}


def test_a_users_own_libvirt() -> None:
    host = GuestHost()
    host.identity = (1000, 1000)
    host.environment = {"HOME": "/home/u", "XDG_RUNTIME_DIR": "/run/user/1000", "PATH": "/usr/bin"}
    host.add_file("/home/u/.config/libvirt/qemu/a.xml", guest(os=UEFI).replace(NVRAM, "/x.fd").encode())
    assert Run(host, uri="qemu:///session", check=True).said() == {"guest a": "defined"}
    runs_there(host)
    for path in list(host.files):
        if path.startswith(f"{RUN}/qemu/a."):
            host.files[path.replace(RUN, "/run/user/1000/libvirt").replace("/qemu/", "/qemu/run/")] = host.files.pop(
                path
            )
    assert Run(host, uri="qemu:///session", check=True).said() == {"guest a": "refused"}


def test_documentation_and_arguments_agree() -> None:
    options = yaml.safe_load(module.DOCUMENTATION)["options"]
    for name, row in ADOPT.options.items():
        for part in ("type", "elements", "choices", "default"):
            assert options[name].get(part) == row.get(part)
    assert sorted(options) == sorted(ADOPT.options)
