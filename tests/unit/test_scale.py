# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work grows with the number of guests and not faster: calls are counted, because time tells about the machine too."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

from ansible_collections.corral.virt.plugins.inventory import guests as plugin
from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job
from ansible_collections.corral.virt.plugins.module_utils.converge.look import show_guests
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.plugin_utils.asking import Answers

SIZES = (20, 40, 80)
# How much more the second forty may take than twice the first twenty: what is done once is in neither.
MARGIN = 1.1

GUEST = """
<domain type='test'>
  <name>web{number}</name>
  <memory unit='MiB'>64</memory>
  <devices>
    <disk type='file'><source file='/images/web{number}.raw'/><target dev='vda'/></disk>
    <interface type='network'><source network='default'/></interface>
  </devices>
</domain>"""


def calls(work: Callable[[], Any]) -> int:
    """How many calls of functions, of Python and of C, some work takes."""
    count = 0

    def count_call(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def is_linear(work: Callable[[int], Callable[[], Any]]) -> bool:
    """Whether work of three sizes, each twice the one before, grows with its size; ``work`` prepares one."""
    work(1)()  # imports and caches
    small, middle, large = (calls(work(size)) for size in SIZES)
    return 0 < large - middle <= 2 * (middle - small) * MARGIN


def test_counting_tells_lines_from_squares() -> None:
    assert is_linear(lambda size: lambda: [abs(number) for number in range(size)])
    assert not is_linear(lambda size: lambda: [abs(number) for number in range(size * size)])


def test_a_look_at_all_guests_of_a_host() -> None:
    def look(size: int) -> Callable[[], Any]:
        host = FakeHost()
        guests = "".join(GUEST.format(number=number) for number in range(size))
        host.add_file("/srv/lab.xml", f"<node>{guests}</node>".encode())

        def shown() -> None:
            connection = open_connection("test:///srv/lab.xml", host=host, read_only=True)
            assert len(show_guests(Job(connection, {}))["guests"]) == size

        return shown

    assert is_linear(look)


class Fleet:
    """Hosts with five guests each; ``size`` is the number of hosts."""

    size = 0

    def __init__(self, *_arguments: Any) -> None:
        pass

    def hosts(self, pattern: str) -> list[str]:
        return [f"hv{number:03}" for number in range(self.size)]

    def ask(self, hosts: list[str], _question: Any) -> Answers:
        return Answers({host: [{"uri": "qemu:///system", "guests": list(map(facts, range(5)))}] for host in hosts})

    def variables(self, host: str) -> dict[str, Any]:
        return {"ansible_connection": "ssh", "ansible_user": "admin"}


def facts(number: int) -> dict[str, Any]:
    interfaces = [{"mac": f"52:54:00:00:00:{number:02x}", "addresses": [f"192.0.2.{number + 1}/24"]}]
    return {"name": f"web{number}", "uuid": f"uuid{number}", "tags": ["web"], "interfaces": interfaces}


@pytest.mark.parametrize(
    "options", [{}, {"connection": "guest_agent"}, {"keyed_groups": [{"key": "corral_tags"}], "filter": "corral_name"}]
)
def test_an_inventory_of_many_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    monkeypatch.setattr(plugin, "Fleet", Fleet)
    path = tmp_path / "corral_guests.yml"
    path.write_text(json.dumps({"plugin": plugin.InventoryModule.NAME, "hosts": "all", **options}))

    def read(size: int) -> Callable[[], Any]:
        monkeypatch.setattr(Fleet, "size", size)

        def parsed() -> None:
            data, found = InventoryData(), inventory_loader.get(plugin.InventoryModule.NAME)
            monkeypatch.setattr(found.display, "warning", lambda *_words, **_more: None)
            found.parse(data, DataLoader(), str(path))
            assert len(data.hosts) == 5 * size

        return parsed

    assert is_linear(read)
