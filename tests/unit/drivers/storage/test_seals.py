# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secret that a volume was made with: it is kept, named, used again, and never taken for another one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Content
from ansible_collections.corral.virt.plugins.module_utils.drivers.secret.driver import KeptSecrets
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.driver import HostStorage
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.live import seals
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.passes.complete_volume import complete_volume
from ansible_collections.corral.virt.plugins.module_utils.drivers.storage.types.base import LUKS_HEADER, Found
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CommandFailed,
    CorralError,
    NotFound,
    OperationDenied,
    OperationFailed,
    OperationInvalid,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.model.storage.pool import Pool
from ansible_collections.corral.virt.plugins.module_utils.model.storage.volume import Volume
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse
from ansible_collections.corral.virt.tests.unit.drivers.storage.small_pools import Around, Guests, PoolHost, pool

MIB = 1 << 20
VALUE = b"open sesame"
ORIGINS = Layout.system().volume_origins("a")


@pytest.fixture
def host() -> PoolHost:
    return PoolHost()


@pytest.fixture
def secrets(host: PoolHost) -> KeptSecrets:
    """A driver with the secrets one and two."""
    made = KeptSecrets(host, Layout.system())
    for usage in ("one", "two"):
        define(made, usage)
    return made


def define(secrets: KeptSecrets, usage: str, value: bytes = VALUE) -> str:
    document = f"<secret private='yes'><usage type='volume'><volume>{usage}</volume></usage></secret>"
    uuid = secrets.define_secret(parse(document)).uuid
    secrets.set_secret_value(uuid, value)
    return uuid


@pytest.fixture
def driver(host: PoolHost, secrets: KeptSecrets) -> HostStorage:
    """A driver with the active pool a."""
    made = on(host, secrets)
    made.define_pool(pool())
    made.build_pool("a")
    made.start_pool("a")
    return made


def on(host: PoolHost, secrets: KeptSecrets, *, read_only: bool = False) -> HostStorage:
    made = HostStorage(host, Layout.system(), read_only=read_only)
    made.meet(Around(Guests(), secrets))  # type: ignore[arg-type]
    return made


def sealed(name: str = "v", secret: str = "usage='one'", size: int = MIB, format: str = "raw") -> Element:
    """The document of a volume; without a secret it is not encrypted."""
    seal = f"<encryption format='luks'><secret type='passphrase' {secret}/></encryption>" if secret else ""
    target = f"<target><format type='{format}'/>{seal}</target>"
    return parse(f"<volume><name>{name}</name><capacity>{size}</capacity>{target}</volume>")


def secret_of(document: Element) -> dict[str, str]:
    found = document.find("target/encryption/secret")
    return {} if found is None else {str(key): str(value) for key, value in found.items() if key != "type"}


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_the_secret_is_kept_and_used_again(host: PoolHost, driver: HostStorage, format: str) -> None:
    driver.create_volume("a", sealed(format=format))
    assert secret_of(driver.volume_xml("a", "v")) == {"usage": "one"}
    assert VALUE not in b"".join(file.data for path, file in host.files.items() if "secrets" not in path)
    driver.resize_volume("a", "v", 2 * MIB)
    assert driver.lookup_volume("a", "v").capacity == 2 * MIB
    driver.create_volume("a", sealed("w", "usage='two'", 2 * MIB), content=Content(volume=("a", "v")))
    assert secret_of(driver.volume_xml("a", "w")) == {"usage": "two"}


def test_a_copy_is_sealed_as_the_original(driver: HostStorage) -> None:
    driver.create_volume("a", sealed())
    content = Content(volume=("a", "v"), origin="it")
    foreseen = driver.normalise_volume("a", sealed("w", ""), content=content)
    assert secret_of(foreseen) == {"usage": "one"}
    driver.create_volume("a", sealed("w", ""), content=content)
    assert secret_of(driver.volume_xml("a", "w")) == {"usage": "one"}
    assert driver.lookup_volume("a", "w").origin == "it"


