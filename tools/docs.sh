#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the documentation as HTML in docs/_build, with no network: a page for each plugin and role, the pages of
# docs/docsite, and what is written in Markdown. What the tools say is in .cache/docs.log. A warning of Sphinx and a link
# that leads nowhere are failures.

set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=.cache/docs
export PATH=$root/.venv/bin:$PATH HOME=$root/.cache/home ANSIBLE_CONFIG=$root/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$root
# what is in Ansible's own documentation, which pages of plugins refer to
foreign="undefined label: '(action_plugins|common_return_values|ansible_configuration_settings|ansible_collections.ansible.builtin[.a-z_]*)'"

# Markdown is seen at the places that it has in the checkout, below project, so that its links lead where they do there.
copy_markdown() {
  local file
  for file in CONTRIBUTING.md docs/*.md roles/*/README.md; do
    mkdir -p "$work/rst/project/$(dirname "$file")"
    sed -E 's|\]\([./]*docs/docsite/rst/|](/collections/corral/virt/docsite/|g; s|\]\(docsite/rst/|](/collections/corral/virt/docsite/|g' \
      "$file" >"$work/rst/project/$file"
  done
  # where pages of docs/docsite/rst see it as they do in the checkout, and where the index does
  cp -r docs/pictures "$work/rst/collections/corral/pictures"
  cp -r docs/pictures "$work/rst/pictures"
}

build() {
  local theme
  antsibull-docs sphinx-init --use-current --lenient --dest-dir "$work" --index-rst-source docs/docsite/index.rst \
    --project corral.virt --copyright 'corral.virt contributors' --title 'corral.virt' corral.virt
  sed -i 's/^intersphinx_mapping = .*/intersphinx_mapping = {}\n_not_used = {/' "$work/conf.py"
  printf "\nextensions += ['myst_parser']\nmyst_heading_anchors = 3\ntemplates_path = ['templates']\n" >>"$work/conf.py"
  # the theme's link to the root of its server becomes one to our first page, which may lie anywhere
  theme=$(python -c 'import pathlib, sphinx_ansible_theme as theme; print(pathlib.Path(theme.__file__).parent)')
  mkdir "$work/templates"
  sed 's/{{ theme_documentation_home_url }}/{{ pathto(root_doc) }}/' "$theme/extrabody.html" >"$work/templates/extrabody.html"
  chmod og-w "$work/rst"
  antsibull-docs --config-file "$work/antsibull-docs.cfg" collection --cleanup everything --use-current \
    --dest-dir "$work/rst" corral.virt
  copy_markdown
  sphinx-build -M html "$work/rst" "$work/build" -q -c "$work" -w "$work/warnings"
}

# in a shell of its own any command that fails ends it
if [ "${1:-}" = --build ]; then
  build
  exit
fi
rm -rf "$work"
mkdir -p "$work" "$HOME"
if ! "$root/tools/docs.sh" --build >.cache/docs.log 2>&1; then
  tail -n 40 .cache/docs.log >&2
  exit 1
fi
if grep -vE "$foreign" "$work/warnings" >&2; then
  exit 1
fi
python tools/check_links.py "$work/build/html"
rm -rf docs/_build
mv "$work/build/html" docs/_build
echo "docs/_build/index.html"
