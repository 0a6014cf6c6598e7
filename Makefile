# `make` lists the targets. `make run` needs nothing on the machine but Python 3.11 or newer (and make).
#
#   PY=path/to/python   use that Python environment as it is: nothing is installed
#   HOST PORT DATA_DIR ADMIN_PASSWORD DEMO   for `make run`, see `make help`

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
HOST ?= 127.0.0.1
PORT ?= 8000
DATA_DIR ?= var
ARGS ?=
CHECK_STEPS ?= style types floors migrations docs coverage

ifdef PY
python := $(PY)
runs :=
develops :=
pages :=
else
python := $(VENV)/bin/python
runs := $(VENV)/.runs
develops := $(VENV)/.develops
pages := $(if $(wildcard package.json),node_modules/.installed)
endif

.PHONY: help run demo test chaos check bench constraints clean $(CHECK_STEPS)

help: ## Show this list
	@echo "Agent Orchestrator. Targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo ""
	@echo "make run honours HOST (127.0.0.1), PORT (8000), DATA_DIR (var/), ADMIN_PASSWORD and DEMO=0 (no sample data)."

# ------------------------------------------------------------------------------------------------- set-up
# Each stamp is written last, so that a step cut short is done again. A pip that was killed half-way leaves
# `.installing` behind: then the environment is made anew.

$(VENV)/.made:
	@sh deploy/make-venv $(VENV)

$(VENV)/.runs: requirements.txt constraints.txt | $(VENV)/.made
	@sh deploy/pip-install $(VENV) requirements.txt
	@touch $@

$(VENV)/.develops: requirements-dev.txt requirements.txt constraints.txt | $(VENV)/.made
	@sh deploy/pip-install $(VENV) requirements-dev.txt
	@touch $(VENV)/.runs $@

node_modules/.installed: package.json $(wildcard package-lock.json) | $(runs)
	@sh deploy/npm-install $(VENV)
	@touch $@

# ------------------------------------------------------------------------------------------------- for users

# ADMIN_PASSWORD and DEMO reach the programs by themselves: written out here, a password's $$ and quotes would be read anew.
run: $(runs) $(pages) ## Set up what is missing, then serve the site (Ctrl-C stops it)
	@exec env SERVICE_HOST="$(HOST)" SERVICE_PORT="$(PORT)" DATA_DIR="$(DATA_DIR)" \
		sh -c 'LOG_LEVEL=$${LOG_LEVEL:-WARNING} "$(python)" manage.py setup_site && exec "$(python)" manage.py serve'

demo: $(runs) $(pages) ## Ask the sample documents a question in the terminal
	@DATA_DIR="$(DATA_DIR)" LOG_LEVEL=$${LOG_LEVEL:-WARNING} "$(python)" manage.py setup_site --quiet
	@DATA_DIR="$(DATA_DIR)" "$(python)" manage.py run_session \
		"Which lighthouse was lit first, Skarholm Light or Vessla Light?" --documents examples/documents/* $(ARGS)

# ------------------------------------------------------------------------------------------------- for developers

test: $(develops) $(pages) ## Run the tests (ARGS="-k word" narrows; COVERAGE=1 measures)
	@"$(python)" manage.py setup_site --static --quiet
	@rm -f .coverage.complete
	@"$(python)" -m pytest -n 2 $(if $(COVERAGE),--cov --cov-report=) $(ARGS)
	@$(if $(COVERAGE),$(if $(ARGS),,touch .coverage.complete))

chaos: $(develops) ## Kill workers, web processes, Redis and PostgreSQL for minutes (ROUNDS=1 SEED=…)
	@ROUNDS="$(ROUNDS)" SEED="$(SEED)" "$(python)" -m tests.chaos

check: $(CHECK_STEPS) ## Style, types, floors, migrations, docs and coverage
	@echo "make check: all good"

style: $(develops)
	@"$(python)" -m ruff check .
	@"$(python)" -m ruff format --check .

types: $(develops)
	@"$(python)" -m mypy .

floors: $(develops)
	@"$(python)" -c "from importlinter.cli import lint_imports_command as lint; lint()"

migrations: $(develops)
	@"$(python)" manage.py makemigrations --check --dry-run

docs: $(develops)
	@"$(python)" -m pytest -q -p no:randomly tests/atomic/test_docs_match_code.py tests/atomic/test_settings_documented.py

coverage: $(develops) $(pages)
	@"$(python)" tests/coverage_floors.py --fresh || $(MAKE) --no-print-directory test COVERAGE=1
	@"$(python)" tests/coverage_floors.py

bench: $(develops) $(pages) ## Measure (ARGS="…" goes to the benchmark)
	@"$(python)" -m bench $(ARGS)

constraints: $(VENV)/.made ## Pin again what the required libraries bring along
	@$(VENV)/bin/python deploy/freeze.py

clean: ## Remove what set-up made, but not the data
	rm -rf $(VENV) node_modules static_build .coverage*
