#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sets a checkout up: system programs, the virtual environment in .venv, the test guest in .cache/guest.
# What is there already is left alone, so that a second run takes no time.
#
#   tools/setup.sh demo    what it takes to run a playbook
#   tools/setup.sh dev     that, and what the tests, the lint gates and the documentation take
#
# PYTHON names the interpreter to build .venv with, when the one that would be found is not the one wanted.

set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

# --- the package manager ---------------------------------------------------------------------------------------

MANAGERS=(apt dnf zypper pacman apk)

package_manager() {
  local manager command
  for manager in "${MANAGERS[@]}"; do
    command=$manager
    [ "$manager" = apt ] && command=apt-get
    if command -v "$command" >/dev/null 2>&1; then
      echo "$manager"
      return
    fi
  done
}

install_command() {
  case $1 in
    apt) echo "apt-get install -y --no-install-recommends" ;;
    dnf) echo "dnf install -y" ;;
    zypper) echo "zypper --non-interactive install --no-recommends" ;;
    pacman) echo "pacman -S --noconfirm --needed" ;;
    apk) echo "apk add" ;;
  esac
}

# The words before a command that make root of us; "no" when nothing does without a password.
become() {
  if [ "$(id -u)" = 0 ]; then
    echo ""
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    echo "sudo -n"
  else
    echo "no"
  fi
}

# --- programs --------------------------------------------------------------------------------------------------

