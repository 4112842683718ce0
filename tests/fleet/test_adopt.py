# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration from a real libvirtd, which goes on meanwhile: taken over, left alone, refused, and the way back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import FLEET
from .libvirt_host import LibvirtHost, libvirt_host
from .machine import why_not

TREE = Path(os.environ.get("CORRAL_LIBVIRT_TREE", FLEET / "libvirt"))
SECRET, SCREEN = "hush-hush-key", "hush-vnc"

NETWORK = "<network><name>lab</name><bridge name='virbr-lab' stp='on' delay='0'/></network>"
POOL = "<pool type='dir'><name>images</name><target><path>/images</path></target></pool>"
KEY = "<secret><usage type='volume'><volume>/images/enc.img</volume></usage></secret>"
FILTER = (
    "<filter name='no-mail' chain='root'><rule action='drop' direction='out'><tcp dstportstart='25'/></rule></filter>"
)
UEFI = (
    "<loader readonly='yes' type='pflash'>/images/CODE.fd</loader>"
    "<nvram template='/images/VARS.fd'>/var/lib/libvirt/qemu/nvram/{name}_VARS.fd</nvram>"
)
GUEST = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64' machine='{machine}'>hvm</type>{firmware}</os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/{name}.qcow2'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='network'><source network='lab'/><model type='virtio'/></interface>
<serial type='pty'/><graphics type='vnc' passwd='hush-vnc'/></devices></domain>"""
MARKED = ("guest web", "network lab", "pool images")
GUESTS = ("web", "snap", "uefi", "runs", "saved")
TAKEN = ("secret volume:/images/enc.img", "filter no-mail", "network lab", "pool images")


def virsh(host: LibvirtHost, *words: str, document: str = "") -> None:
    """Run virsh, with a document in a file where there is one."""
    more = ("/dev/fd/0",) if document else ()
    host.run("virsh", "-q", words[0], *more, *words[1:], stdin=document)


def define(host: LibvirtHost, name: str, *, call: str = "define", uefi: bool = False) -> None:
    firmware, machine = (UEFI.format(name=name), "q35") if uefi else ("", "pc")
    host.run("qemu-img", "create", "-q", "-f", "qcow2", f"/images/{name}.qcow2", "64M")
    virsh(host, call, document=GUEST.format(name=name, machine=machine, firmware=firmware))


@pytest.fixture(scope="module")
def host() -> Iterator[LibvirtHost]:
    """A host on which libvirt has some of everything."""
    reason = why_not()
    if reason or not TREE.is_dir():
        made = f"the tree {TREE} of a libvirtd is not there; tests/benchmarks/libvirt_tree.sh makes it"
        pytest.skip(f"NO TEST OF A REAL LIBVIRTD HERE: {reason or made}")
    with libvirt_host(TREE) as made_host:
        fill(made_host)
        yield made_host


def fill(host: LibvirtHost) -> None:
    host.run("sh", "-c", "mkdir -p /images; for n in CODE VARS; do head -c 131072 /dev/zero >/images/$n.fd; done")
    virsh(host, "net-define", document=NETWORK)
    virsh(host, "net-start", "lab")
    virsh(host, "net-autostart", "lab")
    virsh(host, "pool-define", document=POOL)
    virsh(host, "pool-autostart", "images")
    virsh(host, "secret-define", document=KEY)
    key = host.run("virsh", "-q", "secret-list").split()[0]
    host.run("virsh", "-q", "secret-set-value", key, "--file", "/dev/fd/0", "--plain", stdin=SECRET)
    virsh(host, "nwfilter-define", document=FILTER)
    for name in GUESTS:
        define(host, name, uefi=name == "uefi")
    virsh(host, "autostart", "web")
    for name in ("first", "second"):
        virsh(host, "snapshot-create-as", "snap", name)
    for name in ("runs", "saved", "uefi"):
        virsh(host, "start", name)
    virsh(host, "destroy", "uefi")
    virsh(host, "managedsave", "saved")
    define(host, "passing", call="create")


def became(result: dict[str, Any]) -> dict[str, str]:
    """What became of each object, but the filters that are built in."""
    rows = [row for row in result["results"] if not any("built in" in note for note in row["notes"])]
    return {f"{row['kind']} {row['name']}": row["result"] for row in rows if row["name"] != "default"}


def listing(host: LibvirtHost, *places: str) -> str:
    look = "for p in {}; do [ ! -e $p ] || find $p -type f ! -name '*.pid' -exec sha256sum {{}} +; done | sort -k 2"
    return host.run("sh", "-c", look.format(" ".join(places)))


OURS = ("/etc/corral", "/run/corral", "/var/lib/corral")
THEIRS = ("/etc/libvirt", "/var/lib/libvirt/qemu/nvram", "/var/lib/libvirt/qemu/save", "/var/lib/libvirt/qemu/snapshot")


def test_everything_is_taken_over_once_and_nothing_there_changes(host: LibvirtHost) -> None:
    theirs = listing(host, *THEIRS)
    refused = dict.fromkeys(("guest runs", "guest saved", "guest passing"), "refused")
    wanted = {**dict.fromkeys((*TAKEN, "guest web", "guest snap", "guest uefi"), "defined"), **refused}
    checked = host.module("adopt", check=True)
    assert became(checked) == wanted, checked
    assert listing(host, "/etc/corral", "/var/lib/corral") == ""
    first = host.module("adopt")
    assert became(first) == wanted and first["diff"] == checked["diff"], first
    assert not any(secret in json.dumps([checked, first]) for secret in (SECRET, SCREEN))
    kept = listing(host, *OURS)
    second = host.module("adopt", ignore_refused=True)
    assert not second["changed"] and "failed" not in second, second
    assert listing(host, *OURS) == kept
    assert listing(host, *THEIRS) == theirs
    starts = {name for name in wanted if any(name in text and "starts with the host" in text for text in said(first))}
    assert starts == set(MARKED)
    assert any("guest snap" in text and "(first, second)" in text for text in said(first)), said(first)
    found = {guest["name"]: guest for guest in host.module("vm_info")["guests"]}
    assert {name: guest["autostart"] for name, guest in found.items()} == {"web": True, "snap": False, "uefi": False}


def said(result: dict[str, Any]) -> list[str]:
    """The warnings of a run, as texts in whichever form the module puts them."""
    return [text if isinstance(text, str) else json.dumps(text) for text in result.get("warnings", [])]


def test_what_libvirtd_has_is_never_fought_for_and_there_is_a_way_back(host: LibvirtHost) -> None:
    bridge = host.module("network", name="lab", state="active")
    assert bridge["failed"] and "libvirtd's network lab has it" in bridge["msg"], bridge
    image = {"path": "/images/runs.qcow2"}
    thief = {"name": "thief", "memory": "32MiB", "virt_type": "qemu", "disks": [image], "state": "running"}
    stolen = host.module("vm", **thief)
    assert stolen["failed"] and "which runs under libvirtd on this host" in stolen["msg"], stolen
    for name in ("runs", "passing"):
        virsh(host, "destroy", name)
    virsh(host, "net-destroy", "lab")
    for module, name, state in (("network", "lab", "active"), ("vm", "web", "running"), ("vm", "uefi", "running")):
        done = host.module(module, name=name, state=state)
        assert done["changed"] and not done.get("failed"), done
    # libvirtd cannot have them meanwhile, and has them again once they have ended here
    assert "not active" in host.run("sh", "-c", "virsh start web 2>&1", check=False)
    for name in ("web", "uefi"):
        assert host.module("vm", name=name, state="stopped", force=True, timeout=0)["changed"]
    assert host.module("network", name="lab", state="inactive")["changed"]
    virsh(host, "net-start", "lab")
    virsh(host, "start", "web")
    virsh(host, "managedsave", "web")
    virsh(host, "net-destroy", "lab")
    assert host.module("network", name="lab", state="active")["changed"]
    saved = host.module("vm", name="web", state="running")
    assert saved["failed"] and "libvirtd has saved it while it ran" in saved["msg"], saved
    virsh(host, "managedsave-remove", "web")
    assert host.module("vm", name="web", state="running")["changed"]
    assert host.module("vm", name="web", state="stopped", force=True, timeout=0)["changed"]
    # what has been ended there meanwhile is taken over by the same task
    assert became(host.module("adopt", ignore_refused=True))["guest runs"] == "defined"
