# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seven driver contracts: what each kind of driver may be asked, and what a driver's ``open`` answers.

A driver is a class that overrides the calls it serves. A call that it leaves alone raises NoSupport, like an empty
slot in libvirt's driver tables. Calls marked ``@mutates`` are refused on a read-only connection, in one place
(``connect.connection``), and are never reached there.
"""

from __future__ import annotations

from typing import Tuple, Type

from .contracts.base import (
    Answer,
    Declined,
    Driver,
    Expected,
    Fault,
    Neighbours,
    Request,
    Success,
    Summary,
    contract,
    mutates,
    with_expected,
)
from .contracts.host import InterfaceDriver, NodeDeviceDriver
from .contracts.hypervisor import ACTIVE_STATES, Domain, GuestAddress, HypervisorDriver, Saved, Seed
from .contracts.network import Lease, Network, NetworkDriver
from .contracts.nwfilter import Filter, FilterPort, NwfilterDriver, User
from .contracts.secret import Secret, SecretDriver, SecretUser
from .contracts.storage import Content, Pool, StorageDriver, Volume

__all__ = [
    "ACTIVE_STATES",
    "CONTRACTS",
    "Answer",
    "Content",
    "Declined",
    "Domain",
    "Driver",
    "Expected",
    "Fault",
    "Filter",
    "FilterPort",
    "GuestAddress",
    "HypervisorDriver",
    "InterfaceDriver",
    "Lease",
    "Neighbours",
    "Network",
    "NetworkDriver",
    "NodeDeviceDriver",
    "NwfilterDriver",
    "Pool",
    "Request",
    "Saved",
    "Secret",
    "SecretDriver",
    "SecretUser",
    "Seed",
    "StorageDriver",
    "Success",
    "Summary",
    "User",
    "Volume",
    "contract",
    "mutates",
    "with_expected",
]

CONTRACTS: Tuple[Type[Driver], ...] = (
    HypervisorDriver,
    NetworkDriver,
    InterfaceDriver,
    StorageDriver,
    NodeDeviceDriver,
    SecretDriver,
    NwfilterDriver,
)