def test_a_check_reads_no_value(host: PoolHost, driver: HostStorage, secrets: KeptSecrets) -> None:
    driver.create_volume("a", sealed())
    looking = on(host, secrets, read_only=True)
    secrets.use_secret_value = lambda reference: pytest.fail("a value was read")  # type: ignore[method-assign]
    looking.normalise_volume("a", sealed("w", ""), content=Content(volume=("a", "v")))
    looking.normalise_volume("a", sealed("w"))


def test_the_same_secret_by_another_name(driver: HostStorage, secrets: KeptSecrets) -> None:
    driver.create_volume("a", sealed())
    uuid, other = (secrets.lookup_secret(f"volume:{name}").uuid for name in ("one", "two"))
    assert secret_of(driver.normalise_volume("a", sealed(secret=f"uuid='{uuid}'"))) == {"usage": "one"}
    for wanted in (f"uuid='{other}'", "usage='two'", "usage='nothing'"):
        assert secret_of(driver.normalise_volume("a", sealed(secret=wanted))) != {"usage": "one"}
    unnamed = "<volume><name>v</name><target><encryption format='luks'/></target></volume>"
    assert secret_of(driver.normalise_volume("a", parse(unnamed))) == {"usage": "one"}


def test_a_secret_that_has_gone(driver: HostStorage, secrets: KeptSecrets) -> None:
    driver.create_volume("a", sealed())
    secrets.undefine_secret("volume:one")
    define(secrets, "/srv/a/v", b"another")  # which is not the one that it was made with
    with pytest.raises(OperationInvalid, match="was made with the secret one, which is not there"):
        driver.resize_volume("a", "v", 2 * MIB)
    define(secrets, "one")
    driver.resize_volume("a", "v", 2 * MIB)


def test_of_a_volume_of_somebody_else_its_path_is_asked(
    host: PoolHost, driver: HostStorage, secrets: KeptSecrets
) -> None:
    driver.create_volume("a", sealed())
    host.remove(ORIGINS)
    assert secret_of(driver.volume_xml("a", "v")) == {}
    with pytest.raises(OperationInvalid, match="is encrypted, and there is no secret for it"):
        driver.resize_volume("a", "v", 2 * MIB)
    define(secrets, "a/v")
    driver.resize_volume("a", "v", 2 * MIB)


def test_a_new_volume_needs_a_secret_with_a_value(driver: HostStorage, secrets: KeptSecrets) -> None:
    with pytest.raises(NotFound, match="volume:none"):
        driver.normalise_volume("a", sealed(secret="usage='none'"))
    secrets.define_secret(parse("<secret><usage type='volume'><volume>empty</volume></usage></secret>"))
    for act in (driver.normalise_volume, driver.create_volume):
        with pytest.raises(OperationInvalid, match="has no value"):
            act("a", sealed(secret="usage='empty'"))  # type: ignore[operator]
    assert driver.list_volumes("a") == []


def test_what_is_wiped_or_replaced_has_no_secret_any_more(host: PoolHost, driver: HostStorage) -> None:
    driver.create_volume("a", sealed())
    driver.wipe_volume("a", "v")
    assert json.loads(host.data(ORIGINS)) == {}
    assert driver.volume_xml("a", "v").find("target/encryption") is None
    driver.delete_volume("a", "v")
    driver.create_volume("a", sealed(secret=""))
    assert driver.volume_xml("a", "v").find("target/encryption") is None


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_no_layer_stands_on_what_is_encrypted(driver: HostStorage, format: str) -> None:
    driver.create_volume("a", sealed(format=format))
    below = f"<backingStore><path>/srv/a/v</path><format type='{format}'/></backingStore>"
    layer = f"<volume><name>w</name><capacity>{MIB}</capacity><target><format type='qcow2'/></target>{below}</volume>"
    with pytest.raises(OperationDenied, match="/srv/a/v is encrypted, and volume w cannot be a layer above it"):
        driver.create_volume("a", parse(layer))


