# Everything here needs only python3.11 and make: each target makes the virtual environment it needs.
# pip comes with the repository (deploy/bootstrap), for a Debian without python3-venv has none.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python $(wildcard deploy/bootstrap/pip-*.whl)/pip --disable-pip-version-check
ARGS ?=

.PHONY: demo test torture check interop bench format clean

demo: $(VENV)/.demo ## a whole plant on this machine, live; ARGS="--for 30s" for a run with a verdict
	@$(BIN)/tezgah-sim demo $(ARGS)

test: $(VENV)/.dev ## the whole suite
	$(BIN)/python -m pytest $(ARGS)

torture: $(VENV)/.dev ## a thousand random kills of a whole plant, held against its ledger; ARGS="--kills 50 --seed 7"
	$(BIN)/python -m tests.system.torture $(ARGS)

check: $(VENV)/.dev ## style, types, floors, migrations, the API's snapshot
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tezgah-cloud openapi --check docs/openapi.json
	$(BIN)/python -m pytest tests/integration/cloud/test_migrations.py

interop: $(VENV)/.dev ## what some tests need besides: an OPC UA server of another stack
	@$(PIP) install -qq --constraint constraints.txt --editable '.[interop]'

bench: $(VENV)/.dev ## figures, each beside a baseline of the same run
	$(BIN)/python -m bench $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## forget the environments and the demo's data
	rm -rf $(VENV) .demo

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: no python3.11 or python3 found"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Say which: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing what the demo needs into $(VENV); once, it takes half a minute"
	@$(PIP) install -qq --constraint constraints.txt --editable '.[edge,cloud,ml,sim]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing what tests and checks need into $(VENV); once, it takes half a minute"
	@$(PIP) install -qq --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.demo
