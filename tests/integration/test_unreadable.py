# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A damaged file of each kind, and whoever asks for all: the report, the inventory, the role site with its purge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.corral.virt.tests.integration.test_site import LOCAL, ROOT, Fleet, flat, names

UUID = "22222222-2222-4222-8222-222222222222"
FOLDERS = {"guest": "domains", "network": "networks", "pool": "pools", "filter": "nwfilters", "secret": "secrets"}

WHOLE = {
    "guest": ("old", "<domain type='qemu'><name>old</name><memory>65536</memory><os><type>hvm</type></os></domain>"),
    "pool": ("spare", "<pool type='dir'><name>spare</name><target><path>/srv/spare</path></target></pool>"),
    "filter": ("spare", "<filter name='spare'><filterref filter='clean-traffic'/></filter>"),
}


def damage(root: Path) -> dict[str, Path]:
    """Leave half a document of each kind."""
    files = {}
    for kind, folder in FOLDERS.items():
        files[kind] = root / f"etc/corral/{folder}" / f"{UUID if kind == 'secret' else 'bad'}.xml"
        files[kind].parent.mkdir(parents=True, exist_ok=True)
        files[kind].write_bytes(b"<broken><name>bad</na\xff")
    return files


def kept(root: Path) -> dict[str, list[str]]:
    """The names of the files of each kind."""
    places = {kind: root / "etc/corral" / folder for kind, folder in FOLDERS.items()}
    return {kind: sorted(path.stem for path in place.glob("*.xml")) for kind, place in places.items()}


def inventory(folder: Path, uri: str) -> tuple[list[str], str]:
    """The guests that the inventory plugin finds, and what it said beside."""
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"localhost": LOCAL}}}))
    (folder / "corral_guests.yml").write_text(json.dumps({"plugin": "corral.virt.guests", "uris": [uri]}))
    program = Path(sys.executable).with_name("ansible-inventory")
    command = [program, "-i", folder / "hosts.yml", "-i", folder / "corral_guests.yml", "--list"]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return sorted(set(json.loads(done.stdout)["_meta"]["hostvars"]) - {"localhost"}), flat(done.stderr)


@pytest.mark.root
def test_a_damaged_file_of_each_kind(tmp_path: Path, root_dir: Path, uri: str) -> None:
    fleet = Fleet(tmp_path, embed=uri)
    host = fleet.hosts["embed"]
    host.update(site_guests=[{"name": "web1", "memory": "64MiB", "state": "present"}])
    host.update({f"site_{kind}": [] for kind in ("filters", "pools", "networks", "secrets")})
    host["drain_file"] = str(tmp_path / "drained.json")
    for kind, (name, text) in WHOLE.items():
        path = root_dir / "etc/corral" / FOLDERS[kind] / f"{name}.xml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    files = damage(root_dir)
    # whoever asks for all sees the others, and is told of that one
    found = fleet.report()["embed"]
    assert (names(found["guests"]), names(found["pools"]), names(found["filters"])) == (
        ["old"],
        ["spare"],
        ["spare"],
    )
    for kind, path in files.items():
        (fault,) = [line for line in found["faults"] if line.startswith(f"{kind} {path.stem} cannot be looked at: ")]
        assert f"{path} is not UTF-8 text. Mend {path}, or put it back from a backup." in fault
    assert f"Guest bad is left out, since it cannot be looked at: line 1: the definition {files['guest']}" in flat(
        fleet.said
    )
    seen, said = inventory(tmp_path, uri)
    assert seen == ["old"] and "cannot be looked at: bad (line 1: the definition" in said, said
    assert "bad cannot be looked at, and may run" in flat(fleet.play("drain", fails=True, drain_hosts="embed"))
    # what it may use stays
    purge = {"site_purge": True, "site_purge_also": ["secrets"]}
    said = fleet.play("site", **purge)
    for line in ("guest bad", "network bad", "pool bad", "filter bad", f"secret {UUID}"):
        assert f'"{line}, which cannot be looked at"' in said, (line, said)
    assert kept(root_dir) == {
        "guest": ["bad", "web1"],
        "network": ["bad"],
        "pool": ["bad", "spare"],
        "filter": ["bad", "spare"],
        "secret": [UUID],
    }
    # and goes when it is known again who uses it
    for kind in ("guest", "filter"):
        files[kind].unlink()
    fleet.play("site", **purge)
    assert kept(root_dir) == {"guest": ["web1"], "network": ["bad"], "pool": ["bad"], "filter": [], "secret": [UUID]}
