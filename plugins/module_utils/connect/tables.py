# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver tables: one for each kind of driver, each row a function that asks one driver.

A new driver is a row in each table that it serves. The imports are written out and inside the functions, so that
Ansible ships every driver and a connection pays only for those that it asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Mapping, Tuple

from ..drivers.api import Answer, Request

if TYPE_CHECKING:
    from ..drivers.test.nwfilter import Meaning


@dataclass(frozen=True)
class Row:
    """One driver in one table: its name, the URI schemes that it serves, and how it is asked.

    ``example`` is a URI that a user can write, for the errors that say so.
    """

    name: str
    open: Callable[[Request], Answer]
    schemes: Tuple[str, ...]
    example: str


def _test_hypervisor(request: Request) -> Answer:
    from ..drivers.test.open import open_hypervisor

    return open_hypervisor(request)


def _qemu_hypervisor(request: Request) -> Answer:
    from ..drivers.qemu.open import open_driver

    return open_driver(request)


def _network(request: Request) -> Answer:
    from ..drivers.network.open import open_driver

    return open_driver(request)


def _secret(request: Request) -> Answer:
    from ..drivers.secret.open import open_driver

    return open_driver(request)


def _nwfilter(request: Request) -> Answer:
    from ..drivers.nwfilter.open import open_driver

    return open_driver(request)


def _storage(request: Request) -> Answer:
    from ..drivers.storage.open import open_driver

    return open_driver(request)


def _test_network(request: Request) -> Answer:
    from ..drivers.test.open import open_network

    return open_network(request)


def _test_interface(request: Request) -> Answer:
    from ..drivers.test.open import open_interface

    return open_interface(request)


def _test_storage(request: Request) -> Answer:
    from ..drivers.test.open import open_storage

    return open_storage(request)


def _test_node_device(request: Request) -> Answer:
    from ..drivers.test.open import open_node_device

    return open_node_device(request)


def _test_nwfilter(request: Request) -> Answer:
    from ..drivers.test.open import open_nwfilter

    return open_nwfilter(request, _meaning)


def _meaning() -> Meaning:
    """What filters mean is the same for those that are only simulated."""
    from ..drivers.nwfilter.builtin.table import builtin_document, builtin_names
    from ..drivers.nwfilter.passes.complete import complete
    from ..drivers.nwfilter.passes.loops import check_loops
    from ..drivers.test.nwfilter import Meaning

    return Meaning(complete, check_loops, builtin_names, builtin_document)


def _test(open_: Callable[[Request], Answer]) -> Row:
    return Row("test", open_, ("test",), "test:///default")


# By the driver classes' ``kind``, in the order in which the tables are walked; libvirt's test driver has no secrets
# either.
TABLES: Mapping[str, Tuple[Row, ...]] = {
    "hypervisor": (
        _test(_test_hypervisor),
        Row("qemu", _qemu_hypervisor, ("qemu",), "qemu:///system"),
    ),
    "network": (_test(_test_network), Row("network", _network, ("qemu",), "qemu:///system")),
    "interface": (_test(_test_interface),),
    "storage": (_test(_test_storage), Row("storage", _storage, ("qemu",), "qemu:///system")),
    "node device": (_test(_test_node_device),),
    "secret": (Row("secret", _secret, ("qemu",), "qemu:///system"),),
    "nwfilter": (
        _test(_test_nwfilter),
        Row("nwfilter", _nwfilter, ("qemu",), "qemu:///system"),
    ),
}
