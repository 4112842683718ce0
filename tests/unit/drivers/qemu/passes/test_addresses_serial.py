# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports of virtio-serial controllers."""

from __future__ import annotations

import re

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import XmlError
from ansible_collections.corral.virt.tests.unit.drivers.qemu.passes.small_guest import (
    controllers,
    devices,
    place,
    placed,
    qemu,
)

CHANNEL = "<channel type='pty'><target type='virtio' name='a.b'/></channel>"
CONSOLE = "<console type='pty'><target type='virtio'/></console>"


def at(port: int, controller: int = 0) -> str:
    """A channel at a port."""
    place = f"<address type='virtio-serial' controller='{controller}' bus='0' port='{port}'/>"
    return CHANNEL.replace("</channel>", place + "</channel>")


def serial(written: str) -> list[str]:
    """The virtio-serial controllers, and where the channels are."""
    domain = placed("pc", written)
    own = [text for text in controllers(domain) if text.startswith("virtio-serial")]
    return own + devices(domain, "channel")


def test_a_channel_brings_a_controller_and_leaves_port_0() -> None:
    assert serial(CHANNEL) == ["virtio-serial 0 00:02.0", "channel port 0:1"]


def test_given_ports_are_kept_clear_of() -> None:
    assert serial(CHANNEL + at(1) + CHANNEL)[1:] == ["channel port 0:2", "channel port 0:1", "channel port 0:3"]


def test_a_console_takes_port_0_and_has_no_address() -> None:
    domain = placed("pc", CONSOLE * 2 + CHANNEL)
    assert devices(domain, "console", "channel") == ["console -", "console -", "channel port 0:2"]


def test_another_controller_is_added_when_ports_run_out() -> None:
    found = serial("<controller type='virtio-serial' ports='3'/>" + CHANNEL * 3)
    assert found[:2] == ["virtio-serial 0 00:02.0", "virtio-serial 1 00:03.0"]
    assert found[2:] == ["channel port 0:1", "channel port 0:2", "channel port 1:1"]


def test_a_controller_may_be_asked_for() -> None:
    asked = CHANNEL.replace("</channel>", "<address type='virtio-serial' controller='1'/></channel>")
    assert serial(asked)[-1] == "channel port 1:1"


def test_a_second_run_changes_nothing() -> None:
    domain = placed("pc", CONSOLE + CHANNEL * 3)
    before = controllers(domain) + devices(domain, "channel", "console")
    place(domain, qemu())
    assert controllers(domain) + devices(domain, "channel", "console") == before


REFUSED = [
    (at(1) * 2, "port 1 of the virtio-serial controller 0 is used twice"),
    (at(31), "has 31 ports, and no port 31"),
    (at(1).replace("port='1'", "port='x'"), "must be a number"),
]


@pytest.mark.parametrize(("written", "said"), REFUSED, ids=[said for _written, said in REFUSED])
def test_refused(written: str, said: str) -> None:
    with pytest.raises(XmlError, match=re.escape(said)):
        placed("pc", written)
