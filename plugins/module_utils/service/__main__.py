# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m ...service``: what systemd's units run; see launcher.py."""

from __future__ import annotations

import sys

from .launcher import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
