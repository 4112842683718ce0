# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard before each slot: the calls of the contract and nothing else."""

from __future__ import annotations

from typing import List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.connection import Connection
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import (
    CONTRACTS,
    Domain,
    HypervisorDriver,
    contract,
    mutates,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import NoSupport, NotFound, OperationDenied


class Small(HypervisorDriver):
    """Serves two calls; ``helper`` is its own business."""

    name = "small"

    def list_domains(self) -> List[Domain]:
        return []

    def lookup_domain(self, reference: str) -> Domain:
        raise NotFound("nobody")

    def start_domain(self, name: str, *, paused: bool = False) -> Domain:
        return Domain(name, "u", active=True)

    def helper(self) -> None:
        raise AssertionError("the guard let a call through that is not in the contract")


def connect(*, read_only: bool = False) -> Connection:
    return Connection("small:///x", {"hypervisor": Small()}, read_only=read_only)


def test_a_call_that_the_driver_lacks_names_driver_call_and_uri() -> None:
    with pytest.raises(NoSupport) as caught:
        connect().hypervisor.domain_argv("g")
    assert str(caught.value) == "The small driver has no domain_argv (connection small:///x)."
    assert caught.value.details == {"call": "domain_argv", "uri": "small:///x"}


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(NotFound, match="nobody"):
        connect().hypervisor.lookup_domain("g")


@pytest.mark.parametrize("name", ["helper", "unsupported", "close", "_driver_", "nothing"])
def test_what_is_not_in_the_contract_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(connect().hypervisor, name)


def test_whether_a_call_changes_something_is_the_contracts_word_and_not_the_drivers() -> None:
    assert not hasattr(Small.start_domain, "corral_mutates")
    with pytest.raises(OperationDenied):
        connect(read_only=True).hypervisor.start_domain("g")


def test_arguments_and_results_pass_through() -> None:
    assert connect().hypervisor.start_domain("g", paused=True).name == "g"
    assert connect(read_only=True).hypervisor.list_domains() == []


def test_a_slot_knows_its_kind_its_driver_and_whether_it_is_empty() -> None:
    connection = connect()
    assert (connection.hypervisor.kind, connection.hypervisor.name) == ("hypervisor", "small")
    assert (connection.network.kind, connection.network.name) == ("network", "")
    assert connection.hypervisor
    assert not connection.network
    assert repr(connection.network) == "<network slot of small:///x: empty>"


@pytest.mark.parametrize("kind", CONTRACTS, ids=lambda kind: str(kind.kind))
def test_every_call_of_every_contract_is_refused_by_an_empty_slot(kind: type) -> None:
    connection = Connection("small:///x", {})
    slot = getattr(connection, kind.kind.replace(" ", "_"))  # type: ignore[attr-defined]
    for call in contract(kind):
        with pytest.raises(NoSupport, match=f"small:///x has no .* driver, so there is no {call}"):
            getattr(slot, call)("x")


def test_every_changing_call_of_the_contracts_is_marked() -> None:
    verbs = (
        "define",
        "undefine",
        "start",
        "shutdown",
        "destroy",
        "suspend",
        "resume",
        "set",
        "create",
        "delete",
        "update",
        "mend",
        "settle",
        "rename",
        "reboot",
        "reset",
        "exclusive",
        "build",
        "refresh",
        "resize",
        "wipe",
        "upload",
        "download",
        "fetch",
        "read",
        "use",
        "write",
        "renew",
        "guard",
        "release",
        "inside",
        "forget",
    )
    for kind in CONTRACTS:
        for call, changes in contract(kind).items():
            assert changes == (call.split("_")[0] in verbs or call == "save_domain"), call  # a screenshot is saved, too
    assert mutates(lambda: None).corral_mutates  # type: ignore[attr-defined]
