# Every target does its own set-up, and is quick when nothing changed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := .uv/bin/uv
ROOMS := dagster_project whatif serving warehouse ml generator benchmarks
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
QUICK := tests/ml tests/whatif tests/warehouse/ingest $(wildcard tests/warehouse/test_*.py) \
	tests/dagster_project/cli/test_init.py tests/test_repository.py
SIZE ?=
CUSTOMERS ?=
INSTALL_PYTHON := Install one (Debian, Ubuntu: python3.13 and python3.13-venv; Fedora: python3.13; macOS: brew install \
	python@3.13), then: make PYTHON=python3.13
# a tool that says something even when it finds nothing is heard only when it fails
silently = said=$$($(1) 2>&1) || { echo "$$said"; exit 1; }
export DAGSTER_DISABLE_TELEMETRY := 1
# whatever the locale, text is UTF-8: docs/operating.md
export PYTHONUTF8 := 1

.PHONY: run setup help test test-quick test-slow campaign mutants dev clients spark sail lock lint docs format bench clean
.DEFAULT_GOAL := run

# uv has an environment of its own, so that the project's can be of another Python than the system's
$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. $(INSTALL_PYTHON)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make environments: apt install $(notdir $(PYTHON))-venv (Debian, Ubuntu)"; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.9"

# PYTHON where it fits, else another one of this machine that does, else one that uv downloads
$(BIN)/python: | $(UV)
	@wanted=$$($(PYTHON) -c 'import sys; print(sys.executable if (3, 11) <= sys.version_info[:2] < (3, 14) else ">=3.11,<3.14")') \
		&& $(UV) venv --quiet --clear --python "$$wanted" $(VENV) \
		|| { echo "Python 3.11 to 3.13 is needed, $$($(PYTHON) --version) was found, and no other could be downloaded." \
			"$(INSTALL_PYTHON)"; exit 1; }

# In a folder with an umlaut and with LC_ALL=C, Python up to 3.12 cannot read the project's path in the .pth file: a
# relative path has no umlaut. So it is written before the first Python starts in the environment, to compile.
$(VENV)/ready: pyproject.toml uv.lock | $(BIN)/python
	@echo "Setting up $(VENV): about 160 packages, half a minute to some minutes"
	@$(UV) sync --frozen --quiet
	@echo ../../../.. >$(VENV)/lib/python3*/site-packages/_editable_impl_loyalty_warehouse.pth
	@$(UV) sync --frozen --quiet --compile-bytecode
	@$(BIN)/python -m dagster_project.dbt_runner.variables || true  # tools that read dbt/ want it before the first run
	@touch $@

# linters and the site have an environment of their own: sqlfluff would drag DuckDB to another version
.lint-venv/ready: .environments/lint.txt | $(BIN)/python
	@$(UV) venv --quiet --clear --python $(BIN)/python .lint-venv
	@$(UV) pip install --quiet --python .lint-venv -r .environments/lint.txt
	@touch $@

# so has dbt on each other engine: Spark's adapter would drag Spark along, and Sail wants an older pyspark than Spark's own
.spark-venv/ready .sail-venv/ready: .%-venv/ready: .environments/%.txt | $(BIN)/python
	@$(UV) venv --quiet --clear --python $(BIN)/python .$*-venv
	@$(UV) pip install --quiet --compile-bytecode --python .$*-venv -r .environments/$*.txt
	@touch $@

# so have programs that read what is published: Superset wants an older SQLAlchemy, and Python up to 3.12
.clients-venv/ready: .environments/clients.txt | $(UV)
	@$(UV) venv --quiet --clear --python ">=3.11,<3.13" .clients-venv
	@$(UV) pip install --quiet --compile-bytecode --python .clients-venv -r .environments/clients.txt
	@touch $@

run: $(VENV)/ready ## load what is new, build, train, publish
	@$(BIN)/loyalty run

setup: $(VENV)/ready ## set everything up, and run nothing
	@echo 'Ready. `source .venv/bin/activate` puts the command on your path: loyalty init YOUR_FILE --company my_shop'

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1  /p' Makefile