def test_a_run_that_is_killed_leaves_no_volume_of_which_it_is_not_known(host: PoolHost, driver: HostStorage) -> None:
    real = host.rename

    def killed(path: str, target: str, *, replace: bool = False) -> bool:
        assert not target.endswith("/v") or json.loads(host.data(ORIGINS))["v"]["usage"] == "one"
        return real(path, target, replace=replace)

    host.rename = killed  # type: ignore[method-assign]
    driver.create_volume("a", sealed())
    assert secret_of(driver.volume_xml("a", "v")) == {"usage": "one"}


# devices


@pytest.mark.parametrize("grain", [512, MIB, 4 * MIB])
@pytest.mark.parametrize("size", [1, MIB, 7 * MIB + 1])
def test_a_device_is_as_large_as_what_a_guest_sees_and_the_header(grain: int, size: int) -> None:
    group = Pool(pool("logical"))
    document = parse(f"<volume><name>v</name><capacity>{size}</capacity></volume>")
    wanted = sealed(size=size)
    first = Volume(complete_volume(wanted, group, grain=grain))
    found = (first.size() or 0) + LUKS_HEADER
    assert found % grain == 0 and size <= (first.size() or 0) < size + grain
    there = seals.as_sealed(Found("v", "/dev/vg/v", "v", capacity=found))
    target = "<target><encryption format='luks'/></target>"
    kept = parse(f"<volume><name>v</name><capacity>{there.capacity}</capacity>{target}</volume>")
    for again in (wanted, document):
        assert Volume(complete_volume(again, group, kept=kept, grain=grain)).size() == there.capacity


def test_a_device_without_a_header_is_not_sealed(host: PoolHost, driver: HostStorage) -> None:
    host.add_file("/dev/x", b"LUKS\xba\xbe\0\1")
    host.add_file("/dev/y", b"\0" * 512)
    scene = driver._active("a")
    assert [seals.is_sealed(scene, Found(name, f"/dev/{name}", name)) for name in "xyz"] == [True, False, False]


def test_without_secrets(driver: HostStorage) -> None:
    scene = replace(driver._active("a"), neighbours=None)
    with pytest.raises(CorralError, match="no secrets on this connection"):
        seals.opener(scene, "v", "/srv/a/v", None)


@pytest.mark.parametrize("named", ["usage='one'", "uuid='{}'"])
def test_a_value_that_opens_nothing_is_told_with_volume_and_secret(
    host: PoolHost, driver: HostStorage, secrets: KeptSecrets, named: str
) -> None:
    named = named.format(secrets.lookup_secret("volume:one").uuid)
    driver.create_volume("a", sealed(secret=named))
    words = b"qemu-img: Could not open 'driver=luks,key-secret=key0': Invalid password, cannot unlock any keyslot\n"
    host.add_program("qemu-img", lambda argv, stdin: Completed(tuple(argv), 1, b"", words))
    said = r"Volume v of pool a cannot be opened with the value of the secret [-:\w]+: it was encrypted with another"
    with pytest.raises(OperationFailed, match=said) as caught:
        driver.resize_volume("a", "v", 2 * MIB)
    assert caught.value.details["secret"] in (f"volume:{named[7:-1]}", named[6:-1])
    assert "corral.virt.secret" in (caught.value.hint or "")
    with pytest.raises(OperationFailed, match=r"The image /srv/a/v cannot be opened with the value of the secret"):
        driver.create_volume("a", sealed("copy", secret=""), content=Content(volume=("a", "v")))
    assert [volume.name for volume in driver.list_volumes("a")] == ["v"]


def test_other_words_of_qemu_img_are_left_as_they_are(host: PoolHost, driver: HostStorage) -> None:
    driver.create_volume("a", sealed())
    host.add_program("qemu-img", lambda argv, stdin: Completed(tuple(argv), 1, b"", b"qemu-img: No space left\n"))
    with pytest.raises(CommandFailed, match="No space left"):
        driver.resize_volume("a", "v", 2 * MIB)
