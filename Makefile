# One file for a person, for pre-commit and for CI. On a fresh machine it needs Python 3.11-3.13 and make, nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV     := .venv
PY       := $(VENV)/bin/python
UV       := $(VENV)/bin/uv
PIP_SYNC := $(UV) pip install --quiet --python $(PY) --require-hashes --no-build
ARGS     ?=

export PYTHONUTF8 := 1
# An activated environment of somebody else must not catch what belongs into ours.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

.PHONY: help setup dev services demo test lint format types bench up down lock

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environment -----------------------------------------------------------------------------------------------------
# Stamps in .venv say which set is installed; they are older than a changed lock file, so a second run is instant.

# The scripts of an environment name its folder: in a clone that was moved or renamed, everything is installed anew.
ifneq ($(wildcard $(VENV)/.bootstrap),)
ifneq ($(shell cat $(VENV)/.bootstrap),$(CURDIR))
$(shell rm -rf $(VENV))
endif
endif

$(VENV)/.bootstrap: requirements/bootstrap.lock
	@set -e; found=; \
	for python in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; \
	  then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "newstide needs Python 3.11, 3.12 or 3.13; 'python3' here is: $$(python3 --version 2>&1 || true)." >&2; \
	  echo "Why: the code and the hashed lock files are made for these versions." >&2; \
	  echo "How: install one (Debian: apt-get install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	clear=; $(PY) -c '' >/dev/null 2>&1 || clear=--clear; \
	echo "setup: environment in $(VENV) with $$($$found --version)"; \
	if ! "$$found" -m venv $$clear $(VENV); then \
	  echo "'$$found -m venv' failed. Why: Debian and Ubuntu keep it in a package of its own." >&2; \
	  echo "How: apt-get install python3-venv, then run the same command again." >&2; \
	  exit 1; \
	fi
	@$(PY) -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: -r $<
	@pwd -P > $@

$(VENV)/.cpu: requirements/cpu.lock requirements/base.lock $(VENV)/.bootstrap
	@echo "setup: packages of $<"
	@$(PIP_SYNC) -r $<
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.cpu
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock requirements/train.lock $(VENV)/.project
	@echo "setup: packages of $< (torch among them: some gigabytes)"
	@$(PIP_SYNC) -r $<
	@touch $@

setup: $(VENV)/.project ## Create .venv with what newstide needs to run on a CPU

dev: $(VENV)/.dev ## Add what tests, lint and training need

services: dev ## Install what the tests need: broker, database, browser, font
	@$(PY) -m tests.services.install

# --- run -------------------------------------------------------------------------------------------------------------

demo: setup ## Play a market day of news through the real model (ARGS="--for 30s")
	@$(VENV)/bin/newstide demo $(ARGS)

up: ## Start the cluster profile with docker compose
	@command -v docker >/dev/null || { echo "make up needs Docker with compose. Without it: make demo (no services)." >&2; exit 1; }
	docker compose up --build --detach --wait $(ARGS)

down: ## Stop the cluster profile
	@command -v docker >/dev/null || { echo "make down needs Docker with compose: nothing was started." >&2; exit 1; }
	docker compose down $(ARGS)

# --- check -----------------------------------------------------------------------------------------------------------

test: dev services lint types ## Install what the tests need, check style and types, run every test
	@NEWSTIDE_TEST_SERVICES=required $(PY) -m pytest $(ARGS)

lint: dev ## Style, format and import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports

format: dev ## Rewrite files to the common style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

types: dev ## Check types, strictly
	@$(PY) -m mypy

bench: dev services ## Run every benchmark; each prints a ratio against a peer
	@set -e; for file in benchmarks/bench_*.py; do [ -e "$$file" ] || continue; echo "== $$file"; $(PY) "$$file" $(ARGS); done

# --- maintain --------------------------------------------------------------------------------------------------------
# One resolution for all: dev first, the others bound to its versions. `make lock ARGS=--upgrade` moves the versions.
# What a set has in common with a smaller one stands in the smaller one's file alone (requirements/layers.py).

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
          --no-emit-index-url --no-emit-find-links $(ARGS)
WHOLE   = $(VENV)/lock

lock: $(VENV)/.bootstrap ## Resolve the lock files anew, with hashes and without addresses
	@mkdir -p $(WHOLE)
	$(COMPILE) pyproject.toml --extra cpu --extra train --extra extract --extra dev --output-file $(WHOLE)/dev.lock
	$(COMPILE) pyproject.toml --extra cpu --extra train --constraint $(WHOLE)/dev.lock --output-file $(WHOLE)/train.lock
	$(COMPILE) pyproject.toml --extra cpu --constraint $(WHOLE)/dev.lock --output-file $(WHOLE)/cpu.lock
	$(COMPILE) pyproject.toml --extra gpu --constraint $(WHOLE)/dev.lock --output-file $(WHOLE)/gpu.lock
	$(COMPILE) pyproject.toml --constraint $(WHOLE)/dev.lock --output-file $(WHOLE)/base.lock
	$(COMPILE) requirements/bootstrap.in --constraint $(WHOLE)/dev.lock --output-file requirements/bootstrap.lock
	$(PY) requirements/layers.py $(WHOLE) requirements