test: $(VENV)/ready ## the tests, two files at a time: at most 8 minutes on two quiet cores
	@$(PYTEST)

# Not here: what starts servers, searches models, simulates experiments or reads the real shops.
test-quick: $(VENV)/ready ## what answers within a minute at the desk: models, input, settings, the rules of the repository
	@$(PYTEST) $(QUICK) --ignore tests/ml/test_same_numbers.py --ignore tests/ml/test_real_shops.py \
		--ignore tests/ml/churn/test_training.py --ignore tests/ml/campaigns/test_experiments.py \
		--ignore tests/warehouse/ingest/test_databases.py

test-slow: $(VENV)/ready ## tests of many seconds each: kills, whole companies, recipes; CI runs them with the others
	@$(PYTEST) -m 'slow and not campaign'

campaign: $(VENV)/ready ## what proves more and takes longer: long tests, each kernel, mutants, sixty mornings
	@$(BIN)/pytest -m campaign
	@$(BIN)/python -m benchmarks.kernels
	@$(MAKE) --no-print-directory mutants
	@$(BIN)/python -m benchmarks.year --days 60

# mutmut joins the environment for this command alone
mutants: $(VENV)/ready ## SQL of the marts and Python of money, points and tiers, changed line by line before their tests
	@$(BIN)/python -m benchmarks.sql_mutants
	@$(UV) run --no-sync --quiet --with mutmut==3.8.1 python -m benchmarks.python_mutants

dev: $(VENV)/ready ## Dagster's UI on the same graph, with schedule and sensors off
	@$(BIN)/loyalty ui

clients: .clients-venv/ready ## Apache Superset and polars in an environment of their own, for their tests (1.1 GB)

spark: .spark-venv/ready ## dbt on Apache Spark in an environment of its own (docs/scale.md; 0.9 GB, and Java 17)

sail: .sail-venv/ready ## dbt on Sail, an engine for Spark's SQL without Java, in another (1.1 GB)

lock: | $(UV) ## the newest versions that fit for lint, clients, Spark and Sail, written down: what NAME.in asks for, to NAME.txt
	@for name in clients lint sail spark; do $(UV) pip compile --quiet --universal --upgrade --python-version 3.11 \
		--no-header --no-annotate .environments/$$name.in --output-file .environments/$$name.txt || exit 1; done

lint: $(VENV)/ready .lint-venv/ready ## style, types, unused code, undeclared imports, security, known vulnerabilities, the workflow files, SQL, the dbt project
	@$(call silently,$(BIN)/ruff check .)
	@$(call silently,$(BIN)/ruff format --check .)
	@$(call silently,$(BIN)/mypy)
	@$(call silently,$(BIN)/deptry .)
	@.lint-venv/bin/vulture
	@.lint-venv/bin/bandit --quiet --configfile pyproject.toml --recursive $(ROOMS)
	@$(BIN)/python .ci/audit.py $(UV) .lint-venv/bin/pip-audit
	@$(call silently,.lint-venv/bin/zizmor --offline --no-progress .github)
	@$(call silently,.lint-venv/bin/sqlfluff lint --processes 2 dbt/models dbt/tests companies)
	@$(BIN)/python -m dagster_project.dbt_runner.export_manifest
	@$(call silently,.lint-venv/bin/dbt-bouncer run --show-all-failures)
	@$(MAKE) --no-print-directory docs

docs: .lint-venv/ready ## the pages of docs/ as one site, site/index.html; a link to nowhere is an error
	@$(call silently,.lint-venv/bin/zensical build --clean --strict)

format: $(VENV)/ready ## let ruff write
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/ready ## ratios to bare SQL and to the default wiring; SIZE=10m: the increment; CUSTOMERS=1m: the models
	@$(BIN)/python -m benchmarks.$(if $(CUSTOMERS),models --customers $(CUSTOMERS),$(if $(SIZE),increment --size $(SIZE),whole_run))

clean: ## remove the environments, not the data
	rm -rf $(VENV) .lint-venv .clients-venv .spark-venv .sail-venv .uv .cache site
