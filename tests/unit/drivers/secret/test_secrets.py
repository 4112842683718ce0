# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secret driver: documents, values in their files, who may see what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import (
    AlreadyExists,
    CorralError,
    HostError,
    InvalidArgument,
    NotFound,
    OperationDenied,
    OperationInvalid,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.model.secret.identity import SECRET
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.secret.small_host import (
    UUID,
    VALUE,
    creds,
    document,
    driver_on,
    secret_host,
)

KEPT = f"/var/lib/corral/secrets/{UUID}.value"
PASSING = f"/run/corral/secrets/{UUID}.value"
OTHER = "f52a81b2-424e-490c-823d-6bd4235bc572"


def bytes_on(host: FakeHost) -> dict[str, bytes]:
    """The files of the host with what is in them."""
    return {path: node.data for path, node in host.files.items() if node.kind == "file"}


def test_defined_and_found_by_uuid_and_by_usage() -> None:
    driver = driver_on(secret_host())
    made = driver.define_secret(document())
    assert (made.uuid, made.usage, made.usage_id, made.has_value) == (UUID, "ceph", "client.admin", False)
    assert not made.private and not made.ephemeral
    for reference in (UUID, UUID.upper(), UUID.replace("-", ""), "ceph:client.admin"):
        assert driver.lookup_secret(reference) == made
    with pytest.raises(NotFound, match="nobody"):
        driver.lookup_secret("nobody")


def test_the_document_is_complete_and_defining_it_again_changes_nothing() -> None:
    driver = driver_on(secret_host())
    driver.define_secret(document())
    kept = driver.secret_xml(UUID)
    assert [str(child.tag) for child in kept] == ["uuid", "usage"]
    assert dict(kept.attrib) == {"ephemeral": "no", "private": "no"}
    assert compare(kept, driver.normalise_secret(kept), SECRET) == ()


def test_a_uuid_is_derived_and_then_kept() -> None:
    driver = driver_on(secret_host())
    first = driver.define_secret(document(uuid="")).uuid
    assert driver.define_secret(document(uuid="")).uuid == first
    assert driver.define_secret(document(uuid="", usage=("tls", "name", "client.admin"))).uuid != first
    assert len(driver.list_secrets()) == 2


def test_the_uuid_of_a_usage_stays() -> None:
    driver = driver_on(secret_host())
    driver.define_secret(document())
    assert driver.define_secret(document(uuid="", private="yes")).uuid == UUID


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        (document(uuid=OTHER), AlreadyExists, "for ceph:client.admin already"),
        (document(usage=("ceph", "name", "other")), AlreadyExists, "is for ceph:client.admin already"),
        (document(usage=("", "", "")), AlreadyExists, "nothing in particular"),
    ],
)
def test_what_belongs_to_another_is_refused(wanted: Any, error: type[CorralError], words: str) -> None:
    driver = driver_on(secret_host())
    driver.define_secret(document())
    with pytest.raises(error, match=words):
        driver.define_secret(wanted)


def test_a_private_secret_stays_private() -> None:
    driver = driver_on(secret_host())
    driver.define_secret(document(private="yes"))
    with pytest.raises(OperationInvalid, match="cannot cease"):
        driver.normalise_secret(document(private="no"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<secret/>", "neither a <uuid> nor a <usage>"),
        ("<pool/>", "write a <secret>"),
        ("<secret><uuid>x</uuid></secret>", "not a uuid"),
        ("<secret ephemeral='maybe'><uuid>{u}</uuid></secret>", "'yes' or 'no'"),
        ("<secret><usage type='disk'><name>a</name></usage></secret>", "not one of"),
        ("<secret><usage><name>a</name></usage></secret>", "no type"),
        ("<secret><usage type='ceph'><volume>/a</volume></usage></secret>", "<name>...</name>"),
        ("<secret><usage type='iscsi'><target> </target></usage></secret>", "<target>...</target>"),
        ("<secret><usage type='volume'><volume>a\nb</volume></usage></secret>", "line break"),
        ("<secret><usage type='tls'><name>" + "a" * 5000 + "</name></usage></secret>", "4096"),
        ("<secret><uuid>{u}</uuid><uuid>{u}</uuid></secret>", "more than one <uuid>"),
        ("<secret><uuid>{u}</uuid><value>open sesame</value></secret>", "has no <value>"),
        ("<secret><usage type='tls'><name>a</name><name>b</name></usage></secret>", "more than one <name>"),
    ],
)
def test_documents_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(XmlError, match=words):
        driver_on(secret_host()).define_secret(parse(text.replace("{u}", UUID)))


