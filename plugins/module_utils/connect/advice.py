# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to write instead of a URI that every driver declined."""

from __future__ import annotations

from typing import Callable, Optional, Sequence, Tuple

from ..values import Uri
from .tables import Row
from .uri import EXAMPLES, format_uri

# The hypervisors that libvirt's docs/drivers.rst lists and that have no row in our tables yet.
ELSEWHERE = {
    "bhyve": "bhyve",
    "ch": "Cloud Hypervisor",
    "esx": "VMware ESX",
    "gsx": "VMware GSX",
    "hyperv": "Hyper-V",
    "lxc": "LXC",
    "one": "OpenNebula",
    "openvz": "OpenVZ",
    "parallels": "Virtuozzo",
    "phyp": "IBM PowerVM",
    "uml": "User Mode Linux",
    "vbox": "VirtualBox",
    "vmwarefusion": "VMware Fusion",
    "vmwareplayer": "VMware Player",
    "vmwarews": "VMware Workstation",
    "vpx": "VMware vCenter",
    "vz": "Virtuozzo",
    "xen": "Xen",
    "xenapi": "XenServer",
}

# libvirt's docs/uri.rst: "KVM URIs are identical" to those of QEMU.
NICKNAMES = {"kvm": "qemu"}


def _remote(uri: Uri, rows: Sequence[Row]) -> Optional[str]:
    known = any(uri.scheme in row.schemes for row in rows)
    if not known or (uri.host is None and uri.transport is None):
        return None
    local = format_uri(Uri(uri.scheme, path=uri.path, params=uri.params))
    return f"Remote URIs are not served yet: let Ansible reach that host, and write {local}."


def _known_elsewhere(uri: Uri, rows: Sequence[Row]) -> Optional[str]:
    if uri.scheme not in ELSEWHERE:
        return None
    served = " and ".join(sorted({row.name for row in rows}))
    return f"There is no {ELSEWHERE[uri.scheme]} driver in corral.virt yet; it has {served}."


def _misspelt(uri: Uri, rows: Sequence[Row]) -> Optional[str]:
    from difflib import get_close_matches

    schemes = [scheme for row in rows for scheme in row.schemes]
    if uri.scheme in schemes:
        return None
    near = [NICKNAMES[uri.scheme]] if uri.scheme in NICKNAMES else get_close_matches(uri.scheme, schemes, n=1)
    if not near:
        return None
    example = next(row.example for row in rows if near[0] in row.schemes)
    return f"Did you mean {format_uri(Uri(near[0], path=uri.path, params=uri.params)) if uri.path else example}?"


def _whatever(uri: Uri, rows: Sequence[Row]) -> Optional[str]:
    return f"Write {EXAMPLES}."


# The first that has something to say; a misspelt scheme is told before the host in it.
_ADVICE: Tuple[Callable[[Uri, Sequence[Row]], Optional[str]], ...] = (_known_elsewhere, _misspelt, _remote, _whatever)


def advise(uri: Uri, rows: Sequence[Row]) -> str:
    """Return one sentence that says what to write instead of this URI; ``rows`` is the hypervisor table."""
    return next(said for said in (advice(uri, rows) for advice in _ADVICE) if said)
