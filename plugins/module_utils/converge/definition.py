# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What vm can be told of a guest, as Ansible's argument specification.

An option that is ``raw`` has a short and a long form (``tpm: true``, ``tpm: {model: tis}``); the builder that reads it
checks both. No option has a default here: "not given" has to be told from "given", because ``xml`` contradicts
whatever is given, and a guest is described as soon as one of them is.
"""

from __future__ import annotations

from typing import Any

from .argspec import Spec

Rows = dict[str, dict[str, Any]]

STR: dict[str, Any] = {"type": "str"}
INT: dict[str, Any] = {"type": "int"}
BOOL: dict[str, Any] = {"type": "bool"}
PATH: dict[str, Any] = {"type": "path"}
RAW: dict[str, Any] = {"type": "raw"}
STRINGS: dict[str, Any] = {"type": "list", "elements": "str"}


def _word(*choices: str, default: str = "") -> dict[str, Any]:
    row: dict[str, Any] = {"type": "str", "choices": list(choices)}
    return {**row, "default": default} if default else row


def _several(options: Rows) -> dict[str, Any]:
    return {"type": "list", "elements": "dict", "options": options}


IOTUNE: Rows = {
    **{f"{what}_bytes_sec{most}": STR for what in ("total", "read", "write") for most in ("", "_max")},
    **{f"{what}_iops_sec{most}": INT for what in ("total", "read", "write") for most in ("", "_max")},
    "burst_seconds": INT,
    "group_name": STR,
}
DISK: Rows = {
    "path": PATH,
    "pool": STR,
    "volume": STR,
    "size": STR,
    "image": RAW,
    "backing": RAW,
    "device": _word("disk", "cdrom", "floppy", default="disk"),
    "format": _word("raw", "qcow2"),
    "encryption": RAW,
    "bus": _word("virtio", "sata", "scsi", "ide", "usb", "fdc"),
    "target": STR,
    "readonly": {"type": "bool", "default": False},
    "shareable": {"type": "bool", "default": False},
    "boot_order": INT,
    "serial": STR,
    "wwn": STR,
    "cache": _word("none", "writethrough", "writeback", "directsync", "unsafe"),
    "io": _word("threads", "native", "io_uring"),
    "discard": _word("ignore", "unmap"),
    "detect_zeroes": _word("off", "on", "unmap"),
    "iothread": INT,
    "iotune": {"type": "dict", "options": IOTUNE},
}
RATE: Rows = {"average": {"type": "str", "required": True}, "peak": STR, "burst": STR}
BANDWIDTH: Rows = {way: {"type": "dict", "options": RATE} for way in ("inbound", "outbound")}
DIRECT: Rows = {
    "dev": {"type": "str", "required": True},
    "mode": _word("bridge", "vepa", "private", "passthrough", default="bridge"),
}
INTERFACE: Rows = {
    "type": _word("user", "network", "bridge", "direct", "ethernet"),
    "network": STR,
    "portgroup": STR,
    "bridge": STR,
    "direct": {"type": "dict", "options": DIRECT},
    "mac": STR,
    "model": {"type": "str", "default": "virtio"},
    "mtu": INT,
    "link": _word("up", "down"),
    "vlan": RAW,
    "bandwidth": {"type": "dict", "options": BANDWIDTH},
    "queues": INT,
    "vhost": BOOL,
    "target": STR,
    "managed": BOOL,
    "isolated": BOOL,
    "filter": {"type": "raw"},
    "trust_guest_rx_filters": BOOL,
    "boot_order": INT,
}
GRAPHICS: Rows = {
    "type": _word("vnc", "spice", default="vnc"),
    "listen": {"type": "str", "default": "127.0.0.1"},
    "port": INT,
    "tls_port": INT,
    "websocket": INT,
    "password": {"type": "str", "no_log": True},
    "keymap": {"type": "str", "no_log": False},
}
PORT: Rows = {
    "type": _word("pty", "file", "unix", "tcp", "dev", "pipe", "none"),
    "path": PATH,
    "host": STR,
    "port": INT,
    "listen": {"type": "bool", "default": True},
}
CHANNEL: Rows = {"name": {"type": "str", "required": True}, **PORT}
SERIAL: Rows = {**PORT, "model": _word("isa-serial", "pci-serial", "usb-serial")}
FILESYSTEM: Rows = {
    "source": {"type": "path", "required": True},
    "tag": {"type": "str", "required": True},
    "type": _word("virtiofs", "9p", default="virtiofs"),
    "access": _word("passthrough", "mapped", "squash"),
    "readonly": {"type": "bool", "default": False},
}
INPUT: Rows = {
    "type": {**_word("tablet", "keyboard", "mouse"), "required": True},
    "bus": _word("usb", "virtio", "ps2"),
}
TIMER: Rows = {
    "name": {**_word("rtc", "pit", "hpet", "tsc", "kvmclock", "hypervclock"), "required": True},
    "present": BOOL,
    "tick_policy": _word("delay", "catchup", "merge", "discard"),
    "track": _word("guest", "wall", "realtime"),
    "frequency": INT,
}
BOOT: Rows = {
    "order": {"type": "list", "elements": "str", "choices": ["disk", "cdrom", "network", "floppy"]},
    "menu": BOOL,
    "menu_timeout": INT,
}
NUMA: Rows = {"cpus": {"type": "str", "required": True}, "memory": {"type": "str", "required": True}}
FW_CFG: Rows = {"name": {"type": "str", "required": True}, "value": STR, "file": PATH}
# Kept out of what Ansible repeats and logs as a whole (see entry.py): the words in them are not secret, one by one.
HIDDEN: dict[str, Any] = {"type": "raw", "no_log": True}
CLOUD_INIT: Rows = dict.fromkeys(("user_data", "meta_data", "network_config", "vendor_data"), HIDDEN)
SMBIOS: Rows = {
    **{block: {"type": "dict"} for block in ("bios", "system", "board", "chassis")},
    "oem_strings": STRINGS,
}

# What a guest is.
DEFINITION = Spec(
    {
        "name": STR,
        "xml": STR,
        # what people call it
        "title": STR,
        "description": STR,
        "tags": STRINGS,
        "uuid": STR,
        # the machine
        "virt_type": _word("kvm", "qemu"),
        "arch": STR,
        "machine": STR,
        "emulator": PATH,
        "memory": RAW,
        "vcpus": RAW,
        "cpu": RAW,
        "numa": _several(NUMA),
        "iothreads": INT,
        "hyperv": BOOL,
        "clock": _word("utc", "localtime"),
        "timers": _several(TIMER),
        # how it starts and ends
        "firmware": RAW,
        "boot": {"type": "dict", "options": BOOT},
        "kernel": PATH,
        "initrd": PATH,
        "cmdline": STR,
        "on_poweroff": _word("destroy", "restart", "preserve"),
        "on_reboot": _word("restart", "destroy", "preserve"),
        "on_crash": _word("destroy", "restart", "preserve", "coredump-destroy", "coredump-restart"),
        # what is in it
        "disks": _several(DISK),
        "filesystems": _several(FILESYSTEM),
        "interfaces": _several(INTERFACE),
        "console": BOOL,
        "serials": _several(SERIAL),
        "parallels": _several(PORT),
        "guest_agent": BOOL,
        "spice_agent": BOOL,
        "channels": _several(CHANNEL),
        "graphics": _several(GRAPHICS),
        "video": RAW,
        "sound": _word("ich9", "ich6", "ac97", "es1370", "sb16", "usb", "virtio", "pcspk"),
        "inputs": _several(INPUT),
        "tpm": RAW,
        "rng": BOOL,
        "balloon": BOOL,
        "watchdog": RAW,
        "panic": BOOL,
        "vsock": RAW,
        "cloud_init": {"type": "dict", "options": CLOUD_INIT},
        "ignition": HIDDEN,
        "smbios": {"type": "dict", "options": SMBIOS},
        "fw_cfg": _several(FW_CFG),
        "qemu_commandline": STRINGS,
    },
    required_one_of=(("name", "xml"),),
    required_by={"initrd": ("kernel",), "cmdline": ("kernel",)},
)
# The options that a document says too: with ``xml`` they contradict it.
DEFINING: tuple[str, ...] = tuple(name for name in DEFINITION.options if name not in ("name", "xml"))
