#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the documentation as HTML in docs/_build, with no network. What Sphinx says is in .cache/docs.log.

set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=.cache/docs
export PATH=$root/.venv/bin:$PATH HOME=$root/.cache/home ANSIBLE_CONFIG=$root/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$root

rm -rf "$work"
mkdir -p "$work" "$HOME"
if ! {
  antsibull-docs sphinx-init --use-current --lenient --dest-dir "$work" corral.virt &&
    sed -i 's/^intersphinx_mapping = .*/intersphinx_mapping = {}\n_not_used = {/' "$work/conf.py" &&
    (cd "$work" && rm -rf rst/collections temp-rst && ./build.sh)
} >.cache/docs.log 2>&1; then
  tail -n 40 .cache/docs.log >&2
  exit 1
fi
rm -rf docs/_build
mkdir -p docs
mv "$work/build/html" docs/_build
echo "docs/_build/index.html"
