# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks: what the module network does, from options to a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..xml.parse import Element
from .job import Job
from .network_face import NetworkFace
from .network_facts import network_facts
from .network_spec import desired_network
from .resource.face import find
from .resource.plan import ABSENT, ACTIVE
from .resource.run import check_options, converge, difference
from .resource.values import Wanted

# The wanted states of an active network in which nothing takes it down but another start.
STAYS = ("present", ACTIVE)
# The network that need not be described.
DEFAULT = "default"


def converge_network(job: Job) -> dict[str, Any]:
    """Bring one network to what the options of network ask for; in check mode say what that would take.

    Raises CorralError: InvalidArgument for options that make no sense, NotFound, OperationInvalid for a network that
    guests use, and what the driver raises.
    """
    driver = job.connection.network
    wanted, document = _wanted(job.options)
    face = NetworkFace(driver, stays=wanted.state in STAYS)
    if document is None and wanted.name == DEFAULT and wanted.state != ABSENT and find(face, DEFAULT) is None:
        document = _default()
    outcome = converge(job, face, wanted, document)
    after = outcome.after
    result = {**outcome.result(), "network": None if after is None else network_facts(driver, after)}
    if after is not None and after.summary.active:
        for sentence in driver.network_advice(wanted.name):
            job.warn(sentence)
    if job.diff:
        result["diff"] = difference(face, outcome)
    return result


def _wanted(options: Mapping[str, Any]) -> tuple[Wanted, Optional[Element]]:
    name, document = desired_network(options, describe=options["state"] != ABSENT)
    wanted = Wanted(
        name=name,
        state=options["state"],
        autostart=options.get("autostart"),
        apply=options["apply"],
        force=options["force"],
        transient=bool(options.get("transient")),
    )
    check_options("network", wanted)
    return wanted, document


def _default() -> Element:
    from ..drivers.network.default import default_network

    return default_network()
