# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every recipe runs from the root of the checkout with relative paths, so a space in its path does no harm.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint unit conformance integration fleet bench scale docs pictures build clean requirements

BIN := .venv/bin
export PYTHON

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## set everything up: system programs, .venv, the test guest
	@tools/setup.sh dev

demo: ## set up what it takes, then boot a guest from playbooks/quickstart.yml
	@tools/setup.sh demo
	@$(BIN)/ansible-playbook playbooks/quickstart.yml

test: setup ## set up, then lint, unit, conformance and integration tests
	@tools/test.sh

lint: setup ## every static gate: ansible-test sanity, ansible-lint, yamllint, ruff, mypy, antsibull
	@tools/lint.sh

unit: setup ## unit tests: no root, no QEMU, no processes
	@$(BIN)/python -m pytest tests/unit

conformance: setup ## compare what we generate with libvirt's own test data
	@tests/conformance/run.sh

integration: setup ## real Ansible runs with real guests; tests that need root say so when they are left out
	@$(BIN)/python -m pytest tests/integration

fleet: setup ## machines with systemd (HOSTS=3 GUESTS=3 BARE=1 SUITES="12 13"; needs root, systemd-nspawn and mmdebstrap)
	@CORRAL_SUITES="$(or $(SUITES),12 13)" CORRAL_FLEET_HOSTS=$(or $(HOSTS),3) CORRAL_FLEET_GUESTS=$(or $(GUESTS),3) \
	  CORRAL_FLEET_BARE=$(or $(BARE),1) $(BIN)/python -m pytest --durations 40 tests/fleet

pictures: setup ## record the terminal pictures of the documentation anew (needs root)
	@tools/pictures/record.sh

bench: setup ## measure tasks and guests, write docs/benchmarks.md (LIBVIRT_TREE=DIR: beside a real libvirtd)
	@$(BIN)/python tests/benchmarks/run.py $(if $(LIBVIRT_TREE),--libvirt-tree "$(LIBVIRT_TREE)")

scale: setup ## measure what 25 to 200 simulated hosts cost a controller, write the figures into docs/scale.md
	@$(BIN)/python tests/benchmarks/scale.py

docs: setup ## the documentation as HTML, in docs/_build
	@tools/docs.sh

build: setup ## the collection's tarball, in .cache/dist
	@tools/build.sh

clean: ## remove what the other targets made (.venv, .cache, docs/_build)
	rm -rf .venv .cache docs/_build

requirements: setup ## pin the newest versions that requirements/*.in allow (needs a package index)
	@tools/pin.sh
