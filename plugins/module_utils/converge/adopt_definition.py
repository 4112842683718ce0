# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What adopt can be told, as Ansible's argument specification."""

from __future__ import annotations

from .argspec import Spec

# The kinds of objects, in the order in which they are defined: each may name those before it.
KINDS = ("secrets", "filters", "networks", "pools", "guests")

ADOPT = Spec(
    {
        "libvirt": {"type": "path"},
        "dumps": {"type": "path"},
        "kinds": {"type": "list", "elements": "str", "choices": sorted(KINDS), "default": sorted(KINDS)},
        "names": {"type": "list", "elements": "str"},
        "autostart": {"type": "bool", "default": True},
        "replace": {"type": "bool", "default": False},
        "ignore_refused": {"type": "bool", "default": False},
    }
)
