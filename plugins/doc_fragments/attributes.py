# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules say of themselves: check mode, diff mode and platform."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes; a module says ``support`` of each."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description:
      - With C(--check) says what a run would do. The connection is then read-only, so nothing can be changed.
      - What a program such as QEMU can do is asked for, and kept in the cache (C(/var/cache/corral) for the system)
        where that can be written.
  diff_mode:
    description:
      - With C(--diff) shows what changes.
  platform:
    description:
      - The systems that the module runs on.
    platforms: linux
"""
