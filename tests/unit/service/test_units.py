# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of units, and errors that come from another process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils import errors
from ansible_collections.corral.virt.plugins.module_utils.drivers.units import (
    Units,
    escaped,
    from_plain,
    instance_of,
    name_of,
    to_plain,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout, check_name


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        ("web", "web"),
        ("a.b_c:1", "a.b_c:1"),
        ("web-1", "web\\x2d1"),
        ("my guest", "my\\x20guest"),
        ("100%", "100\\x25"),
        ("a\\x2db", "a\\x5cx2db"),
        ("grün", "gr\\xc3\\xbcn"),
    ],
)
def test_names_as_systemd_escapes_them(name: str, instance: str) -> None:
    assert escaped(name) == instance
    assert name_of(instance, ()) == name


NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=200)


@given(NAMES)
def test_every_name_has_a_unit_of_its_own(name: str) -> None:
    try:
        check_name("domain", name)
    except errors.InvalidArgument:
        return
    instance = instance_of(name)
    assert name_of(instance, ["another", name]) == name
    assert len(f"corral-network@{instance}.service") < 256
    assert not set(instance) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-")


def test_a_name_that_is_too_long_is_found_among_those_that_there_are() -> None:
    name = "ü" * 90
    assert "-" in instance_of(name)
    assert name_of(instance_of(name), ["x", name, "ü" * 91]) == name


def everyone(kind: type[CorralError] = CorralError) -> Iterator[type[CorralError]]:
    """Every error of the tree; drivers have some of their own."""
    if kind.__module__ == errors.__name__:
        yield kind
    for each in kind.__subclasses__():
        yield from everyone(each)


def example(kind: type[CorralError]) -> CorralError:
    own = {
        errors.MissingLibrary: lambda: errors.MissingLibrary("lxml", hint="Install it."),
        errors.MissingProgram: lambda: errors.MissingProgram("nft"),
        errors.CommandFailed: lambda: errors.CommandFailed(["nft", "-f"], 1, "no"),
        errors.MonitorError: lambda: errors.MonitorError("cont", "GenericError", "no"),
        errors.MonitorClosed: lambda: errors.MonitorClosed("cont"),
        errors.XmlError: lambda: errors.XmlError("it is wrong.", line=3, hint="Mend it."),
    }
    return own.get(kind, lambda: kind("It did not work.", hint="Try again.", name="a"))()


@pytest.mark.parametrize("kind", list(everyone()), ids=lambda kind: str(kind.__name__))
def test_an_error_is_the_same_in_another_process(kind: type[CorralError]) -> None:
    error = example(kind)
    again = from_plain(json.loads(json.dumps(to_plain(error), default=str)))
    assert (type(again), str(again), again.message, again.hint) == (kind, str(error), error.message, error.hint)
    assert json.dumps(again.details) == json.dumps(error.details)
    assert set(vars(again)) == set(vars(error))


@pytest.mark.parametrize("plain", [{}, {"error": ["Nonsense"], "message": "x"}, {"error": ["CorralError"]}])
def test_an_answer_that_says_little_is_an_error_all_the_same(plain: dict[str, Any]) -> None:
    assert str(from_plain(plain)) == plain.get("message", "")


def test_an_error_that_is_not_known_here_is_the_nearest_that_is() -> None:
    plain = {**to_plain(errors.TimedOut("It took too long.")), "error": ["Slow", "TimedOut", "CorralError"]}
    assert from_plain(plain).__class__ is errors.TimedOut


def test_an_order_that_is_no_json_is_none() -> None:
    host = FakeHost()
    units = Units(host, Layout.system(), "domain")
    host.add_file("/run/corral/units/vm@a.order", b"{")
    assert units.take_order("a", "start") == {}
    assert host.stat("/run/corral/units/vm@a.order") is None


@pytest.mark.parametrize("kind", ["secret", "nwfilter"])
def test_what_is_never_active_has_no_unit(kind: str) -> None:
    assert not Units(FakeHost(), Layout.system(), kind).installed


def test_an_order_waits_for_the_launcher_that_it_is_for() -> None:
    """systemd may still clean up after the last life of a guest when somebody orders the next one."""
    host = FakeHost()
    units = Units(host, Layout.system(), "domain")
    host.add_file("/run/corral/units/vm@a.order", b'{"verb": "start", "name": "a", "paused": true}')
    assert units.take_order("a", "ended") == units.take_order("a", "stop") == {}
    assert units.take_order("a", "start") == {"name": "a", "paused": True}
    assert units.take_order("a", "start") == {}
