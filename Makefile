# Touchstone. `make` alone tells what there is. Everything here works on a bare Debian with python3, python3-venv, make and git.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help deps install run test check lint types contracts format lock bench replay replay-ci torture mutants clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## name the missing system packages; install them when root
	@scripts/deps test

install: deps ## .venv and node_modules for development, from the locks
	@scripts/venv dev
	@scripts/node

run: ## start Touchstone here with a demo project (data in ./var; PORT=8001 for another port)
	@scripts/deps run
	@scripts/venv run
	@exec .venv/bin/touchstone quickstart $(if $(PORT),--port $(PORT))

test: install ## all tests: SQLite, PostgreSQL, browser. Choose with ARGS="tests/test_tasks -k alpha"
	@scripts/pytest $(ARGS)

check: install ## the gate: format, lint, types, contracts, tests with coverage
	@scripts/check

lint: install ## ruff
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .

types: install ## mypy strict, and tsc over our JavaScript
	@.venv/bin/mypy
	@.venv/bin/python scripts/tsc.py

contracts: install ## which room may import which
	@.venv/bin/lint-imports

format: install ## write the one format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix-only --quiet .

lock: install ## write the locks anew (UPGRADE=1: newest versions)
	@scripts/lock

replay: install ## all recorded labels through a served Touchstone, on both databases
	@PYTHONPATH=. .venv/bin/python scripts/replay.py sqlite postgresql

replay-ci: install ## the same on SQLite only
	@PYTHONPATH=. .venv/bin/python scripts/replay.py sqlite

torture: install ## minutes of kills, races and load, on both databases
	@JOBS=1 scripts/pytest -m torture --timeout 1800 $(ARGS)

bench: install ## the measurements, minutes to an hour; WRITE=1 puts the figures into bench/README.md
	@for program in claim_submit agreement coverage; do PYTHONPATH=. .venv/bin/python bench/$$program.py $(if $(WRITE),--write); done

mutants: deps ## does a test notice when a coefficient, a pattern or an interval is changed?
	@scripts/venv mutants
	@.venv/bin/mutmut run

clean: ## remove caches, not data and not .venv
	@rm -rf build .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +
