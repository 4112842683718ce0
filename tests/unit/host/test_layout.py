# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where everything is: the three layouts, and names that become file names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.errors import HostError, InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import (
    FOLDERS,
    NAME_LIMIT,
    Layout,
    check_name,
    short_name,
)

SOCKET_PATH_LIMIT = 107


def test_system_layout() -> None:
    layout = Layout.system()
    assert layout.config_document("domain", "a") == "/etc/corral/domains/a.xml"
    assert layout.autostart_link("domain", "a") == "/etc/corral/domains/autostart/a.xml"
    assert layout.live_document("domain", "a") == "/run/corral/domains/a.xml"
    assert layout.live_status("network", "n") == "/run/corral/networks/n.json"
    assert layout.domain_directory("a") == "/run/corral/guests/a"
    assert layout.monitor("a") == "/run/corral/guests/a/monitor.sock"
    assert layout.workplace("a") == "/run/corral/guests/a/qemu"
    assert layout.journal("a") == "/run/corral/guests/a/journal"
    assert layout.handed("a") == "/var/lib/corral/handed/a.json"
    assert layout.domain_log("a") == "/var/log/corral/domains/a.log"
    assert layout.domain_console_log("a") == "/var/log/corral/consoles/a.log"
    assert layout.nvram("a") == "/var/lib/corral/nvram/a_VARS.fd"
    assert layout.images == "/var/lib/corral/images"
    assert layout.network_conf("n") == "/var/lib/corral/networks/n.conf"
    assert layout.network_hosts("n") == "/var/lib/corral/networks/n.hosts"
    assert layout.network_addnhosts("n") == "/var/lib/corral/networks/n.addnhosts"
    assert layout.network_leases("n") == "/var/lib/corral/networks/n.leases"
    assert layout.network_log("n") == "/var/log/corral/networks/n.log"
    assert layout.network_pid("n") == "/run/corral/networks/n.pid"
    assert layout.lock("domain", "a") == "/run/corral/locks/domain-a.lock"
    assert layout.config_file == "/etc/corral/corral.conf"
    assert not layout.private


def test_session_layout_has_the_xdg_defaults() -> None:
    host = FakeHost(euid=1000, egid=1000)
    host.environment = {"HOME": "/home/u"}
    layout = Layout.session(host)
    assert layout.config == "/home/u/.config/corral"
    assert layout.state == "/home/u/.local/share/corral"
    assert layout.log == "/home/u/.local/state/corral/log"
    assert layout.cache == "/home/u/.cache/corral"
    assert layout.runtime == "/home/u/.cache/corral/run"
    assert layout.config_file == "/home/u/.config/corral/corral.conf"
    assert layout.private


def test_session_layout_obeys_xdg_variables_but_not_relative_ones() -> None:
    host = FakeHost(euid=1000)
    host.environment = {
        "HOME": "/home/u/",
        "XDG_CONFIG_HOME": "/c/",
        "XDG_DATA_HOME": "relative",
        "XDG_RUNTIME_DIR": "/run/user/7",
        "XDG_CACHE_HOME": "/k",
        "XDG_STATE_HOME": "/s",
    }
    layout = Layout.session(host)
    assert (layout.config, layout.state) == ("/c/corral", "/home/u/.local/share/corral")
    assert (layout.runtime, layout.cache, layout.log) == ("/run/user/7/corral", "/k/corral", "/s/corral/log")


def test_session_layout_finds_the_runtime_directory_without_its_variable() -> None:
    """sudo and cron lack XDG_RUNTIME_DIR; they must see the guests that the login sees."""
    host = FakeHost(euid=1000)
    host.environment = {"HOME": "/home/u"}
    host.add_directory("/run/user/1000", owner=(1000, 1000))
    assert Layout.session(host).runtime == "/run/user/1000/corral"
    host.add_directory("/run/user/1001", owner=(0, 0))
    host.identity = (1001, 1001)
    assert Layout.session(host).runtime == "/home/u/.cache/corral/run"


def test_session_without_home_says_what_to_set() -> None:
    host = FakeHost(euid=1000)
    host.environment = {}
    with pytest.raises(HostError, match="Set HOME"):
        Layout.session(host)


def test_embed_layout_is_the_system_tree_below_its_root() -> None:
    layout = Layout.embed("/srv/lab/")
    assert layout.config_document("domain", "a") == "/srv/lab/etc/corral/domains/a.xml"
    assert layout.runtime == "/srv/lab/run/corral"
    assert layout.private
    assert not Layout.embed("/srv/lab", private=False).private


