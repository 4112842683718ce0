# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with firmware, huge pages, two NUMA nodes, TLS for SPICE and a SCSI unit to give away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.context import Context, Defaults, HugePages
from ansible_collections.corral.virt.tests.unit.drivers.qemu.able import able


def flash(name: str, *features: str, mode: str = "split", format_: str = "raw") -> Dict[str, Any]:
    """A firmware descriptor of an image in flash, with a template of its variables."""
    image = {"filename": f"/firmware/{name}.{format_}", "format": format_}
    template = {"filename": f"/firmware/{name}-vars.{format_}", "format": format_}
    return {
        "interface-types": ["uefi"],
        "mapping": {"device": "flash", "mode": mode, "executable": image, "nvram-template": template},
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*", "pc-i440fx-*"]}],
        "features": list(features),
    }


BIOS: Dict[str, Any] = {
    "interface-types": ["bios"],
    "mapping": {"device": "memory", "filename": "/firmware/bios.bin"},
    "targets": [{"architecture": "x86_64", "machines": ["pc-*"]}],
    "features": ["acpi-s3"],
}
FIRMWARE: List[Dict[str, Any]] = [
    flash("packed", "secure-boot", "requires-smm", format_="qcow2"),
    flash("both", mode="combined"),
    flash("stateless", mode="stateless"),
    flash("plain", "acpi-s3"),
    flash("secure", "secure-boot", "requires-smm", "enrolled-keys"),
    BIOS,
]


def host(**more: Any) -> Context:
    """What the passes know there."""
    facts = able(
        firmware=tuple(FIRMWARE),
        hugepages=(HugePages(2048, "/dev/hugepages/corral", default=True), HugePages(1048576, "/mnt/huge1G/corral")),
        host_nodes=frozenset({0, 1}),
        scsi_generic={("scsi_host2", 0, 0, 1): "/dev/sg3"},
        vsock_cid=77,
        short_name="small",
        render_node="/dev/dri/renderD128",
        defaults=Defaults(spice_tls=True),
        **more,
    )
    models, types = frozenset({"tpm-tis", "tpm-crb"}), frozenset({"passthrough", "emulator"})
    return replace(facts, caps=replace(facts.caps, tpm_models=models, tpm_types=types))
