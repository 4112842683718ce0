# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firmware: chosen by the host's descriptors where the document only asks for a kind, completed where it names a file.

A descriptor is a JSON object as QEMU's docs/interop/firmware.json has it. Source of the rules: libvirt's formatdomain,
"BIOS bootloader", and its kbase page on secure boot.
"""

from __future__ import annotations

import fnmatch
from typing import Any, Dict, Mapping, Optional, Tuple

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.firmware import Loader, Nvram
from ....xml.parse import Element, add
from ..context import Context

Descriptor = Mapping[str, Any]

INTERFACES: Dict[str, str] = {"efi": "uefi", "bios": "bios"}
BY_LOADER: Dict[str, str] = {"pflash": "uefi", "rom": "bios"}
FEATURES: Tuple[str, ...] = ("enrolled-keys", "secure-boot")
FORMATS = ("raw", "qcow2")
# what distributions installed before there were descriptors: the image and the template of its variables
OLD_PATHS: Dict[str, str] = {
    "/usr/share/OVMF/OVMF_CODE.fd": "/usr/share/OVMF/OVMF_VARS.fd",
    "/usr/share/OVMF/OVMF_CODE.secboot.fd": "/usr/share/OVMF/OVMF_VARS.fd",
    "/usr/share/AAVMF/AAVMF_CODE.fd": "/usr/share/AAVMF/AAVMF_VARS.fd",
    "/usr/share/AAVMF/AAVMF32_CODE.fd": "/usr/share/AAVMF/AAVMF32_VARS.fd",
}


def complete_firmware(domain: Domain, context: Context) -> None:
    """Settle which firmware the guest has and where its variables are.

    Raises XmlError for what contradicts itself, UnsupportedConfig when the host has no firmware that fits.
    """
    _check(domain)
    loader = domain.loader
    if loader is not None and loader.path and loader.type is None:
        loader.type = "rom"
    if domain.firmware is None and (loader is None or loader.type != "pflash"):
        _default_formats(domain)
        return
    found = next((one for one in context.firmware if matches(one, domain)), None)
    if found is not None:
        _take(found, domain)
    elif domain.firmware is not None:
        raise UnsupportedConfig(
            f"the host has no firmware '{domain.firmware}' that fits the guest.",
            hint="Install the package ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, RHEL), or ask for less in <os>.",
        )
    _default_formats(domain)
    _place_variables(domain, context)
    _check_machine(domain)


# what is asked for


def wanted_format(domain: Domain) -> str:
    """The format of the image: the loader's, else that of the variables, else raw."""
    loader, nvram = domain.loader, domain.nvram
    return (loader.format if loader else None) or (nvram.format if nvram else None) or "raw"


def matches(descriptor: Descriptor, domain: Domain) -> bool:
    """Whether a firmware is what the document asks for, and nothing that it refuses."""
    loader = domain.loader
    interface = INTERFACES.get(domain.firmware or "") or BY_LOADER.get((loader.type if loader else None) or "")
    return (
        interface in descriptor.get("interface-types", ())
        and _fits_machine(descriptor, domain)
        and _fits_features(descriptor, domain)
        and _fits_mapping(descriptor.get("mapping", {}), domain)
    )


def _fits_machine(descriptor: Descriptor, domain: Domain) -> bool:
    arch = {"i686": "i386"}.get(domain.arch or "", domain.arch)
    for target in descriptor.get("targets", ()):
        names = target.get("machines", ()) if target.get("architecture") == arch else ()
        if any(fnmatch.fnmatchcase(domain.machine or "", pattern) for pattern in names):
            return True
    return False


def _fits_features(descriptor: Descriptor, domain: Domain) -> bool:
    offered = set(descriptor.get("features", ()))
    for feature in domain.firmware_features:
        if feature.enabled is not None and feature.enabled != (feature.name in offered):
            return False
    if domain.suspend_to_mem and "acpi-s3" not in offered:
        return False
    if domain.suspend_to_disk and "acpi-s4" not in offered:
        return False
    secure = domain.loader.secure if domain.loader is not None else None
    return secure is None or secure == ("requires-smm" in offered)


