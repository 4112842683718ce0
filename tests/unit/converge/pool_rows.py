# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a pool beside its name, and a part of the document that each of them writes."""

from __future__ import annotations

from typing import Any

DIR = {"target": "/srv/a"}
ISCSI = {"host": "san.example", "device": "iqn.2026-01.example:disks"}
SERVER = {"host": "nfs.example", "dir": "/export", "format": "nfs"}
RBD = {"host": "mon", "name": "guests"}

POOL_WRITTEN: tuple[tuple[dict[str, Any], str], ...] = (
    ({"uuid": "00000000000040008000000000000001", **DIR}, "<uuid>00000000-0000-4000-8000-000000000001</uuid>"),
    (
        {"tags": ["b", "a"], **DIR},
        '<metadata><corral:pool xmlns:corral="urn:corral.virt:pool:1"><corral:tag>a</corral:tag>'
        "<corral:tag>b</corral:tag></corral:pool></metadata>",
    ),
    (DIR, '<pool type="dir"><name>a</name><target><path>/srv/a</path></target></pool>'),
    ({"type": "dir", **DIR}, '<pool type="dir">'),
    # where the storage comes from
    (
        {"type": "fs", "source": {"device": "/dev/sdx1", "format": "ext4"}, **DIR},
        '<source><device path="/dev/sdx1"/><format type="ext4"/></source>',
    ),
    (
        {"type": "fs", "source": {"device": "/dev/sdx1"}, "mount_options": ["noatime", "sync"], **DIR},
        '<fs:mount_opts xmlns:fs="http://libvirt.org/schemas/storagepool/fs/1.0"><fs:option name="noatime"/>'
        '<fs:option name="sync"/></fs:mount_opts>',
    ),
    (
        {"type": "netfs", "source": {**SERVER, "protocol": "4.1"}, **DIR},
        '<host name="nfs.example"/><dir path="/export"/><format type="nfs"/><protocol ver="4.1"/>',
    ),
    (
        {"type": "netfs", "source": {**SERVER, "vendor": "Acme", "product": "Filer"}, **DIR},
        '<vendor name="Acme"/><product name="Filer"/>',
    ),
    (
        {"type": "logical", "source": {"devices": ["/dev/sdx", "/dev/sdy"], "name": "vg"}},
        '<device path="/dev/sdx"/><device path="/dev/sdy"/><name>vg</name>',
    ),
    ({"type": "disk", "source": {"device": "/dev/sdx", "format": "gpt"}, "target": "/dev"}, '<format type="gpt"/>'),
    (
        {"type": "iscsi", "source": {**ISCSI, "host": {"name": "san.example", "port": "3260"}}},
        '<host name="san.example" port="3260"/><device path="iqn.2026-01.example:disks"/>',
    ),
    (
        {"type": "iscsi", "source": {**ISCSI, "auth": {"username": "u", "secret": "san"}}},
        '<auth type="chap" username="u"><secret usage="san"/></auth>',
    ),
    (
        {"type": "iscsi-direct", "source": {**ISCSI, "initiator": "iqn.2026-01.example:host"}},
        '<initiator><iqn name="iqn.2026-01.example:host"/></initiator>',
    ),
    ({"type": "scsi", "source": {"adapter": "host5"}}, '<adapter type="scsi_host" name="host5"/>'),
    (
        {"type": "scsi", "source": {"adapter": {"pci": "0000:00:1f.2", "unique_id": 1}}},
        '<adapter type="scsi_host"><parentaddr unique_id="1"><address domain="0x0000" bus="0x00" slot="0x1f"'
        ' function="0x2"/></parentaddr></adapter>',
    ),
    (
        {"type": "scsi", "source": {"adapter": {"wwnn": "20000000c9831b4b", "wwpn": "10000000c9831b4b"}}},
        '<adapter type="fc_host" wwnn="20000000c9831b4b" wwpn="10000000c9831b4b"/>',
    ),
    (
        {
            "type": "rbd",
            "source": {
                "hosts": ["mon1", {"name": "mon2", "port": 6789}],
                "name": "guests",
                "auth": {"username": "u", "secret": "6F3A1C529D3B4A0E8A555D7C3F1F0C11"},
            },
        },
        '<host name="mon1"/><host name="mon2" port="6789"/><name>guests</name><auth type="ceph" username="u">'
        '<secret uuid="6f3a1c52-9d3b-4a0e-8a55-5d7c3f1f0c11"/></auth>',
    ),
    (
        {"type": "rbd", "source": RBD, "rbd_options": {"rbd_cache": False, "client_mount_timeout": 30}},
        '<rbd:option name="client_mount_timeout" value="30"/><rbd:option name="rbd_cache" value="false"/>',
    ),
    # where it is found
    (
        {**DIR, "permissions": {"mode": "0711", "owner": 0, "group": 64055}},
        "<permissions><mode>0711</mode><owner>0</owner><group>64055</group></permissions>",
    ),
    ({**DIR, "permissions": {"mode": 0o750}}, "<mode>0750</mode>"),
    ({**DIR, "cow": False}, '<features><cow state="no"/></features>'),
)

POOL_REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"uuid": "x"}, "'x' is not a uuid"),
    ({"target": "srv"}, "target: 'srv' is relative"),
    ({**DIR, "permissions": {"mode": "rwx"}}, "permissions.mode: 'rwx' is no mode"),
    ({**DIR, "permissions": {"mode": 711}}, "permissions.mode: 711 is no mode; write octal digits in quotes"),
    ({**DIR, "permissions": {"mode": "4755"}}, "without setuid"),
    ({**DIR, "permissions": {"mode": "\u0667"}}, "is no mode"),
    ({**DIR, "permissions": {"owner": -1}}, "permissions.owner: -1 is no number"),
    ({"type": "netfs", "source": {"host": {"port": 1}}}, "source.host: name is missing"),
    ({"type": "netfs", "source": {"host": {"nam": "x"}}}, "host: nam is none of its fields"),
    ({"type": "rbd", "source": {"host": "a", "hosts": ["b"]}}, "host and hosts say the same"),
    ({"type": "logical", "source": {"device": "/dev/a", "devices": ["/dev/b"]}}, "device and devices say the same"),
    ({"type": "scsi", "source": {"adapter": {"name": "host5", "pci": "0:0.0"}}}, "write one of name, pci"),
    ({"type": "scsi", "source": {"adapter": {"unique_id": 1}}}, "write one of name, pci"),
    ({"type": "scsi", "source": {"adapter": {"pci": "x"}}}, "source.adapter.pci: 'x' is no PCI address"),
    ({"type": "nfs", "source": {"auth": {"username": "u", "secret": "s"}}}, "pools of the type nfs ask nobody"),
    ({"type": "rbd", "source": {"auth": {"username": "u", "secret": " "}}}, "secret is empty"),
    ({"mount_options": [""], **DIR}, "mount_options: '' is no text"),
)
