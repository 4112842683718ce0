# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what this project generates for every input of a libvirt source tree.

    generate.py KIND --source LIBVIRT_TREE --out OUT.jsonl [--case NAME]

KIND is qemu-argv, domain-xml or dnsmasq. One JSON object a line: {"case", "argv"}, {"case", "xml"} or {"case", "conf",
"hosts", "addnhosts"}, or {"case", "error"} for an input that is refused. The QEMU is the one that the tree recorded
(tests/qemucapabilitiesdata), and the host is the one that the tree's expectations were made on: see REFERENCE below.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.actual import with_actual  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.model import AccelView, Capabilities  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.caps.probe import probe_recording  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.build import command_line  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.command.secrets import guest_secrets  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Context  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete, live  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text  # noqa: E402
from ansible_collections.corral.virt.tests.conformance import networks, reference_host, reference_storage  # noqa: E402

FOLDERS = ("qemuxmlconfdata", "qemuxml2argvdata")
ENDINGS = (".x86_64-latest.args", ".x86_64-latest.err", ".x86_64-latest.xml")
STATE = "/var/lib/libvirt/qemu"

# The host of the expectations: libvirt's tests run as the system's daemon with the clock standing still, two sizes of
# huge pages, and the graphics ports counted from 5900.
REFERENCE = Context(
    caps=Capabilities(binary="", version=(0, 0, 0), arch="x86_64"),
    nvram=f"{STATE}/nvram",
    ram=f"{STATE}/ram",
    host_id="reference",
    now=1234567890.0,
    hugepages=reference_host.HUGE_PAGES,
    host_nodes=reference_host.NODES,
    cdroms=reference_storage.CDROMS,
    ports={"vnc": 5900, "spice": 5901, "spice-tls": 5902, "websocket": 5700},
    descriptors=reference_host.Always(reference_host.INHERITED),
    scsi_generic=reference_host.Always(reference_host.SCSI_GENERIC),
    network_addresses=reference_host.NETWORKS,
    render_node=reference_host.RENDER_NODE,
    genid=reference_host.GENERATION,
    vsock_cid=reference_host.VSOCK_CID,
    tpm_socket=reference_host.TPM_SOCKET,
)


def capabilities(source: Path) -> Capabilities:
    """The newest recorded QEMU, with machine types under the names that the inputs use."""
    recordings = sorted((source / "tests/qemucapabilitiesdata").glob("caps_*_x86_64.replies"), key=_version)
    caps = probe_recording(recordings[-1].read_text(encoding="utf-8"), binary="/usr/bin/qemu-system-x86_64")
    views = {name: _by_alias(view) for name, view in caps.accels.items()}
    return dataclasses.replace(caps, kvm=True, kvm_reason="", accels=views)


def _version(path: Path) -> List[int]:
    return [int(number) for number in path.name.split("_")[1].split(".")]


def _by_alias(view: AccelView) -> AccelView:
    """The tree's expectations keep pc and q35 as they were written: its QEMU has those as real machine types."""
    named = [dataclasses.replace(machine, name=machine.alias, alias=None) for machine in view.machines if machine.alias]
    return dataclasses.replace(view, machines=(*view.machines, *named)[::-1])


def cases(source: Path) -> Iterator[Path]:
    """Every input that has an expectation for the newest x86_64 QEMU."""
    for path in sorted(_inputs(source).glob("*.xml")):
        if any(path.with_name(path.stem + ending).exists() for ending in ENDINGS):
            yield path


def _inputs(source: Path) -> Path:
    for name in FOLDERS:
        if (source / "tests" / name).is_dir():
            return source / "tests" / name
    raise SystemExit(f"{source}/tests has no {' and no '.join(FOLDERS)}: name the root of a libvirt source tree.")


def context_for(case: str, document: Element, caps: Capabilities, source: Path) -> Context:
    """The reference host's facts for one guest; guests that are only defined have the id -1 there."""
    name = f"-1-{Domain(document).name}"
    directory = f"{STATE}/domain-{name}"
    return dataclasses.replace(
        REFERENCE,
        caps=caps,
        defaults=reference_host.defaults(case),
        directory=directory,
        short_name=name[: reference_host.NAME_LENGTH],
        channels=directory,
        firmware=reference_host.firmware(source),
        passt=f"/var/run/libvirt/qemu/passt/{name}",
        dbus_socket=f"/var/run/libvirt/qemu/dbus/{name}-dbus.sock",
        volumes=reference_storage.volumes(document, source),
    )


def write_argv(document: Element, context: Context) -> Dict[str, Any]:
    defined = complete(document, context)
    running = live(with_actual(defined, reference_host.actual(defined)), context)
    secrets = reference_storage.sealed(guest_secrets(Domain(running), context))
    told = dataclasses.replace(context, secrets=secrets, taps=reference_host.ends(Domain(running)))
    return {"argv": command_line(running, told)}


def write_xml(document: Element, context: Context) -> Dict[str, Any]:
    return {"xml": to_text(complete(document, context))}


KINDS: Dict[str, Callable[[Element, Context], Dict[str, Any]]] = {"qemu-argv": write_argv, "domain-xml": write_xml}


def generate(kind: str, path: Path, caps: Capabilities, source: Path) -> Dict[str, Any]:
    """One line of the output: what is generated for an input, or the error that refuses it."""
    try:
        document = parse(path.read_text(encoding="utf-8"), root="domain")
        return {"case": path.stem, **KINDS[kind](document, context_for(path.stem, document, caps, source))}
    except CorralError as error:
        return {"case": path.stem, "error": str(error)}


def lines(kind: str, source: Path, only: Optional[str]) -> Iterator[Dict[str, Any]]:
    """The lines of the output, or the one of a single case."""
    if kind == "dnsmasq":
        yield from (networks.generate(path) for path in networks.cases(source) if only in (None, path.stem))
        return
    caps = capabilities(source)
    yield from (generate(kind, path, caps, source) for path in cases(source) if only in (None, path.stem))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted((*KINDS, "dnsmasq")))
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--case", help="only this input")
    args = parser.parse_args()
    with args.out.open("w", encoding="utf-8") as out:
        for line in lines(args.kind, args.source, args.case):
            out.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
