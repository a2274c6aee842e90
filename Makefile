# What one can do here, each in one word. `make` alone lists it.

CHECK := .venv/bin/python hack/run_checks.py $(if $(COUNTS),--counts $(COUNTS))
DEMO := model-based-moderate-parallel
DEMO_SPEED := 20

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what the scripts and notebooks need and the machine lacks
	@hack/setup.sh

setup-test: ## the same, and what the checks need
	@hack/setup.sh --test

demo: setup ## run one experiment on a simulated cluster and analyse it: about a minute, no Kubernetes needed
	@./run-experiment.sh --embedded --speed $(DEMO_SPEED) --yes --analyze $(DEMO)

test: setup-test ## install what is missing, then every test and check but the slow ones: about ten minutes
	@$(CHECK)

test-all: setup-test ## the tests that `make test` leaves out, and property tests with many more examples
	@.venv/bin/python hack/fetch_tools.py
	@$(CHECK) --slow

check: ## what `make test` runs, with nothing installed before
	@$(CHECK)

check-quick: ## linters, types and unit tests, after each edit: under a minute
	@$(CHECK) --quick

lint-shell: ## shellcheck and shfmt
	@$(CHECK) lint-shell

lint-python: ## ruff: rules and format
	@$(CHECK) lint-python

types: ## mypy --strict on wva_parse
	@$(CHECK) types

bats: ## the tests of the scripts
	@$(CHECK) bats

pytest: ## the tests of the Python parts
	@$(CHECK) pytest

bench: setup-test ## measure reading, collecting, replays, analyses and runs, each figure with its target: about fifteen minutes
	@.venv/bin/python tests/benchmarks/bench_parse.py --large
	@.venv/bin/python tests/benchmarks/bench_collect.py
	@.venv/bin/python tests/benchmarks/bench_replay.py
	@.venv/bin/python tests/benchmarks/bench_analysis.py
	@.venv/bin/python tests/benchmarks/bench_run.py

clean: ## remove .venv and caches; results in experiment-data/ stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup setup-test demo test test-all check check-quick lint-shell lint-python types bats pytest bench clean