def _fits_mapping(mapping: Mapping[str, Any], domain: Domain) -> bool:
    loader, nvram = domain.loader, domain.nvram
    if mapping.get("device") == "memory":
        bios = domain.firmware == "bios" or (domain.firmware is None and loader is not None and loader.type == "rom")
        plain = bios and (loader is None or (loader.type in (None, "rom") and loader.stateless is not False))
        return plain and (loader is None or loader.path in (None, mapping.get("filename")))
    if mapping.get("device") != "flash" or (loader is not None and loader.type not in (None, "pflash")):
        return False
    image = mapping.get("executable", {})
    template = mapping.get("nvram-template", {})
    return (
        mapping.get("mode", "split") == _mode(loader)  # "combined" never: guests would write into one file
        and image.get("format", "raw") == wanted_format(domain)
        and (loader is None or loader.path in (None, image.get("filename")))
        and (nvram is None or nvram.template in (None, template.get("filename")))
        and (nvram is None or nvram.template_format in (None, template.get("format", "raw")))
    )


def _mode(loader: Optional[Loader]) -> str:
    """How image and variables go together: split, unless the loader keeps nothing or the user writes to it."""
    if loader is not None and loader.stateless:
        return "stateless"
    writable = loader is not None and (loader.readonly is False or (bool(loader.path) and loader.readonly is None))
    return "the user's own" if writable else "split"


# what is taken


def _take(descriptor: Descriptor, domain: Domain) -> None:
    mapping, offered = descriptor["mapping"], set(descriptor.get("features", ()))
    domain.firmware = "efi" if "uefi" in descriptor["interface-types"] else "bios"
    if domain.loader is None:
        add(_os(domain), "loader")
    loader = domain.loader
    if loader is None:
        raise AssertionError("loader is not there")
    if mapping["device"] == "memory":
        loader.type, loader.path, loader.format = "rom", mapping["filename"], "raw"
    else:
        _take_flash(mapping, loader, domain)
    if "requires-smm" in offered:
        _require_smm(domain)
        loader.secure = True
    _write_features(offered, domain)


def _take_flash(mapping: Mapping[str, Any], loader: Loader, domain: Domain) -> None:
    image = mapping["executable"]
    loader.type, loader.path, loader.format = "pflash", image["filename"], image.get("format", "raw")
    mode = mapping.get("mode", "split")
    loader.readonly = mode != "combined"
    if mode == "stateless":
        loader.stateless = True
    if mode != "split":
        return
    if domain.nvram is None:
        add(_os(domain), "nvram")
    nvram, template = domain.nvram, mapping["nvram-template"]
    if nvram is None:
        raise AssertionError("nvram is not there")
    if nvram.type != "network":
        nvram.template, nvram.template_format = template["filename"], template.get("format", "raw")
        nvram.format = template.get("format", "raw")


def _require_smm(domain: Domain) -> None:
    if domain.feature_state("smm") == "off":
        raise XmlError("the firmware needs <smm/>, and <features> switches it off; remove <smm state='off'/>.")
    if domain.feature("smm") is None:
        features = domain.element.find("features")
        add(add(domain.element, "features") if features is None else features, "smm", state="on")


def _write_features(offered: Any, domain: Domain) -> None:
    """What the firmware does is written down; which keys are enrolled is in the variables, perhaps elsewhere."""
    elsewhere = domain.nvram is not None and domain.nvram.type == "network"
    holder = domain.element.find("os/firmware")
    if holder is None:
        holder = add(_os(domain), "firmware")
    present = {feature.name: feature for feature in domain.firmware_features}
    for name in FEATURES:
        if name == "enrolled-keys" and elsewhere:
            continue
        if name in present:
            present[name].enabled = name in offered
        else:
            add(holder, "feature", enabled="yes" if name in offered else "no", name=name)


def _os(domain: Domain) -> Element:
    found = domain.element.find("os")
    return add(domain.element, "os") if found is None else found


# defaults


def _default_formats(domain: Domain) -> None:
    if domain.loader is not None and domain.loader.path and domain.loader.format is None:
        domain.loader.format = "raw"


def _keeps_variables(loader: Optional[Loader]) -> bool:
    return loader is not None and loader.type == "pflash" and bool(loader.readonly) and not loader.stateless


