# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface of a network that is a pool of devices: the live document says which device it has, for this run."""

from __future__ import annotations

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.actual import as_defined, with_actual
from ansible_collections.corral.virt.plugins.module_utils.model.domain.identity import DOMAIN, persistent_form
from ansible_collections.corral.virt.plugins.module_utils.xml.compare import compare
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

PLACE = "<address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/>"
OTHER = PLACE.replace("0x3b", "0x3c")
DEFINED = (
    "<domain><devices><interface type='network'><mac address='52:54:00:00:00:01'/><source network='pool'/>"
    "</interface></devices></domain>"
)
DEVICE = (
    f"<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:01'/><source>{PLACE}</source></interface>"
)


def running(defined: str = DEFINED, device: str = DEVICE) -> Element:
    """The live document of a guest whose network has chosen this device."""
    document, actual = parse(defined), {0: parse(device)}
    return as_defined(with_actual(document, actual), document, actual)


def places(document: Element) -> list[str]:
    return [found.get("bus", "") for found in document.findall("devices/interface/source/address")]


def test_the_device_that_a_pool_has_chosen_is_shown() -> None:
    live = running()
    interface, source = live.find("devices/interface"), live.find("devices/interface/source")
    assert interface is not None and source is not None
    assert (interface.get("type"), source.get("network"), places(live)) == ("network", "pool", ["0x3b"])


def test_the_device_of_an_earlier_run_does_not_stay_beside_it() -> None:
    before = DEFINED.replace("<source network='pool'/>", f"<source network='pool'>{OTHER}</source>")
    assert places(running(before)) == ["0x3b"]


def test_a_definition_does_not_keep_the_device() -> None:
    kept = persistent_form(running())
    assert places(kept) == [] and compare(kept, parse(DEFINED), DOMAIN) == ()


def test_a_device_that_the_user_chose_is_kept() -> None:
    own = parse(f"<domain><devices>{DEVICE}</devices></domain>")
    assert places(persistent_form(own)) == ["0x3b"]


def test_an_interface_on_a_bridge_has_no_such_place() -> None:
    live = running(device="<interface type='bridge'><source bridge='virbr0'/></interface>")
    source = live.find("devices/interface/source")
    assert source is not None and (source.get("bridge"), places(live)) == ("virbr0", [])
