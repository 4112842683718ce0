# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test driver answers when a connection asks it: it takes ``test:///default`` and ``test:///FILE``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional

from ...errors import UriError
from ...values import Uri
from ..api import Answer, Declined, Driver, Request, Success

if TYPE_CHECKING:
    from .keeper import Keeper
    from .nwfilter import Meaning

SCHEME = "test"


def open_hypervisor(request: Request) -> Answer:
    """Take a local test URI. Raises UriError for a path that cannot be a host, and what reading its file raises."""
    reason = _declines(request.uri)
    if reason or request.uri is None:
        return Declined(reason or "")
    from .hypervisor import SimulatedHypervisor  # every other URI is declined without it

    keeper = _keeper(request, request.uri)
    keeper.read()  # a file that is no test host is refused now, not at the first call
    return Success(SimulatedHypervisor(request.host, keeper))


def _declines(uri: Optional[Uri]) -> Optional[str]:
    if uri is None:
        return "it is opened by its name only, as test:///default, and never probed for"
    if uri.scheme != SCHEME:
        return f"it serves {SCHEME}:// URIs, not {uri.scheme}://"
    if uri.host is not None or uri.transport is not None:
        return "it serves this host only, and the URI has a server or a +transport, which a remote driver would take"
    return None


def _keeper(request: Request, uri: Uri) -> Keeper:
    if uri.params:
        raise UriError(
            f"The test driver has no parameter {uri.params[0][0]!r}; write the URI without '?' and the rest."
        )
    from .keeper import FileKeeper, MemoryKeeper

    path = "/" + uri.path.lstrip("/")  # libvirt's own examples have four slashes
    if path == "/":
        raise UriError("A test URI needs a path; write test:///default, or test:///tmp/lab.xml for a host in a file.")
    return MemoryKeeper() if path == "/default" else FileKeeper(request.host, path)


def _beside(request: Request, driver: Callable[[], Callable[[Keeper], Driver]]) -> Answer:
    """The other kinds belong to the same document, so they come with the hypervisor driver or not at all."""
    declined = Declined("it goes with the test hypervisor driver only")
    if request.hypervisor is None or request.hypervisor.name != SCHEME:
        return declined
    from .hypervisor import SimulatedHypervisor

    hypervisor = request.hypervisor
    return Success(driver()(hypervisor.keeper)) if isinstance(hypervisor, SimulatedHypervisor) else declined


def open_network(request: Request) -> Answer:
    """Serve the networks of the test host."""

    def driver() -> Callable[[Keeper], Driver]:
        from .network import SimulatedNetwork

        return SimulatedNetwork

    return _beside(request, driver)


def open_interface(request: Request) -> Answer:
    """Serve the host interfaces of the test host."""

    def driver() -> Callable[[Keeper], Driver]:
        from .resources import SimulatedInterface

        return SimulatedInterface

    return _beside(request, driver)


def open_storage(request: Request) -> Answer:
    """Serve the pools and volumes of the test host."""

    def driver() -> Callable[[Keeper], Driver]:
        from .storage import SimulatedStorage

        return SimulatedStorage

    return _beside(request, driver)


def open_node_device(request: Request) -> Answer:
    """Serve the devices of the test host."""

    def driver() -> Callable[[Keeper], Driver]:
        from .resources import SimulatedNodeDevice

        return SimulatedNodeDevice

    return _beside(request, driver)


def open_nwfilter(request: Request, meaning: Callable[[], Meaning]) -> Answer:
    """Serve the network filters of the test host; ``meaning`` gives what is common to all drivers of filters."""

    def driver() -> Callable[[Keeper], Driver]:
        from .nwfilter import SimulatedFilters

        return lambda keeper: SimulatedFilters(keeper, meaning())

    return _beside(request, driver)
