# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iSCSI targets: the host's own sessions, and the units that QEMU speaks to by itself."""

from __future__ import annotations

import json
from typing import Dict, List, Optional

from ....errors import HostError, OperationFailed
from ..types import iscsi
from ..types.base import Found, first_device
from ..types.iscsi_direct import read_units, unit_url, units_argv, volume_of
from .scene import Scene
from .steps import ask, perform, run

SETTLE = 15.0


def session(scene: Scene) -> Optional[iscsi.Session]:
    """The session with the pool's target, None where there is none."""
    return iscsi.session_of(iscsi.read_sessions(ask(scene.host, iscsi.sessions_argv(), check=False)), scene.pool)


def session_host(scene: Scene) -> int:
    """The SCSI host of the session; raises OperationFailed where there is none."""
    found = session(scene)
    names = [] if found is None else scene.host.entries(f"/sys/class/iscsi_session/session{found.number}/device")
    number = iscsi.host_number(names)
    if number is None:
        raise OperationFailed(f"Pool {scene.name} has no session with its target.", hint="Let it be mended.")
    return number


def log_in(scene: Scene) -> None:
    """Begin the session; a password goes into the record of the target in between, never onto a command line."""
    if session(scene) is None:
        perform(scene.host, iscsi.record_steps(scene.pool))
        try:
            _give_password(scene)
            perform(scene.host, iscsi.login_steps(scene.pool))
        except Exception:
            run(scene.host, _forget(scene), check=False)
            raise
    rescan(scene)


def _forget(scene: Scene) -> tuple[str, ...]:
    where = ("--portal", iscsi.portal(scene.pool), "--targetname", first_device(scene.pool))
    return ("iscsiadm", "--mode", "node", *where, "--op", "delete")


def rescan(scene: Scene) -> None:
    """Look for units that are new or have grown, and wait until the host has made their names."""
    found = session(scene)
    if found is not None:
        run(scene.host, iscsi.rescan_argv(found))
        settle(scene)


def settle(scene: Scene) -> None:
    """Wait until the names of devices are made, where there is udev that makes them."""
    if scene.host.find_program("udevadm") is not None:
        run(scene.host, ("udevadm", "settle", f"--timeout={SETTLE:g}"), check=False)


def log_out(scene: Scene) -> None:
    """End the session where there is one."""
    if session(scene) is not None:
        perform(scene.host, scene.row.stop(scene.pool))


def _give_password(scene: Scene) -> None:
    auth = scene.pool.given().auth
    if auth is None or auth.secret is None:
        return
    password = scene.secret(auth.secret, "iscsi").decode("utf-8", "replace")
    records = [path for place in iscsi.record_paths(scene.pool) for path in _files(scene, place)]
    if not records:
        raise HostError("iscsiadm has written no record of the target.", hint="Look at /etc/iscsi/nodes.")
    for path in records:
        text = (scene.host.read(path) or b"").decode("utf-8", "replace")
        scene.host.write(path, iscsi.with_password(text, password).encode(), mode=0o600)


def _files(scene: Scene, place: str) -> List[str]:
    found = scene.host.stat(place)
    if found is None:
        return []
    return [place] if found.kind == "file" else [f"{place}/{name}" for name in scene.host.entries(place)]


# what QEMU speaks to


def direct_units(scene: Scene) -> List[Found]:
    """The units of a target that the host has no session with."""
    pool = scene.pool
    text = run(scene.host, units_argv(pool), env=_credentials(scene)).stdout.decode("utf-8", "replace")
    return [volume_of(pool, unit, _size(scene, unit)) for unit in read_units(text, pool)]


def _size(scene: Scene, unit: int) -> int:
    """In bytes; 0 where QEMU cannot say it, as for a target that wants a password."""
    said = ask(scene.host, ("qemu-img", "info", "--output=json", "-f", "raw", unit_url(scene.pool, unit)), check=False)
    try:
        size = json.loads(said).get("virtual-size")
    except (ValueError, AttributeError):
        return 0
    return size if isinstance(size, int) else 0


def _credentials(scene: Scene) -> Optional[Dict[str, str]]:
    auth = scene.pool.given().auth
    if auth is None or auth.secret is None:
        return None
    password = scene.secret(auth.secret, "iscsi").decode("utf-8", "replace")
    return {"LIBISCSI_CHAP_USERNAME": auth.username or "", "LIBISCSI_CHAP_PASSWORD": password}
