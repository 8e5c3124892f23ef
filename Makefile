# `make help` lists the targets. Only Python 3.11 with venv, make and git are needed; everything else comes from the lock files.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?=
JOBS ?= 3
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run test test-broker-away timescaledb community bench-verdict bench-detect bench-decide bench-ingest bench-up bench-sla bench-agent bench-api bench-pages lint fmt docs proto lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything into .venv (from hashed locks)

$(STAMP): requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is missing: apt-get install python3.11 python3.11-venv" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: apt-get install python3.11-venv" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## Start everything on this machine (CONFIG=path; without one, a demo with sites that break and heal)
	@$(BIN)/quivive up $(if $(CONFIG),--config $(CONFIG),--demo)

test: setup ## Run every test; says what could not run and why (JOBS=4 for more at a time)
	@failed=0; \
	$(BIN)/pytest -n $(JOBS) --dist worksteal tests/unit tests/chart tests/integration || failed=1; \
	$(BIN)/pytest -n 2 tests/e2e || failed=1; \
	exit $$failed

test-broker-away: setup ## A thousand checks, the broker away for ten minutes, an agent killed half-way: nothing lost (twelve minutes)
	@QUIVIVE_TEST_AWAY_S=600 QUIVIVE_TEST_AWAY_CHECKS=1000 $(BIN)/pytest -rP tests/e2e/test_broker_away.py

timescaledb: setup ## Get a TimescaleDB for the tests into .cache (as root; without one they say what they skip)
	@$(BIN)/python scripts/timescaledb.py

community: setup ## Get TimescaleDB's Community edition as WebAssembly for the tests into .cache (needs node and npm)
	@$(BIN)/python scripts/community.py

bench-verdict: setup ## Measure the verdict beside others' rules, in the same simulated worlds (10 million results, about 30 minutes)
	@$(BIN)/python scripts/bench_verdict.py

bench-decide: setup ## Measure the decision core alone: results per second on one core
	@$(BIN)/python scripts/bench_decide.py

bench-ingest: setup ## Measure one aggregator on one core, from a preloaded stream to rows in a real TimescaleDB (minutes)
	@$(BIN)/python scripts/bench_ingest.py

bench-detect: setup ## Measure how soon outages of real sites are confirmed: 200 of them, three regions, 30 s (six minutes)
	@$(BIN)/python scripts/bench_detect.py

bench-agent: setup ## Measure the agent beside blackbox_exporter on one core, its memory and lateness (about four minutes)
	@$(BIN)/python scripts/bench_agent.py

bench-api: setup ## Measure the gRPC API: QuerySla at 1, 16 and 64 callers, 200 watchers at 100 changes a second (two minutes)
	@$(BIN)/python scripts/bench_api.py

bench-sla: setup ## Measure SLA figures: a year of 10,000 sites in a real database (three minutes)
	@$(BIN)/python scripts/bench_sla.py

bench-up: setup ## Measure memory and CPU of the whole of quivive up: 40 sites, three agents (two minutes)
	@$(BIN)/python scripts/bench_up.py

bench-pages: setup ## Measure a status page under a crowd while an outage changes it (half a minute)
	@$(BIN)/python scripts/bench_pages.py

lint: setup ## Format, lint, types, import layers, proto lint and breaking changes, stale stubs and tables
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/buf lint
	@$(BIN)/python scripts/proto.py --check
	@$(BIN)/python scripts/docs.py --check
	@$(BIN)/python scripts/api_docs.py --check

fmt: setup ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: setup ## Write what docs/operations.md and docs/api.md have from the code and the protos
	@$(BIN)/python scripts/docs.py
	@$(BIN)/python scripts/api_docs.py

proto: setup ## Generate quivive/v1 from proto/
	@$(BIN)/python scripts/proto.py

lock: setup ## Renew the hashed lock files from pyproject.toml
	@$(BIN)/python scripts/lock.py

clean: ## Remove the virtual environment and caches, not the data in .quivive
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
