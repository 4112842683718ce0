# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory for secrets, with or without a systemd-creds that encrypts."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Sequence, Tuple

from ansible_collections.corral.virt.plugins.module_utils.drivers.secret.driver import KeptSecrets
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import Element, parse

UUID = "22e1353d-c27e-4d6d-bf15-465053e6ba0b"
VALUE = b"correct horse battery staple"


def creds(argv: Sequence[str], stdin: bytes) -> Completed:
    """A program that turns every bit around, and refuses what was sealed under another name."""
    argv = tuple(argv)
    name = next(word for word in argv if word.startswith("--name=")).encode()
    if argv[1] == "encrypt":
        return Completed(argv, 0, b64encode(_turned(name + b"\0" + stdin)) + b"\n", b"")
    sealed_for, _nul, value = _turned(b64decode(stdin)).partition(b"\0")
    if sealed_for != name:
        return Completed(argv, 1, b"", b"Embedded credential name does not match filename.\n")
    return Completed(argv, 0, value, b"")


def _turned(data: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in data)


def secret_host(*, encrypts: bool = False, euid: int = 0) -> FakeHost:
    host = FakeHost(euid=euid)
    if encrypts:
        host.add_program("systemd-creds", creds)
        host.add_file("/var/lib/systemd/credential.secret", b"key", mode=0o400)
    return host


def driver_on(host: FakeHost) -> KeptSecrets:
    return KeptSecrets(host, Layout.system())


def document(
    *, uuid: str = UUID, usage: Tuple[str, str, str] = ("ceph", "name", "client.admin"), **flags: str
) -> Element:
    """A secret; without a uuid where that is empty, for nothing in particular where the usage's type is."""
    kind, tag, text = usage
    attributes = "".join(f" {name}='{value}'" for name, value in flags.items())
    parts = [f"<uuid>{uuid}</uuid>"] if uuid else []
    parts += [f"<usage type='{kind}'><{tag}>{text}</{tag}></usage>"] if kind else []
    return parse(f"<secret{attributes}>{''.join(parts)}</secret>", root="secret")
