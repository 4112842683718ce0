# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cryptographic accelerators.

Source of the rules: libvirt's formatdomain, "Crypto".
"""

from __future__ import annotations

from typing import Dict, Iterator

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.platform import Crypto
from ....xml.views import check_choice
from ..command.address import pci_properties, virtio_properties
from ..context import Context
from ..kinds import VIRTIO, Kind
from ..options import Option, properties

BACKENDS: Dict[str, str] = {"builtin": "cryptodev-backend-builtin", "lkcf": "cryptodev-backend-lkcf"}


def _bus(crypto: Crypto, domain: Domain, context: Context) -> str:
    return VIRTIO


def _check(crypto: Crypto, domain: Domain, context: Context) -> None:
    if (crypto.model, crypto.type) != ("virtio", "qemu"):
        raise XmlError("a <crypto> has model='virtio' type='qemu'.", line=crypto.line)
    check_choice(crypto, "backend model", crypto.backend, BACKENDS)
    if not context.caps.has_device("virtio-crypto-pci") or not context.caps.has_object(BACKENDS[crypto.backend or ""]):
        raise UnsupportedConfig(
            f"{context.caps.binary} has no <crypto> with the backend '{crypto.backend}'.",
            line=crypto.line,
            hint="Remove the <crypto>.",
        )


def _write(crypto: Crypto, domain: Domain, context: Context) -> Iterator[Option]:
    name = f"obj{crypto.id()}"
    backend = {"qom-type": BACKENDS[crypto.backend or ""], "id": name, "queues": crypto.queues}
    yield Option("-object", properties(backend))
    own = {"driver": "virtio-crypto-pci", "cryptodev": name, "id": crypto.id()}
    yield Option("-device", properties(own, virtio_properties(crypto), pci_properties(crypto, domain)))


CRYPTO = Kind(Crypto, _write, check=_check, bus=_bus)
