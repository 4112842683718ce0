# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which URIs the qemu driver takes, leaves to others and refuses; every bad input has one sentence that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.connect.uri import parse_uri
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Declined, Request, Success
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.open import open_driver
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, MissingProgram, UriError
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import document, driver_on

if TYPE_CHECKING:
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost


def ask(host: GuestHost, uri: str, *, read_only: bool = False) -> Union[Success, Declined]:
    return open_driver(Request(parse_uri(uri) if uri else None, host, read_only))


def refused(host: GuestHost, uri: str) -> str:
    with pytest.raises(CorralError) as caught:
        ask(host, uri)
    assert str(caught.value).count("\n") == 0
    return str(caught.value)


@pytest.fixture
def user(machine: GuestHost) -> GuestHost:
    """The host as somebody who is not root."""
    machine.identity = (1000, 1000)
    machine.environment["HOME"] = "/home/me"
    machine.add_directory("/home/me", owner=(1000, 1000))
    return machine


# taken


def test_system_of_root(machine: GuestHost) -> None:
    driver = driver_on(machine, "qemu:///system")
    assert (driver.layout().config, driver.layout().private) == ("/etc/corral", False)
    assert driver.explain()["qemu_user"] == "libvirt-qemu"
    assert driver.version() == {"emulator": "/usr/bin/qemu-system-x86_64", "qemu": "9.0.1", "kvm": False}


def test_session_of_a_user(user: GuestHost) -> None:
    driver = driver_on(user, "qemu:///session")
    assert driver.layout().config == "/home/me/.config/corral"
    assert driver.explain()["qemu_user"] == "the user who opened the connection"


def test_session_of_root_is_its_own(machine: GuestHost) -> None:
    driver = driver_on(machine, "qemu:///session")
    assert driver.layout().config == "/root/.config/corral"
    assert driver.site.runner is None


def test_embed_keeps_everything_below_its_root(machine: GuestHost) -> None:
    machine.add_directory("/srv/lab")
    driver = driver_on(machine, "qemu:///embed?root=/srv/lab/../lab/")
    driver.define_domain(document())
    driver.start_domain("a")
    assert machine.below("/etc/corral") == machine.below("/run/corral") == machine.below("/var/log/corral") == []
    assert "/srv/lab/etc/corral/domains/a.xml" in machine.below("/srv/lab")


def test_embed_of_a_user(user: GuestHost) -> None:
    user.add_directory("/home/me/lab", owner=(1000, 1000))
    assert driver_on(user, "qemu:///embed?root=/home/me/lab").layout().private


def test_embed_root_behind_a_link(machine: GuestHost) -> None:
    machine.add_directory("/srv/lab")
    machine.symlink("/srv/lab", "/srv/link")
    assert driver_on(machine, "qemu:///embed?root=/srv/link").layout().config == "/srv/link/etc/corral"


def test_embed_root_that_is_only_looked_at(user: GuestHost) -> None:
    user.add_directory("/srv/lab")
    assert isinstance(ask(user, "qemu:///embed?root=/srv/lab", read_only=True), Success)


# probed


def test_probe_as_root(machine: GuestHost) -> None:
    answer = ask(machine, "")
    assert isinstance(answer, Success) and answer.uri == parse_uri("qemu:///system")


def test_probe_as_a_user(user: GuestHost) -> None:
    answer = ask(user, "")
    assert isinstance(answer, Success) and answer.uri == parse_uri("qemu:///session")


def test_probe_without_qemu_declines(machine: GuestHost) -> None:
    machine.programs.clear()
    answer = ask(machine, "")
    assert isinstance(answer, Declined)
    assert answer.reason.startswith("The program qemu-system-x86_64 is missing on this host. Install QEMU")


def test_probe_on_an_odd_machine_declines(machine: GuestHost) -> None:
    machine.cpu = "pdp11"
    answer = ask(machine, "")
    assert answer == Declined("QEMU does not emulate arch='pdp11'.")


def test_qemu_kvm_of_other_distributions(machine: GuestHost) -> None:
    machine.programs.clear()
    machine.add_file("/usr/libexec/qemu-kvm", mode=0o755)
    driver = driver_on(machine)
    assert driver.site.binary() == "/usr/libexec/qemu-kvm"


# left to others


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("test:///default", "the scheme is test, not qemu"),
        ("qemu+ssh://host/system", "+ssh belongs to the remote driver"),
        ("qemu+unix:///system", "+unix belongs to the remote driver"),
        ("qemu://host/system", "the host host belongs to the remote driver"),
        ("qemu://root@[::1]:22/system", "the host ::1 belongs to the remote driver"),
    ],
)
def test_declined(machine: GuestHost, uri: str, reason: str) -> None:
    assert ask(machine, uri) == Declined(reason)


def test_a_foreign_uri_is_declined_without_qemu_too(machine: GuestHost) -> None:
    machine.programs.clear()
    assert isinstance(ask(machine, "qemu+ssh://host/system"), Declined)


# refused


