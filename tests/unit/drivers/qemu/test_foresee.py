# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What QEMU would refuse at the start is refused when it is known: mostly when the guest is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError, UnsupportedConfig
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, document

if TYPE_CHECKING:
    from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
    from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import GuestHost

LONG = "/run/" + "x" * 103
PORTS = "<parallel type='null'/>"
REFUSED = {
    "no such CPU": ("<cpu mode='custom'><model>snowridge</model></cpu>", "", "has no CPU model 'snowridge'.*Snowridge"),
    "a CPU with a feature": (
        "<cpu mode='custom'><model>odd,+x</model></cpu>",
        "",
        "'odd,[+]x' is no name of a CPU mod",
    ),
    "a feature with another": ("<cpu mode='maximum'><feature name='a,b'/></cpu>", "", "'a,b' is no name of a CPU feat"),
    "a feature with a sign": ("<cpu mode='maximum'><feature name='+a'/></cpu>", "", "'[+]a' is no name of a CPU feat"),
    "a fourth parallel port": ("", PORTS * 4, "at most 3 parallel ports"),
    "no head": ("", "<video><model type='virtio' heads='0'/></video>", "'virtio' has 1 to 16 heads, and not 0"),
    "seventeen heads": ("", "<video><model type='qxl' heads='17'/></video>", "'qxl' has 1 to 16 heads, and not 17"),
    "a long path": (
        "",
        f"<channel type='unix'><source path='{LONG}'/><target type='virtio' name='x'/></channel>",
        "unix socket in <source> has 108 bytes, and at most 107",
    ),
    "a long path of a display": ("", f"<graphics type='vnc'><listen type='socket' socket='{LONG}'/></graphics>", "108"),
}
TAKEN = {
    "a known CPU": ("<cpu mode='custom'><model>odd</model><feature name='sse4.2'/></cpu>", ""),
    "the machine's own CPU": ("<cpu mode='custom'><model>qemu64</model></cpu>", ""),
    "three parallel ports": ("", PORTS * 3),
    "sixteen heads": ("", "<video><model type='virtio' heads='16'/></video>"),
    "a path that fits": (
        "",
        f"<channel type='unix'><source path='{LONG[:-1]}'/><target type='virtio' name='x'/></channel>",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_guest_could_be_started_with_is_not_defined(driver: QemuDriver, name: str) -> None:
    more, devices, said = REFUSED[name]
    with pytest.raises(CorralError, match=said):
        driver.define_domain(document("a", devices, more=more))


@pytest.mark.parametrize("name", TAKEN)
def test_what_stays_within_the_bounds_is_taken(driver: QemuDriver, name: str) -> None:
    more, devices = TAKEN[name]
    assert driver.define_domain(document("a", devices, more=more)).name == "a"


SNOWRIDGE = "<cpu mode='custom'><model>Snowridge</model></cpu>"


@pytest.mark.parametrize(
    ("chipset", "more", "told"),
    [
        ("q35", "", []),
        ("q35", "<cpu mode='custom'><model>odd</model></cpu>", []),
        ("q35", "<cpu mode='maximum'/>", []),
        ("pc-q35-2.4", "", ["The machine type 'pc-q35-2.4' is deprecated in QEMU 9.0: "]),
        ("q35", SNOWRIDGE, ["The CPU model 'Snowridge' is deprecated in QEMU 9.0: "]),
        ("pc-q35-2.4", SNOWRIDGE, ["The machine type 'pc-q35-2.4'", "The CPU model 'Snowridge'"]),
    ],
)
def test_what_a_later_qemu_will_not_have_is_told(driver: QemuDriver, chipset: str, more: str, told: list[str]) -> None:
    sentences = driver.outdated_parts(driver.normalise_domain(document("a", machine=chipset, more=more)))
    assert [sentence[: len(words)] for sentence, words in zip(sentences, told)] == told
    assert len(sentences) == len(told)
    assert all("a later one may not start the guest" in sentence for sentence in sentences)


def test_an_image_that_is_no_qcow2_is_said_before_the_start(driver: QemuDriver, machine: GuestHost) -> None:
    disk = f"<disk type='file'><driver name='qemu' type='qcow2'/><source file='{IMAGE}'/><target dev='vda'/></disk>"
    wanted = document("a", disk, disk="")
    driver.define_domain(wanted)
    with pytest.raises(UnsupportedConfig, match=f"The image {IMAGE} of guest a is no qcow2 image"):
        driver.check_start(driver.domain_xml("a"))
    machine.add_file(IMAGE, b"QFI\xfb" + bytes(508))
    driver.check_start(driver.domain_xml("a"))
