#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The static gates, as many at a time as there are processors. A gate that passes is one line; one that fails
# shows what it said; all of it is in .cache/lint.
#
#   tools/lint.sh             every gate
#   tools/lint.sh ruff mypy   these

set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
bin=$root/.venv/bin

GATES=(sanity pylint ansible-lint mypy docs yamllint ruff vermin changelog)

# Nothing of the user's own configuration or installed collections takes part; what the gates keep is in .cache.
users_home=${HOME:-/}
export HOME=$root/.cache/home
export ANSIBLE_HOME=$HOME/.ansible ANSIBLE_CONFIG=$root/ansible.cfg ANSIBLE_NOCOLOR=1 PY_COLORS=0 NO_COLOR=1 PYTHONWARNINGS=ignore
mkdir -p "$HOME" .cache/lint

# --- ansible-test ----------------------------------------------------------------------------------------------

# ansible-test takes only a tree whose path ends in ansible_collections/corral/virt. It gets a copy of what git
# tracks and of what is new and not ignored.
copy_collection() {
  local target=$1/ansible_collections/corral/virt
  mkdir -p "$target"
  git ls-files --cached --others --exclude-standard -z -- . ':!ansible_collections' |
    while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --null --files-from=- -cf - | tar -xf - -C "$target"
}

provide_get_pip() {
  local version
  version=$("$bin/python" -c 'import pathlib, re, ansible_test._internal.python_requirements as r
print(re.search(r"pip=.([0-9.]+)", pathlib.Path(r.__file__).read_text()).group(1).replace(".", "_"))')
  mkdir -p "$HOME/.ansible/test/cache"
  cp tools/get_pip.py "$HOME/.ansible/test/cache/get_pip_$version.py"
}

# ansible-test hands pip neither our environment nor the user's home; what they say of indexes and certificates it gets
# from a file.
provide_pip_config() {
  mkdir -p "$HOME/.config/pip"
  {
    echo '[global]'
    HOME=$users_home "$bin/python" -m pip config list 2>/dev/null | sed -nE "s/^(:env:|user)[^=]*\.([a-z-]+)='(.*)'\$/\2 = \3/p"
  } >"$HOME/.config/pip/pip.conf"
}

# Directories of real programs only: the shims of version managers are fatal to ansible-test.
ansible_test_sanity() {
  local python copy
  python=$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  copy=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$copy'" EXIT
  copy_collection "$copy"
  cd "$copy/ansible_collections/corral/virt"
  env -u ANSIBLE_CONFIG PATH="$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C.UTF-8 \
    "$bin/ansible-test" sanity --color no --requirements --python "$python" "$@"
}

# pylint is half of the time, so it is a gate of its own
gate_sanity() { ansible_test_sanity --skip-test pylint; }
gate_pylint() { ansible_test_sanity --test pylint; }

# --- the others ------------------------------------------------------------------------------------------------

gate_ansible-lint() { "$bin/ansible-lint" --offline --profile production --nocolor -q; }
gate_yamllint() { "$bin/yamllint" --strict .; }
gate_mypy() { "$bin/mypy" -p ansible_collections.corral.virt.plugins; }
gate_changelog() { "$bin/antsibull-changelog" lint; }
gate_docs() { "$bin/antsibull-docs" lint-collection-docs --plugin-docs .; }

gate_ruff() {
  local status=0
  "$bin/ruff" check --quiet . || status=$?
  "$bin/ruff" format --check --quiet . || status=$?
  return $status
}

# What runs on a target must run with Python 3.9; ansible-test knows that only where a Python 3.9 is installed.
gate_vermin() { "$bin/vermin" --quiet --no-tips --violations --eval-annotations=no --target=3.9- plugins; }

# --- running them ----------------------------------------------------------------------------------------------

run_gate() {
  local gate=$1 log=.cache/lint/$1.log started=$EPOCHREALTIME status=0
  "$root/tools/lint.sh" --gate "$gate" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" = 0 ]; then
    printf 'ok      %-13s %5.1f s\n' "$gate" "$(seconds_since "$started")"
  else
    printf 'FAILED  %-13s %5.1f s\n%s\n' "$gate" "$(seconds_since "$started")" "$(complaints "$log")"
  fi
  return "$status"
}

# What a gate that failed said, without the chatter of ansible-test and of pip, and not without end.
complaints() {
  local shown=200 lines
  lines=$(grep -vE '^ *($|Running sanity test|Installing|Using cached|Looking in|Processing|Collecting|Downloading|Successfully|Attempting|Found existing|Uninstalling|━)|^WARNING: (Using locale|Location|Required program)' "$1" | sed 's/^/        /' || true)
  head -n "$shown" <<<"$lines"
  if [ "$(wc -l <<<"$lines")" -gt "$shown" ]; then
    printf '        ... all of it is in %s\n' "$1"
  fi
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'; }

main() {
  local gates=("$@") failed=0 running=0 gate
  [ "$#" -gt 0 ] || gates=("${GATES[@]}")
  provide_get_pip
  provide_pip_config
  for gate in "${gates[@]}"; do
    if [ "$running" -ge "$(nproc)" ]; then
      wait -n || failed=$((failed + 1))
      running=$((running - 1))
    fi
    run_gate "$gate" &
    running=$((running + 1))
  done
  while [ "$running" -gt 0 ]; do
    wait -n || failed=$((failed + 1))
    running=$((running - 1))
  done
  if [ "$failed" -gt 0 ]; then
    printf 'lint: %d of %d gates failed\n' "$failed" "${#gates[@]}"
    exit 1
  fi
}

# A gate runs in a shell of its own, so that any command that fails in it ends it.
if [ "${1:-}" = --gate ]; then
  PATH=$bin:$PATH
  "gate_$2"
else
  main "$@"
fi
