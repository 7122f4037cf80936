# Needs make, git and Python 3.11 or newer; everything else goes into .venv/.

.DEFAULT_GOAL := help
.PHONY: browser chromium help run test lint fuzz faults bench lock clean

# The first that runs, is new enough and can make an environment. 3.12 and 3.11 come first: for them a Redis
# comes along on Linux x86_64. `make PYTHON=/path/to/python run` chooses another.
PYTHON ?= $(shell for name in python3.12 python3.11 python3 python3.13 python3.14 python; do \
	$$name -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
MADE := .venv/.made
RUN := .venv/.for-running
DEV := .venv/.for-developing

help:
	@echo 'make run      start the relay and all it needs in the foreground (ARGS="--port 9000")'
	@echo 'make test     run all tests, three at a time (ARGS="tests/test_dev.py -x")'
	@echo 'make browser  test the pages in a real browser with axe; installs Chromium if it may (make chromium)'
	@echo 'make lint     check style, types and the borders between the parts'
	@echo 'make fuzz     mutate the fixtures of every adapter: each must be read or refused (ARGS="5000 --adapter acme --seed 2")'
	@echo 'make faults   break real processes; each postback must arrive once and in order (ARGS="--postbacks 20000 --kills 200", ARGS=--each)'
	@echo 'make bench    measure speed, as ratios (ARGS="--seconds 10 --rounds 5")'
	@echo 'make lock     write new requirements*.lock from pyproject.toml (UPGRADE=--upgrade for newer releases)'
	@echo 'make clean    remove .venv and caches, but never .relay, which holds data'

run: $(RUN)
	@exec $(BIN)/relay dev $(ARGS)

test: $(DEV)
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile $(ARGS)

chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium; } \
		|| echo 'No Chromium here, and it could not be installed: the pages are NOT tried in a browser.' >&2

browser: chromium $(DEV)
	$(BIN)/python -m pytest tests/browser $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: $(DEV)
	$(BIN)/python -m relay.testing.fuzz $(ARGS)

faults: $(DEV)
	$(BIN)/python -m tests.faults $(ARGS)

bench: $(DEV)
	$(BIN)/python -m tests.bench $(ARGS)

$(RUN): requirements.lock pyproject.toml | $(MADE)
	@echo 'Installing what the relay needs into .venv (once)'
	@$(PIP) --no-deps --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml | $(MADE)
	@echo 'Installing what the tests need into .venv (once)'
	@$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(RUN) $@

$(MADE):
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed, with its venv module (Debian, Ubuntu: apt install python3-venv); found none on the PATH.' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed; $(PYTHON) is {sys.version.split()[0]}.")'
	@$(PYTHON) -m venv .venv
	@touch $@

# For every platform and Python at once; the build backend is locked too, since nothing is built in isolation.
COMPILE = { $(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'; } \
	| .venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock' $(UPGRADE) pyproject.toml -

lock: | $(MADE)
	@test -x .venv/lock/bin/uv || { $(BIN)/python -m venv .venv/lock && .venv/lock/bin/python -m pip install --quiet uv; }
	$(COMPILE) --extra embedded --extra oidc --output-file requirements.lock
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
