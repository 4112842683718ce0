# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes with a guest that has no definition: as much as with one that has one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.corral.virt.plugins.module_utils.errors import OperationInvalid
from ansible_collections.corral.virt.plugins.module_utils.model.domain.owned import mark_owned
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text
from ansible_collections.corral.virt.tests.unit.converge.guest_run import actions, converge
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import IMAGE, GuestHost, document

OWNED = "/var/lib/corral/images/owned.raw"
VARIABLES = "/var/lib/corral/nvram/a_VARS.fd"
ABSENT: dict[str, Any] = {"name": "a", "state": "absent"}


@pytest.fixture
def host() -> GuestHost:
    """A host on which a transient guest runs that has an image and UEFI variables of its own."""
    host = GuestHost()
    host.add_file(OWNED, b"owned")
    for path in ("/fw/CODE.fd", "/fw/VARS.fd"):
        host.add_file(path, b"firmware", mode=0o644)
    found = document(disk=OWNED, more="<features><acpi/></features>")
    mark_owned(found, OWNED)
    firmware = "<loader type='pflash' readonly='yes'>/fw/CODE.fd</loader>"
    firmware += f"<nvram template='/fw/VARS.fd'>{VARIABLES}</nvram></os>"
    converge(host, xml=to_text(found).replace("</os>", firmware), state="running", transient=True)
    return host


def test_a_transient_guest_keeps_its_storage_unless_it_is_told(host: GuestHost) -> None:
    assert actions(converge(host, **ABSENT)) == ["shutdown"]
    assert host.stat(OWNED) is not None and host.stat(VARIABLES) is not None


@pytest.mark.parametrize("more", [{}, {"force": True, "timeout": 0}])
def test_what_a_transient_guest_owns_goes_with_it(host: GuestHost, more: dict[str, Any]) -> None:
    foreseen = converge(host, check=True, **ABSENT, **more, storage="owned")
    done = converge(host, **ABSENT, **more, storage="owned")
    assert foreseen["actions"] == done["actions"] and actions(done)[1:] == ["define", "undefine"]
    assert {f"deletes {OWNED}", f"deletes {VARIABLES}"} <= set(done["actions"][-1]["detail"])
    assert host.stat(OWNED) is None and host.stat(VARIABLES) is None and host.stat(IMAGE) is not None
    assert host.below("/etc/corral") == [] and not converge(host, **ABSENT, storage="owned")["changed"]


def test_what_is_remembered_of_a_definition_goes_with_it(host: GuestHost) -> None:
    def remembered() -> list[str]:
        return [path.rpartition("/")[2] for path in host.below("/var/cache/corral/definitions")]

    asked = {"memory": "64MiB", "virt_type": "qemu"}
    converge(host, xml=to_text(document()), state="running", transient=True)
    assert remembered() == []
    converge(host, name="b", **asked)
    assert remembered() == ["b.json"]
    converge(host, name="c", renamed_from="b", **asked)
    converge(host, name="c", **asked)
    assert remembered() == ["c.json"]
    converge(host, name="c", state="absent")
    assert remembered() == []


def test_what_stands_in_the_way_is_said_before_a_transient_guest_is_ended(host: GuestHost) -> None:
    converge(host, name="b", memory="64MiB", virt_type="qemu", disks=[{"path": OWNED}])
    with pytest.raises(OperationInvalid, match="is also used by the guest b"):
        converge(host, **ABSENT, storage="owned")
    assert "a" in host.guests
