# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests do with secrets: values reach QEMU sealed and swtpm in a file, and nobody else sees them."""

from __future__ import annotations

import json
from base64 import b64decode
from copy import deepcopy
from typing import Any, Dict, List

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.sealing import seal
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    OperationFailed,
    UnsupportedConfig,
    XmlError,
)
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeProcess, Killed
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.drivers.qemu.helper_host import HelperHost
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, RUNNER, GuestHost, document

UUID = "f52a81b2-424e-490c-823d-6bd4235bc573"
VALUE = b"correct horse battery staple"
KEY = "/run/corral/guests/a/master-key.aes"
PASSPHRASE = "/run/corral/guests/a/tpm.key"
ENCRYPTED = "<encryption format='luks'><secret type='passphrase' {}/></encryption>"
TPM = f"<tpm model='tpm-crb'><backend type='emulator' version='2.0'><encryption secret='{UUID}'/></backend></tpm>"
MOST = 300


def opened(host: GuestHost, *, read_only: bool = False) -> Connection:
    return open_connection("qemu:///system", host=host, read_only=read_only)


def encrypted(secret: str = f"uuid='{UUID}'") -> Element:
    """A guest whose disk is encrypted."""
    found = document("a")
    found.find("devices/disk/source").append(parse(ENCRYPTED.format(secret)))  # type: ignore[union-attr]
    return found


def keep(connection: Connection, usage: str = "volume", value: bytes = VALUE, uuid: str = UUID) -> None:
    tag = {"volume": "volume", "iscsi": "target"}.get(usage, "name")
    text = f"<secret private='yes'><uuid>{uuid}</uuid><usage type='{usage}'><{tag}>{IMAGE}</{tag}></usage></secret>"
    connection.secret.define_secret(parse(text))
    if value:
        connection.secret.set_secret_value(uuid, value)


@pytest.fixture
def machine() -> GuestHost:
    host = GuestHost()
    opened(host).hypervisor.define_domain(encrypted())
    return host


def argv(host: GuestHost) -> List[str]:
    command = host.guests["a"].process.command
    assert command is not None
    return list(command.argv)


def objects(words: List[str]) -> Dict[str, Dict[str, Any]]:
    """The secret objects of a command line, in their order."""
    rows = [json.loads(value) for flag, value in zip(words, words[1:]) if flag == "-object" and value[0] == "{"]
    return {row["id"]: row for row in rows if row["qom-type"] == "secret"}


