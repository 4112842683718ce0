# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of decisions that depend on what a QEMU can do: a name, and the question that answers it."""

from __future__ import annotations

from typing import Callable, Dict

from .model import Capabilities

Predicate = Callable[[Capabilities], bool]

FLAGS: Dict[str, Predicate] = {}
