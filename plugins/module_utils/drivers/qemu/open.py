# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening the qemu driver: which URIs it takes, which it leaves to others, and which it refuses.

Source of the rules: libvirt's drvqemu, "Connections to QEMU driver"; design: the six rules of opening a connection.
"""

from __future__ import annotations

import posixpath
from typing import Type

from ...errors import HostError, UnsupportedConfig, UriError
from ...host.api import Host
from ...host.layout import Layout
from ...values import Uri
from ..api import Answer, Declined, Request, Success
from .driver import QemuDriver
from .guest.images import blocked_by
from .guest.site import default_binary, runner

PATHS = ("/system", "/session", "/embed")


def open_driver(request: Request) -> Answer:
    """Answer for a URI, or for a probe when there is none. Raises UriError and HostError."""
    if request.uri is None:
        return _probe(request)
    foreign = _foreign(request.uri)
    if foreign:
        return Declined(foreign)
    default_binary(request.host, request.host.architecture())  # not active on a host without QEMU: an error
    return Success(_driver(request.uri, request))


def _probe(request: Request) -> Answer:
    try:
        default_binary(request.host, request.host.architecture())
    except (HostError, UnsupportedConfig) as error:
        return Declined(str(error))
    path = "/system" if request.host.euid() == 0 else "/session"
    uri = Uri("qemu", path=path)
    return Success(_driver(uri, request), uri=uri)


def _driver(uri: Uri, request: Request) -> QemuDriver:
    layout = _layout(uri, request)
    return _kind(layout)(request.host, layout, read_only=request.read_only)


def _kind(layout: Layout) -> Type[QemuDriver]:
    if not layout.systemd:
        from .saving import SavingDriver

        return SavingDriver
    from .in_units import UnitDriver

    return UnitDriver


def _foreign(uri: Uri) -> str:
    """Why the URI belongs to another driver, or an empty text."""
    if uri.scheme != "qemu":
        return f"the scheme is {uri.scheme}, not qemu"
    if uri.transport:
        return f"+{uri.transport} belongs to the remote driver"
    if uri.host:
        return f"the host {uri.host} belongs to the remote driver"
    return ""


def _layout(uri: Uri, request: Request) -> Layout:
    if uri.path in ("", "/"):
        raise UriError("The URI qemu:// has no path.", hint="Write qemu:///system or qemu:///session.")
    if uri.path not in PATHS:
        near = next((path for path in PATHS if path[:3] == uri.path[:3]), "/system")
        raise UriError(
            f"The qemu driver has no path '{uri.path}'.",
            hint=f"Did you mean qemu://{near}? There are qemu:///system, qemu:///session and qemu:///embed?root=DIR.",
        )
    _refuse_unknown_parameters(uri)
    return {"/system": _system, "/session": _session, "/embed": _embed}[uri.path](uri, request.host, request.read_only)


def _refuse_unknown_parameters(uri: Uri) -> None:
    known = ("root",) if uri.path == "/embed" else ()
    unknown = [name for name, _value in uri.params if name not in known]
    if unknown:
        takes = "the parameter root" if known else "no parameters"
        raise UriError(f"qemu://{uri.path} has no parameter '{unknown[0]}'.", hint=f"It takes {takes}.")


def _system(uri: Uri, host: Host, read_only: bool) -> Layout:
    if host.euid() != 0:
        raise UriError(
            "qemu:///system belongs to root, and this is another user.",
            hint="Use become: true, or write qemu:///session for guests of your own.",
        )
    return Layout.system()


def _session(uri: Uri, host: Host, read_only: bool) -> Layout:
    return Layout.session(host)


def _embed(uri: Uri, host: Host, read_only: bool) -> Layout:
    root = uri.param("root")
    if not root or not root.startswith("/"):
        raise UriError(
            "qemu:///embed needs the absolute path of a directory as its root.",
            hint="Write qemu:///embed?root=/absolute/directory.",
        )
    root = posixpath.normpath(root)
    found = host.stat(host.resolve(root))
    if found is None or found.kind != "directory":
        what = "does not exist" if found is None else f"is a {found.kind}"
        raise UriError(f"The embed root {root} {what}.", hint="Create the directory first.")
    if not read_only and not host.writable(root):
        raise UriError(f"The embed root {root} cannot be written.", hint="Choose another, or change its owner.")
    layout = Layout.embed(root, private=host.euid() != 0)
    _check_way(root, host, layout)
    return layout


def _check_way(root: str, host: Host, layout: Layout) -> None:
    """Raise UriError for a root that root may look into, and the user that QEMU runs as may not."""
    user = runner(host, layout)
    closed = "" if user is None else blocked_by(posixpath.join(host.resolve(root), "guest"), host, user)
    if user is not None and closed:
        raise UriError(
            f"QEMU runs as {user.name}, who cannot pass through {closed} to the embed root {root}.",
            hint=f"Choose another root, or let everybody through: chmod o+x {closed}",
        )
