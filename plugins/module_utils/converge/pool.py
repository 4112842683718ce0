# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage pools: what the module pool does, from options to a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..errors import InvalidArgument
from ..xml.parse import Element
from .job import Job
from .pool_face import PoolFace
from .pool_facts import pool_facts
from .pool_spec import desired_pool
from .pool_steps import PoolWanted
from .resource.face import find
from .resource.plan import ABSENT, ACTIVE
from .resource.run import converge, difference

# What is done beside the state that all objects can have.
BUILT, REFRESHED = "built", "refreshed"
# The pool that need not be described.
DEFAULT = "default"
STATES = {BUILT: "present", REFRESHED: ACTIVE}


def converge_pool(job: Job) -> dict[str, Any]:
    """Bring one pool to what the options of pool ask for; in check mode say what that would take.

    Raises CorralError: InvalidArgument for options that make no sense, NotFound, OperationInvalid for a pool that
    guests use or that holds what is not its own, and what the driver raises.
    """
    face = PoolFace(job.connection.storage)
    wanted, document = wanted_pool(job.options)
    if document is None and wanted.name == DEFAULT and wanted.state != ABSENT and find(face, DEFAULT) is None:
        document = face.driver.default_pool()
    outcome = converge(job, face, wanted, document)
    after = outcome.after
    result = {**outcome.result(), "pool": None if after is None else pool_facts(after)}
    if job.diff:
        result["diff"] = difference(face, outcome)
    return result


def wanted_pool(options: Mapping[str, Any]) -> tuple[PoolWanted, Optional[Element]]:
    """Return what the options ask for, and the document that they describe; raises InvalidArgument and XmlError."""
    state = options["state"]
    _check(options, state)
    name, document = desired_pool(options, describe=state != ABSENT)
    wanted = PoolWanted(
        name=name,
        state=STATES.get(state, state),
        autostart=options.get("autostart"),
        apply=options["apply"],
        force=options["force"],
        built=state == BUILT,
        build=options.get("build"),
        overwrite=options["overwrite"],
        delete=options["delete"],
        refresh=state == REFRESHED,
    )
    return wanted, document


def _check(options: Mapping[str, Any], state: str) -> None:
    """Words that destroy data are refused where they would do nothing: they were meant for another state."""
    if options["delete"] and state != ABSENT:
        raise InvalidArgument(f"delete goes with state absent, and the state is {state}.", hint="Leave delete out.")
    if options["overwrite"] and options.get("build") is not True and state != BUILT:
        raise InvalidArgument(
            f"overwrite is about building, and nothing is built with state {state}.",
            hint="Set build: true or state: built, or leave overwrite out.",
        )
    if options.get("build") is False and state == BUILT:
        raise InvalidArgument("build: false and state built contradict each other.", hint="Leave build out.")
