#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Everything that `make test` runs after the set-up. A part that fails does not keep the next from running. Tests
# share nothing and run side by side; those of one file of real guests take their turns. Files come in the order of their
# names, because the longest of them have few tests and would come last, when there is nothing left to run beside them.
# Tests of real guests wait now and then (for a guest, a time limit, a disk), so there are two more of them at a time
# than there are processors.

set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
part() {
  local name=$1
  shift
  echo "--- $name"
  "$@" || failed+=("$name")
}

# The tree that machines of the fleet run comes from a mirror, which takes its time, so it is made beside other parts.
trees=${CORRAL_FLEET:-.cache/fleet}
mkdir -p "$trees"
tree=
if [ "$(id -u)" = 0 ] && command -v mmdebstrap >/dev/null; then
  nice tests/fleet/tree.sh --full "$trees/full12" >"$trees/log" 2>&1 &
  tree=$!
  trap '[ -z "$tree" ] || kill "$tree"' EXIT
fi

# One host with two guests; what takes longer, and more hosts, are for make fleet.
fleet() {
  [ -z "$tree" ] || wait "$tree" || cat "$trees/log"
  tree=
  CORRAL_FLEET_HOSTS=1 CORRAL_FLEET_GUESTS=2 CORRAL_FLEET_BARE=0 .venv/bin/python -m pytest -rs -m 'not large' \
    --numprocesses 2 --dist loadfile --durations 30 tests/fleet/test_story.py tests/fleet/test_service.py
}

part lint tools/lint.sh
part conformance tests/conformance/run.sh
part unit .venv/bin/python -m pytest --numprocesses auto --dist loadscope tests/unit tests/conformance
part integration .venv/bin/python -m pytest --numprocesses "$(($(nproc) + 2))" --dist loadfile --no-loadscope-reorder --durations 30 tests/integration
part fleet fleet

if [ "${#failed[@]}" -gt 0 ]; then
  echo "make test: failed: ${failed[*]}"
  exit 1
fi
