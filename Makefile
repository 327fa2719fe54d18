# Two commands to know: make demo, make test. Both need only Python 3.11 or newer with venv, and make.
PYTHON ?= python3
SIZE ?= tiny
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: demo test torture check bench lock clean help

help:
	@echo "make demo    try Sidetrakt without any server or account"
	@echo "make test    run all tests"
	@echo "make torture run what happens at random, for hours"
	@echo "make check   format, lint, types, layers"
	@echo "make bench   measure; SIZE=tiny, small, medium or large"
	@echo "make lock    write the lock files anew from setup.cfg (needs uv)"

demo: .venv/.runtime
	@$(BIN)/sidetrakt up --demo

test: .venv/.dev
	@$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder

torture: .venv/.dev
	@HYPOTHESIS_PROFILE=torture $(BIN)/python -m pytest -q -n auto --dist loadfile --timeout 36000 tests/machines

check: .venv/.dev
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --config setup.cfg | tail -n 4

bench: .venv/.dev
	@$(BIN)/python -m bench --size $(SIZE)

lock:
	uv pip compile setup.cfg --extra build --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --quiet -o constraints.txt
	uv pip compile setup.cfg --extra build --extra dev -c constraints.txt --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o constraints-dev.txt

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Sidetrakt needs Python 3.11 or newer; $(PYTHON) is another. Try: make PYTHON=python3.12 …"; exit 2; }
	@echo "Making .venv …"
	@$(PYTHON) -m venv .venv

# The stamps are newer than the lock files they were made from, so nothing is installed twice.
.venv/.runtime: constraints.txt | .venv/bin/python
	@echo "Installing what Sidetrakt needs (once) …"
	@$(INSTALL) --require-hashes -r constraints.txt
	@PYTHONWARNINGS=ignore $(INSTALL) --no-build-isolation --no-deps -e .
	@touch $@

.venv/.dev: constraints-dev.txt .venv/.runtime
	@echo "Installing what the tests need (once) …"
	@$(INSTALL) --require-hashes -r constraints-dev.txt
	@touch $@
