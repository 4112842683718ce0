#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Writes requirements/*.txt anew from requirements/*.in: the newest versions that they allow, every package
# pinned, for each Python that ansible-core runs on. Uses the package index that pip is configured for.

set -euo pipefail
cd "$(dirname "$0")/.."

# uv does not read pip's configuration, so it is handed over
index_options() {
  .venv/bin/python -m pip config list | sed -nE "s/^[^.]*\.((extra-)?index-url)='(.*)'$/\1 \3/p" |
    while read -r option urls; do
      for url in $urls; do echo "--$option=$url"; done
    done
}

if [ ! -x .cache/uv/bin/uv ]; then
  .venv/bin/python -m venv .cache/uv
  .cache/uv/bin/python -m pip install --quiet uv
fi
mapfile -t options < <(index_options)
for layer in run dev; do
  {
    sed -n '1,/^# SPDX/p' "requirements/$layer.in"
    printf '#\n# Written by make requirements from %s.in; every package pinned.\n' "$layer"
    .cache/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url \
      --index-strategy unsafe-best-match --system-certs "${options[@]}" "requirements/$layer.in" | grep -v win32
  } >"requirements/$layer.txt.new"
  mv "requirements/$layer.txt.new" "requirements/$layer.txt"
done
