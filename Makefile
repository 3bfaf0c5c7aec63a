# Everything a user or successor does here, one target each. `make` alone lists them.
# PYTHON=/path/to/python3 chooses the interpreter, VENV=folder another environment, ARGS=... is passed on.

VENV ?= .venv
PY := $(VENV)/bin/python
PICOZOO := $(VENV)/bin/picozoo
# As many test processes as there are cores, but each needs about 1 GB.
WORKERS ?= auto
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist worksteal

export VENV PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test quick check docs golden bench lock setup setup-dev clean new-network new-operator new-board

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+( [a-z -]+)?:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Set up all it needs (no PyTorch), then run LeNet-5 on an emulated Cortex-M4F
	@$(PICOZOO) run lenet5 --board nano33ble $(ARGS)

test: setup-dev ## Set up all it needs, then run the whole test suite (under 15 minutes on two cores)
	@$(PYTEST) $(ARGS)

quick: setup-dev ## The quick tests: what to run before each commit (under a minute)
	@$(PYTEST) -m "not slow" $(ARGS)

check: setup-dev ## Style, types, import directions, file sizes, fresh docs, no network over 1 % worse (under a minute)
	@$(PY) -m ruff check --output-format=concise .
	@$(PY) -m mypy
	@MYPYPATH=tools $(PY) -m mypy tools/*.py bench/*.py bench/fuzz/*.py
	@$(PY) -m pytest -m "not slow" tests/repo $(ARGS)
	@$(PY) tools/docs.py --check
	@$(PICOZOO) bench --check

docs: setup-dev ## Rewrite every generated page and block of docs/ and README.md
	@$(PY) tools/docs.py --write

golden: setup-dev ## Rewrite the golden files of the tests; review them as a diff
	@PICOZOO_GOLDEN=write $(PY) -m pytest tests/golden $(ARGS)

bench: setup-dev ## Measure the figures to reach; prints them and adds rows to results/
	@$(PICOZOO) bench $(ARGS)
	@$(PY) bench/figures.py

lock: setup ## Resolve the pinned requirements again within the ranges of pyproject.toml
	@$(PY) tools/lock.py

new-network new-operator new-board: setup ## Write the skeleton of a new item: make new-board NAME=my_board
	@$(PICOZOO) new $(@:new-%=%) $(NAME) $(ARGS)

setup: ## Only set up .venv for running
	@sh tools/setup.sh base

setup-dev: ## Only set up .venv for testing, with PyTorch
	@sh tools/setup.sh dev

clean: ## Remove what the targets above made here (the user's cache stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis report.html
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