def test_a_value_is_set_compared_used_and_replaced() -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document())
    assert not driver.secret_matches(UUID, VALUE)
    with pytest.raises(OperationInvalid, match="no value"):
        driver.use_secret_value(UUID)
    driver.set_secret_value("ceph:client.admin", VALUE)
    assert driver.lookup_secret(UUID).has_value
    assert driver.secret_matches(UUID, VALUE) and not driver.secret_matches(UUID, VALUE[:-1])
    driver.set_secret_value(UUID, b"\0\xff")
    assert driver.use_secret_value(UUID) == driver.read_secret_value(UUID) == b"\0\xff"
    assert (host.files[KEPT].mode & 0o777, host.files[KEPT].owner) == (0o600, (0, 0))


@pytest.mark.parametrize("value", [b"", b"x" * (2**20 + 1)])
def test_values_that_no_secret_can_have(value: bytes) -> None:
    driver = driver_on(secret_host())
    driver.define_secret(document())
    with pytest.raises(InvalidArgument):
        driver.set_secret_value(UUID, value)


def test_a_private_value_is_used_and_never_read() -> None:
    driver = driver_on(secret_host())
    driver.define_secret(document(private="yes"))
    driver.set_secret_value(UUID, VALUE)
    assert driver.use_secret_value(UUID) == VALUE
    with pytest.raises(OperationDenied, match="private"):
        driver.read_secret_value(UUID)


def test_an_ephemeral_secret_is_in_the_runtime_directory_alone_and_ends_with_the_host() -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document(ephemeral="yes"))
    driver.set_secret_value(UUID, VALUE)
    assert driver.use_secret_value(UUID) == VALUE
    mine = [path for path in bytes_on(host) if UUID in path]
    assert mine and all(path.startswith("/run/corral/") for path in mine)
    host.reboot()
    assert driver_on(host).list_secrets() == []


def test_what_a_runtime_directory_on_a_disk_has_of_another_boot_is_removed() -> None:
    host = secret_host()
    driver_on(host).define_secret(document(ephemeral="yes"))
    driver_on(host).set_secret_value(UUID, VALUE)
    host.boot = "00000000-0000-4000-8000-000000000007"
    again = driver_on(host)
    assert again.list_secrets() == []
    again.define_secret(document(ephemeral="yes"))
    assert not again.lookup_secret(UUID).has_value
    assert PASSING not in host.files


def test_a_secret_ceases_to_be_ephemeral_and_becomes_it_again() -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document(ephemeral="yes"))
    driver.set_secret_value(UUID, VALUE)
    driver.define_secret(document())
    assert driver.use_secret_value(UUID) == VALUE
    assert not [path for path in bytes_on(host) if path.startswith("/run/corral/secrets")]
    driver.define_secret(document(ephemeral="yes"))
    assert driver.use_secret_value(UUID) == VALUE and driver.lookup_secret(UUID).ephemeral
    assert not [path for path in bytes_on(host) if UUID in path and not path.startswith("/run/")]


def test_undefining_leaves_nothing() -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document())
    driver.set_secret_value(UUID, VALUE)
    driver.undefine_secret("ceph:client.admin")
    assert driver.list_secrets() == []
    assert not [path for path in bytes_on(host) if UUID in path]


