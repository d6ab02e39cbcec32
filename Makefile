# `make help` explains itself. Nothing here needs more than make, Python 3.12 and a package index.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
INSTALLED := $(VENV)/.installed

# A stage of `check` that fails is the last one that runs.
.NOTPARALLEL:

# Python 3.12 under its own name, or as pyenv knows it; .python-version makes a pyenv shim answer.
PYTHON := $(shell for p in python3.12 python3 \
	"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.12.*/bin/python3.12; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null && { echo "$$p"; break; }; done)

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(INSTALLED): requirements-pip.lock requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Portico needs Python 3.12: install it, or 'pyenv install 3.12'."; exit 1; }
	@test -x $(PY) || "$(PYTHON)" -m venv $(VENV)
	@echo "Installing into $(VENV) (a minute or two the first time) ..."
	@$(PIP) --require-hashes -r requirements-pip.lock || echo "Going on with the pip at hand: slower."
	@$(PIP) --no-compile --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@$(PY) -m compileall -qq -j 0 $(VENV)/lib src || true  # some files are for other Pythons
	@touch $@

.PHONY: install
install: $(INSTALLED) ## Install everything into .venv, pinned and hashed

.PHONY: up
up: $(INSTALLED) ## Serve at http://127.0.0.1:8000 (ARGS="--port 9000 --config portico.yaml")
	@exec $(VENV)/bin/portico up $(ARGS)

# -1 is one -q, whatever the environment adds: with two, pytest leaves out its closing line.
PYTEST := pytest --verbosity=-1 -rs

# Two workers, each with whole files; tests/sharing_out.py says what stays together.
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: test
test: $(INSTALLED) ## Run the tests with coverage (T=tests/routing for some of them)
ifdef T
	$(PY) -m $(PYTEST) $(T)
else
	rm -f .coverage*
	$(PY) -m $(PYTEST) $(WORKERS) --ignore=tests/webui -p tests.measuring
	$(PY) -m scripts.coverage_gates
endif

.PHONY: services
services: $(INSTALLED) ## Start the real servers that tests use (ARGS="postgres"); `make services-down` ends them
	$(PY) -m scripts.services up $(ARGS)

.PHONY: services-down
services-down: $(INSTALLED) ## End the servers of `make services`
	$(PY) -m scripts.services down $(ARGS)

.PHONY: e2e
e2e: $(INSTALLED) ## Try Open WebUI itself in a browser; installs it the first time (T=... for some)
	$(PY) -m $(PYTEST) $(or $(T),tests/webui)

.PHONY: image
image: $(INSTALLED) ## Build the image with the Docker at hand, start it confined, look at it (ARGS=...)
	$(PY) -m scripts.try_image $(ARGS)

.PHONY: check
check: $(INSTALLED) ## Everything CI asks for
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types arch docs eval
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory drill

.PHONY: fmt
fmt: $(INSTALLED) ## Format
	$(VENV)/bin/ruff check --fix --quiet .
	$(VENV)/bin/ruff format .

.PHONY: lint
lint: $(INSTALLED) ## Lint, and look for hosts in the lock files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	@! grep -nE 'https?://' requirements*.lock || { echo "Lock files carry no addresses."; exit 1; }

.PHONY: types
types: $(INSTALLED) ## Check types, strictly
	$(VENV)/bin/mypy

.PHONY: arch
arch: $(INSTALLED) ## Check who may import whom
	$(VENV)/bin/lint-imports

.PHONY: eval
eval: $(INSTALLED) ## Score the choice of roles on prompts that it was not tuned on
	$(PY) scripts/eval_roles.py

.PHONY: drill
drill: $(INSTALLED) ## Play faults against the catalog, and score what callers get (ARGS="--only silent")
	$(VENV)/bin/portico drill $(ARGS)

.PHONY: bench
bench: $(INSTALLED) ## Measure CPU per request beside nginx (ARGS="--quick")
	$(PY) -m benchmarks.run $(ARGS)

.PHONY: soak
soak: $(INSTALLED) ## Let a third of all upstream calls fail: no answer lost, memory flat
	PORTICO_SCHEDULES=2000 PORTICO_RANDOM=1 $(PY) -m $(PYTEST) tests/chaos/test_schedules.py
	PORTICO_EXAMPLES=200 $(PY) -m $(PYTEST) tests/api/test_openapi.py
	$(PY) -m scripts.soak $(ARGS)
	$(PY) -m scripts.soak --memory

.PHONY: docs
docs: $(INSTALLED) ## Build the documentation's site into build/site; a dead link fails
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet

.PHONY: lock
lock: $(INSTALLED) ## Pin dependencies anew, with hashes and without hosts
	$(VENV)/bin/uv pip compile pyproject.toml -p 3.12 --generate-hashes --no-strip-extras --no-emit-index-url --no-header --quiet -o requirements.lock
	$(VENV)/bin/uv pip compile pyproject.toml --group dev -p 3.12 --generate-hashes --no-strip-extras --no-emit-index-url --no-header --quiet -o requirements-dev.lock
	echo pip | $(VENV)/bin/uv pip compile - -p 3.12 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-pip.lock

.PHONY: clean
clean: ## Remove what was installed and measured
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
