# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Smart cards: emulated from certificates of the host, or a card that stands elsewhere.

Source of the rules: libvirt's formatdomain, "Smartcard devices". QEMU has one slot to a reader.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator

from ....errors import UnsupportedConfig, XmlError
from ....model.domain.core import Domain
from ....model.domain.remote import Smartcard
from ....xml.views import check_choice
from ..command.chardev import BACKENDS, chardev_options
from ..context import Context
from ..kinds import CCID, Kind
from ..options import Option, properties

DEVICES: Dict[str, str] = {
    "host": "ccid-card-emulated",
    "host-certificates": "ccid-card-emulated",
    "passthrough": "ccid-card-passthru",
}
DATABASE = "/etc/pki/nssdb"
CERTIFICATES = 3


def _bus(card: Smartcard, domain: Domain, context: Context) -> str:
    return CCID


def _check(card: Smartcard, domain: Domain, context: Context) -> None:
    check_choice(card, "mode", card.mode, DEVICES)
    if card.mode == "host-certificates" and len(card.certificates) != CERTIFICATES:
        raise XmlError(
            f"<smartcard mode='host-certificates'> has {len(card.certificates)} <certificate>, and needs three.",
            line=card.line,
        )
    if card.database is not None and not card.database.startswith("/"):
        raise XmlError("the <database> of <smartcard> is an absolute path.", line=card.line)
    if card.mode == "passthrough":
        check_choice(card, "type", card.type, BACKENDS)
    place = card.address
    if len(domain.all(Smartcard)) > 1 or (place is not None and (place.controller or place.dimm_slot)):
        raise UnsupportedConfig(
            "QEMU has one smart card a guest, in the first slot of the first reader.",
            line=card.line,
            hint="Leave one <smartcard>, without an <address>.",
        )
    if not context.caps.has_device(DEVICES[card.mode or ""]):
        raise UnsupportedConfig(
            f"{context.caps.binary} is built without smart cards of mode '{card.mode}'.",
            line=card.line,
            hint="Remove the <smartcard>.",
        )


def _backend(card: Smartcard) -> Dict[str, Any]:
    if card.mode == "host":
        return {"backend": "nss-emulated"}
    if card.mode == "passthrough":
        return {"chardev": f"char{card.id()}"}
    names = {f"cert{number}": found.name for number, found in enumerate(card.certificates, start=1)}
    return {"backend": "certificates", **names, "db": card.database or DATABASE}


def _write(card: Smartcard, domain: Domain, context: Context) -> Iterator[Option]:
    if card.mode == "passthrough":
        yield from chardev_options(card, domain, context)
    number = (card.address.controller or 0) if card.address is not None else 0
    reader = domain.controller("ccid", number)
    own = {
        "driver": DEVICES[card.mode or ""],
        **_backend(card),
        "id": card.id(),
        "bus": f"{reader.id() if reader is not None else f'ccid{number}'}.0",
    }
    yield Option("-device", properties(own))


SMARTCARD = Kind(Smartcard, _write, check=_check, bus=_bus)
