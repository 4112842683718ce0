# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest as a task: run again it changes nothing, and options say all that options can say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jinja2
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.definition import DEFINITION
from ansible_collections.corral.virt.plugins.module_utils.converge.export.task import Exported, as_task, exported
from ansible_collections.corral.virt.plugins.module_utils.converge.export.yaml import scalar_safe, to_yaml
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.look import show_guests
from ansible_collections.corral.virt.plugins.module_utils.converge.spec import desired
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.modules.vm import STATE
from ansible_collections.corral.virt.tests.unit.converge.guest_run import GUEST, converge
from ansible_collections.corral.virt.tests.unit.converge.option_rows import EVERYTHING
from ansible_collections.corral.virt.tests.unit.converge.test_options_laws import X86_ROWS, document, driver
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

__all__ = ("driver",)  # the fixture of the host whose QEMU can do everything
VALIDATOR = ArgumentSpecValidator({**DEFINITION.options, **STATE.options})


def rendered(value: Any, **variables: str) -> Any:
    """What Ansible makes of a value in a playbook."""
    if isinstance(value, dict):
        return {name: rendered(inner, **variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [rendered(inner, **variables) for inner in value]
    if not isinstance(value, str) or not any(mark in value for mark in ("{{", "{%", "{#")):
        return value
    return (
        jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
        .from_string(value)
        .render(**variables)
    )


def told(text: str, **variables: str) -> dict[str, Any]:
    """The options in a task, as the module gets them."""
    tasks = rendered(yaml.safe_load(text), **variables)
    assert len(tasks) == 1 and set(tasks[0]) == {"name", "corral.virt.vm"}
    options: dict[str, Any] = tasks[0]["corral.virt.vm"]
    assert VALIDATOR.validate(options).error_messages == []
    return options


def export(driver: QemuDriver, kept: Element) -> Exported:
    return exported(kept, lambda options: differences(driver, kept, options))


def differences(driver: QemuDriver, kept: Element, options: dict[str, Any]) -> Sequence[str]:
    _name, wanted = desired(options)
    assert wanted is not None
    return [str(change) for change in compare(kept, driver.normalise_domain(wanted), DOMAIN)]


@pytest.mark.parametrize("options", [*X86_ROWS, {**EVERYTHING, "cloud_init": None}])
def test_options_become_options_that_make_the_same(driver: QemuDriver, options: dict[str, Any]) -> None:
    driver.define_domain(document(options))
    kept = driver.domain_xml("a")
    found = export(driver, kept)
    assert found.lacks == () and found.options is not None
    text = as_task(kept, found)
    assert "hush-all" not in text
    assert differences(driver, kept, told(text, **found.variables)) == []


def test_the_task_of_a_small_guest_reads_like_one_that_people_write(driver: QemuDriver) -> None:
    driver.define_domain(document({"tags": ["web"], "disks": [{"path": "/d.qcow2"}], "guest_agent": True}))
    kept = driver.domain_xml("a")
    uuid = kept.findtext("uuid")
    assert as_task(kept, export(driver, kept), {"autostart": True}) == (
        f"""- name: The guest a
  corral.virt.vm:
    name: a
    tags:
      - web
    uuid: {uuid}
    virt_type: kvm
    machine: pc-q35-10.0
    memory: 64MiB
    vcpus: 1
    disks:
      - path: /d.qcow2
    guest_agent: true
    autostart: true
"""
    )


def test_few_definitions_are_made_for_it(driver: QemuDriver) -> None:
    """Each of them costs some hundredths of a second."""
    driver.define_domain(document({"tags": ["web"], "disks": [{"path": "/d"}], "graphics": [{"type": "spice"}]}))
    kept, tried = driver.domain_xml("a"), []

    def counted(options: dict[str, Any]) -> Sequence[str]:
        tried.append(options)
        return differences(driver, kept, options)

    assert exported(kept, counted).options is not None
    assert len(tried) < 12


# with the work of the modules


def shown(host: GuestHost, *, uri: str = "qemu:///system") -> dict[str, Any]:
    with open_connection(uri, host=host, read_only=True) as connection:
        job = Job(connection, {"gather": ["task"], "xml": "none"}, check_mode=True)
        found: dict[str, Any] = show_guests(job)["guests"][0]
        return found


HOSTILE = 'tea {{ lookup("pipe", "id") }}\n{% raw %} # "quoted": yes\n\ttab'
XML = (
    "<domain type='qemu'><name>a</name><description>{{ 7 * 7 }} of {% if %}</description>"
    "<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>"
    "<graphics type='vnc' passwd='hush-me'/></devices><seclabel type='none'/></domain>"
)


def test_a_run_of_the_task_changes_nothing(driver: QemuDriver) -> None:
    host = GuestHost()
    converge(host, **{**GUEST, "description": HOSTILE, "title": "yes", "graphics": [{"password": "hush-me"}]})
    with open_connection("qemu:///system", host=host) as connection:
        connection.hypervisor.set_domain_autostart("a", True)
    facts = shown(host)
    assert facts["task_lacks"] == [] and "hush-me" not in facts["task"]
    assert "vault_a_vnc_password" in facts["task"].splitlines()[0]
    options = told(facts["task"], vault_a_vnc_password="hush-me")
    assert options["description"] == HOSTILE and options["title"] == "yes" and options["autostart"] is True
    again = converge(host, **options)
    assert not again["changed"] and again["actions"] == []


def test_what_no_option_says_is_a_document() -> None:
    host = GuestHost()
    converge(host, xml=XML)
    facts = shown(host)
    assert any("seclabel" in lack for lack in facts["task_lacks"])
    assert facts["task"].startswith("# No option of vm says this:\n#   ") and "hush" not in facts["task"]
    options = told(facts["task"], vault_a_vnc_password="hush-me")
    assert parse(options["xml"]).findtext("description") == "{{ 7 * 7 }} of {% if %}"
    assert not converge(host, **options)["changed"]


def test_a_seed_that_only_the_guest_knows_is_left_to_it() -> None:
    """What it holds is no part of any definition, so it cannot be an option, and the document refers to it."""
    host = GuestHost()
    converge(host, **{**GUEST, "cloud_init": {"user_data": {"packages": ["nginx"]}}})
    facts = shown(host)
    assert facts["task_lacks"] and "nginx" not in facts["task"]
    assert not converge(host, **told(facts["task"]))["changed"]


def test_a_transient_guest_has_no_task() -> None:
    host = GuestHost()
    converge(host, **GUEST, transient=True, state="running")
    facts = shown(host)
    assert facts["task"] is None and "transient" in facts["task_lacks"][0]


def test_volumes_that_were_made_for_the_guest_stay_its_own() -> None:
    host, uri = GuestHost(), "test:///node.xml"
    host.add_file("/node.xml", b"<node><pool type='dir'><name>p</name><target><path>/p</path></target></pool></node>")
    disks = [{"pool": "p", "size": "1GiB", "format": "qcow2"}, {"pool": "p", "volume": "extra", "size": "2GiB"}]
    converge(host, uri=uri, name="a", memory="64MiB", disks=disks)
    facts = shown(host, uri=uri)
    options = told(facts["task"])
    assert [(disk["volume"], disk["size"]) for disk in options["disks"]] == [("a-vda", "1GiB"), ("extra", "2GiB")]
    assert not converge(host, uri=uri, **options)["changed"]


def test_guests_of_the_test_driver() -> None:
    facts = shown(GuestHost(), uri="test:///default")
    assert facts["name"] == "test" and told(facts["task"])


# YAML


@pytest.mark.parametrize(
    "value",
    [
        *("yes", "No", "null", "~", "12", "1.5", "0x10", "12:30:45", "2026-01-01", "1e3", "", " ", "a: b", "a #b", "-"),
        *("a\nb", "a\nb\n", "a\n\nb\n", "\na", " a\nb", "a\nb\n\n", "a\tb\nc", "a\r\nb", "tr\u00e4ge", "\u2028"),
        *("a b", "/dev/vg/a", "1GiB", "10kB", "'", '"', "\\n", "@a", "%a", "a\x01", "\U0001f600", "a:", "a- b", "! x"),
        *("=", "<<", "\x85", "\ufeff", "| x", "a\n b\n", "a \nb", "a\n  ", "#a", "&a", "*a", "a,b", "[a]", "{a}"),
        *({}, [], [[]], {"a": {}}, {"a": []}, [["a", ["b"]]], {"yes": 1, "1": 2}, {"a b": {"c:": "d"}}),
        *({"a": {"b": [{"c": "d\ne", "f": True}]}}, 1, -1, 1.5, True, False, None, [None, True], {"a": None}),
    ],
)
def test_what_is_written_is_read(value: Any) -> None:
    assert yaml.safe_load(to_yaml([value])) == [value]
    assert yaml.safe_load(to_yaml({"a": value, "b": [value]})) == {"a": value, "b": [value]}
    assert rendered(scalar_safe(value)) == value


@pytest.mark.parametrize("text", ["{{ a }}", "{% raw %}{{ x", "{# no #}", "{{{{", "{{ '{{' }}", "{{{% a"])
def test_templates_are_texts(text: str) -> None:
    assert rendered(yaml.safe_load(to_yaml([scalar_safe(text)]))) == [text]
