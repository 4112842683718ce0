# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices between the guest and its host: TPM, random numbers, balloon, watchdog, panic, vsock, shared directories.

Source of the meanings: libvirt's formatdomain, the section of each.
"""

from __future__ import annotations

from ...errors import InvalidArgument
from ...xml.parse import Element, add
from .forms import Form, number, one_of, path
from .memory import refuses_sharing, share_memory
from .write import Builder, Options, absolute, device, each, put, text

TPM = Form(
    "tpm", "model", {"model": one_of("crb", "tis"), "version": one_of("2.0", "1.2"), "device": path}, switch=True
)
ACTIONS = ("reset", "poweroff", "shutdown", "pause", "none", "inject-nmi", "dump")
WATCHDOG = Form(
    "watchdog", "model", {"model": one_of("i6300esb", "ib700", "itco"), "action": one_of(*ACTIONS)}, switch=True
)
VSOCK = Form("vsock", "cid", {"cid": number(3, " of a guest's socket address")}, switch=True)


def tpm(domain: Element, options: Options) -> None:
    """An emulated TPM, or the host's own."""
    asked = TPM.read(options.get("tpm"))
    if asked is None:
        return
    version, model = asked.get("version"), asked.get("model")
    if model == "crb" and version == "1.2":
        raise InvalidArgument("tpm: model crb and version 1.2 contradict each other; write model tis.")
    if "device" in asked and version:
        raise InvalidArgument("tpm: the version of a device of the host is its own; leave version out.")
    element = device(domain, "tpm", model=f"tpm-{model or ('tis' if version == '1.2' else 'crb')}")
    if "device" in asked:
        add(add(element, "backend", type="passthrough"), "device", path=asked["device"])
    else:
        add(element, "backend", type="emulator", version=version or "2.0")


def rng(domain: Element, options: Options) -> None:
    """Random numbers from the host's kernel."""
    if options.get("rng"):
        text(device(domain, "rng", model="virtio"), "backend", "/dev/urandom", model="random")


def balloon(domain: Element, options: Options) -> None:
    """A guest has one unless it is told otherwise."""
    if options.get("balloon") is not None:
        device(domain, "memballoon", model="virtio" if options["balloon"] else "none")


def watchdog(domain: Element, options: Options) -> None:
    """A watchdog of a model, and what it does."""
    asked = WATCHDOG.read(options.get("watchdog"))
    if asked is not None:
        put(device(domain, "watchdog", model=asked.get("model", "i6300esb")), {"action": asked.get("action", "reset")})


def panic(domain: Element, options: Options) -> None:
    """What a guest's kernel says that it crashed through."""
    if options.get("panic"):
        device(domain, "panic", model="isa")


def vsock(domain: Element, options: Options) -> None:
    """Sockets to the host, under a given number or a free one."""
    asked = VSOCK.read(options.get("vsock"))
    if asked is not None:
        cid = asked.get("cid")
        put(add(device(domain, "vsock", model="virtio"), "cid"), {"auto": cid is None, "address": cid})


def filesystems(domain: Element, options: Options) -> None:
    """Directories of the host that the guest mounts by their tags."""
    tags = [entry["tag"] for _what, entry in each(options, "filesystems")]
    for what, entry in each(options, "filesystems"):
        if tags.count(entry["tag"]) > 1:
            raise InvalidArgument(f"{what}: the tag {entry['tag']} is given twice; write one for each directory.")
        virtiofs, access = entry.get("type") != "9p", entry.get("access")
        if virtiofs and access not in (None, "passthrough"):
            raise InvalidArgument(f"{what}: access {access} is for the type 9p; leave it out, or write type 9p.")
        element = device(domain, "filesystem", type="mount", accessmode=access or "passthrough")
        if virtiofs:
            _share(domain, options, what)
            add(element, "driver", type="virtiofs")
        add(element, "source", dir=absolute(entry["source"], f"{what}: source"))
        add(element, "target", dir=entry["tag"])
        if entry.get("readonly"):
            add(element, "readonly")


def _share(domain: Element, options: Options, what: str) -> None:
    """The program that serves a directory reads the guest's memory."""
    if refuses_sharing(options):
        raise InvalidArgument(
            f"{what}: virtiofs and memory.shared: false contradict each other; leave shared out, or write type 9p."
        )
    share_memory(domain)


BUILDERS: tuple[Builder, ...] = (filesystems, tpm, rng, balloon, watchdog, panic, vsock)