def test_uri_without_qemu_on_the_host(machine: GuestHost) -> None:
    machine.programs.clear()
    with pytest.raises(MissingProgram, match=r"qemu-system-x86_64 is missing on this host\. Install QEMU: "):
        ask(machine, "qemu:///system")


@pytest.mark.parametrize(
    ("uri", "near"),
    [
        ("qemu:///sytem", "qemu:///system"),
        ("qemu:///System", "qemu:///system"),
        ("qemu:///sesion", "qemu:///session"),
        ("qemu:///embedded?root=/srv", "qemu:///embed"),
        ("qemu:///system/", "qemu:///system"),
        ("qemu:///x", "qemu:///system"),
    ],
)
def test_path_that_is_misspelt(machine: GuestHost, uri: str, near: str) -> None:
    path = parse_uri(uri).path
    told = refused(machine, uri)
    assert told.startswith(f"The qemu driver has no path '{path}'. Did you mean {near}?")


@pytest.mark.parametrize("uri", ["qemu://", "qemu:///"])
def test_path_that_is_missing(machine: GuestHost, uri: str) -> None:
    assert refused(machine, uri) == "The URI qemu:// has no path. Write qemu:///system or qemu:///session."


def test_system_of_a_user(user: GuestHost) -> None:
    told = refused(user, "qemu:///system")
    assert told == (
        "qemu:///system belongs to root, and this is another user. "
        "Use become: true, or write qemu:///session for guests of your own."
    )


def test_session_of_a_user_without_a_home(user: GuestHost) -> None:
    del user.environment["HOME"]
    assert "Set HOME or XDG_CONFIG_HOME" in refused(user, "qemu:///session")


@pytest.mark.parametrize(
    "uri", ["qemu:///system?root=/srv", "qemu:///session?x=1", "qemu:///embed?root=/srv&socket=/x"]
)
def test_parameters_that_are_not_known(machine: GuestHost, uri: str) -> None:
    assert "has no parameter" in refused(machine, uri)


@pytest.mark.parametrize("query", ["", "?root=", "?root=lab", "?root=./lab"])
def test_embed_without_an_absolute_root(machine: GuestHost, query: str) -> None:
    told = refused(machine, f"qemu:///embed{query}")
    assert told.endswith("Write qemu:///embed?root=/absolute/directory.")


def test_embed_root_that_is_missing(machine: GuestHost) -> None:
    told = refused(machine, "qemu:///embed?root=/srv/lab")
    assert told == "The embed root /srv/lab does not exist. Create the directory first."


def test_embed_root_that_is_no_directory(machine: GuestHost) -> None:
    machine.add_file("/srv/lab")
    assert refused(machine, "qemu:///embed?root=/srv/lab").startswith("The embed root /srv/lab is a file.")
    machine.symlink("/nowhere", "/srv/link")
    assert "does not exist" in refused(machine, "qemu:///embed?root=/srv/link")


def test_an_embed_root_that_qemus_user_cannot_get_to(machine: GuestHost) -> None:
    machine.add_directory("/srv", mode=0o700)
    machine.add_directory("/srv/lab")
    told = refused(machine, "qemu:///embed?root=/srv/lab")
    assert told.startswith("QEMU runs as libvirt-qemu, who cannot pass through /srv to the embed root /srv/lab.")
    assert told.endswith("chmod o+x /srv")
    machine.change_mode("/srv", 0o711)
    machine.change_mode("/srv/lab", 0o700)
    assert "cannot pass through /srv/lab to the embed root" in refused(machine, "qemu:///embed?root=/srv/lab")


def test_embed_root_that_cannot_be_written(user: GuestHost) -> None:
    user.add_directory("/srv/lab")
    told = refused(user, "qemu:///embed?root=/srv/lab")
    assert told == "The embed root /srv/lab cannot be written. Choose another, or change its owner."


def test_an_error_ends_the_walk_and_is_what_the_user_sees(user: GuestHost) -> None:
    with pytest.raises(UriError, match="belongs to root"):
        open_connection("qemu:///system", host=user)


# opening puts in order what died


def test_opening_cleans_up_and_looking_does_not(machine: GuestHost) -> None:
    driver = driver_on(machine)
    driver.define_domain(document())
    driver.start_domain("a")
    machine.end("a")
    driver_on(machine, read_only=True)
    assert machine.stat("/run/corral/guests/a") is not None
    driver_on(machine)
    assert machine.stat("/run/corral/guests/a") is None


def test_opening_leaves_a_guest_alone_that_another_run_works_on(machine: GuestHost) -> None:
    driver = driver_on(machine)
    driver.define_domain(document())
    driver.start_domain("a")
    machine.end("a")
    machine.locks.add("/run/corral/locks/domain-a.lock")
    driver_on(machine)
    assert machine.stat("/run/corral/guests/a") is not None


def test_opening_survives_a_damaged_status(machine: GuestHost) -> None:
    driver_on(machine).define_domain(document())
    machine.add_file("/run/corral/domains/b.json", b"{")
    assert driver_on(machine).lookup_domain("a").name == "a"
