#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the collection's tarball in .cache/dist.

set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .cache/dist
.venv/bin/ansible-galaxy collection build --force --output-path .cache/dist