def test_prepare_makes_every_directory_once() -> None:
    host = FakeHost()
    layout = Layout.system()
    layout.prepare(host)
    modes = {path: host.files[path].mode for path, _mode in layout.directories()}
    assert modes == dict(layout.directories())
    before = host.mutations
    layout.prepare(host)
    assert host.mutations == before


def test_parents_come_before_their_directories() -> None:
    paths = [path for path, _mode in Layout.system().directories()]
    for index, path in enumerate(paths):
        assert not any(other.startswith(path + "/") for other in paths[:index])


def test_private_layouts_let_nobody_else_in() -> None:
    assert {mode for _path, mode in Layout.embed("/x").directories()} == {0o700}


def test_qemu_can_pass_through_to_its_own_files() -> None:
    modes = dict(Layout.system().directories())
    for path in ("/run/corral", "/run/corral/guests", "/var/lib/corral/nvram", "/var/log/corral/consoles"):
        assert modes[path] & 0o001
    for secret in ("/etc/corral/domains", "/run/corral/domains", "/var/lib/corral/secrets", "/run/corral/locks"):
        assert modes[secret] == 0o700


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "must not be empty"),
        ("a/b", "must not contain a slash"),
        ("..", "must not begin with a dot"),
        (".hidden", "must not begin with a dot"),
        ("a\0b", "must not contain control characters"),
        ("a\nb", "must not contain control characters"),
        (" a", "must not begin or end with a space"),
        ("a\u00a0", "must not begin or end with a space"),
        ("x" * (NAME_LIMIT + 1), f"takes at most {NAME_LIMIT} bytes"),
        ("é" * (NAME_LIMIT // 2 + 1), f"takes at most {NAME_LIMIT} bytes"),
    ],
)
def test_names_that_no_file_can_have(name: str, rule: str) -> None:
    with pytest.raises(InvalidArgument, match=rule):
        check_name("domain", name)
    with pytest.raises(InvalidArgument, match=rule):
        Layout.system().lock("domain", name)


def test_ordinary_names_pass() -> None:
    for name in ("web-1", "Windows 10 (old)", "gäst", "a" * NAME_LIMIT, "x.y"):
        assert check_name("domain", name) == name


def test_short_names() -> None:
    assert short_name("a" * 20) == "a" * 20
    assert short_name("a" * 21) != short_name("a" * 22)
    assert len(short_name("é" * 90).encode()) <= 29
    literal = short_name("a" * 21)
    assert short_name(literal) != literal, "a guest that is named like another one's short name has another directory"


@given(st.text(min_size=1, max_size=80))
def test_sockets_of_any_guest_fit(name: str) -> None:
    try:
        check_name("domain", name)
    except InvalidArgument:
        return
    layout = Layout.system()
    for path in (layout.monitor(name), f"{layout.workplace(name)}/spice.sock"):
        assert len(path.encode("utf-8", "surrogateescape")) <= SOCKET_PATH_LIMIT


@given(st.sets(st.text(alphabet="ab-.", min_size=1, max_size=30), min_size=2, max_size=2))
def test_two_guests_never_share_a_path(names: set[str]) -> None:
    layout = Layout.system()
    methods = (
        layout.handed,
        layout.journal,
        layout.domain_directory,
        layout.domain_log,
        layout.domain_console_log,
        layout.nvram,
    )
    try:
        paths = [method(name) for name in names for method in methods]
    except InvalidArgument:
        return
    assert len(set(paths)) == len(paths)


def test_helpers_of_two_guests_never_share_a_log() -> None:
    layout = Layout.system()
    rows = [("a", "fs0"), ("a.b", "fs0"), ("a", "ua-fs0"), ("a", "x" * 100), ("a", "x" * 101), ("a.x", "tpm0")]
    paths = [layout.helper_log(name, device) for name, device in rows]
    assert len(set(paths)) == len(rows)
    assert all(len(path.rpartition("/")[2]) <= 255 for path in paths)


def test_locks_of_kinds_names_and_ids_are_distinct() -> None:
    layout = Layout.system()
    locks = [
        method
        for kind in FOLDERS
        for method in (layout.names_lock(kind), layout.ids_lock(kind), layout.lock(kind, "ids"), layout.lock(kind, "x"))
    ]
    assert len(set(locks)) == len(locks)
