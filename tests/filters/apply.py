# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our driver as the packet tests use it: filters are defined, and an interface is guarded, in a tree of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Optional

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import FilterPort
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.local import LocalHost
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text

from ..integration.namespaces import Namespace, inside
from .document import Documents
from .judge import bridge
from .oracle import Interface
from .wire import FILTERED, OPEN, Wire

MAC, OTHER = "52:54:00:aa:00:01", "52:54:00:bb:00:02"  # the guest's, and somebody else's


@contextmanager
def tree() -> Iterator[Path]:
    """The root of a host of one's own, which QEMU's user may pass through."""
    with tempfile.TemporaryDirectory(prefix="corral-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


class Recorder(LocalHost):
    """The machine, but for what nft would be told: that is kept for another kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def run(self, argv: Sequence[str], **more: Any) -> Completed:
        """Keep what nft would be told."""
        if argv[:1] != ["nft"] and argv[:1] != ("nft",):
            return super().run(argv, **more)
        self.told.append(more["stdin"].decode())
        return Completed(tuple(argv), 0, b"", b"")


class Host(NamedTuple):
    """A host of one's own: its driver, the bridge's sockets, and where both are."""

    driver: Driver
    wire: Wire
    space: Namespace


class Driver:
    """The filters of one tree, and the interface vnet0 of one guest."""

    def __init__(self, root: Path, space: Optional[Namespace] = None, host: Optional[LocalHost] = None) -> None:
        self.space = space
        self.filters = open_connection(f"qemu:///embed?root={root}", host=host).nwfilter
        self.defined: dict[str, str] = {}

    @cached_property
    def builtin(self) -> dict[str, str]:
        """The documents of all filters that are there from the start."""
        names = [each.name for each in self.filters.list_nwfilters() if each.builtin]
        return {name: to_text(self.filters.nwfilter_xml(name)) for name in names}

    def put(self, documents: Documents, name: str, variables: Mapping[str, Sequence[str]], mac: str = MAC) -> None:
        """Define filters, and guard the interface with one of them."""
        with self._there():
            for each, text in documents.items():
                if self.defined.get(each) != text:
                    self.filters.define_nwfilter(parse(text))
                    self.defined[each] = text
            self.filters.guard_ports([port(name, variables, mac)])

    def guard(
        self, documents: Documents, name: str, variables: Mapping[str, Sequence[str]], mac: str = MAC
    ) -> Interface:
        """The same; returns what the oracle makes of it."""
        self.put(documents, name, variables, mac)
        return Interface({**self.builtin, **documents}, name, mac, variables)

    def guard_both(self, name: str, one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> None:
        """Guard both ports of the bridge with a filter, in one change; what is said of the other may have its MAC."""
        with self._there():
            self.filters.guard_ports([port(name, one), port(name, other, OTHER, OPEN)])

    def release(self) -> None:
        """Take the filters away."""
        with self._there():
            self.filters.release_ports([FILTERED, OPEN])

    def _there(self) -> AbstractContextManager[None]:
        return inside(self.space) if self.space else nullcontext()


def port(name: str, variables: Mapping[str, Sequence[str]], mac: str = MAC, device: str = FILTERED) -> FilterPort:
    """The interface of our guest, or of the other."""
    pairs = tuple((key, value) for key, values in variables.items() for value in values)
    return FilterPort(device=device, mac=mac, guest=f"guest of {device}", filter=name, parameters=pairs)


@contextmanager
def guarded() -> Iterator[Host]:
    """A bridge in a namespace of its own, and our driver there."""
    with bridge() as (space, wire), tree() as root:
        yield Host(Driver(root, space), wire, space)
