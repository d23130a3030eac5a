# Every target does its own set-up, and is quick when nothing changed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
SIZE ?=
CUSTOMERS ?=
export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: run test campaign dev lint format bench clean
.DEFAULT_GOAL := run

$(VENV)/ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed, $$($(PYTHON) --version) was found: make PYTHON=python3.12"; exit 1; }
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet --disable-pip-version-check "uv>=0.9"; }
	@$(UV) sync --frozen --quiet --compile-bytecode
	@touch $@

# the linters have an environment of their own: sqlfluff would drag DuckDB to another version
.lint-venv/ready: .lint-requirements.txt
	@$(PYTHON) -m venv .lint-venv
	@.lint-venv/bin/pip install --quiet --disable-pip-version-check -r .lint-requirements.txt
	@touch $@

run: $(VENV)/ready ## load what is new, build, train, publish
	@$(BIN)/loyalty run

test: $(VENV)/ready ## the whole test suite, two files at a time
	@$(BIN)/pytest --numprocesses 2 --dist loadfile

campaign: $(VENV)/ready ## the long tests, which `test` leaves out
	@$(BIN)/pytest -m campaign

dev: $(VENV)/ready ## Dagster's UI on the same graph, with schedule and sensors
	@$(BIN)/loyalty ui

lint: $(VENV)/ready .lint-venv/ready ## ruff and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@.lint-venv/bin/sqlfluff lint --processes 2 dbt/models dbt/tests

format: $(VENV)/ready ## let ruff write
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/ready ## ratios to bare SQL and to the default wiring; SIZE=10m: the increment; CUSTOMERS=1m: the models
	@$(BIN)/python -m benchmarks.$(if $(CUSTOMERS),models --customers $(CUSTOMERS),$(if $(SIZE),increment --size $(SIZE),whole_run))

clean: ## remove the environments, not the data
	rm -rf $(VENV) .lint-venv
