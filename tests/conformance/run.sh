#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Generates what we make of each input of a libvirt source tree and has it judged.
#
#   CORRAL_LIBVIRT_SOURCE   the tree; else ../shared/conformance/libvirt-11.3 beside the checkout
#   CORRAL_LIBVIRT_SCORE    the program that judges; else score.py beside the tree
#
# The tree is reference data and no part of this project: where there is none, that is said and nothing fails.

set -euo pipefail
cd "$(dirname "$0")/../.."

kinds=(qemu-argv domain-xml dnsmasq)
source=${CORRAL_LIBVIRT_SOURCE:-../shared/conformance/libvirt-11.3}
score=${CORRAL_LIBVIRT_SCORE:-$(dirname "$source")/score.py}
out=.cache/conformance

left_out() {
  echo "conformance: left out, $*"
  exit 0
}

[ -e tests/conformance/generate.py ] || left_out "there is no tests/conformance/generate.py"
source=$(realpath -m "$source")
score=$(realpath -m "$score")
[ -d "$source/tests" ] || left_out "no libvirt source tree at $source (name one with CORRAL_LIBVIRT_SOURCE)"

mkdir -p "$out"
pids=()
for kind in "${kinds[@]}"; do
  PYTHONPATH=$PWD .venv/bin/python tests/conformance/generate.py "$kind" --source "$source" --out "$out/$kind.jsonl" \
    >"$out/$kind.log" 2>&1 &
  pids+=("$!")
done
status=0
for index in "${!kinds[@]}"; do
  kind=${kinds[$index]}
  if ! wait "${pids[$index]}"; then
    echo "conformance: $kind: generate.py failed:"
    tail -n 20 "$out/$kind.log"
    status=1
  elif [ ! -e "$score" ]; then
    echo "conformance: $kind: written to $out/$kind.jsonl, and nothing to judge it with at $score"
  else
    # it exits with 1 as long as one case differs; only a run without a score is a failure here
    .venv/bin/python "$score" "$kind" --source "$source" --got "$out/$kind.jsonl" --show 0 >"$out/$kind.score" 2>&1 || true
    if grep -q "^$kind: " "$out/$kind.score"; then
      echo "conformance: $(grep "^$kind: " "$out/$kind.score" | tail -n 1)"
    else
      echo "conformance: $kind: no score:"
      tail -n 20 "$out/$kind.score"
      status=1
    fi
  fi
done
exit "$status"
