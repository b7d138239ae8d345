# `make help` lists the targets. Every target sets up .venv by itself; the second call costs seconds.

PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= train,export,trt-rtx,coreml,signing,demo,scale,dicom,dev
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOWEST := $(VENV)-lowest

# Tests run in two processes; one thread each keeps torch, ONNX Runtime and OpenCV from fighting over two cores.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run test quick lint format types imports lowest check docs wheel install clean distclean

help:  ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(INSTALLED)  ## export the shipped model, outline sample photos, say where the results lie
	@scripts/run_samples.sh

test: $(INSTALLED)  ## every test, with branch coverage of all but the slow exports
	$(PYTEST) --durations=8 --cov --cov-report=term

quick: $(INSTALLED)  ## the tests that are not marked slow, without coverage
	$(PYTEST) -m "not slow"

lowest: $(LOWEST)/.installed  ## the runtime's tests without torch and tables, on the lowest versions allowed (Python 3.10 to 3.12)
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n $(WORKERS) tests/edge tests/runtime skinseg_edge runtime/skinseg_runtime \
	    $(addprefix --ignore=,tests/edge/networks tests/edge/training skinseg_edge/networks skinseg_edge/training tests/runtime/batch)

lint: $(INSTALLED)  ## ruff (rules and format) and codespell
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	git ls-files -z | xargs -0 $(BIN)/codespell

format: $(INSTALLED)  ## let ruff mend and format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(INSTALLED)  ## mypy strict and pyright, tests included
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(INSTALLED)  ## import-linter: which floor may import which
	$(BIN)/lint-imports

check: lint types imports test  ## lint, types, imports and tests

docs: $(INSTALLED)  ## write docs/commands.md anew from the real --help of every command
	$(BIN)/python scripts/commands_page.py

wheel: $(INSTALLED)  ## build sdist and wheel into dist/
	$(BIN)/python -m hatchling build -d dist

install: $(INSTALLED)  ## set up .venv and stop

$(INSTALLED): pyproject.toml scripts/make_venv.sh
	@scripts/make_venv.sh $(PYTHON) $(VENV) $(EXTRAS)
	@touch $@

$(LOWEST)/.installed: pyproject.toml scripts/make_venv.sh scripts/lowest_pins.py | $(INSTALLED)
	@mkdir -p $(LOWEST)
	@$(BIN)/python scripts/lowest_pins.py >$(LOWEST)/pins.txt
	@PIP_CONSTRAINT=$(LOWEST)/pins.txt scripts/make_venv.sh $(PYTHON) $(LOWEST) signing
	@$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/pins.txt onnx pillow pytest pytest-xdist tomli
	@touch $@

clean:  ## remove what was built and measured; .venv stays
	rm -rf build dist .coverage .coverage.* htmlcov .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

distclean: clean  ## remove .venv as well
	rm -rf $(VENV) $(LOWEST)
