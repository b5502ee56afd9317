# One virtual environment for everything; needs python3 and PyPI.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FUNCTIONS := tests/functions tests/functions/launched bench/functions \
    examples/greeting examples/s3_storage examples/telemetry examples/dagster

.PHONY: help demo demo-dagster test lint format check reliability trace screenshot-dagster browser \
    bench clean

help:
	@echo "make demo    run a workflow through the real serverless loop on this machine"
	@echo "make demo-dagster  run examples/dagster: Dagster's UI, a local Lambda, a run that outlives it"
	@echo "make test    format, lint, types, import rules and the test suite"
	@echo "make check   the same without the tests that need a server (seconds)"
	@echo "make reliability  write the table of faults in docs/reliability.md"
	@echo "make trace   run examples/telemetry and draw its trace, docs/trace.svg"
	@echo "make screenshot-dagster  run examples/dagster and photograph it, docs/dagster-run.png"
	@echo "make browser install Chromium, which the test of Dagster's UI needs; as root, on Debian"
	@echo "make format  format and fix what can be fixed"
	@echo "make bench   measure, side by side with temporalio's own module; writes docs/benchmarks.md"

demo: $(VENV)/local
	$(BIN)/temporal-lambda dev examples/greeting/handler.py:lambda_handler \
	    --timeout 20s --no-reload --execute Greeting --input '"World"'

demo-dagster: $(VENV)/dev
	$(BIN)/python -m examples.dagster.demo $(DEMO)

# Most of the time tests wait for deadlines and servers; each process has a server of its own.
# Dagster's own processes are busy, and would disturb tests that measure time.
test: lint browser
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal -m "not alone" --ignore tests/dagster
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal tests/dagster
	$(BIN)/python -m pytest -m alone

check: lint
	$(BIN)/python -m pytest -m "not server"

lint: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.10 temporal_lambda
	$(BIN)/mypy --python-version 3.14 temporal_lambda
	set -e; for code in $(FUNCTIONS); do MYPYPATH=$$code $(BIN)/mypy $$code/*.py; done
	$(BIN)/lint-imports
	$(BIN)/vermin --quiet --no-tips --violations --target=3.10- --exclude tomllib temporal_lambda

reliability: $(VENV)/dev
	$(BIN)/python -m pytest -m fault --write-reliability

trace: $(VENV)/dev
	$(BIN)/python -m bench.trace_picture docs/trace.svg

screenshot-dagster: browser
	$(BIN)/python -m examples.dagster.demo.screenshot docs/dagster-run.png

# Installs one where it may. Where it may not, the test that needs it fails and says what to install.
browser: $(VENV)/dev
	-@$(BIN)/python -m examples.dagster.demo.browser >/dev/null 2>&1 || [ "$$(id -u)" != 0 ] \
	    || { apt-get update -qq \
	         && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; }

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/bench
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/local: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local]'
	@touch $@

# Dependency groups need a recent pip.
$(VENV)/dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable '.[local,aws,deploy,otel,dagster]'
	@touch $@ $(VENV)/local

$(VENV)/bench: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	@touch $@