def _place_variables(domain: Domain, context: Context) -> None:
    """Where the variables are: the user's place, else a file named after the guest."""
    if not _keeps_variables(domain.loader):
        return
    if domain.nvram is None:
        add(_os(domain), "nvram")
    loader, nvram = domain.loader, domain.nvram
    if nvram is None or loader is None:
        raise AssertionError("nvram is not there")
    _old_template(nvram, loader)
    if nvram.format is None:
        nvram.format = nvram.template_format or "raw"
    if nvram.source is None and not nvram.path:
        ending = "fd" if nvram.format == "raw" else nvram.format
        nvram.path = f"{context.nvram}/{domain.name}_VARS.{ending}"


def _old_template(nvram: Nvram, loader: Loader) -> None:
    template = OLD_PATHS.get(loader.path or "")
    if template is not None and nvram.template in (None, template) and nvram.type != "network":
        nvram.template, nvram.template_format = template, nvram.template_format or "raw"


# refusals


def _check(domain: Domain) -> None:
    loader, nvram = domain.loader, domain.nvram
    line = loader.line if loader is not None else None
    if domain.firmware not in (None, *INTERFACES):
        raise XmlError(f"<os firmware='{domain.firmware}'> is not one of {', '.join(INTERFACES)}.")
    if domain.firmware is None and domain.firmware_features and loader is None:
        raise XmlError("<firmware> in <os> asks for features; write <os firmware='efi'> with it.")
    if nvram is not None and domain.firmware == "bios":
        raise XmlError("a BIOS has no <nvram>; remove it, or write <os firmware='efi'>.", line=nvram.line)
    if loader is None:
        if nvram is not None and domain.firmware is None:
            raise XmlError("<nvram> belongs to a <loader type='pflash'>, or to <os firmware='efi'>.", line=nvram.line)
        return
    if domain.firmware is None and not loader.path:
        raise XmlError("<loader> has no path; write it, or <os firmware='efi'> to have one chosen.", line=line)
    if loader.type not in (None, *BY_LOADER):
        raise XmlError(f"<loader type='{loader.type}'> is not one of {', '.join(BY_LOADER)}.", line=line)
    for what in (loader.format, nvram.format if nvram else None, nvram.template_format if nvram else None):
        if what not in (None, *FORMATS):
            raise XmlError(f"the format '{what}' of the firmware is not one of {', '.join(FORMATS)}.", line=line)
    _check_variables(domain, loader)
    if nvram is not None and nvram.type == "network" and (nvram.source is None or not nvram.source.protocol):
        raise XmlError("<nvram type='network'> needs a <source protocol='...'>.", line=nvram.line)
    if nvram is not None and nvram.source is not None and nvram.type is None:
        raise XmlError("<nvram> with a <source> needs a type, such as type='file'.", line=nvram.line)


def _check_variables(domain: Domain, loader: Loader) -> None:
    nvram, flash = domain.nvram, domain.firmware == "efi" or loader.type == "pflash"
    if loader.stateless and nvram is not None:
        raise XmlError("a stateless <loader> keeps no variables; remove <nvram>, or stateless='yes'.", line=nvram.line)
    if loader.stateless is False and not flash:
        raise XmlError("only UEFI keeps variables; remove stateless='no' from <loader>.", line=loader.line)
    if nvram is not None and not flash:
        raise XmlError("<nvram> goes with <loader type='pflash'>; write the type, or remove <nvram>.", line=nvram.line)


def _check_machine(domain: Domain) -> None:
    loader = domain.loader
    if loader is None or loader.type != "pflash":
        return
    if domain.is_x86() and domain.feature_state("acpi") != "on":
        raise XmlError("UEFI needs <acpi/> in <features>; add it.", line=loader.line)
    if loader.secure and not (domain.is_q35() and domain.arch == "x86_64"):
        raise XmlError("a secure <loader> needs a q35 machine of arch x86_64.", line=loader.line)
    if loader.secure and domain.feature_state("smm") != "on":
        raise XmlError("a secure <loader> needs <smm state='on'/> in <features>; add it.", line=loader.line)
