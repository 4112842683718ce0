# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of decisions that depend on what a QEMU can do: a name, and the question that answers it.

A row is here when the answer is not plain from the question (device JSON has its own feature in the schema) or when
several places decide by it. Whether a device exists or has a property can be asked of Capabilities directly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict

from .model import Capabilities

Predicate = Callable[[Capabilities], bool]


@dataclass(frozen=True)
class InSchema:
    """A row that asks the monitor's schema for a path."""

    path: str

    def __call__(self, caps: Capabilities) -> bool:
        return caps.has_schema(self.path)


def _option(option: str, parameter: str) -> Predicate:
    return lambda caps: caps.has_option(option, parameter)


def _property(device: str, name: str) -> Predicate:
    return lambda caps: caps.has_property(device, name)


def _object(kind: str, name: str) -> Predicate:
    return lambda caps: caps.has_object_property(kind, name)


def _command(name: str) -> Predicate:
    return lambda caps: caps.has_command(name)


def _any_device(*names: str) -> Predicate:
    return lambda caps: any(caps.has_device(name) for name in names)


_QMP = "query-display-options/ret-type"

FLAGS: Dict[str, Predicate] = {
    # how the command line is written
    "device-json": InSchema("device_add/!json-cli-hotplug"),  # JSON -device existed before, but could not be unplugged
    "netdev-json": InSchema("netdev_add/arg-type/type/^dgram"),  # came with the dgram type, has no sign of its own
    "object-json": InSchema("object-add/arg-type/qom-type/^secret"),
    "compat-deprecated": InSchema("object-add/arg-type/qom-type/^secret"),  # -compat came with JSON objects
    "set-action": _command("set-action"),  # -action instead of -no-reboot and -no-shutdown
    "run-with": lambda caps: caps.has_option("run-with"),
    "run-with-async-teardown": _option("run-with", "async-teardown"),
    "run-with-chroot": _option("run-with", "chroot"),
    "run-with-user": _option("run-with", "user"),
    "sandbox": lambda caps: caps.has_option("sandbox"),
    # machine, processors, memory
    "machine-acpi": _object("generic-pc-machine", "acpi"),
    "machine-hpet": _object("generic-pc-machine", "hpet"),
    "machine-i8042": _object("generic-pc-machine", "i8042"),
    "machine-vmport": _object("generic-pc-machine", "vmport"),
    "machine-sgx-epc": _object("generic-pc-machine", "sgx-epc"),
    "confidential-guest-support": _object("none-machine", "confidential-guest-support"),
    "smp-dies": InSchema("query-hotpluggable-cpus/ret-type/props/die-id"),
    "smp-clusters": InSchema("query-hotpluggable-cpus/ret-type/props/cluster-id"),
    "smp-modules": InSchema("query-hotpluggable-cpus/ret-type/props/module-id"),
    "cpu-migratable": _object("max-x86_64-cpu", "migratable"),
    "cpu-unavailable-features": _object("max-x86_64-cpu", "unavailable-features"),
    "numa-hmat": InSchema("set-numa-node/arg-type/+hmat-lb"),
    "mch-extended-tseg": _property("mch", "extended-tseg-mbytes"),
    "memory-memfd-hugetlb": _object("memory-backend-memfd", "hugetlb"),
    "memory-file-pmem": _object("memory-backend-file", "pmem"),
    "memory-reserve": _object("memory-backend-file", "reserve"),
    "memory-prealloc-threads": _object("memory-backend-file", "prealloc-threads"),
    "memory-canonical-path": _object("memory-backend-file", "x-use-canonical-path-for-ramblock-id"),
    "thread-context": _any_device("thread-context"),
    "iothread-thread-pool": InSchema("object-add/arg-type/+iothread/thread-pool-max"),
    "sev-kernel-hashes": InSchema("object-add/arg-type/+sev-guest/kernel-hashes"),
    "ich9-disable-s3": _property("ICH9-LPC", "disable_s3"),
    "ich9-disable-s4": _property("ICH9-LPC", "disable_s4"),
    "piix4-disable-s3": _property("PIIX4_PM", "disable_s3"),
    "piix4-disable-s4": _property("PIIX4_PM", "disable_s4"),
    "piix4-root-hotplug": _property("PIIX4_PM", "acpi-root-pci-hotplug"),
    "kvm-pit-tick-policy": _property("kvm-pit", "lost_tick_policy"),
    # addresses and buses
    "acpi-index": _property("virtio-net-pci", "acpi-index"),
    "pcie-root-port-hotplug": _property("pcie-root-port", "hotplug"),
    "virtio-transitional": _any_device("virtio-blk-pci-transitional", "virtio-net-pci-transitional"),
    "intel-iommu-aw-bits": _property("intel-iommu", "aw-bits"),
    "intel-iommu-dma-translation": _property("intel-iommu", "dma-translation"),
    "virtio-iommu-boot-bypass": _property("virtio-iommu-pci", "boot-bypass"),
    # disks
    "aio-io-uring": InSchema("blockdev-add/arg-type/+file/aio/^io_uring"),
    "file-drop-cache": InSchema("blockdev-add/arg-type/+file/drop-cache"),
    "drive-nvme": InSchema("blockdev-add/arg-type/+nvme"),
    "drive-virtio-vdpa": InSchema("blockdev-add/arg-type/+virtio-blk-vhost-vdpa"),
    "nbd-tls-hostname": InSchema("blockdev-add/arg-type/+nbd/tls-hostname"),
    "rbd-encryption": InSchema("blockdev-add/arg-type/+rbd/encrypt"),
    "rbd-encryption-luks-any": InSchema("blockdev-add/arg-type/+rbd/encrypt/format/^luks-any"),
    "rbd-encryption-layering": InSchema("blockdev-add/arg-type/+rbd/encrypt/parent"),
    "virtio-blk-queue-size": _property("virtio-blk-pci", "queue-size"),
    "virtio-blk-iothread-mapping": _property("virtio-blk-pci", "iothread-vq-mapping"),
    "virtio-scsi-iothread-mapping": _property("virtio-scsi-pci", "iothread-vq-mapping"),
    "virtio-blk-scsi": _property("virtio-blk-pci", "scsi"),
    "disk-rotation-rate": _property("scsi-hd", "rotation_rate"),
    "usb-storage-removable": _property("usb-storage", "removable"),
    "fsdev-multidevs": _option("fsdev", "multidevs"),
    # networks and character devices
    "netdev-stream": InSchema("netdev_add/arg-type/+stream"),
    "netdev-stream-reconnect": InSchema("netdev_add/arg-type/+stream/reconnect"),
    "netdev-stream-reconnect-ms": InSchema("netdev_add/arg-type/+stream/reconnect-ms"),
    "netdev-vhost-vdpa": InSchema("netdev_add/arg-type/+vhost-vdpa"),
    "netdev-user": InSchema("netdev_add/arg-type/+user"),
    "virtio-net-rss": _property("virtio-net-pci", "rss"),
    "chardev-reconnect": InSchema("chardev-add/arg-type/backend/+socket/data/reconnect"),
    "chardev-reconnect-ms": InSchema("chardev-add/arg-type/backend/+socket/data/reconnect-ms"),
    "chardev-vdagent": InSchema("chardev-add/arg-type/backend/+qemu-vdagent"),
    # displays
    "vnc": _command("query-vnc"),
    "vnc-power-control": _option("vnc", "power-control"),
    "spice": lambda caps: caps.has_option("spice"),
    "spice-gl": _option("spice", "gl"),
    "spice-rendernode": _option("spice", "rendernode"),
    "display-sdl": InSchema(f"{_QMP}/+sdl"),
    "display-dbus": InSchema(f"{_QMP}/+dbus"),
    "egl-headless": InSchema(f"{_QMP}/+egl-headless"),
    "egl-headless-rendernode": InSchema(f"{_QMP}/+egl-headless/rendernode"),
    "virtio-gpu-blob": _property("virtio-gpu-device", "blob"),
    "virtio-gpu-gl": _any_device("virtio-gpu-gl-pci"),
    "virtio-vga-gl": _any_device("virtio-vga-gl"),
    "qxl-vram64": _property("qxl", "vram64_size_mb"),
    "vfio-pci-display": _property("vfio-pci", "display"),
    # other devices
    "balloon-autodeflate": _property("virtio-balloon-pci", "deflate-on-oom"),
    "balloon-free-page-reporting": _property("virtio-balloon-pci", "free-page-reporting"),
    "virtio-mem-prealloc": _property("virtio-mem-pci", "prealloc"),
    "virtio-mem-dynamic-memslots": _property("virtio-mem-pci", "dynamic-memslots"),
    "nvdimm-unarmed": _property("nvdimm", "unarmed"),
    "usb-host-guest-resets-all": _property("usb-host", "guest-resets-all"),
    "usb-redir-filter": _property("usb-redir", "filter"),
    "vhost-user-fs-bootindex": _property("vhost-user-fs-device", "bootindex"),
    # the running guest
    "screendump-png": InSchema("screendump/arg-type/format/^png"),
    "screendump-device": InSchema("screendump/arg-type/device"),
    "block-export-add": _command("block-export-add"),
    "blockdev-reopen": _command("blockdev-reopen"),
    "query-stats": _command("query-stats"),
}

# What the cache answers without parsing a schema.
SCHEMA_PATHS = tuple(row.path for row in FLAGS.values() if isinstance(row, InSchema))
