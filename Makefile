# Works with GNU make 3.81 (macOS). `make help` lists what there is.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.14 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
NATIVE := $(wildcard hydra/kernels/*/*.pyx hydra/kernels/*/*.pxd hydra/kernels/native/*.h hydra/kernels/native/*.pxi)
INSTALLED := .venv/.installed
TESTABLE := .venv/.testable
ARGS ?=
# tests/turns.py says what stays together and what begins first.
PYTEST := $(BIN)/pytest -n auto --no-loadscope-reorder -q

.PHONY: help run install quick test test-long lint bench chaos

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

run: $(INSTALLED) ## Start everything on this machine; Ctrl-C stops it (ARGS='--port 9000')
	$(BIN)/hydra up $(ARGS)

install: $(INSTALLED) ## Make .venv with Hydra in it, editable, kernels compiled

quick: $(TESTABLE) ## Within a minute: ruff, and the tests that need no process of their own
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(PYTEST) -m "not e2e and not slow and not long" $(ARGS)

test: $(TESTABLE) lint ## Before every commit: linters, types, floors and all tests but the long ones
	$(PYTEST) -m "not long" $(ARGS)

test-long: $(TESTABLE) ## The long tests: many faults, long outages, many random stories
	$(PYTEST) -m long $(ARGS)

lint: $(TESTABLE) ## ruff, mypy, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(TESTABLE) ## Measure; takes minutes (ARGS='kernels store' for some sections)
	$(BIN)/pip install -q -e '.[redis,test,bench]'
	$(BIN)/python -m benchmarks $(ARGS)

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Hydra needs Python 3.11 or newer (Debian, Ubuntu: sudo apt install python3 python3-venv; macOS: brew install python)"; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; command -v uv >/dev/null && uv venv -q --seed .venv; } \
	  || { rm -rf .venv; echo "python3-venv is missing: sudo apt install python3-venv"; exit 1; }

$(INSTALLED): .venv/bin/python pyproject.toml setup.py $(NATIVE)
	$(BIN)/pip install -q --disable-pip-version-check -e '.[redis]'
	@$(BIN)/python -c 'import hydra.kernels.native.pi' 2>/dev/null || echo "Without a C compiler the kernels use NumPy, which is several times slower (Debian, Ubuntu: sudo apt install gcc python3-dev; macOS: xcode-select --install; then touch setup.py and make install)"
	@touch $@

$(TESTABLE): $(INSTALLED)
	$(BIN)/pip install -q --disable-pip-version-check -e '.[redis,test]'
	@touch $@

chaos: $(TESTABLE) ## Strike a fleet of real processes with faults (ARGS='--seeds 20 --minutes 30')
	$(BIN)/python -m tests.e2e.chaos $(ARGS)
