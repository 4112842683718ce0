# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws hold for every option: the drivers take it, read all of it, and a second run finds nothing to do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.converge.definition import DEFINING, DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.spec import desired
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.build import command_line
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.secrets import guest_secrets
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.secrets import stand_ins
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.site import Site
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import live
from ansible_collections.corral.virt.plugins.module_utils.drivers.test.normalise import normalise
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import (
    DOMAIN,
    persistent_form,
    running_form,
)
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.converge.option_rows import EVERYTHING, WRITTEN
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import able
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost, driver_on

TPM_TYPES = frozenset({"emulator", "passthrough"})
X86_ROWS = [options for options, _part in WRITTEN if options.get("arch") in (None, "x86_64")]


def document(options: dict[str, Any]) -> Element:
    _name, made = desired({"name": "a", "memory": "64MiB", **options})
    assert made is not None
    return made


def descriptor(name: str, *features: str) -> bytes:
    """A firmware of the host."""
    files = {part: {"filename": f"/fw/{name}-{part}.fd", "format": "raw"} for part in ("executable", "nvram-template")}
    return json.dumps(
        {
            "interface-types": ["uefi"],
            "mapping": {"device": "flash", "mode": "split", **files},
            "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
            "features": list(features),
        }
    ).encode()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> QemuDriver:
    """The qemu driver of a host in memory whose QEMU can do everything, with firmware and huge pages."""
    host = GuestHost()
    firmware = "/usr/share/qemu/firmware"
    host.add_file(f"{firmware}/40-enrolled.json", descriptor("ms", "secure-boot", "enrolled-keys", "requires-smm"))
    host.add_file(f"{firmware}/60-plain.json", descriptor("plain"))
    host.add_file(f"{firmware}/70-qcow2.json", descriptor("q").replace(b'"raw"', b'"qcow2"'))
    host.add_file("/proc/mounts", b"hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n")
    host.add_file("/proc/meminfo", b"Hugepagesize:       2048 kB\n")
    caps = replace(able().caps, tpm_models=frozenset({"tpm-crb", "tpm-tis"}), tpm_types=TPM_TYPES)
    monkeypatch.setattr(Site, "capabilities", lambda site, document=None: caps)
    return driver_on(host)


@pytest.mark.parametrize("options", X86_ROWS)
def test_qemu_takes_it_and_then_nothing_is_to_do_or_pending(driver: QemuDriver, options: dict[str, Any]) -> None:
    wanted = document(options)
    assert driver.ignored_parts(wanted) == []
    driver.define_domain(wanted)
    kept = driver.domain_xml("a")
    assert [str(change) for change in compare(kept, driver.normalise_domain(document(options)), DOMAIN)] == []
    context = replace(driver.site.context(kept), ports={"vnc": 5900, "spice": 5901})
    running = live(kept, context)
    context = replace(context, secrets=stand_ins(guest_secrets(Domain(running), context)))
    assert command_line(running, context)
    assert [str(change) for change in compare(running_form(running, kept), persistent_form(kept), DOMAIN)] == []


@pytest.mark.parametrize("options", X86_ROWS)
def test_giving_it_up_leaves_nothing_behind(driver: QemuDriver, options: dict[str, Any]) -> None:
    """A guest that had an option is, without it, as one that never had it but for addresses and identity."""
    driver.define_domain(document(options))
    plain = driver.normalise_domain(document({}))
    driver.define_domain(document({}))
    assert compare(driver.domain_xml("a"), plain, DOMAIN) == ()
    assert compare(plain, driver.normalise_domain(document({})), DOMAIN) == ()


@pytest.mark.parametrize("options", [options for options, _part in WRITTEN])
def test_the_test_driver_takes_it_and_a_second_run_changes_nothing(options: dict[str, Any]) -> None:
    first = normalise(document(options), None, seed="s")
    assert compare(first, normalise(document(options), first, seed="s"), DOMAIN) == ()


@pytest.mark.parametrize("options", [EVERYTHING, *(options for options, _part in WRITTEN)])
def test_ansible_hands_it_on_as_it_was_written(options: dict[str, Any]) -> None:
    """Types, choices and defaults of the argument specification agree with what the builders read."""
    given = {"name": "a", "memory": "64MiB", **({} if "kernel" in options else {"kernel": "/k"}), **options}
    found = ArgumentSpecValidator(dict(DEFINITION.options), required_by=dict(DEFINITION.required_by)).validate(given)
    assert found.error_messages == []
    assert to_text(document(found.validated_parameters)) == to_text(document(given))


def test_everything_at_once(driver: QemuDriver) -> None:
    assert set(EVERYTHING) == set(DEFINING) - {"ignition"}  # which contradicts cloud_init
    driver.define_domain(document(EVERYTHING))
    again = driver.normalise_domain(document(EVERYTHING))
    assert [str(change) for change in compare(driver.domain_xml("a"), again, DOMAIN)] == []
