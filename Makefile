# `make` alone prints this list. Only Python 3.11 or newer, git and make are needed.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Distributions of their own, with their own settings for every tool.
SANDBOX := packages/notion-sandbox
MAKERS := packages/showrunner-makers
STUDIO := packages/studio-sandbox
# Programs are run as modules, and files named from here: a folder above may have any name, blanks included.
LINT_IMPORTS := $(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

# Each program that a test or `up` starts would compile our sources anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up test prove lint simulate mutate bench format lock audit clean

help: ## Print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

up: $(READY) ## Start everything and keep the board in sync until Ctrl-C
	@exec $(BIN)/python -m cli up

# Two test processes at a time, one per core. Each has temporary folders of its own: pytest closes those of its user to
# everybody else when it starts, also to a database server under another user.
PYTEST = PYTEST_DEBUG_TEMPROOT=$$(mktemp -d) $(BIN)/python -m pytest
# The two would write one cache. The sandbox's tests have a cache of their own, and need it.
UNCACHED = $(PYTEST) -p no:cacheprovider
PROGRAMS := tests/story tests/flows
BESIDE := $(VENV)/beside

test: lint ## Lint, type-check and run the tests that every change needs
	@if [ -n "$(ARGS)" ]; then exec $(BIN)/python -m pytest $(ARGS); fi; \
	  { $(UNCACHED) $(PROGRAMS); code=$$?; $(PYTEST) $(SANDBOX)/tests || code=$$?; $(PYTEST) $(MAKERS)/tests || code=$$?; \
	    $(PYTEST) $(STUDIO)/tests || code=$$?; exit $$code; } >$(BESIDE) 2>&1 & beside=$$!; \
	  $(UNCACHED) $(addprefix --ignore=,$(PROGRAMS)); code=$$?; \
	  wait $$beside || code=$$?; echo; echo "Run beside these:"; cat $(BESIDE); exit $$code

prove: $(READY) ## Run what is slow: 300 histories of each kind, every mutant, every kill, small benchmarks: make prove HISTORIES=60 MUTANTS=0
	@{ $(UNCACHED) -m prove tests; code=$$?; $(BIN)/python -m benchmarks.run --smoke || code=$$?; exit $$code; } >$(BESIDE) 2>&1 & beside=$$!; \
	  $(BIN)/python tests/simulation/simulate.py --seeds $(or $(HISTORIES),300); code=$$?; \
	  $(BIN)/python tests/simulation/simulate.py --studio --seeds $(or $(HISTORIES),300) || code=$$?; \
	  if [ "$(MUTANTS)" != 0 ]; then $(BIN)/python tests/simulation/mutants/mutate.py || code=$$?; fi; \
	  wait $$beside || code=$$?; echo; echo "Run beside these:"; cat $(BESIDE); exit $$code

lint: $(READY) ## Lint, check types and the arrows between the rooms
	@$(BIN)/python -m ruff check --quiet .
	@$(BIN)/python -m ruff format --check --quiet .
	@$(BIN)/python -m mypy
	@$(BIN)/python -m mypy --config-file $(SANDBOX)/pyproject.toml
	@$(BIN)/python -m mypy --config-file $(MAKERS)/pyproject.toml
	@$(BIN)/python -m mypy --config-file $(STUDIO)/pyproject.toml
	@$(LINT_IMPORTS) --no-logo 2>/dev/null || $(LINT_IMPORTS)
	@$(LINT_IMPORTS) --no-logo --config $(SANDBOX)/pyproject.toml 2>/dev/null || $(LINT_IMPORTS) --config $(SANDBOX)/pyproject.toml
	@$(LINT_IMPORTS) --no-logo --config $(MAKERS)/pyproject.toml 2>/dev/null || $(LINT_IMPORTS) --config $(MAKERS)/pyproject.toml
	@$(LINT_IMPORTS) --no-logo --config $(STUDIO)/pyproject.toml 2>/dev/null || $(LINT_IMPORTS) --config $(STUDIO)/pyproject.toml

simulate: $(READY) ## Live through random histories: make simulate SEEDS=5000; of paid production alone: KIND=--studio
	@$(BIN)/python tests/simulation/simulate.py $(KIND) --seeds $(or $(SEEDS),200)

mutate: $(READY) ## Make the product wrong on purpose and see whether histories notice: make mutate ONLY=plan
	@$(BIN)/python tests/simulation/mutants/mutate.py --keep --only "$(ONLY)"

bench: $(READY) ## Measure everything beside its limit (25 minutes) and write docs/benchmarks.md: make bench ONLY="push idle"
	@$(BIN)/python -m benchmarks.run $(ONLY)

format: $(READY) ## Put the code in shape
	@$(BIN)/python -m ruff check --fix --quiet . ; $(BIN)/python -m ruff format .

.PHONY: screenshots
screenshots: $(READY) ## Take the pictures of the documents anew (needs a Chromium)
	@PYTHONPATH=tests:tests/story:$(SANDBOX)/tests/browser $(BIN)/python tests/browser/screenshots.py

lock: ## Renew every pinned version: packages, build tools, and the tools that lock and audit
	@rm -rf $(VENV)/lock && "$(PYTHON)" -m venv $(VENV)/lock && \
	  $(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tools.txt
	@cd $(VENV)/lock && cp ../../pyproject.toml . && mkdir sandbox makers studio && cp ../../$(SANDBOX)/pyproject.toml sandbox && \
	  cp ../../$(MAKERS)/pyproject.toml makers && cp ../../$(STUDIO)/pyproject.toml studio && \
	  bin/python -c '$(BUILD_TOOLS)' >build.in && bin/python -c '$(MAKERS_NEED)' >makers.in && printf 'uv\npip-audit\n' >tools.in && \
	  $(PINNED) pyproject.toml sandbox/pyproject.toml studio/pyproject.toml makers.in build.in --extra dev --output-file all && \
	  $(PINNED) pyproject.toml build.in --constraint all --output-file run && \
	  $(PINNED) tools.in --output-file tools
	@for each in all:constraints run:requirements tools:tools; do \
	  { sed '/^[^#]/,$$d' $${each#*:}.txt; cat $(VENV)/lock/$${each%:*}; } > $${each#*:}.new && mv $${each#*:}.new $${each#*:}.txt; done
	@rm -rf $(VENV)/lock

# What the distributions are built with; an editable installation needs editables as well.
BUILD_TOOLS := import tomllib; print(*{tool for path in ("pyproject.toml", "sandbox/pyproject.toml", "makers/pyproject.toml", "studio/pyproject.toml") \
  for tool in tomllib.load(open(path, "rb"))["build-system"]["requires"]}, "editables", sep="\n")

# What the makers need but for Showrunner, which is this folder: an index may have something else of that name.
MAKERS_NEED := import tomllib; print(*[need for need in tomllib.load(open("makers/pyproject.toml", "rb"))["project"]["dependencies"] \
  if need != "showrunner"], sep="\n")

# For every Python and system at once, with the hash of each file that there is of a version.
PINNED := bin/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

audit: ## Ask whether the pinned versions have known faults: ends with 1 when some have, 2 when nobody can tell
	@test -x $(VENV)/audit/bin/pip-audit || { "$(PYTHON)" -m venv $(VENV)/audit && \
	  $(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tools.txt; }
	@$(VENV)/audit/bin/python tests/dependencies/audit.py constraints.txt

.PHONY: crash
crash: $(READY) ## Kill each process in a burst of edits and moves: make crash BURST=1000
	@CRASH_BURST=$(or $(BURST),300) $(BIN)/python -m pytest tests/crash -m prove

clean: ## Remove the virtual environment and what the tools left (never .showrunner, which holds your data)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis $(foreach each,$(SANDBOX) $(MAKERS) $(STUDIO),$(addprefix $(each)/,.mypy_cache .pytest_cache .ruff_cache))

# Nothing but what is pinned, and that by its hash; Showrunner and its packages are folders, which have none.
INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps

$(READY): pyproject.toml constraints.txt $(SANDBOX)/pyproject.toml $(MAKERS)/pyproject.toml $(STUDIO)/pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Showrunner needs Python 3.11 or newer: install it, or say where it is with make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@echo "Installing what Showrunner needs into $(VENV) (once) …"
	@$(INSTALL) --require-hashes --requirement constraints.txt
	@$(INSTALL) --no-build-isolation --editable $(SANDBOX) --editable . --editable $(MAKERS) --editable $(STUDIO)
	@touch $(READY)
