#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Records the pictures of docs/pictures anew, from real runs with real guests, on a host of its own: namespaces in
# which nothing of this machine's /etc, /run and /var is written, and the checkout is seen at /srv/virt. Needs root and the
# test guest.
#
#   tools/pictures/record.sh             all of them
#   tools/pictures/record.sh purge       these, and what they are recorded after

set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${1:-}" = --inside ]; then
  shift
  ip link set lo up
  mount -t tmpfs -o mode=755 none /srv
  mkdir /srv/virt
  mount --bind "$PWD" /srv/virt
  cd /srv/virt
  exec .venv/bin/python -m tools.pictures.record "$@"
fi
if [ "$(id -u)" != 0 ]; then
  echo "make pictures needs root, for namespaces and networks" >&2
  exit 1
fi
own=(--mount --net --ipc --pid --fork --kill-child --mount-proc) # all processes go with the first one
exec unshare "${own[@]}" tests/integration/private_host.sh "$PWD" root tools/pictures/record.sh --inside "$@"
