# One set of commands for a person, for pre-commit and for CI. `make` lists them.

BIN := .venv/bin
# As many processes as the machine has cores; a file's tests stay together, with what they share.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile
SOURCES := src tests tools benchmarks examples
# Folders that exist; some of SOURCES come with later work.
CODE = $(wildcard $(SOURCES))
ARGS ?=
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-browser coverage lint format types layers docs security \
	commits check bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything the tests need (PYTHON=... names the interpreter)
	@python3 tools/bootstrap.py

demo: setup ## From nothing to a trained, evaluated, registered model and a replayed day
	@$(BIN)/lagmark demo $(ARGS)

test: setup ## Run the default tests (ARGS="-k name" narrows them)
	$(PYTEST) -m "not slow and not browser and not bench" $(ARGS)

test-slow: setup ## Run the long tests: a million randomised events, real files, whole runs
	$(PYTEST) -m "slow and not browser and not bench" $(ARGS)

test-browser: setup ## Run the tests that open pages in a browser
	$(BIN)/python -m pytest -m browser $(ARGS)

coverage: setup ## Run the default tests and show which lines and branches they missed
	$(PYTEST) -m "not slow and not browser and not bench" --cov --cov-report=term-missing $(ARGS)

lint: setup ## Check style and formatting
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

format: setup ## Mend style and formatting where that can be done safely
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: setup ## Check types, strictly
	$(BIN)/mypy

layers: setup ## Check that every package imports downwards only
	$(BIN)/lint-imports

docs: setup ## Run the examples in docstrings and documents
	$(BIN)/python -m pytest --doctest-modules --doctest-glob='*.md' src docs $(ARGS)

security: setup ## Look for known dangerous patterns
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src tools

commits: ## Check that commit messages follow the convention
	@python3 tools/check_commits.py

check: lint types layers docs security commits test ## Everything that must hold before a commit

bench: setup ## Run the benchmarks (minutes; close other programs)
	$(BIN)/python -m benchmarks $(ARGS)

lock: setup ## Resolve the dependencies again into requirements/dev.lock (UPGRADE=1 takes newer ones)
	@$(BIN)/python tools/lock.py $(if $(UPGRADE),--upgrade)

clean: ## Remove caches and build leftovers (.venv and data stay)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov dist build
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