have() {
  case $1 in
    py:*) "${python:-python3}" -c "import ${1#py:}" >/dev/null 2>&1 ;;
    */*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;;
  esac
}

rows() { grep -v '^ *#' tools/programs.txt | grep . ; }

missing_programs() {
  local program _
  while read -r program _; do
    have "$program" || echo "$program"
  done < <(rows)
}

# packages MANAGER PROGRAM...: the packages that have these programs, each once
packages() {
  local manager=$1 column=2 name
  shift
  for name in "${MANAGERS[@]}"; do
    [ "$name" = "$manager" ] && break
    column=$((column + 1))
  done
  for name in "$@"; do
    rows | awk -v program="$name" -v column="$column" '$1 == program && $column != "-" { print $column }'
  done | sort -u | paste -sd ' '
}

# offered MANAGER PROGRAM...: those of the programs that the distribution has; some tests need more than others have
offered() {
  local manager=$1 name
  shift
  for name in "$@"; do
    [ -z "$(packages "$manager" "$name")" ] || echo "$name"
  done
}

explain_missing() {
  local reason=$1 manager=$2
  shift 2
  printf 'setup: missing: %s\nsetup: %s\n' "$*" "$reason"
  if [ -n "$manager" ]; then
    printf 'setup: as root, run: %s %s\n' "$(install_command "$manager")" "$(packages "$manager" "$@")"
  else
    printf 'setup: install what your distribution calls:\n'
    for manager in "${MANAGERS[@]}"; do
      printf '  %-7s %s\n' "$manager:" "$(packages "$manager" "$@")"
    done
  fi
  printf 'setup: then run the same command again.\n'
}

install_programs() {
  local missing manager prefix wanted
  mapfile -t missing < <(missing_programs)
  [ "${#missing[@]}" -gt 0 ] || return 0
  manager=$(package_manager)
  if [ -z "$manager" ]; then
    explain_missing "no package manager that we know is here" "" "${missing[@]}" >&2
    exit 1
  fi
  mapfile -t missing < <(offered "$manager" "${missing[@]}")
  [ "${#missing[@]}" -gt 0 ] || return 0
  prefix=$(become)
  if [ "$prefix" = no ]; then
    explain_missing "not root, and sudo wants a password" "$manager" "${missing[@]}" >&2
    exit 1
  fi
  read -r -a wanted < <(packages "$manager" "${missing[@]}")
  say "installing ${wanted[*]} (for ${missing[*]})"
  run_install "$manager" "$prefix" "${wanted[@]}"
  mapfile -t missing < <(missing_programs)
  mapfile -t missing < <(offered "$manager" "${missing[@]}")
  if [ "${#missing[@]}" -gt 0 ]; then
    explain_missing "the package manager reported success, and they are still not here" "$manager" "${missing[@]}" >&2
    exit 1
  fi
}

# run_install MANAGER PREFIX PACKAGE...
run_install() {
  local manager=$1 prefix install
  read -r -a prefix <<<"$2 env DEBIAN_FRONTEND=noninteractive"
  read -r -a install <<<"$(install_command "$manager")"
  shift 2
  if [ "$manager" = apt ]; then
    quietly "${prefix[@]}" apt-get update
  fi
  quietly "${prefix[@]}" "${install[@]}" "$@"
}

# quietly COMMAND...: its output only when it fails
quietly() {
  local log=.cache/setup.log
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    fail "this failed: $*"
  fi
}

# --- Python ----------------------------------------------------------------------------------------------------

# The one that .venv was made with, the distribution's own, then what is on PATH; ansible-core sets the bounds. Nothing
# when none fits.
find_python() {
  local candidate made_with
  made_with=$(sed -n 1p .venv/made-with 2>/dev/null || true)
  for candidate in ${PYTHON:+"$PYTHON"} ${made_with:+"$made_with"} /usr/bin/python3 /usr/bin/python3.1{4,3,2,1} python3 python3.1{4,3,2,1}; do
    "$candidate" -c "$python_fits" 2>/dev/null && return
  done
  return 0
}

python_fits='import sys; fits = (3, 11) <= sys.version_info[:2] <= (3, 14); fits and print(sys.executable); sys.exit(not fits)'

stamp_of() { { echo "$python"; pwd; cat "requirements/$1.txt"; } | sha256sum | cut -d' ' -f1; }

make_environment() {
  local layer=$1 requirements stamp
  requirements=$layer
  [ "$layer" = demo ] && requirements=run
  stamp=$(stamp_of "$requirements")
  if [ -x .venv/bin/python ] && [ "$(cat ".venv/stamp-$requirements" 2>/dev/null)" = "$stamp" ]; then
    return 0
  fi
  if [ "$(cat .venv/made-with 2>/dev/null)" != "$python"$'\n'"$PWD" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    say "making .venv with $python"
    rm -rf .venv
    quietly "$python" -m venv .venv
    printf '%s\n' "$python" "$PWD" >.venv/made-with
  fi
  say "installing requirements/$requirements.txt into .venv"
  quietly .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-deps -r "requirements/$requirements.txt"
  [ "$requirements" = dev ] && stamp_of run >.venv/stamp-run
  echo "$stamp" >".venv/stamp-$requirements"
}

# --- the test guest --------------------------------------------------------------------------------------------

# It is made of packages of Debian or Ubuntu. Elsewhere everything but the guests themselves can still be worked on.
build_test_guest() {
  if command -v apt-get >/dev/null 2>&1; then
    tests/guest/build.sh 9>&-
  elif [ ! -s .cache/guest/vmlinuz ]; then
    say "the test guest is made from packages of Debian or Ubuntu: build it there (tests/guest/build.sh) and copy .cache/guest"
    [ "$1" = dev ] || exit 1
  fi
}

# --- all of it -------------------------------------------------------------------------------------------------

main() {
  local layer=${1:-dev}
  case $layer in demo | dev) ;; *) fail "say demo or dev, not '$layer'" ;; esac
  mkdir -p .cache
  # one at a time
  exec 9>.cache/setup.lock
  flock 9
  python=$(find_python)
  install_programs
  python=${python:-$(find_python)}
  if [ -z "$python" ]; then
    fail "no Python from 3.11 to 3.14 is here, and ansible-core needs one." \
      "Install one (Debian 12 and Ubuntu 24.04 have it), or name one: make setup PYTHON=/path/to/python3"
  fi
  make_environment "$layer"
  build_test_guest "$layer"
}

main "$@"