def opens(sealed: Dict[str, Any], key: bytes) -> bytes:
    """What a QEMU gets out of a secret object, by another hand than ours (Ansible brings it)."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(b64decode(sealed["iv"]))).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(b64decode(sealed["data"])) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


@pytest.mark.parametrize("value", [b"a", b"x" * 16, VALUE, b"\0\xff" * 300])
def test_others_open_what_we_seal(value: bytes) -> None:
    sealed = seal(value, bytes(range(32)), bytes(range(16)))
    assert opens({"iv": sealed.iv, "data": sealed.data}, bytes(range(32))) == value


@pytest.mark.parametrize("reference", [f"uuid='{UUID}'", f"usage='{IMAGE}'"])
def test_a_value_reaches_qemu_sealed(machine: GuestHost, reference: str) -> None:
    connection = opened(machine)
    keep(connection)
    connection.hypervisor.define_domain(encrypted(reference))
    keys: List[bytes] = []
    before = machine.on_spawn

    def start(started: FakeProcess) -> None:
        if KEY in machine.files:
            assert (machine.owner(KEY), machine.files[KEY].mode & 0o777) == (RUNNER, 0o400)
            keys.append(machine.files[KEY].data)
        before(started)

    machine.on_spawn = start
    connection.hypervisor.start_domain("a")
    secrets = objects(argv(machine))
    assert list(secrets) == ["masterKey0", "libvirt-1-format-encryption-secret0"]
    assert secrets["masterKey0"]["file"] == KEY
    assert opens(secrets["libvirt-1-format-encryption-secret0"], keys[-1]) == VALUE
    assert (machine.owner(KEY), machine.files[KEY].mode & 0o777) == ((0, 0), 0o400)
    connection.hypervisor.destroy_domain("a")
    assert KEY not in machine.files


@pytest.mark.parametrize(("reference", "named"), [(f"uuid='{UUID}'", UUID), (f"usage='{IMAGE}'", f"volume:{IMAGE}")])
def test_a_value_that_opens_nothing_is_told_with_disk_and_secret(
    machine: GuestHost, reference: str, named: str
) -> None:
    connection = opened(machine)
    keep(connection)
    connection.hypervisor.define_domain(encrypted(reference))
    machine.dies = (
        b'qemu-system-x86_64: -blockdev {"node-name":"libvirt-1-format","driver":"luks","key-secret":'
        b'"libvirt-1-format-encryption-secret0","file":"libvirt-1-storage"}: Invalid password, cannot unlock any '
        b"keyslot\n"
    )
    said = f"Guest a did not start: its disk vda \\({IMAGE}\\) cannot be opened with the value of the secret {named}"
    with pytest.raises(OperationFailed, match=said) as caught:
        connection.hypervisor.start_domain("a")
    assert caught.value.details["secret"] == named and "corral.virt.secret" in (caught.value.hint or "")
    machine.dies = b"qemu-system-x86_64: -blockdev {}: Invalid password, of something else\n"
    with pytest.raises(OperationFailed, match=r"QEMU said: .*something else"):
        connection.hypervisor.start_domain("a")


def test_every_start_has_a_key_of_its_own(machine: GuestHost) -> None:
    connection = opened(machine)
    keep(connection)
    seen = set()
    for _start in range(2):
        connection.hypervisor.start_domain("a")
        sealed = objects(argv(machine))["libvirt-1-format-encryption-secret0"]
        seen.add((machine.files[KEY].data, sealed["iv"], sealed["data"]))
        connection.hypervisor.destroy_domain("a")
    assert len({part for row in seen for part in row}) == 6


def test_the_value_is_seen_nowhere(machine: GuestHost) -> None:
    connection = opened(machine)
    keep(connection)
    connection.hypervisor.start_domain("a")
    shown = [connection.hypervisor.domain_command("a"), *connection.hypervisor.domain_argv("a")]
    texts = [*shown, to_text(connection.hypervisor.domain_xml("a")), repr(machine.calls), repr(connection.explain())]
    assert not [text for text in texts if VALUE.decode() in text]
    places = [path for path, node in machine.files.items() if VALUE in node.data]
    assert places == []
    assert not [call for call in machine.calls if KEY in str(call[1]) and call[0] == "run"]


def test_what_is_only_shown_needs_no_secret(machine: GuestHost) -> None:
    words = opened(machine, read_only=True).hypervisor.domain_argv("a")
    assert objects(words)["libvirt-1-format-encryption-secret0"]["data"] == "(secret)"


@pytest.mark.parametrize(
    ("usage", "value", "words"),
    [
        ("", b"", "there is no secret with the uuid"),
        ("volume", b"", "has no value"),
        ("ceph", VALUE, "is for ceph, and one with the usage volume is needed"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_secret_that_is_missing_is_foreseen(
    machine: GuestHost, usage: str, value: bytes, words: str, read_only: bool
) -> None:
    if usage:
        keep(opened(machine), usage, value)
    hypervisor = opened(machine, read_only=read_only).hypervisor
    with pytest.raises(UnsupportedConfig, match=words):
        hypervisor.check_start(hypervisor.domain_xml("a"))
    if not read_only:
        with pytest.raises(UnsupportedConfig, match=words):
            hypervisor.start_domain("a")
        assert KEY not in machine.files and "a" not in machine.guests


def test_a_check_that_finds_the_secret_reads_no_value(machine: GuestHost) -> None:
    keep(opened(machine))
    hypervisor = opened(machine, read_only=True).hypervisor
    count = machine.mutations
    hypervisor.check_start(hypervisor.domain_xml("a"))
    assert machine.mutations == count


def test_a_run_that_is_killed_leaves_no_key(machine: GuestHost) -> None:
    keep(opened(machine))
    for step in range(1, MOST):
        host = deepcopy(machine)
        connection = opened(host)
        host.kill_at(step)
        try:
            connection.hypervisor.start_domain("a")
        except Killed:
            host.revive()
            ready = opened(host).hypervisor.lookup_domain("a").active
            again = opened(host).hypervisor
            if not ready:
                again.start_domain("a")
            assert host.owner(KEY) == (0, 0), f"killed at step {step}"
            again.destroy_domain("a")
            assert KEY not in host.files, f"killed at step {step}"
            continue
        return
    pytest.fail(f"more than {MOST} steps")


# TPM


@pytest.fixture
def tpm_machine() -> HelperHost:
    host = HelperHost()
    opened(host).hypervisor.define_domain(document("a", TPM))
    return host


def test_the_passphrase_of_a_tpm_is_in_a_file_until_the_guest_runs(tpm_machine: HelperHost) -> None:
    connection = opened(tpm_machine)
    keep(connection, "vtpm")
    found: List[Any] = []
    before = tpm_machine.on_spawn

    def start(started: FakeProcess) -> None:
        if PASSPHRASE in tpm_machine.files:
            node = tpm_machine.files[PASSPHRASE]
            found.append((node.data, node.owner, node.mode & 0o777))
        before(started)

    tpm_machine.on_spawn = start
    connection.hypervisor.start_domain("a")
    assert found == [(VALUE, RUNNER, 0o400)] * 2  # swtpm, then QEMU
    assert PASSPHRASE not in tpm_machine.files
    setup = next(argv for call, argv in tpm_machine.calls if call == "run" and argv[0] == "swtpm_setup")
    assert setup[-4:] == ("--pwdfile", PASSPHRASE, "--cipher", "aes-256-cbc")
    swtpm = next(each.argv for call, each in tpm_machine.calls if call == "spawn" and each.argv[0].endswith("swtpm"))
    assert swtpm[swtpm.index("--key") + 1] == f"pwdfile={PASSPHRASE},mode=aes-256-cbc"
    assert [path for path, node in tpm_machine.files.items() if VALUE in node.data] == []


@pytest.mark.parametrize(("usage", "words"), [("", "there is no secret"), ("volume", "usage vtpm is needed")])
def test_a_tpm_without_its_secret(tpm_machine: HelperHost, usage: str, words: str) -> None:
    connection = opened(tpm_machine)
    if usage:
        keep(connection, usage)
    with pytest.raises(UnsupportedConfig, match=words):
        connection.hypervisor.start_domain("a")


@pytest.mark.parametrize(
    ("name", "devices", "error", "words"),
    [
        ("a", TPM.replace(f" secret='{UUID}'", ""), XmlError, "names its secret"),
        ("a,b", TPM, UnsupportedConfig, "comma in a path"),
    ],
)
def test_tpms_that_are_refused(name: str, devices: str, error: type[CorralError], words: str) -> None:
    connection = opened(HelperHost())
    keep(connection, "vtpm")
    with pytest.raises(error, match=words):
        connection.hypervisor.define_domain(document(name, devices))
        connection.hypervisor.start_domain(name)
