# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a real libvirtd 9.0, as it has written them of definitions of ours: read, adopted, and left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.adopt import adopt
from ansible_collections.corral.virt.plugins.module_utils.converge.adopt_definition import ADOPT
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.drivers.libvirtd import foreign_bridges
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

FILES = Path(__file__).parent / "libvirt9"
PLACES = {"etc": "/etc/libvirt", "run": "/run/libvirt"}
STARTS = ("qemu/autostart/rich.xml", "qemu/networks/autostart/lab.xml", "storage/autostart/images.xml")
SECRETS = ("hush-hush", "hush-vnc")


@pytest.fixture
def host() -> GuestHost:
    """A host with those files, on which one of the guests runs."""
    host = GuestHost()
    host.add_program("ip", Completed((), 0, b"[]", b""))
    for path in FILES.rglob("*"):
        part = path.relative_to(FILES)
        if path.is_file():
            # the machines are those of the QEMU there
            data = path.read_bytes().replace(b"-7.2'", b"-9.0'")
            host.add_file(f"{PLACES[part.parts[0]]}/{'/'.join(part.parts[1:])}", data)
    for start in STARTS:
        host.add_file(f"/etc/libvirt/{start}", b"")
    host.add_file("/var/lib/libvirt/qemu/nvram/uefi_VARS.fd", b"variables")
    host.add_file("/images/CODE.fd", b"code")
    host.add_process(int((FILES / "run/qemu/run.pid").read_text()), 1)
    return host


def run(host: GuestHost, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """What the module says; no secret is in it."""
    found = ArgumentSpecValidator(dict(ADOPT.options)).validate(options)
    warned: list[str] = []
    with open_connection("qemu:///system", host=host, read_only=check) as connection:
        result = adopt(Job(connection, found.validated_parameters, check, True, warn=warned.append), host)
    assert not any(secret in json.dumps([result, warned]) for secret in SECRETS)
    return result


def became(result: dict[str, Any]) -> dict[str, str]:
    return {f"{row['kind']} {row['name']}": row["result"] for row in result["results"]}


def test_what_a_real_libvirtd_has_written_is_adopted_once(host: GuestHost) -> None:
    before = {path: file.data for path, file in host.files.items() if "libvirt" in path}
    names = ("secret volume:/images/enc.img", "filter no-mail", "network lab", "network nat", "pool images")
    wanted = {**dict.fromkeys((*names, "guest rich", "guest uefi"), "defined"), "guest run": "refused"}
    checked = run(host, check=True)
    assert became(checked) == wanted, checked
    first = run(host)
    assert became(first) == wanted
    assert first["diff"] == checked["diff"]
    second = run(host)
    assert became(second) == {name: "refused" if name == "guest run" else "unchanged" for name in wanted}
    assert {path: file.data for path, file in host.files.items() if "libvirt" in path} == before


def test_what_it_has_running_is_known(host: GuestHost) -> None:
    assert foreign_bridges(host) == {"virbr-lab": "lab"}
    refused = [row for row in run(host)["results"] if row["failed"]]
    assert [row["name"] for row in refused] == ["run"], [row["reason"] for row in refused]
    assert "runs under libvirtd" in refused[0]["reason"] and "virsh shutdown run" in refused[0]["reason"]


def test_marks_and_variables_come_along(host: GuestHost) -> None:
    run(host)
    with open_connection("qemu:///system", host=host) as connection:
        found = {guest.name: guest for guest in connection.hypervisor.list_domains()}
        assert {name: guest.autostart for name, guest in found.items()} == {"rich": True, "uefi": False}
        assert connection.network.lookup_network("lab").autostart
        assert connection.storage.lookup_pool("images").autostart
        nvram = connection.hypervisor.domain_xml("uefi").findtext("os/nvram") or ""
    copied = host.read(nvram)
    assert copied == b"variables" and nvram.startswith("/var/lib/corral/")
