# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a secret document, as libvirt writes it; nothing in it is there more than once."""

from __future__ import annotations

from typing import Dict, Tuple

from ...xml.canonical import Identity

SECRET_ORDER: Dict[str, Tuple[str, ...]] = {"": ("uuid", "description", "usage")}
SECRET = Identity(order={"": (*SECRET_ORDER[""], "...")})
