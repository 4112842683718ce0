# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of corral.virt.adopt: see plugin_utils/kept_action.py."""

from __future__ import annotations

from ansible_collections.corral.virt.plugins.plugin_utils.kept_action import KeptAction


class ActionModule(KeptAction):
    """Runs the module from the copy of our code on the host."""