def test_values_are_encrypted_where_the_host_can() -> None:
    host = secret_host(encrypts=True)
    driver = driver_on(host)
    driver.define_secret(document())
    driver.set_secret_value(UUID, VALUE)
    assert json.loads(host.files[KEPT].data)["protection"] == "systemd-creds"
    assert "systemd-creds" in driver.secret_protection()
    assert driver.use_secret_value(UUID) == VALUE
    assert VALUE.decode() not in str(host.calls)


def test_a_value_that_was_sealed_for_another_secret_is_not_used() -> None:
    host = secret_host(encrypts=True)
    driver = driver_on(host)
    for uuid, name in ((UUID, "a"), (OTHER, "b")):
        driver.define_secret(document(uuid=uuid, usage=("tls", "name", name)))
        driver.set_secret_value(uuid, name.encode())
    host.files[KEPT] = host.files[KEPT.replace(UUID, OTHER)]
    with pytest.raises(HostError, match="cannot be decrypted"):
        driver.use_secret_value(UUID)


def test_without_a_key_that_works_values_are_kept_as_they_are_and_that_is_said() -> None:
    host = secret_host(encrypts=True)
    host.add_program("systemd-creds", Completed(("systemd-creds",), 1, b"", b"no key\n"))
    driver = driver_on(host)
    driver.define_secret(document())
    driver.set_secret_value(UUID, VALUE)
    assert json.loads(host.files[KEPT].data)["protection"] == "plain"
    assert "not encrypted" in driver.secret_protection()
    assert driver.use_secret_value(UUID) == VALUE


def test_values_from_before_the_host_could_encrypt_are_counted() -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document())
    driver.set_secret_value(UUID, VALUE)
    host.add_program("systemd-creds", creds)
    host.add_file("/var/lib/systemd/credential.secret", b"key", mode=0o400)
    assert driver.secret_protection().endswith("Of those from before 1 is not encrypted.")
    assert driver.use_secret_value(UUID) == VALUE
    driver.set_secret_value(UUID, VALUE)
    assert driver.secret_protection().endswith("(systemd-creds).")


def test_saying_how_values_are_kept_makes_no_key() -> None:
    host = secret_host(encrypts=True)
    del host.files["/var/lib/systemd/credential.secret"]
    assert "systemd-creds" in driver_on(host).secret_protection()
    assert not [call for call in host.calls if call[0] == "run"]


def test_who_is_not_root_cannot_use_the_hosts_key() -> None:
    assert "not encrypted" in driver_on(secret_host(encrypts=True, euid=1000)).secret_protection()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"protection": "plain", "value": "%%"}', b"\xff"])
def test_a_damaged_value_is_an_error_that_says_so(data: bytes) -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document())
    host.add_file(KEPT, data, mode=0o600)
    with pytest.raises(HostError, match="damaged"):
        driver.use_secret_value(UUID)
    driver.set_secret_value(UUID, VALUE)
    assert driver.use_secret_value(UUID) == VALUE


def test_a_damaged_document_hides_no_other() -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document())
    host.add_file(f"/etc/corral/secrets/{OTHER}.xml", b"<secret", mode=0o600)
    shown = {secret.uuid: secret for secret in driver.list_secrets()}
    assert set(shown) == {UUID, OTHER} and "not well-formed" in str(shown[OTHER].error)
    assert driver.lookup_secret("ceph:client.admin").uuid == UUID


def test_the_value_is_nowhere_but_in_its_file() -> None:
    host = secret_host()
    driver = driver_on(host)
    driver.define_secret(document())
    driver.set_secret_value(UUID, VALUE)
    for path, data in bytes_on(host).items():
        assert VALUE not in data
        assert path == KEPT or b"Y29ycmVjdC" not in data  # its beginning in base64
    assert VALUE.decode() not in repr(driver.lookup_secret(UUID)) + to_text(driver.secret_xml(UUID))
