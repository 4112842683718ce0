# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports for screens that leave theirs open, and what is said of a guest that QEMU would refuse without KVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.console import console_path
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.ports import chosen_ports, listening
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.runtime import learn_runtime
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.unready import check_helpers
from ansible_collections.corral.virt.plugins.module_utils.errors import OperationFailed, UnsupportedConfig
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.fake_monitor import FakeMonitor
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"
ROW = "   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000\n"


def domain(devices: str, more: str = "", kind: str = "qemu") -> Domain:
    return Domain(parse(f"<domain type='{kind}'><name>a</name>{more}<devices>{devices}</devices></domain>"))


def host_where(*ports: int) -> FakeHost:
    """A host on which somebody listens on these ports; a connection to port 5903 is open there too."""
    host = FakeHost()
    rows = [ROW.format(port=port, state="0A") for port in ports[::2]] + [ROW.format(port=5903, state="01")]
    host.add_file("/proc/net/tcp", (HEAD + "".join(rows)).encode())
    host.add_file(
        "/proc/net/tcp6", (HEAD + "".join(ROW.format(port=port, state="0A") for port in ports[1::2])).encode()
    )
    return host


SPICE = "<graphics type='spice' autoport='yes'/>"


def test_listeners_of_both_families_count_and_connections_do_not() -> None:
    assert listening(host_where(5900, 5901)) == {5900, 5901}


def test_a_spice_screen_gets_ports_that_nobody_has() -> None:
    screens = f"<graphics type='vnc' port='5902' autoport='no'/>{SPICE}"
    assert chosen_ports(host_where(5900, 5901), domain(screens)) == {"spice": 5903, "spice-tls": 5904}


@pytest.mark.parametrize(
    "screens", ["", "<graphics type='vnc'/>", "<graphics type='spice' port='5930' autoport='no'/>"]
)
def test_nobody_else_needs_one(screens: str) -> None:
    assert chosen_ports(host_where(), domain(screens)) == {}


def test_no_port_is_left() -> None:
    with pytest.raises(OperationFailed, match="No TCP port from 5900 on is free"):
        chosen_ports(host_where(*range(5900, 65535)), domain(SPICE))


def test_the_ports_of_a_running_screen_are_asked_for() -> None:
    guest = domain(SPICE)
    learn_runtime(guest, FakeMonitor({"query-spice": {"enabled": True, "port": 5907}}))
    screen = guest.element.find("devices/graphics")
    assert screen is not None and (screen.get("port"), screen.get("tlsPort")) == ("5907", None)


HYPERV = "<features><hyperv><vpindex state='on'/></hyperv></features>"


def test_hyperv_needs_kvm() -> None:
    with pytest.raises(UnsupportedConfig, match="is emulated, and Hyper-V features need KVM"):
        check_helpers(domain("", HYPERV))
    check_helpers(domain("", HYPERV, kind="kvm"))
    check_helpers(domain(""))


def test_the_console_is_the_first_serial_port(driver: QemuDriver) -> None:
    """A further port that is a file is not taken for it."""
    ports = "<serial type='pty'/><serial type='file'><source path='/second.log'/></serial>"
    assert console_path(driver.site, "a", domain(ports).element) == driver.layout().domain_console_log("a")
    log = "<serial type='pty'><log file='/first.log'/></serial>"
    assert console_path(driver.site, "a", domain(log).element) == "/first.log"
